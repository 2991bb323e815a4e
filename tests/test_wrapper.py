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


@pytest.mark.parametrize("mode", ["cache-only", "local", "remote", "verify"])
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


def test_an_unknown_mode_is_an_error_that_names_the_known_ones(compiler: Path) -> None:
    done = run(compiler, "-c", "a.c", RECC_MODE="fast")
    assert (done.returncode, done.stdout) == (1, "")
    assert "'fast'" in done.stderr and "off, local, cache-only, remote or verify" in done.stderr


@pytest.mark.parametrize(
    ("reason", "arguments"),
    [
        ("no-compile", ["a.o", "-o", "a"]),
        ("no-compile", ["--version"]),
        ("probe", ["-c", "conftest.c"]),
        ("probe", ["-c", "/x/CMakeFiles/CMakeScratch/TryCompile-1/src.c"]),
        ("standard-input", ["-c", "-x", "c", "-"]),
        ("profile", ["-c", "-fprofile-use=a.gcda", "a.c"]),
        ("other-output", ["-c", "-save-temps=obj", "a.c"]),
        ("other-output", ["-c", "@args"]),
        ("clock", ["-c", "a.c"]),
    ],
)
def test_what_cannot_be_cached_runs_without_recc_and_is_noted(
    compiler: Path, tmp_path: Path, reason: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "args").write_text("-O2\n -DA='*' -fstack-usage")
    environment = {
        "RECC_MODE": "remote",
        "RECC_REMOTE_PLATFORM_chrootRootDigest": "digest",
        "RECC_LOG_DIRECTORY": str(tmp_path / "log"),
    }
    if reason != "clock":
        environment["SOURCE_DATE_EPOCH"] = "0"
    done = run(compiler, *arguments, **environment)
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout.splitlines()[2:] == arguments
    assert (tmp_path / "log/notes").read_text() == f"uncached {reason}\n"


def summarise(directory: Path, mode: str, notes: list[str] | None = None, **lines: int) -> str:
    """The summary of logs in which recc's messages stand so many times."""
    messages = {
        "hit": "Action Cache hit for [a/1]",
        "here": "Action not cached and running in cache-only mode, executing locally",
        "updated": "Action cache updated for [a/1]",
        "remotely": "Executing action remotely... [actionDigest=a/1]",
        "finished": "Remote execution finished with exit code 0",
        "other": "Not a compiler command, so running locally. (Use RECC_FORCE_REMOTE=1 to force remote execution)",
    }
    for name, count in lines.items():
        for number in range(count):
            (directory / f"recc.{name}.{number}").write_text(f"date [1:2] [x.cpp:1] [INFO] {messages[name]}\n")
    if notes:
        (directory / "notes").write_text("\n".join(notes) + "\n")
    environment = {"PATH": "/usr/bin:/bin", "RECC_LOG_DIRECTORY": str(directory), "RECC_MODE": mode}
    return subprocess.run([SUMMARY], env=environment, capture_output=True, text=True, check=True).stdout


def test_summary_counts_what_the_logs_say(tmp_path: Path) -> None:
    text = summarise(tmp_path, "local", hit=3, here=2, updated=2, remotely=4, finished=4, other=6)
    assert parse_summary(text) == Counts(compiles=9, hits=3, local=2, remote=4)
    assert "not-supported=6" in text and "errors=0" in text and "WARNING" not in text


def test_summary_of_thousands_of_logs(tmp_path: Path) -> None:
    assert parse_summary(summarise(tmp_path, "remote", hit=5000)) == Counts(compiles=5000, hits=5000)


@pytest.mark.parametrize(("mode", "line"), [("local", "here"), ("cache-only", "here"), ("remote", "remotely")])
def test_a_compile_with_a_hidden_input_is_no_execution(tmp_path: Path, mode: str, line: str) -> None:
    notes = [
        "uncached hidden-input data.bin read by: gcc -c a.c",
        "uncached probe",
        "uncached probe",
        "error gcc -c b.c",
    ]
    text = summarise(tmp_path, mode, notes, **{line: 3})
    counts = parse_summary(text)
    assert counts is not None and counts.compiles == counts.local + counts.remote == 2
    assert "errors=1" in text and "hidden-input=1 probe=2" in text
    assert "recc: not cached, hidden input data.bin read by: gcc -c a.c\n" in text


def test_a_compiler_that_cannot_be_observed_is_named(tmp_path: Path) -> None:
    notes = ["unobserved /usr/bin/gcc"] * 3
    assert "WARNING: 2 compiles" in summarise(tmp_path, "local", notes, other=1, hit=2)


def test_no_summary_without_logs(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "RECC_LOG_DIRECTORY": str(tmp_path / "none"), "RECC_MODE": "off"}
    done = subprocess.run([SUMMARY], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""
