# What bst-recc lock does without apt: packages.yml, which component gets what, what it says.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bst_recc.errors import ReccError
from bst_recc.lock import command
from bst_recc.lock.apt import resolve
from bst_recc.lock.files import Manifest, read_manifest, report
from bst_recc.services import render

TEXT = """\
suite: fake
snapshot: 20260101T000000Z
architectures: [x86_64]
exclude: [never]
components:
  gcc: {packages: [gcc], exclude: [docs]}
  llvm: {packages: [clang]}
  base: {packages: [sh]}
  ninja: {packages: [ninja]}
  cmake: {packages: [cmake], needs: [ninja]}
  meson: {packages: [meson]}
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    (tmp_path / "packages.yml").write_text(TEXT)
    return read_manifest([tmp_path / "packages.yml"])


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("suite: fake", "suit: fake", "invalid .* 'suit'"),
        ("suite: fake\n", "", "invalid .* 'suite'"),
        ("{packages: [sh]}", "{}", "invalid .* 'packages'"),
        ("{packages: [sh]}", "sh", "invalid .*packages.yml"),
        ("[x86_64]", "[]", "no architectures"),
        ("needs: [ninja]", "needs: [nonja]", "'cmake' needs {'nonja'}, not listed before it"),
    ],
)
def test_a_bad_manifest_is_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = tmp_path / "packages.yml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ReccError, match=problem) as raised:
        read_manifest([path])
    assert raised.value.remedies


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReccError, match=r"there is no .*recc/packages\.yml") as raised:
        read_manifest([tmp_path / "packages.yml", tmp_path / "recc/packages.yml"])
    assert "--directory" in raised.value.remedies[0]


class Solver:
    """In place of apt: what each package needs."""

    def __init__(self, manifest: Manifest, needs: dict[str, str]) -> None:
        self.manifest, self.needs = manifest, needs
        self.stanzas = {name: {"Package": name} for name in " ".join([*needs, *needs.values()]).split()}

    def closure(self, names: list[str]) -> set[str]:
        found: set[str] = set()
        while names:
            found |= {*names}
            names = [need for name in names for need in self.needs.get(name, "").split() if need not in found]
        return found


NEEDS = {
    "gcc": "libc docs never",
    "clang": "gcc libllvm libxml docs",
    "sh": "libc never",
    "ninja": "libc",
    "cmake": "ninja libuv libxml",
    "meson": "ninja python libuv",
}


def test_each_package_belongs_to_one_component(manifest: Manifest) -> None:
    apt: Any = Solver(manifest, NEEDS)
    found = {name: " ".join(stanza["Package"] for stanza in members) for name, members in resolve(apt).items()}
    assert found == {
        "gcc": "gcc libc",
        "llvm": "clang libllvm",  # on gcc, without what that excludes
        "base": "docs libuv ninja sh",  # that gcc excludes; of cmake and meson; meson does not name ninja
        "ninja": "",
        "cmake": "cmake",
        "meson": "meson python",
        "llvm-shared": "libxml",  # of llvm and cmake
    }


def lockfile(manifest: Manifest, **versions: str) -> str:
    common = {"alias": "debian", "Size": "1", "Filename": "pool/f.deb", "SHA256": "a" * 64}
    packages = [common | {"Package": name, "Version": version} for name, version in versions.items()]
    return render("lock.yml.j2", component="c", manifest=manifest, packages=packages)


STAYS = "'{}' stays as it is: compiles that are cached with it stay valid."
CHANGES = "'{}' changes (x86_64): every compile that is cached with it will be done again."


def said(manifest: Manifest, before: str, after: str, *names: str) -> list[str]:
    """The report on these lockfiles."""
    stale = {manifest.path.parent / f"locks/{name}.yml": after for name in names}
    return report(manifest, dict.fromkeys(stale, before), stale)


def test_changes_are_named(manifest: Manifest) -> None:
    before = lockfile(manifest, gone="1", kept="1:1", newer="1")
    after = lockfile(manifest, kept="1:1", newer="2", new="1~1")
    changed = ["  gone 1 -> nothing", "  new nothing -> 1~1", "  newer 1 -> 2"]
    assert said(manifest, before, after, "x/c")[:4] == ["locks/x/c.yml", *changed]
    conflict = before.replace("sources:", "<<<<<<< mine\nsources:\n=======\n>>>>>>> theirs")
    assert said(manifest, conflict, after, "x/c")[1] == "  kept nothing -> 1:1"
    assert said(manifest, before, before.replace("a" * 64, "b" * 64, 1), "x/c")[1] == "  gone 1 -> 1 (another file)"
    assert said(manifest, before, f"# A line.\n{before}", "x/gcc")[:2] == ["locks/x/gcc.yml", STAYS.format("gcc")]
    assert said(manifest, "", "") == []


@pytest.mark.parametrize(
    ("names", "changed"),
    [
        (["x86_64/gcc"], ["gcc", "llvm"]),
        (["x86_64/llvm"], ["llvm"]),
        (["x86_64/llvm-shared"], ["llvm"]),
        (["aarch64/base", "x86_64/base"], []),
    ],
)
def test_a_report_tells_which_toolchain_changes(manifest: Manifest, names: list[str], changed: list[str]) -> None:
    found = said(manifest, lockfile(manifest, p="1"), lockfile(manifest, p="2"), *names)
    assert found[-2:] == [(CHANGES if name in changed else STAYS).format(name) for name in ("gcc", "llvm")]


@pytest.mark.parametrize(
    "arguments", ["make", "--mirror http://m", "--check --allow-expired", "--update --snapshot DATE --mirror http://m"]
)
def test_options_that_do_not_go_together(arguments: str) -> None:
    done = CliRunner().invoke(command, arguments.split())
    assert done.exit_code == 2
    assert re.search("needs? --update", done.output)
