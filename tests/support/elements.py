# Elements that tests add to a project, and the packages of which one makes a toolchain.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

from harness import Project

ELEMENT = """kind: make
build-depends:
- (@): recc.bst:include/gcc-for-recc.yml
- recc.bst:buildsystems/make.bst
sources:
- kind: local
  path: {sources}
"""


def manual(sources: str, *commands: str) -> str:
    """An element that builds `sources`, a directory of the project, by commands instead of make."""
    head = ELEMENT.format(sources=sources).replace("kind: make", "kind: manual")
    return head + "config:\n  build-commands:\n" + "".join(f"  - {command}\n" for command in commands)


MAKEFILE = """all: {objects}
install: all
\tmkdir -p $(DESTDIR)/objects
\tcp *.o $(DESTDIR)/objects
"""


def add(project: Project, element: str, sources: dict[str, str], text: str = ELEMENT) -> str:
    """Write an element with its source files (and a Makefile for the .c files); return its name."""
    directory = project.path / "files" / element.removesuffix(".bst")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    objects = " ".join(name[:-2] + ".o" for name in sorted(sources) if name.endswith(".c"))
    for name, content in {"Makefile": MAKEFILE.format(objects=objects), **sources}.items():
        (directory / name).write_text(content)
    (project.path / "elements" / element).write_text(text.format(sources=f"files/{directory.name}"))
    return element


def packages(toolchain: Path, *components: str) -> list[str]:
    """The sources of components, each as YAML, from their lock files."""
    locks = toolchain / "locks" / platform.machine()
    return [
        source
        for name in components
        for source in re.findall(r"^- kind: deb\n(?:  .*\n)+", (locks / f"{name}.yml").read_text(), re.MULTILINE)
    ]


# Names that Debian's maintainer scripts would make.
NAMES = {"cc": "gcc", "c++": "g++", "awk": "mawk"}


def write_compiler(project: Path, element: str, toolchain: Path, *more: str) -> None:
    """Write an element that has compiler, shell, make and components `more` of `toolchain`, as somebody has one."""
    sources = "".join(packages(toolchain, "gcc", "base", "llvm-shared", "make", *more))
    version = re.search(r"/automake_(\d+\.\d+)", sources)
    automake = {name: f"{name}-{version[1]}" for name in ("aclocal", "automake")} if version else {}
    directory = project / "files/names/usr/bin"
    directory.mkdir(parents=True)
    for name, target in (NAMES | automake).items():
        (directory / name).symlink_to(target)
    path = project / "elements" / element
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"kind: import\nsources:\n{sources}- kind: local\n  path: files/names\n")
