# Measures what a compile costs through the wrapper, by recc alone and by the bare compiler.
# SPDX-License-Identifier: Apache-2.0
"""Usage: .venv/bin/python benchmarks/overhead.py [ROUNDS COMPILES]; about a minute.

They take turns in one sandbox, so that drift of the machine cancels.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from harness import Project, generate_local


def measure(project: Project, rounds: int, compiles: int) -> dict[str, dict[str, float]]:
    """Medians over the rounds, in milliseconds a compile, for 'hits', 'misses' and the 'summary'."""
    here = Path(__file__)
    log = project.build_script(here.with_suffix(".sh"), rounds, compiles, beside=[here.with_name("ways.sh")])
    found: dict[str, dict[str, float]] = {}
    for what in ("hits", "misses"):
        lines = re.findall(rf"^TIME {what} (\d+) (\d+) (\d+) (\d+)$", log, re.MULTILINE)
        assert len(lines) == rounds
        times = [[int(time) / int(count) for time in line] for count, *line in lines]
        ways = zip(("wrapper", "recc", "bare"), zip(*times, strict=True), strict=True)
        found[what] = {way: statistics.median(values) for way, values in ways}
    summary = re.search(r"^TIME-SUMMARY (\d+)$", log, re.MULTILINE)
    listed = len(re.findall("^recc: compile ", log, re.MULTILINE))
    assert summary and listed
    found["summary"] = {"summary": int(summary[1]) / listed}
    return found


def main() -> int:
    """Measure in a project of its own and print the medians."""
    rounds, compiles = (int(argument) for argument in (sys.argv[1:] or ["9", "50"]))
    with tempfile.TemporaryDirectory(prefix="overhead-") as directory:
        project = Project(generate_local(Path(directory)), Path(directory) / "cache")
        project.fetch("greeting.bst", report=print)
        found = measure(project, rounds, compiles)
    for what, times in found.items():
        print(f"{what:8}" + "".join(f"{name:>10} {time:6.2f} ms" for name, time in times.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
