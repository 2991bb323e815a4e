# A generated project whose compiler is an element of its own (the answer 'mine'), in every mode.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from elements import write_compiler
from harness import MODES, Counts, Project, generate_local

ELEMENT = "greeting.bst"
COMPILER = "base/compiler.bst"
PLUGIN = """- origin: pip
  package-name: buildstream-plugins-community
  sources: [deb]
"""


@pytest.mark.slow
def test_counts_and_objects(fetched: Project, tmp_path: Path) -> None:
    """Same counts and same objects as with the packages themselves; a change of the element is another toolchain."""
    fetched.build(ELEMENT, "off", keep_tree=True)
    objects = fetched.objects(ELEMENT, "off")
    path = generate_local(tmp_path, toolchain="mine", compiler=COMPILER)
    with (path / "project.conf").open("a") as file:
        file.write(PLUGIN)
    write_compiler(path, COMPILER, fetched.path / "debian-toolchain")
    mine = Project(path, fetched.cache)
    for mode in MODES:
        shown = mine.show(ELEMENT, mode=mode)
        assert COMPILER in shown and "toolchain.bst:packages/gcc.bst" not in shown
    fetched.empty_action_cache()
    for mode in ("local", "remote"):
        assert mine.build(ELEMENT, mode).counts == Counts(2, **{mode: 2})
        assert mine.build(ELEMENT, mode, keep_tree=True).counts == Counts(2, hits=2)
        assert mine.objects(ELEMENT, mode) == objects
    assert mine.build(ELEMENT, "cache-only").counts == Counts(2, hits=2)
    assert mine.build(ELEMENT, "verify").counts == Counts(2, local=2, remote=2)
    assert mine.build(ELEMENT, "off").counts is None
    (path / "files/names/note").write_text("part of the compiler\n")
    assert mine.build(ELEMENT, "remote").counts == Counts(2, remote=2)
    fetched.configure()
