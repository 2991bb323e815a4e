# The tables of a report: one list of them, which the terminal prints and the page has.
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
from bst_recc.outcomes import OUTCOMES
from bst_recc.report.contents import clock

SHOWN_MISSES = 20
COUNTED = ("compiles", "hits", "local", "remote", "failed", "errors", "not cached", "checked", "not deterministic")
NUMBERS = (*COUNTED, "links hit", "hit rate", "in hits", "in misses", "time", "number")


@dataclass(frozen=True)
class Section:
    """A table with what stands above and below it; columns named in NUMBERS are right-aligned."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: str = ""


def seconds(ms: int) -> str:
    """A time for people."""
    return f"{ms / 1000:.1f} s"


def title(report: Mapping[str, Any]) -> str:
    """The first line of the report."""
    number = sum(row["complete"] or row["compiles"] + row["links"] > 0 for row in report["elements"])
    modes = {row["mode"] for row in report["elements"] if row["mode"]}
    mode = f", recc_mode {modes.pop()}" if len(modes) == 1 else ""
    what = "newest builds since" if report["session"]["marked_by"] == "since" else "build of"
    when = clock(report["session"]["start"])
    return f"{report['project']}, {what} {when}: {number} element{'s' * (number != 1)} with compiles by recc{mode}"


def counts(rows: Sequence[Mapping[str, Any]], totals: Mapping[str, Any]) -> Section:
    """What became of the compiles of each element, and its state where it is not simply built."""
    lines = []
    for row in (*rows, {"element": "total", "state": "built", "complete": True, **totals}):
        words = [row["state"]] * (row["state"] != "built") + ["?"] * (row["compiles"] > 0 and not row["complete"])
        name = row["element"] + (f" ({', '.join(words)})" if words else "")
        rate = "-" if row["hit_rate"] is None else f"{100 * row['hit_rate']:.1f} %"
        numbers = [*(str(row[name.replace(" ", "_")]) for name in COUNTED), f"{row['link_hits']} of {row['links']}"]
        lines.append((name, *numbers, rate, seconds(row["hit_ms"]), seconds(row["miss_ms"])))
    # Columns without a number only take room.
    columns = zip(("element", *COUNTED, "links hit", "hit rate", "in hits", "in misses"), *lines, strict=True)
    headings, *lines = zip(*(column for column in columns if {*column[1:]} - {"0", "0 of 0"}), strict=True)
    return Section("", headings, lines)


def misses(row: Mapping[str, Any], shown: int | None) -> Section:
    """The misses of one element, the first `shown` of them one by one."""
    lines = [
        (m["file"], m["result"], seconds(m["ms"]), "; ".join(r["text"] for r in m["reasons"]), m["command"])
        for m in row["misses"]
    ]
    rest = 0 if shown is None else len(lines[shown:])
    more = f"… and {rest} more; --all shows them." if rest else ""
    headings = ("file", "result", "time", "why", "command")
    return Section(f"{row['element']}: not from the cache", headings, lines[:shown], more)


def sections(report: Mapping[str, Any], shown: int | None = None) -> list[Section]:
    """All tables that have a row; `shown`: how many misses of each element, None for all."""
    rows = report["elements"]
    texts = {word: outcome.text for word, outcome in OUTCOMES.items()}
    uncached = [(str(n), word, texts.get(word, "")) for word, n in report["totals"]["uncached"].items()]
    hidden = [(row["element"], *map(str, entry.values())) for row in rows for entry in row["hidden_inputs"]]
    found = [counts(rows, report["totals"])] if rows else []
    found += [misses(row, shown) for row in rows]
    found.append(Section("not cached, by reason", ("number", "reason", "meaning"), uncached))
    text = "hidden inputs: files that a compile reads and no scan lists"
    found.append(Section(text, ("element", "file", "compiles", "first read by"), hidden))
    return [section for section in found if section.rows]


def show(report: Mapping[str, Any], everything: bool) -> None:
    """Print a report, as nothing but text; without `everything` only the first misses of each element."""
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 100_000  # in a pipe no line is broken
    click.secho(clean(title(report)) + "\n", bold=True)
    for section in sections(report, None if everything else SHOWN_MISSES):
        if section.title:
            click.secho(clean(section.title), bold=True)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        # Commands are for the page: bst-recc explain shows that of one compile.
        for heading in section.headings[: 4 if "command" in section.headings else None]:
            number = heading in NUMBERS
            text = heading.replace(" ", "\n") if number and console.width < 120 else heading
            table.add_column(text, justify="right" if number else "left", no_wrap=number, overflow="fold")
        for row in section.rows:
            cells = [Text(clean(cell)) for cell in row[: len(table.columns)]]
            table.add_row(*cells, style="bold" if row[0] == "total" else "")
        with console.capture() as captured:
            console.print(table)
        click.echo(captured.get() + section.more + "\n" * bool(section.more), color=True)
    for note in report["notes"]:
        click.echo(clean(f"Note: {note}"))
