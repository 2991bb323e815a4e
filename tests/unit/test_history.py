# What bst-recc report --history keeps of builds whose logs are gone.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab import APP, LIBRARY, NOON, Lab, compiled, summary

from bst_recc.report.history import sparkline


@pytest.fixture
def base(lab: Lab) -> Path:
    """Its file, in BuildStream's cache directory."""
    return lab.logs.parent / "recc-history.sqlite"


def three_builds(lab: Lab) -> None:
    """At 10, 11 and 12 o'clock: 0, 1 and 3 of four compiles are hits; the last one builds another element, too."""
    made = [compiled("local", None, "cc -o a.o -c a.c", 500)]
    counts = [summary(compiles=4, hits=hits, local=4 - hits, hit_ms=10 * hits, miss_ms=500) for hits in (0, 1, 3)]
    lab.builds([*made, counts[0]], counts[1:2], counts[2:])
    lab.one(5, LIBRARY, 2)


def rows(report: dict[str, Any], table: str) -> list[tuple[Any, ...]]:
    return [(row.get("element"), row["compiles"], row["hits"], row["saved_ms"]) for row in report[table]]


EXPECTED = [(APP, 12, 4, 1 * 490 + 3 * 490), (LIBRARY, 2, 2, None)]


def test_counts_are_kept_when_the_logs_are_gone(lab: Lab) -> None:
    """What was read once is not read again."""
    three_builds(lab)
    lab.run()
    for path in sorted(lab.logs.glob("demo/*/*.log")):
        path.unlink()
        history = lab.json("--history")
        assert rows(history, "elements") == EXPECTED
    assert [(b["start"][11:16], b["elements"], b["hits"], b["hit_rate"]) for b in history["builds"]] == [
        *(("10:00", 1, 0, 0), ("11:00", 1, 1, 0.25), ("12:00", 2, 5, 0.8333)),
    ]
    totals = history["totals"]
    assert [totals[name] for name in ("builds", "elements", "compiles", "saved_ms")] == [3, 2, 14, 1960]


def test_nothing_is_counted_twice(lab: Lab) -> None:
    three_builds(lab)
    first = lab.json("--history")
    for words in ((), ("--since", "9999d"), ("--element", APP), ("--history",)):
        lab.json(*words)
    assert lab.json("--history") == first and rows(first, "elements") == EXPECTED


def test_a_build_counts_when_it_has_ended(lab: Lab) -> None:
    lab.one(0)
    path = lab.one(5, LIBRARY, end="")
    assert rows(lab.json("--history"), "elements") == [(APP, 1, 1, None)]
    with path.open("a") as log:
        log.write(f"[00:00:10] FAILURE [12345678] {LIBRARY}: Command failed\n")
    assert [row["element"] for row in lab.json("--history")["elements"]] == [APP, LIBRARY]


def test_other_projects_and_what_recc_did_not_build_are_left_out(lab: Lab) -> None:
    lab.one(0, "gcc.bst", 9, project="toolchain")
    lab.log([], 1, LIBRARY)
    assert "the history of demo is empty" in lab.fail("--history")
    lab.one(2)
    assert lab.json("--history")["totals"]["compiles"] == 1


def test_builds_before_all_logs_of_casd_are_told_apart_by_the_hour(lab: Lab) -> None:
    for at in (-7200, -7100, -3600, 0):
        lab.one(at)
    assert [build["compiles"] for build in lab.json("--history")["builds"]] == [2, 1, 1]


def test_it_begins_anew(lab: Lab) -> None:
    """Logs that are there do not come back."""
    three_builds(lab)
    lab.run("--history")
    assert lab.run("--zero") == ""
    for words in ((), ("--since", "9999d")):
        lab.json(*words)
        assert "the history of demo is empty" in lab.fail("--history")
    lab.one(time.time() - NOON.timestamp() + 5, number=7)
    assert lab.json("--history")["totals"]["compiles"] == 7


def test_zero_leaves_other_projects_alone(lab: Lab) -> None:
    lab.one(0)
    lab.json("--history")
    (lab.project / "project.conf").write_text("name: other\n")
    lab.run("--zero")
    (lab.project / "project.conf").write_text("name: demo\n")
    assert lab.json("--history")["totals"]["compiles"] == 1


def test_since_and_element(lab: Lab) -> None:
    three_builds(lab)
    assert len(lab.json("--history", "--since", "2026-03-05T10:30")["builds"]) == 2
    assert "is empty" in lab.fail("--history", "--since", "1s")
    assert rows(lab.json("--history", "--element", LIBRARY), "elements") == EXPECTED[1:]
    history = lab.json("--history", "--element", "examples/app", "--since", "2026-03-05T11:30")
    assert (history["totals"]["compiles"], len(history["builds"])) == (4, 1)


def test_an_element_whose_logs_are_gone_beside_one_with_a_new_log(lab: Lab) -> None:
    gone = lab.one(0)
    lab.run()
    gone.unlink()
    lab.one(5, LIBRARY, 2)
    found = lab.json("--history", "--element", APP, "--element", LIBRARY)
    assert [row["compiles"] for row in found["elements"]] == [1, 2]


def test_it_is_shown_in_a_few_lines(lab: Lab) -> None:
    three_builds(lab)
    shown = lab.run("--history")
    assert shown.startswith(
        "demo, 3 builds since 2026-03-05 10:00:00\n  14 compiles, hit rate 42.9 %, time saved 2.0 s\n"
    )
    assert "  hit rate of the last builds: ▁▃▇\n" in shown
    assert re.search(r"^2026-03-05 12:00:00 +6 +5 +83\.3 % +1\.5 s *$", shown, re.MULTILINE)
    assert re.search(rf"^{LIBRARY} +2 +2 +100\.0 % +- *$", shown, re.MULTILINE)


def test_the_last_builds_are_shown(lab: Lab) -> None:
    """Ten in the table, 40 in the bars."""
    for ago in range(50):
        lab.one(-3600 * ago, number=ago + 1)
    shown = lab.run("--history")
    assert "last builds: " + "█" * 40 + "\n" in shown
    assert re.findall(r"^2026.* {2}(\d+) +\1 +100", shown, re.MULTILINE) == [str(n) for n in range(10, 0, -1)]


def test_sparkline() -> None:
    assert sparkline([0.0, 0.124, 0.126, 0.5, None, 0.99, 1.0]) == "▁▁▂▅ ██"


def damaged(path: Path) -> None:
    path.write_bytes(b"no database" * 100)


def of_another_version(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE elements (log TEXT)")


@pytest.mark.parametrize("spoil", [damaged, of_another_version, Path.mkdir])
def test_a_file_that_cannot_be_used(lab: Lab, base: Path, spoil: Callable[[Path], None]) -> None:
    """An error for who asks for it, and a note in a report."""
    lab.one(0)
    spoil(base)
    for word in ("--history", "--zero"):
        message = lab.fail(word)
        assert f"{base}: " in message and f"rm {base}" in message
    report = lab.json()
    assert report["totals"]["compiles"] == 1
    (note,) = report["notes"]
    assert note.startswith(f"Not in the history: {base}: ") and "\n" not in note
