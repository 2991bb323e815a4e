# apt's own resolver in a private root, without privileges. It verifies the index, which each sha256 is taken from.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path

import click

from bst_recc.errors import ReccError
from bst_recc.lock.files import ARCHITECTURES, LATEST, SHARED, Manifest
from bst_recc.mirror import ARCHIVE
from bst_recc.services import render

# The archive's snapshots are taken one to two hours after an index is made, which is every six hours;
# of any other time it answers with the last one before.
ARCHIVE_DELAY = timedelta(hours=4)
FORMAT = "%Y%m%dT%H%M%SZ"
# What apt says, what that means, and what to do about it.
REASONS = (
    ("not valid yet", "the index is of the future", "Set the clock of this machine."),
    ("is expired", "the index is out of date", "Use a current mirror: --mirror URL", "Or accept it: --allow-expired"),
    (
        "not signed|signatures|NO_PUBKEY",
        "the index is not signed by a key in {keyring}",
        "Update the package debian-archive-keyring; the keyring of another archive: 'keyring: FILE' in packages.yml.",
    ),
    ("Unable to locate package", "the suite lacks a package", "Fix its name in packages.yml (apt-cache search)."),
    (
        "Failed to fetch|not have a Release file",
        "{url} cannot be used",
        "Check the network and the URL; a snapshot is written as 20261030T080801Z.",
        "Or pin all packages anew from a mirror, which has the latest snapshot alone: --update --mirror URL",
    ),
    ("", "apt finds no solution", "Change what packages.yml asks for.", "Or take another snapshot: --snapshot DATE"),
)
# A package as the index describes it, in the fields that take one line, and the `alias` that it is fetched by.
Stanza = dict[str, str]


class Apt:
    """apt-get for one architecture, with the verified index of one moment."""

    def __init__(
        self, root: Path, manifest: Manifest, architecture: str, moment: str, alias: str, latest: str, check_age: bool
    ) -> None:
        """Read the index; that of the moment 'latest' is at the URL `latest`. Raises ReccError where that fails."""
        self.root, self.manifest, self.moment, self.alias = root, manifest, moment, alias
        self.lists = root / "var/lib/apt/lists"
        self.url = latest if moment == LATEST else f"{manifest.archive}/{moment}"
        for directory in (self.lists, root / "var/cache/apt", root / "etc/apt"):
            directory.mkdir(parents=True)
        (root / "status").touch()
        self.keyring = manifest.path.parent.resolve() / manifest.keyring
        source = f"deb [signed-by={self.keyring}] {self.url}/ {manifest.suite} main\n"
        (root / "etc/apt/sources.list").write_text(source)
        # A dated snapshot is older than its validity by design; it cannot be replayed
        # as something newer because its date is what was asked for.
        check = moment == LATEST and check_age
        text = render(
            "apt.conf.j2", root=root, architecture=ARCHITECTURES.get(architecture, architecture), check_validity=check
        )
        (root / "apt.conf").write_text(text)
        click.echo(f"{architecture}: reading the index of {manifest.suite}, {moment}", err=True)
        self.run("update")

    def run(self, *arguments: str) -> str:
        """Run apt-get and return its output; raises ReccError with apt's own reason."""
        if not shutil.which("apt-get"):
            remedy = "Run this command on Debian or one of its derivatives, or in a container of one."
            raise ReccError("apt-get is missing: packages are resolved with it.", remedy)
        environment = os.environ | {"APT_CONFIG": str(self.root / "apt.conf"), "LC_ALL": "C"}
        done = subprocess.run(["apt-get", "-q", *arguments], env=environment, capture_output=True, text=True)
        # apt-get calls an index that it could not fetch a warning, and exits with 0.
        failed = re.findall(r"^(?:E:|W:(?=.*Failed to fetch)) *(.*)", done.stdout + done.stderr, re.MULTILINE)
        if done.returncode or failed:
            unmet = done.stdout.partition("unmet dependencies:\n")[2].split()
            reason = " ".join([*failed[:1], *unmet]) or f"apt-get exited with status {done.returncode}"
            _, problem, *remedies = next(entry for entry in REASONS if re.search(entry[0], reason))
            raise ReccError(f"{problem.format(url=self.url, keyring=self.keyring)}: {reason}", *remedies)
        return done.stdout

    @cached_property
    def stanzas(self) -> dict[str, Stanza]:
        """The packages of the index, by name; the first of a name counts."""
        found: dict[str, Stanza] = {}
        for text in "".join(path.read_text() for path in self.lists.glob("*_Packages")).split("\n\n"):
            if stanza := dict(re.findall(r"^([^\s:]+): *(.*)$", text, re.MULTILINE)):
                found.setdefault(stanza["Package"], stanza | {"alias": self.alias})
        return found

    def closure(self, names: Iterable[str]) -> set[str]:
        """Names of all packages that installing `names` would install."""
        uris = self.run("--print-uris", "--yes", "install", *names)
        return set(re.findall(r"^'[^']*' ([^_\s]+)_", uris, re.MULTILINE))

    def update(self, names: Iterable[str], newer: Apt) -> None:
        """Take `names`, and what they then require, from the index of `newer`; raises ReccError for one not pinned.

        That is what 'apt-get install NAME…' does on a machine that has what is pinned.
        """
        pinned = self.closure(name for component in self.manifest.components.values() for name in component.packages)
        for name in {*names} - pinned:
            raise ReccError(f"'{name}' is not among the pinned packages.", "To add it, list it in packages.yml.")
        installed = [self.stanzas[name] | {"Status": "install ok installed"} for name in pinned]
        write_stanzas(newer.root / "status", installed)
        self.stanzas |= {name: newer.stanzas[name] for name in newer.closure(names)}
        # apt verified the index when it fetched it, and does not look at it again.
        (index,) = self.lists.glob("*_Packages")
        for path in [index, *(self.root / "var/cache/apt").glob("*.bin")]:
            path.unlink()  # the index may be a link into the archive
        write_stanzas(index, self.stanzas.values())

    def snapshot(self) -> str:
        """Name of the snapshot that has this index; raises ReccError where the latest one has no date."""
        if self.moment != LATEST:
            return self.moment
        (release,) = self.lists.glob("*Release")
        date = re.search(r"^Date: (.+)$", release.read_text(), re.MULTILINE)
        if not date:
            raise ReccError(f"the index at {self.url} has no date.", "Give a snapshot: --snapshot DATE")
        made = parsedate_to_datetime(date[1]).astimezone(timezone.utc)
        return (made + (ARCHIVE_DELAY if self.manifest.archive == ARCHIVE else timedelta())).strftime(FORMAT)


def write_stanzas(path: Path, stanzas: Iterable[Stanza]) -> None:
    """Write an index, or a list of what is installed."""
    path.write_text("\n".join("".join(f"{k}: {v}\n" for k, v in stanza.items()) for stanza in stanzas))


def resolve(apt: Apt) -> dict[str, list[Stanza]]:
    """Assign every needed package to exactly one component.

    Those before 'base' are toolchains: each holds all that it needs to run and
    the ones before it do not have. The others build on the first toolchain, on
    'base' and on what they name under 'needs'; what several of them need
    without naming each other moves to 'base'. What a toolchain has in common
    with them is a component of its own, TOOLCHAIN-shared, on which both build.
    A single component holds all that it needs.
    """
    components, toolchains = apt.manifest.components, apt.manifest.toolchains
    first = next(iter(components))
    names: dict[str, set[str]] = {}
    asked: list[str] = []
    for name, component in components.items():
        below = [*names] if name in toolchains else [first, SHARED, *component.needs]
        taken = {*apt.manifest.exclude, *component.exclude}.union(*(names[other] for other in below if other in names))
        taken.update(components[first].exclude if name in toolchains else [])
        names[name] = apt.closure(asked + component.packages) - taken
        asked += component.packages if name in (first, SHARED) else []
    later = [names[name] for name in components if name not in toolchains]
    counts = Counter(name for members in later[1:] for name in members)
    several = {name for name, count in counts.items() if count > 1}
    for members in later[1:]:
        members -= several
    later[0] |= several
    for toolchain in toolchains[1:]:
        both = names[toolchain].intersection(set().union(*later))
        for members in (names[toolchain], *later):
            members -= both
        names[f"{toolchain}-shared"] = both
    return {component: [apt.stanzas[name] for name in sorted(members)] for component, members in names.items()}
