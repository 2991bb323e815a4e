# The table of outcomes against the wrapper's sources, and what is read from a log's lines.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from harness import ROOT

from bst_recc.errors import ReccError
from bst_recc.outcomes import OUTCOMES
from bst_recc.report import SCHEMA
from bst_recc.report.builds import LogFile
from bst_recc.wrapperlog import Log, read_log

WRAPPER = ROOT / "recc/files/wrapper"
C = "\n".join(path.read_text() for path in sorted(WRAPPER.glob("src/*.[ch]")))
UNCACHED = {outcome.id for outcome in OUTCOMES.values() if outcome.kind == "uncached"}
HEAD = "    BST_RECC_MODE: local\n"
A = f"{'a' * 64}/100"
COUNTS = "hits=1 local=1 remote=0 failed=0 errors=0 rate=50.0% links=0 link-hits=0 hit-ms=5 miss-ms=7 manifest=0"


def read(tmp_path: Path, text: str) -> Log:
    path = tmp_path / "log"
    path.write_bytes(text.encode(errors="surrogateescape"))
    return read_log(path)


# Outcomes


def test_every_word_of_the_wrapper_is_an_outcome() -> None:
    """Where it writes its log, or says why a command is not cached."""
    words = set(re.findall(r'(?:refuse|object_to|blame|run_alone|end_uncached|write_log)\([^;"{]*"([a-z-]+)"', C))
    words |= set(re.findall(r'(?:reason|word) = "([a-z-]+)"', C))
    options = (WRAPPER / "src/options.def").read_text()
    words |= set(re.findall(r'^OPTION\(.*"([a-z-]+)"\)$', options, re.MULTILINE))
    assert {"hit", "local", "remote", "verified", "failed", "error", "probe", "no-settings", "profile"} <= words
    assert words <= OUTCOMES.keys()
    # Nor does the table have a word that no source says.
    assert [word for word in OUTCOMES if f'"{word}"' not in C + options and word != "unknown"] == []


def test_the_summary_names_exactly_the_uncached_outcomes() -> None:
    names = re.search(r"names = ((?: *\"[a-z -]+\"[ \\\n]*)+)", (WRAPPER / "libexec/summary").read_text())
    assert names and set(re.findall(r"[a-z-]+", names[1])) == UNCACHED


def test_the_schema_knows_all_other_outcomes() -> None:
    results = json.loads(SCHEMA.read_text())["$defs"]["compile"]["properties"]["result"]["enum"]
    assert set(results) == OUTCOMES.keys() - UNCACHED


# Lines


def test_lines_are_counted_until_a_summary_says_the_same(tmp_path: Path) -> None:
    lines = f"{HEAD}recc: compile hit {A} 5 ms in /b: cc -c a.c\nrecc: compile local - 7 ms in /b: cc -c b.c\n"
    cut = read(tmp_path, lines)
    whole = read(tmp_path, f"{lines}recc: mode=local compiles=2 {COUNTS} uncached: probe=3 clock=0\n")
    assert (cut.complete, whole.complete) == (False, True)
    assert cut.mode == whole.mode == "local"
    assert dict(+cut.counts) == {"compiles": 2, "hits": 1, "local": 1, "hit_ms": 5, "miss_ms": 7}
    assert +whole.counts == cut.counts | {"not_cached": 3}
    assert whole.uncached == {"probe": 3}


def test_summaries_of_one_log_add_up(tmp_path: Path) -> None:
    """Each is about the commands of its own shell."""
    one = f"recc: compile hit {A} 5 ms in /b: cc -c a.c\nrecc: mode=local compiles=2 {COUNTS} uncached: probe=3\n"
    log = read(tmp_path, f"{one}{one}recc: compile local - 7 ms in /b: cc -c b.c\n")
    assert (log.counts["compiles"], log.uncached["probe"], len(log.compiles), log.complete) == (5, 6, 3, False)


def test_checked_hits_are_counted(tmp_path: Path) -> None:
    log = read(tmp_path, f"recc: mode=local compiles=2 {COUNTS} checked=3 not-deterministic=1 format=1 uncached:\n")
    assert (log.counts["checked"], log.counts["not_deterministic"]) == (3, 1)


def test_unknown_lines_are_skipped(tmp_path: Path) -> None:
    lines = [
        *("recc: the toolchain is not declared", "recc: compile", "recc: compile hit", "recc: mode="),
        *("recc: compile hit zzz/1 40 ms in /x: cc", "not recc: mode=local compiles=99 hits=99 uncached:"),
        *("\udcff\udcfe binary", "recc: \udcff\udcfe", f"recc: mode=local compiles=2 {COUNTS} uncached:"),
    ]
    log = read(tmp_path, "\n".join(lines) + "\n")
    assert (log.counts["compiles"], log.compiles) == (2, [])


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, f"recc: mode=local compiles=2 {COUNTS} format=1 uncached:\n").complete
    with pytest.raises(ReccError, match=r"lines of format 2; this bst-recc reads up to 1") as refused:
        read(tmp_path, f"recc: mode=local compiles=2 {COUNTS} format=2 uncached:\n")
    assert "pip install" in refused.value.remedies[0]


def test_words_and_hidden_inputs(tmp_path: Path) -> None:
    log = read(
        tmp_path,
        f"recc: compile local changed: a b.h 9 ms in /b: cc -c a.c\nrecc: compile news {A} 1 ms in /b: cc -c b.c\n"
        "recc: not cached, hidden input data.bin read by: 3, first cc -c c.c\n"
        "recc: not cached, hidden input read by: 1, first cc -c d.c\nrecc: off: random bytes\n",
    )
    assert [(c.status, c.digest, c.changed) for c in log.compiles] == [("local", None, "a b.h"), ("unknown", A, None)]
    assert log.hidden == [("data.bin", 3, "cc -c c.c"), ("", 1, "cc -c d.c")]
    assert (log.opted_out, log.counts["errors"]) == ("random bytes", 1)


@pytest.mark.parametrize(
    ("words", "digest", "changed", "is_new"),
    [
        ("-", None, None, False),
        (A, A, None, False),
        ("changed: a b.h", None, "a b.h", False),
        ("changed: /b/n.h (new)", None, "/b/n.h", True),
        (f"{A} changed: a.h", A, "a.h", False),
        (f"{A} changed: odd (new) (new)", A, "odd (new)", True),
    ],
)
def test_what_a_compile_was_asked_for(
    tmp_path: Path, words: str, digest: str | None, changed: str | None, is_new: bool
) -> None:
    (compile,) = read(tmp_path, f"recc: compile local {words} 9 ms in /b: cc -c a.c\n").compiles
    assert (compile.digest, compile.changed, compile.is_new) == (digest, changed, is_new)
    assert (compile.by_manifest, compile.is_unasked, compile.ms) == (False, digest is None, 9)


@pytest.mark.parametrize(
    ("line", "by_manifest", "unasked"),
    [
        ("compile hit manifest", True, False),
        (f"compile hit {A}", False, False),
        ("compile failed -", False, False),
        ("link local -", False, False),
        ("compile local -", False, True),
    ],
)
def test_who_was_asked(tmp_path: Path, line: str, by_manifest: bool, unasked: bool) -> None:
    (compile,) = read(tmp_path, f"recc: {line} 9 ms in /b: cc -c a.c\n").compiles
    assert (compile.by_manifest, compile.is_unasked) == (by_manifest, unasked)


def test_the_manifest_and_that_nothing_was_called(tmp_path: Path) -> None:
    first, idle = f"recc: manifest {'b' * 64}/7\n", "recc: no compiler was called through recc\n"
    log = read(tmp_path, f"{first}recc: manifest {A}\nrecc: manifest zzz/1\nrecc: manifest {A} more\n")
    assert (log.manifest, log.is_idle, log.uses_recc) == (A, False, False)
    assert (read(tmp_path, idle).is_idle, read(tmp_path, f"recc: {idle}").is_idle) == (True, False)
    assert idle.strip() in (WRAPPER / "libexec/summary").read_text()


@pytest.mark.parametrize(
    ("end", "state"),
    [
        ("[00:00:01] FAILURE [12345678] a.bst: Command failed\n", "failed"),
        ("[00:00:01] FAILURE a.bst: Running commands\n", "failed"),
        ("[00:00:01] SUCCESS a.bst: Running commands\n[00:00:01] SUCCESS [12345678] a.bst: Build\n", "built"),
        ("[00:00:01] SUCCESS a.bst: Running commands\n", ""),
        ("[00:00:01] SUCCESS [12345678] a.bst: Build", ""),
        ("\n\nForcefully terminated\n", ""),
    ],
)
def test_state(tmp_path: Path, end: str, state: str) -> None:
    assert read(tmp_path, f"recc: compile hit {A} 5 ms in /b: cc\n{end}").state == state


@pytest.mark.parametrize(
    ("command", "sources", "outputs"),
    [
        ("cc -o out/a.o -c src/a.c", ["src/a.c"], ["out/a.o"]),
        ("cc -o a.out -c a.c b.c", ["a.c", "b.c"], ["a.out"]),
        ("cc -o program", [], ["program"]),
        ("cc -o 'with space.o' -c 'with space.c'", ["with space.c"], ["with space.o"]),
        ("cc -o back\\\\slash.o -c back\\\\slash.c", ["back\\slash.c"], ["back\\slash.o"]),
        ("cc -o a.o -c 'cut of...", ["'cut", "of..."], ["a.o"]),
        ("cc -o a.o -...", [], ["a.o"]),
        ("cc -...", [], []),
    ],
)
def test_sources_and_outputs_of_a_command(tmp_path: Path, command: str, sources: list[str], outputs: list[str]) -> None:
    (compile,) = read(tmp_path, f"recc: compile hit {A} 5 ms in /b: {command}\n").compiles
    assert (compile.sources, compile.outputs) == (sources, outputs)


@pytest.mark.parametrize(
    ("directory", "command", "shown"),
    [
        ("/buildstream/p/x/e.bst", "cc -o a.o -c src/a.c", "src/a.c"),
        ("/buildstream/p/x/e.bst/_build", "cc -o a.o -c ../a.c b.c", "a.c _build/b.c"),
        ("/buildstream/p/x/e.bst/_build", "cc -o sub/a", "_build/sub/a"),
        ("/elsewhere", "cc -c a.c", "/elsewhere/a.c"),
        ("/b", "cc -...", "cc -..."),
    ],
)
def test_names_are_shown_from_the_build_directory_on(tmp_path: Path, directory: str, command: str, shown: str) -> None:
    (compile,) = read(tmp_path, f"recc: compile hit {A} 5 ms in {directory}: {command}\n").compiles
    assert LogFile(tmp_path, "p", "j.bst:x/e.bst", "key", 0, 1).shown(compile) == shown
