# The compiler wrapper and the summary, run by the host's sh.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import PRODUCT
from harness import Counts, parse_summary

WRAPPER = PRODUCT / "files/recc-wrapper/libexec/compiler"
SUMMARY = PRODUCT / "files/recc-wrapper/libexec/summary"


@pytest.fixture
def compiler(tmp_path: Path) -> Path:
    """A compiler 'gcc' that prints its path, arguments and PATH; and the wrapper under the same name."""
    real = tmp_path / "real/gcc"
    real.parent.mkdir()
    real.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$PATH" "$@"\nexit 7\n')
    real.chmod(0o755)
    (tmp_path / "gcc").symlink_to(WRAPPER)
    return tmp_path / "gcc"


def run(wrapper: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"/usr/recc/session:/usr/recc/bin:{wrapper.parent}/real:/usr/bin:/bin"
    return subprocess.run([wrapper, *arguments], env={"PATH": path} | environment, capture_output=True, text=True)


def test_off_runs_the_compiler_itself_without_recc_or_digest(compiler: Path) -> None:
    done = run(compiler, "-c", "a b.c", "", RECC_MODE="off")
    real = f"{compiler.parent}/real"
    assert done.stdout.splitlines() == [f"{real}/gcc", f"{real}:/usr/bin:/bin", "-c", "a b.c", ""]
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.parametrize("mode", ["local", "remote"])
def test_undeclared_toolchain_is_an_error_that_names_the_include_file(compiler: Path, mode: str) -> None:
    done = run(compiler, "-c", "a.c", RECC_MODE=mode)
    assert (done.returncode, done.stdout) == (1, "")
    assert "RECC_REMOTE_PLATFORM_chrootRootDigest" in done.stderr.splitlines()[0]
    assert "1. " in done.stderr and "include/gcc-for-recc.yml" in done.stderr


def test_missing_mode_is_an_error_that_names_the_include_file(compiler: Path) -> None:
    done = run(compiler, "-c", "a.c")
    assert (done.returncode, done.stdout) == (1, "")
    assert "include/recc.yml" in done.stderr


def test_a_compiler_that_is_not_there_is_an_error(compiler: Path) -> None:
    (compiler.parent / "gcc-none").symlink_to(WRAPPER)
    done = run(compiler.parent / "gcc-none", RECC_MODE="off")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("recc: no compiler 'gcc-none' in ")


def test_summary_counts_what_the_logs_say(tmp_path: Path) -> None:
    lines = {
        "Action Cache hit for [a/1]": 3,
        "Action not cached and running in cache-only mode, executing locally": 2,
        "Action cache updated for [a/1]": 2,
        "Executing action remotely... [actionDigest=a/1]": 4,
        "Remote execution finished with exit code 0": 4,
        "Input path matches regex in RECC_INVALID_INPUT_PATHS_REGEX, executing locally": 5,
        "Not a compiler command, so running locally. (Use RECC_FORCE_REMOTE=1 to force remote execution)": 6,
    }
    for line, count in lines.items():
        for number in range(count):
            (tmp_path / f"{number} {line[:20].replace('/', '')}").write_text(f"date [1:2] [x.cpp:1] [INFO] {line}\n")
    environment = {"PATH": "/usr/bin:/bin", "RECC_LOG_DIRECTORY": str(tmp_path), "RECC_MODE": "local"}
    done = subprocess.run([SUMMARY], env=environment, capture_output=True, text=True, check=True)
    assert parse_summary(done.stdout) == Counts(compiles=9, hits=3, local=2, remote=4)
    assert "probes=5 other=6" in done.stdout


def test_no_summary_without_logs(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "RECC_LOG_DIRECTORY": str(tmp_path / "none"), "RECC_MODE": "off"}
    done = subprocess.run([SUMMARY], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""
