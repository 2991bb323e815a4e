# What can become of a command: the words of the wrapper, what they mean, and how they count.
# SPDX-License-Identifier: Apache-2.0
"""The one table of outcomes; tests/unit/test_wrapperlog.py holds it against the wrapper's sources and the schema."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Outcome(NamedTuple):
    """A word of the wrapper, what it means, and its class; 'uncached' ones are neither hits nor misses."""

    id: str
    text: str
    kind: Literal["hit", "miss", "verified", "problem", "uncached"]


OUTCOMES = {
    outcome.id: outcome
    for outcome in (
        Outcome("hit", "taken from the action cache", "hit"),
        Outcome("local", "made in the element's sandbox", "miss"),
        Outcome("remote", "made in a sandbox of its own", "miss"),
        Outcome("verified", "made both ways, with the same result", "verified"),
        Outcome("failed", "the compiler or linker failed", "problem"),
        Outcome("error", "recc failed", "problem"),
        Outcome("unknown", "a word that this bst-recc does not know", "problem"),
        Outcome("clock", "uses the date or time of the compile", "uncached"),
        Outcome("directory", "runs in a directory that recc cannot use", "uncached"),
        Outcome("environment", "an environment variable changes the result", "uncached"),
        Outcome("excluded", "named in BST_RECC_EXCLUDE", "uncached"),
        Outcome("hidden-input", "reads a file that no scan lists", "uncached"),
        Outcome("link", "a link that BST_RECC_LINKS does not include", "uncached"),
        Outcome("machine", "depends on the processor that compiles", "uncached"),
        Outcome("messages", "prints messages that depend on more than the inputs", "uncached"),
        Outcome("name", "a file name that recc cannot represent", "uncached"),
        Outcome("no-compile", "compiles nothing, or compiles and links in one", "uncached"),
        Outcome("no-settings", "BST_RECC_MODE is not in its environment", "uncached"),
        Outcome("not-supported", "an option or file that recc does not support", "uncached"),
        Outcome("other-output", "writes more than its object", "uncached"),
        Outcome("output", "writes to something that is not a regular file", "uncached"),
        Outcome("probe", "a check by a configure step", "uncached"),
        Outcome("profile", "reads or writes a profile", "uncached"),
        Outcome("program", "runs a program that is not the toolchain's", "uncached"),
        Outcome("special-file", "reads a file that is not a regular file", "uncached"),
        Outcome("standard-input", "reads standard input", "uncached"),
        Outcome("times", "depends on the times of files", "uncached"),
        Outcome("unknown-file", "an argument of an unknown kind", "uncached"),
        Outcome("unknown-option", "an option that the wrapper does not know", "uncached"),
        Outcome("unobserved", "what it reads cannot be observed", "uncached"),
    )
}
