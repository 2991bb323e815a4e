# bst-recc adopt: adds recc's wiring to the elements of a project that compile.
# SPDX-License-Identifier: Apache-2.0
"""Parsing is in document, judging in elements, planning in plan; here files are written."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
from pathlib import Path

import click

from bst_recc.adopt.elements import Tree, included
from bst_recc.adopt.plan import WRAPPER, Plan
from bst_recc.errors import ReccError
from bst_recc.project import Project, replace_file


def difference(name: str, old: str, new: str) -> str:
    """A unified diff that patch and git take."""
    before, after = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (old, new))
    diff = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff)


@click.command()
@click.argument("places", nargs=-1, metavar="[PROJECT] [ELEMENT]...")
@click.option("--write", is_flag=True, help="Do it, instead of showing the diff.")
@click.option("--check", is_flag=True, help="For CI: change nothing, exit 1 if a compile goes past recc.")
@click.option("--junction", metavar="NAME", default="", help="Take recc's files from the project behind this junction.")
@click.option("--toolchain", metavar="ELEMENT", default="", help="Declare this where CC is another compiler.")
@click.option("--kind", "kinds", metavar="NAME", multiple=True, help="Wire elements of this kind as well; repeatable.")
def command(
    places: tuple[str, ...], write: bool, check: bool, junction: str, toolchain: str, kinds: tuple[str, ...]
) -> int:
    """Add recc's wiring to the elements of a project that compile.

    It adds the toolchain's include file and what brings the wrappers to their build-depends, and no byte else.
    Without --write it shows the diff. An element with environment: {BST_RECC_MODE: 'off: REASON'} is left out.

    Example: bst-recc adopt --check
    """
    directories = [place for place in places if not place.endswith(".bst")]
    if len(directories) > 1 or (write and check):
        raise click.UsageError("name one project, and one of --write and --check.")
    if directories and not Path(directories[0]).is_dir():
        raise ReccError(f"{directories[0]} is no directory.", "Name the project's, and elements that end with .bst.")
    tree = Tree(Project.find(Path(*directories)))
    named = tuple(place for place in places if place.endswith(".bst"))
    found = (name.rpartition(":") for top, _ in tree.conf for name in included(top))
    junction = junction or next((where for where, _, file in found if file == "include/recc.yml"), "")
    for name in (*named, *(place.partition(":")[0] for place in (toolchain, junction) if place)):
        if name not in tree.elements and name not in tree.broken:
            raise ReccError(f"there is no element {name}.", f"Name it as bst does, from {tree.path} on.")
    plan = Plan(tree, named, junction, toolchain, kinds)
    if plan.changes and not (check or junction or WRAPPER in tree.elements):
        raise ReccError(
            f"the project has no {WRAPPER}.",
            "Copy what recc needs from a generated project: docs/adopt.md of the template says what.",
            "Or name the junction that has it: --junction recc.bst",
        )
    if write and plan.changes:
        git = ["git", "-C", str(tree.directory), "status", "--porcelain", "--", *map(str, plan.changes)]
        done = subprocess.run(git, capture_output=True) if shutil.which("git") else None
        if done is None or done.returncode or done.stdout:
            click.echo("bst-recc: not all these files are committed: 'git checkout' cannot undo this alone.", err=True)
        for path, text in plan.changes.items():
            replace_file(path, text)
        plan.counts["wired now"] = plan.counts.pop("to wire")
    elif not check:
        for path, text in sorted(plan.changes.items()):
            diff = difference(os.path.relpath(path, tree.directory), tree.document(path).text, text)
            click.echo(diff.encode(), nl=False)
    remarks = sorted(plan.remarks | plan.lacking if check else plan.remarks)
    for remark in remarks:
        place = os.path.relpath(remark.path, tree.directory)
        click.echo(f"{place}:{remark.line}: {remark.text}", err=not (check and remark.wrong))
    for kind, names in sorted(plan.unknown.items()):
        click.echo(f"kind {kind} (those that compile: ELEMENT…, or all: --kind {kind}): {' '.join(names)}", err=True)
    numbers = ", ".join(f"{count} {what}" for what, count in sorted(plan.counts.items()) if count)
    click.echo(f"bst-recc: elements: {numbers or 'none'}.", err=True)
    return int(check and any(remark.wrong for remark in remarks))
