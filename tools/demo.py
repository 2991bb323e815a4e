# The guided tour behind 'make demo': generate a project, build it cold, warm and remotely.
# SPDX-License-Identifier: Apache-2.0
"""Show on this machine, from an empty cache, what the generated project does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from harness import BIN, ROOT, Build, HarnessError, Project, generate_local

ELEMENT = "examples/ninja.bst"
DEMO = ROOT / "demo"


def progress(line: str) -> None:
    """Show one line a finished job of bst's, and whatever went wrong."""
    job = re.match(r"\[([\d:]+)\]\[.{8}\]\[ *(fetch|build|pull|main):(\S+) *\] (SUCCESS|FAILURE) +(\S+)", line)
    if job and ((job[2] != "main" and job[5].endswith(".log")) or job[4] == "FAILURE"):
        print(f"    {job[2]} {job[3]} {job[1]}", flush=True)


def step(text: str) -> None:
    """Announce a step."""
    print(f"\n== {text}", flush=True)


def row(what: str, build: Build) -> str:
    """One line of the final table."""
    counts = build.counts
    if counts is None:
        raise HarnessError(f"the build log of {ELEMENT} has no summary of recc:\n{build.log[-3000:]}")
    columns = [counts.compiles, counts.hits, counts.local, counts.remote]
    return f"{what:14}" + "".join(f"{column:>10}" for column in columns) + f"{build.seconds:>8.1f} s"


def main() -> int:
    """Run the tour; exit status 0 when every build did what the table must show."""
    start = time.monotonic()
    if DEMO.exists():
        shutil.rmtree(DEMO)
    step("Generating a project into demo/my-project")
    project = Project(generate_local(DEMO), DEMO / "cache", progress)
    sources = "this machine's Debian mirror" if project.mirror else "the archive of dated snapshots"
    size = project.download_size(ELEMENT) / 1e6
    step(f"Downloading {size:.0f} MB of Debian packages (compiler, tools, recc) from {sources}")
    project.fetch(ELEMENT, report=print)
    step("Building the toolchain's elements: unpacking packages, no compile")
    *dependencies, _ = project.show(ELEMENT)
    project.bst("build", *dependencies)

    builds = {}
    for what, mode in (
        ("local, cold", "local"),
        ("local, warm", "local"),
        ("remote, cold", "remote"),
        ("remote, warm", "remote"),
    ):
        step(f"Building {ELEMENT}: {what}")
        builds[what] = project.build(ELEMENT, mode)

    print(f"\n{'':14}" + "".join(f"{title:>10}" for title in ("compiles", "hits", "local", "remote")) + f"{'time':>10}")
    for what, build in builds.items():
        print(row(what, build))
    step("What bst-recc report says of the last build")
    report = [str(BIN / "bst-recc"), "report", "-c", str(project.configuration)]
    subprocess.run(report, cwd=project.path, env=project.environment, check=True)
    print(f"\nDone in {time.monotonic() - start:.0f} s. The project is in {project.path.relative_to(ROOT)}.")

    cold, warm, remote, again = (build.counts for build in builds.values())
    assert cold and warm and remote and again
    if warm.hits == cold.compiles and warm.local == 0 and remote.remote > 0 and again.hits == again.compiles:
        return 0
    print("demo: the cache did not answer as it should; see the table above.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HarnessError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
