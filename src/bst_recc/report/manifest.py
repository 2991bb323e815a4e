# What compiles in recc_mode local remember: the manifest that a build log names, read from the storage.
# SPDX-License-Identifier: Apache-2.0
"""The wrapper writes it (recc/files/wrapper/src/keep.c, remember.c): entries, each of one command, newest first."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property

from bst_recc.cas import LocalCas


@dataclass(frozen=True)
class Entry:
    """One compile: digests of the files that it read, by whole path."""

    files: dict[str, str]


def parse(text: str, directory: str) -> Entry:
    """An entry's text: lines TAG VALUE<TAB>NAME, and the tag R for a file that is read; names are for `directory`."""
    facts = (line.partition("\t") for line in text.splitlines())
    read = {name: fact[2:] for fact, tab, name in facts if tab and fact[0] == "R"}
    return Entry({posixpath.normpath(posixpath.join(directory, name)): digest for name, digest in read.items()})


class Manifest:
    """What `digest` names in a storage; empty where it is gone."""

    def __init__(self, cas: LocalCas, digest: str) -> None:
        self.cas, self.digest = cas, digest

    @cached_property
    def by_output(self) -> dict[str, list[str]]:
        """Texts of the entries that made a file, by its name, the newest first."""
        found: dict[str, list[str]] = {}
        text = (self.cas.blob(self.digest) or b"").decode(errors="replace")
        for part in text.split("\nE "):
            for line in part.splitlines():
                if line.startswith("O ") and "\t" in line:
                    found.setdefault(line.partition("\t")[2], []).append(part)
        return found

    def entries(self, output: str, source: str, directory: str) -> list[Entry]:
        """The commands in `directory` that made `output` of `source`, as they name them; the newest first."""
        whole = posixpath.normpath(posixpath.join(directory, source))
        found = (parse(text, directory) for text in self.by_output.get(output, []))
        return [entry for entry in found if whole in entry.files]
