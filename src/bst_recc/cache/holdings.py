# What a directory of buildbox-casd holds: a server's, or the one in BuildStream's cache.
# SPDX-License-Identifier: Apache-2.0
"""A result is a file in actioncache/objects that is named after its action; all that it names is in cas/objects."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from bst_recc.cas import LocalCas
from bst_recc.reapi import digest_of, parse

TOOLCHAIN = "chrootRootDigest"
"""The platform property of every action that recc makes in an element's sandbox."""
DAY = 86400


def objects(storage: Path) -> Iterator[os.DirEntry[str]]:
    """The files of a storage, whose directories are named after the first two letters of their digests."""
    with suppress(FileNotFoundError), os.scandir(storage / "objects") as directories:
        for directory in directories:
            with suppress(NotADirectoryError, FileNotFoundError), os.scandir(directory) as entries:
                yield from entries


class Holdings:
    """Results of compiles in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.cas = directory, LocalCas(directory / "cas")

    def names(self) -> list[str]:
        """The hashes of all actions that have a result here."""
        return [Path(entry.path).parent.name + entry.name for entry in objects(self.directory / "actioncache")]

    def action(self, name: str) -> tuple[Any, str]:
        """The digest of an action (None: it is gone), and which domain its result belongs to: '' where to none."""
        data = self.cas.blob(name)
        action = None if data is None else parse("Action", data)
        if data is None or action is None:
            return None, ""
        known = any(one.name == TOOLCHAIN for one in action.platform.properties) and not action.do_not_cache
        salt = action.salt.decode(errors="replace")
        domain = "hermetic" if not salt else "quasi-safe" if re.fullmatch(r"quasi-safe( [0-9a-f]{64})?", salt) else ""
        return digest_of(data), domain if known else ""

    def result(self, name: str) -> Any:
        """The result of an action; None where it is gone or damaged."""
        try:
            return parse("ActionResult", (self.directory / "actioncache/objects" / name[:2] / name[2:]).read_bytes())
        except OSError:
            return None

    def named(self, name: str, result: Any) -> list[Any] | None:
        """The digests of all that a result needs, its action and command included; None where one cannot be known."""
        action = self.cas.read("Action", name)
        if action is None:
            return None
        found = [action.command_digest, *(file.digest for file in result.output_files)]
        found += [digest for digest in (result.stdout_digest, result.stderr_digest) if digest.hash]
        for directory in result.output_directories:
            tree = self.cas.read("Tree", directory.tree_digest.hash)
            if tree is None:
                return None
            found += [
                directory.tree_digest,
                *(file.digest for one in (tree.root, *tree.children) for file in one.files),
            ]
        return found

    def count(self) -> dict[str, int]:
        """How much is here: blobs and their bytes, actions that have a result, and those stored in the last day."""
        blobs = size = actions = recent = 0
        for entry in objects(self.directory / "cas"):
            with suppress(FileNotFoundError):
                size += entry.stat().st_size
                blobs += 1
        day_ago = time.time() - DAY
        for entry in objects(self.directory / "actioncache"):
            with suppress(FileNotFoundError):
                recent += entry.stat().st_mtime > day_ago
                actions += 1
        return {"bytes": size, "blobs": blobs, "actions": actions, "actions_last_day": recent}
