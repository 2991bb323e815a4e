# bin/recc-adopt: what it adds to which elements, what it leaves alone, and that undoing it restores every byte.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib.util
import random
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import PRODUCT
from harness import Counts, Project, generate

COMMAND = PRODUCT / "bin/recc-adopt"
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
- include/recc.yml
"""
GCC, CLANG = "- (@): include/gcc-for-recc.yml  # recc-adopt", "- (@): include/clang-for-recc.yml  # recc-adopt"


def run(project: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a project, as a user would."""
    done = subprocess.run([sys.executable, COMMAND, *arguments], cwd=project, capture_output=True, text=True, **options)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def load(path: Path) -> Any:
    """A file's data as BuildStream reads it."""
    from buildstream import _yaml

    return _yaml.load(str(path), path.name).strip_node_info()


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A project with recc's files copied into it, and no elements of its own yet."""
    project = tmp_path / "mine"
    for name in ("include", "elements/buildsystems", "files/recc-wrapper"):
        shutil.copytree(PRODUCT / name, project / name)
    shutil.copy(PRODUCT / "elements/toolchain.bst", project / "elements")
    (project / "project.conf").write_text(CONF)
    return project


def add(project: Path, name: str, text: str) -> Path:
    """Write a file of the project, with its line breaks as they are."""
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


CMAKE = "- buildsystems/cmake.bst  # recc-adopt"
LAYOUTS = {
    "a list": (
        "kind: cmake\n\nbuild-depends:\n- a.bst\n\ndepends:\n- b.bst\n",
        f"kind: cmake\n\nbuild-depends:\n{GCC}\n{CMAKE}\n- a.bst\n\ndepends:\n- b.bst\n",
    ),
    "no build-depends": (
        "# A.\nkind: cmake\n\ndepends:\n- b.bst\n",
        f"# A.\nkind: cmake\n\nbuild-depends:  # recc-adopt\n{GCC}\n{CMAKE}\n\ndepends:\n- b.bst\n",
    ),
    "no empty lines": (
        "kind: cmake # why\ndepends:\n- b.bst\n",
        f"kind: cmake # why\nbuild-depends:  # recc-adopt\n{GCC}\n{CMAKE}\ndepends:\n- b.bst\n",
    ),
    "nothing but a kind": ("kind: cmake\n", f"kind: cmake\nbuild-depends:  # recc-adopt\n{GCC}\n{CMAKE}\n"),
    "no line break at the end": ("kind: cmake", f"kind: cmake\nbuild-depends:  # recc-adopt\n{GCC}\n{CMAKE}"),
    "a list at the end without one": (
        "kind: cmake\nbuild-depends:\n- a.bst",
        f"kind: cmake\nbuild-depends:\n{GCC}\n{CMAKE}\n- a.bst",
    ),
    "comments": (
        "kind: cmake\nbuild-depends: # all\n# for tests\n- a.bst # a\n\n# b\n- b.bst\n# end\n",
        f"kind: cmake\nbuild-depends: # all\n{GCC}\n{CMAKE}\n# for tests\n- a.bst # a\n\n# b\n- b.bst\n# end\n",
    ),
    "indented by four": (
        "kind: cmake\nbuild-depends:\n    - a.bst\n",
        f"kind: cmake\nbuild-depends:\n    {GCC}\n    {CMAKE}\n    - a.bst\n",
    ),
    "lists indented elsewhere": (
        "kind: cmake\n\nsources:\n  - kind: local\n    path: x\n",
        f"kind: cmake\n\nbuild-depends:  # recc-adopt\n  {GCC}\n  {CMAKE}\n\nsources:\n  - kind: local\n    path: x\n",
    ),
    "all of it indented": ("  kind: cmake\n", f"  kind: cmake\n  build-depends:  # recc-adopt\n  {GCC}\n  {CMAKE}\n"),
    "CRLF": (
        "kind: cmake\r\n\r\nbuild-depends:\r\n- a.bst\r\n",
        f"kind: cmake\r\n\r\nbuild-depends:\r\n{GCC}\r\n{CMAKE}\r\n- a.bst\r\n",
    ),
    "CRLF without build-depends": (
        "kind: cmake\r\n\r\nsources: []\r\n",
        f"kind: cmake\r\n\r\nbuild-depends:  # recc-adopt\r\n{GCC}\r\n{CMAKE}\r\n\r\nsources: []\r\n",
    ),
    "byte order mark": ("\ufeffkind: cmake\n", f"\ufeffkind: cmake\nbuild-depends:  # recc-adopt\n{GCC}\n{CMAKE}\n"),
    "a directive": (
        "kind: cmake\nbuild-depends:\n  (>):\n  - a.bst\n",
        f"kind: cmake\nbuild-depends:\n  (>):\n  {GCC}\n  {CMAKE}\n  - a.bst\n",
    ),
    "entries that are mappings": (
        "kind: cmake\nbuild-depends:\n- filename: a.bst\n  strict: true\n- {filename: [b.bst], config: {x: /x}}\n",
        f"kind: cmake\nbuild-depends:\n{GCC}\n{CMAKE}\n"
        "- filename: a.bst\n  strict: true\n- {filename: [b.bst], config: {x: /x}}\n",
    ),
    "a condition that adds": (
        "kind: cmake\nbuild-depends:\n- a.bst\n(?):\n- x == 'y':\n    build-depends:\n      (>):\n      - b.bst\n",
        f"kind: cmake\nbuild-depends:\n{GCC}\n{CMAKE}\n- a.bst\n"
        "(?):\n- x == 'y':\n    build-depends:\n      (>):\n      - b.bst\n",
    ),
    "what only looks like one": (
        "---\nkind: 'cmake'\nvariables:\n  x: |\n    build-depends:\n    - a.bst\n  long: \"a\\\n    b\"   \n",
        f"---\nkind: 'cmake'\nbuild-depends:  # recc-adopt\n{GCC}\n{CMAKE}\n"
        'variables:\n  x: |\n    build-depends:\n    - a.bst\n  long: "a\\\n    b"   \n',
    ),
    "the toolchain alone": (
        "kind: cmake\nbuild-depends:\n- (@): include/gcc-for-recc.yml\n",
        f"kind: cmake\nbuild-depends:\n{CMAKE}\n- (@): include/gcc-for-recc.yml\n",
    ),
    "the build system alone": (
        "kind: cmake\ndepends:\n- filename: buildsystems/cmake.bst\n  type: build\n",
        f"kind: cmake\nbuild-depends:  # recc-adopt\n{GCC}\n"
        "depends:\n- filename: buildsystems/cmake.bst\n  type: build\n",
    ),
    "clang": (
        "kind: cmake\nenvironment:\n  CC: clang\n",
        f"kind: cmake\nbuild-depends:  # recc-adopt\n{CLANG}\n{CMAKE}\n"
        "- buildsystems/recc-clang.bst  # recc-adopt\nenvironment:\n  CC: clang\n",
    ),
    "manual with make": (
        "kind: manual\nconfig:\n  build-commands:\n  - |\n    cd src\n    DEBUG=1 make all\n",
        f"kind: manual\nbuild-depends:  # recc-adopt\n{GCC}\n- buildsystems/recc-wrapper.bst  # recc-adopt\n"
        "config:\n  build-commands:\n  - |\n    cd src\n    DEBUG=1 make all\n",
    ),
}


def test_layouts(mine: Path) -> None:
    """The lines expected, in each file's own layout; a second time nothing; and back to the same bytes."""
    paths = {layout: add(mine, f"elements/{layout}.bst", before) for layout, (before, _) in LAYOUTS.items()}
    expected = {layout: after for layout, (_, after) in LAYOUTS.items()}

    def now() -> dict[str, str]:
        return {layout: path.read_bytes().decode() for layout, path in paths.items()}

    before = now()
    paths["a list"].chmod(0o640)
    assert run(mine).returncode == 0
    assert now() == before
    written = run(mine, "--write")
    assert written.returncode == 0, written.stderr
    assert now() == expected
    assert paths["a list"].stat().st_mode & 0o777 == 0o640
    assert (run(mine).stdout, run(mine, "--check").stdout) == ("", "")
    run(mine, "--write")
    assert now() == expected
    undone = run(mine, "--undo")
    assert (undone.returncode, undone.stderr) == (0, f"recc-adopt: undone in elements: {len(paths)}.\n")
    assert now() == before


WIRED = "kind: cmake\nbuild-depends:\n- (@): {}\n- {}\n"
UNTOUCHED = {
    "wired": (WIRED.format("include/gcc-for-recc.yml", "buildsystems/cmake.bst"), "wired"),
    "wired with clang": (WIRED.format("include/clang-for-recc.yml", "buildsystems/cmake.bst"), "wired"),
    "wired by a stack": (WIRED.format("include/gcc-for-recc.yml", "outer.bst"), "wired"),
    "wired by a junction": (WIRED.format("r.bst:include/gcc-for-recc.yml", "r.bst:buildsystems/make.bst"), "wired"),
    "wired without an include": (
        "kind: make\nbuild-depends:\n- filename: x.bst:gcc.bst\n  config:\n"
        "    digest-environment: RECC_REMOTE_PLATFORM_chrootRootDigest\n- buildsystems/make.bst\n",
        "wired",
    ),
    "wired by what it includes": ("kind: make\n(@): shared.yml\n", "wired"),
    "opted out": ("kind: cmake\nenvironment:\n  BST_RECC_MODE: off\n", "opted out"),
    "opted out with a reason": ("kind: cmake\nenvironment: {BST_RECC_MODE: 'off: breaks'}\n", "opted out"),
    "opted out by what it includes last": ("kind: make\n(@): [on.yml, off.yml]\n", "opted out"),
    "stack": ("kind: stack\ndepends: [a.bst]\n", "compile nothing"),
    "script": ("kind: script\nconfig:\n  commands: [ls]\n", "compile nothing"),
}


def test_elements_that_need_nothing(mine: Path) -> None:
    """Neither wired again nor found lacking, but counted."""
    add(mine, "elements/outer.bst", "kind: stack\ndepends:\n- inner.bst\n")
    add(mine, "elements/inner.bst", "kind: link\nconfig:\n  target: buildsystems/cmake.bst\n")
    add(mine, "shared.yml", "build-depends:\n- (@): include/gcc-for-recc.yml\n- buildsystems/make.bst\n")
    for mode in ("on", "off"):
        add(mine, f"{mode}.yml", f"environment: {{BST_RECC_MODE: '{mode}'}}\n")
    for case, (text, _) in UNTOUCHED.items():
        add(mine, f"elements/{case}.bst", text)
    assert run(mine).stdout == ""
    done = run(mine, "--check")
    assert (done.returncode, done.stdout) == (0, "")
    counts = Counter(what for _, what in UNTOUCHED.values())
    counts["compile nothing"] += 3  # toolchain.bst, and the two above
    numbers = ", ".join(f"{counts[what]} {what}" for what in ("compile nothing", "opted out"))
    wired = f"{counts['wired']} wired"
    assert done.stderr == f"recc-adopt: elements: {numbers}, 8 part of the toolchain, {wired}.\n"


LEFT_ALONE = {
    "one line": ("kind: cmake\nbuild-depends: [a.bst]\n", 2, "written in one line"),
    "one line, empty": ("kind: cmake\nbuild-depends: []\n", 2, "written in one line"),
    "no list": ("kind: cmake\nbuild-depends: a.bst\n", 2, "is no list"),
    "conditions alone": ("kind: cmake\nbuild-depends:\n  (?):\n  - x:\n    - a.bst\n", 2, "is no list"),
    "a condition that replaces": (
        "kind: cmake\nbuild-depends:\n- a.bst\n(?):\n- x == 'y':\n    build-depends:\n    - b.bst\n",
        4,
        "a condition replaces",
    ),
    "an include with build-depends": ("kind: cmake\n(@): outer.yml\n", 2, "are in shared.yml"),
    "an include of another project": ("(@): x.bst:y.yml\nkind: cmake\n", 1, "may be in x.bst:y.yml"),
    "a kind that is included": ("variables: {}\n(@): kind.yml\n", 1, "no line 'kind'"),
    "all in one line": ("{kind: cmake}\n", 1, "no line 'kind'"),
    "an alias": ("kind: cmake\nx: &x\n- a.bst\nbuild-depends: *x\n", 4, "written in one line"),
    "an anchor": ("kind: cmake\nbuild-depends: &x\n- a.bst\ndepends: *x\n", 2, "written in one line"),
    "an explicit key": ("kind: cmake\n? build-depends\n:\n- a.bst\n", 2, "unusual layout"),
    "bad YAML": ("kind: cmake\nx: y: z\n", 2, "not valid YAML"),
    "a key twice": ("kind: cmake\nkind: make\n", 2, "twice"),
    "two documents": ("kind: cmake\n---\nkind: make\n", 2, "not valid YAML"),
    "a list": ("- kind\n", 1, "not a mapping"),
    "another encoding": ("kind: cmake # \udce9\n", 1, "not UTF-8"),
}


def test_what_is_not_understood_is_left_alone_and_listed(mine: Path) -> None:
    """It fails --check, keeps its bytes, and keeps no other element from being wired."""
    add(mine, "shared.yml", "build-depends:\n- b.bst\n")
    add(mine, "outer.yml", "(@): [shared.yml]\n")
    add(mine, "kind.yml", "kind: cmake\n")
    for case, (text, _, _) in LEFT_ALONE.items():
        (mine / f"elements/{case}.bst").write_bytes(text.encode(errors="surrogateescape"))
    other = add(mine, "elements/other.bst", "kind: make\n")
    for action in ((), ("--write",), ("--check",)):
        done = run(mine, *action)
        output = done.stdout if action == ("--check",) else done.stderr
        remarks = dict(re.findall(r"^elements/(.*?)\.bst:(\d+: left alone: .*)", output, re.MULTILINE))
        assert remarks.keys() == LEFT_ALONE.keys()
        for case, (text, line, reason) in LEFT_ALONE.items():
            assert remarks[case].startswith(f"{line}: ") and reason in remarks[case], case
            assert (mine / f"elements/{case}.bst").read_bytes() == text.encode(errors="surrogateescape")
        assert done.returncode == (action == ("--check",))
    assert "gcc-for-recc" in other.read_text()


def test_unknown_kinds_are_listed_and_wired_if_named(mine: Path) -> None:
    path = add(mine, "elements/ext.bst", "kind: pyproject\n")
    add(mine, "elements/data.bst", "kind: manual\nconfig:\n  install-commands:\n  - install -D ninja /x  # make\n")
    done = run(mine, "--write")
    assert "kind pyproject:\n    ext.bst\n" in done.stderr
    assert "without a command that names a compiler:\n    data.bst\n" in done.stderr
    assert "2 left alone" in done.stderr
    assert run(mine, "--check").returncode == 0
    assert run(mine, "--write", "ext.bst").returncode == 0
    assert path.read_text() == (
        f"kind: pyproject\nbuild-depends:  # recc-adopt\n{GCC}\n- buildsystems/recc-wrapper.bst  # recc-adopt\n"
    )
    add(mine, "elements/s.bst", "kind: script\nconfig:\n  commands:\n  - gcc x.c\n")
    assert "kind script cannot declare a toolchain" in run(mine, "s.bst").stderr
    add(mine, "elements/i.bst", "kind: import\n")
    assert "kind import compiles nothing" in run(mine, "i.bst").stderr


CALLS = [
    *("gcc -c x.c", "cd x && ./configure --prefix=/usr", "CFLAGS=-O2 DEBUG=1 make", "%{make} all", '"$CC" x.c'),
    *("if true; then aarch64-linux-gnu-g++ x.cpp; fi", "x=$(cc -dumpmachine)"),
]
CALLS_NONE = ["install -D make /usr/bin/make", "echo gcc", "rm -r cmake", "make-doc x", "gcc-ar x"]


def test_commands_that_call_a_compiler(mine: Path) -> None:
    for number, command in enumerate(CALLS + CALLS_NONE):
        add(mine, f"elements/{number}.bst", f"kind: manual\nconfig:\n  build-commands:\n  - |\n    {command}\n")
    wired = {int(number) for number in re.findall(r"^\+\+\+ b/elements/(\d+)", run(mine).stdout, re.MULTILINE)}
    assert wired == set(range(len(CALLS)))


def test_check_has_one_line_for_each_finding(mine: Path) -> None:
    add(mine, "elements/lacks.bst", "# A.\nkind: cmake\n")
    wired = "kind: make\nbuild-depends:\n- (@): include/gcc-for-recc.yml\n- buildsystems/make.bst\n"
    add(
        mine,
        "elements/absolute.bst",
        f"""{wired}variables:
  cmake-local: -DCMAKE_C_COMPILER=/usr/bin/cc
environment:
  CC: /usr/bin/x86_64-linux-gnu-gcc-16
config:
  build-commands:
  - |
    # not /usr/bin/gcc
    %{{bindir}}/g++ x.cpp  # nor /usr/bin/gcc
    ln -s gcc %{{install-root}}%{{bindir}}/cc; ln -s gcc "%{{install-root}}"/usr/bin/cc
    /usr/bin/gcc-ar x; ls /usr/lib/gcc /opt/usr/bin/gcc
    "/usr/bin/clang++" x.cpp
public:
  bst:
    split-rules:
      x: [/usr/bin/gcc]
""",
    )
    add(mine, "elements/path.bst", f"{wired}environment:\n  PATH: /usr/bin:/usr/recc/session:/usr/recc/bin\n")
    add(mine, "elements/variable.bst", f"{wired}environment:\n  PATH: '%{{my-path}}'\n")
    add(mine, "elements/out.bst", "kind: make\nenvironment:\n  BST_RECC_MODE: off\n  CC: /usr/bin/gcc\n")
    done = run(mine, "--check")
    assert done.returncode == 1
    past = "by absolute path, past recc: write"
    assert done.stdout.splitlines() == [
        f"elements/absolute.bst:6: names the compiler /usr/bin/cc {past} cc",
        f"elements/absolute.bst:8: names the compiler /usr/bin/x86_64-linux-gnu-gcc-16 {past} x86_64-linux-gnu-gcc-16",
        f"elements/absolute.bst:13: names the compiler %{{bindir}}/g++ {past} g++",
        f"elements/absolute.bst:16: names the compiler /usr/bin/clang++ {past} clang++",
        "elements/lacks.bst:2: kind cmake, but build-depends lack '- (@): include/gcc-for-recc.yml' and "
        "'- buildsystems/cmake.bst': recc-adopt --write adds it",
        "elements/path.bst:6: this PATH hides recc's wrappers: let it begin with /usr/recc/session:/usr/recc/bin:",
    ]
    assert "elements/variable.bst:6: see to it that this PATH begins with" in done.stderr
    assert not re.search("gcc-for-recc|cmake.bst", (mine / "elements/lacks.bst").read_text())


@pytest.mark.parametrize(
    ("conf", "finding"),
    [
        (CONF, ""),
        ("name: x\nelement-path: elements\n", "1: does not include include/recc.yml"),
        (CONF.replace("- include/recc-option.yml\n", "") + "variables: {recc_mode: remote}\n", ""),
        (CONF.replace("- include/recc-option.yml\n", ""), "3: does not include include/recc-option.yml"),
        (CONF + "environment:\n  PATH: /usr/bin\n", "7: this PATH hides"),
        (CONF + "environment:\n  PATH: /usr/recc/session:/usr/recc/bin:/usr/bin\n", ""),
        (CONF + "elements:\n  make:\n    environment:\n      PATH: /usr/bin\n", "9: this PATH hides"),
        (CONF + "environment-nocache:\n- X\n", "6: replaces the list environment-nocache"),
        (CONF + "environment-nocache:\n  (>):\n  - X\n", ""),
        (CONF + "- later.yml\n", "later.yml:2: this PATH hides"),
        (CONF.replace("(@):\n", "(@):\n- later.yml\n"), ""),
    ],
)
def test_project_conf_is_checked(mine: Path, conf: str, finding: str) -> None:
    add(mine, "project.conf", conf)
    add(mine, "later.yml", "environment:\n  PATH: /usr/bin\n")
    add(mine, "elements/a.bst", WIRED.format("include/gcc-for-recc.yml", "buildsystems/cmake.bst"))
    done = run(mine, "--check")
    assert done.returncode == bool(finding)
    assert len(done.stdout.splitlines()) == bool(finding)
    assert done.stdout.startswith(finding if ".yml:" in finding else f"project.conf:{finding}"[: 1000 * bool(finding)])


def test_the_toolchain_itself_is_left_out(mine: Path) -> None:
    """What toolchain and wrappers are built from cannot depend on them."""
    add(mine, "include/gcc-for-recc.yml", "filename: my/gcc.bst\nconfig: {digest-environment: X}\n")
    add(mine, "elements/my/gcc.bst", "kind: autotools\nbuild-depends:\n- my/make.bst\n")
    add(mine, "elements/my/make.bst", "kind: make\n")
    assert run(mine).stdout == ""
    assert "10 part of the toolchain" in run(mine).stderr


def test_other_projects_below_are_left_out(mine: Path) -> None:
    add(mine, "project.conf", CONF.replace("element-path: elements\n", ""))
    add(mine, "sub/project.conf", "name: sub\n")
    add(mine, "sub/a.bst", "kind: make\n")
    add(mine, ".hidden/a.bst", "kind: make\n")
    add(mine, "own/a.bst", "kind: stack\n")
    shutil.move(mine / "elements/buildsystems", mine / "buildsystems")
    assert run(mine).stderr == "recc-adopt: elements: 2 compile nothing, 8 part of the toolchain.\n"


def test_through_a_junction(tmp_path: Path) -> None:
    """Named by an option, or by what project.conf includes."""
    add(tmp_path, "project.conf", "name: mine\nelement-path: elements\n")
    path = add(tmp_path, "elements/a.bst", "kind: meson\n")
    refused = run(tmp_path, "--write")
    assert refused.returncode == 1
    first, *remedies = refused.stderr.splitlines()
    assert first.startswith(
        "recc-adopt: the project has no buildsystems/recc-wrapper.bst and no include/gcc-for-recc.yml."
    )
    assert [line[:5] for line in remedies] == ["  1. ", "  2. "]
    assert run(tmp_path, "--junction", "recc.bst").returncode == 1
    add(tmp_path, "elements/recc.bst", "kind: junction\n")
    assert "elements/recc.bst:1: does not pass the option on" in run(tmp_path, "--junction", "recc.bst").stderr
    add(tmp_path, "elements/recc.bst", JUNCTION)
    assert "toolchain.bst is missing" in run(tmp_path, "--junction", "recc.bst").stderr
    add(tmp_path, "elements/toolchain.bst", "kind: link\nconfig:\n  target: recc.bst:toolchain.bst\n")
    named = run(tmp_path, "--junction", "recc.bst")
    assert "does not include recc.bst:include/recc.yml" in named.stderr
    includes = "(@):\n- recc.bst:include/recc-option.yml\n- recc.bst:include/recc.yml\n"
    add(tmp_path, "project.conf", f"name: mine\nelement-path: elements\n{includes}")
    assert "does not include include/recc-option.yml: add a copy" in run(tmp_path).stderr
    add(tmp_path, "include/recc-option.yml", "options: {recc_mode: {}}\n")
    includes = "(@):\n- include/recc-option.yml\n- recc.bst:include/recc.yml\n"
    add(tmp_path, "project.conf", f"name: mine\nelement-path: elements\n{includes}")
    found = run(tmp_path, "--write", "--clang")
    assert found.stderr == "recc-adopt: elements: 2 compile nothing, 1 wired now.\n"
    assert path.read_text() == (
        "kind: meson\nbuild-depends:  # recc-adopt\n- (@): recc.bst:include/clang-for-recc.yml  # recc-adopt\n"
        "- recc.bst:buildsystems/meson.bst  # recc-adopt\n- recc.bst:buildsystems/recc-clang.bst  # recc-adopt\n"
    )
    assert run(tmp_path, "--check").returncode == 0


def test_with_build_tools_of_its_own(mine: Path) -> None:
    """A project that copied the wrappers alone, or overrides the junction's toolchain, gets no second build system."""
    for kind in ("autotools", "cmake", "make", "meson"):
        (mine / f"elements/buildsystems/{kind}.bst").unlink()
    path = add(mine, "elements/a.bst", "kind: cmake\n")
    run(mine, "--write")
    assert path.read_text().splitlines()[2:] == [GCC, "- buildsystems/recc-wrapper.bst  # recc-adopt"]
    run(mine, "--undo")
    add(mine, "elements/recc.bst", JUNCTION + "  overrides:\n    toolchain.bst:components/gcc.bst: gcc.bst\n")
    run(mine, "--write", "--junction", "recc.bst")
    assert path.read_text().splitlines()[3] == "- recc.bst:buildsystems/recc-wrapper.bst  # recc-adopt"


def test_elements_that_include_the_environment_themselves(mine: Path) -> None:
    """One element at a time, as docs/adopt.md has it: project.conf need not know of recc yet."""
    add(mine, "project.conf", "name: mine\nelement-path: elements\nenvironment: {PATH: /usr/bin}\n")
    text = "(@): {}include/recc.yml\n" + WIRED.format("include/gcc-for-recc.yml", "buildsystems/cmake.bst")
    for prefix in ("", "recc.bst:"):
        add(mine, "elements/a.bst", text.replace("{}", prefix))
        done = run(mine, "--check")
        assert (done.returncode, done.stdout) == (0, "")
    add(mine, "elements/b.bst", text.partition("\n")[2])
    assert re.findall("project.conf:.*", run(mine, "--check").stdout) == [
        "project.conf:1: does not include include/recc.yml: add it to the list '(@)'",
        "project.conf:3: this PATH hides recc's wrappers: let it begin with /usr/recc/session:/usr/recc/bin:",
    ]


def test_the_diff_can_be_applied(mine: Path) -> None:
    """The diff on standard output is what --write does, also for files without a last line break."""
    paths = [add(mine, f"elements/{i}.bst", before) for i, (before, _) in enumerate(LAYOUTS.values())]
    diff = subprocess.run([sys.executable, COMMAND], cwd=mine, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["git", "apply"], cwd=mine, input=diff, check=True)
    for path, (_, after) in zip(paths, LAYOUTS.values(), strict=True):
        assert path.read_bytes() == after.encode()


def test_undo_keeps_what_the_user_changed(mine: Path) -> None:
    cases = {
        # Lines of the user in a list that was added, in one that was there, and around them.
        "a": (f"kind: cmake\n\nbuild-depends:  # recc-adopt\n{GCC}\n- x.bst\n{CMAKE}\n", "\nbuild-depends:\n- x.bst\n"),
        "b": (f"kind: cmake\n\nbuild-depends:\n{GCC}\n- x.bst\n- y.bst\n", "\nbuild-depends:\n- x.bst\n- y.bst\n"),
        "c": (f"kind: cmake\nbuild-depends:  # recc-adopt\n{GCC}\n# mine\n{CMAKE}\nz: 1\n", "# mine\nz: 1\n"),
        "d": (f"kind: cmake\nbuild-depends:  # recc-adopt\n- (@): other.yml  # recc-adopt\n{CMAKE}\nz: 1\n", "z: 1\n"),
    }
    for name, (text, _) in cases.items():
        add(mine, f"elements/{name}.bst", text)
    hand = add(mine, "elements/hand.bst", WIRED.format("include/gcc-for-recc.yml", "buildsystems/cmake.bst"))
    moved = add(mine, "elements/moved.bst", f"kind: cmake\ndepends:\n{CMAKE}\n")
    alone = add(mine, "elements/alone.bst", f"kind: cmake\nbuild-depends:\n{CMAKE}\n")
    kept = [(path, path.read_text()) for path in (hand, moved, alone)]
    done = run(mine, "--undo")
    for name, (_, text) in cases.items():
        assert (mine / f"elements/{name}.bst").read_text() == f"kind: cmake\n{text}"
    assert all(path.read_text() == text for path, text in kept)
    assert done.returncode == 1
    first, *remarks = done.stderr.splitlines()
    assert first == "recc-adopt: undone in elements: 4."
    assert remarks[0].startswith("elements/alone.bst:2: left alone: build-depends would have no entry left")
    assert remarks[1].startswith("elements/moved.bst:3: left alone: this line is not where recc-adopt put it")


def test_named_elements_alone_are_changed(mine: Path) -> None:
    first, second = (add(mine, f"elements/{name}.bst", "kind: make\n") for name in "ab")
    run(mine.parent, str(mine), "--write", "a.bst")
    assert ("recc" in first.read_text(), "recc" in second.read_text()) == (True, False)
    run(mine, "--write")
    run(mine, "--undo", "a.bst")
    assert ("recc" in first.read_text(), "recc" in second.read_text()) == (False, True)


def layout(choose: random.Random) -> str:
    """An element with a random layout; its parts in random order, as far as they may be."""
    pad = choose.choice(["", "", "  ", "    "])
    some = ["", "", "\n", "# a: 'comment' é\n", "\n\n", "   \n", "#\tx\n"]

    def dependencies() -> str:
        entries = [
            "a.bst",
            "'b.bst' # why",
            "x.bst:c.bst",
            "filename: d.bst\n{pad}  strict: true",
            '"e.bst"',
            "(@): f.yml",
        ]
        chosen = choose.sample(entries, choose.randint(1, 4))
        return "".join(f"{choose.choice(some)}{pad}- {entry.format(pad=pad)}\n" for entry in chosen)

    kind = choose.choice(["cmake", "'make'", '"meson"', "autotools # auto", "make "])
    parts = [f"kind: {kind}\n", f"depends:\n{dependencies()}"]
    if choose.random() < 0.6:
        parts.append(f"build-depends:{choose.choice(['', ' ', '  # all'])}\n{dependencies()}")
    if choose.random() < 0.3:
        parts.append("variables:\n  x: |\n    build-depends:\n    - x\n\n  y: >-\n    a\n    b\n")
    if choose.random() < 0.3:
        parts.append("(?):\n- arch == 'x':\n    build-depends:\n      (>):\n      - g.bst\n")
    if choose.random() < 0.3:
        parts.append("config: {build-commands: [a, {b: c}],\n  x: [1,\n   2]}\n")
    if choose.random() < 0.2:
        parts.append("z: plain text\n  that goes on\n")
    choose.shuffle(parts)
    text = "".join(choose.choice(some) + part for part in parts) + choose.choice(some)
    if choose.random() < 0.2:
        text = re.sub("(?m)^(?=.)", "  ", text)
    if choose.random() < 0.3:
        text = "---\n" + text
    if choose.random() < 0.3:
        text = text.rstrip("\n")
    if choose.random() < 0.3:
        text = text.replace("\n", "\r\n")
    return choose.choice(["", "", "", "\ufeff"]) + text


def test_random_layouts(mine: Path) -> None:
    """Of each, BuildStream reads what it read before and the wiring; undone, each has its bytes again."""
    shutil.move(mine / "elements/toolchain.bst", mine / "elements/buildsystems")
    add(mine, "f.yml", "filename: f2.bst\n")
    texts = {f"elements/{seed}.bst": layout(random.Random(seed)) for seed in range(400)}
    paths = [add(mine, name, text) for name, text in texts.items()]
    before = [load(path) for path in paths]
    written = run(mine, "--write")
    assert "left alone" not in written.stderr and "400 wired now" in written.stderr, written.stderr
    for path, old in zip(paths, before, strict=True):
        wiring = [{"(@)": "include/gcc-for-recc.yml"}, f"buildsystems/{old['kind']}.bst"]
        assert load(path) == old | {"build-depends": wiring + old.get("build-depends", [])}, path.read_text()
        added = re.sub(r"(?m)^.*# recc-adopt\r?\n?", "", path.read_bytes().decode())
        assert abs(len(added) - len(texts[f"elements/{path.name}"])) <= 2
    assert run(mine).stdout == ""
    assert run(mine, "--undo").returncode == 0
    assert all((mine / name).read_bytes() == text.encode() for name, text in texts.items())


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ({}, [], "there is no project.conf in ."),
        ({}, ["elsewhere"], "there is no project.conf in elsewhere."),
        ({"project.conf": "name: ["}, [], "project.conf:2: not valid YAML"),
        ({"project.conf": "- a\n"}, [], "project.conf:1: not a mapping"),
        ({"project.conf": "name: x\nelement-path: y\n"}, [], "y is no directory"),
        ({"project.conf": "name: x\n"}, ["no.bst"], "there is no element no.bst"),
        ({"project.conf": "name: x\n"}, [".", "x"], "two projects"),
    ],
)
def test_errors_have_remedies(tmp_path: Path, files: dict[str, str], arguments: list[str], message: str) -> None:
    for name, text in files.items():
        add(tmp_path, name, text)
    for action in ([], ["--check"], ["--write"], ["--undo"]):
        done = run(tmp_path, *action, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        first, *remedies = done.stderr.splitlines()
        assert first.startswith("recc-adopt: ") and message in first
        assert remedies and all(line.startswith(f"  {i}. ") for i, line in enumerate(remedies, 1))


def test_without_ruamel_it_says_what_to_install(mine: Path) -> None:
    done = subprocess.run([sys.executable, "-S", COMMAND], cwd=mine, capture_output=True, text=True)
    assert done.returncode == 1
    assert "ruamel.yaml, which BuildStream needs, is missing" in done.stderr and "  2. " in done.stderr
    assert "Traceback" not in done.stderr


def test_all_elements_are_written_or_none(mine: Path) -> None:
    """A file that cannot be written: here because it is larger than this process may write."""
    texts = {"elements/a.bst": "kind: make\n", "elements/b.bst": f"kind: make\n# {'x' * 20000}\n"}
    for name, text in texts.items():
        add(mine, name, text)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))

    done = run(mine, "--write", preexec_fn=limit)
    assert done.returncode == 1
    assert "elements/b.bst: File too large; no element was changed." in done.stderr and "  1. " in done.stderr
    assert {str(path.relative_to(mine)) for path in (mine / "elements").glob("*")} == {
        *texts,
        "elements/buildsystems",
        "elements/toolchain.bst",
    }
    assert all((mine / name).read_text() == text for name, text in texts.items())


def adopt() -> ModuleType:
    """The command as a module."""
    loader = SourceFileLoader("recc_adopt", str(COMMAND))
    spec = importlib.util.spec_from_loader("recc_adopt", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules["recc_adopt"] = module
    loader.exec_module(module)
    return module


def test_what_was_replaced_comes_back_when_another_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = adopt()
    paths = [add(tmp_path, name, name) for name in "abc"]
    replace = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if target.name == "c":
            raise OSError(30, "Read-only file system")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(module.AdoptError, match="c: Read-only file system"):
        module.write({path: "new" for path in paths})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: name for name in "abc"}


def test_links_to_elements_stay_links(mine: Path) -> None:
    target = add(mine, "shared/a.bst", "kind: make\n")
    (mine / "elements/a.bst").symlink_to("../shared/a.bst")
    run(mine, "--write")
    assert (mine / "elements/a.bst").is_symlink() and "recc-adopt" in target.read_text()
    run(mine, "--undo")
    assert target.read_text() == "kind: make\n"


def test_its_own_project_needs_nothing(tmp_path: Path) -> None:
    done = run(generate(tmp_path), "--check")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert "left alone" not in done.stderr


@pytest.mark.e2e
def test_an_existing_project_builds_through_recc(fetched: Project, tmp_path: Path) -> None:
    """A project that reaches recc's by a junction, wired by this command alone: cold, then warm."""
    path = tmp_path / "existing"
    shutil.copytree(fetched.path, path / "recc", ignore=shutil.ignore_patterns(".bst"))
    shutil.copytree(fetched.path / "files/greeting", path / "files/greeting")
    (path / "include").mkdir()
    shutil.copy(fetched.path / "include/recc-option.yml", path / "include")
    includes = "- include/recc-option.yml\n- recc.bst:include/recc.yml\n"
    plugins = "plugins:\n- origin: pip\n  package-name: buildstream-plugins\n  elements: [make]\n"
    add(path, "project.conf", f"name: existing\nmin-version: 2.6\nelement-path: elements\n(@):\n{includes}{plugins}")
    add(path, "elements/recc.bst", JUNCTION)
    add(path, "elements/toolchain.bst", "kind: link\nconfig:\n  target: recc.bst:toolchain.bst\n")
    # A compiler of its own choice, as existing projects have.
    before = """# Ours.
kind: make

build-depends:
- toolchain.bst:public-stacks/buildsystem-make.bst

sources:
- kind: local
  path: files/greeting
"""
    element = add(path, "elements/greeting.bst", before)
    assert run(path, "--check").returncode == 1
    assert run(path, "--write").returncode == 0
    assert run(path, "--check").returncode == 0
    mine = Project(path, fetched.cache)
    try:
        assert mine.build("greeting.bst", "local").counts == Counts(2, local=2)
        assert mine.build("greeting.bst", "local").counts == Counts(2, hits=2)
    finally:
        fetched.configure()
    run(path, "--undo")
    assert element.read_text() == before
