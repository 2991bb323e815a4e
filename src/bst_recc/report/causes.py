# What misses have in common: the causes of a report, those that cost most first.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bst_recc.outcomes import OUTCOMES


def causes(elements: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Group misses by their weightiest reason, and commands that no cache serves by theirs; as in the JSON.

    The time of the latter is in no log: `ms` is null.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in elements:
        for miss in row["misses"]:
            kind, text = miss["reasons"][0]["kind"], miss["reasons"][0]["text"]
            new = {"kind": kind, "text": text, "compiles": 0, "ms": 0, "elements": []}
            cause = found.setdefault((kind, text), new)
            cause["compiles"] += 1
            cause["ms"] += miss["ms"]
            cause["elements"] += [row["element"]] * (row["element"] not in cause["elements"])
        for word, number in row["uncached"].items():
            text = f"not cached ({word})" + (f": {OUTCOMES[word].text}" if word in OUTCOMES else "")
            new = {"kind": "uncached", "text": text, "compiles": 0, "ms": None, "elements": []}
            cause = found.setdefault(("uncached", word), new)
            cause["compiles"] += number
            cause["elements"] += [row["element"]]
    return sorted(found.values(), key=lambda cause: (-(cause["ms"] or -1), -cause["compiles"], cause["text"]))
