# Drives a generated project as a user would, for the demo and the tests.
# SPDX-License-Identifier: Apache-2.0
"""Generate a project and build in it with the real BuildStream, reading what recc did from the build logs."""

from __future__ import annotations

import lzma
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bst_recc.project
from bst_recc.doctor.mirror import merged
from bst_recc.mirror import host_mirror

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PRODUCT = ROOT / "{{cookiecutter.project_slug}}"
ARCHITECTURES = ("x86_64", "aarch64")
MODES = ("off", "cache-only", "local", "remote", "verify")
WIRING, TOOLCHAIN = ROOT / "recc", ROOT / "debian-toolchain"
PROGRAMS = ROOT / "tests/e2e/project"
EXAMPLES = ["greeting.bst", *sorted(f"examples/{path.name}" for path in PROGRAMS.glob("elements/examples/*.bst"))]


class HarnessError(Exception):
    """A step did not do what was expected; the message says which and shows its output."""


@dataclass(frozen=True)
class Counts:
    """What recc did in one element's build: numbers of compile commands."""

    compiles: int = 0
    hits: int = 0
    local: int = 0
    remote: int = 0


@dataclass(frozen=True)
class Build:
    """One build of one element: exit status, seconds, its log, bst's output, and recc's counts.

    `counts` of compiles, and `links` with those that were hits, are None without a summary.
    """

    status: int
    counts: Counts | None
    links: tuple[int, int] | None
    seconds: float
    log: str
    output: str


SUMMARY = re.compile(r"^recc: mode=(\S+) compiles=(\d+) hits=(\d+) local=(\d+) remote=(\d+)", re.MULTILINE)


def parse_summary(log: str) -> Counts | None:
    """The counts in the last summary of a build log, or None where there is none."""
    found = SUMMARY.findall(log)
    return Counts(*map(int, found[-1][1:])) if found else None


def parse_links(log: str) -> tuple[int, int] | None:
    """Links in the last summary of a build log, and how many of them were hits; None where there is no summary."""
    found = re.findall(r"^recc: mode=.* links=(\d+) link-hits=(\d+) ", log, re.MULTILINE)
    return (int(found[-1][0]), int(found[-1][1])) if found else None


def generate(directory: Path, **answers: str) -> Path:
    """Generate a project with cookiecutter under `directory`; return its path.

    Raises HarnessError with cookiecutter's output when it refuses.
    """
    command = [str(BIN / "cookiecutter"), str(ROOT), "--no-input", "-o", str(directory)]
    done = subprocess.run(
        [*command, *(f"{k}={v}" for k, v in answers.items())],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise HarnessError(f"cookiecutter failed:\n{done.stdout}{done.stderr}")
    return directory / answers.get("project_slug", "my-project")


def copy_in(project: Path, junction: str, source: Path) -> None:
    """Let a junction of a project lead to a copy of `source` in it, instead of a commit: as docs/adopt.md says."""
    shutil.copytree(source, project / source.name, dirs_exist_ok=True)
    path = project / f"elements/{junction}.bst"
    text = re.sub(
        r"(?m)^sources:\n(?:[- ].*\n)+", f"sources:\n- kind: local\n  path: {source.name}\n", path.read_text()
    )
    path.write_text(text.replace(f"  path: {source.name}\n  options:", "  options:"))


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory for projects and caches, which grow to gigabytes; it is removed, with what casd mounted in it."""
    directory = Path(tempfile.mkdtemp(prefix="recc-template-"))
    try:
        yield directory
    finally:
        for point in (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()):
            if Path(point).is_relative_to(directory):
                subprocess.run(["fusermount3", "-u", "-z", point], check=True)
        shutil.rmtree(directory, ignore_errors=True)


def generate_local(directory: Path, **answers: str) -> Path:
    """Generate a project with what is here now, committed or not, and with the programs of the tests; its path."""
    project = generate(directory, **answers)
    copy_in(project, "recc", WIRING)
    if answers.get("toolchain") != "freedesktop-sdk":
        copy_in(project, "toolchain", TOOLCHAIN)
    shutil.copytree(PROGRAMS, project, dirs_exist_ok=True)
    archive = re.findall(r"debian: \S+", (TOOLCHAIN / "locks/archive.yml").read_text())
    conf = project / "project.conf"
    conf.write_text(conf.read_text().replace("\naliases:\n", f"\naliases:\n  {archive[0]}\n"))
    return project


class Project:
    """A generated project with a BuildStream cache and user configuration of its own."""

    def __init__(self, path: Path, cache: Path, follow: Callable[[str], None] | None = None) -> None:
        """`follow` is called with each line that bst prints, as it prints it."""
        self.path, self.cache, self.follow = path, cache, follow
        self.name = path.name
        self.mirror = host_mirror()
        self.configuration = cache / "buildstream.conf"
        cache.mkdir(parents=True, exist_ok=True)
        self.configure()

    def configure(self, extra: str = "") -> None:
        """Write the user configuration: the host's mirror where there is one, and `extra` YAML."""
        generated = (self.path / "project.conf").exists()
        text = merged("", bst_recc.project.Project(self.path), self.mirror) if self.mirror and generated else ""
        self.configuration.write_text(f"{text}\n{extra}")

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every bst call: this project's cache and configuration, the virtual environment first."""
        own = {"XDG_CACHE_HOME": str(self.cache), "XDG_CONFIG_HOME": str(self.configuration.parent)}
        return os.environ | own | {"PATH": f"{BIN}:{os.environ['PATH']}"}

    def bst(self, *arguments: str, mode: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run bst in the project; raises HarnessError on failure unless `check` is false."""
        option = ["--option", "recc_mode", mode] if mode else []
        command = [str(BIN / "bst"), "--no-colors", "--on-error", "quit", "-c", str(self.configuration), *option]
        with subprocess.Popen(
            [*command, *arguments],
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if self.follow:
                    self.follow(line.rstrip("\n"))
        done = subprocess.CompletedProcess(process.args, process.wait(), "".join(lines))
        if check and done.returncode:
            raise HarnessError(f"{' '.join(map(str, done.args))}: exit status {done.returncode}\n{done.stdout[-6000:]}")
        return done

    def show(
        self,
        *elements: str,
        mode: str | None = None,
        form: str = "%{name}",
        deps: str = "all",
        options: Iterable[str] = (),
    ) -> list[str]:
        """Lines of 'bst show' for `elements`."""
        shown = self.bst(*options, "show", "--deps", deps, "--format", f"\t{form}", *elements, mode=mode).stdout
        return [line[1:] for line in shown.splitlines() if line.startswith("\t")]

    def build(
        self,
        element: str,
        mode: str | None,
        *,
        check: bool = True,
        keep_tree: bool = False,
        options: Iterable[str] = (),
    ) -> Build:
        """Build `element` anew in `mode` (None: there is no such option); its artifacts, of all keys, are deleted.

        With `keep_tree` the build directory is kept with the artifact.
        """
        names = self.name, element.removesuffix(".bst").replace("/", "-")
        # What 'bst artifact delete' does, in no time. In a workspace other keys are what is built upon.
        workspaces = self.path / ".bst2/workspaces.yml"
        if workspaces.exists() and element in workspaces.read_text():
            self.bst(*options, "artifact", "delete", element, mode=mode, check=False)
        else:
            for artifacts in self.cache.glob("buildstream*/artifacts/refs"):
                shutil.rmtree(artifacts.joinpath(*names), ignore_errors=True)
        trees = ["--cache-buildtrees", "always"] if keep_tree else []
        start = time.monotonic()
        done = self.bst(*options, *trees, "build", element, mode=mode, check=check)
        seconds = time.monotonic() - start
        logs = re.findall(rf" START +({re.escape('/'.join(names))}/\S+-build\.\S+\.log)$", done.stdout, re.MULTILINE)
        log = "".join((self.cache / "buildstream/logs" / name).read_text(errors="replace") for name in logs)
        return Build(done.returncode, parse_summary(log), parse_links(log), seconds, log, done.stdout)

    def build_script(
        self,
        script: Path,
        *arguments: object,
        mode: str = "local",
        toolchain: str = "gcc",
        beside: Iterable[Path] = (),
    ) -> str:
        """The build log of an element that does nothing but run `script`, with make and 'gcc' or 'clang' at hand.

        It finds the files `beside` in its working directory.
        """
        directory = self.path / "files" / script.stem
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for file in (script, *beside):
            shutil.copy(file, directory)
        (self.path / f"elements/{script.stem}.bst").write_text(
            f"""kind: manual
build-depends:
- (@): recc.bst:include/{toolchain}-for-recc.yml
- recc.bst:buildsystems/make.bst
{"- recc.bst:buildsystems/recc-clang.bst" if toolchain == "clang" else ""}
sources:
- kind: local
  path: files/{script.stem}
config:
  build-commands:
  - {" ".join(["sh", script.name, *map(str, arguments)])}
"""
        )
        return self.build(f"{script.stem}.bst", mode).log

    def copy_cache(self, cache: Path) -> None:
        """Copy its BuildStream cache, which has no bst running, into `cache`, a directory of the same file system."""

        def copy(source: str, target: str) -> None:
            # Objects never change, and are gigabytes.
            if "/cas/objects/" in source:
                os.link(source, target)
            elif not Path(source).is_socket():
                shutil.copy2(source, target)

        # Where a casd was killed, `staging` has mounts of it that nobody serves.
        ignore = shutil.ignore_patterns("staging")
        shutil.copytree(
            self.cache / "buildstream", cache / "buildstream", copy_function=copy, ignore=ignore, symlinks=True
        )

    def on_another_machine(self, cache: Path) -> Project:
        """This project with a copy of its BuildStream cache in `cache`."""
        self.copy_cache(cache)
        return Project(self.path, cache)

    def empty_action_cache(self) -> None:
        """Forget every compile; artifacts and sources stay."""
        for directory in self.cache.glob("buildstream*/actioncache"):
            shutil.rmtree(directory, ignore_errors=True)

    def shell(self, element: str, script: str, mode: str) -> str:
        """Output of `script` in the build sandbox of an element whose build directory was kept."""
        marked = f"echo ==BEGIN; {script}\necho ==END"
        output = self.bst("shell", "--build", "--use-buildtree", element, "--", "sh", "-ec", marked, mode=mode).stdout
        return output.partition("\n==BEGIN\n")[2].rpartition("==END")[0].rstrip("\n")

    def objects(self, element: str, mode: str) -> dict[str, str]:
        """sha256 of every object file in the kept build directory, by path; without those of cmake's own probes."""
        find = "find . -name '*.o' ! -path '*/CMakeFiles/_CMake*' | sort | xargs sha256sum"
        lines = self.shell(element, find, mode).splitlines()
        return {path: digest for digest, path in (line.split() for line in lines)}

    def checkout(self, element: str, directory: Path, mode: str | None) -> Path:
        """Check the artifact of `element` out into `directory`, without its dependencies."""
        self.bst("artifact", "checkout", "--deps", "none", "--directory", str(directory), element, mode=mode)
        return directory

    def artifact(self, element: str, directory: Path, mode: str | None) -> dict[str, bytes]:
        """Contents of the files of an element's artifact, by path; it is checked out into `directory`."""
        checkout = self.checkout(element, directory, mode)
        return {str(p.relative_to(checkout)): p.read_bytes() for p in checkout.rglob("*") if p.is_file()}

    def fetch(self, *elements: str, report: Callable[[str], None]) -> None:
        """Download the sources of `elements`; where a pin has vanished from the mirror, pin anew and say so.

        Raises HarnessError when that does not help either.
        """
        fetch = ["source", "fetch", "--deps", "all", *elements]
        done = self.bst(*fetch, check=False)
        if done.returncode == 0:
            return
        if not self.mirror:
            raise HarnessError(done.stdout[-3000:])
        report("A pinned package is neither on the mirror nor in the archive: pinning anew against the current suite.")
        for manifest in self.path.glob("*/packages.yml"):
            again = ["--directory", str(manifest.parent), "--snapshot", "latest", "--allow-expired"]
            subprocess.run([BIN / "bst-recc", "lock", *again], env=self.environment, check=True)
        self.repin_examples(report)
        self.bst(*fetch)

    def repin_examples(self, report: Callable[[str], None]) -> None:
        """Point the examples at the upstream tarballs that the mirror's suite has now."""
        suite = re.search(r"^suite: (.*)$", (self.path / "debian-toolchain/packages.yml").read_text(), re.MULTILINE)
        assert suite and self.mirror
        with urllib.request.urlopen(f"{self.mirror}/dists/{suite[1]}/main/source/Sources.xz", timeout=60) as answer:
            index = lzma.decompress(answer.read()).decode()
        for path in (self.path / "elements/examples").glob("*.bst"):
            text = path.read_text()
            pin = re.search(r"url: debian:pool/main/\w+/([^/]+)/(\S+)\n  ref: (\w+)", text)
            stanza = pin and re.search(rf"(?ms)^Package: {re.escape(pin[1])}$.*?^\n", index)
            tarball = stanza and re.search(r"^ ([0-9a-f]{64}) \d+ (\S+\.orig\.tar\.\w+)$", stanza[0], re.MULTILINE)
            if pin and tarball and tarball[1] != pin[3]:
                report(f"{path.name}: {pin[2]} -> {tarball[2]}")
                path.write_text(text.replace(pin[2], tarball[2]).replace(pin[3], tarball[1]))

    def download_size(self, *elements: str) -> int:
        """Bytes of packages that the sandboxes of `elements` need, from the lock files."""
        names = {Path(name).stem.removesuffix("-packages") for name in self.show(*elements) if "packages" in name}
        locks = [path for path in self.path.glob(f"*/locks/{platform.machine()}/*.yml") if path.stem in names]
        return sum(int(size) for path in locks for size in re.findall(r"size: (\d+)", path.read_text()))
