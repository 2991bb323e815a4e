# The guided tour behind 'make demo': build a program plainly, then through recc, cold, warm, and with one file edited.
# SPDX-License-Identifier: Apache-2.0
"""Everything is below demo/; what was downloaded once stays there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from harness import BIN, ROOT, Build, HarnessError, Project, generate_local

DEMO = ROOT / "demo"
NINJA, PLAIN = "examples/ninja.bst", "examples/ninja-plain.bst"
SOURCES = "files/ninja"
EDITED = f"{SOURCES}/src/build.cc"
TARBALL = 280_000
"""Bytes of ninja's sources, beside the packages."""
BARE = """environment:
  PATH: /usr/bin:/bin:/usr/sbin:/sbin
"""
WIDTH = 28
console = Console(highlight=False)


@dataclass(frozen=True)
class Step:
    """One build: what it is called, of which element, in which mode."""

    name: str
    element: str
    mode: str


STEPS = (
    Step("plain, without recc", PLAIN, "off"),
    Step("local, cold", NINJA, "local"),
    Step("local, warm", NINJA, "local"),
    Step("remote, cold", NINJA, "remote"),
    Step("remote, warm", NINJA, "remote"),
    Step("one file edited", NINJA, "local"),
)


@contextmanager
def progress(text: str, total: float | None = None) -> Iterator[Progress]:
    """A bar with seconds, and with bytes where there is a `total` of them."""
    columns = [BarColumn(WIDTH), DownloadColumn()] if total else []
    with Progress(TextColumn("{task.description}"), *columns, TimeElapsedColumn(), console=console) as bar:
        bar.add_task(text, total=total)
        yield bar


def size(directory: Path) -> int:
    """Bytes of the files below it; they come and go."""
    try:
        return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    except OSError:
        return 0


def download(project: Project) -> None:
    """Download what the builds need, with a bar."""
    total = project.download_size(NINJA) + TARBALL
    sources = project.cache / "buildstream/sources"
    source = "this machine's Debian mirror" if project.mirror else "the archive of dated snapshots"
    done = threading.Event()
    with progress(f"Downloading from {source}", total) as bar:

        def show() -> None:
            while not done.wait(0.3):
                bar.update(bar.task_ids[0], completed=min(total, size(sources)))

        shower = threading.Thread(target=show)
        shower.start()
        try:
            project.fetch(NINJA, report=console.print)
        finally:
            done.set()
            shower.join()
        bar.update(bar.task_ids[0], completed=total)


def prepare(project: Project) -> None:
    """Give ninja sources that can be edited, and a build that knows nothing of recc."""
    element = project.path / "elements" / NINJA
    unpacked = project.path / "files/unpacked"
    project.bst("source", "checkout", "--deps", "none", "--directory", str(unpacked), NINJA)
    next(unpacked.iterdir()).rename(project.path / SOURCES)
    unpacked.rmdir()
    local = f"sources:\n- kind: local\n  path: {SOURCES}\n"
    text = re.sub(r"^sources:\n(?:[- ].*\n)+", local, element.read_text(), flags=re.MULTILINE)
    element.write_text(text)
    bare = "build-depends:\n- toolchain.bst:components/gcc.bst\n- toolchain.bst:public-stacks/buildsystem-cmake.bst\n"
    text = re.sub(r"^build-depends:\n(?:- .*\n)+", bare, text, flags=re.MULTILINE)
    (project.path / "elements" / PLAIN).write_text(f"{text}\n{BARE}")


def check(steps: list[Build]) -> bool:
    """Whether the cache answered as it should."""
    plain, cold, warm, remote, again, edited = (build.counts for build in steps)
    assert not plain and cold and warm and remote and again and edited
    right = cold.hits == 0 and warm.hits == cold.compiles and remote.hits == 0 and again.hits == again.compiles
    return right and edited.compiles - edited.hits == 1


def chart(builds: list[Build]) -> None:
    """The times as bars, with what recc did."""
    longest = max(build.seconds for build in builds)
    console.print(f"\n{'':21}{'time':>7}  {'':{WIDTH}}compiles  hits", style="bold")
    for step, build in zip(STEPS, builds, strict=True):
        bar = "█" * max(1, round(WIDTH * build.seconds / longest))
        counts = f"{build.counts.compiles:>8}{build.counts.hits:>6}" if build.counts else f"{'-':>8}{'-':>6}"
        console.print(f"{step.name:21}{build.seconds:>5.1f} s  {bar:{WIDTH}}{counts}")
    plain, _, warm, *_, edited = builds
    times = [f"{plain.seconds / build.seconds:.1f}" for build in (warm, edited)]
    console.print(f"\nwarm: {times[0]} x faster than plain; with one file edited: {times[1]} x", style="bold")


def main() -> int:
    """Run the tour; exit status 0 when every build did what the chart must show."""
    start = time.monotonic()
    console.print("Generating a project into demo/my-project")
    shutil.rmtree(DEMO / "my-project", ignore_errors=True)
    project = Project(generate_local(DEMO), DEMO / "cache")
    download(project)
    with progress("Unpacking the toolchain: no compile"):
        prepare(project)
        *dependencies, _ = project.show(NINJA)
        project.bst("build", *dependencies)
    project.empty_action_cache()
    builds = []
    for step in STEPS:
        if step.name == "one file edited":
            file = project.path / EDITED
            file.write_text(f"{file.read_text()}\n// Edited by the demo.\n")
        with progress(f"Building ninja: {step.name}"):
            builds.append(project.build(step.element, step.mode))
    chart(builds)

    console.print("\nWhat bst-recc report says of the last build:\n")
    report = [str(BIN / "bst-recc"), "report", "-c", str(project.configuration)]
    done = subprocess.run(report, cwd=project.path, env=project.environment, capture_output=True, text=True, check=True)
    console.print(done.stdout.partition("\n\n")[0], markup=False)
    here = Path.cwd()
    console.print(f"\nDone in {time.monotonic() - start:.0f} s. Next, in the project:\n")
    console.print(f"    cd {project.path.relative_to(here)} && . ../../.venv/bin/activate", markup=False)
    console.print("    export XDG_CACHE_HOME=$PWD/../cache XDG_CONFIG_HOME=$PWD/../cache", markup=False)
    console.print("    bst-recc explain build.cc", markup=False)
    console.print("    bst --option recc_mode remote build greeting.bst", markup=False)
    if check(builds):
        return 0
    print("demo: the cache did not answer as it should; see the chart above.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HarnessError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
