# YAML files with the places of what they say, and lines put into them.
# SPDX-License-Identifier: Apache-2.0
"""Every byte but the added ones stays: the new text is parsed again, and must say the same and what was added."""

from __future__ import annotations

import contextlib
import re
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
    """A text that knows its file, the line that it begins in, counted from 1, and its offset."""

    path: Path
    line: int
    offset: int


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
        self.path, self.text, self.newline = path, text, "\r\n" if "\r\n" in text else "\n"
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
            text.offset = node.start_mark.index + (node.style in ("'", '"'))
            return text
        if node.id != "mapping":
            return [self.plain(entry) for entry in node.value]
        mapping = Mapping(self)
        for key, value in node.value:
            mapping[str(key.value)], mapping.nodes[str(key.value)] = self.plain(value), (key, value)
        return mapping

    def insert(self, index: int, lines: list[str], indent: int) -> str:
        """The text with `lines` behind the line that has `index`."""
        block = "".join((" " * indent + line).rstrip() + self.newline for line in lines)
        position = self.text.find("\n", index) + 1
        return self.text[:position] + block + self.text[position:] if position else self.text + self.newline + block

    def proved(self, changed: str, expected: Any, line: int) -> str:
        """`changed`, if it says what is expected; raises NotUnderstood."""
        with contextlib.suppress(NotUnderstood):
            if Document(self.path, changed).data == expected:
                return changed
        raise NotUnderstood("unusual layout: an edit would change its meaning", line)


def end(node: Any) -> int:
    """The offset behind the last entry below a node; a block's own mark stands behind the comments that follow."""
    while node.id != "scalar" and not node.flow_style:
        node = node.value[-1] if node.id == "sequence" else node.value[-1][1]
    return int(node.end_mark.index)


def swap(data: Any, old: Any, new: Any) -> Any:
    """`data` with `new` in the place of the object `old`."""
    if data is old or (isinstance(old, Text) and isinstance(data, Text) and data.offset == old.offset):
        return new
    if isinstance(data, dict):
        return {key: swap(value, old, new) for key, value in data.items()}
    return [swap(value, old, new) for value in data] if isinstance(data, list) else data


def enlist(document: Document, key: str, *added: str, behind: str = "element-path", last: bool = True) -> str:
    """The text with `added`, each in YAML, in the list `key`: before what is there, or `last`.

    Where there is no such list, it comes `behind` another key. Raises NotUnderstood.
    """
    line = document.data.line(key)
    if nodes := document.data.nodes.get(key):
        name, value = nodes
        if value.id != "sequence" or value.flow_style or value.start_mark.line == name.start_mark.line:
            raise NotUnderstood(f"{key} is not a list with one line for each entry: write it as one", line)
        anchor, indent, lines = end(value) if last else name.end_mark.index, value.start_mark.column, []
    elif nodes := document.data.nodes.get(behind) or document.data.nodes.get("name"):
        name, value = nodes
        anchor, indent, lines = value.end_mark.index, name.start_mark.column, ["", f"{key}:"]
    else:
        raise NotUnderstood(f"no line '{behind}' after which to put {key}")
    lines += [line for entry in added for line in f"- {entry}".replace("\n", "\n  ").split("\n")]
    new, old = [*map(YAML(typ="safe").load, added)], document.data.get(key, [])
    expected = document.data | {key: [*old, *new] if last else [*new, *old]}
    return document.proved(document.insert(anchor, lines, indent), expected, line)


def put(document: Document, keys: tuple[str, ...], added: str) -> str:
    """The text with YAML lines `added` below the mapping `keys`, made at the file's end where missing."""
    data, place, depth = document.data, (len(document.text), 0), 0
    while depth < len(keys) and isinstance(data, Mapping) and keys[depth] in data:
        name, value = data.nodes[keys[depth]]
        place, data, depth = (name.end_mark.index, value.start_mark.column), data[keys[depth]], depth + 1
    said: Any = YAML(typ="safe").load(added)
    lines = added.split("\n")
    for key in reversed(keys[depth:]):
        said, lines = {key: said}, [f"{key}:", *(f"  {line}" for line in lines)]
    if not isinstance(data, Mapping):
        raise NotUnderstood(f"{keys[depth - 1]} is not a mapping", document.data.line(keys[0]))
    expected = swap(document.data, data, said | data)
    return document.proved(document.insert(place[0], lines, place[1]), expected, 1)


def prefix(document: Document, old: Text, words: str) -> str:
    """The text with `words` before a text that is in it."""
    changed = document.text[: old.offset] + words + document.text[old.offset :]
    return document.proved(changed, swap(document.data, old, words + old), old.line)


def extend(document: Document, key: str) -> str:
    """The text with a list that adds to included ones, instead of replacing them."""
    text, value = document.text, document.data.nodes[key][1]
    start, stop = value.start_mark.index, end(value)
    if value.flow_style:
        changed = f"{text[:start]}{{(>): {text[start:stop]}}}{text[stop:]}"
    else:
        start, indent = text.rfind("\n", 0, start) + 1, " " * value.start_mark.column
        block = re.sub("(?m)^(?=.)", "  ", text[start:stop])
        changed = f"{text[:start]}{indent}  (>):{document.newline}{block}{text[stop:]}"
    return document.proved(changed, document.data | {key: {"(>)": document.data[key]}}, document.data.line(key))
