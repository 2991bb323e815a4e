# YAML files with the places of what they say, and build dependencies inserted as lines.
# SPDX-License-Identifier: Apache-2.0
"""Every byte but the added lines stays: the new text is parsed again, and must say the same and what was added."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


class NotUnderstood(Exception):
    """Why a file is left alone; `line` of it, counted from 1."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


class Text(str):
    """A text that knows its file and the line that it begins in, counted from 1."""

    path: Path
    line: int


class Mapping(dict[str, Any]):
    """A mapping that knows its document, and the nodes of its keys and values."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.nodes: dict[str, tuple[Any, Any]] = {}

    def line(self, *keys: str) -> int:
        """The line of the first of these keys that is there; 1 where none is."""
        return next((self.nodes[key][0].start_mark.line + 1 for key in keys if key in self), 1)


class Document:
    """A YAML file as BuildStream reads it: mappings, lists and text."""

    def __init__(self, path: Path, text: str) -> None:
        """Raises NotUnderstood for text that BuildStream would not read."""
        self.path, self.text = path, text
        try:
            root: Any = YAML(typ="safe").compose(text)
            self.data = self.plain(root) if root else Mapping(self)
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
            raise NotUnderstood(f"invalid YAML: {problem}", mark.line + 1 if mark else 1) from None
        if not isinstance(self.data, Mapping):
            raise NotUnderstood("not a mapping")

    def plain(self, node: Any) -> Any:
        """The data below a node."""
        if isinstance(node.value, str):
            text = Text(node.value)
            # That of a block begins in the line behind its '|'.
            text.path, text.line = self.path, node.start_mark.line + 1 + (node.style in ("|", ">"))
            return text
        if node.id != "mapping":
            return [self.plain(entry) for entry in node.value]
        mapping = Mapping(self)
        for key, value in node.value:
            mapping[str(key.value)], mapping.nodes[str(key.value)] = self.plain(value), (key, value)
        return mapping


def wire(document: Document, added: tuple[str, ...]) -> str:
    """The text with build dependencies `added`, each in YAML, before those that are there; raises NotUnderstood."""
    text, line = document.text, document.data.line("build-depends")
    expected = Document(document.path, text).data  # what the new text must say
    if nodes := expected.nodes.get("build-depends"):
        key, value = nodes
        if value.id != "sequence" or value.flow_style or value.start_mark.line == key.start_mark.line:
            raise NotUnderstood("build-depends is no list of a line for each dependency: write it so", line)
        anchor, indent, lines = key.end_mark.index, value.start_mark.column, []
    elif nodes := expected.nodes.get("kind"):
        key, value = nodes
        anchor, indent, lines = value.end_mark.index, key.start_mark.column, ["", "build-depends:"]
    else:
        raise NotUnderstood("no line 'kind' to put build-depends behind")
    lines += [line for entry in added for line in f"- {entry}".replace("\n", "\n  ").split("\n")]
    newline = "\r\n" if "\r\n" in text else "\n"
    block = newline.join((" " * indent + line).rstrip() for line in lines) + newline
    position = text.find("\n", anchor) + 1
    changed = text[:position] + block + text[position:] if position else text + newline + block
    expected["build-depends"] = [*map(YAML(typ="safe").load, added), *expected.get("build-depends", [])]
    with contextlib.suppress(NotUnderstood):
        if Document(document.path, changed).data == expected:
            return changed
    raise NotUnderstood("an unusual layout: with other lines it would no longer say the same", line)
