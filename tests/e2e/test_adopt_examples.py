# Projects in the shape of BuildStream's own examples, with a toolchain of their own: wired by 'bst-recc adopt' alone.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from elements import write_compiler
from harness import BIN, MODES, ROOT, TOOLCHAIN, Counts, Project

CONF = """name: {name}
min-version: 2.0
element-path: elements
aliases:
  debian: https://snapshot.debian.org/archive/debian/20261030T120801Z/
plugins:
- origin: pip
  package-name: buildstream-plugins
  elements: [autotools]
- origin: pip
  package-name: buildstream-plugins-community
  sources: [deb]
"""
HELLO = """kind: autotools
depends:
- base.bst
sources:
- kind: local
  path: files/src
"""
ARCH = "options:\n  arch:\n    type: arch\n    description: The machine's\n    values: [x86_64, aarch64]\n"
# Each with the element that is the compiler, with all that it needs to run.
EXAMPLES = {
    "autotools": (
        "base/debian.bst",
        {"base/debian.bst": "", "base.bst": "kind: stack\ndepends: [base/debian.bst]\n", "hello.bst": HELLO},
    ),
    "flatpak-autotools": (
        "base.bst",
        {
            "base/sdk.bst": "config:\n  source: usr\n  target: usr\n",
            "base/usrmerge.bst": "kind: import\ndepends: [base/sdk.bst]\nsources: [{kind: local, path: files/links}]\n",
            "base.bst": "kind: stack\ndepends: [base/sdk.bst, base/usrmerge.bst]\n",
            "hello.bst": HELLO.replace("sources:", "variables: {prefix: /app}\nsources:"),
        },
    ),
}


def example(name: str, path: Path) -> Path:
    """Write the project, committed with Git."""
    (path / "elements").mkdir(parents=True)
    _, elements = EXAMPLES[name]
    (path / "project.conf").write_text(CONF.format(name=name) + ARCH * (name == "flatpak-autotools"))
    shutil.copytree(ROOT / "tests/e2e/adopt/files/app", path / "files/src")
    (path / "files/links").mkdir()
    for directory in ("bin", "lib", "lib64", "sbin"):
        (path / "files/links" / directory).symlink_to(f"usr/{directory}")
    for element, text in elements.items():
        if text.startswith("kind:"):
            (path / "elements" / element).write_text(text)
        else:
            write_compiler(path, element, TOOLCHAIN, "autotools", "pkgconf")
            with (path / "elements" / element).open("a") as file:
                file.write(text)
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", *command], cwd=path, check=True)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_wired_by_one_command(fetched: Project, tmp_path: Path, name: str) -> None:
    path = example(name, tmp_path / name)
    project = Project(path, fetched.cache)
    project.build("hello.bst", None)
    plain = project.artifact("hello.bst", tmp_path / "plain", None)

    adopt = [str(BIN / "bst-recc"), "adopt", "--write", "--copy", str(ROOT), "--compiler", EXAMPLES[name][0]]
    subprocess.run(adopt, cwd=path, check=True)
    subprocess.run(["git", "add", "-N", "."], cwd=path, check=True)
    beside = [
        f":!{junction}" for junction in ("recc", "debian-toolchain", "elements/recc.bst", "elements/toolchain.bst")
    ]
    diff = ["git", "diff", "--numstat", "--", ".", *beside]
    changed = [line.split("\t") for line in subprocess.check_output(diff, cwd=path, text=True).splitlines()]
    assert {file for _, _, file in changed} == {"project.conf", "elements/hello.bst", "include/recc-option.yml"}
    assert sum(int(added) + int(removed) for added, removed, _ in changed) <= 40

    assert all(project.show("hello.bst", mode=mode) for mode in MODES)
    fetched.empty_action_cache()
    for mode in ("local", "remote"):
        assert project.build("hello.bst", mode).counts == Counts(2, **{mode: 2})
        assert project.build("hello.bst", mode).counts == Counts(2, hits=2)
        assert project.artifact("hello.bst", tmp_path / mode, mode) == plain
    fetched.configure()
