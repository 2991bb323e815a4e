# BuildStream's view of the generated project, and how it fails.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import MODES
from harness import Project, generate


def elements(path: Path) -> list[str]:
    directory = path / "elements"
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*.bst") if p.name != "toolchain.bst")


@pytest.mark.parametrize("mode", MODES)
def test_show_every_element(tmp_path: Path, mode: str) -> None:
    project = Project(generate(tmp_path), tmp_path / "cache")
    wanted = elements(project.path)
    shown = project.show(*wanted, mode=mode)
    assert set(wanted) <= set(shown)
    unused = set(elements(project.path / "toolchain")) - {
        name.removeprefix("toolchain.bst:") for name in shown if name.startswith("toolchain.bst:")
    }
    assert not unused


def test_an_unknown_mode_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    project = Project(generate(tmp_path), tmp_path / "cache")
    done = project.bst("show", "examples/hello.bst", mode="fast", check=False)
    assert done.returncode != 0
    assert all(mode in done.stdout for mode in MODES)


def test_the_toolchain_stands_alone(tmp_path: Path) -> None:
    """The junction's project works where it is copied to."""
    path = generate(tmp_path)
    shutil.copytree(path / "toolchain", tmp_path / "copy/toolchain")
    shutil.copytree(path / "toolchain", tmp_path / "toolchain")
    project = Project(path, tmp_path / "cache")
    project.path = tmp_path / "toolchain"
    assert "components/gcc.bst" in project.show("components/gcc.bst")


@pytest.mark.e2e
def test_a_package_with_another_hash_is_refused(tmp_path: Path, workspace: Path) -> None:
    project = Project(generate(tmp_path), tmp_path / "cache")
    lock = project.path / "toolchain/locks/x86_64/make.yml"
    lock.write_text(re.sub(r"ref: [0-9a-f]{64}", f"ref: {'0' * 64}", lock.read_text()))
    done = project.bst("source", "fetch", "toolchain.bst:packages/make.bst", check=False)
    assert done.returncode != 0
    if "404" not in done.stdout:
        assert re.search(r"sha256sum .* not the expected|checksum", done.stdout, re.IGNORECASE), done.stdout[-2000:]
    assert "Traceback" not in done.stdout


def test_an_unreachable_archive_is_one_clear_error(tmp_path: Path) -> None:
    project = Project(generate(tmp_path), tmp_path / "cache")
    project.mirror = None
    (project.path / "toolchain/locks/archive.yml").write_text("aliases:\n  debian: http://127.0.0.1:9/\n")
    project.configure("scheduler: {network-retries: 0}")
    done = project.bst("source", "fetch", "toolchain.bst:packages/make.bst", check=False)
    assert done.returncode != 0
    assert "127.0.0.1:9" in done.stdout
    assert "Traceback" not in done.stdout
