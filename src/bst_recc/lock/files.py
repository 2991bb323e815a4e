# packages.yml: what to pin, from which snapshots of the archive; and how lockfiles differ.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bst_recc.errors import ReccError
from bst_recc.project import read_yaml

ARCHIVE = "https://snapshot.debian.org/archive/debian"
# BuildStream's names of architectures -> Debian's.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
SHARED = "base"
LATEST = "latest"


@dataclass(frozen=True)
class Component:
    """One entry of packages.yml: packages asked for, packages never taken, components it builds on."""

    packages: list[str]
    exclude: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Manifest:
    """packages.yml: `alias` is the archive's name in the project; `updates` has packages and their later snapshot."""

    path: Path
    suite: str
    snapshot: str
    architectures: list[str]
    components: dict[str, Component]
    exclude: list[str] = field(default_factory=list)
    updates: dict[str, Any] = field(default_factory=dict)
    alias: str = "debian"
    archive: str = ARCHIVE
    keyring: str = "/usr/share/keyrings/debian-archive-keyring.gpg"

    def __post_init__(self) -> None:
        """Raises ReccError for a snapshot that is neither one nor 'latest'."""
        for moment in (self.snapshot, self.updates.get("snapshot", LATEST)):
            if not re.fullmatch(rf"\d{{8}}T\d{{6}}Z|{LATEST}", str(moment)):
                raise ReccError(f"invalid snapshot: '{moment}'", f"Write it as 20261030T080801Z, or '{LATEST}'.")

    @property
    def toolchains(self) -> list[str]:
        """The components before 'base': what compiles are cached with."""
        names = [*self.components]
        return names[: names.index(SHARED)] if SHARED in names else []

    def text(self) -> str:
        """packages.yml with these snapshots; all else stays as people wrote it."""
        text = re.sub(r"^updates:.*\n(?:[ -].*\n)*", "", self.path.read_text(), flags=re.MULTILINE)
        names = ", ".join(self.updates.get("packages", []))
        updates = f"\nupdates: {{snapshot: {self.updates['snapshot']}, packages: [{names}]}}" if names else ""
        return re.sub(r"^snapshot: \S+(.*)$", rf"snapshot: {self.snapshot}\1{updates}", text, flags=re.MULTILINE)


def read_manifest(paths: list[Path]) -> Manifest:
    """Read and check the first packages.yml that is there; raises ReccError where none is, or it cannot be pinned."""
    path = next((path for path in paths if path.is_file()), None)
    if not path:
        raise ReccError(f"there is no {paths[-1]}.", "Name the directory of packages.yml: --directory DIR")
    data = read_yaml(path)
    try:
        components = {name: Component(**entry) for name, entry in data.get("components", {}).items()}
        manifest = Manifest(path, **data | {"components": components})
        problems = [f"unknown architecture '{name}'" for name in manifest.architectures if name not in ARCHITECTURES]
        for number, (name, component) in enumerate(components.items()):
            missing = {*component.needs}.difference([*components][:number])
            problems += [f"'{name}' needs '{need}', which is not listed before it" for need in missing]
        if not manifest.toolchains and len(components) != 1:
            problems.append(f"neither a single component, nor '{SHARED}' after that of a toolchain")
    except (TypeError, AttributeError) as error:
        reason = re.sub(r".*unexpected keyword argument", "unknown key", str(error))
        problems = [re.sub(r".*required positional arguments?:", "missing key", reason)]
    if problems:
        needed = f"Give it suite, snapshot, architectures of {[*ARCHITECTURES]} and components, each with packages."
        raise ReccError(f"invalid {path}: {problems[0]}.", needed)
    return manifest


def pins(text: str) -> dict[str, tuple[str, str]]:
    """Version and sha256 of each package of a lockfile, by name; none where it is no lockfile, or in conflict."""
    try:
        lock: Any = YAML(typ="safe").load(text)
        packages = zip(lock["public"]["lock"]["packages"], lock["sources"], strict=True)
        return {package["name"]: (package["version"], source["ref"]) for package, source in packages}
    except (YAMLError, KeyError, TypeError, ValueError):
        return {}


def changes(component: str, before: str, after: str) -> list[str]:
    """The packages that differ between two lockfiles of a component, one line each."""
    old, new = pins(before), pins(after)
    lines = []
    for name in sorted(old | new):
        (was, *old_ref), (now, *new_ref) = old.get(name, ("",)), new.get(name, ("",))
        what = f"{was} -> {now}{' (another file)' if was == now else ''}"
        if (was, old_ref) != (now, new_ref):
            lines.append(f"  {component}: {name} {what if was and now else f'added: {now}' if now else 'removed'}")
    return lines


def report(manifest: Manifest, before: dict[Path, str], stale: dict[Path, str], title: str) -> list[str]:
    """Lines on how stale lockfiles differ, and what that means for cached compiles; `title` is said of each."""
    alike: dict[tuple[str, ...], list[str]] = {}
    moved = []
    for path, text in stale.items():
        if lines := changes(path.stem, before[path], text):
            moved += [path] if before[path] else []
        else:
            differ = difflib.unified_diff(before[path].splitlines(), text.splitlines(), lineterm="", n=0)
            lines = [f"  {line}" for line in [*differ][2:] if not line.startswith("@@")]
        alike.setdefault(tuple(lines), []).append(title.format(path.relative_to(manifest.path.parent)))
    said = [line for lines, titles in alike.items() for line in (*titles, *lines)]
    for toolchain in manifest.toolchains if stale else []:
        # Each toolchain builds on the first, and has the rest of its digest to itself (see resolve).
        digest = {manifest.toolchains[0], toolchain, f"{toolchain}-shared"}
        architectures = ", ".join(dict.fromkeys(path.parent.name for path in moved if path.stem in digest))
        stays = "stays as it is: compiles that are cached with it stay valid."
        changed = f"changes ({architectures}): every compile that is cached with it will be done again."
        said.append(f"'{toolchain}' {changed if architectures else stays}")
    return said
