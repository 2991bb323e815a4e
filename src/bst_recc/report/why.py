# Why a compile missed the cache: what differs between its action and an older one's.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bst_recc.reapi import LocalCas, messages, text
from bst_recc.report.builds import LogFile
from bst_recc.wrapperlog import Compile, Log, read_log

TOOLCHAIN_PROPERTY = "chrootRootDigest"
SHOWN_INPUTS = 3


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

    def read(kind: str, digest: str) -> Any:
        message = cas.read(kind, digest)
        if message is None:
            found["unreadable"].append(f"{kind.lower()} {digest}")
        return message

    def trees(before: str, after: str, path: str, inside: str) -> None:
        """Add the differences of two directories at `path`; names `inside` the working directory are relative to it."""
        if before == after:
            return
        sides = [read("Directory", digest) if digest else messages.Directory() for digest in (before, after)]
        if None in sides:
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

    actions = [read("Action", digest) for digest in (before, after)]
    if None in actions:
        return found
    settings = [{"salt": a.salt.decode(errors="replace"), "do_not_cache": str(a.do_not_cache).lower()} for a in actions]
    found["settings"] = changes(*settings)
    found["platform"] = changes(*(pairs(action.platform.properties) for action in actions))
    commands = [read("Command", text(action.command_digest)) for action in actions]
    inside = "/"
    if None not in commands:
        old, new = (list(command.arguments) for command in commands)
        for operation, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if operation != "equal":
                found["arguments"] += [{"change": "removed", "argument": word} for word in old[i1:i2]]
                found["arguments"] += [{"change": "added", "argument": word} for word in new[j1:j2]]
        found["environment"] = changes(*(pairs(command.environment_variables) for command in commands))
        directories = [command.working_directory for command in commands]
        outputs = [dict.fromkeys(c.output_paths, "") | {"working directory": c.working_directory} for c in commands]
        found["outputs"] = changes(*outputs)
        inside = f"/{directories[0]}/" if directories[0] == directories[1] else "//"
    roots = [text(action.input_root_digest) for action in actions]
    trees(roots[0], roots[1], "", inside)
    return found


def reason(kind: str, words: str, inputs: Sequence[str] = ()) -> dict[str, Any]:
    """One reason for a miss: what kind, in words, and the inputs it is about."""
    return {"kind": kind, "text": words, "inputs": list(inputs)}


def reasons(found: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """What differs between two actions in the words of the report, the weightiest first."""
    names = {
        key: [change["name"] for change in found[key]] for key in ("environment", "platform", "settings", "inputs")
    }
    others = [name for name in names["platform"] if name != TOOLCHAIN_PROPERTY]
    inputs, variables = names["inputs"], ", ".join(names["environment"])
    more = f" and {len(inputs) - SHOWN_INPUTS} more" if len(inputs) > SHOWN_INPUTS else ""
    listed = [
        ("salt" in names["settings"], reason("mode", "first compile in this mode, which keeps its results apart")),
        (TOOLCHAIN_PROPERTY in names["platform"], reason("toolchain", "toolchain changed")),
        (others, reason("platform", f"platform changed: {', '.join(others)}")),
        (found["arguments"] or found["outputs"], reason("command", "command changed")),
        (variables, reason("environment", f"environment changed: {variables}")),
        (inputs, reason("inputs", f"an input changed: {', '.join(inputs[:SHOWN_INPUTS])}{more}", inputs)),
        ("do_not_cache" in names["settings"], reason("settings", "settings of the action changed")),
        (found["unreadable"], reason("unknown", "unknown (blobs are gone from the CAS)")),
    ]
    return [why for true, why in listed if true]


@dataclass(frozen=True, eq=False)
class Found:
    """A compile and the log it is in."""

    compile: Compile
    log: Log
    file: LogFile


class History:
    """Build logs (oldest first), read when they are needed, and the compiles in them."""

    def __init__(self, files: Sequence[LogFile], cas: LocalCas) -> None:
        self.files, self.cas = files, cas
        self._logs: dict[LogFile, Log] = {}
        self._compiles: dict[str, dict[tuple[str, ...], list[Found]]] = {}

    def log(self, file: LogFile) -> Log:
        """The content of one log."""
        if file not in self._logs:
            self._logs[file] = read_log(file.path)
        return self._logs[file]

    def compiles(self, element: str) -> dict[tuple[str, ...], list[Found]]:
        """Compiles of an element by their identity, the newest first."""
        if element not in self._compiles:
            index = self._compiles[element] = {}
            for file in reversed([file for file in self.files if file.element == element]):
                for compile in reversed(self.log(file).compiles):
                    index.setdefault(compile.identity, []).append(Found(compile, self.log(file), file))
        return self._compiles[element]

    def earlier(self, found: Found) -> list[Found]:
        """Compiles of the same output before that one, the newest first."""
        same = self.compiles(found.file.element)[found.compile.identity]
        return same[1 + next(n for n, other in enumerate(same) if other.compile is found.compile) :]

    def why(self, missed: Found) -> list[dict[str, Any]]:
        """Reasons for a miss: compared with the last compile of the same output that can be."""
        now, earlier = missed.compile, self.earlier(missed)
        if now.changed:
            return [reason("inputs", f"an input changed: {now.changed}", [now.changed])]
        if not earlier:
            return [reason("never-seen", "never seen")]
        if now.digest is None:
            return [reason("unknown", "unknown (recc logged no action for it)")]
        if same := [f for f in earlier if f.compile.digest == now.digest]:
            stores = {"hit", "remote"}  # or was in the cache already
            if any(f.compile.status in stores or (f.compile.status, f.log.mode) == ("local", "local") for f in same):
                return [reason("not-in-cache", "not in the cache any more")]
            return [reason("not-stored", "compiled before, but its result was not stored")]
        others = [f.compile.digest for f in earlier if f.compile.digest]
        if not others:
            return [reason("unknown", "unknown (recc logged no action for the compile before it)")]

        def salt(digest: str) -> bytes | None:
            action = self.cas.read("Action", digest)
            return bytes(action.salt) if action else None

        # Modes keep their results apart by salt: the last compile of the same domain tells more.
        own = salt(now.digest)
        before = next((digest for digest in others if salt(digest) == own), others[0])
        return reasons(compare(self.cas, before, now.digest))
