# The commands that people run on the host: set-up, lock, mirror.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import BIN, ROOT, Project, generate


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
    for name in ("fusermount3", "shellcheck"):
        (bare / name).symlink_to(str(shutil.which(name)))
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


def test_lock_without_apt_has_remedies(tmp_path: Path, bare: Path) -> None:
    toolchain = generate(tmp_path / "x") / "toolchain"
    (bare / "python3").unlink()
    (bare / "python3").symlink_to(BIN / "python")
    before = {path: path.read_text() for path in toolchain.rglob("*.yml")}
    done = run(toolchain / "bin/lock", PATH=f"{BIN}:{bare}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-3].startswith("lock: apt-get is missing")
    assert before == {path: path.read_text() for path in toolchain.rglob("*.yml")}


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


@pytest.mark.e2e
def test_lock_is_reproducible_and_follows_the_manifest(tmp_path: Path) -> None:
    """Against the host's mirror: locking twice gives the same bytes, an unknown package is named."""
    project = Project(generate(tmp_path), tmp_path / "cache")
    if not project.mirror:
        pytest.skip("this machine has no Debian mirror")
    toolchain = project.path / "toolchain"
    path = f"{BIN}:{os.environ['PATH']}"
    latest = ("--snapshot", "latest", "--allow-expired")
    assert run(toolchain / "bin/lock", *latest, PATH=path).returncode == 0
    first = {p.name: p.read_bytes() for p in (toolchain / "locks").rglob("*.yml")}
    again = run(toolchain / "bin/lock", *latest, PATH=path)
    assert "0 of 11 lock files changed" in again.stderr
    assert {p.name: p.read_bytes() for p in (toolchain / "locks").rglob("*.yml")} == first
    assert run(toolchain / "bin/lock", "--check", *latest, PATH=path).returncode == 0

    for component, package, said in (("make", "make", "'gcc' stays as it is"), ("gcc", "g++", "'gcc' changes")):
        pins = toolchain / f"locks/x86_64/{component}.yml"
        pins.write_text(
            re.sub(
                rf"(name: {re.escape(package)}\n +version: ').*?'(?s:(.*?ref: )\w+)",
                r"\g<1>0-1'\g<2>" + 64 * "0",
                first[pins.name].decode(),
                count=1,
            )
        )
        stale = run(toolchain / "bin/lock", "--check", *latest, "--arch", "x86_64", PATH=path)
        assert stale.returncode == 1
        assert f"locks/x86_64/{component}.yml is stale\n" in stale.stderr
        assert f"  {component}: {package} 0-1 -> " in stale.stderr
        assert said in stale.stderr
        pins.write_bytes(first[pins.name])

    manifest = toolchain / "packages.yml"
    manifest.write_text(manifest.read_text().replace("    - make\n", "    - make\n    - makee\n", 1))
    failed = run(toolchain / "bin/lock", *latest, PATH=path)
    assert failed.returncode == 1
    assert "makee" in failed.stderr and "1. Its nearest names: make" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert {p.name: p.read_bytes() for p in (toolchain / "locks").rglob("*.yml")} == first

    unreachable = run(toolchain / "bin/lock", *latest, "--mirror", "http://127.0.0.1:9/debian", PATH=path)
    assert unreachable.returncode == 1
    assert "http://127.0.0.1:9/debian cannot be used" in unreachable.stderr
    assert "1. " in unreachable.stderr
