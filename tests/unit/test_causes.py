# The first lines of a report: what misses have in common, the time saved, and whether recc is worth it.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import pytest
from lab import APP, LIBRARY, SERVICE, A, B, Lab, compiled, summary

UTIL = "changed: src/util.h"


def app(lab: Lab, *arguments: str) -> dict[str, Any]:
    """The first element of the report."""
    element: dict[str, Any] = lab.json(*arguments)["elements"][0]
    return element


# Causes


def header_changed(lab: Lab) -> None:
    """26 compiles in one element and 2 in another of one cause, and commands that are not cached."""
    lab.log([compiled("local", UTIL, f"cc -c {n}.c", 900) for n in range(26)] + [summary(compiles=26, local=26)])
    made = ((UTIL, 300), (UTIL, 300), (None, 60000))
    lines = [compiled("local", why, f"cc -c {n}.c", ms, element=LIBRARY) for n, (why, ms) in enumerate(made)]
    lab.log([*lines, summary(compiles=3, local=3, uncached="probe=7 clock=40")], 1, LIBRARY)


def test_misses_of_one_cause_are_one(lab: Lab) -> None:
    header_changed(lab)
    new, util, clock, probe = lab.json()["causes"]
    what = {"kind": "inputs", "text": "src/util.h changed"}
    assert util == what | {"compiles": 28, "ms": 24000, "elements": [APP, LIBRARY]}
    assert (new["kind"], new["compiles"], new["ms"]) == ("first-build", 1, 60000)
    assert [(one["kind"], one["compiles"], one["ms"]) for one in (clock, probe)] == [
        *(("uncached", 40, None), ("uncached", 7, None)),
    ]
    assert clock["text"] == "not cached (clock): uses the date or time of the compile"


def test_the_answer_comes_first(lab: Lab) -> None:
    header_changed(lab)
    lines = lab.run().splitlines()
    assert lines[1:4] == [
        "  2 elements, 29 compiles, hit rate 0.0 %, nothing saved",
        f"  never built here before: 1 compile, 60.0 s in {LIBRARY}",
        f"  src/util.h changed: 28 compiles, 24.0 s in {APP}, {LIBRARY}",
    ]
    assert re.search(rf"^src/util.h changed +28 +24.0 s +{APP}, {LIBRARY} *$", "\n".join(lines), re.MULTILINE)


def test_the_three_that_cost_most_are_in_the_answer(lab: Lab) -> None:
    """And of elements no more than three."""
    for at, name in enumerate(("a.bst", "b.bst", "c.bst", "d.bst", "e.bst")):
        made = ((f"changed: {n}.h", f"cc -c {n}.c", n) for n in range(1, 9))
        lab.log([compiled("local", *one, element=name) for one in made], at, name)
    answer, table = lab.run().split("\n\n", 1)
    assert [line.split(" changed")[0] for line in answer.splitlines()[2:]] == ["  8.h", "  7.h", "  6.h"]
    assert answer.endswith("6.h changed: 5 compiles, 0.0 s in a.bst, b.bst, c.bst and 2 more") and "1.h" in table


# Time saved


def saved(lab: Lab) -> tuple[int | None, dict[str, int]]:
    """Of the first element, and of the whole report, which is the same."""
    report = lab.json()
    element, totals = (one["saved_ms"] for one in (report["elements"][0], report["totals"]))
    assert element == totals
    origin: dict[str, int] = report["totals"]["saved_from"]
    return totals, origin


def origin(recorded: int = 0, mean: int = 0, unknown: int = 0) -> dict[str, int]:
    return {"recorded": recorded, "mean": mean, "unknown": unknown}


HITS = [compiled("hit", "manifest", f"cc -o {name}.o -c {name}.c", 10) for name in "abc"]
MADE = [compiled("local", None, f"cc -o {name}.o -c {name}.c", ms) for name, ms in (("a", 700), ("b", 300))]


def test_time_saved_is_what_compiles_took_when_they_were_made(lab: Lab) -> None:
    lab.builds([compiled("local", None, "cc -o a.o -c a.c", 9999)], MADE, HITS[:2])
    assert saved(lab) == (1000 - 20, origin(recorded=2))
    assert "1 element, 2 compiles, hit rate 100.0 %, time saved 1.0 s\n" in lab.run()
    lab.builds(MADE, *([HITS] * 10))
    assert saved(lab) == (None, origin(unknown=3))  # that is longer ago than it is searched for


def test_time_saved_by_the_mean(lab: Lab) -> None:
    """Of compiles that are not known; those of another element or directory are others."""
    lab.log([line.replace("app.bst", "other") for line in HITS], -7200, LIBRARY)
    lab.builds(MADE, HITS)
    assert saved(lab) == (1500 - 30, origin(recorded=2, mean=1))
    assert "time saved 1.5 s, 1 of 3 hits estimated\n" in lab.run()
    lab.log([summary(compiles=4, hits=4, hit_ms=40)])
    assert saved(lab) == (4 * 500 - 40, origin(mean=4))


def test_time_saved_is_unknown_where_nothing_was_ever_made(lab: Lab) -> None:
    lab.log(HITS)
    assert saved(lab) == (None, origin(unknown=3))
    shown = lab.run()
    assert "hit rate 100.0 %, time saved unknown: no compile of these is in the logs" in shown
    assert re.search(rf"^{APP} .* - *$", shown, re.MULTILINE)


def test_time_saved_by_what_a_result_says(lab: Lab) -> None:
    """Another machine has made it."""
    lab.log([compiled("hit", A, "cc -o a.o -c a.c", 40), compiled("hit", B, "cc -o b.o -c b.c", 40)])
    lab.ran(A, 2040)
    assert saved(lab) == (2 * 2040 - 80, origin(recorded=1, mean=1))
    lab.ran(B, 1000)
    assert saved(lab) == (3040 - 80, origin(recorded=2))


def test_the_start_of_a_sandbox_is_no_time_saved(lab: Lab) -> None:
    line = compiled("remote", A, "cc -o a.o -c a.c", 2000)
    lab.builds([line], [compiled("hit", A, "cc -o a.o -c a.c", 40)])
    lab.ran(A, 700)
    assert saved(lab) == (660, origin(recorded=1))


def test_hits_that_took_longer(lab: Lab) -> None:
    lab.builds(MADE, [compiled("hit", A, "cc -o a.o -c a.c", 1900)])
    assert saved(lab) == (-1200, origin(recorded=1))
    assert "hit rate 100.0 %, hits took 1.2 s longer than compiling\n" in lab.run()


# Verdicts


def cheap(lab: Lab, *modes: str) -> None:
    """A build an hour in each mode: one of three compiles is a hit; results of 300 ms say that the compile took 40."""
    lines = [compiled("remote", digest, f"cc -o {digest[0]}.o -c a.c", 300) for digest in (A, B)]
    lab.casds((-1, 100))
    for ago, mode in enumerate(reversed(modes)):
        lab.log([*lines, compiled("hit", A, "cc -o c.o -c c.c", 90)], -3600 * ago, mode=mode)
    lab.ran(A, 40)
    lab.ran(B, 40)


def test_recc_that_costs_more_than_it_saves(lab: Lab) -> None:
    cheap(lab, "remote", "remote")
    verdict = app(lab)["verdict"]
    # Two hits of 90 ms save none of 40; misses have cost 260 more than their compiles, each.
    assert (verdict["kind"], verdict["ms"]) == ("costs-more", 2 * (2 * 260 + 90 - 40))
    text = "recc costs here more than it saves: 1.1 s in the last 2 builds in remote, with 2 hits of 6 compiles"
    assert verdict["text"] == text
    assert f"  {APP}: {text}. Build it without recc: environment: {{BST_RECC_MODE: 'off: " in lab.run()


@pytest.mark.parametrize(
    ("modes", "configuration"),
    [(["remote"], ""), (["local", "remote"], ""), (["remote", "cache-only"], ""), (["remote", "remote"], SERVICE)],
)
def test_too_little_is_known_for_a_verdict(lab: Lab, modes: list[str], configuration: str) -> None:
    """With a service, that the sandboxes of others start costs nothing here; hits that cost are kept out of this."""
    cheap(lab, *modes)
    lab.ran(A, 100)
    lab.configure(configuration)
    assert app(lab)["verdict"] is None


def test_the_last_five_builds_are_judged(lab: Lab) -> None:
    slow = [compiled("hit", A, "cc -o a.o -c a.c", 900)]
    lab.builds(MADE, *([slow] * 4))
    assert app(lab)["verdict"]["ms"] == 4 * 200
    lab.builds(MADE, *([slow] * 4), [compiled("hit", A, "cc -o a.o -c a.c", 1)], [slow[0].replace("900", "600")])
    assert app(lab)["verdict"] is None


IDLE = "recc: no compiler was called through recc"


@pytest.mark.parametrize(
    ("lines", "reached"),
    [
        ([IDLE, "/usr/bin/gcc -c a.c"], False),
        ([IDLE, "ccache x86_64-linux-gnu-g++-12 -O2 -o a.o -c ../a.cpp"], False),
        ([IDLE, "  CC       kernel/a.o"], False),
        ([IDLE, "  CC       a.lo"], False),
        ([IDLE, "[1/9] Building CXX object src/a.cc.o"], False),
        ([IDLE, "install -c a.c /usr/src"], True),
        ([IDLE], True),
        (["/usr/bin/gcc -c a.c"], True),
    ],
)
def test_compiles_that_never_reach_recc(lab: Lab, lines: list[str], reached: bool) -> None:
    lab.one(0, LIBRARY)
    lab.log(lines, 1)
    rows = [row for row in lab.json()["elements"] if row["element"] == APP]
    assert [row["verdict"]["kind"] for row in rows] == ([] if reached else ["not-reached"])
    assert ("no compile of it reached recc" in lab.run()) != reached


def test_a_build_that_fails_before_its_first_compile_is_not_judged(lab: Lab) -> None:
    lab.log([IDLE, "gcc -c a.c"], end="[00:00:01] FAILURE [12345678] {}: Command failed\n")
    assert app(lab)["verdict"] is None
