# The commands that people run on the host: set-up, lock, mirror.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import BIN, ROOT, generate
from mutants import MUTANTS


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with a shell's basic tools: no apt-get, no bwrap, no fusermount3."""
    directory = tmp_path / "bare"
    directory.mkdir()
    for name in ("sh", "dirname", "id", "cat", "env"):
        (directory / name).symlink_to(str(shutil.which(name)))
    (directory / "python3").symlink_to(Path(sys.executable).resolve())
    return directory


def run(command: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command, *arguments], env=os.environ | environment, capture_output=True, text=True)


def test_setup_without_apt_says_what_is_missing(bare: Path) -> None:
    done = run(ROOT / "tools/setup", PATH=str(bare))
    assert done.returncode == 1
    first, *remedies = done.stderr.splitlines()
    assert "no apt-get" in first and "bubblewrap" in first and "fuse3" in first
    assert [line.strip()[:2] for line in remedies] == ["1.", "2."]


def test_setup_without_user_namespaces_says_so(bare: Path) -> None:
    names = ("fusermount3", "g++", "git", "gpg", "lzip", "make", "openssl", "qemu-aarch64-static", "shellcheck")
    for name in (*names, "systemd-run"):
        (bare / name).symlink_to(str(shutil.which("true")))
    (bare / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (bare / "bwrap").chmod(0o755)
    done = run(ROOT / "tools/setup", PATH=str(bare))
    assert done.returncode == 1
    assert "user namespaces" in done.stderr.splitlines()[0]


def test_host_mirror_without_apt(tmp_path: Path, bare: Path) -> None:
    command = generate(tmp_path / "x") / "toolchain/bin/host-mirror"
    done = run(command, PATH=str(bare))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("host-mirror: ") and "  2. " in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("suite: forky", "suit: forky", "not a valid manifest"),
        ("snapshot: 2", "snapshot: x2", "is no snapshot"),
        ("- x86_64", "- vax", "unknown architecture 'vax'"),
        ("needs: [ninja]", "needs: [nonja]", "needs 'nonja'"),
        ("components:", "components: [", "not a valid manifest"),
    ],
)
def test_lock_refuses_a_bad_manifest(tmp_path: Path, old: str, new: str, message: str) -> None:
    toolchain = generate(tmp_path) / "toolchain"
    manifest = toolchain / "packages.yml"
    manifest.write_text(manifest.read_text().replace(old, new))
    done = run(toolchain / "bin/lock", PATH=f"{BIN}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_finds_its_place(name: str) -> None:
    """What 'make mutants' replaces stands once in its file."""
    file, old, *_ = MUTANTS[name]
    assert (ROOT / file).read_text().count(old) == 1
