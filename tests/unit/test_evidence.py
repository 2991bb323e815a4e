# What direct mode concludes from the record of a compile, and whether facts hold (tests/unit/plan/evidence.c).
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from wrapper import ENVIRONMENT, HERE, compile_here, make

STARTED = ["P /usr/bin/gcc", "E cc1", "P /usr/libexec/cc1", "E as", "P /usr/bin/as"]
Evidence = Callable[..., list[str]]


@pytest.fixture(scope="session")
def program(built: Path) -> Path:
    planning = ("command", "options", "plan", "words")
    parts = [
        f"{n}.o" for n in (*planning, "judge", "record", "digest", "facts", "evidence", "journal", "staged", "texts")
    ]
    make(built, *parts)
    return compile_here(built / "evidence", HERE / "evidence.c", *(built / part for part in parts))


def ask(program: Path, directory: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        [program, *arguments], cwd=directory, env=ENVIRONMENT, capture_output=True, text=True, errors="surrogateescape"
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.fixture
def evidence(program: Path, tmp_path: Path) -> Evidence:
    """Judges a record in an empty directory; returns the verdict, and all but the loader's facts and the programs'."""

    def run(*lines: str, started: list[str] = STARTED) -> list[str]:
        record = tmp_path.parent / f"{tmp_path.name}.record"
        record.write_text("".join(f"{line}\n" for line in [*started, *lines]), errors="surrogateescape")
        found = ask(program, tmp_path, str(record))
        return [line for line in found if not line.startswith("fact:") or "\t/" not in line]

    return run


def read(path: Path, mtime: int | None = None, size: int | None = None) -> str:
    """The line of a file that was read, as it is now or as it was."""
    status = path.stat()
    time = status.st_mtime_ns if mtime is None else mtime
    return f"R {time} {status.st_size if size is None else size} {path.name}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """As STARTED, of programs that are there."""
    place = tmp_path.parent / f"{tmp_path.name}.programs"
    place.mkdir()
    for name in ("gcc", "cc1", "as"):
        (place / name).write_text(name)
    return [f"P {place}/gcc", "E cc1", f"P {place}/cc1", "E as", f"P {place}/as"]


def test_facts(evidence: Evidence, programs: list[str], tmp_path: Path) -> None:
    """What was there before the command; not what it has made itself."""
    (tmp_path / "a.c").write_text("int a;\n")
    (tmp_path / "dir").mkdir()
    (tmp_path / "link").symlink_to("dir")
    own = ["s a.o", "a /tmp/ccX.s", "T /tmp/ccX.s", "W /tmp/ccX.s", "R 1 1 /tmp/ccX.s", "U /tmp/ccX.s", "W a.o"]
    found = evidence(
        read(tmp_path / "a.c"), "A n.h", "a a.c.gch", "s dir", "l dir\tlink", f"p {tmp_path}/dir\tlink", *own,
        started=programs,
    )  # fmt: skip
    assert found == [
        "verdict: - ",
        "own: /tmp/ccX.s",
        "own: a.o",
        f"fact: R {digest('int a;' + chr(10))}\ta.c",
        "fact: a -\ta.c.gch",
        "fact: a -\tn.h",
        "fact: l dir\tlink",
        f"fact: p {tmp_path}/dir\tlink",
        f"fact: s {tmp_path}/dir\tdir",
    ]


def test_paths_without_links(evidence: Evidence, programs: list[str], tmp_path: Path) -> None:
    """Of files in directories that are links, links themselves, and such with dots."""
    (tmp_path / "dir").mkdir()
    (tmp_path / "other").mkdir()
    for name in ("dir/f", "dir/g", "other/f"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("dir")
    (tmp_path / "dir/away").symlink_to("../other/f")
    names = {
        "link/f": "dir/f",
        "link/g": "dir/g",
        "link/away": "other/f",
        "link/../other/f": "other/f",
        "link/.": "dir",
        "dir//f": "dir/f",
        "link": "dir",
    }
    found = evidence(*(f"p {tmp_path}/{real}\t{name}" for name, real in names.items()), started=programs)
    assert found[0] == "verdict: - "
    assert {line for line in found if line.startswith("fact: p")} == {
        f"fact: p {tmp_path}/{real}\t{name}" for name, real in names.items()
    }


def test_programs_and_libraries_are_read(program: Path, programs: list[str], tmp_path: Path) -> None:
    """By content; and for each library, that none stands before it where the loader looks."""
    place = tmp_path / "lib"
    other = tmp_path / "other"
    for directory, name in ((place, "liba.so"), (other, "libb.so")):
        directory.mkdir()
        (directory / name).write_text(name)
    record = tmp_path / "record"
    lines = [*programs, f"B {place}/liba.so", f"B {other}/libb.so", "r /none/../lib/"]
    record.write_text("".join(f"{line}\n" for line in lines))
    found = ask(program, tmp_path, str(record))
    assert found[0] == "verdict: - "
    for expected in (
        f"R {digest('cc1')}\t{programs[2][2:]}",
        f"R {digest('liba.so')}\t{place}/liba.so",
        f"a -\t{other}/liba.so",
        f"a -\t{place}/libb.so",
        f"a -\t{place}/glibc-hwcaps",
        "a -\t/none/../lib/liba.so",
        "a -\t/none/../lib/tls",
    ):
        assert f"fact: {expected}" in found
    assert any(line.endswith("\t/etc/ld.so.cache") for line in found)
    assert any(line.endswith("\t/etc/ld.so.preload") for line in found)
    (place / "glibc-hwcaps").mkdir()
    assert ask(program, tmp_path, str(record))[0] == f"verdict: program {place}/glibc-hwcaps"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["X special-file /dev/stdin"], "special-file /dev/stdin"),
        (["Y name a pattern: *"], "name a pattern: *"),
        (["E cpp"], "unobserved a program that it runs"),
        (["E cpp", "F cpp"], "- "),
        (["P {}/as"], "unobserved a program that it runs"),
        (["E sh", "P /bin/sh"], "program /bin/sh"),
        (["U b.o"], "other-output b.o"),
        (["W b.o", "U b.o"], "- "),
        (["M b.o", "U b.o"], "- "),
        (["U /tmp/GMfifo12"], "- "),
        (["A gone.h", "s gone.h"], "times gone.h"),
        (["a here.h"], "times here.h"),
        (["l there\there.h"], "times here.h"),
        (["p /there\there.h"], "times here.h"),
        (["R 1 1 here.h", "W here.h"], "hidden-input here.h"),
        (["W here.h", "R 1 1 here.h"], "- "),
        (["R 1 1 here.h"], "times here.h"),
        (["a a\tb"], "name a\tb"),
    ],
)
def test_what_tells_too_little(
    evidence: Evidence, programs: list[str], tmp_path: Path, lines: list[str], expected: str
) -> None:
    (tmp_path / "here.h").write_text("1\n")
    place = programs[0][2:].rpartition("/")[0]
    found = evidence(*(line.format(place) for line in lines), started=programs)
    assert found[0] == f"verdict: {expected}"


def test_files_that_have_changed_meanwhile(evidence: Evidence, programs: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a.h"
    path.write_text("1\n")
    now = path.stat().st_mtime_ns
    assert evidence(read(path), started=programs)[0] == "verdict: - "
    assert evidence(read(path, mtime=now - 1), started=programs)[0] == "verdict: times a.h"
    assert evidence(read(path, size=3), started=programs)[0] == "verdict: times a.h"


def test_what_is_no_function_of_contents(evidence: Evidence, programs: list[str], tmp_path: Path) -> None:
    """A header that compares times, and one that clang has precompiled."""
    (tmp_path / "a.c").write_text('#pragma GCC dependency "gram.y"\n')
    assert evidence(read(tmp_path / "a.c"), started=programs)[0] == "verdict: times a.c"
    (tmp_path / "a.pch").write_text("CPCH and more")
    assert evidence(read(tmp_path / "a.pch"), started=programs)[0] == "verdict: times a.pch"


def holds(program: Path, directory: Path, tag: str, value: str, name: str) -> bool:
    return ask(program, directory, tag, value, name) == ["yes"]


def test_facts_hold(program: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\n")
    (tmp_path / "b").write_text("1\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/one").write_text("")
    (tmp_path / "link").symlink_to("d")

    def true(tag: str, value: str, name: str) -> bool:
        return holds(program, tmp_path, tag, value, name)

    assert true("R", digest("1\n"), "a") and not true("R", digest("2\n"), "a") and not true("R", digest(""), "none")
    assert true("a", "-", "none") and not true("a", "-", "a")
    assert true("s", "f", "a") and not true("s", "f", "d") and not true("s", "f", "none")
    assert true("s", f"{tmp_path}/d", "link") and not true("s", f"{tmp_path}/link", "link")
    assert true("l", "d", "link") and not true("l", "e", "link") and not true("l", "d", "a")
    assert true("l", "-", "a") and not true("l", "-", "link") and not true("l", "-", "none")
    assert true("p", f"{tmp_path}/d", "link") and not true("p", f"{tmp_path}/link", "link")
    listed = digest("".join(f"{name}\0" for name in (".", "..", "one")))
    assert true("d", listed, "d") and not true("d", listed, "a")
    (tmp_path / "d/two").write_text("")
    assert not true("d", listed, "d")
    os.utime(tmp_path / "a", (5, 5))
    assert not true("t", "a", "b") and not true("t", "a", "none")
    os.utime(tmp_path / "b", (5, 5))
    assert true("t", "a", "b")
    assert not true("z", "a", "b")
