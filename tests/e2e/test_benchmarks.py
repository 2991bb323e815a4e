# Do the benchmarks work? What they measure is for docs/performance.md, not for tests.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import chart
import programs
import pytest
from harness import BIN, ROOT


@pytest.mark.rows
def test_bench_quick(tmp_path: Path) -> None:
    """One round of the smallest program; the benchmark itself checks that each build hits and misses as it should."""
    command: list[str | Path] = [BIN / "python", ROOT / "benchmarks/bench.py"]
    done = subprocess.run(
        [*command, "--programs", "lua", "--rounds", "1", "--json", tmp_path / "bench.json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads((tmp_path / "bench.json").read_text())
    plain = found["plain"]["plain"]["lua"]
    assert plain["compiles"] == 0 and plain["seconds"] > 0
    assert found["floor"]["floor"]["lua"]["compiles"] == 0
    assert found["template"]["local, warm"]["lua"]["hits"] == found["field"]["local, warm"]["lua"]["hits"] > 0
    for scenarios in found.values():
        for (build,) in (results.values() for results in scenarios.values()):
            assert abs(sum(build["phases"].values()) - build["seconds"]) < 0.01
            assert build["phases"]["compile"] > 0
    assert "| template | " in done.stdout and "| floor | " in done.stdout


def test_the_chart_is_that_of_the_table() -> None:
    page = (ROOT / "docs/performance.md").read_text()
    assert chart.draw(page) == (ROOT / "docs/performance.svg").read_text()


def test_programs_read_any_reason() -> None:
    log = (
        "recc: compile hit - 5 ms in /b: gcc -DX=1 -c a.c\n"
        "recc: mode=local compiles=1 hits=0 rate=0.0% uncached: probe=9\n"
        "recc: mode=local compiles=4 hits=3 rate=75.0% links=0 uncached: probe=2 reason-of-tomorrow=1\n"
    )
    counts, uncached = programs.summary(log)
    assert (counts["compiles"], counts["hits"]) == (4, 3) and "rate" not in counts
    assert uncached == {"probe": 2, "reason-of-tomorrow": 1}
    assert programs.summary("nothing was compiled through recc") == ({}, {})


def test_programs_miss_no_object() -> None:
    assert programs.compare({"a.o": "1", "b.o": "2", "c.o": "3"}, {"a.o": "1", "b.o": "4", "d.o": "3"}) == (
        "b.o",
        "c.o",
        "d.o",
    )
    assert programs.compare({"a.o": "1"}, {"a.o": "1"}) == ()


@pytest.mark.parametrize(("differing", "shown"), [((), "2 equal"), (("a.o",), "1 of 2 DIFFER"), (None, "build failed")])
def test_programs_fail_for_any_difference(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    differing: tuple[str, ...] | None,
    shown: str,
) -> None:
    counts = {"compiles": 2, "hits": 1}
    rows = [
        programs.Row("jq", "off", 1.0, objects=2),
        programs.Row("jq", "local warm", 0.5, counts, {"probe": 3, "link": 0}, 2, differing),
    ]
    monkeypatch.setattr(programs, "run", lambda *_: rows)
    monkeypatch.setattr("sys.argv", ["programs.py", "--programs", "jq"])
    assert programs.main() == (differing != ())
    assert f"| jq | local warm | 0.5 | 2 | 1 | 1 | probe=3 | {shown} |" in capsys.readouterr().out


def test_programs_name_no_mirror() -> None:
    known = programs.programs()
    assert len(known) == 12
    for program in known.values():
        assert program["url"].startswith("debian:pool/main/") and re.fullmatch("[0-9a-f]{64}", program["ref"])
        assert all(need in known for need in program.get("needs", ()))
