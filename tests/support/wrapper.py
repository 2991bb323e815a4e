# Builds parts of the wrapper, and programs that call its code, on this machine.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from pathlib import Path

from harness import ROOT, WIRING

WRAPPER = WIRING / "files/wrapper"
HERE = ROOT / "tests/unit/plan"
SANITIZE = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined"
# Plans are not freed: the process ends.
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": "0"} | SANITIZERS
DECLARED = {"RECC_REMOTE_PLATFORM_chrootRootDigest": "digest", "SOURCE_DATE_EPOCH": "0"}


def make(directory: Path, *targets: str) -> None:
    """Build parts of the wrapper below `directory`."""
    command = ["make", "-s", "-C", str(WRAPPER), f"BUILD={directory}", f"CFLAGS={SANITIZE}"]
    subprocess.run([*command, *(f"{directory}/{target}" for target in targets)], check=True)


def compile_here(program: Path, *sources: Path) -> Path:
    """Build a program of the tests, and return it."""
    options: list[str | Path] = [
        "-std=c11",
        "-D_GNU_SOURCE",
        "-Wall",
        "-Wextra",
        "-Werror",
        *SANITIZE.split(),
        "-I",
        WRAPPER / "src",
    ]
    subprocess.run(["gcc", *options, "-o", program, *sources], check=True)
    return program
