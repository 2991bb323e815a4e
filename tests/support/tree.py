# The files of a generated project, and cookiecutter as a user calls it.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from pathlib import Path

from harness import BIN, ROOT

COMPONENTS = [
    *("autotools", "base", "cmake", "gcc", "gettext", "llvm", "llvm-shared", "make", "meson", "ninja"),
    "pkgconf",
]
SOURCES = """
command.c command.h digest.c digest.h direct.c direct.h evidence.c evidence.h facts.c facts.h files.c files.h
interpose.h journal.c journal.h judge.c keep.c keep.h link.c log.c main.c observe-asked.c observe-link.c
observe-other.c observe.c observe.h options.c options.def options.h outputs.c plan.c plan.h process.c process.h recc.c
recc.h record.c record.h remember.c run.c run.h scan.c show-plan.c staged.c staged.h texts.c texts.h toolchain.c
toolchain.h variables.def verify.c watch.c words.c words.h
"""
FILES = {
    # Where this template is a Git checkout: see test_update.py.
    *([".cruft.json"] if (ROOT / ".git").exists() else []),
    ".github/workflows/build.yml",
    ".gitignore",
    ".gitlab-ci.yml",
    ".pre-commit-config.yaml",
    ".yamllint.yml",
    "README.md",
    "project.conf",
    "requirements.txt",
    *(f"elements/buildsystems/{name}.bst" for name in ["autotools", "cmake", "make", "meson"]),
    *(f"elements/buildsystems/recc-{name}.bst" for name in ["bundle", "clang", "packages", "wrapper"]),
    *(f"elements/examples/{name}.bst" for name in ["fribidi", "greeting", "greeting-clang", "hello", "lz4", "ninja"]),
    "elements/toolchain.bst",
    *(f"files/greeting/{name}" for name in ["Makefile", "greeting.c", "greeting.h", "main.cpp"]),
    *(f"files/recc-wrapper/{name}" for name in ["Makefile", "libexec/summary", "session/sh"]),
    *(f"files/recc-wrapper/src/{name}" for name in SOURCES.split()),
    "conf/farm.conf",
    "conf/team-cache-local.conf",
    "conf/team-cache.conf",
    "elements/toolchain-audit.bst",
    "elements/toolchain-audit-clang.bst",
    "files/toolchain-audit/audit",
    *(f"files/toolchain-audit/programs/{name}" for name in ["c.c", "cxx.cpp", "math.c", "openmp.c", "threads.c"]),
    *(f"include/{name}.yml" for name in ["aliases", "arch-option", "clang-for-recc", "gcc-for-recc"]),
    *(f"include/{name}.yml" for name in ["recc", "recc-option"]),
    "recc/assemble",
    *(f"recc/locks/{name}.yml" for name in ["archive", "aarch64/recc", "x86_64/recc"]),
    "recc/packages.yml",
    *(
        f"toolchain/elements/components/{n}.bst"
        for n in ["autotools-links", "base-links", "gcc", "gcc-links", "llvm", "llvm-shared"]
    ),
    *(f"toolchain/elements/packages/{name}.bst" for name in COMPONENTS),
    *(
        f"toolchain/elements/public-stacks/{name}.bst"
        for name in [
            "buildsystem-autotools",
            "buildsystem-cmake",
            "buildsystem-make",
            "buildsystem-meson",
            "runtime-minimal",
        ]
    ),
    "toolchain/locks/archive.yml",
    *(f"toolchain/locks/{arch}/{name}.yml" for arch in ["aarch64", "x86_64"] for name in COMPONENTS),
    "toolchain/packages.yml",
    "toolchain/project.conf",
}


def cookiecutter(directory: Path, *answers: str) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter as a user would."""
    command = [str(BIN / "cookiecutter"), str(ROOT), "--no-input", "-o", str(directory), *answers]
    return subprocess.run(command, capture_output=True, text=True)


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}
