# What to add to which elements of a project, and what keeps them past recc.
# SPDX-License-Identifier: Apache-2.0
"""Nothing here changes a file."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bst_recc.adopt.elements import WRAPPER_PATH, Element, Tree, included, listed, texts
from bst_recc.document import Document, Mapping, NotUnderstood, enlist

DIGEST = "RECC_REMOTE_PLATFORM_chrootRootDigest"
WRAPPER = "buildsystems/recc-wrapper.bst"
WRAPPER_OF_CLANG = "buildsystems/recc-clang.bst"
BUILD_SYSTEMS = ("autotools", "cmake", "make", "meson")
WRAPPED = re.compile(rf".+:buildsystems/(?:{'|'.join(BUILD_SYSTEMS)}|recc-wrapper)\.bst")
RUNTIME = ("depends", "runtime-depends")
ALL = ("build-depends", *RUNTIME)
# Kinds of BuildStream and its plugin packages that run no compiler.
COMPILE_NOTHING = {
    *("import", "stack", "script", "filter", "compose", "link", "junction", "oci", "ostree", "bazelize"),
    *("collect_initial_scripts", "collect_integration", "collect_manifest", "dpkg_deploy", "fastboot_bootimg"),
    *("fastboot_ext4", "flatpak_image", "flatpak_repo", "check_forbidden", "snap_image", "tar_element", "x86image"),
}


class Remark(NamedTuple):
    """Something to know about a line, from 1, of a file; `wrong`: --check fails on it; `lacks`: --write adds it."""

    path: Path
    line: int
    text: str
    wrong: bool = True
    lacks: bool = False


def entry(tree: Tree, dependency: Any) -> tuple[list[str], str]:
    """Elements that an entry of a list of dependencies names, and what declares them a toolchain: a file or DIGEST."""
    names, declared = [dependency] if isinstance(dependency, str) else [], ""
    for top, _ in tree.spread(dependency):
        junction = f"{top['junction']}:" if "junction" in top else ""
        names += [f"{junction}{name}" for name in listed(top.get("filename"))]
        signs = [*included(top), *texts(top.get("config"))]
        declared = declared or next((sign for sign in signs if sign.endswith("-for-recc.yml") or sign == DIGEST), "")
    return names, declared


def is_build(dependency: Any) -> bool:
    """Whether a list of both sorts has it for the build alone."""
    return isinstance(dependency, dict) and dependency.get("type") == "build"


def reached(tree: Tree, names: Iterable[str], *keys: str) -> set[str]:
    """Elements called `names`, and all that their lists `keys` lead to in this project."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        element = None if name in found else tree.elements.get(name)
        found.add(name)
        for dependency in element.dependencies(*keys) if element else ():
            if keys == ALL or not is_build(dependency):
                waiting += entry(tree, dependency)[0]
    return found


def part_of_toolchain(tree: Tree, *names: str) -> set[str]:
    """The elements that toolchains and wrappers are made of, `names` among them: they cannot depend on them."""
    waiting = [*names]
    for element in tree.elements.values():
        for dependencies, declares in (entry(tree, d) for d in element.dependencies("build-depends", "depends")):
            waiting += dependencies if declares else []
    for element in filter(None, map(tree.elements.get, ("toolchain.bst", *names))):
        for targets in element.settings("config", "overrides").values():
            waiting += targets
    return reached(tree, waiting, *ALL)


def junctions(tree: Tree, name: str) -> Iterator[Remark]:
    """What keeps recc_mode from the project behind the junction `name`, perhaps a.bst:b.bst."""
    first, _, rest = name.partition(":")
    if (element := tree.elements.get(first)) is None:
        return
    path, config = element.document.path, element.settings("config")
    if element.kind == "link":
        yield from junctions(tree, ":".join(filter(None, [*config.get("target", []), rest])))
        return
    # What is included from a project has that project's variables.
    if not any("%{" in value for value in element.settings("config", "options").get("recc_mode", [])):
        text = "does not pass the option on: without config: options: recc_mode: '%{recc_mode}', it has no effect"
        yield Remark(path, element.document.data.line("config"), text)
    if rest:
        text = f"check that {rest} in this project passes the option recc_mode on as well: it cannot be seen from here"
        yield Remark(path, 1, text, wrong=False)


def copied(tree: Tree) -> Iterator[Remark]:
    """Virtual environments and caches that a source of kind local copies into a sandbox or a junction."""
    for element in tree.elements.values():
        for source in (source for top, _ in element.own for source in listed(top.get("sources"))):
            local = isinstance(source, Mapping) and source.get("kind") == "local" and "path" in source
            for directory, names, files in os.walk(tree.directory / source["path"]) if local else ():
                made = "pyvenv.cfg" in files or {"cas", "artifacts"} <= {*names}
                if made or Path(directory).name in (".bst", ".bst2"):
                    text = f"this source contains {os.path.relpath(directory, tree.directory)}: move it elsewhere"
                    yield Remark(source.document.path, source.line("path"), text)
                    names.clear()


def faults(element: Element, junction: str, declared: str) -> Iterator[Remark]:
    """What keeps a wired element's compiles past recc; `declared`: its toolchain's include file, DIGEST or nothing."""
    conf, environment = element.tree.main, element.settings("environment")
    staged = (d for d in element.dependencies("depends", "runtime-depends") if not is_build(d))
    found = reached(element.tree, (name for d in staged for name in entry(element.tree, d)[0]), *RUNTIME)
    if any(map(WRAPPED.fullmatch, found)):
        text = "recc's wrappers become a runtime dependency, and part of what is installed: write build-depends"
        yield Remark(element.document.path, element.document.data.line("depends", "runtime-depends"), text)
    if "BST_RECC_MODE" not in environment:
        text = f"does not include {junction}:include/recc.yml: add it to the list '(@)'"
        yield Remark(conf.document.path, conf.line("(@)"), text)
    for path in environment.get("PATH", []):
        if not f"{path}:".startswith(WRAPPER_PATH):
            text = f"this PATH hides recc's wrappers, unless it begins with {WRAPPER_PATH}"
            yield Remark(path.path, path.line, text, wrong=not path.startswith("%{"))
    server = environment.get("RECC_SERVER", ["unix:/tmp/casd.sock"])[0].removeprefix("unix:")
    for path in element.settings("sandbox", "remote-apis-socket").get("path", []):
        if path != server:
            yield Remark(path.path, path.line, f"recc looks for this socket at {server}: use that path")
    for tool in element.tools:
        clang = tool.compiles and tool.name.startswith("clang") and declared.endswith("gcc-for-recc.yml")
        if tool.compiles and "/" in tool.called:
            text = f"names the compiler {tool.called} by absolute path, past recc: write {tool.name}"
            yield Remark(tool.path, tool.line, text)
        elif clang or not (tool.own or declared in ("", DIGEST) or re.search("%{|linux-gnu", tool.name)):
            text = f"{tool.setting} names {tool.called}, which {declared} lacks: declare its element"
            yield Remark(tool.path, tool.line, text)


def place(element: Element) -> Document:
    """The file that has its list of build dependencies; raises NotUnderstood where that cannot be told."""
    found, data = None, element.document.data
    for top, conditional in element.own:
        value = top.get("build-depends")
        replaces = isinstance(value, list) or (isinstance(value, Mapping) and "(=)" in value)
        if conditional and replaces:
            raise NotUnderstood("a condition replaces build-depends", top.document.data.line("(?)"))
        if replaces:
            return top.document
        found = top.document if value is not None and not conditional else found
    foreign = [name for top, _ in element.own for name in included(top) if re.search(":(?!include/recc.yml)", name)]
    if foreign and found is not element.document:
        raise NotUnderstood(f"its build-depends may be in {foreign[0]}: add some to the element", data.line("(@)"))
    return found or element.document


@dataclass
class Plan:
    """What to add to the elements `named` (all, where none is), what there is to say, how many are of which sort.

    `unknown`: elements that perhaps compile, by their kind. `behind`: what there is to say of a junction, which is
    looked at once.
    """

    tree: Tree
    named: tuple[str, ...]
    junction: str
    toolchain: str
    kinds: tuple[str, ...]
    remarks: set[Remark] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    behind: dict[str, set[Remark]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find all that."""
        self.remarks.update(copied(self.tree))
        wiring = part_of_toolchain(self.tree, self.toolchain, self.junction)
        needs: dict[str, tuple[str, ...]] = {}
        for name in self.named or sorted(self.tree.elements | self.tree.broken):
            try:
                if name in self.tree.broken:
                    raise self.tree.broken[name]
                element = self.tree.elements[name]
                sort, added = ("part of the toolchain", ()) if name in wiring else self.judge(element)
                if added:
                    needs[name] = added
                else:
                    self.counts[sort] += 1
            except NotUnderstood as error:
                self.leave(name, error)
        for name in needs:
            try:
                self.add(self.tree.elements[name], needs)
            except NotUnderstood as error:
                self.leave(name, error)

    def leave(self, name: str, why: NotUnderstood) -> None:
        """Remark that an element is left alone."""
        self.remarks.add(Remark(self.tree.path / name, why.line, f"left alone: {why}"))
        self.counts["left alone"] += 1

    def judge(self, element: Element) -> tuple[str, tuple[str, ...]]:
        """Which sort an element is of, and the dependencies, in YAML, that it lacks; raises NotUnderstood."""
        tree, kind = self.tree, element.kind
        entries = [entry(tree, d) for d in element.dependencies("build-depends", "depends")]
        declared = next((file for _, file in entries if file), "")
        if re.match(r"off(:|$)", element.settings("environment").get("BST_RECC_MODE", [""])[-1]):
            return "opted out", ()
        if kind in COMPILE_NOTHING:
            return "compile nothing", ()
        named, known = element.name in self.named, kind in (*BUILD_SYSTEMS, *self.kinds)
        if not (named or known or declared or (kind == "manual" and element.calls_compiler())):
            self.unknown[kind].append(element.name)
            return "left alone", ()
        found = sorted(reached(tree, (name for names, _ in entries for name in names), *RUNTIME))
        other = next((tool for tool in element.tools if not tool.own), None)
        # It can only use a compiler that is there.
        if other and not declared and not (self.toolchain and (named or self.toolchain in found)):
            where = f"{other.path.name}:{other.line}: {other.setting} names {other.called}"
            reason = f"{where}: --toolchain ELEMENT declares the dependency that has it"
            raise NotUnderstood(reason, element.document.data.line("kind"))
        wrapper = next(filter(WRAPPED.fullmatch, found), "")
        remarks = set(faults(element, self.junction, declared))
        for name in {name.rpartition(":")[0] for name in (wrapper, declared, f"{self.junction}:")}:
            if name not in self.behind:
                self.behind[name] = set(junctions(tree, name))
            remarks |= self.behind[name]
        self.remarks |= remarks
        clang = any(tool.compiles and tool.name.startswith("clang") for tool in element.tools)
        added = []
        if not declared and other:
            added.append(f"filename: {self.toolchain}\nconfig:\n  digest-environment: {DIGEST}")
        elif not declared:
            added.append(f"(@): {self.junction}:include/{'clang' if clang else 'gcc'}-for-recc.yml")
        if not wrapper:
            added.append(f"{self.junction}:{WRAPPER}")
        if not declared and not other and clang:
            added.append(f"{self.junction}:{WRAPPER_OF_CLANG}")
        wrong = any(remark.wrong for remark in remarks)
        return "to fix by hand" if wrong else "wired", tuple(added)

    def add(self, element: Element, needs: dict[str, tuple[str, ...]]) -> None:
        """Add what an element needs to the file that has its build dependencies; raises NotUnderstood."""
        document, added = place(element), needs[element.name]
        sharing = [e.name for e in self.tree.elements.values() if any(top.document is document for top, _ in e.own)]
        if others := [name for name in sharing if needs.get(name) != added]:
            reason = f"its build-depends in {document.path.name} are also those of {others[0]}, which needs others"
            raise NotUnderstood(reason, element.document.data.line("(@)"))
        self.tree.changes[document.path] = enlist(document, "build-depends", *added, behind="kind", last=False)
        self.counts["to wire"] += 1
        lacking = " and ".join(f"'- {name}'" for name in added).replace("\n", "; ")
        line = element.document.data.line("build-depends", "kind")
        self.remarks.add(Remark(element.document.path, line, f"build-depends lack {lacking}", lacks=True))
