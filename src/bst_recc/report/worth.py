# What hits have saved, and whether recc is worth its cost in an element.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

from bst_recc.report.builds import LogFile
from bst_recc.report.why import Found, History

OLDER = 10
"""So many logs of an element are searched for how long a compile took."""
LAST = 5
"""So many builds of an element decide whether recc is worth it."""
COMPILED = ("local", "remote", "verified")


def execution(history: History, found: Found) -> int | None:
    """How long the action of a compile itself ran, in ms, as its result says; None: nobody knows."""
    from bst_recc.reapi import parse  # here, because it is slow

    if not found.compile.digest:
        return None
    name = found.compile.digest.partition("/")[0]
    try:
        data = (history.logs.cas.directory.parent / "actioncache/objects" / name[:2] / name[2:]).read_bytes()
    except OSError:
        return None
    if not (result := parse("ActionResult", data)) or not result.HasField("execution_metadata"):
        return None
    ran = result.execution_metadata
    return (ran.execution_completed_timestamp.ToMilliseconds() - ran.execution_start_timestamp.ToMilliseconds()) or None


class Worth:
    """What hits of an element have saved; times are in ms."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.files = [file for file in history.logs.own if file.element == history.element]
        # A report asks for a build, and its verdict for that one again.
        self.saved = cache(self.saved_by)

    def costs(self, file: LogFile) -> dict[tuple[str, ...], int]:
        """How long each compile took when it was last compiled, up to this build, without what starts its sandbox."""
        known: dict[tuple[str, ...], int] = {}
        before = self.files[: self.files.index(file) + 1]
        for one in reversed(before[-OLDER:]):
            for compile in one.log.compiles:
                if compile.status in COMPILED and compile.identity not in known:
                    known[compile.identity] = execution(self.history, Found(one, compile)) or compile.ms
        return known

    def saved_by(self, file: LogFile) -> dict[str, Any]:
        """`saved_ms`: what the hits of a build would have cost less what they took, and where those costs are from.

        null: no time of any compile of the element is known.
        """
        hits = [compile for compile in file.log.compiles if compile.status == "hit"]
        number = file.log.counts["hits"] + file.log.counts["link_hits"]
        known = self.costs(file) if hits or number else {}
        times = []
        for compile in hits:
            if (cost := known.get(compile.identity)) is None:
                cost = execution(self.history, Found(file, compile))
            times += [cost] if cost is not None else []
        rest = max(len(hits), number) - len(times)
        everything = [*known.values()] or times
        if rest and not everything:
            return {"saved_ms": None, "saved_from": {"recorded": 0, "mean": 0, "unknown": rest}}
        cost = sum(times) + (rest * sum(everything) // len(everything) if rest else 0)
        taken = file.log.counts["hit_ms"]
        return {"saved_ms": cost - taken, "saved_from": {"recorded": len(times), "mean": rest, "unknown": 0}}

    def lost(self, file: LogFile) -> int:
        """What misses on this machine have cost on top of their compiles, to start sandboxes."""
        here = not self.history.logs.has_service
        missed = [Found(file, one) for one in file.log.compiles if here and one.status == "remote"]
        return sum(found.compile.ms - (execution(self.history, found) or found.compile.ms) for found in missed)

    def verdict(self, file: LogFile) -> dict[str, Any] | None:
        """What is to be changed about an element, if anything is."""
        if file.bypasses_recc:
            text = "no compile of it reached recc: its build calls the compiler by a path, or sets PATH itself"
            return {"kind": "not-reached", "text": text, "remedy": "Call cc, gcc or c++ by name in it.", "ms": 0}
        until = self.files[: self.files.index(file) + 1]
        builds = [one for one in until[-OLDER:] if one.log.compiles and one.log.mode == file.log.mode][-LAST:]
        total = Counter[str]()
        for one in builds:
            total.update(one.log.counts)
            total["net"] += (self.saved(one)["saved_ms"] or 0) - self.lost(one)
        if len(builds) < 2 or total["net"] >= 0:
            return None
        seconds = round(-total["net"] / 1000, 1)
        text = (
            f"recc costs here more than it saves: {seconds} s in the last {len(builds)} builds in {file.log.mode}, "
            f"with {total['hits']} hits of {total['compiles']} compiles"
        )
        remedy = "Build it without recc: environment: {BST_RECC_MODE: 'off: compiles too short'}"
        return {"kind": "costs-more", "text": text, "remedy": remedy, "ms": -total["net"]}
