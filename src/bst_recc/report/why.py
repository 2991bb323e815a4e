# Why a compile missed the cache: what differs between its action and an older one's.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from bst_recc.outcomes import OUTCOMES
from bst_recc.reapi import LocalCas, messages, text
from bst_recc.report.builds import LogFile, Logs
from bst_recc.wrapperlog import Compile

TOOLCHAIN_PROPERTY = "chrootRootDigest"
SHOWN_NAMES = 3
# The kinds of reasons, as the JSON has them, and their words; the weightiest difference first.
REASONS = {
    "never-seen": "never seen",
    "not-in-cache": "compiled before, but not in this cache",
    "not-stored": "compiled before, but its result was not stored",
    "mode": "first compile in this mode, which keeps its results apart",
    "toolchain": "toolchain changed",
    "platform": "platform changed: {}",
    "command": "command changed",
    "environment": "environment changed: {}",
    "inputs": "an input changed: {}",
    "settings": "settings of the action changed",
    "unknown": "unknown ({})",
    "failed": "the {} failed",
    "error": "recc failed; its messages are in the build log",
}


def reason(kind: str, *names: str) -> dict[str, Any]:
    """One reason for a miss: what kind, in words, and the names of what it is about."""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    words = REASONS[kind].format(", ".join(names[:SHOWN_NAMES]) + more)
    return {"kind": kind, "text": words, "inputs": list(names) if kind == "inputs" else []}


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


def compare(cas: LocalCas, before: str, after: str) -> dict[str, list[Any]]:
    """What differs between the actions with these digests (HASH/SIZE), as report.schema.json describes it.

    `unreadable` names what could not be compared, since it has left the storage.
    """
    names = ("arguments", "environment", "platform", "outputs", "settings", "inputs", "unreadable")
    found: dict[str, list[Any]] = {name: [] for name in names}

    def read(kind: str, *digests: str) -> list[Any]:
        """Both messages, or none where one has left the storage; that of no digest is an empty one."""
        sides = [cas.read(kind, digest) if digest else getattr(messages, kind)() for digest in digests]
        lost = [f"{kind.lower()} {digest}" for digest, side in zip(digests, sides, strict=True) if side is None]
        found["unreadable"] += lost
        return [] if lost else sides

    def trees(before: str, after: str, path: str, inside: str) -> None:
        """Add the differences of two directories at `path`; names `inside` the working directory are relative to it."""
        if before == after or not (sides := read("Directory", before, after)):
            return
        entries: list[dict[str, str]] = []
        for side in sides:
            files = {n.name: text(n.digest) + " executable" * n.is_executable for n in side.files}
            links = {n.name: f"-> {n.target}" for n in side.symlinks}
            entries.append({f"/{path}{name}".removeprefix(inside): what for name, what in (files | links).items()})
        found["inputs"] += changes(*entries)
        old, new = ({n.name: text(n.digest) for n in side.directories} for side in sides)
        for name in sorted(old | new):
            trees(old.get(name, ""), new.get(name, ""), f"{path}{name}/", inside)

    if not (actions := read("Action", before, after)):
        return found
    settings = [{"salt": a.salt.decode(errors="replace"), "do_not_cache": str(a.do_not_cache).lower()} for a in actions]
    found["settings"] = changes(*settings)
    found["platform"] = changes(*(pairs(action.platform.properties) for action in actions))
    inside = "/"
    if commands := read("Command", *(text(action.command_digest) for action in actions)):
        old, new = (list(command.arguments) for command in commands)
        signs = {"-": "removed", "+": "added"}
        # The first two lines name the sides.
        lines = list(difflib.unified_diff(old, new, n=0, lineterm=""))[2:]
        found["arguments"] = [{"change": signs[line[0]], "argument": line[1:]} for line in lines if line[0] in signs]
        found["environment"] = changes(*(pairs(command.environment_variables) for command in commands))
        outputs = [dict.fromkeys(c.output_paths, "") | {"working directory": c.working_directory} for c in commands]
        found["outputs"] = changes(*outputs)
        directories = {command.working_directory for command in commands}
        inside = f"/{directories.pop()}/" if len(directories) == 1 else "//"
    before, after = (text(action.input_root_digest) for action in actions)
    trees(before, after, "", inside)
    return found


def reasons(found: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """What differs between two actions in the words of the report, the weightiest first."""
    names = {key: [c["name"] for c in found[key]] for key in ("environment", "platform", "settings", "inputs")}
    differs: dict[str, bool | list[str]] = {
        "mode": "salt" in names["settings"],
        "toolchain": TOOLCHAIN_PROPERTY in names["platform"],
        "platform": [name for name in names["platform"] if name != TOOLCHAIN_PROPERTY],
        "command": bool(found["arguments"] or found["outputs"]),
        "environment": names["environment"],
        "inputs": names["inputs"],
        "settings": "do_not_cache" in names["settings"],
        "unknown": ["blobs are gone from the CAS"] if found["unreadable"] else [],
    }
    return [reason(kind, *(what if isinstance(what, list) else ())) for kind, what in differs.items() if what]


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
        files = [file for file in reversed(self.logs.all) if file.element == self.element]
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

    def why(self, missed: Found) -> list[dict[str, Any]]:
        """Reasons for a miss or a failure: compared with the last compile of the same output that can be."""
        now, earlier = missed.compile, self.earlier(missed)
        others = [found.compile.digest for found in earlier if found.compile.digest]
        if now.status == "failed":
            return [reason("failed", now.kind)]
        if OUTCOMES[now.status].kind == "problem":
            return [reason("error")]
        if now.changed:
            return [reason("inputs", now.changed)]
        if not earlier:
            return [reason("never-seen")]
        if not now.digest or not others:
            return [reason("unknown", "recc logged no action")]
        if same := [found for found in earlier if found.compile.digest == now.digest]:
            # A hit was in the cache already.
            stored = any(c.status in ("hit", "remote") or c.status == f.log.mode == "local" for f, c in same)
            return [reason("not-in-cache" if stored else "not-stored")]
        # Modes keep their results apart by salt: the last compile of the same domain tells more.
        actions = ((digest, self.logs.cas.read("Action", digest)) for digest in others)
        own = self.logs.cas.read("Action", now.digest)
        before = next((digest for digest, action in actions if own and action and action.salt == own.salt), others[0])
        told = reasons(compare(self.logs.cas, before, now.digest))
        # What another machine has stored cannot be read here, but the logs name the toolchains.
        if [one["kind"] for one in told] == ["unknown"] and earlier[0].file.log.toolchain != missed.file.log.toolchain:
            return [reason("toolchain")]
        return told
