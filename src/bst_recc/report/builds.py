# Which build logs there are, and which of them belong to one build.
# SPDX-License-Identifier: Apache-2.0
"""A build is one run of bst: logs do not name theirs, but each run starts a casd, whose log tells when it ran."""

from __future__ import annotations

import difflib
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, time
from functools import cached_property
from pathlib import Path

from bst_recc.errors import ReccError
from bst_recc.project import Configuration, Project
from bst_recc.reapi import LocalCas

NAME = re.compile(r"(?P<key>[^/]+)-build\.(?P<start>\d{8}-\d{6})\.log")
START = re.compile(rb"^\[--:--:--\] START +(?:\[[^]]*\] )?(.+): Build$", re.MULTILINE)
STAMP = re.compile(rb"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+([+-]\d{4}) \[\d+:\d+\] \[buildbox", re.MULTILINE)
ENDS = 4096
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class LogFile:
    """The log of a build of `element`, named as the log does; times in seconds since the epoch."""

    path: Path
    project: str
    element: str
    key: str
    start: float
    end: float


def stamps(path: Path) -> list[datetime]:
    """The times, with their offset from UTC, that buildbox has written at the end of a log."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - ENDS))
        found = STAMP.findall(file.read())
    return [datetime.strptime(f"{t.decode()}{z.decode()}", "%Y-%m-%dT%H:%M:%S%z") for t, z in found]


def log_files(directory: Path) -> list[LogFile]:
    """The build logs of all projects, oldest first; those that do not name their element yet are left out.

    Their names have local time, of wherever bst ran: buildbox writes into them how far that is from UTC.
    """
    paths = sorted(directory.glob("*/*/*-build.*.log"), key=lambda path: path.stat().st_mtime)
    zones = [next((stamp.tzinfo for stamp in stamps(path)), None) for path in paths]
    files, here = [], next(filter(None, zones), None)
    for path, zone in zip(paths, zones, strict=True):
        # Where no command ran in a sandbox there is no stamp: the log before it was written in the same place.
        here = zone or here
        name = NAME.fullmatch(path.name)
        with path.open("rb") as file:
            element = START.search(file.read(ENDS))
        if name and element:
            start = datetime.strptime(name["start"], "%Y%m%d-%H%M%S").replace(tzinfo=here).timestamp()
            project, text = path.parent.parent.name, element[1].decode(errors="replace")
            files.append(LogFile(path, project, text, name["key"], start, max(start, path.stat().st_mtime)))
    return sorted(files, key=lambda file: (file.start, file.end, file.path))


def casd_runs(directory: Path) -> list[tuple[float, float, int]]:
    """Periods in which casd ran: (start, end, how many runs overlap in it), oldest first."""
    periods = []
    for path in (directory / "_casd").glob("*.log"):
        with suppress(ValueError):  # not casd's
            last = stamps(path)
            periods.append((float(path.stem), last[-1].timestamp() + 1 if last else path.stat().st_mtime))
    merged: list[tuple[float, float, int]] = []
    for start, end in sorted(periods):
        # The end is rounded up to a second: what merely touches does not overlap.
        if merged and start < merged[-1][1] - 1:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), merged[-1][2] + 1)
        else:
            merged.append((start, end, 1))
    return merged


def sort_builds(files: list[LogFile], runs: list[tuple[float, float, int]]) -> list[list[LogFile]]:
    """Sort logs (oldest first) into runs of bst, oldest first; those older than all runs are left out."""
    builds: list[list[LogFile]] = []
    previous, seen = None, set[tuple[str, str]]()
    for file in files:
        # Names of logs have whole seconds: the run may have started in the second that the log names.
        run = next((r for r in reversed(runs) if int(r[0]) <= file.start <= r[1] and r[0] <= file.end), None)
        name = (file.project, file.element)
        # Within one run it is a retry.
        if run and (run != previous or (name in seen and run[2] > 1)):
            builds.append([])
            seen.clear()
        if run:
            builds[-1].append(file)
            seen.add(name)
        previous = run
    return builds


def parse_time(text: str, now: datetime) -> float:
    """Seconds since the epoch of a time as people write it; raises ReccError for any other text."""
    if match := re.fullmatch(r"(\d{1,9})([smhd])", text):
        return now.timestamp() - int(match[1]) * UNITS[match[2]]
    for parse in (
        datetime.fromisoformat,
        lambda text: datetime.strptime(text, "%Y%m%d-%H%M%S"),
        lambda text: datetime.combine(now.date(), time.fromisoformat(text)),
    ):
        with suppress(ValueError, OverflowError):
            return parse(text).timestamp()
    raise ReccError(
        f"invalid time: {text}", "Write it as 2026-11-22T12:30, 12:30 (today), or how long ago: 30m, 2h, 3d."
    )


@dataclass(frozen=True)
class Logs:
    """The build logs of a project and of what its junctions bring, and the storage with the actions they name."""

    project: Project
    directory: Path
    cas: LocalCas

    @classmethod
    def find(cls, config: Path | None, logs: Path | None, cas: Path | None) -> Logs:
        """Those of the project here, by `config` (default: as bst), or `logs` and `cas` where these are given."""
        project, configuration = Project.find(), Configuration.read(config)
        beside = logs.parent / "cas" if logs and (logs.parent / "cas").is_dir() else configuration.cache / "cas"
        return cls(project, logs or configuration.logs, LocalCas(cas or beside))

    def own(self, files: list[LogFile]) -> list[LogFile]:
        """Those of `files` that are this project's, or of an element of one of its junctions, named as here."""
        own = []
        for file in files:
            junction, _, name = file.element.partition(":")
            if file.project == self.project.name:
                own.append(replace(file, element=file.element.rpartition(":")[2]))
            elif name and (self.project.elements / junction).is_file():
                own.append(file)
        return own

    @cached_property
    def of_all(self) -> list[LogFile]:
        """Those of all projects, oldest first."""
        return log_files(self.directory)

    @cached_property
    def all(self) -> list[LogFile]:
        """All of them, oldest first; raises ReccError where there is none."""
        if not (own := self.own(self.of_all)):
            others = ", ".join(sorted({file.project for file in self.of_all}))
            raise ReccError(
                f"there is no build log of the project {self.project.name} in {self.directory}.",
                *([f"It has logs of: {others}."] if others else []),
                "Build something first: bst build ELEMENT",
                "Say where the logs are: --logs DIRECTORY, or -c FILE as for bst.",
            )
        return own

    def builds(self) -> list[list[LogFile]]:
        """Builds of this project, oldest first, as far back as there are logs of casd."""
        builds = []
        for files in sort_builds(self.of_all, casd_runs(self.directory)):
            own = self.own(files)
            strangers = any(file.project != self.project.name and ":" not in file.element for file in files)
            # Another project may have the same junction.
            if own and not (strangers and all(file.project != self.project.name for file in own)):
                builds.append(own)
        return builds

    def element(self, name: str) -> str:
        """The full name of an element that has a log; raises ReccError where it has none."""
        full = name if name.endswith(".bst") else name + ".bst"
        if any(file.element == full for file in self.all):
            return full
        exist = [str(path.relative_to(self.project.elements)) for path in self.project.elements.rglob("*.bst")]
        if full in exist or ":" in full:
            artifact = "If it came from an artifact cache, bst artifact log shows the log of its build elsewhere."
            raise ReccError(f"there is no build log of {name}.", f"Build it: bst build {full}", artifact)
        close = ", ".join(difflib.get_close_matches(full, exist, n=3))
        remedies = [f"Did you mean: {close}?"] if close else []
        raise ReccError(
            f"there is no element {name}.", *remedies, f"Name it as for bst, from {self.project.elements} on."
        )
