# What sets this repository up, and the mutants.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import ROOT
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


def run(
    command: Path, *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command, *arguments], cwd=cwd, env=os.environ | environment, capture_output=True, text=True)


def test_setup_without_apt_says_what_is_missing(bare: Path) -> None:
    done = run(ROOT / "tools/setup", "demo", PATH=str(bare))
    assert done.returncode == 1
    first, *remedies = done.stderr.splitlines()
    assert "no apt-get" in first and "bubblewrap" in first and "fuse3" in first
    assert [line.strip()[:2] for line in remedies] == ["1.", "2."]


def test_setup_without_user_namespaces_says_so(bare: Path) -> None:
    for name in ("fusermount3", "git"):
        (bare / name).symlink_to(str(shutil.which("true")))
    (bare / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (bare / "bwrap").chmod(0o755)
    done = run(ROOT / "tools/setup", "demo", PATH=str(bare))
    assert done.returncode == 1
    assert "user namespaces" in done.stderr.splitlines()[0]


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_finds_its_place(name: str) -> None:
    """What 'make mutants' replaces stands once in its file."""
    file, old, *_ = MUTANTS[name]
    assert (ROOT / file).read_text().count(old) == 1
