# What to add to which elements of a project, and what keeps them past recc.
# SPDX-License-Identifier: Apache-2.0
"""Nothing here changes a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bst_recc.adopt.document import Document, Mapping, NotUnderstood, wire
from bst_recc.adopt.elements import COMPILERS, WRAPPER_PATH, Element, Tree, included, listed
from bst_recc.project import Project

DIGEST = "RECC_REMOTE_PLATFORM_chrootRootDigest"
WRAPPER = "buildsystems/recc-wrapper.bst"
WRAPPER_OF_CLANG = "buildsystems/recc-clang.bst"
BUILD_SYSTEMS = ("autotools", "cmake", "make", "meson")
WRAPPED = rf".+:buildsystems/({'|'.join(BUILD_SYSTEMS)}|recc-wrapper)\.bst"
# Kinds of BuildStream and its plugin packages that run no compiler.
COMPILE_NOTHING = {
    *("import", "stack", "filter", "compose", "link", "junction", "bazelize", "check_forbidden"),
    *("collect_initial_scripts", "collect_integration", "collect_manifest", "dpkg_deploy", "fastboot_bootimg"),
    *("fastboot_ext4", "flatpak_image", "flatpak_repo", "oci", "ostree", "snap_image", "tar_element", "x86image"),
}


@dataclass(frozen=True, order=True)
class Remark:
    """Something to know about a line (counted from 1) of a file; `wrong`: --check fails on it."""

    path: Path
    line: int
    text: str
    wrong: bool = True


def entry(tree: Tree, dependency: Any) -> tuple[list[str], str]:
    """Elements that an entry of a list of dependencies names, and what declares them a toolchain: a file or DIGEST."""
    names, declared = [dependency] if isinstance(dependency, str) else [], ""
    for top, _ in tree.spread(dependency):
        junction = f"{top['junction']}:" if "junction" in top else ""
        names += [f"{junction}{name}" for name in listed(top.get("filename"))]
        digest = any(inner.get("digest-environment") == DIGEST for inner, _ in tree.below([(top, False)], "config"))
        files = [name for name in included(top) if name.endswith("-for-recc.yml")]
        declared = declared or next(iter(files), DIGEST if digest else "")
    return names, declared


def reached(tree: Tree, names: Iterable[str], *keys: str) -> set[str]:
    """Elements called `names`, and all that their lists `keys` lead to in this project."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        element = None if name in found else tree.element(name)
        found.add(name)
        if element:
            waiting += element.settings("config").get("target", []) if element.kind == "link" else []
            for dependency in element.dependencies(*keys):
                if "build-depends" in keys or not (isinstance(dependency, dict) and dependency.get("type") == "build"):
                    waiting += entry(tree, dependency)[0]
    return found


def wrapped(tree: Tree, names: Iterable[str]) -> str:
    """What brings recc's wrappers to where the elements `names` are; or nothing."""
    found = sorted(reached(tree, names, "depends", "runtime-depends"))
    return next((name for name in found if name == WRAPPER or re.fullmatch(WRAPPED, name)), "")


def part_of_toolchain(tree: Tree, junction: str, *names: str) -> set[str]:
    """The project's elements that toolchains and wrappers are made of: they cannot depend on them."""
    waiting = [WRAPPER, WRAPPER_OF_CLANG, *names]
    waiting += [name for kind in BUILD_SYSTEMS if wrapped(tree, [name := f"buildsystems/{kind}.bst"])]
    waiting += [n for name in ("gcc", "clang") for n in entry(tree, tree.include(f"include/{name}-for-recc.yml"))[0]]
    for element in filter(None, map(tree.element, tree.names())):
        for named, declared in (entry(tree, d) for d in element.dependencies("build-depends", "depends")):
            waiting += named if declared else []
    for element in filter(None, map(tree.element, ("toolchain.bst", junction.partition(":")[0]))):
        for targets in element.settings("config", "overrides").values():
            waiting += targets
    return reached(tree, waiting, "build-depends", "depends", "runtime-depends")


def junctions(tree: Tree, name: str, seen: tuple[Path, ...] = ()) -> Iterator[Remark]:
    """What keeps recc_mode from the project behind the junction `name`, perhaps a.bst:b.bst."""
    first, _, rest = name.partition(":")
    element = tree.element(first)
    if element is None or element.document.path in seen:
        return
    path, config = element.document.path, element.settings("config")
    seen = (*seen, path)
    if element.kind == "link":
        yield from junctions(tree, ":".join([*config.get("target", []), *filter(None, [rest])]), seen)
        return
    # What is included from a project has that project's variables.
    if not any("%{" in value for value in element.settings("config", "options").get("recc_mode", [])):
        text = "does not pass the option on: without config: options: recc_mode: '%{recc_mode}', it has no effect"
        yield Remark(path, element.document.data.line("config"), text)
    local = [source["path"] for source in listed(element.document.data.get("sources")) if source.get("kind") == "local"]
    inside = tree.directory / (local or ["/"])[0] / config.get("path", ["."])[0]
    if overriding := rest and element.settings("config", "overrides").get(rest):
        yield from junctions(tree, overriding[0], seen)
    elif rest and (inside / "project.conf").is_file():
        yield from junctions(Tree(Project(inside)), rest, seen)
    elif rest:
        text = f"see to it that {rest} in this project passes the option recc_mode on as well: it is not seen from here"
        yield Remark(path, 1, text, wrong=False)


def faults(element: Element, junction: str, declared: str) -> Iterator[Remark]:
    """What keeps a wired element's compiles past recc; `declared`: its toolchain's include file, DIGEST or nothing."""
    conf, environment = element.tree.main, element.environment

    if "BST_RECC_MODE" not in environment:
        text = f"does not include {junction}{':' * bool(junction)}include/recc.yml: add it to the list '(@)'"
        yield Remark(conf.document.path, conf.line("(@)"), text)
    for path in environment.get("PATH", []):
        if not f"{path}:".startswith(WRAPPER_PATH):
            known = not path.startswith("%{")
            text = "this PATH hides recc's wrappers: let it begin with" if known else "see to it that this begins with"
            yield Remark(path.path, path.line, f"{text} {WRAPPER_PATH}", known)
    server = environment.get("RECC_SERVER", ["unix:/tmp/casd.sock"])[0].removeprefix("unix:")
    for path in element.settings("sandbox", "remote-apis-socket").get("path", []):
        if path != server:
            yield Remark(path.path, path.line, f"recc looks for this socket at {server}: use that path")
    for top, conditional in element.all:
        value = top.get("environment-nocache")
        if isinstance(value, list) and "BST_RECC_MODE" not in value:
            text = "replaces the list environment-nocache of recc.yml: write its entries below '(>):'"
            yield Remark(top.document.path, top.line("environment-nocache"), text)
        if isinstance(value, list) and not conditional:
            break
    for key, tool, file, number in element.named_tools():
        name = tool.rpartition("/")[2]
        if "/" in tool and key in ("", *COMPILERS):
            yield Remark(file, number, f"names the compiler {tool} by absolute path, past recc: write {name}")
        elif key and re.search("(gcc|clang)-for-recc.yml$", declared) and not re.search("%{|linux-gnu", tool):
            text = f"{key} names {tool}, which {declared} does not declare: declare the element that has it"
            yield Remark(file, number, text)


def place(element: Element) -> Document:
    """The file that has its list of build dependencies; raises NotUnderstood where that cannot be told."""
    found, foreign = None, [name for top, _ in element.own for name in included(top) if ":" in name]
    foreign = [name for name in foreign if not name.endswith(":include/recc.yml")]
    for top, conditional in element.own:
        value = top.get("build-depends")
        replaces = isinstance(value, list) or (isinstance(value, Mapping) and "(=)" in value)
        if conditional and replaces:
            raise NotUnderstood("a condition replaces build-depends", top.document.data.line("(?)"))
        found = top.document if value is not None and not conditional else found
        if replaces:
            return top.document
    if foreign and found is not element.document:
        line = element.document.data.line("(@)")
        raise NotUnderstood(f"its build-depends may be in {foreign[0]}: give it some of its own", line)
    return found or element.document


@dataclass
class Plan:
    """What to add to the elements `named` (all, where none is), what there is to say, how many are of which sort.

    `lacking`: what --check says of elements that the changes would wire; `unknown`: elements that perhaps compile, by
    why that is not known; `missing`: what would be added, but is not there.
    """

    tree: Tree
    named: tuple[str, ...] = ()
    junction: str = ""
    toolchain: str = ""
    clang: bool = False
    kinds: tuple[str, ...] = ()
    changes: dict[Path, str] = field(default_factory=dict)
    remarks: set[Remark] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    lacking: set[Remark] = field(default_factory=set)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Find all that."""
        lists: dict[Path, dict[str, tuple[str, ...]]] = {}
        wiring = part_of_toolchain(self.tree, self.junction, self.toolchain)
        for name in self.named or self.tree.names():
            path = self.tree.elements / name
            try:
                element = Element(self.tree, name, self.tree.document(path))
                sort, added = ("part of the toolchain", ()) if name in wiring else self.lacks(element)
                if added:
                    lists.setdefault(place(element).path, {})[name] = added
                else:
                    self.counts[sort] += 1
            except NotUnderstood as error:
                self.counts[self.leave(path, error.line, str(error))] += 1
        for path, elements in lists.items():
            try:
                self.add(path, elements)
            except NotUnderstood as error:
                self.counts[self.leave(path, error.line, str(error))] += len(elements)

    def leave(self, path: Path, line: int, reason: str, wrong: bool = True) -> str:
        """Remark that a file is left alone."""
        self.remarks.add(Remark(path, line, f"left alone: {reason}", wrong))
        return "left alone"

    def lacks(self, element: Element) -> tuple[str, tuple[str, ...]]:
        """Which sort an element is of, and the dependencies that it needs and has not, in YAML."""
        kind, path, line = element.kind, element.document.path, element.document.data.line("kind")
        asked, calls = element.name in self.named or kind in self.kinds, element.calls_compiler
        entries = [entry(self.tree, d) for d in element.dependencies("build-depends", "depends")]
        declared = next((file for _, file in entries if file), "")
        if re.match(r"off(:|$)", element.environment.get("BST_RECC_MODE", [""])[-1]):
            return "opted out", ()
        if kind in COMPILE_NOTHING or (kind == "script" and not calls and not asked):
            return "compile nothing", ()
        if kind == "script":
            reason = "kind script cannot declare a toolchain; to compile, use kind manual"
            return self.leave(path, line, reason, wrong=False), ()
        if not (kind in BUILD_SYSTEMS or declared or asked or (kind == "manual" and calls)):
            manual = "kind manual, without a command that names a compiler (if they compile: name them, ELEMENT)"
            why = manual if kind == "manual" else f"kind {kind} (if they compile: --kind {kind})"
            self.unknown.setdefault(why, []).append(element.name)
            return "left alone", ()
        other = next((found for found in element.named_tools() if found[0]), None)
        if other and not declared and not self.toolchain:
            key, tool, file, number = other
            reason = f"{file.name}:{number}: {key} names {tool}: --toolchain ELEMENT wires it to the one that has this"
            return self.leave(path, line, reason), ()
        wrapper = wrapped(self.tree, [name for names, _ in entries for name in names])
        remarks = set(faults(element, self.junction, declared))
        for name in {n.rpartition(":")[0] for n in (wrapper, declared, self.junction + ":") if ":" in n}:
            remarks.update(junctions(self.tree, name))
        self.remarks |= remarks
        clang = self.clang or any(v.startswith("clang") for k in ("CC", "CXX") for v in element.environment.get(k, []))
        prefix = f"{self.junction}:" if self.junction else ""
        added = []
        if not declared and other:
            added.append(f"filename: {self.toolchain}\nconfig:\n  digest-environment: {DIGEST}")
        elif not declared:
            added.append(f"(@): {prefix}include/{'clang' if clang else 'gcc'}-for-recc.yml")
        if not wrapper:
            # A project that overrides parts of the toolchain, or has not copied these, has build tools of its own.
            junction, stack = self.tree.element(self.junction), f"buildsystems/{kind}.bst"
            own = junction.settings("config", "overrides") if junction else not (prefix or wrapped(self.tree, [stack]))
            added.append(prefix + (stack if kind in BUILD_SYSTEMS and not own and not other else WRAPPER))
        if not declared and not other and clang:
            added.append(prefix + WRAPPER_OF_CLANG)
        wrong = any(remark.wrong for remark in remarks)
        return "to wire" if added else "to fix by hand" if wrong else "wired", tuple(added)

    def add(self, path: Path, elements: dict[str, tuple[str, ...]]) -> None:
        """Add to a file what the elements lack whose build dependencies stand in it; raises NotUnderstood."""
        tree, document, (added, *others) = self.tree, self.tree.documents[path], {*elements.values()}
        if others or path not in (tree.elements / name for name in elements):
            everyone = filter(None, map(tree.element, tree.names()))
            sharing = {e.name for e in everyone if path in (top.document.path for top, _ in e.own)}
            if others or sharing != elements.keys():
                reason = f"of {', '.join(sorted(elements))} stand here, not of these alone: add recc's by hand"
                raise NotUnderstood(f"the build-depends {reason}", document.data.line("build-depends"))
        self.changes[path] = wire(document, added)
        self.counts["to wire"] += len(elements)
        for name in (name.removeprefix("(@): ") for name in added if "\n" not in name):
            file = self.junction.partition(":")[0] if self.junction else name
            self.missing |= set() if tree.include(file) or (tree.elements / file).is_file() else {name}
        lacking = " and ".join(f"'- {name}'" for name in added).replace("\n", "; ")
        for element in filter(None, map(tree.element, elements)):
            where = "" if element.document is document else f" (in {path.name})"
            text = f"kind {element.kind}, but build-depends{where} lack {lacking}: bst-recc adopt --write adds it"
            line = element.document.data.line("build-depends", "kind")
            self.lacking.add(Remark(element.document.path, line, text))
