# Builds twelve real programs in each mode, compares their objects with the bare compiler's, and counts the cached.
# SPDX-License-Identifier: Apache-2.0
"""Usage: .venv/bin/python benchmarks/programs.py [--modes MODE ...] [--programs NAME ...] [--directory DIR].

Each program (programs.yml) is built by the bare compiler first, then, with an empty
action cache, cold and warm in 'local' and in 'remote', and once in the other modes:
'cache-only' reads what the mode before it has stored. All object files of each build
must be those of the bare compiler: exit status 1 otherwise. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML  # with BuildStream

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from harness import Build, HarnessError, Project, generate_local

DATA = Path(__file__).with_suffix(".yml")
PASSES = {"local": ("cold", "warm"), "remote": ("cold", "warm"), "cache-only": ("",), "verify": ("",)}


# What a build through recc declares.
TOOLCHAIN = {"(@)": "recc.bst:include/gcc-for-recc.yml"}


@dataclass(frozen=True)
class Row:
    """One build of one program; `counts` are the pairs of the summary, `differing` names objects, None: no build."""

    program: str
    build: str
    seconds: float
    counts: dict[str, int] = field(default_factory=dict)
    uncached: dict[str, int] = field(default_factory=dict)
    objects: int = 0
    differing: tuple[str, ...] | None = ()

    def cells(self) -> list[str]:
        """What the table shows of it."""
        reasons = " ".join(f"{name}={number}" for name, number in self.uncached.items() if number)
        counted = [str(self.counts[name]) if self.counts else "-" for name in ("compiles", "hits")]
        compiled = str(self.counts["compiles"] - self.counts["hits"]) if self.counts else "-"
        if self.differing is None:
            objects = "build failed"
        elif self.differing:
            objects = f"{len(self.differing)} of {self.objects} DIFFER"
        else:
            objects = f"{self.objects} equal" if self.counts else str(self.objects)
        return [self.program, self.build, f"{self.seconds:.1f}", *counted, compiled, reasons or "-", objects]


def programs(data: Path = DATA) -> dict[str, dict[str, Any]]:
    """The programs' elements without what all have in common, by name."""
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(data)
    return found


def element(name: str) -> str:
    """Among the examples: the harness pins those anew where a tarball has gone."""
    return f"examples/{name}.bst"


def write(project: Project, name: str, program: dict[str, Any], build_depends: Iterable[Any] = ()) -> None:
    """Add the element of one program; `build_depends`: instead of what it takes to build it through recc."""
    own = {key: value for key, value in program.items() if key not in ("needs", "url", "ref")}
    depends = [
        *(build_depends or (TOOLCHAIN, f"recc.bst:buildsystems/{program['kind']}.bst")),
        *map(element, program.get("needs", ())),
    ]
    sources = [{"kind": "tar", "url": program["url"], "ref": program["ref"]}] if "url" in program else []
    with (project.path / "elements" / name).open("w") as file:
        YAML().dump({"build-depends": depends, "sources": sources} | own, file)


def summary(log: str) -> tuple[dict[str, int], dict[str, int]]:
    """Numbers of the last summary in a build log, and those of what ran uncached by its reason, whatever they are."""
    found = re.findall(r"^recc: (mode=\S+ compiles=.*)", log, re.MULTILINE)
    counts, _, uncached = found[-1].partition(" uncached:") if found else ("", "", "")
    first, second = ({k: int(v) for k, v in re.findall(r"(\S+)=(\d+)(?!\S)", text)} for text in (counts, uncached))
    return first, second


def built(project: Project, name: str, mode: str, directory: Path, what: str = "") -> tuple[Build, dict[str, str]]:
    """Build a program in `mode`, keep its log in `directory`; the build and its objects' digests."""
    # What it needs is built before the clock starts.
    project.bst("build", *project.show(element(name), mode=mode, deps="build"), mode=mode)
    build = project.build(element(name), mode, check=False, keep_tree=True)
    (directory / f"{name}-{mode}{what and '-'}{what}.log").write_text(build.log or build.output)
    return build, {} if build.status else project.objects(element(name), mode)


def compare(bare: dict[str, str], objects: dict[str, str]) -> tuple[str, ...]:
    """Paths of objects that only one of two builds has, or that differ."""
    return tuple(sorted(path for path in bare.keys() | objects.keys() if bare.get(path) != objects.get(path)))


def measure(project: Project, name: str, modes: Iterable[str], logs: Path) -> Iterable[Row]:
    """Build one program by the bare compiler, then in each of `modes`."""
    project.empty_action_cache()
    plain, bare = built(project, name, "off", logs)
    # Without objects nothing would be compared.
    yield Row(name, "off", plain.seconds, objects=len(bare), differing=() if bare else None)
    if not bare:
        return
    for mode in modes:
        if "cold" in PASSES[mode]:
            project.empty_action_cache()
        for what in PASSES[mode]:
            build, objects = built(project, name, mode, logs, what)
            counts, uncached = summary(build.log)
            # A build of which nothing is known is none that can be trusted.
            differing = None if build.status or not counts else compare(bare, objects)
            yield Row(name, f"{mode} {what}".strip(), build.seconds, counts, uncached, len(bare | objects), differing)


def table(rows: Iterable[Row]) -> str:
    """Markdown: what each build did."""
    titles = ("program", "build", "seconds", "compiles", "cached", "compiled", "alone, by reason", "objects")
    lines = ["| " + " | ".join(titles) + " |", "|---|---|--:|--:|--:|--:|---|---|"]
    return "\n".join(lines + ["| " + " | ".join(row.cells()) + " |" for row in rows])


def run(directory: Path, chosen: list[str], modes: list[str]) -> list[Row]:
    """Generate a project in `directory`, or use the one that is there, and build the programs in it.

    Its cache stays: packages are downloaded once.
    """
    path = directory / "my-project"
    project = Project(path if path.exists() else generate_local(directory), directory / "cache")
    logs = directory / "logs"
    logs.mkdir(exist_ok=True)
    known = programs()
    for name, program in known.items():
        write(project, element(name), program)
    project.fetch(*map(element, chosen), report=print)
    rows = []
    for name in chosen:
        for row in measure(project, name, modes, logs):
            rows.append(row)
            print("  ".join(row.cells()), *(row.differing or ())[:10], sep="\n    ", file=sys.stderr, flush=True)
    return rows


def main() -> int:
    """Command line entry; exit status 0: all objects equal, 1: some differ or a build failed."""
    known = list(programs())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", nargs="+", choices=[*PASSES, "off"], default=list(PASSES), metavar="MODE")
    parser.add_argument("--programs", nargs="+", choices=known, default=known, metavar="NAME")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="work there and keep it: project, cache and logs")
    options = parser.parse_args()
    modes = [mode for mode in options.modes if mode != "off"]  # always built: all is compared with it
    try:
        if options.directory:
            options.directory.mkdir(parents=True, exist_ok=True)
            rows = run(options.directory.resolve(), options.programs, modes)
        else:
            with tempfile.TemporaryDirectory(prefix="programs-") as directory:
                rows = run(Path(directory), options.programs, modes)
    except HarnessError as error:
        print(f"programs: {error}", file=sys.stderr)
        return 1
    print(table(rows))
    return 0 if all(row.differing == () for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
