# Measures how much of a build's compile time goes uncached in 'local', by reason, over the programs of programs.yml.
# SPDX-License-Identifier: Apache-2.0
"""Usage: .venv/bin/python benchmarks/uncached.py [NAME …]; ten minutes.

Each program is built cold with one job. A stand-in before the wrappers notes the CPU of each command and what the
wrapper's log says of it: 'alone' is what is done anew in every build. Prints a Markdown table.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

import programs
from harness import HarnessError, Project, generate_local

TIMER = {
    "kind": "manual",
    "sources": [{"kind": "local", "path": "files/stand-ins"}],
    "config": {
        "install-commands": [
            'mkdir -p "%{install-root}/usr/timer/bin"',
            'gcc -O2 -o "%{install-root}/usr/timer/timer" timer.c',
            'for name in $(ls /usr/recc/bin); do ln -s ../timer "%{install-root}/usr/timer/bin/$name"; done',
        ]
    },
    "environment": {"BST_RECC_MODE": "off"},
}
PATH = "/usr/recc/session:/usr/timer/bin:/usr/recc/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def measure(project: Project, name: str) -> tuple[Counter[str], int]:
    """Milliseconds of CPU that went uncached, by reason, and those of all commands of a compiler."""
    project.bst("build", *project.show(programs.element(f"timed-{name}"), mode="local", deps="build"), mode="local")
    project.empty_action_cache()
    log = project.build(programs.element(f"timed-{name}"), "local", options=["--max-jobs", "1"]).log
    alone: Counter[str] = Counter()
    every = 0
    for kind, word, spent in re.findall(r"^ *TIMED (\S+) (\S+) (\d+)$", log, re.MULTILINE):
        every += int(spent)
        if kind in ("alone", "none"):
            alone[word] += int(spent)
    assert every, "nothing was timed"
    return alone, every


def main() -> int:
    """Measure in a project of its own and print the table."""
    known = programs.programs()
    chosen = sys.argv[1:] or list(known)
    rows = []
    with tempfile.TemporaryDirectory(prefix="uncached-") as directory:
        project = Project(generate_local(Path(directory)), Path(directory) / "cache")
        shutil.copytree(Path(__file__).parent / "stand-ins", project.path / "files/stand-ins")
        programs.write(project, "timer.bst", TIMER, ["recc.bst:buildsystems/make.bst"])
        for name, program in known.items():
            programs.write(project, programs.element(name), program)
            timed = program | {
                "environment": {"PATH": PATH},
                "config": program.get("config", {}) | {"install-commands": {"(>)": ["cat /tmp/timed"]}},
            }
            system = f"recc.bst:buildsystems/{program['kind']}.bst"
            programs.write(
                project,
                programs.element(f"timed-{name}"),
                timed,
                [programs.TOOLCHAIN, system, "timer.bst"],
            )
        try:
            project.fetch(*(programs.element(f"timed-{name}") for name in chosen), "timer.bst", report=print)
            for name in chosen:
                rows.append((name, *measure(project, name)))
                print(*rows[-1], file=sys.stderr, flush=True)
        except HarnessError as error:
            print(f"uncached: {error}", file=sys.stderr)
            return 1
    print("| program | CPU of all commands, s | uncached | by reason, s |\n|---|--:|--:|---|")
    for name, alone, every in [*rows, ("all", sum((r[1] for r in rows), Counter()), sum(r[2] for r in rows))]:
        reasons = ", ".join(f"{reason} {spent / 1000:.1f}" for reason, spent in alone.most_common() if spent >= 50)
        print(f"| {name} | {every / 1000:.1f} | {sum(alone.values()) / every:.1%} | {reasons or '-'} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
