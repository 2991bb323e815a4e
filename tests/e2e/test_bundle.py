# recc as a bundle: what makes it, what it leaves in a sandbox, and that it runs on an older base than its own.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from harness import BIN, WIRING, Counts, Project, generate_local

ASSEMBLE = WIRING / "files/bundle/assemble"
BUNDLE = "recc.bst:buildsystems/recc-bundle.bst"
GREETING = "greeting.bst"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """What the packages would hold; this machine's 'true' stands in for recc, and its libc for theirs."""
    root = tmp_path / "packages"
    listed = subprocess.run(["ldd", "/usr/bin/true"], check=True, capture_output=True, text=True).stdout
    libraries = root / f"usr/lib/{os.uname().machine}-linux-gnu"
    libraries.mkdir(parents=True)
    for word in listed.split():
        if word.startswith("/"):
            shutil.copy(word, libraries)
    (root / "usr/bin").mkdir()
    shutil.copy("/usr/bin/true", root / "usr/bin/recc")
    return root


def assemble(packages: Path, *, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    command = [ASSEMBLE, packages, packages.with_name("bundle")]
    return subprocess.run(command, env={"PATH": path, "LC_ALL": "C"}, capture_output=True, text=True)


def refused(packages: Path) -> str:
    """The one line that says what is wrong; two numbered remedies come after it."""
    done = assemble(packages)
    assert (done.returncode, done.stdout) == (1, "")
    error, *remedies = done.stderr.splitlines()
    assert [line[:5] for line in remedies if line[2].isdigit()] == ["  1. ", "  2. "]
    assert "lock --directory recc" in done.stderr
    return error


def test_a_bundle_is_made_and_tried(packages: Path) -> None:
    done = assemble(packages)
    assert done.returncode == 0, done.stderr
    assert "true" in done.stdout  # says its version
    made = {str(p.relative_to(packages.with_name("bundle"))) for p in packages.with_name("bundle").rglob("*.*")}
    assert made == {"lib/ld.so", "lib/libc.so.6"}


def test_an_incomplete_lock_is_named(packages: Path) -> None:
    """A library that this machine has, where the loader finds it, but the packages do not."""
    (library,) = packages.glob("usr/lib/*/libc.so.6")
    library.unlink()
    assert refused(packages) == "recc-bundle: recc needs libc.so.6, which the packages do not have."
    (packages / "usr/bin/recc").unlink()
    assert refused(packages) == "recc-bundle: the packages have no recc (buildbox)."
    (loader,) = packages.glob("usr/lib/*/ld-linux*")
    loader.unlink()
    assert refused(packages) == "recc-bundle: the packages have no loader (libc6)."


def test_another_architecture_is_named(packages: Path) -> None:
    (loader,) = packages.glob("usr/lib/*/ld-linux*")
    data = bytearray(loader.read_bytes())
    data[18:20] = b"\x16\x00"  # e_machine: S390
    loader.write_bytes(data)
    assert refused(packages).startswith("recc-bundle: the loader of the packages does not run here")


def test_it_leaves_no_file_elsewhere(fetched: Project, tmp_path: Path) -> None:
    fetched.build(BUNDLE, "remote")
    files = fetched.artifact(BUNDLE, tmp_path / "bundle", "remote")
    assert {"usr/recc/bundle/bin/recc", "usr/recc/bundle/lib/ld.so", "usr/recc/bundle/lib/libc.so.6"} <= set(files)
    assert [name for name in files if not name.startswith(("usr/recc/bundle/bin/recc", "usr/recc/bundle/lib/"))] == []
    assert not [path for path in (tmp_path / "bundle").rglob("*") if path.is_symlink()]
    sandbox = [name for name in fetched.show(GREETING, deps="all") if "buildbox" in name]
    assert sandbox == []


@pytest.mark.slow
def test_on_debian_12(fetched: Project, tmp_path: Path) -> None:
    """Its libc and libstdc++ are older than what recc was linked with; its directories are not merged into /usr."""
    project = Project(generate_local(tmp_path), fetched.cache)
    if not project.mirror:
        pytest.skip("this machine has no Debian mirror")
    manifest = project.path / "debian-toolchain/packages.yml"
    manifest.write_text(manifest.read_text().replace("suite: forky", "suite: bookworm"))
    lock = [str(BIN / "bst-recc"), "lock", "--snapshot", "latest", "--allow-expired"]
    done = subprocess.run(lock, cwd=project.path, env=project.environment, capture_output=True, text=True)
    if "cannot be used" in done.stderr:
        pytest.skip(f"the mirror does not serve bookworm: {done.stderr.splitlines()[-3]}")
    assert done.returncode == 0, done.stderr
    shutil.copytree(fetched.path / "recc", project.path / "recc", dirs_exist_ok=True)
    project.bst("source", "fetch", "--deps", "all", GREETING)
    project.empty_action_cache()
    for mode in ("local", "remote"):
        assert project.build(GREETING, mode).counts == Counts(2, **{mode: 2}), mode
        built = project.build(GREETING, mode, keep_tree=True)
        assert built.counts == Counts(2, hits=2), mode
        assert "unobserved=0" in built.log
    libc = project.shell(GREETING, "grep -ao 'release version 2[.0-9]*' /lib/*/libc.so.6", "remote")
    assert libc.endswith("version 2.36."), libc
