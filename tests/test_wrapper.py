# The compiler wrapper and the summary, run by the host's sh.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import PRODUCT
from harness import Counts, parse_links, parse_summary

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
    done = run(compiler, "-c", "a b.c", "", BST_RECC_MODE="off")
    real = f"{compiler.parent}/real"
    assert done.stdout.splitlines() == [f"{real}/gcc", f"{real}:/usr/bin:/bin", "-c", "a b.c", ""]
    assert (done.returncode, done.stderr) == (7, "")


def test_off_may_have_a_reason(compiler: Path, tmp_path: Path) -> None:
    done = run(compiler, "-c", "a.c", BST_RECC_MODE="off: its objects hold * and the time")
    assert done.stdout.splitlines()[2:] == ["-c", "a.c"]
    assert (done.returncode, done.stderr) == (7, "")
    assert summarise(tmp_path, "off: its objects hold * and the time", []) == (
        "recc: off: its objects hold * and the time\n"
    )


@pytest.mark.parametrize("mode", ["cache-only", "local", "remote", "verify"])
def test_undeclared_toolchain_is_an_error_that_names_the_include_file(compiler: Path, mode: str) -> None:
    done = run(compiler, "-c", "a.c", BST_RECC_MODE=mode)
    assert (done.returncode, done.stdout) == (1, "")
    assert "RECC_REMOTE_PLATFORM_chrootRootDigest" in done.stderr.splitlines()[0]
    assert "1. " in done.stderr and "include/gcc-for-recc.yml" in done.stderr


def test_missing_mode_is_an_error_that_names_the_include_file(compiler: Path) -> None:
    done = run(compiler, "-c", "a.c")
    assert (done.returncode, done.stdout) == (1, "")
    assert "include/recc.yml" in done.stderr


def test_a_compiler_that_is_not_there_is_an_error(compiler: Path) -> None:
    (compiler.parent / "gcc-none").symlink_to(WRAPPER)
    done = run(compiler.parent / "gcc-none", BST_RECC_MODE="off")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("recc: no compiler 'gcc-none' in ")


def test_an_unknown_mode_is_an_error_that_names_the_known_ones(compiler: Path) -> None:
    done = run(compiler, "-c", "a.c", BST_RECC_MODE="fast")
    assert (done.returncode, done.stdout) == (1, "")
    assert "'fast'" in done.stderr and "off, local, cache-only, remote or verify" in done.stderr


@pytest.mark.parametrize(
    ("reason", "arguments"),
    [
        ("no-compile", ["a.c", "-o", "a"]),
        ("link", ["a.o", "-o", "a"]),
        ("no-compile", ["--version"]),
        ("probe", ["-c", "conftest.c"]),
        ("probe", ["-c", "conftest1.c"]),
        ("probe", ["-c", "-o", "/tmp/cgA1b2C3/dummy.o", "/tmp/cgA1b2C3/dummy.c"]),
        ("probe", ["-c", "/x/CMakeFiles/CMakeScratch/TryCompile-1/src.c"]),
        ("standard-input", ["-c", "-x", "c", "-"]),
        ("profile", ["-c", "-fprofile-use=a.gcda", "a.c"]),
        ("other-output", ["-c", "-save-temps=obj", "a.c"]),
        ("other-output", ["-c", "@args"]),
        ("clock", ["-c", "a.c"]),
        ("excluded", ["-c", "slow.c", "-o", "a.o"]),
        ("excluded", ["-c", "/b/e.bst/src/slow.c"]),
        ("excluded", ["-c", "../gen/x/y.cc", "-I."]),
        ("excluded", ["-c", "@excluded"]),
        ("probe", ["-c", "conftest.slow.c"]),
        ("clock", ["-c", "not-slow.c", "-o", "slow.o"]),
    ],
)
def test_what_cannot_be_cached_runs_without_recc_and_is_noted(
    compiler: Path, tmp_path: Path, reason: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "args").write_text("-O2\n -DA='*' -fstack-usage")
    (tmp_path / "excluded").write_text("-DA='*'\n-O2 gen/z.cc\n")
    # What a pattern would become if the shell took it for names of files.
    (tmp_path / "gen").mkdir()
    (tmp_path / "gen/other.cc").touch()
    environment = {
        "BST_RECC_MODE": "remote",
        "RECC_REMOTE_PLATFORM_chrootRootDigest": "digest",
        "RECC_LOG_DIRECTORY": str(tmp_path / "log"),
        "BST_RECC_EXCLUDE": "gen/*.cc  slow.c",
    }
    if reason != "clock":
        environment["SOURCE_DATE_EPOCH"] = "0"
    done = run(compiler, *arguments, **environment)
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout.splitlines()[2:] == arguments
    (note,) = (tmp_path / "log").glob("*.note")
    assert note.read_text() == f"uncached {reason}\n"


MESSAGES = {
    "hit": ["Action Cache hit for [aa/1]"],
    "local": [
        "Action not cached and running in cache-only mode, executing locally",
        "Action cache updated for [bb/22]",
    ],
    "remote": ["Executing action remotely... [actionDigest=cc/333]", "Remote execution finished with exit code 0"],
    "not-supported": [
        "Not a compiler command, so running locally. (Use RECC_FORCE_REMOTE=1 to force remote execution)"
    ],
}
DIGESTS = {"hit": "aa/1", "local": "bb/22", "remote": "cc/333", "not-supported": "-"}


def write_log(directory: Path, process: int, messages: list[str], second: int = 38) -> None:
    """A log as recc leaves it."""
    lines = "".join(f"2026-11-22T11:37:{second}.186+0000 [6:1] [x.cpp:9] [INFO] {text}\n" for text in messages)
    (directory / f"recc.buildbox.user.log.20261122-1137{second}.{process}").write_text(lines)


def summarise(directory: Path, mode: str, outcomes: list[str], notes: list[str] | None = None) -> str:
    """The summary of as many compiles; an outcome that recc's log does not tell is the wrapper's own."""
    directory = directory / "a log.dir"
    directory.mkdir(exist_ok=True)
    for process, outcome in enumerate(outcomes, 100):
        messages = MESSAGES["local"][:1] + MESSAGES["remote"] if outcome == "verified" else MESSAGES.get(outcome, [])
        write_log(directory, process, messages)
        result = "ok" if messages else outcome
        note = f"compile {9000 + process} {process} {result} 40 ms in /b/e.bst: gcc -c {process}.c\n"
        (directory / f"{process}.note").write_text(note)
    for number, note in enumerate(notes or []):
        (directory / f"{number}.note").write_text(f"{note}\n")
    environment = {"PATH": "/usr/bin:/bin", "RECC_LOG_DIRECTORY": str(directory), "BST_RECC_MODE": mode}
    return subprocess.run([SUMMARY], env=environment, capture_output=True, text=True, check=True).stdout


def test_summary_counts_and_lists_every_compile(tmp_path: Path) -> None:
    outcomes = [*["hit"] * 3, *["local"] * 2, *["remote"] * 4, "not-supported", "failed", "error", "hidden-input"]
    notes = [
        *["uncached probe", "uncached probe", "hidden d.bin read by: gcc -c d.c", "unlinkable no ld"],
        *(f"link 1 {process} ok 5 ms in /b/e.bst: gcc {process}.o" for process in (300, 301)),
        "link 1 302 link 5 ms in /b/e.bst: gcc 302.o",
        "link 1 303 failed 5 ms in /b/e.bst: gcc 303.o",
    ]
    (tmp_path / "a log.dir").mkdir()
    for process, outcome in ((300, "hit"), (301, "local")):
        write_log(tmp_path / "a log.dir", process, MESSAGES[outcome])
    text = summarise(tmp_path, "local", outcomes, notes)
    assert parse_summary(text) == Counts(compiles=11, hits=3, local=2, remote=4)
    assert "failed=1 errors=1 rate=27.3% links=3 link-hits=1 hit-ms=125 miss-ms=330 uncached: hidden" in text
    assert parse_links(text) == (3, 1)
    assert "recc: link hit aa/1 5 ms in /b/e.bst: gcc 300.o\n" in text
    assert "recc: link local bb/22 5 ms in /b/e.bst: gcc 301.o\n" in text
    assert "fails in the sandbox of the toolchain: no ld\n" in text
    assert "hidden-input=1 probe=2 no-compile=0 link=1 not-supported=1" in text and "WARNING" not in text
    assert "recc: not cached, hidden input d.bin read by: gcc -c d.c\n" in text
    listed = [line for line in text.splitlines() if line.startswith("recc: compile ")]
    for process, outcome in enumerate(outcomes, 100):
        digest = DIGESTS.get(outcome, "-")
        assert f"recc: compile {outcome} {digest} 40 ms in /b/e.bst: gcc -c {process}.c" in listed
    assert len(listed) == len(outcomes)


def test_process_numbers_come_again(tmp_path: Path) -> None:
    """The second compile under one number has a log and a note of its own; file names do not sort by time."""
    summarise(tmp_path, "local", ["hit", "failed"])
    log = tmp_path / "a log.dir"
    for second, outcome in ((59, "local"), (10, "not-supported")):
        write_log(log, 100, MESSAGES[outcome], second)
    (log / "7.note").write_text("compile 20000 100 ok 50 ms in /b: gcc -c late.c\n")
    (log / "8.note").write_text("compile 100 100 ok 30 ms in /b: gcc -c early.c\n")
    environment = {"PATH": "/usr/bin:/bin", "RECC_LOG_DIRECTORY": str(log), "BST_RECC_MODE": "local"}
    text = subprocess.run([SUMMARY], env=environment, capture_output=True, text=True, check=True).stdout
    assert "recc: compile not-supported - 30 ms in /b: gcc -c early.c" in text
    assert "recc: compile hit aa/1 40 ms in /b/e.bst: gcc -c 100.c" in text
    assert "recc: compile local bb/22 50 ms in /b: gcc -c late.c" in text


def test_summary_of_verify_counts_each_compile_once(tmp_path: Path) -> None:
    assert parse_summary(summarise(tmp_path, "verify", ["verified"] * 3)) == Counts(3, 0, 3, 3)


def test_summary_of_thousands_of_compiles(tmp_path: Path) -> None:
    assert parse_summary(summarise(tmp_path, "remote", ["hit"] * 5000)) == Counts(5000, 5000)


def test_summary_without_compiles_has_no_rate(tmp_path: Path) -> None:
    text = summarise(tmp_path, "remote", [], ["uncached no-compile", "uncached excluded"])
    assert parse_summary(text) == Counts()
    assert "rate=- " in text
    assert text.endswith(" excluded=1\n")


def test_a_compiler_that_cannot_be_observed_is_named(tmp_path: Path) -> None:
    notes = ["unobserved /usr/bin/gcc"] * 3
    assert "WARNING: 2 compiles" in summarise(tmp_path, "local", ["not-supported", "hit", "hit"], notes)


@pytest.mark.parametrize("mode", ["off", "remote"])
def test_no_summary_where_nothing_was_compiled(tmp_path: Path, mode: str) -> None:
    (tmp_path / "empty").mkdir()
    for directory in ("none", "empty"):
        environment = {"PATH": "/usr/bin:/bin", "RECC_LOG_DIRECTORY": str(tmp_path / directory), "BST_RECC_MODE": mode}
        done = subprocess.run([SUMMARY], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == done.stderr == ""
