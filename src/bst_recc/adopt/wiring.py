# What a project needs beside lines in its elements: junctions to recc and to its compiler, an option, project.conf.
# SPDX-License-Identifier: Apache-2.0
"""New files and edited ones are put into the tree; nothing here writes."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

import bst_recc
from bst_recc.adopt.elements import WRAPPER_PATH, Tree, included, listed
from bst_recc.adopt.plan import COMPILE_NOTHING, RUNTIME, Remark, entry, reached
from bst_recc.document import NotUnderstood, enlist, extend, prefix, put
from bst_recc.errors import ReccError

RECC, TOOLCHAIN = "recc.bst", "toolchain.bst"
OPTION = "include/recc-option.yml"
RECC_YML = ":include/recc.yml"
# What is called as in freedesktop-sdk, and how a compiler of a project's own is called.
PROVIDED = re.compile(r"(.+:)(?:public-stacks/buildsystem[\w-]*|components/gcc)\.bst")
COMPILER_NAME = re.compile(r"(?:^|[/-])(?:gcc|compiler|toolchain)[^/]*\.bst$")
STACKS = (*(f"buildsystem-{name}" for name in ("autotools", "cmake", "make", "meson")), "runtime-minimal")
PLUGINS = "origin: pip\npackage-name: buildstream-plugins"
# For each mode, that of gnome-build-meta's option recc; 'verify' has none.
GNOME = """(?):
- recc_mode == "off" or recc_mode == "verify":
    recc: passthrough
- recc_mode == "cache-only":
    recc: cache-only
- recc_mode == "local":
    recc: upload-local-build
- recc_mode == "remote":
    recc: remote-execution"""


def written(about: str, data: dict[str, Any]) -> str:
    """A new YAML file."""
    stream = io.StringIO(f"# {about}.\n")
    stream.seek(0, io.SEEK_END)
    yaml = YAML()
    yaml.width = 1000
    yaml.dump(data, stream)
    return stream.getvalue()


def origin() -> tuple[str, str, str]:
    """URL, branch and commit of the template that this program is from; raises ReccError."""
    checkout = Path(bst_recc.__file__).parents[2]
    if (checkout / "recc/project.conf").is_file():
        git = ["git", "-C", str(checkout), "rev-parse", "HEAD", "--abbrev-ref", "HEAD"]
        done = subprocess.run(git, capture_output=True, text=True)
        if done.returncode == 0:
            commit, branch = done.stdout.split()
            return checkout.as_uri(), branch, commit
    else:
        said = json.loads(metadata.distribution("bst-recc").read_text("direct_url.json") or "{}")
        if commit := said.get("vcs_info", {}).get("commit_id"):
            branch = said["vcs_info"].get("requested_revision", commit)
            return said["url"], "main" if branch == commit else branch, commit
    raise ReccError(
        "cannot tell which commit of the template this bst-recc comes from.",
        "Install it from there: pip install git+URL@COMMIT",
        "Or copy the files instead: --copy DIRECTORY, with a checkout of the template.",
    )


def find_compiler(tree: Tree, named: str) -> tuple[str, str]:
    """The compiler `named`, or that of most elements that compile, and what brings it, with a shell, to most of them.

    The first ends with ':' where it is a project that provides freedesktop-sdk's names. Raises ReccError.
    """
    needs = [
        [name for d in element.dependencies("build-depends", "depends") for name in entry(tree, d)[0]]
        for element in tree.elements.values()
        if element.kind not in COMPILE_NOTHING
    ]

    def compiler(name: str) -> str:
        if match := PROVIDED.fullmatch(name):
            return match[1]
        return str(name) if name == named or (name in tree.elements and COMPILER_NAME.search(name)) else ""

    found = Counter(c for names in needs for c in {compiler(name) for name in reached(tree, names, *RUNTIME)} if c)
    chosen = compiler(named) or next((name for name, _ in found.most_common(1)), "")
    if not chosen:
        raise ReccError(
            "no element that compiles depends on a compiler.", "Give the element that provides it: --compiler ELEMENT"
        )
    beside = Counter(name for names in needs for name in names if chosen in reached(tree, [name], *RUNTIME))
    return chosen, next((str(name) for name, _ in beside.most_common(1)), chosen)


class Wiring:
    """Changes of a `tree`: its `junction` to recc, `remarks` on what it lacked and what is left, and `copies`."""

    def __init__(self, tree: Tree, compiler: str, copy: Path | None, forward: str) -> None:
        """Put into the tree what is missing; raises ReccError."""
        self.tree, self.copy, self.conf = tree, copy, tree.directory / "project.conf"
        self.remarks: set[Remark] = set()
        self.copies: dict[Path, Path] = {}
        names = [name for top, _ in tree.conf for name in included(top) if name.endswith(RECC_YML)]
        self.junction = names[0].removesuffix(RECC_YML) if names else RECC
        if self.junction == RECC:
            self.add_junctions(compiler)
        if not any("recc_mode" in top for top, _ in tree.below(tree.conf, "options")):
            self.add(tree.directory / OPTION, Path(__file__).with_name(Path(OPTION).name).read_text())
            self.edit(self.conf, OPTION, enlist, "(@)", OPTION)
        if not any(n.endswith(RECC_YML) for e in tree.elements.values() for top, _ in e.own for n in included(top)):
            if not names:
                self.edit(self.conf, RECC + RECC_YML, enlist, "(@)", RECC + RECC_YML)
            self.keep_environment()
        if forward and "recc: passthrough" not in tree.document(tree.path / forward).text:
            self.edit(tree.path / forward, "the option recc", put, ("config", "options"), GNOME)

    def add(self, path: Path, text: str) -> None:
        """Add a file, where there is none."""
        if path not in self.tree.changes and not path.exists():
            self.tree.change(path, text)
            self.remarks.add(Remark(path, 1, "does not exist", lacks=True))

    def edit(self, path: Path, what: str, change: Callable[..., str], *arguments: Any) -> None:
        """Change a file, or remark on what it lacks."""
        document = self.tree.document(path)
        try:
            self.tree.change(path, change(document, *arguments))
            self.remarks.add(Remark(path, getattr(arguments[0], "line", 1), f"lacks {what}", lacks=True))
        except NotUnderstood as error:
            self.remarks.add(Remark(path, error.line, f"add {what} by hand: {error}"))

    def keep_environment(self) -> None:
        """What project.conf says itself wins over what it includes: let its PATH and its list do both."""
        paths = self.tree.settings(self.tree.conf, "environment").get("PATH", [])
        for path in sorted(paths, key=lambda path: path.offset, reverse=True):  # the last first: offsets stay
            if not path.startswith(WRAPPER_PATH) and path.path.is_file():
                self.edit(path.path, f"{WRAPPER_PATH} in its PATH", prefix, path, WRAPPER_PATH)
        if isinstance(self.tree.main.get("environment-nocache"), list):
            self.edit(self.conf, "'(>):' in environment-nocache", extend, "environment-nocache")

    def add_junctions(self, compiler: str) -> None:
        """The junctions to recc and to a toolchain, where they are missing."""
        tree = self.tree
        options = [option for top, _ in tree.below(tree.conf, "options") for option in top.values()]
        named = [str(o["variable"]) for o in options if o.get("type") == "arch" and "variable" in o]
        arch = {"arch": f"%{{{named[0]}}}"} if named else {}
        if RECC not in tree.elements:
            about = "recc: wrappers around compilers, recc itself, and what declares a toolchain"
            forwarded = {**arch, "recc_mode": "%{recc_mode}"}
            self.add_junction(RECC, about, "recc", {"options": forwarded, "overrides": {TOOLCHAIN: TOOLCHAIN}})
        if TOOLCHAIN in tree.elements:
            return
        found, beside = find_compiler(tree, compiler)
        if found.endswith(":"):
            link = {"kind": "link", "config": {"target": found[:-1]}}
            self.add(tree.path / TOOLCHAIN, written("The toolchain, by the names that recc asks for", link))
        else:
            about = "The toolchain: this project's own, by the names that recc asks for"
            overrides = {"components/gcc.bst": found} | {f"public-stacks/{name}.bst": beside for name in STACKS}
            config = ({"options": arch} if arch else {}) | {"overrides": overrides}
            self.add_junction(TOOLCHAIN, about, "debian-toolchain", config)

    def add_junction(self, name: str, about: str, project: str, config: dict[str, Any]) -> None:
        """One to a project of the template: at its commit, or copied."""
        directory, main = self.tree.directory, self.tree.main
        if self.copy:
            self.copies[self.copy / project] = directory / project
            source = {"kind": "local", "path": project}
        else:
            url, branch, commit = origin()
            source = {"kind": "git", "url": self.alias(url), "track": branch, "ref": commit}
            config = {"path": project, **config}
            self.add_plugin()
            if url.startswith("file:"):
                text = "leads to a directory of this machine: write a URL that others reach"
                self.remarks.add(Remark(self.tree.path / name, 1, text, wrong=False))
            if "ref-storage" in main:
                self.add(directory / "junction.refs", "# What the junctions lead to.\n")
                ref = f"{name}:\n- ref: {commit}"
                self.edit(directory / "junction.refs", f"{name}'s ref", put, ("projects", str(main["name"])), ref)
        self.add(self.tree.path / name, written(about, {"kind": "junction", "sources": [source], "config": config}))

    def alias(self, url: str) -> str:
        """`url` by an alias of the project, which is added where it has none."""
        for alias, values in self.tree.settings(self.tree.conf, "aliases").items():
            if values[0] and url.startswith(values[0]):
                return f"{alias}:{url.removeprefix(values[0])}"
        place, _, name = url.rpartition("/")
        self.edit(self.conf, "the alias template", put, ("aliases",), f"template: {place}/")
        return f"template:{name}"

    def add_plugin(self) -> None:
        """The source plugin git, from where the project has others of its package."""
        plugins = [plugin for top, _ in self.tree.conf for plugin in listed(top.get("plugins"))]
        if not any("git" in listed(plugin.get("sources")) for plugin in plugins):
            places = (p for p in plugins if Path(p.get("junction", "")).stem == "buildstream-plugins")
            place = next((f"origin: junction\njunction: {p['junction']}" for p in places), PLUGINS)
            self.edit(self.conf, "the plugin git", enlist, "plugins", f"{place}\nsources:\n- git")
