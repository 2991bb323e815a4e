# Measures what the wrapper, the observing library and the summary cost a compile.
# SPDX-License-Identifier: Apache-2.0
"""Usage: .venv/bin/python benchmarks/overhead.py [ROUNDS COMPILES]; about a minute.

Hits, because there the overhead weighs most. Wrapper and recc alone take turns
in one sandbox, so that drift of the machine cancels.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from harness import Project, generate

ELEMENT = """kind: manual
build-depends:
- (@): include/gcc-for-recc.yml
- buildsystems/make.bst
sources:
- kind: local
  path: files/overhead
config:
  build-commands:
  - sh overhead.sh {rounds} {compiles}
"""


def measure(project: Project, rounds: int, compiles: int) -> dict[str, float]:
    """Milliseconds a compile: through the wrapper, through recc alone, and the summary's share."""
    script = Path(__file__).with_name("overhead.sh")
    directory = project.path / "files/overhead"
    directory.mkdir(exist_ok=True)
    (directory / script.name).write_text(script.read_text())
    (project.path / "elements/overhead.bst").write_text(ELEMENT.format(rounds=rounds, compiles=compiles))
    log = project.build("overhead.bst", "local").log
    times = [(int(a) / compiles, int(b) / compiles) for a, b in re.findall(r"^TIME (\d+) (\d+)$", log, re.MULTILINE)]
    summary = re.search(r"^TIME-SUMMARY (\d+)$", log, re.MULTILINE)
    assert len(times) == rounds and summary
    return {
        "wrapper": statistics.median(a for a, _ in times),
        "recc": statistics.median(b for _, b in times),
        "overhead": statistics.median(a - b for a, b in times),
        "summary": int(summary[1]) / (2 * rounds * compiles + 2),
    }


def main() -> int:
    """Measure in a project of its own and print the medians."""
    rounds, compiles = (int(argument) for argument in (sys.argv[1:] or ["9", "50"]))
    with tempfile.TemporaryDirectory(prefix="overhead-") as directory:
        project = Project(generate(Path(directory)), Path(directory) / "cache")
        project.fetch("examples/greeting.bst", report=print)
        found = measure(project, rounds, compiles)
    print(f"a hit through the wrapper: {found['wrapper']:6.1f} ms")
    print(f"a hit through recc alone:  {found['recc']:6.1f} ms")
    print(f"wrapper and library:       {found['overhead']:6.1f} ms a compile")
    print(f"summary:                   {found['summary']:6.2f} ms a compile")
    return 0


if __name__ == "__main__":
    sys.exit(main())
