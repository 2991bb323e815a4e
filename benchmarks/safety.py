# Counts constructs for which a wiring of recc gives another object than the bare compiler: the field's, and this one.
# SPDX-License-Identifier: Apache-2.0
"""Usage: .venv/bin/python benchmarks/safety.py [--modes MODE ...] [--write].

Builds each construct of tests/e2e/trust/constructs.tsv with gcc: by the bare compiler,
then through recc cold, warm and after a change of what the result depends on. All
files, messages and the exit status must be the bare compiler's. The field's wiring is
that of bench.py. Prints a Markdown table; --write puts it into README.md. 15 minutes.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

import bench
import programs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from harness import ROOT, Project, generate_local, scratch

TRUST = ROOT / "tests/e2e/trust"
ROW = re.compile(r"^ROW (\S+) .* same=(\w+) status=", re.MULTILINE)
BEGIN, END = "<!-- written by benchmarks/safety.py -->", "<!-- end -->"
TOOLS = "toolchain.bst:public-stacks/buildsystem-make.bst"


def field(project: Project, mode: str) -> str:
    """The log of the constructs through the field's wiring."""
    element = {
        "kind": "manual",
        "environment": bench.FIELD | {"BST_RECC_MODE": mode},
        "config": {"build-commands": ["sh rows.sh gcc g++"]},
        "sources": [{"kind": "local", "path": "files/field"}],
    }
    programs.write(project, "field-rows.bst", element, [programs.TOOLCHAIN, TOOLS, "field.bst"])
    return project.build("field-rows.bst", mode, check=False).log


def differing(log: str) -> tuple[set[str], int]:
    """Names of the constructs that are not as the bare compiler makes them, and how many there are in all."""
    rows = dict(ROW.findall(log))
    return {name for name, same in rows.items() if same != "yes"}, len(rows)


def main() -> int:
    """Run both; exit status 1 where this wiring differs anywhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", nargs="+", default=["local", "remote"])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found: dict[tuple[str, str], set[str]] = {}
    with scratch() as directory:
        project = Project(generate_local(directory), directory / "cache")
        bench.add_stand_ins(project)
        shutil.copytree(TRUST, project.path / "files/field")
        project.fetch("greeting.bst", report=print)
        for mode in options.modes:
            print(f"{mode}: the field's wiring", file=sys.stderr)
            found["field", mode], number = differing(field(project, mode))
            print(f"{mode}: this one", file=sys.stderr)
            log = project.build_script(TRUST / "rows.sh", "gcc", "g++", mode=mode, beside=TRUST.glob("rows-*.sh"))
            found["this", mode], again = differing(log)
            assert number == again > 500
            for way in ("field", "this"):
                print(f"  {way}: {' '.join(sorted(found[way, mode]))}", file=sys.stderr)
    ways = {"field": "recc as it is set up elsewhere", "this": "this project"}
    rows = [[text, *(str(len(found[way, mode])) for mode in options.modes)] for way, text in ways.items()]
    title = f"of {number} constructs, files, messages or exit status that differ from the compiler's"
    table = bench.table((title, *(f"in `{mode}`" for mode in options.modes)), rows)
    print(table)
    if options.write:
        page = ROOT / "README.md"
        before, _, rest = page.read_text().partition(BEGIN)
        page.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}")
    return int(any(found["this", mode] for mode in options.modes))


if __name__ == "__main__":
    sys.exit(main())
