# bst-recc adopt: what it adds to which elements, what it leaves alone, and what its check finds.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from harness import ROOT, WIRING, generate_local

from bst_recc import adopt
from bst_recc.adopt import wiring
from bst_recc.errors import ReccError

JUNCTION = """kind: junction
sources:
- kind: local
  path: recc
config:
  options:
    recc_mode: '%{recc_mode}'
"""
CONF = """name: mine
element-path: elements
(@):
- include/recc-option.yml
- recc.bst:include/recc.yml
"""
GCC, CLANG = "- (@): recc.bst:include/gcc-for-recc.yml", "- (@): recc.bst:include/clang-for-recc.yml"


class Done(NamedTuple):
    """What a call came to."""

    status: int
    out: str
    err: str
    remedies: tuple[str, ...] = ()


def run(project: Path, *arguments: str) -> Done:
    """Call the command in a project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        done = CliRunner().invoke(adopt.command, arguments, standalone_mode=False)
    if isinstance(done.exception, ReccError):
        return Done(1, done.stdout, str(done.exception), done.exception.remedies)
    if done.exception:
        raise done.exception
    return Done(done.return_value, done.stdout_bytes.decode(), done.stderr)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A project with recc, and no elements of its own yet."""
    project = tmp_path / "mine"
    add(project, "elements/recc.bst", JUNCTION)
    add(project, "elements/toolchain.bst", JUNCTION.replace("recc\n", "toolchain\n", 1))
    add(project, "include/recc-option.yml", "options: {recc_mode: {type: enum}}\n")
    add(project, "project.conf", CONF)
    return project


def add(project: Path, name: str, text: str) -> Path:
    """Write a file of the project, with its line breaks as they are."""
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


WRAPPER = "- recc.bst:buildsystems/recc-wrapper.bst"
NEW = f"\nbuild-depends:\n{GCC}\n{WRAPPER}\n"
BOTH = f"+{GCC}\n+{WRAPPER}\n"
CLANG_TOO = f"+{CLANG}\n+{WRAPPER}\n+- recc.bst:buildsystems/recc-clang.bst\n"
CONDITION = "(?):\n- x == 'y':\n    build-depends:\n      (>):\n      - b.bst\n"
# The lines with a '+' are those that are added.
LAYOUTS = {
    "a list": f"kind: cmake\n\nbuild-depends:\n{BOTH}- a.bst\n\ndepends:\n- b.bst\n",
    "no build-depends": f"# A.\nkind: cmake # b\n+\n+build-depends:\n{BOTH}\ndepends:\n- b.bst\n",
    "nothing but a kind": f"kind: cmake\n+\n+build-depends:\n{BOTH}",
    "comments": f"kind: make\nbuild-depends: # all\n{BOTH}# for tests\n- a.bst # a\n\n# b\n- b.bst\n# end\n",
    "indented by four": f"kind: cmake\nbuild-depends:\n+    {GCC}\n+    {WRAPPER}\n    - a.bst\n",
    "all of it indented": f"  kind: cmake\n+\n+  build-depends:\n+  {GCC}\n+  {WRAPPER}\n",
    "CRLF": f"kind: cmake\n\nbuild-depends:\n{BOTH}- a.bst\n".replace("\n", "\r\n"),
    "a condition that adds": f"kind: cmake\nbuild-depends:\n{BOTH}- a.bst\n{CONDITION}",
    "what only looks like one": f"---\nkind: 'cmake'\n+\n+build-depends:\n{BOTH}"
    'variables:\n  x: |\n    build-depends:\n    - a.bst\n  long: "a\\\n    b"   \n',
    "the toolchain alone": f"kind: make\nbuild-depends:\n+{WRAPPER}\n{GCC}\n",
    "the build system alone": f"kind: make\n+\n+build-depends:\n+{GCC}\n"
    "depends:\n- filename: recc.bst:buildsystems/cmake.bst\n  type: build\n",
    "clang": f"kind: cmake\nbuild-depends:\n{CLANG_TOO}- a.bst\nenvironment:\n  CC: clang\n",
    "clang by a variable": f"kind: cmake\n+\n+build-depends:\n{CLANG_TOO}"
    "variables: {cmake-local: -DCMAKE_C_COMPILER=clang-18}\n",
}


def sides(layout: str) -> tuple[str, str]:
    """What an element says before and after."""
    lines = layout.splitlines(keepends=True)
    return "".join(x for x in lines if x[0] != "+"), "".join(x.removeprefix("+") for x in lines)


def test_layouts(mine: Path) -> None:
    """The lines expected, in each file's own layout, and no other byte; a second time nothing."""
    layouts = {name: sides(layout) for name, layout in LAYOUTS.items()} | {
        "no end": ("kind: cmake", f"kind: cmake\n{NEW}")
    }
    paths = {name: add(mine, f"elements/{name}.bst", before) for name, (before, _) in layouts.items()}
    paths["a list"].chmod(0o640)
    paths["CRLF"].rename(mine / "target")
    paths["CRLF"].symlink_to("../target")
    assert run(mine).status == 0
    for side in (0, 1, 1):
        assert {name: path.read_bytes().decode() for name, path in paths.items()} == {
            n: x[side] for n, x in layouts.items()
        }
        assert run(mine, "--write").status == 0
    assert paths["a list"].stat().st_mode & 0o777 == 0o640 and paths["CRLF"].is_symlink()
    assert (run(mine).out, run(mine, "--check").out) == ("", "")


WIRED = "kind: cmake\nbuild-depends:\n- (@): {}\n- {}\n"
UNTOUCHED = {
    "wired": (WIRED.format("recc.bst:include/gcc-for-recc.yml", "recc.bst:buildsystems/cmake.bst"), "wired"),
    "wired with clang": (
        WIRED.format("recc.bst:include/clang-for-recc.yml", "recc.bst:buildsystems/cmake.bst"),
        "wired",
    ),
    "wired by a stack": (WIRED.format("recc.bst:include/gcc-for-recc.yml", "outer.bst"), "wired"),
    "wired by a junction": (WIRED.format("r.bst:include/gcc-for-recc.yml", "r.bst:buildsystems/make.bst"), "wired"),
    "wired without an include": (
        "kind: make\nbuild-depends:\n- filename: x.bst:gcc.bst\n  config:\n"
        "    digest-environment: RECC_REMOTE_PLATFORM_chrootRootDigest\n- recc.bst:buildsystems/make.bst\n",
        "wired",
    ),
    "wired by what it includes": ("kind: make\n(@): shared.yml\n", "wired"),
    "opted out": ("kind: cmake\nenvironment:\n  BST_RECC_MODE: off\n", "opted out"),
    "opted out with a reason": ("kind: cmake\nenvironment: {BST_RECC_MODE: 'off: breaks'}\n", "opted out"),
    "opted out by what it includes last": ("kind: make\n(@): [on.yml, off.yml]\n", "opted out"),
    "stack": ("kind: stack\ndepends: [a.bst]\n", "compile nothing"),
    "script": ("kind: script\nconfig:\n  commands: [gcc x.c]\n", "compile nothing"),
}


def test_elements_that_need_nothing(mine: Path) -> None:
    """Neither wired again nor found lacking, but counted."""
    add(mine, "elements/outer.bst", "kind: stack\ndepends:\n- inner.bst\n")
    add(mine, "elements/inner.bst", "kind: link\nconfig:\n  target: recc.bst:buildsystems/cmake.bst\n")
    add(mine, "elements/r.bst", JUNCTION)
    add(
        mine,
        "shared.yml",
        "build-depends:\n- (@): recc.bst:include/gcc-for-recc.yml\n- recc.bst:buildsystems/make.bst\n",
    )
    for mode in ("on", "off"):
        add(mine, f"{mode}.yml", f"environment: {{BST_RECC_MODE: '{mode}'}}\n")
    for case, (text, _) in UNTOUCHED.items():
        add(mine, f"elements/{case}.bst", text)
    assert run(mine).out == ""
    done = run(mine, "--check")
    assert (done.status, done.out) == (0, "")
    counts = Counter(what for _, what in UNTOUCHED.values())
    counts["compile nothing"] += 4  # those above, toolchain.bst
    numbers = ", ".join(f"{counts[what]} {what}" for what in ("compile nothing", "opted out"))
    assert done.err == f"bst-recc: elements: {numbers}, 1 part of the toolchain, {counts['wired']} wired.\n"


LEFT_ALONE = {
    "one line": ("kind: cmake\nbuild-depends: [a.bst]\n", 2, "not a list with one line"),
    "one line below": ("kind: cmake\nbuild-depends:\n  [a.bst]\n", 2, "not a list with one line"),
    "one line, empty": ("kind: cmake\nbuild-depends: []\n", 2, "not a list with one line"),
    "no list": ("kind: cmake\nbuild-depends: a.bst\n", 2, "not a list with one line"),
    "conditions alone": ("kind: cmake\nbuild-depends:\n  (?):\n  - x:\n    - a.bst\n", 2, "not a list with one line"),
    "a condition that replaces": (
        "kind: cmake\nbuild-depends:\n- a.bst\n(?):\n- x == 'y':\n    build-depends:\n    - b.bst\n",
        4,
        "a condition replaces",
    ),
    "an include of another project": ("(@): x.bst:y.yml\nkind: cmake\n", 1, "may be in x.bst:y.yml"),
    "a kind that is included": ("variables: {}\n(@): kind.yml\n", 1, "no line 'kind'"),
    "all in one line": ("{kind: cmake}\n", 1, "unusual layout"),
    "an alias": ("kind: cmake\nx: &x\n- a.bst\nbuild-depends: *x\n", 4, "unusual layout"),
    "an anchor": ("kind: cmake\nbuild-depends: &x\n- a.bst\ndepends: *x\n", 2, "not a list with one line"),
    "an explicit key": ("kind: cmake\n? build-depends\n:\n- a.bst\n", 2, "unusual layout"),
    "bad YAML": ("kind: cmake\nx: y: z\n", 2, "invalid YAML"),
    "a directive": ("kind: cmake\nbuild-depends:\n  (>):\n  - a.bst\n", 2, "not a list with one line"),
    "two documents": ("kind: cmake\n---\nkind: make\n", 2, "invalid YAML"),
    "a list": ("- kind\n", 1, "not a mapping"),
    "another encoding": ("kind: cmake # \udce9\n", 1, "cannot be read"),
}


def test_what_is_not_understood_is_left_alone_and_listed(mine: Path) -> None:
    """It fails --check, keeps its bytes, and keeps no other element from being wired."""
    add(mine, "kind.yml", "kind: cmake\n")
    for case, (text, _, _) in LEFT_ALONE.items():
        (mine / f"elements/{case}.bst").write_bytes(text.encode(errors="surrogateescape"))
    other = add(mine, "elements/other.bst", "kind: make\n")
    for action in ((), ("--write",), ("--check",)):
        done = run(mine, *action)
        output = done.out if action == ("--check",) else done.err
        remarks = dict(re.findall(r"^elements/(.*?)\.bst:(\d+: left alone: .*)", output, re.MULTILINE))
        assert remarks.keys() == LEFT_ALONE.keys()
        for case, (text, line, reason) in LEFT_ALONE.items():
            assert remarks[case].startswith(f"{line}: ") and reason in remarks[case], case
            assert (mine / f"elements/{case}.bst").read_bytes() == text.encode(errors="surrogateescape")
        assert done.status == (action == ("--check",))
    assert "gcc-for-recc" in other.read_text()


CALLS = [
    *("gcc -c x.c", "cd x && ./configure --prefix=/usr", "CFLAGS=-O2 DEBUG=1 make", "%{make} all", '"$CC" x.c'),
    *("if true; then /usr/bin/g++ x.cpp; fi", "x=$(cc -dumpmachine)"),
]
CALLS_NONE = ["install -D make /usr/bin/make", "echo gcc", "rm -r cmake", "make-doc x", "gcc-ar x"]
CALLS_ANOTHER = ["exec %{cross}/bin/%{target}-gcc x.c", "CFLAGS=-O2 m68k-gcc x.c", '"/opt/x/cc" x.c']


def test_commands_that_call_a_compiler(mine: Path) -> None:
    """Elements of kind manual are wired if they do; not if it is another than gcc or clang."""
    for number, command in enumerate(CALLS + CALLS_NONE + CALLS_ANOTHER):
        text = f"kind: manual\nvariables: {{target: m68k}}\nconfig:\n  build-commands:\n  - |\n    {command}\n"
        add(mine, f"elements/{number}.bst", text)
    done = run(mine)
    wired = {int(number) for number in re.findall(r"^\+\+\+ b/elements/(\d+)", done.out, re.MULTILINE)}
    assert wired == set(range(len(CALLS)))
    tools = re.findall("left alone: .*: a command names ([^:]*): --toolchain", done.err)
    assert sorted(tools) == ["%{cross}/bin/m68k-gcc", "/opt/x/cc", "m68k-gcc"]


def test_kinds_that_are_not_known_are_listed_with_how_to_wire_them(mine: Path) -> None:
    path = add(mine, "elements/ext.bst", "kind: pyproject\n")
    add(mine, "elements/data.bst", "kind: manual\nconfig:\n  install-commands:\n  - install -D ninja /x  # make\n")
    done = run(mine, "--write")
    assert "kind pyproject (those that compile: ELEMENT…, or all: --kind pyproject): ext.bst\n" in done.err
    assert "kind manual (those that compile: ELEMENT…, or all: --kind manual): data.bst\n" in done.err
    assert "2 left alone" in done.err
    assert run(mine, "--check").status == 0
    assert run(mine, "--check", "--kind", "pyproject").status == 1
    assert run(mine, "--write", "--kind", "pyproject").status == 0
    assert path.read_text() == f"kind: pyproject\n{NEW}"
    assert run(mine, "--check", "data.bst").status == 1


INCLUDED = "variables: {x: y}\n\nbuild-depends:\n- a.bst\n"


def test_lists_in_an_include_file_are_wired_there(mine: Path) -> None:
    """Once for all elements that have theirs from it, also those that add to it."""
    shared = add(mine, "elements/include/qt.inc", INCLUDED)
    add(mine, "include/outer.yml", "(@): elements/include/qt.inc\n")
    adds = add(mine, "elements/a.bst", "kind: cmake\n(@): [include/outer.yml]\nbuild-depends:\n  (>):\n  - b.bst\n")
    has_none = add(mine, "elements/b.bst", "kind: cmake\n(@): elements/include/qt.inc\n")
    before = adds.read_text(), has_none.read_text()
    lacking = run(mine, "--check").out
    assert f"elements/b.bst:1: build-depends lack '{GCC}'" in lacking
    assert "2 wired now" in run(mine, "--write").err
    assert shared.read_text() == f"variables: {{x: y}}\n\nbuild-depends:\n{GCC}\n{WRAPPER}\n- a.bst\n"
    assert (adds.read_text(), has_none.read_text()) == before
    assert run(mine, "--check").status == 0


@pytest.mark.parametrize("other", ["kind: stack\n{}", "kind: cmake\n{}environment: {{CC: mine-gcc}}\n"])
def test_lists_in_an_include_file_that_not_all_need_are_named(mine: Path, other: str) -> None:
    shared = add(mine, "shared.yml", INCLUDED)
    add(mine, "elements/a.bst", "kind: cmake\n(@): shared.yml\n")
    add(mine, "elements/b.bst", other.format("(@): shared.yml\n"))
    reason = "its build-depends in shared.yml are also those of b.bst, which needs others"
    assert f"elements/a.bst:2: left alone: {reason}\n" in run(mine, "--write").err
    assert run(mine, "--check").status == 1
    assert shared.read_text() == INCLUDED


NDK = """variables:
  ndk: /opt/ndk
environment:
  CC: '%{ndk}/bin/aarch64-linux-android26-clang'
  AR: '%{ndk}/bin/llvm-ar'
"""
OTHERS = {
    "by path": ("environment: {CC: /opt/x/bin/clang}\n", "CC names /opt/x/bin/clang"),
    "by prefix": ("environment: {CXX: 'ccache i686-w64-mingw32-g++ -m32'}\n", "CXX names i686-w64-mingw32-g++"),
    "by a variable": ("variables: {t: arm-none-eabi}\nenvironment: {CC: '%{t}-gcc'}\n", "CC names arm-none-eabi-gcc"),
    "an unknown one": ("environment: {CC: '%{unknown}'}\n", "CC names %{unknown}"),
    "another compiler": ("environment: {CC: icc}\n", "CC names icc"),
    "ar": ("environment: {AR: arm-none-eabi-ar}\n", "AR names arm-none-eabi-ar"),
    "cmake": ("variables: {cmake-local: -DCMAKE_C_COMPILER=/opt/x/cc}\n", "CMAKE_C_COMPILER names /opt/x/cc"),
    "a toolchain file": ("variables: {cmake-local: -DCMAKE_TOOLCHAIN_FILE=x.cmake}\n", "FILE names x.cmake"),
    "meson": ("variables: {meson-local: --cross-file x.ini}\n", "--cross-file names x.ini"),
    "autotools": ("variables: {conf-local: --host=arm-none-eabi}\n", "--host names arm-none-eabi"),
    "make": ("config: {build-commands: [make CC=arm-none-eabi-gcc]}\n", "CC names arm-none-eabi-gcc"),
    "kernel": ("config: {build-commands: [make CROSS_COMPILE=arm-none-eabi-]}\n", "CROSS_COMPILE names arm-none-eabi-"),
    "on a condition": ("environment:\n  CC: gcc\n  (?):\n  - x:\n      CC: m68k-cc\n", "CC names m68k-cc"),
    "on no condition": ("environment:\n  CC: m68k-cc\n  (?):\n  - x:\n      CC: gcc\n", "CC names m68k-cc"),
    "included": ("environment: {(@): cross.yml}\n", "CC names x-gcc"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_compiler_is_left_alone_and_named(mine: Path, case: str) -> None:
    """None gets the digest of a compiler that it does not use, unless that is asked for."""
    add(mine, "cross.yml", "CC: x-gcc\n")
    text, named = OTHERS[case]
    path = add(mine, "elements/a.bst", "kind: cmake\n" + text)
    done = run(mine, "--write")
    assert "elements/a.bst:1: left alone: " in done.err and f"{named}: --toolchain ELEMENT" in done.err
    assert (run(mine, "--check").status, path.read_text()) == (1, "kind: cmake\n" + text)
    add(mine, "elements/cross.bst", "kind: autotools\nbuild-depends: [cross-binutils.bst]\n")
    add(mine, "elements/cross-binutils.bst", "kind: autotools\n")
    # A compiler that is not there is not the one that it uses.
    run(mine, "--write", "--toolchain", "cross.bst")
    assert path.read_text() == "kind: cmake\n" + text
    text = "build-depends:\n- cross.bst\n" + text
    path.write_text("kind: cmake\n" + text)
    done = run(mine, "--write", "--toolchain", "cross.bst")
    wiring = "- filename: cross.bst\n  config:\n    digest-environment: RECC_REMOTE_PLATFORM_chrootRootDigest\n"
    assert path.read_text() == "kind: cmake\n" + text.replace("\n", f"\n{wiring}{WRAPPER}\n", 1)
    assert "1 wired now" in done.err and "3 part of the toolchain" in done.err
    # What is named by path goes past the wrappers all the same.
    assert run(mine, "--check").status == ("/" in named)


def test_a_compiler_in_project_conf_is_that_of_all_that_name_no_other(mine: Path) -> None:
    add(mine, "project.conf", CONF + NDK)
    for name in ("a", "b"):
        add(mine, f"elements/{name}.bst", "kind: make\n")
    native = add(mine, "elements/native.bst", "kind: make\nenvironment: {CC: gcc, AR: ar}\n")
    wired = add(
        mine, "elements/wired.bst", WIRED.format("recc.bst:include/gcc-for-recc.yml", "recc.bst:buildsystems/cmake.bst")
    )
    done = run(mine, "--write")
    named = "left alone: project.conf:9: CC names /opt/ndk/bin/aarch64-linux-android26-clang: --toolchain ELEMENT"
    assert re.findall(r"^elements/(.)\.bst:1: " + named, done.err, re.MULTILINE) == ["a", "b"]
    assert "gcc-for-recc" in native.read_text() and "1 to fix by hand" in done.err
    past = "names the compiler /opt/ndk/bin/aarch64-linux-android26-clang by absolute path, past recc"
    assert f"project.conf:9: {past}" in run(mine, "--check", wired.name).out


def test_gcc_is_declared_but_another_compiler_is_named(mine: Path) -> None:
    text = WIRED.format("recc.bst:include/gcc-for-recc.yml", "recc.bst:buildsystems/cmake.bst")
    add(mine, "elements/a.bst", text + "environment:\n  CC: i686-w64-mingw32-gcc\n  CXX: clang++\n")
    own = "CC: x86_64-linux-gnu-gcc, AR: gcc-ar, NM: llvm-nm-15, LD: '%{x-ld}', AS: as, STRIP: /usr/bin/strip"
    add(mine, "elements/b.bst", f"{text}environment: {{{own}}}\n")
    undeclared = "which recc.bst:include/gcc-for-recc.yml lacks: declare its element"
    assert re.findall(".*names.*", run(mine, "--check").out) == [
        f"elements/a.bst:6: CC names i686-w64-mingw32-gcc, {undeclared}",
        f"elements/a.bst:7: CXX names clang++, {undeclared}",
    ]


HIDES = "this PATH hides recc's wrappers, unless it begins with /usr/recc/session:/usr/recc/bin:"


def test_check_has_one_line_for_each_finding(mine: Path) -> None:
    add(mine, "elements/lacks.bst", "# A.\nkind: cmake\n")
    wired = "kind: make\nbuild-depends:\n- (@): recc.bst:include/gcc-for-recc.yml\n- recc.bst:buildsystems/make.bst\n"
    add(
        mine,
        "elements/absolute.bst",
        f"""{wired}variables:
  cmake-local: -DCMAKE_C_COMPILER=/usr/bin/cc
environment:
  CC: /usr/bin/gcc-16
config:
  build-commands:
  - |
    # not /usr/bin/gcc
    %{{bindir}}/g++ x.cpp  # nor /usr/bin/gcc
    ln -s gcc %{{install-root}}%{{bindir}}/cc; ln -s gcc "%{{install-root}}"/usr/bin/cc
    /usr/bin/gcc-ar x; ls /usr/lib/gcc /usr/bin/gcc
    "/usr/bin/clang-cpp" x.cpp
public:
  bst:
    split-rules:
      x: [/usr/bin/gcc]
""",
    )
    add(mine, "elements/path.bst", f"{wired}environment:\n  PATH: /usr/bin:/usr/recc/session:/usr/recc/bin\n")
    add(mine, "elements/variable.bst", f"{wired}environment:\n  PATH: '%{{my-path}}'\n")
    add(mine, "elements/socket.bst", f"{wired}sandbox:\n  remote-apis-socket:\n    path: /run/casd.sock\n")
    both = "sandbox: {remote-apis-socket: {path: /x}}\nenvironment: {RECC_SERVER: 'unix:/x'}\n"
    add(mine, "elements/both.bst", wired + both)
    add(mine, "elements/out.bst", "kind: make\nenvironment:\n  BST_RECC_MODE: off\n  CC: /usr/bin/gcc\n")
    done = run(mine, "--check")
    assert done.status == 1
    past = "by absolute path, past recc: write"
    assert done.out.splitlines() == [
        f"elements/absolute.bst:6: names the compiler /usr/bin/cc {past} cc",
        f"elements/absolute.bst:8: names the compiler /usr/bin/gcc-16 {past} gcc-16",
        f"elements/absolute.bst:13: names the compiler %{{bindir}}/g++ {past} g++",
        f"elements/absolute.bst:16: names the compiler /usr/bin/clang-cpp {past} clang-cpp",
        f"elements/lacks.bst:2: build-depends lack '{GCC}' and '{WRAPPER}': bst-recc adopt --write adds it",
        f"elements/path.bst:6: {HIDES}",
        "elements/socket.bst:7: recc looks for this socket at /tmp/casd.sock: use that path",
    ]
    assert f"elements/variable.bst:6: {HIDES}" in done.err
    assert "3 to fix by hand, 1 to wire, 2 wired." in done.err


@pytest.mark.parametrize(
    ("conf", "finding"),
    [
        (CONF, ""),
        (CONF + "environment:\n  PATH: /usr/bin\n", "7: lacks /usr/recc/session:/usr/recc/bin: in its PATH"),
        (CONF + "environment: {(@): later.yml}\n", "later.yml:3: lacks /usr/recc/session:/usr/recc/bin: in its PATH"),
        (CONF + "environment:\n  PATH: /usr/recc/session:/usr/recc/bin:/usr/bin\n", ""),
        (CONF + "elements:\n  cmake:\n    environment:\n      PATH: /usr/bin\n", "9: this PATH hides"),
        (CONF + "elements:\n  make:\n    environment:\n      PATH: /usr/bin\n", ""),
        (CONF + "sandbox: {remote-apis-socket: {path: /x}}\n", "6: recc looks for this socket at /tmp/casd.sock"),
        (CONF + "- later.yml\n", "later.yml:2: lacks /usr/recc/session:/usr/recc/bin: in its PATH"),
        (CONF.replace("(@):\n", "(@):\n- later.yml\n- early.yml\n"), ""),
        (CONF.replace("- recc.bst", "- later.yml\n- recc.bst"), ""),
    ],
)
def test_project_conf_is_checked(mine: Path, conf: str, finding: str) -> None:
    add(mine, "project.conf", conf)
    add(mine, "later.yml", "environment:\n  PATH: /usr/bin\nPATH: /bin\n")
    add(mine, "early.yml", "(@): early.yml\nenvironment: {PATH: /bin}\n")
    add(mine, "elements/recc.bst", JUNCTION)
    add(mine, "elements/a.bst", WIRED.format("recc.bst:include/gcc-for-recc.yml", "recc.bst:buildsystems/cmake.bst"))
    done = run(mine, "--check")
    assert (done.status, len(done.out.splitlines())) == (bool(finding), bool(finding)), done.out
    assert done.out.startswith(finding if not finding or ".yml:" in finding else f"project.conf:{finding}")


def test_the_toolchain_itself_is_left_out(mine: Path) -> None:
    """What it is built from cannot depend on it; another's element of the same name is not meant."""
    add(mine, "elements/my/gcc.bst", "kind: autotools\nbuild-depends:\n- my/make.bst\n")
    add(mine, "elements/my/make.bst", "kind: make\n")
    add(mine, "elements/mine.bst", "kind: make\n")
    overrides = "  overrides:\n    components/llvm.bst: mine.bst\n    components/gcc.bst: my/gcc.bst\n"
    add(mine, "elements/toolchain.bst", f"{(mine / 'elements/toolchain.bst').read_text()}{overrides}")
    add(mine, "elements/packages/base.bst", "kind: make\nbuild-depends:\n- toolchain.bst:packages/gcc.bst\n")
    done = run(mine)
    assert re.findall(r"^\+\+\+ b/(.*)", done.out, re.MULTILINE) == ["elements/packages/base.bst"]
    assert "4 part of the toolchain" in done.err


def test_other_projects_below_are_left_out(mine: Path) -> None:
    add(mine, "project.conf", CONF.replace("element-path: elements\n", ""))
    for name in ("recc", "toolchain"):
        shutil.move(mine / f"elements/{name}.bst", mine)
    add(mine, "sub/project.conf", "name: sub\n")
    add(mine, "sub/a.bst", "kind: make\n")
    add(mine, ".hidden/a.bst", "kind: make\n")
    add(mine, "own/a.bst", "kind: stack\n")
    assert run(mine).err == "bst-recc: elements: 2 compile nothing, 1 part of the toolchain.\n"


BARE = """name: bare
element-path: elements

aliases:
  forge: https://forge.example/

options:
  arch:
    type: arch
    variable: arch

plugins:
- origin: {plugins}
  elements: [cmake]

environment:
  PATH: '/usr/bin:/opt/bare' # ours

environment-nocache:
# changes daily
- BUILD_NUMBER
# the end

sandbox: {{build-uid: 1}}
"""
EDITED = {
    "+- include/recc-option.yml\n+- recc.bst:include/recc.yml\n",
    "-  PATH: '/usr/bin:/opt/bare' # ours\n+  PATH: '/usr/recc/session:/usr/recc/bin:/usr/bin:/opt/bare' # ours\n",
    " # changes daily\n-- BUILD_NUMBER\n+  (>):\n+  - BUILD_NUMBER\n # the end\n",
}
PIP, BY_JUNCTION = "pip\n  package-name: x", "junction\n  junction: plugins/buildstream-plugins.bst"
GIT_JUNCTION = """kind: junction
sources:
- kind: git
  url: {url}
  track: main
  ref: {commit}
config:
  path: """
JUNCTIONS = {
    "recc": GIT_JUNCTION
    + """recc
  options:
    arch: '%{{arch}}'
    recc_mode: '%{{recc_mode}}'
  overrides:
    toolchain.bst: toolchain.bst
""",
    "toolchain": GIT_JUNCTION
    + """debian-toolchain
  options:
    arch: '%{{arch}}'
  overrides:
    components/gcc.bst: base/compiler.bst
    public-stacks/buildsystem-autotools.bst: base/all.bst
    public-stacks/buildsystem-cmake.bst: base/all.bst
    public-stacks/buildsystem-make.bst: base/all.bst
    public-stacks/buildsystem-meson.bst: base/all.bst
    public-stacks/runtime-minimal.bst: base/all.bst
""",
}
COMMIT = "deadbeef" * 5


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that knows nothing of recc, with a compiler of its own."""
    project = tmp_path / "bare"
    add(project, "project.conf", BARE.format(plugins=PIP))
    add(project, "elements/base/compiler.bst", "kind: import\n")
    add(project, "elements/base/all.bst", "kind: stack\ndepends:\n- base/compiler.bst\n")
    for name in "ab":
        add(project, f"elements/{name}.bst", "kind: cmake\nbuild-depends:\n- base/all.bst\n")
    monkeypatch.setattr(wiring, "origin", lambda: ("https://forge.example/group/template.git", "main", COMMIT))
    return project


def body(path: Path) -> str:
    """A new file, without the line that says what it is for."""
    first, _, rest = path.read_text().partition("\n")
    assert first.startswith("# ")
    return rest


@pytest.mark.parametrize("url", ["https://forge.example/group/template.git", "https://other.example/template"])
def test_a_project_that_knows_nothing_of_recc(bare: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """One call adds everything, with an alias and a plugin; the second finds nothing to do."""
    monkeypatch.setattr(wiring, "origin", lambda: (url, "main", COMMIT))
    diff, lacking = run(bare).out, run(bare, "--check")
    assert [part for part in EDITED if part not in diff] == [] and lacking.status == 1, diff
    for what in (
        "elements/recc.bst:1: does not exist",
        "project.conf:1: lacks the plugin git",
        "elements/b.bst:2: build-",
    ):
        assert what in lacking.out
    assert "2 wired now" in run(bare, "--write").err
    known = url.startswith("https://forge")
    for name, text in JUNCTIONS.items():
        short = "forge:group/template.git" if known else "template:template"
        assert body(bare / f"elements/{name}.bst") == text.format(url=short, commit=COMMIT)
    conf = (bare / "project.conf").read_text()
    assert ("  template: https://other.example/\n" in conf) == (not known)
    assert "- origin: pip\n  package-name: buildstream-plugins\n  sources:\n  - git\n" in conf
    assert (bare / "include/recc-option.yml").read_text() == (WIRING / "include/recc-option.yml").read_text()
    assert (run(bare).out, run(bare, "--check").status) == ("", 0)


def test_plugins_by_junction(bare: Path) -> None:
    add(bare, "project.conf", BARE.format(plugins=BY_JUNCTION))
    run(bare, "--write")
    plugin = "- origin: junction\n  junction: plugins/buildstream-plugins.bst\n  sources:\n  - git\n"
    assert plugin in (bare / "project.conf").read_text()


def test_refs_in_a_file(bare: Path) -> None:
    """BuildStream then takes them from nowhere else."""
    conf = (bare / "project.conf").read_text()
    for before in ("", "projects:\n  bare:\n    x.bst:\n    - ref: x\n"):
        for name in ("recc", "toolchain"):
            (bare / f"elements/{name}.bst").unlink(missing_ok=True)
        add(bare, "project.conf", f"{conf}ref-storage: project.refs\n")
        (bare / "junction.refs").unlink(missing_ok=True)
        if before:
            add(bare, "junction.refs", before)
        assert run(bare, "--write").status == 0
        refs = (bare / "junction.refs").read_text()
        assert refs.count(f"- ref: {COMMIT}") == 2 and ("- ref: x" in refs) == bool(before)


@pytest.mark.parametrize("place", ["freedesktop-sdk.bst", "gnome-build-meta.bst:freedesktop-sdk.bst"])
def test_freedesktop_sdk(bare: Path, place: str) -> None:
    """The compiler is that of the project that most elements take their stacks from, perhaps two junctions away."""
    add(bare, "elements/freedesktop-sdk.bst", "kind: junction\n")
    add(bare, "elements/gnome-build-meta.bst", "kind: junction\nconfig:\n  overrides:\n    a.bst: b.bst\n")
    for name in "cde":
        stack = f"{place}:public-stacks/buildsystem-meson.bst"
        add(bare, f"elements/{name}.bst", f"kind: meson\nbuild-depends:\n- {stack}\n")
    add(bare, "elements/own.bst", f"kind: stack\ndepends:\n- {place}:public-stacks/buildsystem-cmake.bst\n")
    assert run(bare, "--write").status == 0
    assert body(bare / "elements/toolchain.bst") == f"kind: link\nconfig:\n  target: {place}\n"
    (bare / "elements/toolchain.bst").unlink()
    run(bare, "--write", "--compiler", f"{place}:components/gcc.bst")
    assert f"target: {place}\n" in (bare / "elements/toolchain.bst").read_text()
    (bare / "elements/toolchain.bst").unlink()
    run(bare, "--write", "--compiler", "base/compiler.bst")
    assert "components/gcc.bst: base/compiler.bst" in (bare / "elements/toolchain.bst").read_text()


def test_recc_mode_is_forwarded_to_gnome(bare: Path) -> None:
    path = add(bare, "elements/gnome.bst", "kind: junction\nconfig:\n  overrides:\n    a.bst: b.bst\n")
    for _ in range(2):
        run(bare, "--write", "--forward", "gnome.bst")
        text = path.read_text()
        assert text.startswith("kind: junction\nconfig:\n  options:\n    (?):\n    - recc_mode ==")
        assert text.count("recc: upload-local-build\n") == 1 and text.endswith("  overrides:\n    a.bst: b.bst\n")


def test_copies_instead_of_commits(bare: Path) -> None:
    """Of the two projects, without what one machine has made there; no plugin and no alias is needed."""
    done = run(bare, "--write", "--copy", str(ROOT))
    assert (done.status, "git" in (bare / "project.conf").read_text()) == (0, False)
    for project, name in (("recc", "recc"), ("debian-toolchain", "toolchain")):
        assert (bare / project / "project.conf").exists() and not (bare / project / ".bst").exists()
        assert f"kind: local\n  path: {project}\n" in (bare / f"elements/{name}.bst").read_text()
    assert (run(bare).out, run(bare, "--check").status) == ("", 0)
    assert "is not a checkout" in run(bare, "--copy", str(bare.parent)).err


def test_what_cannot_be_edited_is_said(bare: Path) -> None:
    conf = "name: bare\nelement-path: elements\n(@): include/x.yml\nplugins: []\nenvironment-nocache: [A]\n"
    add(bare, "project.conf", conf)
    done = run(bare, "--write")
    assert (
        "project.conf:3: add recc.bst:include/recc.yml by hand: (@) is not a list with one line for each entry"
        in done.err
    )
    assert "project.conf:4: add the plugin git by hand" in done.err
    assert "\nenvironment-nocache: {(>): [A]}\n" in (bare / "project.conf").read_text()
    assert run(bare, "--check").status == 1


@pytest.mark.parametrize("link", [True, False])
def test_each_junction_on_the_way_passes_the_option_on(tmp_path: Path, link: bool) -> None:
    """outer -> mid -> wiring: what is not seen, since it is not there yet, is said."""
    name = "recc.bst" if link else "mid.bst:recc.bst"
    add(tmp_path, "project.conf", f"name: outer\n(@): ['{name}:include/recc.yml']\noptions: {{recc_mode: {{}}}}\n")
    add(tmp_path, "recc.bst", "kind: link\nconfig: {target: 'mid.bst:recc.bst'}\n")
    add(tmp_path, "toolchain.bst", "kind: link\n")
    add(tmp_path, "mid.bst", JUNCTION.replace("recc\n", "mid\n", 1))
    add(tmp_path, "a.bst", WIRED.format(f"{name}:include/gcc-for-recc.yml", f"{name}:buildsystems/cmake.bst"))
    done = run(tmp_path, "--check")
    assert done.status == 0 and "mid.bst:1: check that recc.bst in this project passes" in done.err
    add(tmp_path, "mid.bst", "kind: junction\nsources: [{kind: local, path: mid}]\n")
    assert "mid.bst:1: does not pass the option on" in run(tmp_path, "--check").out


def test_elements_that_include_the_environment_themselves(mine: Path) -> None:
    """One element at a time: project.conf need not include recc.yml then, and its PATH need not begin with recc's."""
    add(mine, "project.conf", CONF.replace("- recc.bst:include/recc.yml\n", "") + "environment: {PATH: /usr/bin}\n")
    text = "(@): recc.bst:include/recc.yml\n" + WIRED.format(
        "recc.bst:include/gcc-for-recc.yml", "recc.bst:buildsystems/cmake.bst"
    )
    add(mine, "elements/a.bst", text)
    done = run(mine, "--check")
    assert (done.status, done.out) == (0, "")
    add(mine, "elements/b.bst", text.partition("\n")[2])
    assert re.findall("project.conf:.*", run(mine, "--check").out) == [
        "project.conf:3: does not include recc.bst:include/recc.yml: add it to the list '(@)'",
        f"project.conf:5: {HIDES}",
    ]


def test_a_wrapper_that_becomes_a_runtime_dependency_is_named(mine: Path) -> None:
    both = "- (@): recc.bst:include/gcc-for-recc.yml\n- recc.bst:buildsystems/make.bst\n"
    add(mine, "elements/stack.bst", "kind: stack\ndepends:\n- recc.bst:buildsystems/make.bst\n")
    add(mine, "elements/a.bst", f"kind: make\ndepends:\n{both}")
    add(mine, "elements/b.bst", f"kind: make\nbuild-depends:\n{both}runtime-depends:\n- stack.bst\n")
    add(mine, "elements/c.bst", "kind: make\nbuild-depends:\n- stack.bst\n- (@): recc.bst:include/gcc-for-recc.yml\n")
    typed = both.replace("make.bst", "make.bst\n  type: build").replace("- recc", "- filename: recc")
    add(mine, "elements/d.bst", f"kind: make\ndepends:\n{typed}")
    named = "recc's wrappers become a runtime dependency, and part of what is installed: write build-depends"
    assert run(mine, "--check").out == f"elements/a.bst:2: {named}\nelements/b.bst:5: {named}\n"


def test_what_one_machine_has_made_is_not_copied_into_a_sandbox(mine: Path) -> None:
    add(mine, "elements/a.bst", "kind: import\nsources:\n- kind: local\n  path: files\n")
    add(mine, "elements/b.bst", "kind: import\nsources:\n- kind: local\n  path: files/a\n")
    add(mine, "files/a/x.c", "")
    assert run(mine, "--check").status == 0
    for made in (".venv/pyvenv.cfg", ".bst/x", "cache/cas/x", "cache/artifacts/x"):
        add(mine, f"files/{made}", "")
    places = re.findall(r"a\.bst:4: this source contains (\S+):", run(mine, "--check").out)
    assert sorted(places) == ["files/.bst", "files/.venv", "files/cache"]


@pytest.mark.parametrize("said", [{}, {"url": "https://forge.example/t.git", "vcs_info": {"commit_id": COMMIT}}])
def test_the_commit_is_that_of_what_pip_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, object]
) -> None:
    monkeypatch.setattr("bst_recc.__file__", str(tmp_path / "lib/bst_recc/__init__.py"))
    distribution = SimpleNamespace(read_text=lambda name: json.dumps(said))
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: distribution)
    if said:
        assert wiring.origin() == ("https://forge.example/t.git", "main", COMMIT)
    else:
        with pytest.raises(ReccError, match="cannot tell which commit"):
            wiring.origin()


def test_the_commit_is_that_of_a_checkout() -> None:
    url, branch, commit = wiring.origin()
    assert (url, bool(branch), len(commit)) == (ROOT.as_uri(), True, 40)


def test_the_diff_can_be_applied_and_git_takes_it_back(mine: Path) -> None:
    """It is what --write does, also for files without a last line break; --write says when git cannot undo it."""
    layouts = [("kind: cmake", ""), *map(sides, LAYOUTS.values())]
    paths = [add(mine, f"elements/{i}.bst", before) for i, (before, _) in enumerate(layouts)]
    diff = run(mine).out
    undo = "'git checkout' cannot undo this alone"
    assert undo in run(mine, "--write").err
    after = [path.read_bytes() for path in paths]
    for path, (before, _) in zip(paths, layouts, strict=True):
        path.write_bytes(before.encode())
    git = ["git", "-c", "user.name=x", "-c", "user.email=x", "-c", "core.autocrlf=false"]
    for action in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *action], cwd=mine, check=True)
    subprocess.run([*git, "apply"], cwd=mine, input=diff.encode(), check=True)
    assert [path.read_bytes() for path in paths] == after
    subprocess.run([*git, "checkout", "-q", "."], cwd=mine, check=True)
    assert undo not in run(mine, "--write").err
    subprocess.run([*git, "checkout", "-q", "."], cwd=mine, check=True)
    paths[0].write_text(paths[0].read_text() + "\n# mine\n")
    assert undo in run(mine, "--write").err


def test_named_elements_alone_are_changed(mine: Path) -> None:
    first, second = (add(mine, f"elements/{name}.bst", "kind: make\n") for name in "ab")
    run(mine.parent, str(mine), "--write", "a.bst")
    assert ("recc" in first.read_text(), "recc" in second.read_text()) == (True, False)


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ({}, [], "is not in a BuildStream project."),
        ({}, ["elsewhere"], "elsewhere is not a directory."),
        ({"project.conf": "name: ["}, [], "invalid YAML: {}/project.conf."),
        ({"project.conf": "name: x\n"}, ["no.bst"], "there is no element no.bst"),
        ({"project.conf": "name: x\n"}, ["--toolchain", "no.bst:a.bst"], "there is no element no.bst"),
    ],
)
def test_errors_have_remedies(tmp_path: Path, files: dict[str, str], arguments: list[str], message: str) -> None:
    for name, text in files.items():
        add(tmp_path, name, text)
    for action in ([], ["--check"], ["--write"]):
        done = run(tmp_path, *action, *arguments)
        assert (done.status, done.out) == (1, "") and message.format(tmp_path) in done.err and done.remedies


def test_a_run_that_fails_is_repeated(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file has its old text or its new one."""
    first, second = (add(mine, f"elements/{name}.bst", "kind: make\n") for name in "ab")
    replace = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if target.name == "b.bst":
            raise OSError(28, "No space left on device", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError):
        run(mine, "--write")
    assert ("recc" in first.read_text(), second.read_text()) == (True, "kind: make\n")
    monkeypatch.undo()
    assert "1 wired, 1 wired now" in run(mine, "--write").err


def test_its_own_project_needs_nothing(tmp_path: Path) -> None:
    done = run(generate_local(tmp_path), "--check")
    assert (done.status, done.out) == (0, ""), done.out
    assert "left alone" not in done.err
