# The files of a generated project, and cookiecutter as a user calls it.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from pathlib import Path

from harness import BIN, ROOT

FILES = {
    ".gitattributes",
    ".gitignore",
    "README.md",
    "elements/greeting.bst",
    "elements/recc.bst",
    "elements/toolchain.bst",
    *(f"files/greeting/{name}" for name in ["Makefile", "greeting.c", "greeting.h", "main.cpp"]),
    "include/arch-option.yml",
    "include/recc-option.yml",
    "project.conf",
    "requirements.txt",
}
CHECKS = {".pre-commit-config.yaml", ".yamllint.yml"}
FORGES = {
    "none": set[str](),
    "gitlab": {".gitlab-ci.yml", *CHECKS},
    "github": {".github/workflows/build.yml", *CHECKS},
}


def cookiecutter(directory: Path, *answers: str) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter as a user would."""
    command = [str(BIN / "cookiecutter"), str(ROOT), "--no-input", "-o", str(directory), *answers]
    return subprocess.run(command, capture_output=True, text=True)


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}
