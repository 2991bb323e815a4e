# bst-recc report: what recc did in a build, element by element, and why compiles missed the cache.
# SPDX-License-Identifier: Apache-2.0
"""Everything read from a log was printed by somebody's build: it is shown as text, never interpreted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from time import time
from typing import Any

import click

from bst_recc.errors import clean
from bst_recc.report import history
from bst_recc.report.builds import Logs, parse_time
from bst_recc.report.contents import make_report
from bst_recc.report.tables import NUMBERS, headline, sections, show, title
from bst_recc.report.watch import watch

SCHEMA = Path(__file__).parent / "report.schema.json"
CONFIG = click.option("-c", "--config", type=Path, metavar="FILE", help="BuildStream's user configuration, as for bst.")


def markdown(report: dict[str, Any]) -> str:
    """The report for the summary of a job in a forge's CI: tables of GitHub's Markdown, without the commands."""

    def text(words: str) -> str:
        # With a backslash before each of them, no mark means anything.
        return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", clean(words))

    lines = [f"### {text(title(report))}", "", *(f"- {text(line)}" for line in headline(report))]
    for section in sections(report, everything=False):
        rules = ["-:" if name in NUMBERS else "-" for name in section.headings]
        rows = [map(text, section.headings), rules, *(map(text, row) for row in section.rows)]
        lines += ["", text(section.title), "", *(f"|{'|'.join(row)}|" for row in rows)]
    return "\n".join(lines + [f"\nNote: {text(note)}" for note in report["notes"]])


@click.command(
    epilog="""A build is one run of bst; a second bst that starts during a build belongs to it. BuildStream keeps what
    this needs for the last ten builds: use --since for older ones. An element that came from an artifact cache was not
    built, and is not in the report.

    Times for --since: 2026-11-22, 2026-11-22T12:30, or how long ago: 90s, 30m, 2h, 3d.

    Exit status: 0: reported, 1: nothing to report, or it cannot be read, 2: wrongly called.

    Example: bst-recc report --since 2h --html report.html"""
)
@click.option("--element", "elements", multiple=True, metavar="NAME", help="Report on this element only (repeatable).")
@click.option("--since", metavar="TIME", help="Report the newest log of every element since TIME.")
@click.option("--session", type=click.IntRange(1), metavar="N", help="Report the N-th most recent build (default: 1).")
@click.option("--watch", "kind", flag_value="watch", help="Show the build that runs, as it runs, then its report.")
@click.option("--history", "kind", flag_value="history", help="Show totals and trend of all builds.")
@click.option("--zero", "kind", flag_value="zero", help="Clear the history.")
@click.option("--all", is_flag=True, help="List each miss.")
@click.option("--json", is_flag=True, help="Print JSON, for programs.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as one page as well.")
@click.option("--markdown", is_flag=True, help="Print it in Markdown, for the summary of a job of a forge.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of what --json prints, and nothing else.")
@CONFIG
def command(
    elements: tuple[str, ...],
    since: str | None,
    session: int | None,
    kind: str | None,
    html: Path | None,
    config: Path | None,
    **flags: bool,
) -> None:
    """Show what recc did in the last build of this project.

    It counts hits and misses by element, and says why compiles missed the cache.
    """
    if since is not None and session is not None:
        raise click.UsageError("give only one of --since and --session.")
    if flags["schema"]:
        click.echo(SCHEMA.read_text(encoding="utf-8"), nl=False)
        return
    if kind in ("history", "zero") and (session or html or flags["markdown"] or flags["all"]):
        raise click.UsageError(f"--{kind} reports on no single build: leave out --session, --html, --markdown, --all.")
    logs = Logs.find(config, elements)
    if kind == "zero":
        history.zero(logs, time())
    elif kind == "history":
        found = history.read(logs, parse_time(since, time()) if since else 0.0)
        click.echo(json.dumps(found, indent=2)) if flags["json"] else history.show(found)
    else:
        if kind == "watch":
            watch(logs)
            logs = Logs.find(config, elements)
        print_report(logs, since, session or 1, html, flags)


def print_report(logs: Logs, since: str | None, number: int, html: Path | None, flags: Mapping[str, bool]) -> None:
    """Report on a build, in the forms that are asked for, and keep its counts."""
    report = make_report(logs, since, number)
    note = history.keep(logs)
    report["notes"] += [note] * bool(note)
    if html:
        from bst_recc.report import page  # here, because it is slow

        page.write(html, report)
    if flags["json"]:
        click.echo(json.dumps(report, indent=2))
    elif flags["markdown"]:
        click.echo(markdown(report))
    else:
        show(report, flags["all"])
