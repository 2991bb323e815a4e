# bst-recc explain: what has changed since the compile of a file before the last one.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bst_recc.cas import LocalCas
from bst_recc.errors import ReccError, clean
from bst_recc.report import CONFIG
from bst_recc.report.builds import LogFile, Logs
from bst_recc.report.contents import SCHEMA_VERSION, clock, compile_json, iso
from bst_recc.report.tables import seconds, several
from bst_recc.report.why import Found, History, empty, reasons

LONGEST = 1 << 20
"""Bytes of a text that is shown as a difference."""
COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def names(found: Found) -> list[str]:
    """Sources and outputs of a compile, as its command has them and from the element's build directory on."""
    compile = found.compile
    given = [*compile.sources, *compile.outputs]
    return [*given, *(found.file.short(name, compile.directory) for name in given)]


def closeness(name: str, known: list[str]) -> int:
    """How well a name fits those of a file: 2: it is one of them, 1: it is the end of one, 0: it is another's."""
    name = name.removeprefix("./")
    return 2 if name in known else int(any(one.endswith(f"/{name}") for one in known))


@dataclass(frozen=True)
class Asked:
    """The compile to explain, and, where an input was asked for, that input and all compiles that it made anew."""

    found: Found
    history: History
    inputs: str = ""
    missed: tuple[Found, ...] = ()


def newest_first(logs: Logs) -> Iterator[tuple[LogFile, History]]:
    """The logs, and what is known of their elements."""
    histories = {file.element: History(logs, file.element) for file in logs.all}
    for file in reversed(logs.all):
        yield file, histories[file.element]


def ask(logs: Logs, name: str) -> Asked:
    """Find what is to be explained; raises ReccError where nothing has that name.

    A compile, or else an input that made one anew, or else any input: of these the newest that fits best.
    """
    known, seen = set[str](), set[tuple[str, str]]()
    fits: dict[int, Asked] = {}
    for file, history in newest_first(logs):
        for compile in reversed(file.log.compiles):
            its = names(found := Found(file, compile))
            known.update(one for one in its if not one.endswith("..."))
            fits.setdefault(closeness(name, its), Asked(found, history))
        if 2 in fits:
            return fits[2]
    if 1 in fits:
        return fits[1]
    for file, history in newest_first(logs):
        changed = list(changed_inputs(history, file))
        for whole in sorted({whole for _, whole in changed}, key=lambda whole: -closeness(name, [whole])):
            if closeness(name, [whole]):
                missed = tuple(found for found, one in changed if one == whole)
                return Asked(missed[0], history, whole, missed)
    for file, history in newest_first(logs):
        for compile in file.log.compiles:
            for whole in history.inputs(Found(file, compile), seen):
                if closeness(name, [whole, file.short(whole)]):
                    return Asked(Found(file, compile), history, file.short(whole))
    close = difflib.get_close_matches(name, sorted(known), n=5, cutoff=0.5)
    raise ReccError(
        f"no logged compile made, compiled or read '{name}'.",
        f"Did you mean: {', '.join(close)}?" if close else f"Compiled files: {', '.join(sorted(known)[:10]) or 'none'}",
        "Build it in a mode other than off: bst --option recc_mode remote build ELEMENT",
    )


def changed_inputs(history: History, file: LogFile) -> Iterator[tuple[Found, str]]:
    """The misses of a build with each input that made them."""
    for compile in file.log.compiles:
        if compile.status in ("local", "remote"):
            for reason in history.why(found := Found(file, compile)):
                yield from ((found, name) for name in reason["inputs"])


def lines(cas: LocalCas, digest: str | None) -> list[str] | None:
    """The text that a digest names; none for a file that is not there; None where it cannot be shown."""
    if digest is None or digest.startswith("->"):
        return []
    data = cas.blob(digest.partition(" ")[0])
    if data is None or len(data) > LONGEST or b"\0" in data:
        return None
    return data.decode(errors="replace").splitlines()


def text_changes(cas: LocalCas, changes: list[dict[str, Any]], dates: list[str]) -> list[dict[str, str]]:
    """Unified diffs of the inputs that changed; those whose texts are gone, or no texts, are left out."""
    found = []
    for change in changes:
        before, after, name = lines(cas, change["before"]), lines(cas, change["after"]), change["name"]
        if before is not None and after is not None:
            diff = "\n".join(difflib.unified_diff(before, after, name, name, dates[0], dates[1], lineterm=""))
            found += [{"name": name, "diff": diff}] if diff else []
    return found


def found_json(found: Found) -> dict[str, Any]:
    """A compile and the log that has it."""
    return compile_json(*found) | {"log": str(found.file.path), "start": iso(found.file.start)}


def difference(asked: Asked) -> tuple[Found | None, dict[str, list[Any]] | None, str]:
    """The compile before, what differs, and that in a sentence."""
    last, history = asked.found, asked.history
    compile, earlier = last.compile, history.earlier(last)
    before = next(iter(earlier), None)
    if asked.inputs and not asked.missed:
        return before, None, f"{asked.inputs} is unchanged in all builds with a log."
    same = compile.by_manifest or not before or before.compile.digest == compile.digest
    if compile.status == "hit" and same:
        return before, None, "Unchanged in both builds." if earlier else "There is no older log of it."
    differences: dict[str, list[Any]] | None = None
    comparable = compile.digest and any(one.compile.digest not in (None, compile.digest) for one in earlier)
    if earlier and (compile.changed or not comparable):
        differences = history.remembered(last)
    if differences is None and comparable:
        before, differences = history.difference(last)
    if differences and asked.inputs:
        differences = empty() | {"inputs": [one for one in differences["inputs"] if one["name"] == asked.inputs]}
    told = reasons(differences) if differences else history.why(last)
    return before, differences, "; ".join(reason["text"] for reason in told) + "."


def explain(logs: Logs, name: str) -> dict[str, Any]:
    """Compare the last compile of `name`, or the last that `name` made anew, with the one before it.

    Raises ReccError when there is no such compile.
    """
    asked = ask(logs, name)
    last = asked.found
    previous, differences, note = difference(asked)
    dates = [clock(iso(found.file.start)) for found in (previous, last) if found]
    if asked.missed:
        cost = seconds(sum(one.compile.ms for one in asked.missed))
        note = f"{asked.inputs} changed: {several(len(asked.missed), 'compile')}, {cost}."
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "explanation",
        "element": last.file.element,
        "file": name,
        "compiles": len(asked.missed) or 1,
        "last": found_json(last),
        "previous": found_json(previous) if previous else None,
        "differences": differences,
        "texts": text_changes(logs.cas, (differences or empty())["inputs"], dates) if len(dates) == 2 else [],
        "note": note,
    }


def show(explanation: Mapping[str, Any]) -> None:
    """Print an explanation."""
    last, previous, differences = (explanation[name] for name in ("last", "previous", "differences"))
    click.secho(clean(f"{explanation['element']}: {explanation['note']}"), bold=True)
    for name, found in (("last", last), ("before", previous)):
        if found:
            click.echo(clean(f"  {name:8}{clock(found['start'])}  {found['result']}  {found['file']}"))
    click.echo(clean(f"  command {last['command']}"))
    click.echo(clean(f"  in      {last['directory']}") + "\n")
    shown = {text["name"] for text in explanation["texts"]}
    for name, items in (differences or {}).items():
        items = [item for item in items if not (name == "inputs" and item["name"] in shown)]
        if items:
            click.secho(name, bold=True)
        for item in items:
            if name == "unreadable":
                click.echo(clean(f"  {item}, which is no longer in the CAS"))
            elif name == "arguments":
                sign = "-" if item["change"] == "removed" else "+"
                click.secho(clean(f"  {sign} {item['argument']}"), fg=COLOURS[sign])
            else:
                click.echo(clean(f"  {item['name']} ({item['change']})"))
                for side, sign in (("before", "-"), ("after", "+")):
                    if item[side]:
                        click.secho(clean(f"    {sign} {item[side]}"), fg=COLOURS[sign])
    for text in explanation["texts"]:
        for line in text["diff"].splitlines():
            click.secho(clean(line.replace("\t", "        ")), fg=COLOURS.get(line[:1]))


@click.command(
    epilog="""FILE is a source, an object or a header, as in the command or as in the element's sources; the end of its
    path is enough.

    Example: bst-recc explain src/util.h"""
)
@click.argument("file")
@click.option("--element", "elements", multiple=True, metavar="NAME", help="Look in this element only (repeatable).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@CONFIG
def command(file: str, elements: tuple[str, ...], as_json: bool, config: Path | None) -> None:
    """Show what changed between the last compile of FILE and the one before."""
    explanation = explain(Logs.find(config, elements), file)
    if as_json:
        click.echo(json.dumps(explanation, indent=2))
    else:
        show(explanation)
