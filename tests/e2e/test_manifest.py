# The manifest: in a workspace, of a renamed element, a large one, and of headers that change.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import ROOT, Counts, Project

ELEMENT = "examples/lz4.bst"


@contextmanager
def opened(project: Project, directory: Path) -> Iterator[Path]:
    """The element's sources in a workspace, which is closed in the end."""
    project.bst("workspace", "open", "--directory", str(directory), ELEMENT)
    try:
        yield directory
    finally:
        project.bst("workspace", "close", ELEMENT)


def edit(directory: Path) -> None:
    """A source says something else; lz4's Makefile knows of no headers."""
    source = directory / "lib/lz4.c"
    source.write_text(source.read_text().replace("return LZ4_VERSION_NUMBER;", "return LZ4_VERSION_NUMBER + 1;"))


def test_edit_rebuild_reset(fetched: Project, tmp_path: Path) -> None:
    fetched.build(ELEMENT, "off")
    original = fetched.artifact(ELEMENT, tmp_path / "original", "off")
    with opened(fetched, tmp_path / "edited") as directory:
        edit(directory)
        fetched.build(ELEMENT, "off")
        changed = fetched.artifact(ELEMENT, tmp_path / "changed", "off")
    assert changed != original

    fetched.empty_action_cache()
    cold = fetched.build(ELEMENT, "local").counts
    assert cold and cold.local == cold.compiles > 5
    with opened(fetched, tmp_path / "workspace") as directory:
        assert fetched.build(ELEMENT, "local").counts == Counts(cold.compiles, hits=cold.compiles)
        assert fetched.artifact(ELEMENT, tmp_path / "first", "local") == original
        edit(directory)
        assert fetched.build(ELEMENT, "local").counts == Counts(1, local=1)
        assert fetched.artifact(ELEMENT, tmp_path / "second", "local") == changed
        fetched.bst("workspace", "reset", ELEMENT)
        assert fetched.build(ELEMENT, "local").counts == Counts(cold.compiles, hits=cold.compiles)
        assert fetched.artifact(ELEMENT, tmp_path / "third", "local") == original


@pytest.mark.slow
def test_a_renamed_element(fetched: Project, tmp_path: Path) -> None:
    """Where the build directory stays, so does what is remembered; docs/performance.md says so."""
    text = (fetched.path / "elements" / ELEMENT).read_text()
    text = text.replace("variables:\n", "variables:\n  build-root: /buildstream/lz4\n")
    for name in ("before", "after"):
        (fetched.path / f"elements/{name}.bst").write_text(text)
    fetched.build("after.bst", "off")
    plain = fetched.artifact("after.bst", tmp_path / "plain", "off")
    cold = fetched.build("before.bst", "local").counts
    assert cold and cold.local == cold.compiles > 5
    assert fetched.build("after.bst", "local").counts == Counts(cold.compiles, hits=cold.compiles)
    assert fetched.artifact("after.bst", tmp_path / "local", "local") == plain


def test_many_entries(fetched: Project) -> None:
    """More than one result may name: a message to a server holds 4 MiB."""
    assert "\nMANY 30000 30000\n" in fetched.build_script(ROOT / "tests/e2e/trust/many.sh", 30000)


def test_staged_headers_that_change(fetched: Project, tmp_path: Path) -> None:
    """Their digests are asked for once: until something is done to them."""
    for name, number in (("one.h", 1), ("two.h", 2)):
        (tmp_path / name).write_text(f"#define N {number}\n")
    log = fetched.build_script(ROOT / "tests/e2e/trust/staged.sh", beside=tmp_path.glob("*.h"))
    assert re.findall(r"^STAGED (.*)$", log, re.MULTILINE) == [
        "first local same",
        "again hit same",
        "is known",
        "changed local same",
        "changed-again hit same",
        "back hit same",
        "replaced local same",
    ]
