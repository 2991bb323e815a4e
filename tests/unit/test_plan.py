# What the wrapper plans for command lines: 'plan' built by the host's gcc, with the sanitizers.
# SPDX-License-Identifier: Apache-2.0
"""`pytest tests/unit/test_plan.py --rewrite-plans` writes tests/unit/plan/expected.txt anew; read its diff then."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from wrapper import ENVIRONMENT, HERE, SANITIZERS, WRAPPER, compile_here

from .plan import expectations as rows

CORPUS = sorted((HERE / "corpus").glob("*.txt"))
Planner = Callable[..., str]


@pytest.fixture(scope="module")
def planner(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planner]:
    """Runs 'plan' where response files are."""
    directory = tmp_path_factory.mktemp("here")
    for name, content in rows.RESPONSE_FILES.items():
        (directory / name).write_bytes(content)
    (directory / "directory").mkdir()
    os.mkfifo(directory / "fifo")

    def plan(*command: str | bytes, cwd: Path = directory, **environment: str) -> str:
        done = subprocess.run(
            [built / "plan", "--", *command],
            cwd=cwd,
            env=ENVIRONMENT | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode(errors="surrogateescape")

    yield plan


def parse(text: str) -> dict[str, list[str]]:
    """What 'plan' prints, by title."""
    found: dict[str, list[str]] = {"source": [], "output": []}
    for title, value in re.findall(r"^(plan|reason|detail|source|output): (.*)$", text, re.MULTILINE):
        found.setdefault(title, []).append(value)
    return found


def brief(text: str) -> str:
    """A plan as the rows have it."""
    found = parse(text)
    if found["plan"] == ["alone"]:
        return shlex.join(["alone", *found["reason"], *found["detail"]])
    if found["plan"] == ["link"]:
        assert found["source"] == found["output"] == []
        return "link"
    return f"compile {shlex.join(found['source'])} -> {shlex.join(found['output'])}"


def table(text: str) -> list[tuple[str, str]]:
    """Pairs of what is given and what is expected."""
    pairs = (line.split(" | ") for line in text.splitlines() if line)
    return [(given.strip(), plan.strip()) for given, plan in pairs]


def same(text: str, expected: str) -> bool:
    """Whether a plan is the expected one; 'compile' alone stands for any compile."""
    found = brief(text)
    if expected == "compile":
        return found.startswith("compile ")
    before, arrow, after = expected.partition(" -> ")
    return found == shlex.join(shlex.split(before)) + (f" -> {shlex.join(shlex.split(after))}" if arrow else "")


COMMANDS = [
    rows.COMPILES, rows.SUFFIXES, rows.LANGUAGES, rows.DEPENDENCIES, rows.BESIDE, rows.PIECES, rows.OPTIONS,
    rows.PRINTS, rows.INPUTS, rows.PROBES, rows.LINKS, rows.RESPONSES, rows.NATIVE, rows.NAMES, rows.ODD_RESPONSES,
    rows.MORE_PIECES, rows.MORE_PROBES,
]  # fmt: skip


PLANS = dict(table("".join(COMMANDS)))


@pytest.mark.parametrize(("command", "expected"), PLANS.items())
def test_command(planner: Planner, command: str, expected: str) -> None:
    text = planner(*shlex.split(command))
    assert same(text, expected), text


@pytest.mark.parametrize(("command", "expected"), table(rows.ALL_LINKS))
def test_all_links(planner: Planner, command: str, expected: str) -> None:
    assert same(planner(*shlex.split(command), BST_RECC_LINKS="all"), expected)


@pytest.mark.parametrize("links", ["none", "", "LTO", "lto all"])
@pytest.mark.parametrize(("command", "expected"), table(rows.NO_LINKS))
def test_no_links(planner: Planner, command: str, expected: str, links: str) -> None:
    assert same(planner(*shlex.split(command), BST_RECC_LINKS=links), expected)


@pytest.mark.parametrize(("setting", "expected"), table(rows.VARIABLES) + table(rows.EMPTY_VARIABLES))
def test_variable(planner: Planner, setting: str, expected: str) -> None:
    name, _, value = setting.partition("=")
    assert same(planner("gcc", "-c", "a.c", **{name: value}), expected)


@pytest.mark.parametrize(("setting", "expected"), table(rows.LINK_VARIABLES))
def test_variable_of_links(planner: Planner, setting: str, expected: str) -> None:
    name, _, value = setting.partition("=")
    assert same(planner("gcc", "-flto", "a.o", **{name: value}), expected)


def test_clock_is_the_last_reason(planner: Planner) -> None:
    nothing = {"SOURCE_DATE_EPOCH": ""}
    assert same(planner("gcc", "-c", "a.c", **nothing), "alone clock -")
    assert same(planner("gcc", "-flto", "a.o", **nothing), "alone clock -")
    assert same(planner("gcc", "-c", "a.c", COMPILER_PATH="/x", **nothing), "alone environment COMPILER_PATH")
    assert same(planner("gcc", "-c", "a.c", "-fzz", COMPILER_PATH="/x", **nothing), "alone unknown-option -fzz")
    assert same(planner("gcc", "--version", **nothing), "alone no-compile -")


@pytest.mark.parametrize(("given", "expected"), table(rows.EXCLUSIONS))
def test_excluded(planner: Planner, given: str, expected: str) -> None:
    patterns, source = given.rsplit(" ", 1)
    assert same(planner("gcc", "-c", source, BST_RECC_EXCLUDE=patterns), expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CMakeFiles/CMakeScratch/TryCompile-x", "alone probe -"),
        ("CMakeFiles/4.0/CompilerIdC", "alone probe -"),
        ("meson-private", "alone probe -"),
        ("meson-private/tmp1", "alone probe -"),
        ("CMakeFiles/a.dir", "compile"),
        ("conftest.dir", "compile"),
    ],
)
def test_probes_by_their_directory(planner: Planner, tmp_path: Path, name: str, expected: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    assert same(planner("gcc", "-c", "a.c", cwd=tmp_path / name), expected)


@pytest.mark.parametrize(("word", "is_text"), rows.BYTES + rows.NO_CHARACTERS)
def test_bytes(planner: Planner, word: bytes, is_text: bool) -> None:
    text = planner("gcc", "-c", "a.c", word)
    assert ("reason: name\n" in text) is not is_text
    assert is_text or "detail: bytes that are no UTF-8\n" in text


def test_bytes_as_an_argument_of_its_own(planner: Planner) -> None:
    assert "reason: name\n" in planner("gcc", "-c", "a.c", "-I", b"caf\xe9")
    assert "reason: name\n" in planner("gcc", "-c", "a.c", "-o", b"caf\xe9.o")


def test_hundreds_of_words(planner: Planner) -> None:
    sources = [f"d/f{number}.c" for number in range(800)]
    found = parse(planner("gcc", *["-DA"] * 2000, "-c", *sources, "-MD"))
    assert found["source"] == sources
    assert found["output"][:800] == [f"f{number}.o" for number in range(800)]
    assert found["output"][800:] == [f"f{number}.d" for number in range(800)]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("-D" + "x" * 100_000, "compile"),
        ("-W" + "x" * 100_000, "compile"),
        ("-Wa," + "x" * 100_000, "alone"),
        ("-Wa," + "-L," * 30_000 + "-L", "compile"),
        ("-Wp," + "-DA," * 30_000 + "-DA", "compile"),
        ("-f" + "x" * 100_000, "alone"),
        ("-fno-" + "x" * 100_000, "alone"),
        ("-fno-strict-aliasing" + "g" * 44, "alone"),
        ("-" + "-" * 100_000, "alone"),
        ("@" + "x" * 100_000, "alone"),
        ("d/" * 40_000 + "b.c", "compile"),
        ("x" * 100_000, "alone"),
        ("." * 100_000, "alone"),
        ("-x" + "c" * 100_000, "compile"),
        ("-o" + "x/" * 40_000 + "y.o", "compile"),
    ],
    ids=lambda value: value[:12],
)
def test_very_long_words(planner: Planner, word: str, expected: str) -> None:
    assert parse(planner("gcc", "-c", "a.c", word))["plan"] == [expected]


def test_usage(built: Path) -> None:
    for arguments in ([], ["--"], ["gcc", "-c"], ["-x", "gcc"]):
        done = subprocess.run([built / "plan", *arguments], env=ENVIRONMENT, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "plan: usage: plan -- COMPILER ARGUMENTS...\n"


def test_an_empty_environment(built: Path, tmp_path: Path) -> None:
    done = subprocess.run([built / "plan", "--", "gcc", "-c", "a.c"], cwd=tmp_path, env=SANITIZERS, capture_output=True)
    assert done.stdout.startswith(b"plan: alone\nreason: clock\n")


def test_the_table_is_sorted_and_the_summary_counts_its_reasons() -> None:
    """Look-ups search it by halves; a reason that the summary does not name is lost."""
    text = (WRAPPER / "src/options.def").read_text()
    entries = re.findall(r'^OPTION\("(.+)", (\w+), (\w+), "(.*)"\)$', text, re.MULTILINE)
    names = [name for name, *_ in entries]
    assert names == sorted(set(names))
    assert max(map(len, names)) < 64
    assert all((reason != "") is (effect == "ALONE") for _, _, effect, reason in entries)
    sources = "".join(path.read_text() for path in sorted((WRAPPER / "src").glob("*.c")))
    reasons = {entry[3] for entry in entries if entry[3]}
    calls = r"(?:refuse\(&?seen|object_to\(&?verdict|blame\(expansion|run_alone\(run|end_uncached\(run), "
    reasons |= set(re.findall(calls + r'"([a-z-]+)"', sources))
    reasons |= set(re.findall(r'reason = "([a-z-]+)"', sources))
    counted = re.findall(r'^ +(?:names =)? ?" ?([a-z- ]+)"', (WRAPPER / "libexec/summary").read_text(), re.MULTILINE)
    assert reasons == set(" ".join(counted).split())


@pytest.fixture(scope="session")
def fuzzer(built: Path) -> Path:
    """tests/unit/plan/fuzz.c, with the wrapper's own planning in it."""
    objects = [built / f"{name}.o" for name in ("command", "options", "plan", "words")]
    return compile_here(built / "fuzz", HERE / "fuzz.c", *objects)


def test_corpus(fuzzer: Path, request: pytest.FixtureRequest) -> None:
    """Ten programs' compile commands have the plans that somebody has looked at."""
    done = subprocess.run([fuzzer, "--plans", *CORPUS], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    head = "# A plan for each line of corpus/; written by: pytest tests/unit/test_plan.py --rewrite-plans\n"
    text = f"{head}# SPDX-License-Identifier: Apache-2.0\n{done.stdout}"
    if request.config.getoption("--rewrite-plans"):
        (HERE / "expected.txt").write_text(text)
    assert text == (HERE / "expected.txt").read_text()


def test_each_entry_of_the_table_and_random_command_lines(fuzzer: Path, tmp_path: Path) -> None:
    """How to run it for longer: tests/unit/plan/fuzz.c."""
    done = subprocess.run([fuzzer, "1", "2", *CORPUS], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"fuzz: \d+ commands\n", done.stdout)


def programs() -> dict[str, str]:
    """Compilers of this machine, by the names that the rows give them."""
    found = {"gcc": "gcc", "cc": "gcc", "g++": "g++", "clang": shutil.which("clang") or shutil.which("clang-14") or ""}
    return {name: shutil.which(program) or "" for name, program in found.items()}


TRIED = [
    (command, outputs)
    for command, expected in table(rows.COMPILES + rows.LANGUAGES + rows.DEPENDENCIES + rows.BESIDE + rows.NAMES)
    if expected.startswith("compile ") and "/b/" not in command and "../" not in command
    for outputs in [expected.partition(" -> ")[2]]
]


@pytest.mark.parametrize(("command", "outputs"), TRIED)
def test_compilers_write_what_is_planned(tmp_path: Path, command: str, outputs: str) -> None:
    """The rows themselves are tried with the compilers of this machine."""
    name, *words = shlex.split(command)
    program = programs().get(name)
    if not program:
        pytest.skip(f"no {name} here")
    sources = shlex.split(PLANS[command].removeprefix("compile ").partition(" -> ")[0])
    assembler = "assembler" in command or any(source.endswith((".s", ".S")) for source in sources)
    for directory in ("out", "d", "d.e", "x"):
        (tmp_path / directory).mkdir()
    for source in sources:
        (tmp_path / source).parent.mkdir(exist_ok=True)
        (tmp_path / source).write_text("" if assembler else "int f(int x) { return x ? x : 3; }\n")
    before = set(tmp_path.rglob("*"))
    subprocess.run([program, *words], cwd=tmp_path, check=True, capture_output=True)
    written = {str(path.relative_to(tmp_path)) for path in set(tmp_path.rglob("*")) - before if path.is_file()}
    assert written == set(shlex.split(outputs))
