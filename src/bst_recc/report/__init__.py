# bst-recc report: what recc did in a build, element by element, and why compiles missed the cache.
# SPDX-License-Identifier: Apache-2.0
"""Everything read from a log was printed by somebody's build: it is shown as text, never interpreted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import jinja2
from markupsafe import Markup

from bst_recc.errors import ReccError, clean
from bst_recc.outcomes import OUTCOMES
from bst_recc.report.builds import Logs
from bst_recc.report.contents import clock, make_report
from bst_recc.report.screen import HEADINGS, SHOWN_MISSES, Screen, cells, miss_text, named, seconds, title

SCHEMA = Path(__file__).parent / "report.schema.json"


def where(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where logs and actions are."""
    for option in (
        click.option("-c", "--config", type=Path, metavar="FILE", help="BuildStream's user configuration, as for bst."),
        click.option("--cas", type=Path, metavar="DIRECTORY", help="BuildStream's local CAS (default: by -c)."),
        click.option("--logs", type=Path, metavar="DIRECTORY", help="BuildStream's logdir (default: by -c)."),
    ):
        command = option(command)
    return command


def write_html(path: Path, report: dict[str, Any]) -> None:
    """Write the report as one page that needs nothing else; raises ReccError when the file cannot be written."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else clean(str(value)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = (cells, clock, miss_text, named, seconds, title)
    environment.globals |= {function.__name__: function for function in shown} | {
        "headings": HEADINGS,
        "outcomes": OUTCOMES,
    }
    page = environment.get_template("page.html.j2").render(report=report)
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_text(page, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ReccError(f"cannot write {path}: {error.strerror}.", "Name another file: --html FILE") from None


@click.command(
    epilog="""A build is one run of bst. Logs do not name the run they belong to, but each run starts a casd, whose log
    (_casd/ beside the projects' logs) tells when it ran: what starts within it belongs to it. Runs that overlap are
    taken as one, split where an element is built again. BuildStream keeps the logs of ten casds; older builds are
    reported by --since. An element that came from an artifact cache is not in the report: it was not built.

    \b
    Times for --since: 2026-11-22, 2026-11-22T12:30[:00], 20261122-123000 (as in
    the names of logs), 12:30 (today), or how long ago: 90s, 30m, 2h, 3d.

    Exit status: 0: reported, 1: nothing to report, or it cannot be read, 2: wrongly called.

    Example: bst-recc report --since 2h --html report.html"""
)
@click.option("--element", "elements", multiple=True, metavar="NAME", help="Report on this element only (repeatable).")
@click.option("--since", metavar="TIME", help="Report the newest log of every element since TIME.")
@click.option("--session", type=click.IntRange(1), metavar="N", help="Report the N-th most recent build (default: 1).")
@click.option("--all", "everything", is_flag=True, help=f"List all misses, not the first {SHOWN_MISSES} per element.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("--html", type=Path, metavar="FILE", help="Write the report as one page of HTML as well.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of what --json prints, and nothing else.")
@where
def command(
    elements: tuple[str, ...],
    since: str | None,
    session: int | None,
    everything: bool,
    as_json: bool,
    html: Path | None,
    schema: bool,
    **places: Path | None,
) -> None:
    """Show what recc did in the last build of this project.

    It counts hits and misses by element, and says why compiles missed the cache.
    """
    if since is not None and session is not None:
        raise click.UsageError("--since and --session exclude each other.")
    if schema:
        click.echo(SCHEMA.read_text(encoding="utf-8"), nl=False)
        return
    report = make_report(Logs.find(**places), elements, since, session or 1)
    if html:
        write_html(html, report)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        Screen().report(report, everything)
