# Proves the declared toolchain sufficient, and finds elements that change its compiler or go past recc.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import click

from bst_recc.cas import LocalCas
from bst_recc.doctor.context import FAIL, OK, WARN, Context, Finding
from bst_recc.errors import ReccError
from bst_recc.reapi import text
from bst_recc.wrapperlog import read_log

# Where compilers look for parts of themselves, whoever put them there
# (gcc: "Specs Files" and -print-search-dirs; clang: its resource directory).
OWN = re.compile(r"usr/(lib|lib64|libexec|lib/[^/]+-linux-gnu)/(gcc|gcc-cross|clang|llvm[^/]*)/|usr/include/c\+\+/")
COMPILER = r"(?:[\w.]+-)*(?:gcc|g\+\+|cc|c\+\+|clang(?:\+\+)?)(?:-\d+)?"
# What build systems print of a compile, and what chooses a compiler other than by its plain name.
COMPILES = re.compile(
    r"Building (?:C|CXX) object |Compiling C(?:\+\+)? object |^  (?:CC|CXX) +\S+\.l?o$"
    rf"|(?:^|[ /]){COMPILER} (?:.* )?-c ",
    re.MULTILINE,
)
CHOOSES = re.compile(
    r"-D ?CMAKE_(?:TOOLCHAIN_FILE|C(?:XX)?_COMPILER)\b\S+|--(?:cross|native)-file[= ]\S+"
    rf"|\b(?:CC|CXX)(?:=|: )['\"]?(?:/\S*/|[\w.]+-){COMPILER}|(?:^|(?<= ))/\S*/{COMPILER}(?= )",
    re.MULTILINE,
)


def bypass(place: Path) -> tuple[str, str]:
    """An element that compiles but not through recc, by the newest log in `place`, and why; else two empty strings."""
    newest = max(place.glob("*-build.*.log"), key=lambda path: path.stat().st_mtime, default=None)
    log = read_log(newest) if newest else None
    if not newest or not log or log.state != "built" or log.mode == "off" or log.opted_out:
        return "", ""
    said = newest.read_text(errors="replace")
    others = {*log.uncached} - {"no-compile", "probe", "link"}
    name = re.search(r"START +\[\w+\] (\S+): Build$", said, re.MULTILINE)
    if log.counts["compiles"] or others or not name or not COMPILES.search(said):
        return "", ""
    why = next((it for it in CHOOSES.findall(said) if "/usr/recc/" not in it), "another name, or a PATH of its own")
    if not re.search(r"Staging \S*recc-wrapper", said):
        why = "it does not build-depend on buildsystems/recc-wrapper.bst"
    return name[1], f"none of its compiles reaches recc: {why}"


def check_bypass(context: Context) -> Iterator[Finding]:
    """Elements that compile past the wrapper that they have, as the log of their last build says."""
    for name, why in map(bypass, sorted(context.logs.glob("*"))):
        if name and "recc-wrapper.bst" not in why:
            remedy = "Call compilers by plain names, CC=gcc: PATH finds the wrapper in /usr/recc/bin first."
            yield Finding(name, WARN, why, (remedy,))


def audit(context: Context, clang: bool) -> Iterator[Finding]:
    """The audit's table; raises ReccError where it cannot run."""
    name, log, failure = f"{context.project.wiring}toolchain-audit{'-clang' * clang}.bst", "", None
    try:
        context.bst("build", name)
    except ReccError as error:
        failure = error
    with contextlib.suppress(ReccError):
        log = context.bst("artifact", "log", name)
    if failure and "Toolchain audit:" not in log:
        raise failure
    click.echo("\n".join(re.findall(r"^(?:ok|none|FAIL|Toolchain audit).*", log, re.MULTILINE)))
    if failure:
        remedy = "Add what is missing: docs/toolchain.md of the template."
        yield Finding(name, FAIL, "the toolchain is incomplete: see the table above.", (remedy,))


def artifacts(context: Context, *elements: str, deps: str) -> dict[str, str]:
    """Digests of what `elements`' dependencies, of the kind `deps` says, have made, by name in staging order."""
    shown = context.bst("show", "--deps", deps, "--format", "%{name} %{artifact-cas-digest}", *elements)
    return {name: digest for name, _, digest in (line.partition(" ") for line in shown.splitlines())}


def files(storage: LocalCas, digest: str, prefix: str = "") -> Iterator[str]:
    """Paths of all files below a directory; raises ReccError where it is gone from the cache."""
    directory = storage.read("Directory", digest)
    if directory is None:
        remedy = "Delete the artifact, and try again: bst artifact delete ELEMENT"
        raise ReccError(f"the cache has lost /{prefix} ({digest}).", remedy)
    yield from (prefix + node.name for node in (*directory.files, *directory.symlinks))
    for node in directory.directories:
        yield from files(storage, text(node.digest), f"{prefix}{node.name}/")


def changes(context: Context, element: str) -> Iterator[Finding]:
    """What changes an element's compiler in its build, or makes it go past recc; raises ReccError."""
    context.bst("build", "--deps", "build", element)
    staged = artifacts(context, element, deps="build")
    includes = "".join(path.read_text() for path in context.project.directory.glob("include/*-for-recc.yml"))
    usual = [f"toolchain.bst:components/{name}.bst" for name in ("gcc", "llvm")]
    named = re.findall(r"^(?:filename:|-) *(\S+\.bst)$", includes, re.MULTILINE) or usual
    declared: set[str] = set()
    for name in sorted(set(named)):
        # A toolchain need not have every compiler; where a name is a link, bst shows the element behind it.
        with contextlib.suppress(ReccError):
            declared |= artifacts(context, name, deps="none").keys() & staged.keys()
    toolchain = artifacts(context, *sorted(declared), deps="run") if declared else {}
    storage = LocalCas(Path(context.settings.casdir))
    own = {path for name in toolchain if name in staged for path in files(storage, staged[name])}
    found = [
        f"{name} {'replaces' if path in own else 'adds'} /{path}"
        for name in (staged.keys() - toolchain.keys() if declared else ())
        for path in files(storage, staged[name])
        if path in own or OWN.match(path)
    ]
    found += filter(None, [bypass(context.logs / element.removesuffix(".bst").replace("/", "-"))[1]])
    yield from (Finding(element, FAIL, line) for line in sorted(found))
    if not found:
        yield Finding(element, OK, "nothing changes the compiler")
