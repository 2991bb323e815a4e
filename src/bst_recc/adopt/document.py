# YAML files with the places of what they say, and build dependencies inserted as lines.
# SPDX-License-Identifier: Apache-2.0
"""Every byte but the added lines stays: the new text is parsed again, and must say the same and what was added."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

LIST_DIRECTIVES = ("(>)", "(<)", "(=)")
LINE_BREAK = re.compile("\r\n?|[\n\x85\u2028\u2029]")
# No part of a document's text: parsers do not agree on whether it has a place.
BOM = "\ufeff"


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
            self.root: Any = YAML(typ="safe").compose(text)
            self.data = self.plain(self.root) if self.root else Mapping(self)
        except (YAMLError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
            raise NotUnderstood(f"invalid YAML: {problem}", mark.line + 1 if mark else 1) from None
        if not isinstance(self.data, Mapping):
            raise NotUnderstood("not a mapping")

    def plain(self, node: Any) -> Any:
        """The data below a node; raises NotUnderstood for keys that BuildStream refuses."""
        if isinstance(node.value, str):
            text = Text(node.value)
            # That of a block begins in the line behind its '|'.
            text.path, text.line = self.path, node.start_mark.line + 1 + (node.style in ("|", ">"))
            return text
        if node.id != "mapping":
            return [self.plain(entry) for entry in node.value]
        mapping = Mapping(self)
        for key, value in node.value:
            if not isinstance(key.value, str) or key.value in mapping:
                raise NotUnderstood("a key that is there twice, or is no text", key.start_mark.line + 1)
            mapping[key.value], mapping.nodes[key.value] = self.plain(value), (key, value)
        return mapping


def wire(document: Document, added: tuple[str, ...]) -> str:
    """The text with build dependencies `added`, each in YAML, before those that are there; raises NotUnderstood."""
    text, root, line = document.text, document.root, document.data.line("build-depends")
    expected = Document(document.path, text).data  # what the new text must say
    target, name = expected, "build-depends"
    if isinstance(directives := target.get(name), Mapping):
        target, name = directives, next((name for name in LIST_DIRECTIVES if name in directives), "")
    if name in target:
        key, value = target.nodes[name]
        if value.id != "sequence":
            raise NotUnderstood("build-depends is no list", line)
        if value.flow_style or value.start_mark.line <= key.start_mark.line:
            raise NotUnderstood("build-depends is written in one line: write one dependency a line", line)
        anchor, indent, lines = key.end_mark.index, " " * value.start_mark.column, []
    elif not name:
        raise NotUnderstood("build-depends is no list", line)
    elif "kind" not in target or root.flow_style:
        raise NotUnderstood("no line 'kind' to put build-depends behind")
    else:
        # Indented as the file's other lists are.
        blocks = [value for _, value in root.value if value.id == "sequence" and not value.flow_style]
        anchor, indent = target.nodes["kind"][1].end_mark.index, " " * (blocks or [root])[0].start_mark.column
        lines = [" " * root.start_mark.column + "build-depends:"]
    lines += [f"{indent}- {entry}".replace("\n", f"\n{indent}  ") for entry in added]
    line_break = LINE_BREAK.search(text, anchor)
    newline = (line_break or LINE_BREAK.search(text) or ["\n"])[0]
    block = newline.join("\n".join(lines).split("\n"))
    if line_break:
        position = line_break.end()
        # An empty line on both sides, if the file has one there.
        before = newline if name not in target and text.startswith(newline, position) else ""
        changed = text[:position] + before + block + newline + text[position:]
    else:  # the file ends without one, and goes on doing so
        changed = text + newline + block
    target[name] = [*map(YAML(typ="safe").load, added), *target.get(name, [])]
    with contextlib.suppress(NotUnderstood):
        if Document(document.path, changed).data == expected:
            return changed
    raise NotUnderstood("an unusual layout: with other lines it would no longer say the same", line)
