# Which build logs there are, and which of them belong to one build.
# SPDX-License-Identifier: Apache-2.0
"""A build is one run of bst: logs do not name theirs, but each run starts a casd, whose log tells when it ran."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from bst_recc.cas import LocalCas
from bst_recc.errors import ReccError
from bst_recc.project import Configuration, Project
from bst_recc.wrapperlog import Compile, Log, read_log

NAME = re.compile(r"(?P<key>[^/]+)-build\.(?P<start>\d{8}-\d{6})\.log")
START = re.compile(rb"^\[--:--:--\] START +(?:\[[^]]*\] )?(.+): Build$", re.MULTILINE)
ZONE = re.compile(rb"^\d{4}-\d\d-\d\dT[\d:.]+([+-]\d{4}) \[\d+:\d+\] \[buildbox", re.MULTILINE)
COMPILER = r"(?:[\w.]+-)*(?:gcc|g\+\+|cc|c\+\+|clang(?:\+\+)?)(?:-[\d.]+)?"
"""The name of a compiler, as a regular expression."""
# A compile in the log of a build, as make, libtool, cmake, meson and ninja print it.
COMPILE = re.compile(
    rf"(?:^|[ /])(?:{COMPILER} .*-c |C(?:C|XX) +"
    r"|(?:Building|Compiling) C(?:XX|\+\+)? object ).*\.(?:c|cc|cpp|cxx|l?o)\b".encode(),
    re.MULTILINE,
)
ENDS = 4096
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class LogFile:
    """The log of a build of `element`, named as in the project reported on; times in seconds since the epoch."""

    path: Path
    project: str
    element: str
    key: str
    start: float
    end: float

    @cached_property
    def log(self) -> Log:
        """What it says; raises ReccError where its lines have a newer format."""
        return read_log(self.path)

    def shown(self, compile: Compile) -> str:
        """The name of a compile: of its sources, or else of what it makes, or the command."""
        names = compile.sources or compile.outputs
        return " ".join(self.short(name, compile.directory) for name in names) or compile.command

    @cached_property
    def bypasses_recc(self) -> bool:
        """Whether it was built with recc, compiles, and no compile reached recc."""
        return self.log.is_idle and self.log.state == "built" and bool(COMPILE.search(self.path.read_bytes()))

    def short(self, name: str, directory: str = "") -> str:
        """A file's name as people know it: from the element's build directory on, where it is in there."""
        whole = posixpath.normpath(posixpath.join(directory or "/", name))
        root = f"/buildstream/{self.project}/{self.element.rpartition(':')[2]}/"
        return whole.removeprefix(root)


def log_files(directory: Path, own: str, since: float = 0.0) -> list[LogFile]:
    """The build logs of all projects, oldest first, but those that nobody wrote to `since` or that name no element yet.

    An element of the project `own` has its name there, even where it was built through a junction to it.
    """
    found, stamps = [], list[str]()
    times = {path: path.stat().st_mtime for path in directory.glob("*/*/*-build.*.log")}
    for path in sorted((path for path in times if times[path] >= since), key=lambda path: times[path]):
        with path.open("rb") as file:
            element = START.search(file.read(ENDS))
            file.seek(max(0, path.stat().st_size - ENDS))
            stamp = ZONE.search(file.read())
        stamps += [stamp[1].decode()] if stamp else []
        if element and (name := NAME.fullmatch(path.name)):
            found.append((path, name, element[1].decode(errors="replace"), len(stamps)))
    files = []
    for path, name, full, number in found:
        # The name has the local time of where bst ran. Buildbox writes into the log how far that is from UTC; where
        # no command ran in a sandbox it does not, but the log before it, or else after it, was written in that place.
        zone = datetime.strptime(stamps[max(0, number - 1)], "%z").tzinfo if stamps else None
        start = datetime.strptime(name["start"], "%Y%m%d-%H%M%S").replace(tzinfo=zone).timestamp()
        project, end = path.parent.parent.name, times[path]
        text = full.rpartition(":")[2] if project == own else full
        files.append(LogFile(path, project, text, name["key"], start, max(start, end)))
    return sorted(files, key=lambda file: (file.start, file.end, file.path))


def casd_starts(directory: Path) -> list[float]:
    """When casd was started while no other one ran, oldest first: a bst beside a build does not split it."""
    starts, until = [], 0.0
    paths = [path for path in (directory / "_casd").glob("*.log") if re.fullmatch(r"\d+\.\d+", path.stem)]
    for start, end in sorted((float(path.stem), path.stat().st_mtime) for path in paths):
        starts += [start] * (start >= until)
        until = max(until, end)
    return starts


def parse_time(text: str, now: float) -> float:
    """Seconds since the epoch of a time as people write it; raises ReccError for any other text."""
    if match := re.fullmatch(r"(\d{1,9})([smhd])", text):
        return now - int(match[1]) * UNITS[match[2]]
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(text).timestamp()
    raise ReccError(f"invalid time: {text}", "Write it as 2026-11-22, 2026-11-22T12:30, or how long ago: 30m, 2h, 3d.")


@dataclass(frozen=True)
class Logs:
    """The build logs of a project and of what its junctions bring, and the storage with the actions they name.

    `wanted`: the elements reported on; none: all. `has_service`: actions run on other machines.
    """

    project: Project
    directory: Path
    cas: LocalCas
    wanted: frozenset[str]
    has_service: bool

    @classmethod
    def find(cls, config: Path | None, elements: Iterable[str]) -> Logs:
        """Those of the project here, by a user configuration (default: as bst)."""
        configuration = Configuration.read(config)
        wanted = frozenset(name.removesuffix(".bst") + ".bst" for name in elements)
        project = Project.find()
        cas = LocalCas(configuration.cache / "cas")
        return cls(project, configuration.logs, cas, wanted, configuration.has_service(project.name))

    def is_own(self, file: LogFile) -> bool:
        """Whether it is of this project, or of one of its junctions, and of a wanted element."""
        junction, colon, _ = file.element.partition(":")
        own = file.project == self.project.name or (colon and (self.project.elements / junction).is_file())
        return bool(own) and (not self.wanted or file.element in self.wanted)

    @cached_property
    def of_all(self) -> list[LogFile]:
        """Those of all projects, oldest first."""
        return log_files(self.directory, self.project.name)

    @cached_property
    def own(self) -> list[LogFile]:
        """Those of this project and its junctions, oldest first."""
        return [file for file in self.of_all if self.is_own(file)]

    @cached_property
    def all(self) -> list[LogFile]:
        """The same; raises ReccError where there is none, or none of a wanted element."""
        own = self.own
        for name in sorted(self.wanted - {file.element for file in own}):
            close = difflib.get_close_matches(name, {file.element for file in self.of_all}, n=3)
            raise ReccError(
                f"there is no build log of {name}.",
                *([f"Did you mean: {', '.join(close)}?"] if close else []),
                f"Build it: bst build {name}",
                "If it came from an artifact cache, bst artifact log shows the log of its build elsewhere.",
            )
        if not own:
            others = sorted({file.project for file in self.of_all})
            raise ReccError(
                f"there is no build log of the project {self.project.name} in {self.directory}.",
                "Build something first: bst build ELEMENT",
                f"Give bst's configuration: -c FILE. Projects with logs in this one: {', '.join(others) or 'none'}.",
            )
        return own

    def builds(self) -> list[list[LogFile]]:
        """Builds of this project, oldest first, as far back as there are logs of casd."""
        groups: dict[float, list[LogFile]] = {start: [] for start in casd_starts(self.directory)}
        for file in self.of_all:
            # Names of logs have whole seconds: casd may have started in the second that the log names.
            if starts := [start for start in groups if int(start) <= file.start and start <= file.end]:
                groups[starts[-1]].append(file)
        builds = []
        for files in groups.values():
            # Another project may have the same junction: without it, this is the one that is built.
            projects = {file.project for file in files if ":" not in file.element}
            if not projects or self.project.name in projects:
                builds.append([file for file in files if self.is_own(file)])
        return [build for build in builds if build]
