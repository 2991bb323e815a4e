# bst-recc report --history: what recc did in all builds that were ever read, kept after BuildStream drops their logs.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import click

from bst_recc.errors import ReccError, clean
from bst_recc.report.builds import LogFile, Logs, casd_starts
from bst_recc.report.contents import SCHEMA_VERSION, clock, counts_json, hit_rate, iso
from bst_recc.report.tables import Section, print_sections, rate, seconds, several
from bst_recc.report.why import History
from bst_recc.report.worth import Worth

NAME = "recc-history.sqlite"
COUNTS = (
    *("compiles", "hits", "manifest_hits", "links", "link_hits", "not_cached"),
    *("hit_ms", "miss_ms", "saved_ms", "verified"),
)
TABLES = f"""
CREATE TABLE IF NOT EXISTS elements (
    log TEXT PRIMARY KEY, project TEXT, build REAL, start REAL, element TEXT, mode TEXT,
    {", ".join(f"{name} INTEGER" for name in COUNTS)});
CREATE TABLE IF NOT EXISTS zero (project TEXT PRIMARY KEY, moment REAL);
"""
SHOWN_BUILDS = 10
BARS = "▁▂▃▄▅▆▇█"


@contextmanager
def opened(logs: Logs) -> Iterator[sqlite3.Connection]:
    """The file in BuildStream's cache directory; raises ReccError where it cannot be read or written."""
    path = logs.cas.directory.parent / NAME
    try:
        with closing(sqlite3.connect(path, timeout=10)) as base, base:
            base.executescript(TABLES)
            yield base
    except sqlite3.Error as error:
        raise ReccError(f"{path}: {error}.", f"If it is damaged, delete it: rm {path}") from None


def values(file: LogFile, build: float, worths: dict[str, Worth], logs: Logs) -> tuple[Any, ...]:
    """A row of the table of elements."""
    if file.element not in worths:
        worths[file.element] = Worth(History(logs, file.element))
    found = counts_json([file.log]) | worths[file.element].saved(file)
    numbers = (found[name] for name in COUNTS)
    return (str(file.path), logs.project.name, build, file.start, file.element, file.log.mode, *numbers)


def learn(logs: Logs, base: sqlite3.Connection) -> None:
    """Add what the logs of finished builds say that is not known yet."""
    known = {path for (path,) in base.execute("SELECT log FROM elements")}
    row = base.execute("SELECT moment FROM zero WHERE project = ?", [logs.project.name]).fetchone()
    since, starts, rows = row[0] if row else 0.0, casd_starts(logs.directory), list[tuple[Any, ...]]()
    worths: dict[str, Worth] = {}
    for file in logs.own:
        if str(file.path) in known or file.start <= since or not file.log.state:
            continue
        # A build that began before all of casd's logs is one with what was built in the same hour.
        build = max((start for start in starts if int(start) <= file.start), default=file.start // 3600 * 3600)
        nothing = (str(file.path), *[None] * (5 + len(COUNTS)))  # known, and of no project's history
        rows.append(values(file, build, worths, logs) if file.log.uses_recc else nothing)
    base.executemany(f"INSERT OR REPLACE INTO elements VALUES ({', '.join('?' * (6 + len(COUNTS)))})", rows)


def keep(logs: Logs) -> str:
    """Add what is new; returns a note where that was not possible, since a report does without."""
    try:
        with opened(logs) as base:
            learn(logs, base)
    except ReccError as error:
        return f"Not in the history: {error}"
    return ""


def grouped(base: sqlite3.Connection, logs: Logs, since: float, column: str) -> list[dict[str, Any]]:
    """Sums of this project's rows since a moment, by a column, in its order; '' for all."""
    sums = ["min(start)", "count(DISTINCT element)", "count(DISTINCT build)", *(f"sum({name})" for name in COUNTS)]
    group = f"GROUP BY {column} ORDER BY {column}" if column else ""
    query = f"SELECT {', '.join([column or 'project', *sums])} FROM elements"
    wanted = f" AND element IN ({', '.join('?' * len(logs.wanted))})" if logs.wanted else ""
    cursor = base.execute(
        f"{query} WHERE project = ? AND start >= ?{wanted} {group}", [logs.project.name, since, *sorted(logs.wanted)]
    )
    found = []
    for name, start, elements, builds, *numbers in cursor:
        if elements:
            row = dict(zip(COUNTS, numbers, strict=True))
            head = {"start": iso(start), "elements": elements, "builds": builds}
            head |= {"element": name} if column == "element" else {}
            found.append(head | row | {"hit_rate": hit_rate(row)})
    return found


def zero(logs: Logs, now: float) -> None:
    """Forget what was built before now."""
    with opened(logs) as base:
        base.execute("DELETE FROM elements WHERE project = ?", [logs.project.name])
        base.execute("INSERT OR REPLACE INTO zero VALUES (?, ?)", [logs.project.name, now])


def read(logs: Logs, since: float) -> dict[str, Any]:
    """The history as report.schema.json describes it; raises ReccError where it is empty."""
    with opened(logs) as base:
        learn(logs, base)
        totals, builds, elements = (grouped(base, logs, since, column) for column in ("", "build", "element"))
    if not totals:
        raise ReccError(f"the history of {logs.project.name} is empty.", "Build something: bst build ELEMENT")
    head = {"schema_version": SCHEMA_VERSION, "kind": "history", "project": logs.project.name}
    return head | {"totals": totals[0], "builds": builds, "elements": elements}


def sparkline(rates: list[float | None]) -> str:
    """One bar a build."""
    return "".join(" " if one is None else BARS[min(7, int(one * 8))] for one in rates)


def section(title: str, heading: str, rows: list[tuple[str, Mapping[str, Any]]]) -> Section:
    """One table of sums."""
    headings = (heading, "compiles", "hits", "hit rate", "time saved")
    numbers = ((str(row["compiles"]), str(row["hits"]), rate(row), seconds(row["saved_ms"])) for _, row in rows)
    return Section(title, headings, [(name, *line) for (name, _), line in zip(rows, numbers, strict=True)])


def show(history: Mapping[str, Any]) -> None:
    """Print a history."""
    totals, builds = history["totals"], history["builds"]
    number = several(totals["compiles"], "compile")
    click.secho(
        clean(f"{history['project']}, {several(len(builds), 'build')} since {clock(totals['start'])}"), bold=True
    )
    click.echo(f"  {number}, hit rate {rate(totals)}, time saved {seconds(totals['saved_ms'])}")
    click.echo(f"  hit rate of the last builds: {sparkline([build['hit_rate'] for build in builds[-40:]])}\n")
    last = [(clock(build["start"]), build) for build in builds[-SHOWN_BUILDS:]]
    print_sections(
        [
            section("the last builds", "build", last),
            section("elements", "element", [(row["element"], row) for row in history["elements"]]),
        ]
    )
