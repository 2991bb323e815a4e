# The observing library: whatever a program does to meet a file, its record tells.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from wrapper import HERE, WRAPPER


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The library, and a program that calls one function."""
    directory = tmp_path_factory.mktemp("observe")
    library = directory / "observe.so"
    subprocess.run(["make", "-s", "-C", str(WRAPPER), f"BUILD={directory}", str(library)], check=True)
    # Without the sanitizers: they stand in for the same functions.
    program = directory / "asks"
    subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-o", program, HERE / "asks.c"], check=True)
    return library, program


READ, WRITTEN, KEPT = {"R file"}, {"W file"}, {"R file", "W file"}
OTHER = [
    "fstatat",
    "fstatat64",
    "statx",
    "faccessat",
    "readlinkat",
    "canonicalize_file_name",
    "scandir",
    "nftw",
    "glob",
]
CHANGE = ["renameat", "renameat2", "unlinkat", "linkat", "symlinkat", "mkdirat", "truncate"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        *((name, READ) for name in ("open", "__open_2", "openat", "fopen", "freopen")),
        # What stays in a file that is written to is an input.
        *((name, KEPT) for name in ("open_append", "open_update", "fopen_append")),
        *((name, WRITTEN) for name in ("open_empty", "fopen_write")),
        *((name, {"W new"}) for name in ("creat", "freopen_write")),
        ("mkostemp", {"T mkostemp"}),
        *((name, {"s file"}) for name in ("stat", "__xstat", "access", "euidaccess")),
        *((name, {"a none"}) for name in ("stat_none", "__xstat_none", "eaccess", "remove")),
        ("truncate_empty", {"W file", "s file"}),
        ("lstat", {"s link"}),
        ("open_directory", {"s .."}),
        *((name, {"l file\tlink"}) for name in ("readlink", "__readlink_chk")),
        ("readlink_none", {"l -\tfile"}),
        *((name, {"p HERE/file\tlink"}) for name in ("realpath", "__realpath_chk")),
        ("opendir", {"d ."}),
        ("unlink", {"U file"}),
        ("rename", {"U file", "M new"}),
        *((name, {"Y other-output new"}) for name in ("mkdir", "link", "symlink")),
        ("chdir", {"Y name a change of directory: /", "s .", "s /"}),
        *((name, {f"Y name {name}"}) for name in OTHER),
        ("fchdir", {"Y name fchdir", "s /"}),
        *((name, {f"Y other-output {name}"}) for name in CHANGE),
        ("connect", {"Y special-file connect"}),
        ("iconv_open", {"Y environment iconv_open"}),
    ],
)
def test_a_call_is_recorded(observed: tuple[Path, Path], tmp_path: Path, call: str, expected: set[str]) -> None:
    library, program = observed
    directory, record = tmp_path / "here", tmp_path / "record"
    directory.mkdir()
    record.touch()
    (directory / "file").write_text("text")
    (directory / "link").symlink_to("file")
    environment = os.environ | {"OBSERVE": str(record), "LD_PRELOAD": str(library)}
    subprocess.run([program, call], cwd=directory, env=environment, check=True)
    found = set()
    for line in record.read_text().splitlines():
        tag, rest = line.split(" ", 1)
        name = rest.split(" ", 2)[2] if tag == "R" else rest[:8] if tag == "T" else rest
        if tag not in "PBri":
            found.add(f"{tag} {name}".replace(str(directory), "HERE"))
    assert found == expected


@pytest.mark.parametrize(("call", "times"), [("unlink", 1), ("open_empty", 2), ("fopen_write", 2), ("open", 0)])
def test_a_file_is_noted_before_it_is_emptied_or_gone(
    observed: tuple[Path, Path], tmp_path: Path, call: str, times: int
) -> None:
    """Else the command that has just made it could remember what another has begun to write there."""
    library, program = observed
    (tmp_path / "record").touch()
    (tmp_path / "file").write_text("text")
    inode = (tmp_path / "file").stat().st_ino
    observing = {"OBSERVE": str(tmp_path / "record"), "OBSERVE_JOURNAL": str(tmp_path / "journal")}
    subprocess.run([program, call], cwd=tmp_path, env=os.environ | observing | {"LD_PRELOAD": str(library)}, check=True)
    noted = (tmp_path / "journal").read_text().splitlines() if times else []
    assert noted == [f"+ {inode} {tmp_path / 'record'}"] * times
    assert (tmp_path / "journal").exists() == bool(times)
