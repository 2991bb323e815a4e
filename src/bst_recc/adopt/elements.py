# Elements of a project, with what they include and what project.conf sets for them, and which compilers they name.
# SPDX-License-Identifier: Apache-2.0
"""Read as BuildStream composes them: a condition is stronger than its mapping, which is stronger than its includes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bst_recc.adopt.document import BOM, LIST_DIRECTIVES, Document, Mapping, NotUnderstood, Text
from bst_recc.errors import ReccError
from bst_recc.project import Project

WRAPPER_PATH = "/usr/recc/session:/usr/recc/bin:"
# What include/recc.yml sets, for where it is another project's and cannot be read.
RECC_YML = f"""environment: {{PATH: '{WRAPPER_PATH}', BST_RECC_MODE: ''}}
environment-nocache: [BST_RECC_MODE]
sandbox: {{remote-apis-socket: {{path: /tmp/casd.sock}}}}
"""
COMPILER = r"(?:cc|gcc|g\+\+|c\+\+|clang|clang\+\+|clang-cpp)(?:-\d+(?:\.\d+)*)?"
# A compiler that a shell command calls, or what calls one.
CALL = re.compile(
    r"(?:^|[;&|(`]|\b(?:do|else|env|exec|if|then)\s|!\s)\s*(?:\w+=\S*\s+)*"
    rf"(?:\S*/)?(?:(?:[\w.]+-)*{COMPILER}|make|gmake|ninja|samu|cmake|meson|configure|autoreconf|qmake|scons|waf)"
    r"(?![\w.+=/-])|%\{(?:make|ninja|cmake|meson|configure|autogen)\b|\$\{?(?:CC|CXX)\b"
)
# Not behind an install root (%{install-root}/usr/bin/gcc), where it would be a file to install.
ABSOLUTE = re.compile(
    r"(?<![\w}/.$-])(?<![\w}][\"'])((?:(?:/usr(?:/local)?)?/bin|%\{bindir\}|%\{prefix\}/bin)"
    r"/(?:(?:[\w.]+|%\{[\w-]+\})-)*" + COMPILER + r")(?![\w.+/-])"
)
COMPILERS = ("CC", "CXX", "OBJC", "OBJCXX", "CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "CMAKE_ASM_COMPILER")
TOOLS = (*COMPILERS, "AR", "AS", "CPP", "LD", "NM", "OBJCOPY", "RANLIB", "STRIP", "CROSS_COMPILE")
FILES = ("CMAKE_TOOLCHAIN_FILE", "--cross-file")
ASSIGNED = re.compile(
    rf"(?<![\w-])(?:-D)?({'|'.join((*TOOLS, *FILES, '--host'))})(?::\w+)?"
    r"(?:=|(?<=--cross-file) +)[\"']?([^\s\"';&|)]+)"
)


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


def other_tool(key: str, value: str) -> str:
    """What the value of a setting names where that is no tool of gcc's or clang's own by its own name, or nothing."""
    words = [w for word in value.split() if (w := word.strip("\"'")) not in ("ccache", "distcc", "env", "sccache")]
    word = words[0] if words else ""
    directory, _, tool = word.rpartition("/")
    if key == "--host":
        own = "%{" in word or word.endswith("linux-gnu")
    elif key in FILES or key == "CROSS_COMPILE":
        own = False
    else:
        pattern = COMPILER if key in COMPILERS else r"[^-]*|%\{.*|(?:gcc|llvm)-.*|[\w.]+-\d.*"
        places = ("", "/bin", "/usr/bin", "/usr/local/bin", "%{bindir}", "%{prefix}/bin")
        own = directory in places and bool(re.fullmatch(pattern, tool))
    return "" if own or word.startswith("$") else word


Top = tuple[Mapping, bool]


class Tree:
    """The files of a project."""

    def __init__(self, project: Project) -> None:
        """Raises ReccError where project.conf cannot be read."""
        self.directory, self.elements = project.directory, project.elements
        self.documents: dict[Path, Document] = {}
        self.known: dict[str, Element | None] = {}
        try:
            self.main = self.document(self.directory / "project.conf").data
        except NotUnderstood as error:
            raise ReccError(f"{self.directory}/project.conf:{error.line}: {error}.", "Fix project.conf.") from None
        self.conf = list(self.spread(self.main))

    def document(self, path: Path) -> Document:
        """The content of a file; raises NotUnderstood."""
        if path not in self.documents:
            try:
                text = path.read_bytes().decode()
            except UnicodeDecodeError:
                raise NotUnderstood("not UTF-8") from None
            except OSError as error:
                raise NotUnderstood(f"cannot be read: {error.strerror}") from None
            self.documents[path] = Document(path, text.removeprefix(BOM))
        return self.documents[path]

    def include(self, name: str) -> Mapping | None:
        """What an included file says; None where it is another project's, or bst would complain about it."""
        if ":" in name:
            return Document(Path(name), RECC_YML).data if name.endswith(":include/recc.yml") else None
        try:
            return self.document(self.directory / name).data
        except NotUnderstood:
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

    def names(self) -> list[str]:
        """Names of all elements; those of projects in subdirectories are not this project's."""
        others = {path.parent for path in self.elements.rglob("project.conf")} - {self.directory}
        paths = [p.relative_to(self.elements) for p in self.elements.rglob("*.bst") if not others & {*p.parents}]
        return sorted(str(path) for path in paths if not any(part[0] == "." for part in path.parts))

    def element(self, name: str) -> Element | None:
        """An element by name; None where it is another project's, or bst would complain about it."""
        if name not in self.known:
            try:
                self.known[name] = None if ":" in name else Element(self, name, self.document(self.elements / name))
            except NotUnderstood:
                self.known[name] = None
        return self.known[name]


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
        """What each key of a section may be: under conditions, and by the strongest that has it without."""
        found: dict[str, list[Text]] = {}
        settled: set[str] = set()
        for mapping, conditional in self.tree.below(self.all, *sections):
            for key, value in mapping.items():
                if isinstance(value, Text) and key not in settled:
                    found.setdefault(key, []).append(value)
                    settled |= set() if conditional else {key}
        return found

    @cached_property
    def environment(self) -> dict[str, list[Text]]:
        """What each variable of its environment may be."""
        return self.settings("environment")

    @cached_property
    def calls_compiler(self) -> bool:
        """Whether its commands name a compiler, or what calls one."""
        commands = (text for top, _ in self.own for text in texts(top.get("config")))
        return any(CALL.search(line) for text in commands for line in text.splitlines())

    def dependencies(self, *keys: str) -> Iterator[Any]:
        """Entries of the lists `keys`, whoever includes them and on whatever condition."""
        for value in (top.get(key) for top, _ in self.own for key in keys):
            yield from value if isinstance(value, list) else ()
            for inner, _ in self.tree.spread(value):
                yield from (entry for directive in LIST_DIRECTIVES for entry in listed(inner.get(directive)))

    def named_tools(self) -> Iterator[tuple[str, str, Path, int]]:
        """Tools that settings and commands name past the wrappers, or that are others than gcc's and clang's.

        With the setting, '' for an absolute path to what could be the toolchain's own; file; line.
        """
        variables = self.settings("variables")

        def expand(text: str) -> str:
            for _ in range(5):  # variables in variables
                text = re.sub(r"%\{([\w-]+)\}", lambda m: variables.get(m[1], [m[0]])[0], text)
            return text

        found = [(k.upper(), v) for s in (self.environment, variables) for k, values in s.items() for v in values]
        found += [("", text) for top, _ in self.all for text in texts(top.get("config"))]
        for key, text in found:
            for number, line in enumerate(text.splitlines(), text.line):
                code = re.split(r"(?:^|\s)#", line)[0]
                for name, value in [(key, code)] if key in TOOLS else ASSIGNED.findall(code):
                    if tool := other_tool(name, expand(value)):
                        yield name, tool, text.path, number
                yield from (("", tool, text.path, number) for tool in ABSOLUTE.findall(code))
