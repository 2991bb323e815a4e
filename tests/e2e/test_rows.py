# Runs the constructs of trust/constructs.tsv beside the bare compiler, in every mode, with gcc and clang.
# SPDX-License-Identifier: Apache-2.0
"""ROWS='NAME NAME' in the environment tries these alone; 'make rows' tries all of them in all modes."""

from __future__ import annotations

import csv
import os
import re

import pytest
from harness import ROOT, Project
from pages import sections

ROW = re.compile(r"^ROW (\w+) cold=(\S+) warm=(\S+) changed=(\S+) same=(\S+) status=(\d+)$", re.MULTILINE)
SCRIPTS = ROOT / "tests/e2e/trust"
ONLY = os.environ.get("ROWS", "").split()
# Minutes each: what a change breaks shows in the first one first.
EACH_TIME = (("gcc", "local"),)
LESS_OFTEN = (("gcc", "remote"), ("gcc", "local-recc"))
# A random name in what is made; two compilers that write over each other's file: 'verify' says so.
NOT_DETERMINISTIC = ("link_random_build_id", "at_once_same_output", "seen_raced")

# With clang, 'verify' counts these instead: whole paths of outputs, and files that no scan tells of.
NOT_COMPARED = ("as_file", "coverage", "preprocessed_cxx", "side_coverage_subdirectory", "side_test_coverage")


def claims(compiler: str) -> dict[str, dict[str, str]]:
    """What trust/constructs.tsv says, by row and mode, of what is tried with a compiler; it names each row once."""
    lines = [line for line in (SCRIPTS / "constructs.tsv").read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == len({row["name"] for row in rows})
    found = {
        row["name"]: {mode: (compiler == "clang" and row[f"clang {mode}"]) or row[mode] for mode in ("local", "remote")}
        for row in rows
    }
    return {name: claim for name, claim in found.items() if claim["local"] != "-"}


CLAIMS = {compiler: claims(compiler) for compiler in ("gcc", "clang")}
# local-recc: nothing is remembered, recc is asked for all; local-ask: recc is asked for what is not remembered;
# …-check: each hit is compiled again.
HOW = ("-recc", "-ask", "-check")
MODES = ("off", "local", *(f"local{how}" for how in HOW), "cache-only", "remote", "remote-check", "verify")


def how_often(compiler: str, mode: str) -> list[pytest.MarkDecorator]:
    """Which of the test commands runs these rows."""
    if (compiler, mode) in EACH_TIME:
        return []
    return [pytest.mark.slow if (compiler, mode) in LESS_OFTEN else pytest.mark.rows]


CASES = [pytest.param(c, m, marks=how_often(c, m), id=f"{c}-{m}") for c in CLAIMS for m in MODES]


def outcome(text: str) -> tuple[int, int, set[str]]:
    """Hits, runs and reasons of one phase, from '1h0x+reason'."""
    match = re.match(r"(\d+)h(\d+)x(.*)$", text)
    assert match, text
    return int(match[1]), int(match[2]), set(match[3].split("+")) - {""}


def wrong(row: tuple[str, ...], claim: str, mode: str) -> str:
    """What of a row is not as claimed; empty where all is."""
    cold, warm, _, same, status = row
    if same != "yes":
        return "differs from the bare compiler"
    if (status != "0") != (claim == "fails"):
        return f"ends with {status}"
    if mode == "off":
        return "" if outcome(cold) in ((0, 0, set()), (0, 0, {"no-settings"})) else f"is logged: {cold}"
    hits, runs, reasons = outcome(warm)
    if mode == "verify":
        return "" if hits == 0 and (runs or claim != "cached") else f"is not compiled anew: {warm}"
    if mode not in ("local", "remote") or claim in ("right", "fails"):
        return ""
    if claim == "cached":
        return "" if hits and not runs and not reasons - {"no-compile"} else f"is not cached: {cold}, {warm}"
    return "" if not hits and claim.removeprefix("not cached: ") in reasons else f"is {warm}, not '{claim}'"


def test_the_page_counts_what_the_list_has() -> None:
    """Each row of the table in docs/trust.md names outcomes, and how many constructs have one of them with gcc."""
    text = sections(ROOT / "docs/trust.md")["What is cached, and what is not"]
    counted = re.findall(r"^\| (.*`.*) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    named = [re.findall(r"`([\w-]+)`", outcomes) for outcomes, _, _ in counted]
    for mode, column in (("local", 1), ("remote", 2)):
        outcomes = [claim[mode].removeprefix("not cached: ") for claim in CLAIMS["gcc"].values()]
        assert set(outcomes) <= {word for words in named for word in words}
        assert [int(row[column]) for row in counted] == [sum(map(outcomes.count, words)) for words in named]


@pytest.mark.parametrize(("compiler", "case"), CASES)
def test_rows(fetched: Project, compiler: str, case: str) -> None:
    cxx = {"gcc": "g++", "clang": "clang++"}[compiler]
    mode, _, how = case.partition("-") if case.endswith(HOW) else (case, "", "")
    words = [*([f"--{how}"] if how else []), compiler, cxx, *ONLY]
    log = fetched.build_script(
        SCRIPTS / "rows.sh", *words, mode=mode, toolchain=compiler, beside=SCRIPTS.glob("rows-*.sh")
    )
    rows = {match[0]: match[1:] for match in ROW.findall(log)}
    assert set(rows) == set(ONLY or CLAIMS[compiler])
    column = "local" if mode == "local" else "remote"
    found = {name: wrong(row, CLAIMS[compiler][name][column], case) for name, row in rows.items()}
    if mode == "verify":
        found |= dict.fromkeys(NOT_DETERMINISTIC, "")
        if compiler == "clang":
            found |= {name: "" for name in NOT_COMPARED if rows.get(name, ("",) * 4)[3] == "yes"}
    problems = [f"{name} {problem}" for name, problem in found.items() if problem]
    if problems:
        print(log[log.find("DIFFERS") :])
    assert not problems
    if not ONLY and case in ("local", "remote"):
        assert rows["plain"][:3] == ("0h1x", "1h0x", "0h1x")
