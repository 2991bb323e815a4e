# packages.yml: what to pin, from which snapshots of the archive; and how lockfiles differ.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bst_recc.errors import ReccError
from bst_recc.mirror import ARCHIVE
from bst_recc.project import read_yaml

# BuildStream's names of architectures -> Debian's, where they differ.
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
        raise ReccError(f"there is no {paths[-1]}.", "Give the directory of packages.yml: --directory DIR")
    data = read_yaml(path)
    try:
        components = {name: Component(**entry) for name, entry in data.get("components", {}).items()}
        if not components or not data.get("architectures"):
            raise TypeError("no components, or no architectures")
        for number, (name, component) in enumerate(components.items()):
            if missing := {*component.needs}.difference([*components][:number]):
                raise TypeError(f"'{name}' needs {missing}, not listed before it")
        return Manifest(path, **data | {"components": components})
    except (TypeError, AttributeError) as error:
        needed = "Give it suite, snapshot, architectures and components, each with packages."
        raise ReccError(f"invalid {path}: {error}.", needed) from None


def pins(text: str) -> dict[str, tuple[str, str]]:
    """Version and sha256 of each package of a lockfile, by name; none where it is no lockfile, or in conflict."""
    try:
        lock: Any = YAML(typ="safe").load(text)
        packages = zip(lock["public"]["lock"]["packages"], lock["sources"], strict=True)
        return {package["name"]: (package["version"], source["ref"]) for package, source in packages}
    except (YAMLError, KeyError, TypeError, ValueError):
        return {}


def report(manifest: Manifest, before: dict[Path, str], stale: dict[Path, str]) -> list[str]:
    """The stale lockfiles, how their packages differ, and what that means for cached compiles."""
    said, moved = [], []
    for path, text in stale.items():
        old, new = pins(before[path]), pins(text)
        differ = sorted(name for name in old | new if old.get(name) != new.get(name))
        said.append(str(path.relative_to(manifest.path.parent)))
        moved += [path] if differ else []
        for name in differ:
            was, now = (found.get(name, ("nothing",))[0] for found in (old, new))
            said.append(f"  {name} {was} -> {now}{' (another file)' if was == now else ''}")
    for toolchain in manifest.toolchains if stale else []:
        # Each toolchain builds on the first, and has the rest of its digest to itself (see resolve).
        digest = {manifest.toolchains[0], toolchain, f"{toolchain}-shared"}
        architectures = ", ".join(dict.fromkeys(path.parent.name for path in moved if path.stem in digest))
        stays = "stays as it is: compiles that are cached with it stay valid."
        changed = f"changes ({architectures}): every compile that is cached with it will be done again."
        said.append(f"'{toolchain}' {changed if architectures else stays}")
    return said
