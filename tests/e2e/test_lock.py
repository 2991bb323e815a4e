# bst-recc lock against small archives made here: signed, with two snapshots, in files.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from harness import BIN, TOOLCHAIN, Counts, Project, generate_local

OLD, NEW = "20260101T000000Z", "20260201T000000Z"
MANIFEST = """suite: fake
snapshot: {snapshot}  # of people's own
archive: file://{archive}
keyring: keyring.gpg
architectures: [{architectures}]
components:
  gcc: {{packages: [cc]}}
  base: {{packages: [sh]}}
  tool: {{packages: [tool]}}
  other: {{packages: [other]}}
"""


@dataclass
class Archive:
    """A directory of snapshots and the key that signs them."""

    path: Path
    home: Path

    @property
    def keyring(self) -> Path:
        return self.path / "keyring.gpg"

    def gpg(self, *arguments: str) -> None:
        subprocess.run(["gpg", "--homedir", str(self.home), "--batch", "--yes", *arguments], check=True)

    def add(self, snapshot: str, packages: dict[str, str], days: int = 7, sign: bool = True) -> None:
        """A snapshot of `packages` (name: what it depends on), valid for `days` from today on.

        Each is a real one; its version is the year and month of the snapshot.
        """
        root, version = self.path / snapshot, snapshot[:6]
        date = datetime.strptime(snapshot, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        until = datetime.now(timezone.utc) + timedelta(days=days)
        text = "Suite: fake\nCodename: fake\nArchitectures: amd64 arm64\nComponents: main\n"
        text += f"Date: {format_datetime(date, True)}\nValid-Until: {format_datetime(until, True)}\nSHA256:\n"
        for directory in ("pool/main", "work/DEBIAN"):
            (root / directory).mkdir(parents=True)
        for architecture in ("amd64", "arm64"):
            index = ""
            for name, depends in packages.items():
                control = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nDescription: {name}\n"
                control += "Maintainer: nobody <nobody@invalid>\n" + (f"Depends: {depends}\n" if depends else "")
                (root / "work/DEBIAN/control").write_text(control)
                file = f"pool/main/{name}_{version}_{architecture}.deb"
                subprocess.run(["dpkg-deb", "-b", root / "work", root / file], check=True, stdout=subprocess.DEVNULL)
                data = (root / file).read_bytes()
                digest = hashlib.sha256(data).hexdigest()
                index += f"{control}Filename: {file}\nSize: {len(data)}\nSHA256: {digest}\n\n"
            path = root / f"dists/fake/main/binary-{architecture}/Packages"
            path.parent.mkdir(parents=True)
            path.write_text(index)
            digest = hashlib.sha256(index.encode()).hexdigest()
            text += f" {digest} {len(index)} main/binary-{architecture}/Packages\n"
        release = root / "dists/fake/Release"
        release.write_text(text)
        if sign:
            self.gpg("--clearsign", "--output", str(release.with_name("InRelease")), str(release))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Two snapshots: in the new one all packages are newer, and 'tool' needs the newer 'lib'."""
    home = Path(tempfile.mkdtemp(prefix="gpg-"))  # short: gpg's agent listens in it
    archive = Archive(tmp_path_factory.mktemp("archive"), home)
    archive.gpg("--passphrase", "", "--quick-generate-key", "test", "ed25519", "sign", "never")
    archive.gpg("--output", str(archive.keyring), "--export")
    packages = {"cc": "libc", "libc": "", "sh": "libc", "lib": "", "tool": "lib", "other": "lib"}
    archive.add(OLD, packages, days=-1)
    archive.add(NEW, packages | {"tool": f"lib (>= {NEW[:6]})"})
    yield archive
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    shutil.rmtree(home, ignore_errors=True)  # the agent removes its sockets at the same time


@dataclass
class Toolchain:
    """A project whose toolchain is pinned from an archive."""

    path: Path
    archive: Archive

    def manifest(self, snapshot: str = OLD, architectures: str = "x86_64") -> str:
        text = MANIFEST.format(snapshot=snapshot, archive=self.archive.path, architectures=architectures)
        (self.path / "packages.yml").write_text(text)
        return text

    def lock(
        self, *arguments: str, cwd: Path | None = None, stdout: int = subprocess.PIPE, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "bst-recc"), "lock", *arguments]
        place = cwd or self.path.parent
        return subprocess.run(command, cwd=place, env=env, stdout=stdout, stderr=subprocess.PIPE, text=True)

    def pins(self, architecture: str = "x86_64") -> dict[str, str]:
        """Alias and version of each pinned package."""
        text = "".join(path.read_text() for path in sorted((self.path / f"locks/{architecture}").glob("*.yml")))
        return {name: f"{alias} {v}" for alias, name, v in re.findall(r"url: (\S+):pool/main/(\w+)_(\d+)_", text)}

    def files(self) -> dict[str, str]:
        return {str(p.relative_to(self.path)): p.read_text() for p in sorted(self.path.rglob("*.yml"))}

    def refused(self, *arguments: str, env: dict[str, str] | None = None) -> list[str]:
        """Lines of the error of a lock that fails: one, and numbered remedies. Nothing is written."""
        before = self.files()
        done = self.lock(*arguments, env=env)
        assert (done.returncode, done.stdout) == (1, "")
        lines = done.stderr[done.stderr.index("bst-recc: ") :].splitlines()
        assert [line.split(".")[0] for line in lines[1:]] == [f"  {n}" for n in range(1, len(lines))]
        assert len(lines) > 1, "no remedy"
        assert self.files() == before
        return lines


@pytest.fixture
def toolchain(archive: Archive, tmp_path: Path) -> Toolchain:
    toolchain = Toolchain(tmp_path / "project/debian-toolchain", archive)
    toolchain.path.mkdir(parents=True)
    (toolchain.path.parent / "project.conf").write_text("name: project\n")
    shutil.copy(archive.keyring, toolchain.path)
    toolchain.manifest()
    return toolchain


def all_at(snapshot: str) -> dict[str, str]:
    return {name: f"debian {snapshot[:6]}" for name in ("cc", "libc", "sh", "lib", "tool", "other")}


def test_the_lock_carries_what_it_was_made_from(toolchain: Toolchain) -> None:
    assert toolchain.lock().returncode == 0
    assert toolchain.pins() == all_at(OLD)
    lock = (toolchain.path / "locks/x86_64/base.yml").read_text()
    for line in (f"  lock-snapshot: {OLD}", "    schema: 1", "    suite: fake", "    - name: lib", "    - name: sh"):
        assert f"\n{line}\n" in lock
    package = next((toolchain.archive.path / OLD).glob("pool/main/lib_*_amd64.deb"))
    assert f"      size: {package.stat().st_size}\n" in lock
    assert f"  ref: {hashlib.sha256(package.read_bytes()).hexdigest()}\n" in lock
    assert f"  debian: file://{toolchain.archive.path}/{OLD}/" in (toolchain.path / "locks/archive.yml").read_text()
    # Anew, it is the same, byte by byte.
    first = toolchain.files()
    shutil.rmtree(toolchain.path / "locks")
    assert toolchain.lock("--check").returncode == 1
    assert toolchain.lock().returncode == 0
    assert toolchain.files() == first


def test_update_of_everything(toolchain: Toolchain) -> None:
    assert toolchain.lock().returncode == 0
    done = toolchain.lock("--update", "--mirror", f"file://{toolchain.archive.path}/{NEW}")
    assert done.returncode == 0
    assert f"  cc {OLD[:6]} -> {NEW[:6]}\n" in done.stdout
    assert "'gcc' changes (x86_64): every compile that is cached with it will be done again.\n" in done.stdout
    assert toolchain.pins() == all_at(NEW)
    assert (toolchain.path / "packages.yml").read_text() == toolchain.manifest(NEW)
    assert toolchain.lock("--check").returncode == 0


def test_update_by_name_takes_what_it_requires_and_leaves_the_rest(toolchain: Toolchain) -> None:
    assert toolchain.lock().returncode == 0
    archive = {path: path.read_bytes() for path in toolchain.archive.path.rglob("*") if path.is_file()}
    done = toolchain.lock("--update", "tool", "--mirror", f"file://{toolchain.archive.path}/{NEW}")
    assert done.returncode == 0
    for component, package in (("base", "lib"), ("tool", "tool")):
        said = f"locks/x86_64/{component}.yml\n  {package} {OLD[:6]} -> {NEW[:6]}\n"
        assert said in done.stdout
    assert "'gcc' stays as it is: compiles that are cached with it stay valid.\n" in done.stdout
    newer = dict.fromkeys(("tool", "lib"), f"debian-updates {NEW[:6]}")
    assert toolchain.pins() == all_at(OLD) | newer
    updates = f"updates: {{snapshot: {NEW}, packages: [tool]}}\n"
    assert updates in (toolchain.path / "packages.yml").read_text()
    assert {path: path.read_bytes() for path in toolchain.archive.path.rglob("*") if path.is_file()} == archive

    # The manifest now says it all.
    before = toolchain.files()
    shutil.rmtree(toolchain.path / "locks")
    assert toolchain.lock().returncode == 0
    assert toolchain.files() == before

    # Another one joins it; this one requires nothing.
    assert toolchain.lock("--update", "cc", "--snapshot", NEW).returncode == 0
    assert toolchain.pins() == all_at(OLD) | newer | {"cc": f"debian-updates {NEW[:6]}"}
    assert "packages: [cc, tool]}" in (toolchain.path / "packages.yml").read_text()

    # And all go on together, however the manifest was written.
    manifest = toolchain.path / "packages.yml"
    block = f"updates:\n  snapshot: {NEW}\n  packages:\n  - cc\n  - tool\n"
    manifest.write_text(re.sub(r"updates: .*\n", block, manifest.read_text()))
    assert toolchain.lock("--check").returncode == 0
    assert toolchain.lock("--snapshot", NEW).returncode == 0
    assert toolchain.pins() == all_at(NEW)
    assert (toolchain.path / "packages.yml").read_text() == toolchain.manifest(NEW)
    assert "debian-updates" not in (toolchain.path / "locks/archive.yml").read_text()


def test_both_aliases_are_fetched_and_a_new_snapshot_alone_rebuilds_nothing(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    project = Project(toolchain.path, tmp_path / "cache")
    project.configuration.write_text("")
    shutil.copy(TOOLCHAIN / "project.conf", toolchain.path)
    (toolchain.path / "elements").mkdir()
    elements = ["tool.bst", "other.bst"]
    for name in elements:
        lock = f"locks/x86_64/{name.replace('bst', 'yml')}"
        (toolchain.path / "elements" / name).write_text(f"kind: import\n(@): {lock}\n")
    # In the toolchain's own directory, packages.yml is beside project.conf.
    assert toolchain.lock("--update", "tool", "--snapshot", NEW, cwd=toolchain.path).returncode == 0
    project.bst("source", "fetch", *elements)
    before = project.show(*elements, form="%{name} %{full-key}")

    later = "20260102T000000Z"
    shutil.copytree(toolchain.archive.path / OLD, toolchain.archive.path / later)
    manifest = toolchain.path / "packages.yml"
    manifest.write_text(manifest.read_text().replace(OLD, later))
    done = toolchain.lock()
    assert "locks/x86_64/gcc.yml\n" in done.stdout
    assert "'gcc' stays as it is" in done.stdout
    assert project.show(*elements, form="%{name} %{full-key}") == before


def test_check_shows_what_is_stale(toolchain: Toolchain) -> None:
    assert toolchain.lock().returncode == 0
    lock, other = (toolchain.path / f"locks/x86_64/{name}.yml" for name in ("gcc", "other"))
    lock.write_text(lock.read_text().replace(f"/cc_{OLD[:6]}", "/evil_1"))
    manifest = toolchain.path / "packages.yml"
    manifest.write_text(manifest.read_text().replace("  other: {packages: [other]}\n", ""))
    before = toolchain.files()
    done = toolchain.lock("--check")
    assert done.returncode == 1
    assert "locks/x86_64/gcc.yml\n" in done.stdout
    assert f"locks/x86_64/other.yml\n  other {OLD[:6]} -> nothing\n" in done.stdout
    assert done.stdout.endswith("4 of 5 lockfiles are stale\n")
    assert toolchain.files() == before
    assert toolchain.lock().returncode == 0
    assert not other.exists()
    assert toolchain.lock("--check").returncode == 0


def test_a_single_component_in_another_directory_holds_all_that_it_needs(toolchain: Toolchain) -> None:
    """As recc's: under an alias of its own, and no toolchain, so nothing is said of cached compiles."""
    before = toolchain.files()
    path = toolchain.path.parent / "bundle"
    path.mkdir()
    shutil.copy(toolchain.archive.keyring, path)
    head = toolchain.manifest().partition("components:")[0]
    text = f"{head}alias: mine\nexclude: [libc]\ncomponents:\n  one: {{packages: [tool, cc]}}\n"
    (path / "packages.yml").write_text(text)
    directory = ("--directory", str(path))
    done = toolchain.lock(*directory)
    assert done.returncode == 0 and "cached" not in done.stdout
    bundle = Toolchain(path, toolchain.archive)
    assert bundle.pins() == {name: f"mine {OLD[:6]}" for name in ("cc", "lib", "tool")}
    assert f"  mine: file://{toolchain.archive.path}/{OLD}/\n" in (path / "locks/archive.yml").read_text()
    assert toolchain.lock(*directory, "--update", "tool", "--snapshot", NEW).returncode == 0
    assert bundle.pins() == {"cc": f"mine {OLD[:6]}"} | dict.fromkeys(("lib", "tool"), f"mine-updates {NEW[:6]}")
    assert toolchain.lock(*directory, "--check").returncode == 0
    assert toolchain.files() == before


def test_two_architectures(toolchain: Toolchain) -> None:
    toolchain.manifest(architectures="x86_64, aarch64")
    assert toolchain.lock().returncode == 0
    assert toolchain.pins("aarch64") == toolchain.pins() == all_at(OLD)
    done = toolchain.lock("--snapshot", NEW)
    assert "'gcc' changes (x86_64, aarch64): " in done.stdout
    assert toolchain.pins("aarch64") == toolchain.pins() == all_at(NEW)


def test_unknown_packages(toolchain: Toolchain) -> None:
    toolchain.lock()
    error, *_ = toolchain.refused("--update", "tol", "--snapshot", NEW)
    assert error == "bst-recc: 'tol' is not among the pinned packages."
    manifest = toolchain.path / "packages.yml"
    manifest.write_text(manifest.read_text().replace("[tool]", "[tol]"))
    error, *_ = toolchain.refused()
    assert error.endswith("the suite lacks a package: Unable to locate package tol")


def test_an_unsatisfiable_set_has_apts_reason(toolchain: Toolchain) -> None:
    toolchain.lock()
    toolchain.archive.add("20260301T000000Z", {"cc": "", "sh": "", "tool": "lib (>= 999999)", "lib": "", "other": ""})
    error, *_ = toolchain.refused("--snapshot", "20260301T000000Z")
    assert error.startswith("bst-recc: apt finds no solution: ")
    assert error.endswith(" tool : Depends: lib (>= 999999) but it is not going to be installed")


def test_an_index_that_is_not_signed_is_refused(toolchain: Toolchain) -> None:
    toolchain.archive.add("20260401T000000Z", {"cc": ""}, sign=False)
    error, *_ = toolchain.refused("--snapshot", "20260401T000000Z")
    assert "the index is not signed by a key in" in error
    keyring = toolchain.path / "keyring.gpg"
    for content in (b"", b"not a keyring\n", Path("/usr/share/keyrings/debian-archive-keyring.gpg").read_bytes()):
        keyring.write_bytes(content)
        error, *_ = toolchain.refused()
        assert f"the index is not signed by a key in {keyring}: " in error
    keyring.unlink()
    error, *_ = toolchain.refused()
    assert f"the index is not signed by a key in {keyring}: " in error


def test_a_changed_index_is_refused(toolchain: Toolchain) -> None:
    root = toolchain.archive.path / "20260501T000000Z"
    shutil.copytree(toolchain.archive.path / OLD, root)
    packages = root / "dists/fake/main/binary-amd64/Packages"
    packages.write_text(packages.read_text().replace("Version: 202601", "Version: 202602"))
    error, *_ = toolchain.refused("--snapshot", root.name)
    assert "cannot be used" in error


def test_an_expired_index_is_refused_unless_it_is_a_dated_one(toolchain: Toolchain) -> None:
    assert toolchain.lock("--snapshot", OLD).returncode == 0
    latest = ("--snapshot", "latest", "--mirror", f"file://{toolchain.archive.path}/{OLD}")
    error, *remedies = toolchain.refused(*latest)
    assert "the index is out of date" in error
    assert any("--allow-expired" in remedy for remedy in remedies)
    assert toolchain.lock(*latest, "--allow-expired").returncode == 0


def test_an_index_of_the_future_is_refused(toolchain: Toolchain) -> None:
    toolchain.archive.add("21000101T000000Z", {"cc": ""}, days=100000)
    error, *remedies = toolchain.refused("--snapshot", "21000101T000000Z")
    assert "the index is of the future" in error
    assert remedies == ["  1. Set the clock of this machine."]


def test_no_network(toolchain: Toolchain) -> None:
    """A remedy that is offered for a dated snapshot is not refused (a mirror has the latest one alone)."""
    toolchain.lock()
    error, *_ = toolchain.refused("--update", "--mirror", "http://127.0.0.1:9/debian")
    assert error.startswith("bst-recc: http://127.0.0.1:9/debian cannot be used: ")
    manifest = toolchain.path / "packages.yml"
    manifest.write_text(manifest.read_text().replace(OLD, "20200101T000000Z"))
    error, _, remedy = toolchain.refused("--check")
    assert "20200101T000000Z cannot be used: " in error
    assert remedy.endswith(": --update --mirror URL")
    done = toolchain.lock("--check", "--update", "--mirror", f"file://{toolchain.archive.path}/{NEW}")
    assert done.returncode == 1
    assert f"\n  cc {OLD[:6]} -> {NEW[:6]}\n" in done.stdout


def test_no_apt(toolchain: Toolchain, tmp_path: Path) -> None:
    error, *remedies = toolchain.refused(env={"PATH": str(tmp_path)})
    assert error == "bst-recc: apt-get is missing: packages are resolved with it."
    assert len(remedies) == 1


def test_locks_are_written_though_nobody_reads_what_is_said(toolchain: Toolchain) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = toolchain.lock(stdout=writer)
    os.close(writer)
    assert "Traceback" not in done.stderr
    assert toolchain.lock("--check").returncode == 0


@pytest.mark.slow
def test_a_lock_of_the_current_suite_builds(fetched: Project, tmp_path: Path) -> None:
    """Debian's own archive, as the host's mirror has it: the committed locks are what it gives.

    Once the suite has moved on, the locks that it gives build as well, and that is said.
    """
    project = Project(generate_local(tmp_path), fetched.cache)
    if not project.mirror:
        pytest.skip("this machine has no Debian mirror")

    def lock(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "bst-recc"), "lock", "--update", "--allow-expired", *arguments]
        return subprocess.run(command, cwd=project.path, env=project.environment, capture_output=True, text=True)

    checked = lock("--check")
    if checked.returncode:
        assert "locks/archive.yml\n" in checked.stdout, checked.stderr
        moved = re.findall(r"^  \S+ \S+ -> \S+", checked.stdout, re.MULTILINE)
        warnings.warn(f"the suite has moved on: {len(moved)} packages differ from the committed locks", stacklevel=1)
        assert lock().returncode == 0
        assert lock("--check").returncode == 0
        project.bst("source", "fetch", "--deps", "all", "greeting.bst")
    project.empty_action_cache()
    assert project.build("greeting.bst", "remote").counts == Counts(2, remote=2)
    assert project.build("greeting.bst", "remote").counts == Counts(2, hits=2)
