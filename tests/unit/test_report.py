# What bst-recc report makes of build logs and actions: builds, states, reasons, JSON, HTML, bad input, time it takes.
# SPDX-License-Identifier: Apache-2.0
"""The tests write logs and actions as BuildStream, casd and recc leave them; e2e/test_report.py reads real ones."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import resource
import subprocess
import time
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from harness import BIN, ROOT
from lab import APP, DIRECTORY, LIBRARY, NOON, SERVICE, A, B, C, Lab, compiled, summary
from markdown_it import MarkdownIt

from bst_recc.reapi import messages
from bst_recc.report.contents import iso
from bst_recc.report.why import REASONS

EVIL = "cc -DX=[bold]b[/bold] -c \x1b[31mred\x07.c <script>alert(1)</script>&amp;\"'\u202e"


def elements(report: dict[str, Any]) -> list[tuple[str, int]]:
    return [(element["element"], element["compiles"]) for element in report["elements"]]


# Counts


def test_counts_of_an_element_and_of_all(lab: Lab) -> None:
    lab.log(
        [
            compiled("hit", A, "cc -o a.o -c a.c", 40),
            compiled("local", B, "g++ -c b.cpp", 730),
            "recc: not cached, hidden input data.bin read by: 3, first gcc -c data.c",
            summary(compiles=36, hits=33, local=2, failed=1, hit_ms=1200, miss_ms=2600, uncached="probe=14 clock=2"),
        ]
    )
    lab.log([summary(compiles=4, hits=3, links=3, link_hits=1, hit_ms=10, uncached="probe=1")], 2, LIBRARY)
    report = lab.json()
    app = report["elements"][0]
    assert (app["element"], app["project"], app["key"], app["mode"]) == (APP, "demo", "12345678", "local")
    assert [app[n] for n in ("compiles", "hits", "local", "remote", "failed", "errors")] == [36, 33, 2, 0, 1, 0]
    assert (app["hit_ms"], app["miss_ms"], app["hit_rate"], app["not_cached"]) == (1200, 2600, 0.9167, 16)
    assert app["hidden_inputs"] == [{"file": "data.bin", "compiles": 3, "command": "gcc -c data.c"}]
    assert [miss["file"] for miss in app["misses"]] == ["b.cpp"]
    totals = report["totals"]
    assert (totals["compiles"], totals["hits"], totals["hit_rate"], totals["links"]) == (40, 36, 0.9, 3)
    assert totals["uncached"] == {"probe": 15, "clock": 2}
    shown = lab.run()
    assert re.search(r"^total +40 +36 .* 1 of 3 +90.0 %", shown, re.MULTILINE)
    assert re.search(r"^not cached \(probe\): a check by a configure step +15 +- ", shown, re.MULTILINE)


def test_what_is_neither_hit_nor_miss(lab: Lab) -> None:
    """Commands that no cache can serve have no rate; what was compiled both ways is no miss."""
    lab.log([summary(uncached="no-compile=3")])
    lab.log([compiled("verified", A, "cc -c a.c"), summary("verify", compiles=1, local=1, remote=1)], 1, LIBRARY)
    app, library = lab.json()["elements"]
    assert (app["hit_rate"], library["verified"], library["misses"]) == (None, 1, [])
    shown = lab.run()
    assert re.search(rf"^{APP} .* - ", shown, re.MULTILINE)
    assert re.search(rf"^{LIBRARY} .* n/a in verify ", shown, re.MULTILINE)
    assert "2 elements, 1 compile, hit rate n/a in verify, nothing saved" in shown


@pytest.mark.parametrize("mode", ["local", "cache-only"])
def test_who_answered(lab: Lab, mode: str) -> None:
    """The manifest; recc; nobody, since nobody was asked: not in modes where recc is always asked."""
    lines = [
        compiled(how, by, "cc -c a.c") for how, by in (("hit", "manifest"), ("hit", A), ("local", "-"), ("local", A))
    ]
    lab.log([*lines, compiled("hit", "manifest", "cc -o a", kind="link")], mode=mode)
    report, unasked = lab.json(), int(mode == "local")
    for counts in (report["totals"], report["elements"][0]):
        assert (counts["manifest_hits"], counts["not_asked"], counts["hits"]) == (2, unasked, 2)
    assert ("not asked" in lab.run()) == bool(unasked)


@pytest.mark.parametrize(("configuration", "heading"), [("", r"remote \(this machine\)"), (SERVICE, "remote")])
def test_where_sandboxes_of_compiles_run(lab: Lab, configuration: str, heading: str) -> None:
    lab.configure(configuration)
    lab.log([compiled("remote", A, "cc -c a.c")], mode="remote")
    assert lab.json()["execution_service"] == bool(configuration)
    assert re.search(rf"^element +compiles +{heading} +hit rate", lab.run(), re.MULTILINE)


def test_links_are_counted_apart(lab: Lab) -> None:
    lines = [compiled("hit", A, "cc -c a.c", 5), compiled("local", C, "cc -o two", 11, kind="link")]
    for seconds, end in enumerate(([summary(compiles=1, hits=1, links=1, hit_ms=5, miss_ms=11)], [])):
        lab.log([*lines, *end], seconds)
        (element,) = lab.json()["elements"]
        assert [element[name] for name in ("compiles", "hits", "links", "link_hits", "miss_ms")] == [1, 1, 1, 0, 11]
        assert [(m["kind"], m["outputs"]) for m in element["misses"]] == [("link", ["two"])]
    assert lab.json("explain", "two")["last"]["kind"] == "link"


# What became of an element


def test_states(lab: Lab) -> None:
    """Whether or not recc had compiled anything."""
    line = compiled("hit", A, "cc -c a.c")
    failed = "[00:00:01] FAILURE [12345678] {}: Command failed\n"
    lab.log([line], 0, "cut.bst", end="\n\nForcefully terminated\n")
    lab.log(["make"], 1, "cut-early.bst", end="")
    lab.log(
        [line, compiled("failed", None, "cc -c b.c"), compiled("error", None, "cc -c e.c")], 2, "bad.bst", end=failed
    )
    lab.log([], 3, "bad-off.bst", mode="off", end=failed)
    lab.one(4)
    lab.log([], 5, "plain.bst")
    with lab.log([line], 6, "now.bst", end="").open():
        report = lab.json()
    assert [f"{e['element']} {e['state']} {e['complete']:d}" for e in report["elements"]] == [
        *("bad-off.bst failed 0", "bad.bst failed 0", "cut-early.bst interrupted 0", "cut.bst interrupted 0"),
        *(f"{APP} built 1", "now.bst running 0"),
    ]
    bad = next(element for element in report["elements"] if element["element"] == "bad.bst")
    assert [m["reasons"][0]["kind"] for m in bad["misses"]] == ["failed", "error"]
    assert report["notes"] == [
        "bad-off.bst: its build failed.",
        "bad-off.bst: recc compiled nothing in it (recc_mode off).",
        "bad.bst: its build failed: the counts are those up to there.",
        "cut-early.bst: its build was interrupted.",
        "cut-early.bst: recc compiled nothing in it.",
        "cut.bst: its build was interrupted: the counts are those up to there.",
        "now.bst: its build is still running: the counts are those up to there.",
        "Built without a compile by recc: 1 more (plain.bst).",
    ]
    shown = lab.run()
    assert "cut.bst (interrupted, ?)  " in shown and "bad-off.bst (failed)  " in shown
    assert "  4 elements, 6 compiles, hit rate" in shown


def test_log_truncated_anywhere(lab: Lab) -> None:
    """Cut anywhere: a report, or a useful answer; counts never exceed those of the whole log."""
    path = lab.log([compiled("hit", A, "cc -c a.c", 5), compiled("local", B, "cc -c b.c", 7), summary(compiles=2)])
    whole = path.read_bytes()
    for size in (*range(90, len(whole), 97), len(whole) - 1):
        path.write_bytes(whole[:size])
        (element,) = lab.json()["elements"]
        assert element["compiles"] <= 2 and element["state"] == "interrupted"
        assert element["complete"] == (b"recc: mode=local" in whole[:size].rpartition(b"\n")[0])
    path.write_bytes(whole[:50])
    assert "no build log" in lab.fail()


def test_off_and_opted_out(lab: Lab) -> None:
    lab.log(["cc -c a.c"], mode="off")
    lab.log(["recc: off: objects: random \x1b[31mbytes"], 1, LIBRARY, mode="'off: objects: random'")
    report, shown = lab.json(), lab.run()
    assert [(e["element"], e["mode"], e["complete"]) for e in report["elements"]] == [(LIBRARY, "off", False)]
    assert f"Note: {LIBRARY} is built without recc: objects: random" in shown and "\x1b" not in shown
    assert f"({APP})." in shown and "Built with recc_mode off: 1 of these." in shown
    assert "Nothing in this build was compiled by recc." in report["notes"]
    assert lab.json("--element", APP)["elements"][0]["mode"] == "off"


def test_elements_of_other_projects_are_named(lab: Lab) -> None:
    lab.one(0, "sub.bst:gcc.bst", 2, project="toolchain")
    report = lab.json()
    assert [(e["element"], e["project"], e["compiles"]) for e in report["elements"]] == [
        ("sub.bst:gcc.bst", "toolchain", 2)
    ]
    assert report["notes"] == ["sub.bst:gcc.bst: it is of the project toolchain."]
    assert elements(lab.json("--element", "sub.bst:gcc.bst")) == [("sub.bst:gcc.bst", 2)]
    # The same junction in a build of another project is that one's.
    lab.casds((-1, 100), (200, 300))
    lab.one(210, "sub.bst:make.bst", project="toolchain")
    lab.one(220, "app.bst", project="other")
    assert elements(lab.json()) == [("sub.bst:gcc.bst", 2)]
    # Built as the junction of an outer project, it is this one's all the same.
    lab.one(230, f"demo.bst:{APP}", 7)
    assert elements(lab.json())[0] == (APP, 7)


def test_elements_that_share_a_log_directory(lab: Lab) -> None:
    lab.one(0, "t-plain.bst", 1)
    lab.one(1, "t/plain.bst", 2)
    assert elements(lab.json()) == [("t-plain.bst", 1), ("t/plain.bst", 2)]


# Which logs are a build


@pytest.mark.parametrize(
    ("casds", "logs", "builds"),
    [
        # Two builds a second apart, a long idle time within one, and a bst that built nothing.
        ([(-100, -1), (0.5, 500), (600, 601)], "-20+1 1+1 400+1", [[1, 400], [-20]]),
        # A build starts in the second of its first log; what was over by then is of the one before.
        ([(-10, 0.2), (0.6, 9)], "-5+1 0+0 0+9", [[0], [-5, 0]]),
        # Another bst, during a build, does not split it; nor does an element that is tried again.
        ([(0, 100), (20, 21)], "1+1 20+5 50+1", [[1, 20, 50]]),
    ],
)
def test_runs_of_casd_tell_builds_apart(
    lab: Lab, casds: list[tuple[float, float]], logs: str, builds: list[list[int]]
) -> None:
    lab.casds(*casds)
    for number, (at, seconds) in enumerate(re.findall(r"(-?\d+)\+(\d+)", logs)):
        lab.one(int(at), f"{number}.bst", seconds=int(seconds))
    for number, starts in enumerate(builds, 1):
        report = lab.json("--session", str(number))
        assert [e["start"] for e in report["elements"]] == [iso(NOON.timestamp() + start) for start in starts]
        assert report["session"]["start"] == iso(NOON.timestamp() + starts[0])
    assert f"casd's logs have {len(builds)}" in lab.fail("--session", "9")


def test_since(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Needs no log of casd."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    lab.one(-7200, LIBRARY, 1)
    lab.one(-3600, number=2)
    lab.one(0, number=3)
    lab.casds()
    assert "--since 30d" in lab.fail()
    assert lab.json("--since", "2026-03-05T10:30")["session"]["marked_by"] == "since"
    for moment, expected in (("2026-03-05T11:30", [(APP, 3)]), ("2026-03-05", [(APP, 3), (LIBRARY, 1)])):
        assert elements(lab.json("--since", moment)) == expected
    assert elements(lab.json("--since", "99999d"))[0] == (APP, 3)
    assert "nothing was built since" in lab.fail("--since", "1s")
    for wrong in ("yesterday-ish", "", "25:00"):
        assert "invalid time" in lab.fail("--since", wrong)
    for together in (("--since", "1h", "--session", "1"), ("--history", "--session", "2"), ("--zero", "--all")):
        with pytest.raises(click.UsageError):
            lab.run(*together)


@pytest.mark.parametrize("built_in", [0, 9])
@pytest.mark.parametrize("read_in", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_reads_the_same_in_every_time_zone(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, built_in: int, read_in: str
) -> None:
    lab.zone = timezone(timedelta(hours=built_in))
    lab.casds((-100, -1), (0, 100))
    # Without a sandbox there is no stamp: before all others, and between them.
    lab.one(-70, "first.bst", number=4, sandbox=False)
    lab.one(-60, "next.bst", number=5, sandbox=False)
    lab.one(-50, number=1)
    lab.one(1, "stack.bst", number=2, sandbox=False, seconds=1)
    lab.one(5, number=3)
    monkeypatch.setenv("TZ", read_in)
    time.tzset()
    report = lab.json()
    assert elements(report) == [(APP, 3), ("stack.bst", 2)]
    assert report["session"]["start"] == "2026-03-05T12:00:01+00:00"
    assert elements(lab.json("--session", "2")) == [(APP, 1), ("first.bst", 4), ("next.bst", 5)]
    age = int(time.time() - NOON.timestamp())
    assert elements(lab.json("--since", f"{age - 3}s")) == [(APP, 3)]


def test_a_bst_that_has_moved_to_another_time_zone(lab: Lab) -> None:
    for hours, name, at in ((9, "a.bst", -3600), (0, "b.bst", 0)):
        lab.zone = timezone(timedelta(hours=hours))
        lab.one(at, LIBRARY)
        lab.one(at + 60, name, sandbox=False)
    found = {row["element"]: row["start"][11:16] for row in lab.json("--since", "9999d")["elements"]}
    assert found == {LIBRARY: "12:00", "a.bst": "11:01", "b.bst": "12:01"}


def test_element_chooses_the_last_build_that_has_it(lab: Lab) -> None:
    lab.casds((-3601, -3000), (-1, 100))
    lab.one(-3600, LIBRARY, 4)
    lab.one(0, number=2)
    for name in (LIBRARY, "examples/library"):
        assert elements(lab.json("--element", name)) == [(LIBRARY, 4)]
    report = lab.json("--element", LIBRARY, "--element", APP)
    assert elements(report) == [(APP, 2)]
    assert f"{LIBRARY} was not built in it" in report["notes"][0]


# Why compiles missed


def test_never_seen(lab: Lab) -> None:
    """Nor is another element, or another output, the same."""
    lab.log([compiled("local", A, "cc -c a.c")], -3600, LIBRARY)
    lab.log([compiled("local", A, "cc -c a.c")])
    for kind, text in (("first-build", "never built here before"), ("never-seen", "new: never compiled here before")):
        (miss,) = lab.json()["elements"][0]["misses"]
        assert miss["reasons"] == [{"kind": kind, "text": text, "inputs": []}]
        lab.log([compiled("local", A, "cc -c other.c")], -1800)


def test_the_same_action_before(lab: Lab) -> None:
    assert lab.missed(A, A)[0]["text"] == "compiled before, but not in this cache"
    assert lab.missed(A, A, "cache-only")[0]["kind"] == "not-stored"
    lab.log([compiled("hit", B, "cc -c a.c")], -7200)
    assert lab.missed(A, B)[0]["kind"] == "not-in-cache"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"toolchain": "t/2"}, "toolchain changed"),
        ({"arguments": "/usr/bin/cc -DX -c"}, "command changed: + -DX, - a.c"),
        ({"outputs": "b.o"}, "command changed: other options"),
        ({"salt": "quasi-safe 0123"}, "command changed: other options"),
        ({"environment": {"LC_ALL": "de"}}, "environment changed: LC_ALL"),
        ({"inputs": {"a.c": "int a;", "a.h": "two"}}, "a.h changed"),
        ({"inputs": {"a.c": "int a;"}}, "a.h changed"),
        ({"inputs": {"a.c": "int a;", "a.h": "one", "new": {"n.h": ""}}}, "new/n.h is new"),
        ({"inputs": {"a.c": "int a;", "a.h": "-> b.h"}}, "a.h changed"),
        (
            {"inputs": {"a.c": "int a;", "a.h": "one", "/usr": {"include": {"stdio.h": "new"}}}},
            "/usr/include/stdio.h changed",
        ),
        ({"inputs": {name: "" for name in "uvwxyz"}}, "a.c, a.h changed; u, v, w and 3 more are new"),
        ({"properties": {"OSFamily": "linux"}}, "platform changed: OSFamily"),
        ({"salt": ""}, "first compile in this mode, which keeps its results apart"),
        ({"toolchain": "t/2", "inputs": {"a.c": "int b;", "a.h": "one"}}, "toolchain changed; a.c changed"),
    ],
)
def test_what_changed(lab: Lab, change: dict[str, Any], text: str) -> None:
    assert "; ".join(reason["text"] for reason in lab.missed(lab.action(), lab.action(**change))) == text
    assert text in lab.run("--all")


def test_compared_with_the_last_compile_of_the_same_mode(lab: Lab) -> None:
    lab.log([compiled("local", lab.action(), "cc -c a.c")], -7200)
    other = lab.action(salt="", inputs={"a.c": "x", "a.h": "x"})
    (reason,) = lab.missed(other, lab.action(inputs={"a.c": "int a;", "a.h": "two"}))
    assert reason["text"] == "a.h changed"


def test_what_can_not_be_compared_is_unknown(lab: Lab) -> None:
    before, after = lab.action(), lab.action("/usr/bin/cc -g -c a.c", {"a.c": "changed"})
    root = messages.Action.FromString(lab.blob(before).read_bytes()).input_root_digest.hash
    lab.blob(root).unlink()
    assert [reason["kind"] for reason in lab.missed(before, after)] == ["command", "unknown"]
    lab.blob(before).write_bytes(b"\xff\xff\xff damaged")
    (reason,) = lab.missed(before, after)
    assert reason["text"] == "unknown (blobs are gone from the CAS)"
    assert [lab.missed(*pair)[0]["kind"] for pair in ((A, None), (None, A), (A, B))] == ["unknown"] * 3


@pytest.mark.parametrize("action", [None, A])
@pytest.mark.parametrize(("new", "text"), [("", "sub/a.h changed"), (" (new)", "sub/a.h is new")])
def test_an_input_that_the_wrapper_names(lab: Lab, action: str | None, new: str, text: str) -> None:
    lab.log([compiled("local", f"{action or ''} changed: {DIRECTORY}/sub/a.h{new}".strip(), "cc -c a.c")])
    (miss,) = lab.json()["elements"][0]["misses"]
    assert (miss["action"], miss["reasons"][0]["inputs"]) == (action, ["sub/a.h"])
    assert miss["reasons"][0]["text"] == text


HIT = compiled("hit", "manifest", "cc -o a.o -c a.c")
OLD = {"a.c": "int a;", f"{DIRECTORY}/a.h": "one"}


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (OLD | {"a.c": "int b;"}, "a.c changed"),
        (OLD | {"n.h": "new"}, "n.h is new"),
        (OLD | {f"{DIRECTORY}/a.h": "two", "n.h": ""}, "a.h changed; n.h is new"),
        (OLD, "command changed: other options"),
        (None, "unknown (recc logged no action)"),
    ],
)
def test_reasons_of_a_compile_without_an_action_are_from_the_manifest(
    lab: Lab, now: dict[str, str] | None, text: str
) -> None:
    line, entries = compiled("local", None, "cc -o a.o -c a.c"), [{"b.c": "another command that makes a.o"}, OLD]
    lab.builds([line], [lab.manifest(*([now] if now else []), *entries), line])
    (miss,) = lab.json()["elements"][0]["misses"]
    assert "; ".join(reason["text"] for reason in miss["reasons"]) == text


@pytest.mark.parametrize("learnt", [True, False])
def test_a_manifest_tells_of_its_own_build(lab: Lab, learnt: bool) -> None:
    """A build that fails keeps none; what an older or a newer one says is about another change."""
    line, two, three = compiled("local", None, "cc -o a.o -c a.c"), OLD | {"a.c": "2"}, OLD | {"n.h": "3"}
    own = [lab.manifest(two, OLD)] * learnt
    lab.builds([lab.manifest(OLD, three), line], [*own, line], [lab.manifest(three, two, OLD), line], [HIT])
    reasons = [lab.json("--session", n)["elements"][0]["misses"][0]["reasons"] for n in ("3", "2")]
    assert reasons[0][0]["text"] == ("a.c changed" if learnt else "unknown (recc logged no action)")
    assert [reason["text"] for reason in reasons[1]] == ["a.c changed", "n.h is new"]


# Bad input


def test_elements_without_a_log(lab: Lab) -> None:
    assert "bst build" in lab.fail()
    lab.one(0, project="other")
    assert "Projects with logs in this one: other." in lab.fail()
    lab.one(0)
    assert f"Did you mean: {APP}" in lab.fail("--element", "examples/ap")
    for odd in ("unbuilt.bst", "toolchain.bst:gcc.bst", "", "..", "/etc/passwd", "x" * 5000):
        assert f"there is no build log of {odd}" in lab.fail("--element", APP, "--element", odd)


def test_where_the_logs_are(lab: Lab, tmp_path: Path) -> None:
    lab.one(0)
    lab.logs.rename(tmp_path / "elsewhere")
    assert "no build log" in lab.fail()
    configuration = tmp_path / "my.conf"
    configuration.write_text("logdir: ${HOME}/elsewhere\n")
    assert lab.json("-c", configuration)["logs"] == str(tmp_path / "elsewhere")
    configuration.rename(tmp_path / "buildstream.conf")
    assert lab.json()["elements"]


def test_html_that_cannot_be_written(lab: Lab, tmp_path: Path) -> None:
    lab.one(0)
    assert "cannot write" in lab.fail("--html", lab.project / "project.conf/report.html")
    with pytest.raises(click.UsageError):
        lab.run("--html", tmp_path)


def test_pipes(lab: Lab) -> None:
    """A reader that has seen enough, no standard output at all, and a full one."""
    lab.log([compiled("local", A, f"cc -c {n}ünï.c") for n in range(999)])
    script = f"""r={BIN}/bst-recc; $r report --all --json | head -c 9; echo "${{PIPESTATUS[*]}}"
        $r report >&-; $r report >/dev/full; echo $?"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.stdout == '{\n  "sche0 0\n1\n'
    assert done.stderr == "bst-recc: standard output: No space left on device.\n"


# Screen and page


def evil(lab: Lab) -> None:
    hidden = f"recc: not cached, hidden input <img src=x onerror=alert(1)>[red] read by: 1, first {EVIL}"
    lab.log([compiled("local", A, EVIL), hidden, summary(compiles=1, local=1, uncached="probe=1 of-tomorrow=2")])


def test_markup_of_logs_is_text(lab: Lab) -> None:
    evil(lab)
    shown = lab.run()
    assert "-DX=[bold]b[/bold]" in shown and "onerror=alert(1)>[red]" in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", shown)
    assert lab.json()["elements"][0]["misses"][0]["command"] == EVIL


def test_rows_are_broken_at_the_width_that_is_given_only(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{'long/' * 60}x.c"
    lab.log([compiled("local", A, f"cc -c {name}"), summary(compiles=100000, hits=99999)])
    assert re.search(rf"^{name} +local +0.1 s +never built here before *$", lab.run("--all"), re.MULTILINE)
    monkeypatch.setenv("COLUMNS", "80")
    _, shown = lab.run("--all").split("\n\n", 1)
    assert max(map(len, shown.splitlines())) <= 80
    assert re.search(r"^total +100000 +99999 +100.0 %", shown, re.MULTILINE)


def test_each_miss_is_shown_with_all_only(lab: Lab) -> None:
    lab.log([compiled("local", A, f"cc -c f{n}.c") for n in range(50)])
    assert "f1.c" not in lab.run() and "f1.c" not in lab.run("--markdown")
    assert "f49.c" in lab.run("--all")
    assert len(lab.json()["elements"][0]["misses"]) == 50


def test_page_is_self_contained_and_escapes_everything(lab: Lab, tmp_path: Path) -> None:
    evil(lab)
    lab.run("--html", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r"https?://|url\(|@import|[\x1b\x07\u202e]", page)
    before, script, after = re.split("<script>|</script>", page)
    assert script == (ROOT / "src/bst_recc/report/page.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'\"" in before
    assert not {"script", "img", "b", "link", "iframe"} & set(re.findall(r"<(\w+)", before + after))
    assert not re.search(r"<[^>]+ (on\w+|src|href)=", before + after)
    text = html.unescape(before + after)
    assert "<script>alert(1)</script>&amp;\"'" in text and "<img src=x onerror=alert(1)>[red]" in text
    assert "never built here before" in text and "a check by a configure step" in text


def test_markdown_is_tables_in_which_nothing_of_a_log_means_anything(lab: Lab) -> None:
    name = "<i>`x`</i>|*b*_c_[d](e)![f](g)~~h~~.h"
    named = [f"recc: not cached, hidden input {name} https://x.example @all read by: 1, first {EVIL}"]
    lab.log([compiled("local", f"changed: {name}", "cc -c a.c"), *named, summary(compiles=31, local=31)])
    text = lab.run("--markdown")
    assert "https://" not in text
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    tags = {"h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
    assert set(re.findall(r"</?(\w+)", page)) == tags
    cells = html.unescape(page)
    assert f"<td>{name} changed</td>" in cells and f"<td>{name} https://x.example @all</td>" in cells
    assert f"<li>{name} changed: 1 compile, 0.1 s in {APP}</li>" in cells and ">31</td>" in cells


# The schema


def test_schema_is_printed_valid_and_documented(lab: Lab) -> None:
    schema = json.loads(lab.run("--schema"))
    jsonschema.Draft202012Validator.check_schema(schema)
    page = (ROOT / "docs/report.md").read_text()
    element, reason = (schema["$defs"][name]["properties"] for name in ("element", "reason"))
    words = [*reason["kind"]["enum"], *element, *element["state"]["enum"]]
    assert [word for word in words if f"`{word}`" not in page] == []
    assert reason["kind"]["enum"] == list(REASONS)


# The time it takes


def large(lab: Lab) -> None:
    """Two builds of 40 elements with 50 compiles: in the second half are hits, and a header made the rest anew."""
    lab.casds((-3601, -3000), (-1, 900))
    for number in range(40):
        element = f"examples/e{number}.bst"
        first, second = [], []
        for n in range(50):
            command, inputs = f"cc -o src/f{n}.o -c src/f{n}.c", [{f"f{n}.c": element, "util.h": text} for text in "ab"]
            actions = [lab.action(inputs={"src": files}, element=element) if n % 2 else A for files in inputs]
            first.append(compiled("local", actions[0], command, 800, element=element))
            if n % 2:
                why = f"{actions[1]} changed: src/util.h" if n % 4 == 1 else actions[1]
                second.append(compiled("local", why, command, 900, element=element))
            else:
                second.append(compiled("hit", "manifest", command, 20, element=element))
        lab.log([*first, summary(compiles=50, local=50, miss_ms=40000)], number - 3600, element)
        lab.log([*second, summary(compiles=50, hits=25, local=25, miss_ms=22500)], number, element)


def took(*words: str | Path) -> float:
    """Seconds of a processor that a report takes: how busy this machine is does not matter."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([BIN / "bst-recc", *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_report_of_2000_compiles_takes_seconds(lab: Lab, tmp_path: Path) -> None:
    large(lab)
    page = tmp_path / "report.html"
    assert took("report") < 3
    assert took("report", "--html", page) < 4 and page.stat().st_size <= 300_000
    assert took("report", "--history") < 1
    assert took("explain", "util.h") < 3
    (cause,) = lab.json()["causes"]
    assert (cause["text"], cause["compiles"], len(cause["elements"])) == ("src/util.h changed", 1000, 40)
