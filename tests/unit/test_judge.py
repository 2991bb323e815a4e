# What the wrapper concludes from records of a scan and of a compile: tests/unit/plan/judge.c, with the sanitizers.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from wrapper import ENVIRONMENT, HERE, compile_here, make

PROGRAMS = "/usr/bin/gcc:/usr/libexec/cc1:/usr/bin/as"
GCC = ["P /usr/bin/gcc", "P /usr/libexec/cc1", "P /usr/bin/as"]
SECOND = 1_000_000_000
Judge = Callable[..., list[str]]


@pytest.fixture(scope="session")
def judge_program(built: Path) -> Path:
    make(built, "judge.o", "record.o", "texts.o")
    objects = [built / f"{name}.o" for name in ("command", "options", "plan", "words", "judge", "record", "texts")]
    return compile_here(built / "judge", HERE / "judge.c", *objects)


@pytest.fixture
def judge(judge_program: Path, tmp_path: Path) -> Judge:
    """Judges in an empty directory; returns the lines of the scan, of the compile and about quotes."""

    def run(scan: list[str], compiled: list[str], *command: str, programs: str = PROGRAMS) -> list[str]:
        records = [tmp_path.parent / f"{tmp_path.name}.{name}" for name in ("scan", "compile")]
        for path, lines in zip(records, (scan, compiled), strict=True):
            path.write_bytes("".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"))
        words = command or ("gcc", "-c", "a.c")
        done = subprocess.run(
            [judge_program, *records, programs, "--", *words],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            errors="surrogateescape",
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


def read(name: str, mtime: int = 5, size: int = 7) -> str:
    """The line of a file that was read."""
    return f"R {mtime} {size} {name}"


FINE = ["scan: - ", "compile: - ", "time: no", "quotes: no"]


def test_a_compile_that_reads_what_its_scan_reads(judge: Judge) -> None:
    scan = [*GCC[:2], read("a.c"), read("a.h"), "A b.h"]
    compiled = [*GCC, read("a.c"), read("a.h"), "A b.h", "W a.o", "T /tmp/ccX.s", "W /tmp/ccX.s", read("/tmp/ccX.s")]
    assert judge(scan, compiled) == FINE
    assert judge(scan, scan[2:], "clang", "-c", "a.c") == FINE
    assert judge(scan, [*GCC[:2], "W a.s"], "gcc", "-S", "a.c") == FINE
    assert judge([], [*GCC, read("a.s"), "W a.o"], "gcc", "-c", "a.s") == FINE


def test_records_may_be_absent_or_cut(judge: Judge, tmp_path: Path) -> None:
    assert judge([], []) == ["scan: unobserved a.c", "compile: unobserved as", "time: no", "quotes: no"]
    assert judge([read("a.c"), "", "R", "R x", "R 1 2"], GCC)[1] == "compile: - "


@pytest.mark.parametrize(
    ("scan", "compiled", "expected"),
    [
        ([], [read("d.bin")], "hidden-input d.bin"),
        ([read("d.bin")], [read("d.bin")], "- "),
        (["A d.bin"], [read("d.bin")], "hidden-input d.bin"),
        (["W d.bin"], [read("d.bin")], "hidden-input d.bin"),
        ([], [read("d.bin"), "W d.bin"], "- "),
        ([], [read("d.bin"), "T d.bin"], "- "),
        ([], [read("d bin, x")], "hidden-input d bin, x"),
        ([], [read("/usr/include/x.h")], "hidden-input /usr/include/x.h"),
        ([], [read("./a.c")], "hidden-input ./a.c"),
        ([], ["A gram.y"], "messages gram.y"),
        (["A gram.y"], ["A gram.y"], "- "),
        ([read("gram.y")], ["A gram.y"], "messages gram.y"),
        ([], ["A x", "T x"], "- "),
        ([], ["A x", "W x"], "- "),
        ([], ["A x", read("y")], "messages x"),
        ([], ["W a.o"], "- "),
        ([], ["W gone"], "- "),
        ([], ["W there"], "other-output there"),
        ([], ["T there"], "- "),
        ([], ["W there", "T there"], "other-output there"),
        ([], ["P /x/as"], "program /x/as"),
        ([], ["P /usr/bin/as"], "- "),
        ([], ["X times __TIMESTAMP__"], "times __TIMESTAMP__"),
        ([], ["X special-file /dev/tty"], "special-file /dev/tty"),
        ([], ["X name a newline, or too long"], "name a newline, or too long"),
        ([], ["X name"], "name "),
        ([], ["X times a", read("b")], "times a"),
        ([], [read("x"), read("x"), read("y")], "hidden-input x"),
        ([], ["O x"], "- "),
    ],
)
def test_what_a_compile_does_beside(
    judge: Judge, tmp_path: Path, scan: list[str], compiled: list[str], expected: str
) -> None:
    (tmp_path / "there").touch()
    assert judge([read("a.c"), *scan], [*GCC, read("a.c"), *compiled])[1] == f"compile: {expected}"


def test_a_link_may_look_for_files_and_run_programs_that_it_names(judge: Judge) -> None:
    scan = ["P /usr/bin/gcc", "P /x/ld", read("a.o"), "A libm.so"]
    assert judge(scan, [*scan, "A libx.so", "W a"], "gcc", "a.o", "-o", "a") == FINE
    found = judge(scan, [*scan, read("b.o")], "gcc", "a.o", "-o", "a")
    assert found[1] == "compile: hidden-input b.o"


def test_a_compile_without_an_assembler_was_not_observed(judge: Judge) -> None:
    assert judge([read("a.c")], GCC[:2])[1] == "compile: unobserved as"
    assert judge([read("a.c")], [*GCC[:2], "P /x/was"], programs=f"{PROGRAMS}:/x/was")[1] == "compile: - "


@pytest.mark.parametrize(
    "name",
    ["a,b.h", "a\\b.h", "caf\udce9.h", "d\udc80/x.h", "\udced\udca0\udc80.h"],
)
def test_names_that_recc_cannot_take(judge: Judge, name: str) -> None:
    assert judge([read("a.c"), read(name)], GCC)[0] == f"scan: name {name}"


def test_names_that_are_fine(judge: Judge) -> None:
    names = ["caf\u00e9.h", "a b.h", "a:b.h", "a=b.h", "a'b.h", "../x.h", "d/../x.h", "/usr/include/../x.h"]
    assert judge([read("a.c"), *map(read, names)], GCC)[0] == "scan: - "


def test_out_of_a_symbolic_link(judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "real/below").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/below")
    (tmp_path / "real/x.h").touch()
    for name in ("link/../x.h", "./link/../x.h", f"{tmp_path}/link/../x.h", "real/../link/../x.h"):
        assert judge([read("a.c"), read(name)], GCC)[0] == f"scan: name {name}"
    for name in ("real/../x.h", "link/x.h", "real/below/../x.h", "../x.h", "link..x/../y.h"):
        assert judge([read("a.c"), read(name)], GCC)[0] == "scan: - "


def test_files_alike_of_different_times(judge: Judge, tmp_path: Path) -> None:
    for name in ("a.h", "b.h"):
        (tmp_path / name).write_text("same..\n")
    (tmp_path / "c.h").write_text("other.\n")
    source = read("a.c", 5, 9)
    assert judge([source, read("a.h", 1), read("b.h", 2)], GCC)[0].startswith("scan: times ")
    assert judge([source, read("a.h", 1), read("b.h", 1)], GCC)[0] == "scan: - "
    assert judge([source, read("a.h", 1), read("c.h", 2)], GCC)[0] == "scan: - "
    assert judge([source, read("a.h", 1, 0), read("b.h", 2, 0)], GCC)[0] == "scan: - "
    assert judge([read("a.o", 1), read("b.o", 2)], GCC, "gcc", "a.o", "b.o", "-o", "a")[0] == "scan: - "


def test_files_alike_with_another_of_their_size_between(judge: Judge, tmp_path: Path) -> None:
    """The order of files of one size is anyone's."""
    for name in ("a.h", "b.h", "c.h", "d.h"):
        (tmp_path / name).write_text("same..\n" if name in "a.h d.h" else f"{name}...\n")
    scan = [read("a.c", 5, 9), read("a.h", 1), read("b.h", 2), read("c.h", 3), read("d.h", 4)]
    assert judge(scan, GCC)[0].startswith("scan: times ")


def test_one_file_by_two_names(judge: Judge, tmp_path: Path) -> None:
    """clang takes it for one, and an executor has two; gcc compares times."""
    for name in ("a.c", "n.h"):
        (tmp_path / name).write_text("int n;\n")
    (tmp_path / "m.h").hardlink_to(tmp_path / "n.h")
    lines = [read("a.c"), read("m.h"), read("n.h")]
    assert judge(lines, [*GCC, *lines])[0] == "scan: - "
    assert judge(lines, lines, "clang", "-c", "a.c")[0].startswith("scan: times ")
    same = [read("a.c"), read(str(tmp_path / "n.h")), read("x/../n.h")]
    (tmp_path / "x").mkdir()
    assert judge(same, same, "clang", "-c", "a.c")[0] == "scan: - "
    (tmp_path / "m.h").unlink()
    (tmp_path / "m.h").write_text("int n;\n")
    assert judge(lines, lines, "clang", "-c", "a.c")[0] == "scan: - "


def test_a_pragma_that_compares_times(judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text('#pragma GCC dependency "a.y"\n')
    assert judge([read("a.c", 1, 29), read("a.y", 2)], GCC)[0] == "scan: times #pragma GCC dependency"
    assert judge([read("a.c", 1, 29), read("a.y", 1)], GCC)[0] == "scan: - "


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = __TIMESTAMP__;", True),
        ("a(__TIME ## STAMP__)", True),
        ("a(__ ## TIMESTAMP, __)", True),
        ("__TI ## MESTAMP ## __", True),
        ("TAMP__ __T IMES", True),
        ("__T IMES AMP__", False),
        ("__TIME__ __TIMESTAMP___ x__TIMESTAMP__ TIMES_ STAMPS", False),
        ("a ## b __ _ TI", False),
        ("", False),
    ],
)
def test_the_time_of_a_file(judge: Judge, tmp_path: Path, text: str, says: bool) -> None:
    """Then it is preprocessed as a whole; BuildStream stages all files with one time."""
    answer = f"time: {'yes' if says else 'no'}"
    (tmp_path / "a.c").write_text(text)
    staged = 1321009871 * SECOND
    assert judge([read("a.c", 5)], GCC)[2] == answer
    assert judge([read("a.c", staged)], GCC)[2] == "time: no"
    assert judge([read("a.c", staged), read("a.h", 5)], GCC)[2] == answer
    (tmp_path / "a.c").write_text("")
    assert judge([read("a.c", 5)], GCC, "gcc", "-c", "a.c", f"-DX={text}")[2] == answer


def test_pieces_of_that_in_several_inputs(judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("STAMP__")
    (tmp_path / "a.h").write_text("TIME")
    scan = [read("a.c", 5), read("a.h", 5)]
    assert judge(scan, GCC)[2] == "time: yes"
    assert judge(scan[:1], GCC)[2] == "time: no"
    assert judge(scan[:1], GCC, "gcc", "-c", "a.c", "-DX=__TIME")[2] == "time: yes"


def test_a_link_to_a_device(judge: Judge, tmp_path: Path) -> None:
    for name, target in (("null.h", "/dev/null"), ("self.h", "/proc/self/maps"), ("far.h", "null.h")):
        (tmp_path / name).symlink_to(target)
        assert judge([read("a.c"), read(name)], GCC)[0] == f"scan: special-file {name}"
    (tmp_path / "real.h").touch()
    (tmp_path / "near.h").symlink_to("real.h")
    assert judge([read("a.c"), read("near.h")], GCC)[0] == "scan: - "


def test_a_precompiled_header(judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "a.h.gch").touch()
    found = judge([read("a.c"), read("a.h")], [*GCC, read("a.c"), read("a.h.gch")])
    assert found[:2] == ["scan: not-supported a.h.gch", "compile: hidden-input a.h.gch"]
    # gcc takes one for a header that is not beside it.
    assert judge([read("a.c"), "A a.h", read("d/a.h")], GCC)[0] == "scan: not-supported a.h.gch"


@pytest.mark.parametrize("text", ['asm(".incbin \\"x\\"");', 'asm(".include \\"x\\"");'])
def test_what_the_assembler_reads(judge: Judge, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.c").write_text(text)
    assert judge([read("a.c")], GCC)[0] == "scan: hidden-input of the assembler"
    (tmp_path / "a.c").write_text("")
    assert judge([read("a.c")], GCC, "gcc", "-c", "a.c", f"-DX={text}")[0].startswith("scan: hidden-input -DX=")


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        ('#line 3 "gram.y"\n', True),
        ('# 3 "gram.y"\n', True),
        (' \t#\t line 3 "gram.y"\n', True),
        ('int x;\n# 1 "y"', True),
        ('int x; # 1 "y"\n', False),
        ("#include <x>\n#define y\n", False),
        ("", False),
        ("#", False),
        ("##", False),
    ],
)
def test_line_directives(judge: Judge, tmp_path: Path, text: str, quotes: bool) -> None:
    (tmp_path / "a.c").write_text(text)
    assert judge([read("a.c")], GCC)[3] == f"quotes: {'yes' if quotes else 'no'}"


def test_line_directives_of_the_system_do_not_count(judge: Judge) -> None:
    assert judge([read("a.c"), read("/usr/include/stdio.h")], GCC)[3] == "quotes: no"
