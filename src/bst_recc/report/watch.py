# bst-recc report --watch: what recc does in the build that runs, as it happens.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Group
from rich.live import Live
from rich.text import Text

from bst_recc.errors import clean
from bst_recc.outcomes import OUTCOMES
from bst_recc.report.builds import COMPILER, LogFile, Logs, casd_starts, log_files
from bst_recc.report.contents import hit_rate, is_open
from bst_recc.report.tables import Section, rate, seconds, several, table, text_console
from bst_recc.wrapperlog import Compile, Log, read_log

PERIOD = 0.5
"""Seconds between two looks."""
SHOWN_ERRORS = 5


@dataclass
class Running:
    """One element of the build, and what its log says so far."""

    file: LogFile
    log: Log
    size: int


def running_casd(logs: Logs) -> float | None:
    """When the casd of a build that runs was started; None: none runs."""
    starts = casd_starts(logs.directory)
    path = max((logs.directory / "_casd").glob("*.log"), key=lambda path: path.stat().st_mtime, default=None)
    return starts[-1] if path and starts and is_open(path, "buildbox-casd", "bst") else None


def compiles_under_way(builds: Sequence[str]) -> Iterator[tuple[float, str]]:
    """Seconds since each compile of this machine in one of the build directories PROJECT/ELEMENT began, and its source.

    Other builds run other compilers.
    """
    for process in psutil.process_iter(["cmdline", "create_time", "cwd"]):
        words, place = process.info["cmdline"] or [], f"{process.info['cwd']}/"
        ours = any(f"/{build}/" in place for build in builds)
        if ours and "-c" in words and re.fullmatch(COMPILER, Path(words[0]).name):
            sources = [word for word in words[1:] if re.search(r"\.(c|cc|cpp|cxx|C|m|mm|S)$", word)]
            if sources:
                yield time.time() - process.info["create_time"], sources[-1]


class Screen:
    """What is shown of a build that began at `start`, in seconds since the epoch."""

    def __init__(self, logs: Logs, start: float) -> None:
        self.logs, self.start, self.elements = logs, start, dict[Path, Running]()

    def look(self) -> None:
        """Read what is new in the build's logs."""
        for file in log_files(self.logs.directory, self.logs.project.name, self.start):
            if file.start >= int(self.start) and self.logs.is_own(file):
                known, size = self.elements.get(file.path), file.path.stat().st_size
                if not known or known.size != size:
                    self.elements[file.path] = Running(file, read_log(file.path), size)

    @property
    def compiles(self) -> list[tuple[Running, Compile]]:
        """All compiles and links so far."""
        return [(running, compile) for running in self.elements.values() for compile in running.log.compiles]

    def render(self) -> Group:
        """The screen."""
        total = Counter[str]()
        for running in self.elements.values():
            total.update(running.log.counts)
        known = {"verified": total["verified"], "hits": total["hits"]}
        share = {"hit_rate": hit_rate(total)}
        line = f"{several(total['compiles'], 'compile')}, {total['hits']} hits, hit rate {rate(known | share)}"
        parts: list[Text | object] = [Text(f"{self.logs.project.name}, building: {line}", style="bold")]
        now = [one for one in self.elements.values() if not one.log.state]
        rows = [
            (one.file.element, str(one.log.counts["compiles"]), str(one.log.counts["hits"]), self.since(one))
            for one in now
        ]
        if rows:
            section = Section("", ("under way", "compiles", "hits", "time"), rows)
            parts.append(table(section, 80))
        builds = [f"{self.logs.project.name}/{one.file.element}" for one in now]
        if builds and (slowest := max(compiles_under_way(builds), default=None)):
            parts.append(Text(clean(f"slowest compile under way: {slowest[1]}, {slowest[0]:.0f} s")))
        problems = [(one, compile) for one, compile in self.compiles if OUTCOMES[compile.status].kind == "problem"]
        for one, compile in problems[-SHOWN_ERRORS:]:
            words = f"{compile.status}: {one.file.shown(compile)} in {one.file.element}"
            parts.append(Text(clean(words), style="red"))
        return Group(*parts)  # type: ignore[arg-type]

    def since(self, one: Running) -> str:
        """How long an element has been built."""
        return seconds(int(1000 * max(0, time.time() - one.file.start)))


def watch(logs: Logs) -> None:
    """Show the build that runs until it ends; waits for one where none runs."""
    console = text_console()
    waiting = Text("Waiting for a build: bst build ELEMENT. Ctrl-C ends this.")
    with Live(waiting, console=console, auto_refresh=False, transient=True) as live:
        while (start := running_casd(logs)) is None:
            time.sleep(PERIOD)
        screen = Screen(logs, start)
        while (now := running_casd(logs)) is not None:
            if now != screen.start:  # another build, right after the one before
                screen = Screen(logs, now)
            screen.look()
            live.update(screen.render(), refresh=True)
            time.sleep(PERIOD)
