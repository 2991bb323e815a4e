# bst-recc explain: what differs between the last compile of a file and the one before.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bst_recc.errors import ReccError
from bst_recc.report import where
from bst_recc.report.builds import Logs
from bst_recc.report.contents import SCHEMA_VERSION, clock, compile_json, iso
from bst_recc.report.screen import Screen
from bst_recc.report.why import Found, History, compare, reasons

SIGNS = {"removed": "-", "added": "+"}


def find(compiles: list[Found], element: str, name: str) -> Found:
    """The last compile of `name`, a source or an output; raises ReccError where there is none, or more than one."""
    names = {f: [*f.compile.sources, *f.compile.outputs] for f in compiles}
    found = [f for f in compiles if name in names[f]]
    if not found:
        end = "/" + name.removeprefix("./")
        found = [f for f in compiles if any(f"/{n}".endswith(end) for n in names[f])]
        outputs = sorted({" ".join(f.compile.outputs) or f.compile.file for f in found})
        if len(outputs) > 1:
            raise ReccError(f"'{name}' is the name of more than one file.", f"Say which: {', '.join(outputs[:10])}")
    if not found:
        known = sorted({n for f in compiles for n in names[f]})
        close = difflib.get_close_matches(name, known, n=5, cutoff=0.5)
        raise ReccError(
            f"no build log of {element} has a compile of '{name}' by recc.",
            f"Did you mean: {', '.join(close)}?" if close else f"Compiled were: {', '.join(known[:10]) or 'none'}",
            "Write the name of source or object as the command does.",
            f"Build the element in a mode other than off: bst --option recc_mode remote build {element}",
        )
    return max(found, key=lambda f: f.file.start)


def found_json(found: Found) -> dict[str, Any]:
    """A compile and the log that has it."""
    return compile_json(found.compile) | {"log": str(found.file.path), "start": iso(found.file.start)}


def explain(logs: Logs, element: str, name: str) -> dict[str, Any]:
    """Compare the last compile of `name` in `element` with the one before it that has another action.

    Raises ReccError when there is no such compile or it has no action.
    """
    element, history = logs.element(element), History(logs.all, logs.cas)
    last = find([found for same in history.compiles(element).values() for found in same], element, name)
    compile, previous, differences, earlier = last.compile, None, None, history.earlier(last)
    if compile.changed:
        note = f"It was compiled anew, since this has changed: {compile.changed}."
    elif compile.digest is None and compile.status == "hit":
        note = "Nothing has changed that it depends on: the manifest answered it."
    elif compile.digest is None:
        raise ReccError(
            f"the last compile of '{name}' ({clock(last.file.start)}) has no action: {compile.status}.",
            f"The report says why: bst-recc report --element {element}",
        )
    elif others := [f for f in earlier if f.compile.digest not in (None, compile.digest)]:
        previous = others[0]
        differences = compare(logs.cas, str(previous.compile.digest), compile.digest)
        told = "; ".join(reason["text"] for reason in reasons(differences) if reason["kind"] != "unknown")
        note = f"In short: {told or 'no difference that can be told'}."
        if differences["unreadable"]:
            note = "Not everything could be compared: blobs are gone from the CAS."
    elif same := sum(1 for f in earlier if f.compile.digest):
        note = f"All {same + 1} compiles of it in the logs have the same action."
    else:
        note = "It is the only compile of it in the logs that has an action."
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
    screen, last, differences = Screen(), explanation["last"], explanation["differences"] or {}
    screen.print(f"{explanation['element']}: {explanation['file']}", "bold")
    for name, found in (("last", last), ("before", explanation["previous"])):
        if found:
            action = found["action"] or "-"
            screen.print(f"{name:8}{clock(found['start'])}  {found['result']}  action {action}", indent=2)
    screen.print(f"in      {last['directory']}", indent=2)
    screen.print(f"command {last['command']}", indent=2)
    screen.print()
    for name, items in differences.items():
        if items:
            screen.print(name, "bold")
        for item in items:
            if name == "unreadable":
                screen.print(item, indent=2)
            elif name == "arguments":
                screen.print(f"{SIGNS[item['change']]} {item['argument']}", indent=2)
            else:
                screen.print(f"{item['name']} ({item['change']})", indent=2)
                for side, sign in (("before", "-"), ("after", "+")):
                    if item[side]:
                        screen.print(f"{sign} {item[side]}", indent=4)
        if items:
            screen.print()
    screen.print(explanation["note"])


@click.command(epilog="Example: bst-recc explain examples/greeting.bst main.o")
@click.argument("element")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@where
def command(element: str, file: str, as_json: bool, **places: Path | None) -> None:
    """Show what differs between the last compile of FILE in ELEMENT and the one before.

    FILE is a source or an object, as in the command.
    """
    explanation = explain(Logs.find(**places), element, file)
    if as_json:
        click.echo(json.dumps(explanation, indent=2))
    else:
        show(explanation)
