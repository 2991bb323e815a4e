# A report on the terminal, or in a pipe.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bst_recc.errors import clean
from bst_recc.outcomes import OUTCOMES
from bst_recc.report.contents import clock

SHOWN_MISSES = 20
COUNTED = ("compiles", "hits", "local", "remote", "failed", "errors", "not cached")
HEADINGS = (*COUNTED, "links hit", "hit rate", "in hits", "in misses")


def seconds(ms: int) -> str:
    """A time for people."""
    return f"{ms / 1000:.1f} s"


def cells(counts: Mapping[str, Any]) -> list[str]:
    """One row of the table, in the order of HEADINGS."""
    numbers = [str(counts[name.replace(" ", "_")]) for name in COUNTED]
    rate = "-" if counts["hit_rate"] is None else f"{100 * counts['hit_rate']:.1f} %"
    times = [seconds(counts[name]) for name in ("hit_ms", "miss_ms")]
    return [*numbers, f"{counts['link_hits']} of {counts['links']}", rate, *times]


def title(report: Mapping[str, Any]) -> str:
    """The first line of the report."""
    number = sum(row["complete"] or row["compiles"] + row["links"] > 0 for row in report["elements"])
    modes = {row["mode"] for row in report["elements"] if row["mode"]}
    mode = f", recc_mode {modes.pop()}" if len(modes) == 1 else ""
    what = "newest builds since" if report["session"]["marked_by"] == "since" else "build of"
    return (
        f"{report['project']}, {what} {clock(report['session']['start'])}:"
        f" {number} element{'s' * (number != 1)} with compiles by recc{mode}"
    )


def named(row: Mapping[str, Any]) -> str:
    """An element with its state, where it is not simply built."""
    words = [row["state"]] * (row["state"] != "built") + ["?"] * (row["compiles"] > 0 and not row["complete"])
    return str(row["element"]) + (f" ({', '.join(words)})" if words else "")


def miss_text(reasons: Iterable[Mapping[str, Any]]) -> str:
    """Reasons of one miss."""
    return "; ".join(reason["text"] for reason in reasons)


class Screen:
    """Standard output: a terminal's width is kept, in a pipe no line is broken, unless COLUMNS says otherwise."""

    def __init__(self) -> None:
        terminal = sys.stdout and sys.stdout.isatty()
        columns = os.environ.get("COLUMNS", "")
        width = None if terminal else int(columns) if columns.isdecimal() else 100_000
        self.console = Console(markup=False, highlight=False, emoji=False, width=width)

    def print(self, item: RenderableType = "", style: str = "", indent: int = 0) -> None:
        """Print text (as nothing but text) or a table, without blanks at the ends of lines; `indent` in columns."""
        if isinstance(item, str):
            item = Text(clean(item) or " ", style, overflow="fold")
        with self.console.capture() as captured:
            self.console.print(Padding(item, (0, 0, 0, indent), expand=False))
        for line in captured.get().splitlines():
            click.echo(line.rstrip(), color=True)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> None:
        """Print a table; columns named in `numbers` are right-aligned and never broken; a row 'total' stands out."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        for heading in headings:
            number = heading in numbers
            text = heading.replace(" ", "\n") if number and self.console.width < 120 else heading
            table.add_column(text, justify="right" if number else "left", no_wrap=number, overflow="fold")
        for row in rows:
            if row[0] == "total":
                table.add_section()
            table.add_row(*(Text(clean(cell)) for cell in row), style="bold" if row[0] == "total" else "")
        self.print(table)
        self.print()

    def report(self, report: Mapping[str, Any], everything: bool) -> None:
        """Print a report; without `everything` only the first misses of each element."""
        rows = report["elements"]
        self.print(title(report), "bold")
        self.print()
        if rows:
            lines = [(named(row), *cells(row)) for row in rows] + [("total", *cells(report["totals"]))]
            # Columns without a number only take room.
            columns = zip(("element", *HEADINGS), *lines, strict=True)
            headings, *lines = zip(*(c for c in columns if {*c[1:]} - {"0", "0 of 0"}), strict=True)
            self.table(headings, lines, HEADINGS)
        for row in rows:
            self.misses(row, None if everything else SHOWN_MISSES)
        if uncached := report["totals"]["uncached"]:
            self.print("not cached, by reason", "bold")
            for name, number in uncached.items():
                self.print(f"{number} {name}" + (f": {OUTCOMES[name].text}" if name in OUTCOMES else ""), indent=2)
            self.print()
        if hidden := [(row["element"], *map(str, h.values())) for row in rows for h in row["hidden_inputs"]]:
            self.print("hidden inputs: files that a compile reads and no scan lists", "bold")
            self.table(("element", "file", "compiles", "first read by"), hidden)
        for note in report["notes"]:
            self.print(f"Note: {note}")

    def misses(self, row: Mapping[str, Any], shown: int | None) -> None:
        """The misses of one element, the first `shown` of them one by one."""
        misses = row["misses"]
        if misses:
            self.print(f"{row['element']}: not from the cache", "bold")
            lines = [(m["file"], m["result"], seconds(m["ms"]), miss_text(m["reasons"])) for m in misses[:shown]]
            self.table(("file", "result", "time", "why"), lines, ("time",))
        if rest := misses[len(misses) if shown is None else shown :]:
            kinds = Counter(miss["reasons"][0]["text"].partition(":")[0] for miss in rest)
            listed = ", ".join(f"{words}: {number}" for words, number in kinds.most_common())
            self.print(f"… and {len(rest)} more ({listed}); --all shows them.")
            self.print()
