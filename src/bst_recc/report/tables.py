# What a report says to people: its first lines and its tables, which the terminal, the page and Markdown share.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bst_recc.errors import clean
from bst_recc.report.contents import clock
from bst_recc.report.why import some

SHOWN_CAUSES = 3
# Columns of counts by their headings, and what the JSON calls them.
COUNTED = {
    "compiles": "compiles",
    "hits": "hits",
    "by manifest": "manifest_hits",
    "local": "local",
    "not asked": "not_asked",
    "remote": "remote",
    "failed": "failed",
    "errors": "errors",
    "not cached": "not_cached",
    "checked": "checked",
    "not deterministic": "not_deterministic",
}
REMOTE_HERE = "remote (this machine)"
TIMES = ("time in hits", "time in misses", "time saved")
NUMBERS = (*COUNTED, REMOTE_HERE, "links hit", "hit rate", *TIMES, "time")


@dataclass(frozen=True)
class Section:
    """A table and what stands above it; columns named in NUMBERS are right-aligned."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def seconds(ms: int | None) -> str:
    """A time for people; '-' where it is not known."""
    return "-" if ms is None else f"{ms / 1000:.1f} s"


def several(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}{'s' * (number != 1)}"


def rate(counts: Mapping[str, Any]) -> str:
    """The hit rate for people."""
    if counts["verified"] and not counts["hits"]:
        return "n/a in verify"
    return "-" if counts["hit_rate"] is None else f"{100 * counts['hit_rate']:.1f} %"


def saved(totals: Mapping[str, Any]) -> str:
    """The time saved, and how that is known."""
    ms, origin = totals["saved_ms"], totals["saved_from"]
    if ms is None:
        return "time saved unknown: no compile of these is in the logs" if origin["unknown"] else "nothing saved"
    if not origin["recorded"] + origin["mean"]:
        return "nothing saved"
    how = f", {origin['mean']} of {origin['recorded'] + origin['mean']} hits estimated" * (origin["mean"] > 0)
    return f"time saved {seconds(ms)}{how}" if ms >= 0 else f"hits took {seconds(-ms)} longer than compiling{how}"


def title(report: Mapping[str, Any]) -> str:
    """What is reported on."""
    modes = {row["mode"] for row in report["elements"] if row["mode"]}
    mode = f", recc_mode {modes.pop()}" if len(modes) == 1 else ""
    what = "newest builds since" if report["session"]["marked_by"] == "since" else "build of"
    return f"{report['project']}, {what} {clock(report['session']['start'])}{mode}"


def headline(report: Mapping[str, Any]) -> list[str]:
    """The answer in a few lines: what recc did, the causes that cost most, and what to change."""
    totals, rows = report["totals"], report["elements"]
    number = sum(row["complete"] or row["compiles"] + row["links"] > 0 for row in rows)
    hits = f"{several(totals['compiles'], 'compile')}, hit rate {rate(totals)}"
    lines = [f"{several(number, 'element')}, {hits}, {saved(totals)}"]
    for cause in [cause for cause in report["causes"] if cause["ms"] is not None][:SHOWN_CAUSES]:
        number, time = several(cause["compiles"], "compile"), seconds(cause["ms"])
        lines.append(f"{cause['text']}: {number}, {time} in {some(cause['elements'])}")
    verdicts = [(row["element"], row["verdict"]) for row in rows if row["verdict"]]
    return lines + [f"{name}: {verdict['text']}. {verdict['remedy']}" for name, verdict in verdicts]


def counts(report: Mapping[str, Any]) -> Section:
    """What became of the compiles of each element, and its state where it is not simply built."""
    lines = []
    for row in (*report["elements"], {"element": "total", "state": "built", "complete": True, **report["totals"]}):
        words = [row["state"]] * (row["state"] != "built") + ["?"] * (row["compiles"] > 0 and not row["complete"])
        name = row["element"] + (f" ({', '.join(words)})" if words else "")
        numbers = [*(str(row[key]) for key in COUNTED.values()), f"{row['link_hits']} of {row['links']}"]
        times = (seconds(row[key]) for key in ("hit_ms", "miss_ms", "saved_ms"))
        lines.append((name, *numbers, rate(row), *times))
    remote = "remote" if report["execution_service"] else REMOTE_HERE
    names = ("element", *(remote if name == "remote" else name for name in COUNTED), "links hit", "hit rate", *TIMES)
    # Columns without a number only take room.
    columns = zip(names, *lines, strict=True)
    headings, *lines = zip(*(column for column in columns if {*column[1:]} - {"0", "0 of 0"}), strict=True)
    return Section("", headings, lines)


def misses(row: Mapping[str, Any]) -> Section:
    """The misses of one element, one by one."""
    lines = [
        (miss["file"], miss["result"], seconds(miss["ms"]), "; ".join(reason["text"] for reason in miss["reasons"]))
        for miss in row["misses"]
    ]
    return Section(f"{row['element']}: not from the cache", ("file", "result", "time", "why"), lines)


def sections(report: Mapping[str, Any], everything: bool) -> list[Section]:
    """All tables that have a row; with `everything` each miss."""
    rows = report["elements"]
    causes = [
        (cause["text"], str(cause["compiles"]), seconds(cause["ms"]), some(cause["elements"]))
        for cause in report["causes"]
    ]
    hidden = [(row["element"], *map(str, entry.values())) for row in rows for entry in row["hidden_inputs"]]
    found = [counts(report)] if rows else []
    found.append(
        Section("why compiles were not taken from the cache", ("cause", "compiles", "time", "elements"), causes)
    )
    found += [misses(row) for row in rows if everything]
    text = "hidden inputs: files that a compile reads and no scan lists"
    found.append(Section(text, ("element", "file", "compiles", "first read by"), hidden))
    return [section for section in found if section.rows]


def text_console() -> Console:
    """A console that prints text as it is: in a pipe no line is broken."""
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 100_000
    return console


def table(section: Section, width: int) -> Table:
    """A section for a terminal of `width` columns."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for heading in section.headings:
        number = heading in NUMBERS
        text = heading.replace(" ", "\n") if number and width < 120 else heading
        made.add_column(text, justify="right" if number else "left", no_wrap=number, overflow="fold")
    for row in section.rows:
        made.add_row(*(Text(clean(cell)) for cell in row), style="bold" if row[0] == "total" else "")
    return made


def show(report: Mapping[str, Any], everything: bool) -> None:
    """Print a report, as nothing but text; with `everything` each miss."""
    click.secho(clean(title(report)), bold=True)
    for line in headline(report):
        click.echo(clean(f"  {line}"))
    click.echo()
    print_sections(sections(report, everything))
    for note in report["notes"]:
        click.echo(clean(f"Note: {note}"))


def print_sections(parts: Sequence[Section]) -> None:
    """Print tables."""
    console = text_console()
    for section in parts:
        if section.title:
            click.secho(clean(section.title), bold=True)
        with console.capture() as captured:
            console.print(table(section, console.width))
        click.echo(captured.get(), color=True)
