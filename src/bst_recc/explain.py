# bst-recc explain: what differs between the last compile of a file and the one before.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bst_recc.errors import ReccError, clean
from bst_recc.report import CONFIG
from bst_recc.report.builds import Logs
from bst_recc.report.contents import SCHEMA_VERSION, clock, compile_json, iso
from bst_recc.report.why import Found, History, compare, reasons


def find(compiles: list[Found], name: str) -> Found:
    """The first one of `name`, a source or an output; raises ReccError where there is none."""
    names = [(found, [*found.compile.sources, *found.compile.outputs]) for found in compiles]
    for found, its in names:
        if name in its:
            return found
    known = sorted({each for _, its in names for each in its})
    close = difflib.get_close_matches(name, known, n=5, cutoff=0.5)
    raise ReccError(
        f"no build log of the element has a compile of '{name}' by recc.",
        f"Did you mean: {', '.join(close)}?" if close else f"Compiled were: {', '.join(known[:10]) or 'none'}",
        "Build it in a mode other than off: bst --option recc_mode remote build ELEMENT",
    )


def found_json(found: Found) -> dict[str, Any]:
    """A compile and the log that has it."""
    return compile_json(found.compile) | {"log": str(found.file.path), "start": iso(found.file.start)}


def explain(logs: Logs, name: str) -> dict[str, Any]:
    """Compare the last compile of `name` in the wanted element with the one before it that has another action.

    Raises ReccError when there is no such compile or it has no action.
    """
    (element,) = logs.wanted
    history = History(logs, element)
    last = find(history.all, name)
    compile, previous, differences = last.compile, None, None
    earlier = [found for found in history.earlier(last) if found.compile.digest]
    if compile.changed:
        note = f"It was compiled anew, since this has changed: {compile.changed}."
    elif compile.digest is None and compile.status == "hit":
        note = "Nothing has changed that it depends on: the manifest answered it."
    elif compile.digest is None:
        raise ReccError(
            f"the last compile of '{name}' has no action: {compile.status}.",
            f"The report says why: bst-recc report --element {element}",
        )
    elif previous := next((found for found in earlier if found.compile.digest != compile.digest), None):
        differences = compare(logs.cas, str(previous.compile.digest), compile.digest)
        told = "; ".join(reason["text"] for reason in reasons(differences))
        note = f"In short: {told or 'no difference that can be told'}."
    else:
        note = f"All compiles of it in the logs have the same action: {len(earlier) + 1}."
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "explanation",
        "element": element,
        "file": name,
        "last": found_json(last),
        "previous": found_json(previous) if previous else None,
        "differences": differences,
        "note": note,
    }


def show(explanation: Mapping[str, Any]) -> None:
    """Print an explanation."""
    last, previous = explanation["last"], explanation["previous"]
    lines = [f"{explanation['element']}: {explanation['file']}"]
    for name, found in (("last", last), ("before", previous)):
        if found:
            lines.append(f"  {name:8}{clock(found['start'])}  {found['result']}  action {found['action'] or '-'}")
    lines += [f"  in      {last['directory']}", f"  command {last['command']}", ""]
    for name, items in (explanation["differences"] or {}).items():
        lines += [name] * bool(items)
        for item in items:
            if name == "unreadable":
                lines.append(f"  {item}")
            elif name == "arguments":
                lines.append(f"  {'-' if item['change'] == 'removed' else '+'} {item['argument']}")
            else:
                lines.append(f"  {item['name']} ({item['change']})")
                lines += [f"    {sign} {item[side]}" for side, sign in (("before", "-"), ("after", "+")) if item[side]]
        lines += [""] * bool(items)
    for line in (*lines, explanation["note"]):
        click.echo(clean(line))


@click.command(epilog="Example: bst-recc explain greeting.bst main.o")
@click.argument("element")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@CONFIG
def command(element: str, file: str, as_json: bool, config: Path | None) -> None:
    """Show what differs between the last compile of FILE in ELEMENT and the one before.

    FILE is a source or an object, as in the command.
    """
    explanation = explain(Logs.find(config, [element]), file)
    if as_json:
        click.echo(json.dumps(explanation, indent=2))
    else:
        show(explanation)
