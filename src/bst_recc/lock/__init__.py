# bst-recc lock: pins the Debian packages that a packages.yml names, in locks/<architecture>/*.yml beside it.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import click

from bst_recc.errors import ReccError
from bst_recc.lock.apt import FORMAT, Apt, resolve
from bst_recc.lock.files import LATEST, Manifest, read_manifest, report
from bst_recc.mirror import ARCHIVE, host_mirror
from bst_recc.project import Project, replace_file
from bst_recc.services import render


def pin(read: Callable[..., Apt], asked: Manifest, architecture: str) -> tuple[Manifest, dict[Path, str]]:
    """The manifest with the snapshots that are read, and the lockfiles of an architecture; an empty one is to go."""
    locks = asked.path.parent / "locks" / architecture
    # Of a component that packages.yml does not name any more nothing is pinned.
    files = {path: "" for path in sorted(locks.glob("*.yml"))}
    with tempfile.TemporaryDirectory(prefix="lock-") as root:
        apt = read(Path(root, "base"), asked, architecture, asked.snapshot, asked.alias)
        manifest = replace(asked, snapshot=apt.snapshot())
        if asked.updates:
            newer = read(Path(root, "newer"), asked, architecture, asked.updates["snapshot"], f"{asked.alias}-updates")
            manifest = replace(manifest, updates=asked.updates | {"snapshot": newer.snapshot()})
            apt.update(asked.updates["packages"], newer)
        for component, packages in resolve(apt).items():
            values = {"component": component, "manifest": manifest, "packages": packages}
            files[locks / f"{component}.yml"] = render("lock.yml.j2", **values)
    return manifest, files


@click.command()
@click.argument("packages", nargs=-1, metavar="[PACKAGE]...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a lockfile is stale.")
@click.option("--update", is_flag=True, help="Use the latest snapshot, only for the PACKAGEs if any are named.")
@click.option("--snapshot", metavar="DATE|latest", help="Use this snapshot instead of the one in packages.yml.")
@click.option("--mirror", metavar="URL", help="Read the latest index here. Default: the mirror that apt uses.")
@click.option("--allow-expired", is_flag=True, help="Accept an expired index.")
@click.option("--directory", metavar="DIR", help="Where packages.yml is. Default: here, debian-toolchain or recc.")
def command(
    packages: tuple[str, ...],
    check: bool,
    update: bool,
    snapshot: str | None,
    mirror: str | None,
    allow_expired: bool,
    directory: str | None,
) -> int:
    """Pin the Debian packages that packages.yml names.

    Write locks/ beside packages.yml, from the snapshot that it names. Say what changes, and
    whether cached compiles stay valid.

    With --update PACKAGE..., take these packages, those updated so before, and what they
    require from the latest snapshot (or that of --snapshot). All others stay as they are.

    Example: bst-recc lock --update make cmake
    """
    if packages and not update:
        raise click.UsageError("PACKAGE needs --update.")
    moment = snapshot or (LATEST if update else None)
    if (mirror or allow_expired) and moment != LATEST:
        raise click.UsageError("--mirror and --allow-expired need --update or --snapshot latest.")
    usual = ("", "debian-toolchain", "recc")
    places = [Path(directory)] if directory else [Project.find().directory / name for name in usual]
    written = asked = read_manifest([place / "packages.yml" for place in places])
    if packages:
        names = sorted({*asked.updates.get("packages", []), *packages})
        asked = replace(asked, updates={"snapshot": moment, "packages": names})
    elif moment:
        asked = replace(asked, snapshot=moment, updates={})

    nearest = mirror or (host_mirror() if asked.archive == ARCHIVE else None)
    latest = nearest or f"{asked.archive}/{datetime.now(timezone.utc).strftime(FORMAT)}"
    read = partial(Apt, latest=latest, check_age=not allow_expired)
    pinned = [pin(read, asked, architecture) for architecture in asked.architectures]
    manifest = pinned[0][0]
    if any(found != manifest for found, _ in pinned):
        raise ReccError("the mirror changed while it was read.", "Run this again.")
    files = {path: text for _, locks in pinned for path, text in locks.items()}
    files[manifest.path.parent / "locks/archive.yml"] = render("archive.yml.j2", manifest=manifest)

    before = {path: path.read_text() if path.exists() else "" for path in files}
    stale = {path: text for path, text in files.items() if text != before[path]}
    said = report(manifest, before, stale)
    if not check:
        # Before it is said: a reader may close the pipe.
        for path, text in stale.items():
            replace_file(path, text) if text else path.unlink()
        if manifest != written:
            replace_file(manifest.path, manifest.text())
    said.append(f"{len(stale)} of {len(files)} lockfiles {'are stale' if check else 'changed'}")
    click.echo("\n".join(said))
    return 1 if check and stale else 0
