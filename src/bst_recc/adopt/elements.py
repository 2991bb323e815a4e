# Elements of a project, with what they include and what project.conf sets for them, and which compilers they name.
# SPDX-License-Identifier: Apache-2.0
"""Read as BuildStream composes them: a condition is stronger than its mapping, which is stronger than its includes."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from bst_recc.document import Document, Mapping, NotUnderstood, Text
from bst_recc.project import Project

WRAPPER_PATH = "/usr/recc/session:/usr/recc/bin:"
# What include/recc.yml sets, for where it is another project's and cannot be read.
RECC_YML = f"""environment: {{PATH: '{WRAPPER_PATH}', BST_RECC_MODE: ''}}
sandbox: {{remote-apis-socket: {{path: /tmp/casd.sock}}}}
"""
TOOL = r"[^-]*|%\{.*|(?:gcc|llvm)-.*|[\w.]+-\d.*"
COMPILER = r"(?:cc|gcc|g\+\+|c\+\+|clang|clang\+\+|clang-cpp)(?:-\d+(?:\.\d+)*)?"
# A command of a shell that runs a compiler, which is the group, or what runs one.
CALL = re.compile(
    r"(?:^|[;&|(`]|\b(?:do|else|env|exec|if|then)\s|!\s)\s*(?:\w+=\S*\s+)*[\"']?"
    rf"(?:((?:[^\s\"';&|(]*/)?(?:(?:[\w.]+|%\{{[\w-]+\}})-)*{COMPILER})"
    r"|(?:\S*/)?(?:make|gmake|ninja|samu|cmake|meson|configure|autoreconf|qmake|scons|waf))(?![\w.+=/-])"
    r"|%\{(?:make|ninja|cmake|meson|configure|autogen)\b|\$\{?(?:CC|CXX)\b"
)
PLACES = ("", "/bin", "/usr/bin", "/usr/local/bin", "%{bindir}", "%{prefix}/bin")
LAUNCHERS = ("ccache", "distcc", "env", "sccache")
COMMAND = "a command"
# What a setting may name, in one of the PLACES, where it means a tool of gcc's or clang's own.
OWN = {
    **dict.fromkeys(("CC", "CXX", "OBJC", "OBJCXX"), COMPILER),
    **dict.fromkeys(("CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "CMAKE_ASM_COMPILER"), COMPILER),
    **dict.fromkeys(("AR", "AS", "CPP", "LD", "NM", "OBJCOPY", "RANLIB", "STRIP"), TOOL),
    "--host": r".*%\{.*|.*linux-gnu",
    **dict.fromkeys(("CROSS_COMPILE", "CMAKE_TOOLCHAIN_FILE", "--cross-file"), "(?!)"),
}
ASSIGNED = re.compile(rf"(?<![\w-])(?:-D)?({'|'.join(OWN)})(?::\w+)?(?:=|(?<=--cross-file) +)[\"']?([^\s\"';&|)]+)")


def listed(value: Any) -> list[Any]:
    """A value that may be one or a list of them, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def included(mapping: dict[str, Any]) -> list[str]:
    """Names of the files that a mapping includes."""
    return [name for name in listed(mapping.get("(@)")) if isinstance(name, str)]


def texts(data: Any) -> Iterator[Text]:
    """Every text in `data`, keys left out."""
    if isinstance(data, Text):
        yield data
    for inner in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from texts(inner)


Top = tuple[Mapping, bool]


class Tool(NamedTuple):
    """A tool that a setting, or COMMAND, names, as `called`; `own`: one of gcc's or clang's; `line` from 1."""

    setting: str
    called: str
    name: str
    compiles: bool
    own: bool
    path: Path
    line: int


class Tree:
    """A project's elements below `path`, by name, why the `broken` ones cannot be read, and texts to be written."""

    def __init__(self, project: Project) -> None:
        """Raises ReccError where project.conf cannot be read."""
        self.directory, self.path = project.directory, project.elements
        self.documents: dict[Path, Document] = {}
        self.changes: dict[Path, str] = {}
        self.load()

    def load(self) -> None:
        """Find all elements."""
        self.elements: dict[str, Element] = {}
        self.broken: dict[str, NotUnderstood] = {}
        self.main = self.document(self.directory / "project.conf").data
        self.conf = list(self.spread(self.main))
        others = {path.parent for path in self.path.rglob("project.conf")} - {self.directory}
        for path in sorted({*self.path.rglob("*.bst"), *self.changes}):
            name = os.path.relpath(path, self.path)
            if path.suffix == ".bst" and others.isdisjoint(path.parents) and not re.search(r"(^|/)\.", name):
                try:
                    self.elements[name] = Element(self, name, self.document(path))
                except NotUnderstood as error:
                    self.broken[name] = error

    def change(self, path: Path, text: str) -> None:
        """Let everything read this text in the place of a file's."""
        self.documents[path], self.changes[path] = Document(path, text), text
        self.load()

    def document(self, path: Path) -> Document:
        """The content of a file; raises NotUnderstood."""
        if path not in self.documents:
            try:
                self.documents[path] = Document(path, path.read_bytes().decode())
            except (OSError, UnicodeDecodeError) as error:
                raise NotUnderstood(f"cannot be read: {error}") from None
        return self.documents[path]

    def include(self, name: str) -> Mapping | None:
        """What an included file says; None where it is another project's, or bst would complain about it."""
        if ":" in name:
            return Document(Path(name), RECC_YML).data if name.endswith(":include/recc.yml") else None
        with contextlib.suppress(NotUnderstood):
            return self.document(self.directory / name).data
        return None

    def spread(self, value: Any, conditional: bool = False, seen: tuple[str, ...] = ()) -> Iterator[Top]:
        """A mapping and all that it is composed of, the strongest first, each with whether a condition decides it."""
        if not isinstance(value, Mapping):
            return
        for case in listed(value.get("(?)")):
            for inner in case.values() if isinstance(case, dict) else ():
                yield from self.spread(inner, True, seen)
        yield value, conditional
        for name in reversed(included(value)):
            if name not in seen:
                yield from self.spread(self.include(name), conditional, (*seen, name))

    def below(self, tops: list[Top], *sections: str) -> list[Top]:
        """What stands in a section of mappings, or in a section of it."""
        for section in sections:
            tops = [inner for top, conditional in tops for inner in self.spread(top.get(section), conditional)]
        return tops

    def settings(self, tops: list[Top], *sections: str) -> dict[str, list[Text]]:
        """What each key of a section may be: under conditions, and by the strongest that has it without."""
        found: dict[str, list[Text]] = {}
        settled: set[str] = set()
        for mapping, conditional in self.below(tops, *sections):
            for key, value in mapping.items():
                if isinstance(value, Text) and key not in settled:
                    found.setdefault(key, []).append(value)
                    settled |= set() if conditional else {key}
        return found


@dataclass
class Element:
    """One element, with all that it includes."""

    tree: Tree
    name: str
    document: Document

    @cached_property
    def own(self) -> list[Top]:
        """What it says itself and includes."""
        return list(self.tree.spread(self.document.data))

    @cached_property
    def all(self) -> list[Top]:
        """That, and what project.conf sets for its kind and for every element."""
        conf = self.tree.conf
        return [*self.own, *self.tree.below(conf, "elements", self.kind), *conf]

    @cached_property
    def kind(self) -> str:
        """Its kind."""
        return next((str(top["kind"]) for top, conditional in self.own if "kind" in top and not conditional), "")

    def settings(self, *sections: str) -> dict[str, list[Text]]:
        """What each key of a section may be."""
        return self.tree.settings(self.all, *sections)

    def dependencies(self, *keys: str) -> Iterator[Any]:
        """Entries of the lists `keys`, whoever includes them and on whatever condition; the target of a link."""
        if self.kind == "link":
            yield from self.settings("config").get("target", [])
        for value in (top.get(key) for top, _ in self.own for key in keys):
            yield from value if isinstance(value, list) else ()
            for inner, _ in self.tree.spread(value):
                yield from (entry for directive in ("(>)", "(<)", "(=)") for entry in listed(inner.get(directive)))

    def calls_compiler(self) -> bool:
        """Whether its commands call a compiler, or what calls one."""
        commands = (text for top, _ in self.own for text in texts(top.get("config")))
        return any(CALL.search(line) for text in commands for line in text.splitlines())

    @cached_property
    def tools(self) -> list[Tool]:
        """Tools that its settings and commands name, variables expanded."""
        return list(self.named_tools())

    def named_tools(self) -> Iterator[Tool]:
        """The same, one by one."""
        environment, variables = self.settings("environment"), self.settings("variables")

        def expand(text: str) -> str:
            for _ in range(5):  # variables in variables
                text = re.sub(r"%\{([\w-]+)\}", lambda m: variables.get(m[1], [m[0]])[0], text)
            return text

        found = [(key.upper(), text) for both in (environment, variables) for key in both for text in both[key]]
        found += [(COMMAND, text) for top, _ in self.all for text in texts(top.get("config"))]
        for key, text in found:
            for number, line in enumerate(text.splitlines(), text.line):
                code = expand(re.split(r"(?:^|\s)#", line)[0])
                pairs = [(key, code)] if key in OWN else ASSIGNED.findall(code)
                pairs += [(key, tool) for tool in CALL.findall(code)] if key == COMMAND else []
                for setting, value in pairs:
                    words = [word.strip("\"'") for word in value.split()]
                    called = next((word for word in words if word not in LAUNCHERS), "")
                    directory, _, name = called.rpartition("/")
                    pattern = OWN.get(setting, COMPILER)
                    own = directory in PLACES and bool(re.fullmatch(pattern, name))
                    if called and called[0] != "$":
                        yield Tool(setting, called, name, pattern == COMPILER, own, text.path, number)
