# Versions, release notes, and the files that only GitHub runs.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from harness import BIN, ROOT

from bst_recc import __version__
from bst_recc.cli import group

GITHUB = ROOT / ".github"
SCHEMAS = {"workflows": "vendor.github-workflows", "ISSUE_TEMPLATE": "vendor.github-issue-forms"}
FILES = sorted(GITHUB.glob("*/*.yml"))


def test_version() -> None:
    assert subprocess.check_output([BIN / "bst-recc", "--version"], text=True) == f"bst-recc, version {__version__}\n"
    newest = re.search(r"^## (.*)$", (ROOT / "NEWS.md").read_text(), re.MULTILINE)
    assert newest and re.fullmatch(rf"{re.escape(__version__)} \((unreleased|\d{{4}}-\d\d-\d\d)\)", newest[1])


@pytest.mark.parametrize(
    ("tag", "heading", "printed", "error"),
    [
        ("v1.2.0", "1.2.0 (2026-12-01)", "\n- New.\n\n", ""),
        ("v1.2.0", "1.2.0 (unreleased)", "", "NEWS.md: no heading '## 1.2.0 (YYYY-MM-DD)'"),
        ("v1.2.1", "1.2.1 (2026-12-01)", "", "src/bst_recc/__init__.py: not version 1.2.1"),
    ],
)
def test_notes_are_cut_from_the_news(tmp_path: Path, tag: str, heading: str, printed: str, error: str) -> None:
    for name in ("tools", "src/bst_recc"):
        (tmp_path / name).mkdir(parents=True)
    script = shutil.copy(ROOT / "tools/release-notes", tmp_path / "tools")
    (tmp_path / "src/bst_recc/__init__.py").write_text('__version__ = "1.2.0"\n')
    (tmp_path / "NEWS.md").write_text(f"# News\n\n## {heading}\n\n- New.\n\n## 1.1.0 (2026-11-01)\n\n- Old.\n")
    done = subprocess.run([script, tag], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (int(bool(error)), printed)
    assert done.stderr == (f"release-notes: {error}.\n" if error else "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_github_accepts_its_files(path: Path) -> None:
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", SCHEMAS[path.parent.name], path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_github_calls_is_there() -> None:
    """Actions are pinned by commit; scripts can be executed; make has the targets; bst-recc has what the form asks."""
    text = "".join(path.read_text() for path in FILES)
    used = re.findall(r"uses: (.*)", text)
    pinned = [name for name in used if re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", name)]
    assert pinned and all((ROOT / name).is_file() for name in set(used) - set(pinned))
    scripts = re.findall(r"^ +(?:- run: )?(\.ci/\w+|tools/[\w-]+)", text, re.MULTILINE)
    assert scripts and all((ROOT / name).stat().st_mode & 0o100 for name in scripts)
    for target in re.findall(r"run: make (\w+)", text):
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    for name, option in re.findall(r"bst-recc (\w+) (--\w+)", text):
        command = group.get_command(click.Context(group), name)
        assert command and option in {one for parameter in command.params for one in parameter.opts}
