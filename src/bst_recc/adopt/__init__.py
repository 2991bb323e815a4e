# bst-recc adopt: adds recc to a project that exists.
# SPDX-License-Identifier: Apache-2.0
"""Judging is in elements, planning in plan and wiring; here files are written."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import click

from bst_recc.adopt.elements import Tree
from bst_recc.adopt.plan import Plan
from bst_recc.adopt.wiring import Wiring
from bst_recc.errors import ReccError
from bst_recc.project import Project, difference, replace_file


@click.command()
@click.argument("places", nargs=-1, metavar="[PROJECT] [ELEMENT]...")
@click.option("--write", is_flag=True, help="Write the changes.")
@click.option("--check", is_flag=True, help="For CI: change nothing; exit 1 if an element compiles without recc.")
@click.option(
    "--compiler", metavar="ELEMENT", default="", help="The element with the compiler, if adopt does not find it."
)
@click.option(
    "--copy", metavar="DIRECTORY", type=Path, help="Copy recc from a checkout of the template, without a junction."
)
@click.option(
    "--forward", metavar="JUNCTION", default="", help="Pass recc_mode on to this junction (gnome-build-meta)."
)
@click.option("--toolchain", metavar="ELEMENT", default="", help="Use this toolchain in elements that set another CC.")
@click.option("--kind", "kinds", metavar="NAME", multiple=True, help="Wire elements of this kind as well; repeatable.")
def command(
    places: tuple[str, ...],
    write: bool,
    check: bool,
    compiler: str,
    copy: Path | None,
    forward: str,
    toolchain: str,
    kinds: tuple[str, ...],
) -> int:
    """Add recc to a project: two junctions, an option, lines in project.conf and in each element that compiles.

    It changes nothing else. Without --write, it shows the diff. An element with environment: {BST_RECC_MODE:
    'off: REASON'} is left out.

    Example: bst-recc adopt --check
    """
    directories = [place for place in places if not place.endswith(".bst")]
    if len(directories) > 1 or (write and check):
        raise click.UsageError("give one project, and only one of --write and --check.")
    if directories and not Path(directories[0]).is_dir():
        remedy = "Give the project's directory, and elements that end with .bst."
        raise ReccError(f"{directories[0]} is not a directory.", remedy)
    if copy and not (copy / "recc/project.conf").is_file():
        remedy = "Clone the template with git, and give its directory."
        raise ReccError(f"{copy} is not a checkout of the template.", remedy)
    tree = Tree(Project.find(Path(*directories)))
    named = tuple(place for place in places if place.endswith(".bst"))
    for name in (*named, forward, *(place.partition(":")[0] for place in (toolchain, compiler))):
        if name and name not in tree.elements and name not in tree.broken:
            raise ReccError(f"there is no element {name}.", f"Give its path below {tree.path}, as for bst.")
    wiring = Wiring(tree, compiler, copy, forward)
    plan = Plan(tree, named, wiring.junction, toolchain, kinds)
    names = {path: os.path.relpath(path, tree.directory) for path in sorted(tree.changes)}
    if write and tree.changes:
        git = ["git", "-C", str(tree.directory), "status", "--porcelain", "--", *names.values()]
        done = subprocess.run(git, capture_output=True) if shutil.which("git") else None
        if done is None or done.returncode or done.stdout:
            click.echo("bst-recc: not all these files are committed: 'git checkout' cannot undo this alone.", err=True)
        for source, target in wiring.copies.items():
            ignored = shutil.ignore_patterns(".bst", ".bst2", ".venv")
            shutil.copytree(source, target, ignore=ignored, symlinks=True, dirs_exist_ok=True)
        for path in names:
            replace_file(path, tree.changes[path])
        plan.counts["wired now"] = plan.counts.pop("to wire", 0)
    elif not check:
        for source, target in wiring.copies.items():
            click.echo(f"bst-recc: copies {source} to {target}.", err=True)
        for path, name in names.items():
            click.echo(difference(path, name, tree.changes[path]).encode(), nl=False)
    remarks = plan.remarks | wiring.remarks
    for remark in sorted(remark for remark in remarks if check or not remark.lacks):
        place, hint = os.path.relpath(remark.path, tree.directory), ": bst-recc adopt --write adds it" * remark.lacks
        click.echo(f"{place}:{remark.line}: {remark.text}{hint}", err=not (check and remark.wrong))
    for kind, elements in sorted(plan.unknown.items()):
        click.echo(f"kind {kind} (those that compile: ELEMENT…, or all: --kind {kind}): {' '.join(elements)}", err=True)
    numbers = ", ".join(f"{count} {what}" for what, count in sorted(plan.counts.items()) if count)
    click.echo(f"bst-recc: elements: {numbers or 'none'}.", err=True)
    return int(check and any(remark.wrong for remark in remarks))
