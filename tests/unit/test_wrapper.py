# The compiler wrapper, built for a prefix of its own, around a compiler that only tells how it was called; the summary.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from harness import MODES, Counts, parse_links, parse_summary
from wrapper import DECLARED, WRAPPER

SUMMARY = WRAPPER / "libexec/summary"


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wrapper's element installs, for gcc and two names that no compiler has."""
    root = tmp_path_factory.mktemp("prefix")
    settings = ["CFLAGS=-O0", f"BUILD={root}/build", f"PREFIX={root}/recc", "DESTDIR=", "NAMES=gcc gcc-none clang"]
    subprocess.run(["make", "-s", "-j2", "-C", str(WRAPPER), *settings, "install"], check=True)
    return root / "recc"


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A directory with compilers that print their name, PATH and arguments, and fail."""
    directory = tmp_path / "real"
    directory.mkdir()
    for name in ("gcc", "clang"):
        (directory / name).write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$PATH" "$@"\nexit 7\n')
        (directory / name).chmod(0o755)
    return directory


class Caller:
    """Calls the wrapper by PATH as builds do; what it logs goes to `logs`."""

    def __init__(self, prefix: Path, real: Path, directory: Path) -> None:
        self.prefix, self.real, self.directory = prefix, real, directory
        self.rest = f"{real}:/usr/bin:/bin"
        self.path = f"{prefix}/session:{prefix}/bin:{self.rest}"
        self.logs = directory / "logs"

    def __call__(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"PATH": self.path, "BST_RECC_LOG_DIRECTORY": str(self.logs)} | environment
        return subprocess.run(
            [str(word) for word in command],
            executable=str(self.prefix / "bin/gcc") if command[0] == "gcc" else None,
            cwd=self.directory,
            env=settings,
            capture_output=True,
            text=True,
            errors="surrogateescape",
        )

    def alone(self, *arguments: str, **environment: str) -> list[str]:
        """What the log says of a command that runs without recc: KIND WORD DETAIL MS DIRECTORY COMMAND."""
        done = self("gcc", *arguments, **(DECLARED | {"BST_RECC_MODE": "remote"} | environment))
        assert (done.returncode, done.stderr) == (7, "")
        assert done.stdout.split("\n", 2)[2] == "".join(f"{word}\n" for word in arguments)
        (line,) = (self.logs / "log").read_text(errors="surrogateescape").splitlines()
        return line.split("\t")


@pytest.fixture
def call(prefix: Path, real: Path, tmp_path: Path) -> Caller:
    (tmp_path / "here").mkdir()
    return Caller(prefix, real, tmp_path / "here")


def test_off_runs_the_compiler_itself_without_recc_or_digest(call: Caller) -> None:
    done = call("gcc", "-c", "a b.c", "", "@none", BST_RECC_MODE="off")
    assert done.stdout.split("\n") == [f"{call.real}/gcc", call.rest, "-c", "a b.c", "", "@none", ""]
    assert (done.returncode, done.stderr) == (7, "")
    assert not call.logs.exists()


def test_off_may_have_a_reason(call: Caller, tmp_path: Path) -> None:
    done = call("gcc", "-c", "a.c", BST_RECC_MODE="off: its objects hold * and the time")
    assert done.stdout.splitlines()[2:] == ["-c", "a.c"]
    assert (done.returncode, done.stderr) == (7, "")
    assert summarise(tmp_path, [], "off: its objects hold * and the time") == (
        "recc: off: its objects hold * and the time\n"
    )


def test_response_files_reach_the_compiler_as_they_are(call: Caller) -> None:
    (call.directory / "args").write_text("-c a.c -fstack-usage\n")
    assert call("gcc", "@args", BST_RECC_MODE="off").stdout.splitlines()[2:] == ["@args"]
    assert call.alone("@args")[:3] == ["alone", "other-output", "-fstack-usage"]


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "off"])
def test_undeclared_toolchain_is_an_error_that_names_the_include_file(call: Caller, mode: str) -> None:
    for arguments in (["-c", "a.c"], ["--version"]):
        done = call("gcc", *arguments, BST_RECC_MODE=mode)
        assert (done.returncode, done.stdout) == (1, "")
        assert "RECC_REMOTE_PLATFORM_chrootRootDigest" in done.stderr.splitlines()[0]
        assert "1. " in done.stderr and "include/gcc-for-recc.yml" in done.stderr
        assert all(line.startswith(("recc: ", "  ")) for line in done.stderr.splitlines())


@pytest.mark.parametrize("mode", ["fast", "OFF", "off:", "off :x", " local", "local,remote"])
def test_an_unknown_mode_is_an_error_that_names_the_known_ones(call: Caller, mode: str) -> None:
    done = call("gcc", "-c", "a.c", BST_RECC_MODE=mode)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"'{mode}'" in done.stderr and "off, local, cache-only, remote or verify" in done.stderr


@pytest.mark.parametrize(
    "value", ["0", "1", "x", "1/0", "1/", "/2", "2/3", " 1/2", "1/2 ", "1/-2", "1/9999999999", "on"]
)
def test_a_share_of_hits_that_is_none(call: Caller, value: str) -> None:
    done = call("gcc", "-c", "a.c", BST_RECC_MODE="remote", BST_RECC_CHECK=value, **DECLARED)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == f"recc: invalid BST_RECC_CHECK: '{value}'."
    assert "1. Use 1/N, such as 1/200" in done.stderr
    assert call("gcc", "-c", "a.c", BST_RECC_MODE="off", BST_RECC_CHECK=value).returncode == 7


@pytest.mark.parametrize("value", ["", "off", "1/1", "1/200", "1/999999999"])
def test_a_share_of_hits(call: Caller, value: str) -> None:
    assert call.alone("-v", BST_RECC_CHECK=value)[1] == "no-compile"


@pytest.mark.parametrize("mode", [*MODES, "", "fast"])
def test_a_compiler_that_is_not_there_is_not_found(call: Caller, mode: str) -> None:
    done = call(call.prefix / "bin/gcc-none", "-c", "a.c", BST_RECC_MODE=mode)
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == f"recc: no compiler 'gcc-none' in {call.rest}.\n"


def test_without_a_mode_the_compiler_runs_alone(call: Caller) -> None:
    log = call.alone("-c", "a.c", BST_RECC_MODE="")
    assert log[:3] == ["alone", "no-settings", "BST_RECC_MODE"]


def test_an_emptied_environment(call: Caller) -> None:
    """env -i PATH="$PATH" gcc …: the log is where a session leaves a link to its own, so it is not looked at here."""
    done = subprocess.run(
        ["/usr/bin/env", "-i", f"PATH={call.path}", "gcc", "-c", "a.c"],
        cwd=call.directory,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [f"{call.real}/gcc", call.rest, "-c", "a.c"]
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.parametrize(
    "path", ["{bin}:{rest}", "{rest}:{bin}", "{rest}", "{bin}:{bin}:{rest}:{session}", "{bin}/:{rest}"]
)
def test_path_is_that_of_a_build_without_recc(call: Caller, path: str) -> None:
    path = path.format(bin=call.prefix / "bin", session=call.prefix / "session", rest=call.rest)
    done = call(call.prefix / "bin/gcc", BST_RECC_MODE="off", PATH=path)
    assert done.stdout.splitlines() == [f"{call.real}/gcc", call.rest]


@pytest.mark.parametrize("mode", ["off", "remote"])
def test_wrappers_by_another_name_in_path_are_not_called_again(call: Caller, mode: str) -> None:
    """Where a link leads to the directory, or a copy of the program is."""
    (call.directory / "link").symlink_to(call.prefix / "bin")
    (call.directory / "below").symlink_to(call.prefix)
    (call.directory / "mine").mkdir()
    (call.directory / "mine/gcc").symlink_to(call.prefix / "bin/gcc")
    for entry in ("link", "below/bin", "mine"):
        path = f"{call.directory}/{entry}:{call.prefix}/bin:{call.rest}"
        done = call(call.directory / entry / "gcc", "-v", PATH=path, BST_RECC_MODE=mode, **DECLARED)
        assert (done.returncode, done.stderr) == (7, "")
        assert done.stdout.splitlines()[0] == f"{call.real}/gcc"
        kept = f"{call.directory}/mine:{call.rest}" if entry == "mine" else call.rest
        assert done.stdout.splitlines()[1:] == [kept, "-v"]


def test_the_compiler_by_a_resolved_name_and_by_links(call: Caller) -> None:
    """$(readlink -f "$(command -v gcc)") -c a.c; ln -s "$(command -v gcc)" my-cc; ./my-cc -c a.c"""
    (call.directory / "my-cc").symlink_to(call.prefix / "bin/gcc")
    for name in ("my-cc", "./my-cc", str((call.prefix / "bin/gcc").resolve())):
        done = subprocess.run(
            ["/bin/sh", "-c", '"$0" -c a.c', name],
            cwd=call.directory,
            env={"PATH": f"{call.path}:{call.directory}", "BST_RECC_MODE": "off"},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (7, "")
        assert done.stdout.splitlines()[0] == f"{call.real}/gcc"


def test_the_name_is_handed_on(call: Caller) -> None:
    """A name without a directory is what a shell gives; with one, the compiler's own takes its place."""
    program = call.real / "gcc"
    program.unlink()
    subprocess.run(["gcc", "-x", "c", "-o", program, "-"], input="int puts(const char *); int main(int c, char **v) {"
                   " return puts(v[0]) < 0 || c < 0; }", text=True, check=True)  # fmt: skip
    assert call("gcc", BST_RECC_MODE="off").stdout == "gcc\n"
    assert call(call.prefix / "bin/gcc", BST_RECC_MODE="off").stdout == f"{program}\n"


@pytest.mark.parametrize(
    ("reason", "detail", "arguments"),
    [
        ("no-compile", "-", ["a.c", "-o", "a"]),
        ("link", "-", ["a.o", "-o", "a"]),
        ("no-compile", "-", ["--version"]),
        ("probe", "-", ["-c", "conftest.c"]),
        ("standard-input", "-", ["-c", "-x", "c", "-"]),
        ("profile", "-fprofile-use=a.gcda", ["-c", "-fprofile-use=a.gcda", "a.c"]),
        ("other-output", "-save-temps=obj", ["-c", "-save-temps=obj", "a.c"]),
        ("unknown-option", "-fzz", ["-c", "-fzz", "a.c"]),
        ("excluded", "slow.c", ["-c", "slow.c", "-o", "a.o"]),
        ("excluded", "../gen/x/y.cc", ["-c", "../gen/x/y.cc", "-I."]),
        ("clock", "-", ["-c", "a.c"]),
    ],
)
def test_what_cannot_be_cached_runs_without_recc_and_is_noted(
    call: Caller, reason: str, detail: str, arguments: list[str]
) -> None:
    # What a pattern would become if a shell took it for names of files.
    (call.directory / "gen").mkdir()
    (call.directory / "gen/other.cc").touch()
    epoch = "" if reason == "clock" else "0"
    log = call.alone(*arguments, BST_RECC_EXCLUDE="gen/*.cc  slow.c", SOURCE_DATE_EPOCH=epoch)
    assert log[:3] == ["alone", reason, detail]
    assert re.fullmatch(r"\d{1,4}", log[3])
    assert log[4] == str(call.directory)
    assert log[5].startswith("gcc ")
    assert len(log) == 6


def test_a_compiler_that_is_a_script_cannot_be_observed(call: Caller) -> None:
    (call.directory / "a.c").touch()
    log = call.alone("-c", "a.c", "-o", "b.o")
    assert log[:3] == ["alone", "program", f"{call.real}/gcc"]
    assert log[5] == "gcc -o b.o -c a.c"


@pytest.mark.parametrize("name", ["tab\there.txt", "line\nbreak.txt", "bytes\udce9.txt", "x" * 3000])
def test_a_log_line_is_one_line_of_six_fields(call: Caller, name: str) -> None:
    log = call.alone("-c", name)
    assert log[:2] == ["alone", "name" if name.startswith("bytes") else "unknown-file"]
    assert len(log) == 6 and len(log[2]) <= 200 and len(log[5]) <= 1000


def test_what_is_no_compile_is_logged_whole(call: Caller) -> None:
    """Its words tell what it is for."""
    assert call.alone("-E", "-DA=1", "a.c", "-o", "x.i")[5] == "gcc -E -DA=1 a.c -o x.i"


def test_a_directory_of_any_name_is_one_field(call: Caller) -> None:
    call.directory /= "tab\tand\nbreak"
    call.directory.mkdir()
    assert call.alone("-c", "conftest.c")[4].endswith("/here/tab?and?break")


def test_commands_that_run_alone_are_not_in_the_build_log(call: Caller) -> None:
    call.logs.mkdir()
    (call.logs / "build-log").touch()
    call.alone("-c", "conftest.c")
    assert (call.logs / "build-log").read_text() == ""


LOG_C = r"""
#include <stdlib.h>
#include "run.h"
int main(int argc, char **argv)
{
    struct run run = {.started = milliseconds(), .logs = argv[1], .directory = argv[2]};
    (void)argc;
    run.plan.kind = RUN_COMPILE;
    add_word(&run.plan.all, "/usr/bin/gcc");
    add_word(&run.plan.sources, argv[3]);
    add_word(&run.plan.outputs, "/b/x/out.o");
    write_log(&run, "hit", argv[4]);
}
"""


@pytest.fixture(scope="session")
def log_writer(prefix: Path) -> Path:
    """Calls the wrapper's write_log: LOGS DIRECTORY SOURCE DETAIL."""
    program = prefix.parent / "log-writer"
    program.with_suffix(".c").write_text(LOG_C)
    objects = [str(path) for path in (prefix.parent / "build").glob("*.o") if path.stem not in ("main", "show-plan")]
    subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", f"-I{WRAPPER}/src", "-o", program, f"{program}.c", *objects],
                   check=True)  # fmt: skip
    return program


@pytest.mark.parametrize("source", ["a.c", "/b/x/y/a.c", "d/" * 600 + "a.c", "\u00e9" * 600 + ".c", "a\tb\nc.c"])
def test_the_build_log_has_a_line_of_1000_columns_at_most_for_each_compile(
    log_writer: Path, tmp_path: Path, source: str
) -> None:
    (tmp_path / "build-log").touch()
    digest = f"{'a' * 64}/142"
    subprocess.run([log_writer, tmp_path, "/b/x", source, digest], check=True)
    (line,) = (tmp_path / "build-log").read_text().splitlines()
    assert len(line.encode()) <= 1000 and not re.search("[\t\r]", line)
    assert re.match(f"recc: compile hit {digest} \\d+ ms in /b/x: gcc -o out\\.o -c [^ ]", line)
    (line,) = (tmp_path / "log").read_text().splitlines()
    kind, word, detail, ms, directory, command = line.split("\t")
    assert (kind, word, detail, directory) == ("compile", "hit", digest, "/b/x") and ms.isdigit()
    assert command.startswith("gcc -o out.o -c ")


def test_a_build_log_that_is_full_or_gone_fails_nothing(log_writer: Path, tmp_path: Path) -> None:
    (tmp_path / "build-log").symlink_to("/dev/full")
    subprocess.run([log_writer, tmp_path, "/b", "a.c", "-"], check=True)
    subprocess.run([log_writer, tmp_path / "none", "/b", "a.c", "-"], check=True)
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def line(kind: str, word: str, detail: str = "-", ms: int = 40, command: str = "gcc -o a.o -c a.c") -> str:
    """A line of the wrapper's log."""
    return f"{kind}\t{word}\t{detail}\t{ms}\t/b/e.bst\t{command}\n"


def summarise(
    directory: Path, lines: list[str], mode: str = "local", status: int = 0, check: str = "", ends: int = 0
) -> str:
    """What the summary prints of a log; it ends with the status `ends`."""
    log = directory / "a log"
    log.write_text("".join(lines))
    environment = {"PATH": "/usr/bin:/bin", "BST_RECC_MODE": mode, "BST_RECC_CHECK": check}
    done = subprocess.run([SUMMARY, str(status), log], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (ends, "")
    assert all(len(line) <= 200 or line.startswith("recc: mode=") for line in done.stdout.splitlines())
    return done.stdout


COMPILES = [
    *[line("compile", "hit", "aa/1")] * 3,
    *[line("compile", "local", "bb/2")] * 2,
    *[line("compile", "remote", "cc/3", 100)] * 4,
    line("compile", "failed"),
    line("compile", "error"),
]


def test_summary_counts(tmp_path: Path) -> None:
    links = [line("link", "hit", "dd/4", 5)] + [line("link", "local", "ee/5", 5)] * 2
    alone = [line("alone", "probe")] * 2 + [line("alone", "hidden-input", "d.bin", command="gcc -o d.o -c d.c")]
    text = summarise(tmp_path, COMPILES + links + alone)
    assert parse_summary(text) == Counts(compiles=11, hits=3, local=2, remote=4)
    assert parse_links(text) == (3, 1)
    assert " failed=1 errors=1 rate=27.3% links=3 link-hits=1 hit-ms=125 miss-ms=570 manifest=0 others=0 " in text
    assert " other-hits=0 format=1 uncached: clock=0 " in text
    assert " hidden-input=1 link=0 " in text and " probe=2 " in text
    assert text.splitlines()[-1].startswith("recc: mode=local compiles=11 hits=3 local=2 remote=4 ")
    assert text.splitlines()[:-1] == [
        "recc: not cached, probe: 2, first gcc -o a.o -c a.c",
        "recc: not cached, hidden input d.bin read by: 1, first gcc -o d.o -c d.c",
    ]


def test_summary_counts_each_reason_once(tmp_path: Path) -> None:
    reasons = re.findall(
        "[a-z-]+",
        "clock directory environment excluded hidden-input link machine messages name no-compile no-settings"
        " not-supported other-output output probe profile program special-file standard-input times unknown-file"
        " unknown-option unobserved",
    )
    text = summarise(tmp_path, [line("alone", reason) for reason in reasons])
    counts = text.splitlines()[-1].partition(" uncached: ")[2]
    assert counts == " ".join(f"{reason}=1" for reason in reasons)


def test_summary_groups_what_ran_alone_by_what_is_to_blame(tmp_path: Path) -> None:
    log = [
        line("alone", "unknown-option", "-fzz", command="gcc -c b.c"),
        line("alone", "unknown-option", "-fyy"),
        line("alone", "unknown-option", "-fzz"),
        line("alone", "no-compile", command="gcc -E a.c"),
        line("alone", "no-compile", command="gcc -E -x c -"),
        line("alone", "no-compile", command="gcc --version"),
        line("alone", "no-compile", command="gcc a.c -o a"),
        line("alone", "no-compile", command="gcc -print-prog-name=ld"),
        line("alone", "no-compile", command="gcc -print-prog-name=as"),
        line("alone", "no-compile", command="gcc -o a 'b c.cc'"),
        line("alone", "no-compile", command="gcc -o a.i"),
        line("alone", "times", "a b.h.gch"),
    ]
    assert summarise(tmp_path, log).splitlines()[:-1] == [
        "recc: not cached, unknown-option -fzz: 2, first gcc -c b.c",
        "recc: not cached, unknown-option -fyy: 1, first gcc -o a.o -c a.c",
        "recc: not cached, no-compile -E: 2, first gcc -E a.c",
        "recc: not cached, no-compile --version: 1, first gcc --version",
        "recc: not cached, no-compile compile and link: 2, first gcc a.c -o a",
        "recc: not cached, no-compile -print-prog-name: 2, first gcc -print-prog-name=ld",
        "recc: not cached, no-compile other: 1, first gcc -o a.i",
        "recc: not cached, times a b.h.gch: 1, first gcc -o a.o -c a.c",
    ]


def test_summary_lines_are_cut_at_200_columns(tmp_path: Path) -> None:
    log = [line("alone", "excluded", "d/" * 90, command="gcc -c " + "e/" * 190)]
    first, _ = summarise(tmp_path, log).splitlines()
    assert len(first) == 200 and first.endswith("...")


@pytest.mark.parametrize("status", [1, 2, 130, 143])
def test_summary_after_a_failure_is_one_line(tmp_path: Path, status: int) -> None:
    """What stands last is the compiler's own error."""
    log = [*COMPILES, line("alone", "unknown-option", "-fzz"), line("alone", "probe")]
    for mode in ("local", "verify"):
        (only,) = summarise(tmp_path, log, mode, status).splitlines()
        assert only.startswith(f"recc: mode={mode} compiles=11 ")


def test_summary_of_verify_says_how_much_it_compared(tmp_path: Path) -> None:
    log = [line("compile", "verified", "aa/1")] * 3
    text = summarise(tmp_path, log, "verify")
    assert parse_summary(text) == Counts(3, 0, 3, 3)
    assert text.splitlines()[0] == "recc: verify compared 3 of 3 compiles; the others ran without recc"
    log += [line("alone", "times", "a.h.gch"), line("alone", "excluded", "b.c"), line("compile", "failed")]
    log += [line("alone", reason) for reason in ("no-compile", "link", "probe")]
    text = summarise(tmp_path, log, "verify")
    assert "recc: verify compared 3 of 6 compiles; the others ran without recc\n" in text


def test_summary_of_checked_hits(tmp_path: Path) -> None:
    """Counted where there is a share; a wrong one fails a build that has not failed of it."""
    hits, right = [line("compile", "hit", "aa/1")] * 5, [line("check", "same", "aa/1", 500)] * 2
    for check in ("", "off"):
        assert "checked" not in summarise(tmp_path, hits, check=check)
    text = summarise(tmp_path, hits + right, check="1/2")
    assert parse_summary(text) == Counts(5, 5) and len(text.splitlines()) == 1
    assert " hit-ms=200 miss-ms=0 manifest=0 others=0 other-hits=0 checked=2 not-deterministic=0 format=1 " in text
    varies = [line("check", "varies", "aa/1", command="gcc -o b.o -c b.c")]
    text = summarise(tmp_path, hits + right + varies, check="1/2")
    assert text.splitlines()[0] == "recc: checked hits that are not deterministic: 1, first gcc -o b.o -c b.c"
    assert " checked=3 not-deterministic=1 " in text
    wrong = [line("check", "differs", "aa/1", command="gcc -o c.o -c c.c"), line("compile", "error")]
    text = summarise(tmp_path, hits + wrong, check="1/2", ends=3)
    assert text.splitlines()[0] == "recc: checked hits that are wrong: 1, first gcc -o c.o -c c.c"
    assert len(summarise(tmp_path, hits + wrong + varies, status=2, check="1/2").splitlines()) == 1


def test_summary_of_thousands_of_compiles(tmp_path: Path) -> None:
    assert parse_summary(summarise(tmp_path, [line("compile", "hit", "aa/1")] * 20_000)) == Counts(20_000, 20_000)


def test_summary_without_compiles_has_no_rate(tmp_path: Path) -> None:
    text = summarise(tmp_path, [line("alone", "no-compile"), line("alone", "excluded", "b.c")])
    assert parse_summary(text) == Counts()
    assert " rate=- " in text


@pytest.mark.parametrize(
    ("mode", "status", "said"),
    [("remote", 0, True), ("verify", 0, True), ("off", 0, False), ("off: docs", 0, False), ("remote", 1, False)],
)
def test_nothing_was_compiled(tmp_path: Path, mode: str, status: int, said: bool) -> None:
    """It is said, since a build may compile past the wrappers; not below a failure, and not where recc is off."""
    line = "recc: no compiler was called through recc\n"
    assert (line in summarise(tmp_path, [], mode, status)) == said
    assert summarise(tmp_path, [], mode, status) in ("", line, f"recc: {mode}\n")
