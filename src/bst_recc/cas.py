# BuildStream's local storage, read as files.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any


class LocalCas:
    """The storage in a directory `cas`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def blob(self, digest: str) -> bytes | None:
        """The content of a digest, with or without a size; None when it is gone or damaged."""
        name = digest.partition("/")[0]
        if not re.fullmatch("[0-9a-f]{64}", name):
            return None
        try:
            with open(f"{self.directory}/objects/{name[:2]}/{name[2:]}", "rb") as file:  # noqa: PTH123 # a Path is slow
                data = file.read()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == name else None

    def read(self, kind: str, digest: str) -> Any:
        """The message of type `kind` ('Action', 'Command', 'Directory'); None when it is gone or damaged."""
        from bst_recc.reapi import parse  # here, because it is slow, and history needs none of it

        data = self.blob(digest)
        return None if data is None else parse(kind, data)
