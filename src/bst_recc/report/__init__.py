# bst-recc report: what recc did in a build, element by element, and why compiles missed the cache.
# SPDX-License-Identifier: Apache-2.0
"""Everything read from a log was printed by somebody's build: it is shown as text, never interpreted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import jinja2

from bst_recc.errors import ReccError, clean
from bst_recc.project import replace_file
from bst_recc.report.builds import Logs
from bst_recc.report.contents import clock, make_report
from bst_recc.report.tables import NUMBERS, SHOWN_MISSES, sections, show, title

SCHEMA, PAGE = (Path(__file__).parent / name for name in ("report.schema.json", "page.html.j2"))
CONFIG = click.option("-c", "--config", type=Path, metavar="FILE", help="BuildStream's user configuration, as for bst.")


def write_html(path: Path, report: dict[str, Any]) -> None:
    """Write the report as one page that needs nothing else; raises ReccError when the file cannot be written."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, finalize=lambda value: clean(str(value)))
    template = environment.from_string(PAGE.read_text(encoding="utf-8"))
    tables = sections(report)
    page = template.render(report=report, title=title(report), sections=tables, numbers=NUMBERS, clock=clock)
    try:
        replace_file(path, page)
    except OSError as error:
        raise ReccError(f"cannot write {path}: {error.strerror}.", "Name another file: --html FILE") from None


def markdown(report: dict[str, Any]) -> str:
    """The report for the summary of a job in a forge's CI: tables of GitHub's Markdown, without the commands."""

    def text(words: str) -> str:
        # With a backslash before each of them, no mark means anything.
        return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", clean(words))

    lines = [f"### {text(title(report))}"]
    for section in sections(report, SHOWN_MISSES):
        width = len(section.headings) - (section.headings[-1] == "command")
        rules = ["-:" if name in NUMBERS else "-" for name in section.headings[:width]]
        rows = [map(text, section.headings[:width]), rules, *(map(text, row[:width]) for row in section.rows)]
        lines += ["", text(section.title), "", *(f"|{'|'.join(row)}|" for row in rows), "", section.more]
    return "\n".join(lines + [f"\nNote: {text(note)}" for note in report["notes"]])


@click.command(
    epilog="""A build is one run of bst. Logs do not name the run they belong to, but each run starts a casd, whose log
    (_casd/ beside the projects' logs) tells when it ran: what starts after it belongs to it, and so do runs of bst
    that start while it runs. BuildStream keeps the logs of ten casds; older builds are reported by --since. An element
    that came from an artifact cache is not in the report: it was not built.

    Times for --since: 2026-11-22, 2026-11-22T12:30, or how long ago: 90s, 30m, 2h, 3d.

    Exit status: 0: reported, 1: nothing to report, or it cannot be read, 2: wrongly called.

    Example: bst-recc report --since 2h --html report.html"""
)
@click.option("--element", "elements", multiple=True, metavar="NAME", help="Report on this element only (repeatable).")
@click.option("--since", metavar="TIME", help="Report the newest log of every element since TIME.")
@click.option("--session", type=click.IntRange(1), metavar="N", help="Report the N-th most recent build (default: 1).")
@click.option("--all", is_flag=True, help=f"List all misses, not the first {SHOWN_MISSES} per element.")
@click.option("--json", is_flag=True, help="Print JSON, for programs.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as one page as well.")
@click.option("--markdown", is_flag=True, help="Print it in Markdown, for the summary of a job of a forge.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of what --json prints, and nothing else.")
@CONFIG
def command(
    elements: tuple[str, ...],
    since: str | None,
    session: int | None,
    html: Path | None,
    config: Path | None,
    **flags: bool,
) -> None:
    """Show what recc did in the last build of this project.

    It counts hits and misses by element, and says why compiles missed the cache.
    """
    if since is not None and session is not None:
        raise click.UsageError("--since and --session exclude each other.")
    if flags["schema"]:
        click.echo(SCHEMA.read_text(encoding="utf-8"), nl=False)
        return
    report = make_report(Logs.find(config, elements), since, session or 1)
    if html:
        write_html(html, report)
    if flags["json"]:
        click.echo(json.dumps(report, indent=2))
    elif flags["markdown"]:
        click.echo(markdown(report))
    else:
        show(report, flags["all"])
