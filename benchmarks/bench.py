# Measures whole builds with and without recc, cold, warm and after edits, against the way recc is set up elsewhere.
# SPDX-License-Identifier: Apache-2.0
"""Usage: .venv/bin/python benchmarks/bench.py [--quick | --full] [--rounds N] [--json FILE] [--write].

Each round builds everything once in every configuration, so that drift of the
machine meets all of them; each is compared with the plain build of its round.
Every configuration starts from a copy of one cache that has sources and toolchain
but no compile. Times are those of the element's build job, as BuildStream gives them.
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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from harness import ROOT, Counts, Project, generate, parse_links, parse_summary

DOCUMENT = ROOT / "docs/performance.md"


@dataclass(frozen=True)
class Software:
    """What is built: the name of the example that has its sources (or a pin), variables, and the files to edit."""

    name: str
    what: str
    kind: str
    variables: str
    source: str
    header: str
    pin: str = ""


SOFTWARE = (
    Software(
        "lua",
        "C",
        "make",
        'make: make posix\n  make-install: make install INSTALL_TOP="%{install-root}%{prefix}"',
        "src/lmathlib.c",
        "src/lstring.h",
        "url: debian:pool/main/l/lua5.4/lua5.4_5.4.9.orig.tar.gz\n"
        "  ref: 2335b6c582a52654f94612bf10d2f4672805d05329aa6568b1d8cd9e5c6fb8e6\n",
    ),
    Software(
        "spdlog",
        "C++ with templates",
        "cmake",
        "cmake-local: -DCMAKE_BUILD_TYPE=Release -DSPDLOG_USE_STD_FORMAT=ON -DCMAKE_CXX_STANDARD=20 "
        "-DSPDLOG_BUILD_EXAMPLE=OFF",
        "src/color_sinks.cpp",
        "include/spdlog/sinks/ansicolor_sink.h",
        "url: debian:pool/main/s/spdlog/spdlog_1.15.3+ds.orig.tar.xz\n"
        "  ref: f41541b61f6b3a78afeb2b355596a75fdb267e8caa2dba3906459fbde5e081dc\n",
    ),
    # Its CMakeLists.txt turns link-time optimisation on in release builds.
    Software(
        "ninja",
        "C++, link-time optimisation",
        "cmake",
        "cmake-local: -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF",
        "src/clean.cc",
        "src/dyndep.h",
    ),
)

# What each configuration changes in include/recc.yml.
CONFIGURATIONS: dict[str, dict[str, str]] = {
    "this template": {},
    "no links": {"BST_RECC_LINKS": "none"},
}
SCENARIOS = ("local, cold", "local, warm", "local, one file", "local, one header", "remote, cold", "remote, warm")
PHASES = ("staging", "configure", "compile", "link", "install", "caching", "other")

ELEMENT = """kind: {kind}
build-depends:
- (@): include/gcc-for-recc.yml
- buildsystems/{kind}.bst
sources:
- kind: local
  path: files/bench/{name}
variables:
  {variables}
config:
  build-commands:
    (<):
    - echo BENCH build $(date +%s%3N)
    (>):
    - echo BENCH install $(date +%s%3N); sed "s/^/BENCH edge /" _builddir/.ninja_log || true
  install-commands:
    (>):
    - echo BENCH end $(date +%s%3N)
"""
# For kinds that have such a step.
CONFIGURE = """  configure-commands:
    (<):
    - echo BENCH configure $(date +%s%3N)
"""


@dataclass(frozen=True)
class Measured:
    """One build of one element: seconds in all and by phase, and recc's counts."""

    seconds: float
    phases: dict[str, float]
    compiles: int
    hits: int
    links: int
    link_hits: int


class Bench:
    """A generated project with the benchmark's elements, and a cache to start from."""

    def __init__(self, directory: Path, software: Iterable[Software]) -> None:
        self.software = tuple(software)
        self.project = Project(generate(directory), directory / "cache")
        self.pristine = directory / "pristine"
        self.settings = self.project.path / "include/recc.yml"
        self.text = self.settings.read_text()
        self.edits = 0
        for item in self.software:
            if item.pin:
                (self.project.path / f"elements/examples/{item.name}.bst").write_text(
                    f"kind: import\nsources:\n- kind: tar\n  {item.pin}"
                )
            element = ELEMENT.format(**asdict(item)) + (CONFIGURE if item.kind == "cmake" else "")
            (self.project.path / f"elements/bench-{item.name}.bst").write_text(element)
        sources = [f"examples/{item.name}.bst" for item in self.software]
        self.project.configure(
            "scheduler: {builders: 1}\n"
            "logging: {message-format: '[%{elapsed-us}][%{key}][%{element}] %{action} %{message}'}\n"
        )
        # What the elements name must be there before bst loads them.
        for item in self.software:
            (self.project.path / f"files/bench/{item.name}").mkdir(parents=True)
        stacks = sorted({f"buildsystems/{item.kind}.bst" for item in self.software})
        self.project.fetch(*stacks, *sources, report=print)
        for item, source in zip(self.software, sources, strict=True):
            target = self.project.path / f"files/bench/{item.name}"
            target.rmdir()
            self.project.bst("source", "checkout", "--deps", "none", "--directory", str(target), source)
            (inner,) = target.iterdir() if len(list(target.iterdir())) == 1 else (target,)
            if inner != target:
                for path in inner.iterdir():
                    path.rename(target / path.name)
        self.project.bst("build", *stacks)
        self.project.cache.rename(self.pristine)

    def start(self, changes: dict[str, str]) -> None:
        """Begin a configuration: settings, and a cache without compiles."""
        text = self.text
        for name, value in changes.items():
            text, number = re.subn(rf"(?m)^(  {name}:) .*", rf"\1 '{value}'", text)
            if not number:
                text = text.replace("\nenvironment:\n", f"\nenvironment:\n  {name}: '{value}'\n", 1)
                text = text.replace("\nenvironment-nocache:\n", f"\nenvironment-nocache:\n- {name}\n", 1)
        self.settings.write_text(text)
        shutil.rmtree(self.project.cache, ignore_errors=True)
        subprocess.run(["cp", "-al", self.pristine, self.project.cache], check=True)

    def edit(self, item: Software, path: str, declaration: str) -> tuple[Path, str]:
        """Add a declaration to a source file; returns what restores it."""
        self.edits += 1
        file = self.project.path / f"files/bench/{item.name}" / path
        before = file.read_text()
        line = declaration.format(number=self.edits)
        head, guard, tail = before.rpartition("#endif") if path.endswith(".h") else (before, "", "")
        file.write_text(f"{head}\n{line}\n{guard}{tail}")
        return file, before

    def build(self, mode: str) -> dict[str, Measured]:
        """Build every element anew; a compile that is cached is taken from the cache."""
        for item in self.software:
            artifact = self.project.cache / f"buildstream/artifacts/refs/{self.project.name}/bench-{item.name}"
            shutil.rmtree(artifact, ignore_errors=True)
        output = self.project.bst("build", *(f"bench-{item.name}.bst" for item in self.software), mode=mode).stdout
        return {item.name: self.measured(output, f"bench-{item.name}") for item in self.software}

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
        counts = parse_summary(log) or Counts()
        links = parse_links(log) or (0, 0)
        rounded = {phase: round(phases[phase], 3) for phase in PHASES}
        return Measured(round(seconds, 3), rounded, counts.compiles, counts.hits, *links)

    def round(self, number: int, full: bool) -> dict[str, dict[str, dict[str, Measured]]]:
        """Build everything once in each configuration; results by configuration, scenario and software.

        Without `full`, scenarios are left out in which configurations can hardly differ.
        """
        found: dict[str, dict[str, dict[str, Measured]]] = {}

        def run(configuration: str, scenario: str, mode: str) -> None:
            start = time.monotonic()
            results = self.build(mode)
            found.setdefault(configuration, {})[scenario] = results
            for name, result in results.items():
                check(configuration, scenario, name, result)
            times = "  ".join(f"{name} {result.seconds:6.2f} s" for name, result in results.items())
            print(f"  {configuration:24} {scenario:18} {times}   ({time.monotonic() - start:.1f} s)", flush=True)

        def edit_and_run(configuration: str, scenario: str) -> None:
            edited = [
                self.edit(item, item.source, "int bench_edit_{number} = {number};")
                if scenario == "local, one file"
                else self.edit(
                    item, item.header, "static const int bench_edit_{number} __attribute__((used)) = {number};"
                )
                for item in self.software
            ]
            try:
                run(configuration, scenario, "local")
            finally:
                for file, before in edited:
                    file.write_text(before)

        names = list(CONFIGURATIONS)
        self.start({})
        run("plain", "plain", "off")
        for name in names[number % len(names) :] + names[: number % len(names)]:
            self.start(CONFIGURATIONS[name])
            run(name, "local, cold", "local")
            run(name, "local, warm", "local")
            edit_and_run(name, "local, one file")
            if full or name == "this template":
                edit_and_run(name, "local, one header")
            self.start(CONFIGURATIONS[name])
            run(name, "remote, cold", "remote")
            run(name, "remote, warm", "remote")
        return found


class BenchError(Exception):
    """The builds did not do what is to be measured."""


def check(configuration: str, scenario: str, name: str, result: Measured) -> None:
    """Raise BenchError where the cache did not do what the scenario is about: its time would mean nothing."""
    if scenario == "plain":
        right = result.compiles == 0
    elif scenario.endswith("cold"):
        right = result.compiles > 0 and result.hits == 0
    elif scenario.endswith("warm"):
        right = result.hits == result.compiles > 0 and result.link_hits == result.links
    elif scenario.endswith("file"):
        right = 0 < result.compiles - result.hits <= 2
    else:
        right = result.hits < result.compiles
    if not right:
        raise BenchError(f"{name}, {configuration}, {scenario}: unexpected counts: {result}")


Rounds = list[dict[str, dict[str, dict[str, Measured]]]]


def ratio(rounds: Rounds, configuration: str, scenario: str, name: str) -> float:
    """Median over the rounds of the build's time in units of the round's plain build."""
    return statistics.median(
        r[configuration][scenario][name].seconds / r["plain"]["plain"][name].seconds for r in rounds
    )


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; numbers to the right."""
    titles = list(headings)
    lines = ["| " + " | ".join(titles) + " |", "|" + "|".join(["---"] + ["--:"] * (len(titles) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def report(rounds: Rounds, software: Iterable[Software]) -> str:
    """Markdown: ratios to plain for each software and configuration, and where the time goes."""
    parts = []
    for item in software:
        plain = [r["plain"]["plain"][item.name].seconds for r in rounds]
        some = rounds[0]["this template"]["local, cold"][item.name]
        parts.append(
            f"**{item.name}** ({item.what}; {some.compiles} compiles, {some.links} links): "
            f"plain {statistics.median(plain):.1f} s\n"
        )
        parts.append(
            table(
                ("time / plain", *SCENARIOS),
                (
                    (
                        name,
                        *(
                            f"{ratio(rounds, name, scenario, item.name):.2f}" if scenario in rounds[0][name] else "-"
                            for scenario in SCENARIOS
                        ),
                    )
                    for name in CONFIGURATIONS
                ),
            )
        )
        builds = [("plain", "plain"), *(("this template", s) for s in SCENARIOS)]
        phases = [
            (
                f"{scenario}, seconds",
                *(
                    f"{statistics.median(r[name][scenario][item.name].phases[phase] for r in rounds):.2f}"
                    for phase in PHASES
                ),
                f"{statistics.median(r[name][scenario][item.name].seconds for r in rounds):.2f}",
            )
            for name, scenario in builds
        ]
        parts.append("\n" + table(("this template", *PHASES, "all"), phases) + "\n")
    return "\n".join(parts)


def machine(project: Project) -> str:
    """What it was measured on."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    versions = {
        name: re.search(rf"name: {re.escape(name)}\n\s+version: '?([^\s']+)", text)
        for name, text in (
            ("g++", (project.path / "toolchain/locks/x86_64/gcc.yml").read_text()),
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
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--full", action="store_true", help="every scenario in every configuration: 26 minutes")
    parser.add_argument("--quick", action="store_true", help="one round of the smallest software: does it work at all?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements there")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {DOCUMENT.relative_to(ROOT)}")
    options = parser.parse_args()
    software = SOFTWARE[:1] if options.quick else SOFTWARE
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        bench = Bench(Path(directory), software)
        rounds: Rounds = []
        for number in range(1 if options.quick else options.rounds):
            print(f"round {number + 1}", flush=True)
            try:
                rounds.append(bench.round(number, options.full))
            except BenchError as error:
                print(f"bench: {error}", file=sys.stderr)
                return 1
        head = f"Median of {len(rounds)} rounds on {machine(bench.project)}.\n\n"
        tables = head + report(rounds, software)
    print(tables)
    if options.json:
        options.json.write_text(json.dumps(rounds, default=asdict, indent=1) + "\n")
    if options.write:
        before, begin, rest = DOCUMENT.read_text().partition("<!-- tables: make bench -->\n")
        _, end, after = rest.partition("<!-- end of tables -->\n")
        DOCUMENT.write_text(f"{before}{begin}\n{tables}\n{end}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
