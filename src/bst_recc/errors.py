# What a command says when it cannot go on.
# SPDX-License-Identifier: Apache-2.0
"""One class of error for all commands, and the one place that prints it."""

from __future__ import annotations

import sys
import unicodedata


class ReccError(Exception):
    """What is wrong, in one line; `detail`, of several lines, shows it; `remedies` are what to do, the best first."""

    def __init__(self, message: str, *remedies: str, detail: str = "") -> None:
        super().__init__(message)
        self.remedies = remedies
        self.detail = detail


def clean(text: str) -> str:
    """`text` without what would control a terminal: from logs and names of files comes anything."""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c for c in text)


def show(error: ReccError) -> None:
    """Print an error to stderr, remedies numbered."""
    print(f"bst-recc: {clean(str(error))}", file=sys.stderr)
    for line in error.detail.splitlines():
        print(f"    {clean(line)}", file=sys.stderr)
    for number, remedy in enumerate(error.remedies, 1):
        print(f"  {number}. {clean(remedy)}", file=sys.stderr)
