# Measures the CPU of a hit: by manifest, by recc through the wrapper and alone, by ccache; and of the compile itself.
# SPDX-License-Identifier: Apache-2.0
"""Usage: .venv/bin/python benchmarks/hit.py [ROUNDS COMPILES]; two minutes.

A C file of 10 includes and a C++ file of 4, which read 100 and 300 headers. All ways take turns in one sandbox.
ccache is this machine's Debian package, in its direct mode.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from harness import Project, generate_local

WAYS = ("manifest", "wrapper", "remote", "recc", "ccache", "bare")


def ccache(directory: Path) -> list[Path]:
    """The program and the libraries that come with no compiler, downloaded and unpacked in `directory`."""
    depends = subprocess.run(["apt-cache", "depends", "ccache"], capture_output=True, text=True, check=True).stdout
    libraries = set(re.findall(r"^  Depends: (\S+)", depends, re.MULTILINE)) - {"libc6", "libgcc-s1", "libstdc++6"}
    directory.mkdir()
    subprocess.run(["apt-get", "-q", "download", "ccache", *libraries], cwd=directory, stdout=sys.stderr, check=True)
    for package in directory.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, directory], check=True)
    return [directory / "usr/bin/ccache", *directory.glob("usr/lib/*/*.so.*")]


def measure(project: Project, rounds: int, compiles: int) -> dict[str, dict[str, float]]:
    """Medians over the rounds, in milliseconds of CPU a compile, by language and way."""
    here = Path(__file__)
    beside = [here.with_name("ways.sh"), *ccache(project.path.parent / "ccache")]
    log = project.build_script(here.with_suffix(".sh"), rounds, compiles, mode="local", beside=beside)
    found: dict[str, dict[str, float]] = {}
    for language in ("C", "C++"):
        found[language] = {}
        for way in WAYS:
            lines = re.findall(rf"^CPU {re.escape(language)} {way} (\d+) (\d+)$", log, re.MULTILINE)
            assert len(lines) == rounds, (language, way)
            found[language][way] = statistics.median(int(spent) / int(count) for count, spent in lines)
    hits = len(re.findall("^recc: compile hit manifest ", log, re.MULTILINE))
    assert hits >= 2 * rounds * compiles, "the manifest did not answer all"
    direct = re.search(r"^direct_cache_hit\s+(\d+)", log, re.MULTILINE)
    assert direct and int(direct[1]) >= 2 * rounds * compiles, "ccache did not answer all directly"
    return found


def main() -> int:
    """Measure in a project of its own and print the medians."""
    rounds, compiles = (int(argument) for argument in (sys.argv[1:] or ["5", "50"]))
    with tempfile.TemporaryDirectory(prefix="hit-") as directory:
        project = Project(generate_local(Path(directory)), Path(directory) / "cache")
        project.fetch("greeting.bst", report=print)
        found = measure(project, rounds, compiles)
    print(f"{'ms of CPU':10}" + "".join(f"{way:>10}" for way in WAYS))
    for language, times in found.items():
        print(f"{language:10}" + "".join(f"{times[way]:10.1f}" for way in WAYS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
