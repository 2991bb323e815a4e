# Why a compile missed the cache: what differs between its action and an older one's.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from bst_recc.cas import LocalCas
from bst_recc.outcomes import OUTCOMES
from bst_recc.report.builds import LogFile, Logs
from bst_recc.report.manifest import Manifest
from bst_recc.wrapperlog import Compile

TOOLCHAIN_PROPERTY = "chrootRootDigest"
SHOWN_NAMES = 3
# The kinds of reasons, as the JSON has them, and their words; the weightiest difference first.
REASONS = {
    "first-build": "never built here before",
    "never-seen": "new: never compiled here before",
    "not-in-cache": "compiled before, but not in this cache",
    "not-stored": "compiled before, but its result was not stored",
    "mode": "first compile in this mode, which keeps its results apart",
    "toolchain": "toolchain changed",
    "platform": "platform changed: {}",
    "command": "command changed: {}",
    "environment": "environment changed: {}",
    "inputs": "{} changed",
    "new-inputs": "{} is new",
    "settings": "settings of the action changed",
    "unknown": "unknown ({})",
    "failed": "the {} failed",
    "error": "recc failed; its messages are in the build log",
}


def some(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    return ", ".join(names[:SHOWN_NAMES]) + f" and {len(names) - SHOWN_NAMES} more" * (len(names) > SHOWN_NAMES)


def reason(kind: str, *names: str) -> dict[str, Any]:
    """One reason for a miss: what kind, in words, and the names of what it is about."""
    words = REASONS[kind].format(some(names))
    words = re.sub(" is new$", " are new", words) if len(names) > 1 else words
    return {"kind": kind, "text": words, "inputs": list(names) if kind.endswith("inputs") else []}


def changes(before: dict[str, str], after: dict[str, str]) -> list[dict[str, Any]]:
    """Differences of two mappings, by name; None: it is not there."""
    sides = ((name, before.get(name), after.get(name)) for name in sorted(before | after))
    return [
        {"name": n, "change": "added" if b is None else "removed" if a is None else "changed", "before": b, "after": a}
        for n, b, a in sides
        if b != a
    ]


def pairs(items: Iterable[Any]) -> dict[str, str]:
    """Messages with name and value as a mapping."""
    return {item.name: item.value for item in items}


def empty() -> dict[str, list[Any]]:
    """No difference of any kind, as report.schema.json names them."""
    names = ("arguments", "environment", "platform", "outputs", "settings", "inputs", "unreadable")
    return {name: [] for name in names}


def settings(action: Any) -> dict[str, str]:
    """What an action itself says: `salt` is its domain, `command` the digest of one that recc does not see."""
    domain, _, command = action.salt.decode(errors="replace").partition(" ")
    return {"salt": domain, "command": command, "do_not_cache": str(action.do_not_cache).lower()}


def compare(cas: LocalCas, before: str, after: str, short: Callable[[str], str]) -> dict[str, list[Any]]:
    """What differs between the actions with these digests (HASH/SIZE), as report.schema.json describes it.

    `short` makes names from whole paths; `unreadable` names what could not be compared: it has left the storage.
    """
    from bst_recc.reapi import messages, text  # here, because it is slow

    found = empty()

    def read(kind: str, *digests: str) -> list[Any]:
        """Both messages, or none where one has left the storage; that of no digest is an empty one."""
        sides = [cas.read(kind, digest) if digest else getattr(messages, kind)() for digest in digests]
        lost = [f"{kind.lower()} {digest}" for digest, side in zip(digests, sides, strict=True) if side is None]
        found["unreadable"] += lost
        return [] if lost else sides

    def trees(before: str, after: str, path: str) -> None:
        """Add the differences of two directories at `path`."""
        if before == after or not (sides := read("Directory", before, after)):
            return
        entries: list[dict[str, str]] = []
        for side in sides:
            files = {n.name: text(n.digest) + " executable" * n.is_executable for n in side.files}
            links = {n.name: f"-> {n.target}" for n in side.symlinks}
            entries.append({short(f"/{path}{name}"): what for name, what in (files | links).items()})
        found["inputs"] += changes(*entries)
        old, new = ({n.name: text(n.digest) for n in side.directories} for side in sides)
        for name in sorted(old | new):
            trees(old.get(name, ""), new.get(name, ""), f"{path}{name}/")

    if not (actions := read("Action", before, after)):
        return found
    found["settings"] = changes(*map(settings, actions))
    found["platform"] = changes(*(pairs(action.platform.properties) for action in actions))
    if commands := read("Command", *(text(action.command_digest) for action in actions)):
        old, new = (list(command.arguments) for command in commands)
        signs = {"-": "removed", "+": "added"}
        # The first two lines name the sides.
        lines = list(difflib.unified_diff(old, new, n=0, lineterm=""))[2:]
        found["arguments"] = [{"change": signs[line[0]], "argument": line[1:]} for line in lines if line[0] in signs]
        found["environment"] = changes(*(pairs(command.environment_variables) for command in commands))
        outputs = [dict.fromkeys(c.output_paths, "") | {"working directory": c.working_directory} for c in commands]
        found["outputs"] = changes(*outputs)
    before, after = (text(action.input_root_digest) for action in actions)
    trees(before, after, "")
    return found


def reasons(found: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """What differs between two actions in the words of the report, the weightiest first."""
    names = {key: [c["name"] for c in found[key]] for key in ("environment", "platform", "settings")}
    arguments = [f"{'+' if one['change'] == 'added' else '-'} {one['argument']}" for one in found["arguments"]]
    differs: dict[str, bool | list[str]] = {
        "mode": "salt" in names["settings"],
        "toolchain": TOOLCHAIN_PROPERTY in names["platform"],
        "platform": [name for name in names["platform"] if name != TOOLCHAIN_PROPERTY],
        "command": arguments or ["other options"] * bool(found["outputs"] or "command" in names["settings"]),
        "environment": names["environment"],
        "inputs": [c["name"] for c in found["inputs"] if c["change"] != "added"],
        "new-inputs": [c["name"] for c in found["inputs"] if c["change"] == "added"],
        "settings": "do_not_cache" in names["settings"],
        "unknown": ["blobs are gone from the CAS"] if found["unreadable"] else [],
    }
    return [reason(kind, *(what if isinstance(what, list) else ())) for kind, what in differs.items() if what]


def files(cas: LocalCas, directory: str, path: str, seen: set[tuple[str, str]]) -> Iterator[str]:
    """Whole paths of the files in a directory that `path` names, as far as it is in the storage; not what is `seen`."""
    if (directory, path) in seen:
        return
    seen.add((directory, path))
    if here := cas.read("Directory", directory):
        yield from (f"{path}{file.name}" for file in here.files)
        for inner in here.directories:
            yield from files(cas, inner.digest.hash, f"{path}{inner.name}/", seen)


class Found(NamedTuple):
    """A compile and the log it is in."""

    file: LogFile
    compile: Compile


@dataclass(frozen=True)
class History:
    """The compiles of an element; its logs are read when they are needed."""

    logs: Logs
    element: str

    @cached_property
    def all(self) -> list[Found]:
        """All of them, the newest first."""
        files = [file for file in reversed(self.logs.own) if file.element == self.element]
        return [Found(file, compile) for file in files for compile in reversed(file.log.compiles)]

    @cached_property
    def same(self) -> dict[tuple[str, ...], list[Found]]:
        """Those of each output, the newest first."""
        same: dict[tuple[str, ...], list[Found]] = {}
        for found in self.all:
            same.setdefault(found.compile.identity, []).append(found)
        return same

    def earlier(self, found: Found) -> list[Found]:
        """Compiles of the same output before that one, the newest first."""
        same = self.same[found.compile.identity]
        return same[same.index(found) + 1 :]

    @cached_property
    def manifests(self) -> dict[str, Manifest]:
        """What each build remembers that has learnt anything, by its digest, oldest first; read when it is needed."""
        digests = [file.log.manifest for file in self.logs.own if file.element == self.element]
        return {digest: Manifest(self.logs.cas, digest) for digest in digests if digest}

    def remembered(self, found: Found) -> dict[str, list[Any]] | None:
        """What differs between a compile without an action and the one before it; None: nothing is known of it."""
        compile, manifest = found.compile, self.manifests.get(found.file.log.manifest)
        if not compile.outputs or not compile.sources or not manifest:
            return None
        known = manifest.entries(compile.outputs[0], compile.sources[0], compile.directory)
        if len(known) < 2:
            return None
        after, before = known[:2]
        if after.files == before.files:
            return empty() | {"outputs": changes({}, {"options": "others"})}
        shown = ({found.file.short(name): what for name, what in one.files.items()} for one in (before, after))
        return empty() | {"inputs": changes(*shown)}

    def difference(self, found: Found) -> tuple[Found, dict[str, list[Any]]]:
        """What differs from an earlier compile of the same output that has another action, and which that is."""
        cas, now = self.logs.cas, found.compile.digest
        others = [one for one in self.earlier(found) if one.compile.digest and one.compile.digest != now]
        # Modes keep their results apart by salt: the last compile of the same domain tells more.
        domains = ((one, self.domain(one)) for one in others)
        own = self.domain(found)
        before = next((one for one, domain in domains if own is not None and domain == own), others[0])
        return before, compare(cas, str(before.compile.digest), str(now), found.file.short)

    def domain(self, found: Found) -> str | None:
        """The domain of a compile; None where its action has left the storage."""
        action = self.logs.cas.read("Action", str(found.compile.digest))
        return settings(action)["salt"] if action else None

    def inputs(self, found: Found, seen: set[tuple[str, str]]) -> Iterator[str]:
        """Whole paths of the files that a compile reads, by its action or by the manifest; not what is `seen`."""
        compile = found.compile
        if compile.digest and (action := self.logs.cas.read("Action", compile.digest)):
            yield from files(self.logs.cas, action.input_root_digest.hash, "/", seen)
        elif compile.outputs and compile.sources and self.manifests:
            newest = list(self.manifests.values())[-1]
            for entry in newest.entries(compile.outputs[0], compile.sources[0], compile.directory)[:1]:
                yield from entry.files

    def why(self, missed: Found) -> list[dict[str, Any]]:
        """Reasons for a miss or a failure: compared with the last compile of the same output that can be."""
        now, earlier = missed.compile, self.earlier(missed)
        others = [found for found in earlier if found.compile.digest]
        if now.status == "failed":
            return [reason("failed", now.kind)]
        if OUTCOMES[now.status].kind == "problem":
            return [reason("error")]
        if now.changed:
            return [reason("new-inputs" if now.is_new else "inputs", missed.file.short(now.changed, now.directory))]
        if not earlier:
            return [reason("never-seen" if self.all[-1].file.start < missed.file.start else "first-build")]
        if not now.digest or not others:
            found = self.remembered(missed)
            return (reasons(found) if found else []) or [reason("unknown", "recc logged no action")]
        if same := [found for found in earlier if found.compile.digest == now.digest]:
            # A hit was in the cache already.
            stored = any(c.status in ("hit", "remote") or c.status == f.log.mode == "local" for f, c in same)
            return [reason("not-in-cache" if stored else "not-stored")]
        told = reasons(self.difference(missed)[1])
        # What another machine has stored cannot be read here, but the logs name the toolchains.
        if [one["kind"] for one in told] == ["unknown"] and earlier[0].file.log.toolchain != missed.file.log.toolchain:
            return [reason("toolchain")]
        return told
