# Measures whole builds: plainly, with this template, with recc as it is set up elsewhere, and the floor of all caches.
# SPDX-License-Identifier: Apache-2.0
"""Usage: .venv/bin/python benchmarks/bench.py [--programs NAME …] [--rounds N] [--json FILE] [--write].

Each round builds everything once in every way, so that drift of the machine meets
all of them; each is compared with the plain build of its round. Every way starts
from a copy of one cache that has sources and toolchain but no compile. Times are
those of the element's build job, as BuildStream gives them.

plain: the toolchain's compilers, without any wrapper. field: recc as it is set up elsewhere: a wrapper
that runs it, its LocalCAS, no links. floor: a compiler that copies what another build of the same has made.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

import chart
import programs
from harness import ROOT, Project, generate_local, parse_links, parse_summary

DOCUMENT = ROOT / "docs/performance.md"
HERE = Path(__file__).parent
# What it is, and the source and the header that are edited.
SOFTWARE = {
    "ninja": ("C++, link-time optimisation", "src/clean.cc", "src/dyndep.h"),
    "spdlog": ("C++ with templates", "src/color_sinks.cpp", "include/spdlog/sinks/ansicolor_sink.h"),
    "lua": ("C", "src/lmathlib.c", "src/lstring.h"),
    "mbedtls": ("short C files", "library/aes.c", "include/mbedtls/md.h"),
    "busybox": ("short C files", "coreutils/cat.c", "include/libbb.h"),
}
WAYS = ("template", "field")
SCENARIOS = ("local, cold", "local, warm", "local, one file", "local, one header", "remote, cold", "remote, warm")
PHASES = ("staging", "configure", "compile", "link", "install", "caching", "other")
BARE = "/usr/bin:/bin:/usr/sbin:/sbin"
FIELD = {
    "PATH": f"/usr/field/bin:{BARE}",
    "RECC_DEPS_GLOBAL_PATHS": "1",
    "RECC_NO_PATH_REWRITE": "1",
    "RECC_USE_LOCALCAS": "1",
    "RECC_INVALID_INPUT_PATHS_REGEX": ".*/CMakeFiles/CMakeScratch/.*,.*/CMakeC.*ABI.c.*,.*/conftest.*",
    "RECC_ENABLE_METRICS": "1",
    "RECC_METRICS_FILE": "/tmp/field-metrics",
    "(?)": [{'recc_mode == "local"': {"RECC_CACHE_ONLY": "1", "RECC_CACHE_UPLOAD_LOCAL_BUILD": "1"}}],
}
# What stands in for the wrapper.
STAND_INS: dict[str, dict[str, Any]] = {
    "field.bst": {
        "kind": "manual",
        "build-depends": ["toolchain.bst:public-stacks/runtime-minimal.bst"],
        "runtime-depends": ["recc.bst:buildsystems/recc-bundle.bst"],
        "config": {"install-commands": ['install -D field "%{install-root}/usr/field/bin/recc-wrapper"']},
        # As GNOME's: once more for every build.
        "public": {
            "bst": {
                "integration-commands": [
                    "for name in cc c++ gcc g++; do"
                    " [ ! -e /usr/bin/$name ] || ln -s recc-wrapper /usr/field/bin/$name; done"
                ]
            }
        },
    },
    "floor.bst": {
        "kind": "manual",
        "build-depends": ["toolchain.bst:public-stacks/buildsystem-make.bst"],
        "config": {
            "install-commands": [
                'mkdir -p "%{install-root}/usr/floor/bin"',
                'gcc -O2 -static -o "%{install-root}/usr/floor/floor" floor.c',
                'for name in cc c++ gcc g++; do ln -s ../floor "%{install-root}/usr/floor/bin/$name"; done',
            ]
        },
    },
}


@dataclass(frozen=True)
class Measured:
    """One build of one element: seconds in all and by phase; compiles and links, and those that a cache answered."""

    seconds: float
    phases: dict[str, float]
    compiles: int
    hits: int
    links: int
    link_hits: int


def element(way: str, name: str) -> str:
    """File name of the element that builds a program in a way."""
    return f"bench-{way}-{name}.bst"


def marked(program: dict[str, Any], name: str) -> dict[str, Any]:
    """The program from its own directory, the same in all ways; its build log says when each step begins."""

    def step(what: str) -> str:
        return f"echo BENCH {what} $(date +%s%3N)"

    def around(commands: Any, before: str, *after: str) -> Any:
        if isinstance(commands, list):
            return [step(before), *commands, *after]
        return {
            "(<)": [step(before), *(commands or {}).get("(<)", [])],
            "(>)": [*(commands or {}).get("(>)", []), *after],
        }

    config = dict(program.get("config", {}))
    if program["kind"] != "make":
        config["configure-commands"] = around(config.get("configure-commands"), "configure")
    config["build-commands"] = around(config.get("build-commands"), "build")
    log = 'sed "s/^/BENCH edge /" _builddir/.ninja_log || true'
    counts = "cat /tmp/field-metrics /tmp/floor-misses 2>/dev/null || true"
    config["install-commands"] = around(config.get("install-commands"), "install", step("end"), log, counts)
    variables = program.get("variables", {}) | {"build-root": f"/bench/{name}", "strip-binaries": ""}
    rest = {key: value for key, value in program.items() if key not in ("url", "ref")}
    source = {"kind": "local", "path": f"files/bench/{name}"}
    return rest | {"variables": variables, "config": config, "sources": [source]}


def add_stand_ins(project: Project) -> None:
    """Write the elements of STAND_INS."""
    shutil.copytree(HERE / "stand-ins", project.path / "files/stand-ins")
    sources = [{"kind": "local", "path": "files/stand-ins"}]
    for file, stand_in in STAND_INS.items():
        programs.write(project, file, stand_in | {"sources": sources}, stand_in["build-depends"])


class Bench:
    """A generated project with the benchmark's elements, and a cache to start from."""

    def __init__(self, directory: Path, software: Iterable[str]) -> None:
        self.software = tuple(software)
        self.project = Project(generate_local(directory), directory / "cache")
        self.pristine = directory / "pristine"
        self.edits = 0
        self.project.configure(
            "scheduler: {builders: 1}\n"
            "logging: {message-format: '[%{elapsed-us}][%{key}][%{element}] %{action} %{message}'}\n"
        )
        add_stand_ins(self.project)
        known = programs.programs() | programs.programs(HERE / "bench.yml")
        for name, program in known.items():
            if "url" in program:  # else it is an example of the project's own
                programs.write(self.project, programs.element(name), program)
        for name in self.software:
            # What the elements name must be there before bst loads them.
            (self.project.path / "files/bench" / name).mkdir(parents=True)
            self.write(name, marked(known[name], name))
        sources = list(map(programs.element, self.software))
        self.project.fetch(*STAND_INS, *sources, report=print)
        for name, source in zip(self.software, sources, strict=True):
            checkout = directory / "sources" / name
            self.project.bst("source", "checkout", "--deps", "none", "--directory", str(checkout), source)
            (tree,) = checkout.iterdir()
            tree.rename(self.project.path / "files/bench" / name)
        elements = [element(way, name) for way in ("plain", "template", "field") for name in self.software]
        self.project.bst("build", *self.project.show(*elements, deps="build"))
        self.project.bst("build", *(element("record", name) for name in self.software))
        self.project.cache.rename(self.pristine)

    def write(self, name: str, program: dict[str, Any]) -> None:
        """The elements that build one program in all ways."""
        system = f"toolchain.bst:public-stacks/buildsystem-{program['kind']}.bst"
        record = program | {
            "config": program["config"]
            | {
                "install-commands": [
                    'mkdir -p "%{install-root}/floor"',
                    f'mv /tmp/floor "%{{install-root}}/floor/{name}"',
                ]
            }
        }
        floor = {"PATH": f"/usr/floor/bin:{BARE}"}
        for way, what, depends, environment in (
            ("template", program, (), {}),
            ("plain", program, [system], {"PATH": BARE}),
            ("field", program, [programs.TOOLCHAIN, system, "field.bst"], FIELD),
            ("record", record, [system, "floor.bst"], floor | {"FLOOR": "/tmp/floor", "FLOOR_RECORD": "1"}),
            ("floor", program, [system, "floor.bst", element("record", name)], floor | {"FLOOR": f"/floor/{name}"}),
        ):
            programs.write(self.project, element(way, name), what | {"environment": environment}, depends)

    def start(self) -> None:
        """Go back to a cache without compiles."""
        shutil.rmtree(self.project.cache, ignore_errors=True)
        subprocess.run(["cp", "-al", self.pristine, self.project.cache], check=True)

    def edit(self, name: str, path: str, declaration: str) -> tuple[Path, str]:
        """Add a declaration to a source file; returns what restores it."""
        self.edits += 1
        file = self.project.path / "files/bench" / name / path
        before = file.read_text()
        line = declaration.format(number=self.edits)
        head, guard, tail = before.rpartition("#endif") if path.endswith(".h") else (before, "", "")
        file.write_text(f"{head}\n{line}\n{guard}{tail}")
        return file, before

    def build(self, way: str, mode: str) -> dict[str, Measured]:
        """Build every program anew; a compile that is cached is taken from the cache."""
        elements = {name: element(way, name) for name in self.software}
        for file in elements.values():
            artifact = self.project.cache / "buildstream/artifacts/refs" / self.project.name / file.removesuffix(".bst")
            shutil.rmtree(artifact, ignore_errors=True)
        output = self.project.bst("build", *elements.values(), mode=mode).stdout
        return {name: self.measured(output, file.removesuffix(".bst")) for name, file in elements.items()}

    def measured(self, output: str, element: str) -> Measured:
        """Read times and counts of one element's build from bst's output and the build log."""

        def elapsed(message: str) -> float:
            pattern = rf"^\[([\d:.]+)\]\[\w+\]\[ *build:{element}.bst *\] SUCCESS {message}"
            found = re.findall(pattern, output, re.MULTILINE)
            return sum(float(h) * 3600 + float(m) * 60 + float(s) for h, m, s in (t.split(":") for t in found))

        (name,) = re.findall(rf" START +({self.project.name}/{element}/\S+-build\.\S+\.log)$", output, re.MULTILINE)
        log = (self.project.cache / "buildstream/logs" / name).read_text()
        at = {
            what: int(ms) / 1000 for what, ms in re.findall(r"^BENCH (configure|build|install|end) (\d+)$", log, re.M)
        }
        edges = re.findall(r"^BENCH edge \d+\t(\d+)\t\d+\t(\S+)\t", log, re.MULTILINE)
        # make does not say when it links.
        objects = [int(end) / 1000 for end, file in edges if file.endswith(".o")]
        compiled = max(objects, default=at["install"] - at["build"])
        seconds = elapsed(f"{self.project.name}/{element}/")
        phases = {
            "configure": at["build"] - at.get("configure", at["build"]),
            "compile": compiled,
            "link": max(0.0, at["install"] - at["build"] - compiled),
            "install": at["end"] - at["install"],
            "caching": elapsed("Caching artifact"),
        }
        phases["staging"] = elapsed("Staging ") + elapsed("Integrating sandbox")
        phases["other"] = seconds - sum(phases.values())
        counts, links = parse_summary(log), parse_links(log) or (0, 0)
        hits, misses = (
            len(re.findall(rf"^ *(?:recc.action_cache|floor)_{what}:", log, re.M)) for what in ("hit", "miss")
        )
        compiles, hits = (counts.compiles, counts.hits) if counts else (hits + misses, hits)
        rounded = {phase: round(phases[phase], 3) for phase in PHASES}
        return Measured(round(seconds, 3), rounded, compiles, hits, *links)

    def round(self) -> dict[str, dict[str, dict[str, Measured]]]:
        """Build everything once in each way; results by way, scenario and program."""
        found: dict[str, dict[str, dict[str, Measured]]] = {}

        def run(way: str, scenario: str, mode: str) -> None:
            start = time.monotonic()
            results = self.build(way, mode)
            found.setdefault(way, {})[scenario] = results
            for name, result in results.items():
                check(way, scenario, name, result)
            times = "  ".join(f"{name} {result.seconds:6.2f} s" for name, result in results.items())
            print(f"  {way:9} {scenario:18} {times}   ({time.monotonic() - start:.1f} s)", flush=True)

        def edit_and_run(way: str, scenario: str) -> None:
            edited = [
                self.edit(name, source, "int bench_edit_{number} = {number};")
                if scenario == "local, one file"
                else self.edit(name, header, "static const int bench_edit_{number} __attribute__((used)) = {number};")
                for name, (_, source, header) in SOFTWARE.items()
                if name in self.software
            ]
            try:
                run(way, scenario, "local")
            finally:
                for file, before in edited:
                    file.write_text(before)

        self.start()
        run("plain", "plain", "off")
        run("floor", "floor", "off")
        for way in WAYS:
            self.start()
            run(way, "local, cold", "local")
            run(way, "local, warm", "local")
            edit_and_run(way, "local, one file")
            edit_and_run(way, "local, one header")
            self.start()
            run(way, "remote, cold", "remote")
            run(way, "remote, warm", "remote")
        return found


class BenchError(Exception):
    """The builds did not do what is to be measured."""


def check(way: str, scenario: str, name: str, result: Measured) -> None:
    """Raise BenchError where the cache did not do what the scenario is about: its time would mean nothing."""
    if way == "plain":
        right = result.compiles == 0
    elif way == "floor":
        right = result.compiles < 40  # configure's, in directories of random names
    elif scenario.endswith("cold"):
        # Some files are compiled twice in one build.
        right = 0 <= result.hits < 0.1 * result.compiles
    elif scenario.endswith("warm"):
        right = result.hits > 0.98 * result.compiles > 0 and result.link_hits == result.links
    elif scenario.endswith("file"):
        right = 0 < result.compiles - result.hits <= 4
    else:
        right = result.hits < result.compiles
    if not right:
        raise BenchError(f"{name}, {way}, {scenario}: unexpected counts: {result}")


Rounds = list[dict[str, dict[str, dict[str, Measured]]]]


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; numbers to the right."""
    titles = list(headings)
    lines = ["| " + " | ".join(titles) + " |", "|" + "|".join(["---"] + ["--:"] * (len(titles) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def summary(rounds: Rounds, software: Iterable[str]) -> str:
    """Markdown: times of each program and way as parts of the plain build's."""

    def part(way: str, scenario: str, name: str) -> str:
        parts = (r[way][scenario][name].seconds / r["plain"]["plain"][name].seconds for r in rounds)
        return f"{statistics.median(parts):.2f}"

    rows = []
    for name in software:
        compiles = rounds[0]["template"]["local, cold"][name].compiles
        plain = statistics.median(r["plain"]["plain"][name].seconds for r in rounds)
        about = [f"{name}: {SOFTWARE[name][0]}, {compiles} compiles", f"{plain:.1f} s", part("floor", "floor", name)]
        for way in WAYS:
            rows.append([*about, way, *(part(way, scenario, name) for scenario in SCENARIOS)])
            about = [""] * len(about)
    return table(("program", "plain", "floor", "way", *SCENARIOS), rows) + "\n"


def details(rounds: Rounds, software: Iterable[str]) -> str:
    """Markdown: where the time of each program goes."""

    def phases(way: str, scenario: str, name: str) -> list[str]:
        builds = [r[way][scenario][name] for r in rounds]
        times = [*([build.phases[phase] for build in builds] for phase in PHASES), [build.seconds for build in builds]]
        return [f"{statistics.median(some):.2f}" for some in times]

    builds = [("plain", "plain"), ("floor", "floor"), *((way, s) for way in WAYS for s in SCENARIOS)]
    parts = []
    for name in software:
        shown = ([f"{way}, {s}" if way != s else way, *phases(way, s, name)] for way, s in builds)
        parts.append(table((f"{name}, seconds", *PHASES, "all"), shown) + "\n")
    return "\n".join(parts)


def machine(project: Project) -> str:
    """What it was measured on."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    versions = {
        name: re.search(rf"name: {re.escape(name)}\n\s+version: '?([^\s']+)", text)
        for name, text in (
            ("g++", (project.path / "debian-toolchain/locks/x86_64/gcc.yml").read_text()),
            ("buildbox", (project.path / "recc/locks/x86_64/recc.yml").read_text()),
        )
    }
    shown = ", ".join(f"{name} {match[1]}" for name, match in versions.items() if match)
    requirement = re.search(r"(?i)^buildstream==(\S+)$", (project.path / "requirements.txt").read_text(), re.MULTILINE)
    assert requirement
    return (
        f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), Linux {platform.release()}, "
        f"BuildStream {requirement[1]}, {shown}; {time.strftime('%Y-%m-%d')}"
    )


def main() -> int:
    """Measure, print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", nargs="+", choices=SOFTWARE, default=list(SOFTWARE), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements there")
    parser.add_argument("--write", action="store_true", help=f"put the first table into {DOCUMENT.relative_to(ROOT)}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        bench = Bench(Path(directory), options.programs)
        rounds: Rounds = []
        for number in range(options.rounds):
            print(f"round {number + 1}", flush=True)
            try:
                rounds.append(bench.round())
            except BenchError as error:
                print(f"bench: {error}", file=sys.stderr)
                return 1
        head = f"Median of {len(rounds)} rounds on {machine(bench.project)}.\n\n"
        tables = head + summary(rounds, options.programs)
    print(tables, details(rounds, options.programs), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(rounds, default=asdict, indent=1) + "\n")
    if options.write:
        before, begin, rest = DOCUMENT.read_text().partition("<!-- tables: make bench -->\n")
        _, end, after = rest.partition("<!-- end of tables -->\n")
        DOCUMENT.write_text(f"{before}{begin}\n{tables}\n{end}{after}")
        chart.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
