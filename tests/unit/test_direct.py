# Direct mode with this machine's gcc: what is remembered of a compile, what answers it, and what does not.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from wrapper import DECLARED, WRAPPER

from bst_recc.cas import LocalCas
from bst_recc.report.manifest import Manifest


@pytest.fixture(scope="session")
def wrappers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a wrapper for gcc; recc is not there."""
    root = tmp_path_factory.mktemp("direct")
    settings = [f"BUILD={root}/build", f"PREFIX={root}/recc", "DESTDIR=", "NAMES=gcc"]
    subprocess.run(["make", "-s", "-j2", "-C", str(WRAPPER), *settings, "install"], check=True)
    return root / "recc/bin"


class Build:
    """Assembles a.s, which includes n.h, in a directory of its own: cc1 would have to be digested each time here."""

    def __init__(self, wrappers: Path, directory: Path) -> None:
        self.wrappers, self.directory = wrappers, directory / "build"
        self.logs = directory / "logs"
        self.entries = self.logs / "manifest/index"
        self.directory.mkdir()
        (self.directory / "a.s").write_text('.include "n.h"\n.data\n.long N\n')
        self.header(1)

    def header(self, value: int) -> None:
        (self.directory / "n.h").write_text(f"N = {value}\n")

    def settings(self, **environment: str) -> dict[str, str]:
        settings = DECLARED | {"BST_RECC_MODE": "local", "BST_RECC_LOG_DIRECTORY": str(self.logs)}
        return settings | {"LC_ALL": "C", "PATH": f"{self.wrappers}:/usr/bin:/bin"} | environment

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = self.settings(**environment)
        return subprocess.run(["gcc", *words], cwd=self.directory, env=settings, capture_output=True, text=True)

    def log(self) -> list[list[str]]:
        """Lines of the wrapper's log: KIND WORD DETAIL MS DIRECTORY COMMAND."""
        return [line.split("\t") for line in (self.logs / "log").read_text().splitlines()]

    def compile(self, *arguments: str, **environment: str) -> tuple[str, str]:
        """What the log says of it, in a word and a detail; the object is always what the bare compiler makes."""
        words = arguments or ("-c", "a.s")
        done = self.run(*words, **environment)
        settings, log = self.settings(**environment), self.log()[-1]
        assert (done.returncode == 0) == (log[1] != "failed"), done
        made = self.directory / "a.o"
        if done.returncode == 0 and not arguments:
            object_file = made.read_bytes()
            made.unlink()
            bare = settings | {"PATH": "/usr/bin:/bin"}
            subprocess.run(["gcc", *words], cwd=self.directory, env=bare, check=True)
            assert object_file == made.read_bytes()
            made.unlink()
        return log[1], log[2]


@pytest.fixture
def build(wrappers: Path, tmp_path: Path) -> Build:
    return Build(wrappers, tmp_path)


HIT = ("hit", "manifest")


def test_what_is_as_it_was_is_answered(build: Build) -> None:
    assert build.compile() == ("local", "-")
    assert build.compile() == HIT
    build.header(2)
    assert build.compile() == ("local", "changed: n.h")
    assert build.compile() == HIT


def test_a_header_that_is_found_where_nothing_was(build: Build) -> None:
    words = ("-Ione", "-Itwo", "-c", "a.s")
    for name in ("one", "two"):
        (build.directory / name).mkdir()
    (build.directory / "n.h").rename(build.directory / "two/n.h")
    assert [build.compile(*words) for _ in range(2)] == [("local", "-"), HIT]
    (build.directory / "one/n.h").write_text("N = 2\n")
    assert build.compile(*words) == ("local", "changed: one/n.h (new)")


def test_the_log_names_what_differs_from_the_newest_entry(build: Build) -> None:
    for text in ("N = 1\n", '.include "m.h"\n'):
        (build.directory / "n.h").write_text(text)
        (build.directory / "m.h").write_text("N = 1\n")
        build.compile()
    (build.directory / "m.h").write_text("N = 2\n")
    assert build.compile() == ("local", "changed: m.h")


def test_a_report_can_read_what_is_remembered(build: Build, tmp_path: Path) -> None:
    for value in (1, 2):
        build.header(value)
        build.compile()
    (entry,) = build.entries.iterdir()
    text = f"N {entry.name}\n".encode() + entry.read_bytes()
    name = hashlib.sha256(text).hexdigest()
    path = tmp_path / "cas/objects" / name[:2] / name[2:]
    path.parent.mkdir(parents=True)
    path.write_bytes(text)
    manifest = Manifest(LocalCas(tmp_path / "cas"), f"{name}/{len(text)}")
    after, before = manifest.entries("a.o", "a.s", str(build.directory))
    header, source = (str(build.directory / name) for name in ("n.h", "a.s"))
    assert [one.files[header] for one in (before, after)] == [
        hashlib.sha256(f"N = {value}\n".encode()).hexdigest() for value in (1, 2)
    ]
    assert before.files[source] == after.files[source]


def test_several_states_are_remembered_up_to_a_number(build: Build) -> None:
    for value in range(9):
        build.header(value)
        assert build.compile()[0] == "local"
    for value in (8, 1):
        build.header(value)
        assert build.compile() == HIT
    build.header(0)
    assert build.compile()[0] == "local"


def test_a_failure_is_not_remembered(build: Build) -> None:
    (build.directory / "a.s").write_text("none\n")
    assert build.compile()[0] == "failed"
    assert build.compile()[0] == "failed"
    assert list(build.entries.iterdir()) == []


def test_contents_that_are_gone(build: Build) -> None:
    build.compile()
    for path in (build.logs / "manifest/objects").iterdir():
        path.unlink()
    assert build.compile()[0] == "local"
    assert build.compile() == HIT


@pytest.mark.parametrize(
    "damage", [b"", b"E", b"E 1\n", b"x\n", b"E 1\nM x\t-\nM x\t-\n", b"E 1\nR\n", b"\n\n", b"ask"]
)
def test_entries_that_are_none(build: Build, damage: bytes) -> None:
    build.compile()
    (entry,) = build.entries.iterdir()
    entry.write_bytes(damage)
    assert build.compile()[0] in ("local", "error")  # recc is asked, but is not there


def test_an_entry_that_is_cut_anywhere(build: Build) -> None:
    build.compile()
    (entry,) = build.entries.iterdir()
    lines = entry.read_text().splitlines(keepends=True)
    build.header(2)
    for number in (2, len(lines) // 2, len(lines) - 3, len(lines) - 2, len(lines) - 1):
        entry.write_text("".join(line for line in lines[:number] if not line.endswith("\tn.h\n")))
        assert build.compile()[0] == "local"


def test_no_more_than_there_is_room_for(build: Build) -> None:
    build.compile(BST_RECC_MANIFEST_SIZE="0")
    (entry,) = build.entries.iterdir()
    assert entry.read_text() == "ask\n"


def test_turned_off(build: Build) -> None:
    build.compile(BST_RECC_MANIFEST="off")
    assert not (build.logs / "manifest").exists()


def test_other_modes_do_not_look(build: Build) -> None:
    build.compile()
    (entry,) = build.entries.iterdir()
    before = entry.stat().st_mtime_ns
    for mode in ("cache-only", "remote", "verify"):
        assert build.compile(BST_RECC_MODE=mode)[0] != "hit"
    assert entry.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("LC_ALL", "de_DE.UTF-8"), ("LANG", "de_DE"), ("LD_LIBRARY_PATH", "/none"), ("CPATH", "/none")],
)
def test_another_environment(build: Build, name: str, value: str) -> None:
    build.compile()
    assert build.compile(**{"LC_ALL": "", name: value}) != HIT


def test_another_command_or_directory(build: Build) -> None:
    build.compile()
    assert build.compile("-O2", "-c", "a.s") == ("local", "-")
    assert build.compile("-O2", "-c", "a.s") == HIT
    (build.directory / "a.s").write_text('.include "n.h"\n.data\n.long N + 1\n')
    assert build.compile() == ("local", "-")


def test_the_cheap_is_compiled_and_recc_is_asked_for_the_rest(build: Build) -> None:
    """recc is not there, so to ask it is an error that the log tells. What it cannot have is compiled: `.include`."""
    (build.directory / "b.s").write_text(".data\n")
    assert build.compile("-c", "b.s", BST_RECC_ASK_ABOVE="0")[0] == "error"
    assert build.compile("-c", "b.s", BST_RECC_ASK_ABOVE="100000")[0] == "local"
    assert build.compile(BST_RECC_ASK_ABOVE="0")[0] == "local"
    assert build.compile(BST_RECC_ASK_ABOVE="0") == HIT


ALL = {"BST_RECC_CHECK": "1/1"}


def test_a_hit_is_checked(build: Build) -> None:
    build.compile()
    assert build.compile(**ALL) == HIT
    assert [line[:3] for line in build.log()[1:]] == [["check", "same", "manifest"], ["compile", "hit", "manifest"]]
    # Nor is anything but the log and what is remembered left.
    assert {path.name for path in build.logs.iterdir()} <= {"log", "journal", "staged", "manifest"}


def test_one_in_two_hits_is_checked(build: Build) -> None:
    """Which ones, cannot be told from the command."""
    build.run("-c", "a.s")
    for number in range(1, 40):
        build.run("-c", "a.s", BST_RECC_CHECK="1/2")
        checks = [line[0] for line in build.log()].count("check")
        if 0 < checks < number:
            return
    pytest.fail(f"{checks} of {number} are checked")


def spoil(build: Build, text: str) -> None:
    """Change what is remembered of outputs and messages that hold `text`."""
    spoilt = [path for path in (build.logs / "manifest/objects").iterdir() if text.encode() in path.read_bytes()]
    assert spoilt
    for path in spoilt:
        path.write_bytes(path.read_bytes() + b"spoilt")


@pytest.mark.parametrize("words", [("-c", "a.s", "-o", "a.o"), ("-shared", "-nostdlib", "a.s", "-o", "a.o")])
def test_a_wrong_output_fails(build: Build, words: tuple[str, ...]) -> None:
    # Or a link names its source by the object, whose name is random.
    (build.directory / "a.s").write_text('.file "a.s"\n.data\n.long 1\n')
    build.run(*words)
    spoil(build, "ELF")
    assert build.run(*words).returncode == 0
    done = build.run(*words, **ALL)
    assert done.returncode == 1
    first, second, *rest = done.stderr.splitlines()
    assert first.startswith("recc: this compile differs from its hit in the cache (manifest): gcc ")
    assert second == "recc: 'a.o' differs"
    assert rest[0].startswith("  1. Toolchain overlapped") and "'off: REASON'" in rest[-2]
    assert [line[1] for line in build.log()[-2:]] == ["differs", "error"]


@pytest.mark.parametrize("one_stream", [True, False])
def test_a_wrong_message_fails(build: Build, one_stream: bool) -> None:
    (build.directory / "a.s").write_text('.warning "a message"\n.data\n')

    def run(**check: str) -> tuple[int, str]:
        settings, err = build.settings(**check), subprocess.STDOUT if one_stream else subprocess.PIPE
        done = subprocess.run(["gcc", "-c", "a.s"], cwd=build.directory, env=settings, stdout=-1, stderr=err, text=True)
        return done.returncode, done.stdout if one_stream else done.stderr

    plain = run()
    assert "a message" in plain[1]
    assert run(**ALL) == plain
    spoil(build, "a message")
    status, text = run(**ALL)
    assert status == 1 and "recc: the messages differ:\n" in text and "spoilt" in text


def test_a_hit_of_a_compile_that_fails(build: Build) -> None:
    """As if the manifest had not learnt that n.h is read."""
    build.run("-c", "a.s")
    (entry,) = build.entries.iterdir()
    facts = entry.read_text().splitlines(keepends=True)
    entry.write_text("".join(line for line in facts if not line.endswith("\tn.h\n")))
    (build.directory / "n.h").write_text("nonsense\n")
    done = build.run("-c", "a.s", **ALL)
    assert done.returncode == 1 and "recc: 'a.o' differs" in done.stderr and "the messages differ" in done.stderr


def test_what_is_not_deterministic_is_counted(build: Build) -> None:
    """-v names the object, which has a random name."""
    words = ("-v", "-shared", "-nostdlib", "a.s", "-o", "a.so")
    build.run(*words)
    done = build.run(*words, **ALL)
    assert (done.returncode, [line[:3] for line in build.log()[1:]]) == (
        0,
        [["check", "varies", "manifest"], ["other", "hit", "manifest"]],
    )
    assert done.stderr == build.run(*words).stderr


def test_a_check_of_contents_that_are_gone(build: Build) -> None:
    build.run("-c", "a.s")
    for path in (build.logs / "manifest/objects").iterdir():
        path.unlink()
    assert build.compile(**ALL)[0] == "local"
    assert build.compile(**ALL) == HIT


def test_a_check_has_low_priority(build: Build, tmp_path: Path) -> None:
    """The object of this compiler is its own priority: low in both new compiles, so they take the hit for wrong."""
    if os.nice(0) == 19:
        pytest.skip("the tests have it themselves")
    program = tmp_path / "real/gcc"
    program.parent.mkdir()
    code = '#include <stdio.h>\n#include <sys/resource.h>\nint main(void) { FILE *file = fopen("a.o", "w"); return'
    code += ' fprintf(file, "%d\\n", getpriority(PRIO_PROCESS, 0)) < 0; }'
    subprocess.run(["gcc", "-x", "c", "-o", program, "-"], input=code, text=True, check=True)
    path = {"PATH": f"{build.wrappers}:{program.parent}:/usr/bin:/bin"}
    build.run("-c", "a.s", **path)
    assert build.run("-c", "a.s", **path).returncode == 0
    assert "recc: 'a.o' differs" in build.run("-c", "a.s", **path, **ALL).stderr
    assert (build.directory / "a.o").read_text() == "19\n"
    assert [line[1] for line in build.log()] == ["local", "hit", "differs", "error"]
