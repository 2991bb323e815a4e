# What bst-recc report and explain make of build logs and actions: builds, states, reasons, JSON, HTML, bad input.
# SPDX-License-Identifier: Apache-2.0
"""The tests write logs and actions as BuildStream, casd and recc leave them; e2e/test_report.py reads real ones."""

from __future__ import annotations

import copy
import hashlib
import html
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from harness import BIN, ROOT
from markdown_it import MarkdownIt

from bst_recc.cli import group
from bst_recc.errors import ReccError
from bst_recc.reapi import messages
from bst_recc.report import SCHEMA
from bst_recc.report.contents import iso
from bst_recc.report.why import REASONS

UTC = timezone.utc
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
DIRECTORY = "/buildstream/demo/examples/app.bst"
A, B, C = (f"{digit * 64}/100" for digit in "abc")
APP, LIBRARY = "examples/app.bst", "examples/library.bst"
EVIL = "cc -DX=[bold]b[/bold] -c \x1b[31mred\x07.c <script>alert(1)</script>&amp;\"'\u202e"


def closed() -> dict[str, Any]:
    """The schema, refusing what it does not name: a new field must be documented."""
    strict: dict[str, Any] = copy.deepcopy(json.loads(SCHEMA.read_text()))

    def close(node: Any) -> None:
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            close(value)
        if isinstance(node, dict) and isinstance(node.get("properties"), dict) and "type" in node:
            node["unevaluatedProperties"] = False

    close(strict)
    del strict["$defs"]["counts"]["unevaluatedProperties"]  # an element has more
    return strict


VALIDATOR = jsonschema.Draft202012Validator(closed())


def compiled(status: str, digest: str | None, command: str, ms: int = 100, kind: str = "compile") -> str:
    return f"recc: {kind} {status} {digest or '-'} {ms} ms in {DIRECTORY}: {command}"


def summary(mode: str = "local", uncached: str = "", **counts: int) -> str:
    names = ("hits", "local", "remote", "failed", "errors", "links", "link-hits", "hit-ms", "miss-ms")
    given = " ".join(f"{name}={counts.get(name.replace('-', '_'), 0)}" for name in names)
    return f"recc: mode={mode} compiles={counts.get('compiles', 0)} {given} uncached: hidden-input=0 {uncached}"


class Lab:
    """A project with logs and actions that the test writes; `zone` is where its bst runs."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.project, self.capsys, self.zone = directory / "demo", capsys, UTC
        for name in (APP, LIBRARY, "unbuilt.bst", "sub.bst"):
            path = self.project / "elements" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("kind: manual\n")
        (self.project / "project.conf").write_text("name: demo\nmin-version: 2.6\nelement-path: elements\n")
        self.logs, self.objects = directory / "buildstream/logs", directory / "buildstream/cas/objects"

    def run(self, *arguments: str | Path) -> str:
        """What a command prints: report, or explain where that is its first word."""
        words = [str(argument) for argument in arguments]
        group(words if words[:1] == ["explain"] else ["report", *words], standalone_mode=False)
        return self.capsys.readouterr().out

    def json(self, *arguments: str | Path) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.run(*arguments, "--json"))
        VALIDATOR.validate(data)
        return data

    def fail(self, *arguments: str | Path) -> str:
        """Message and remedies of an error."""
        with pytest.raises(ReccError) as failed:
            self.run(*arguments)
        assert failed.value.remedies
        return "\n".join([str(failed.value), *failed.value.remedies])

    def log(
        self,
        lines: Sequence[str],
        at: float = 0,
        element: str = APP,
        *,
        seconds: int = 10,
        mode: str = "local",
        end: str = "[00:00:10] SUCCESS [12345678] {}: Build\n",
        project: str = "demo",
    ) -> Path:
        """A build log that starts `at` seconds after noon."""
        start = NOON + timedelta(seconds=at)
        name = element.rpartition(":")[2].removesuffix(".bst").replace("/", "-")
        path = self.logs / project / name / f"12345678-build.{start.astimezone(self.zone):%Y%m%d-%H%M%S}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp = (start + timedelta(seconds=seconds)).astimezone(self.zone)
        text = (
            f"BuildStream 2.8.1 - Thursday\n[--:--:--] START   [12345678] {element}: Build\n"
            f"    BST_RECC_MODE: {mode}\n+ sh -c -e\n"
            + "".join(f"{line}\n" for line in lines)
            + f"{stamp:%Y-%m-%dT%H:%M:%S}.116{stamp:%z} [20:14] [buildboxcommon_x.cpp:1] [INFO] Action output size\n"
            + end.replace("{}", element)
        )
        path.write_bytes(text.encode(errors="surrogateescape"))
        os.utime(path, (start.timestamp() + seconds,) * 2)
        return path

    def casds(self, *runs: tuple[float, float]) -> None:
        """Logs of casds that ran from so many seconds after noon to so many, and of no others."""
        shutil.rmtree(self.logs / "_casd", ignore_errors=True)
        (self.logs / "_casd").mkdir(parents=True)
        for start, end in runs:
            path = self.logs / f"_casd/{NOON.timestamp() + start:.3f}.log"
            path.touch()
            os.utime(path, (NOON.timestamp() + end,) * 2)

    def one(self, at: float, element: str = APP, number: int = 1, **more: Any) -> Path:
        """A log of `number` hits."""
        return self.log([summary(compiles=number, hits=number)], at, element, **more)

    def store(self, message: Any) -> Any:
        """Put a message into the CAS; returns its Digest."""
        data = message.SerializeToString()
        name = hashlib.sha256(data).hexdigest()
        path = self.objects / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return messages.Digest(hash=name, size_bytes=len(data))

    def tree(self, content: dict[str, Any]) -> Any:
        """Store a directory tree: a dict is a directory, '-> x' a link, other text a file's content."""
        directory = messages.Directory()
        for name, value in sorted(content.items()):
            if isinstance(value, dict):
                directory.directories.add(name=name, digest=self.tree(value))
            elif value.startswith("-> "):
                directory.symlinks.add(name=name, target=value[3:])
            else:
                digest = messages.Digest(hash=hashlib.sha256(value.encode()).hexdigest(), size_bytes=len(value))
                directory.files.add(name=name, digest=digest)
        return self.store(directory)

    def action(
        self,
        arguments: str = "/usr/bin/cc -c a.c",
        inputs: dict[str, Any] | None = None,
        *,
        environment: dict[str, str] | None = None,
        toolchain: str = "t/1",
        properties: dict[str, str] | None = None,
        salt: str = "quasi-safe",
        outputs: str = "a.o",
    ) -> str:
        """Store an action; returns HASH/SIZE."""
        command = messages.Command(arguments=arguments.split(), output_paths=[outputs], working_directory=DIRECTORY[1:])
        for name, value in (environment or {"LC_ALL": "C"}).items():
            command.environment_variables.add(name=name, value=value)
        files = {"a.c": "int a;", "a.h": "one"} if inputs is None else inputs
        usr = files.pop("/usr", {"include": {"stdio.h": "stdio"}})
        root = self.tree({"usr": usr, "buildstream": {"demo": {"examples": {"app.bst": files}}}})
        action = messages.Action(command_digest=self.store(command), input_root_digest=root, salt=salt.encode())
        for name, value in ({"chrootRootDigest": toolchain} | (properties or {})).items():
            action.platform.properties.add(name=name, value=value)
        digest = self.store(action)
        return f"{digest.hash}/{digest.size_bytes}"

    def blob(self, digest: str) -> Path:
        return self.objects / digest[:2] / digest.partition("/")[0][2:]

    def missed(self, before: str | None, after: str | None, mode: str = "local") -> list[dict[str, Any]]:
        """Reasons for the miss of `after`, when `before` was compiled an hour earlier."""
        self.log([compiled("local", before, "cc -c a.c"), summary(mode, compiles=1, local=1)], -3600)
        self.log([compiled("local", after, "cc -c a.c"), summary(compiles=1, local=1)])
        (miss,) = self.json()["elements"][0]["misses"]
        reasons: list[dict[str, Any]] = miss["reasons"]
        return reasons


@pytest.fixture
def lab(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab(tmp_path, capsys)
    made.casds((-1, 100))
    monkeypatch.chdir(made.project)
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("COLUMNS", raising=False)
    return made


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
    assert re.search(r"^ +15 +probe +a check by a configure step", shown, re.MULTILINE)


def test_what_is_neither_hit_nor_miss(lab: Lab) -> None:
    """Commands that no cache can serve have no rate; what was compiled both ways is no miss."""
    lab.log([summary(uncached="no-compile=3")])
    lab.log([compiled("verified", A, "cc -c a.c"), summary("verify", compiles=1, local=1, remote=1)], 1, LIBRARY)
    app, library = lab.json()["elements"]
    assert (app["hit_rate"], library["verified"], library["misses"]) == (None, 1, [])
    assert re.search(rf"^{APP} .* - ", lab.run(), re.MULTILINE)


def test_links_are_counted_apart(lab: Lab) -> None:
    lines = [compiled("hit", A, "cc -c a.c", 5), compiled("local", C, "cc -o two", 11, kind="link")]
    for seconds, end in enumerate(([summary(compiles=1, hits=1, links=1, hit_ms=5, miss_ms=11)], [])):
        lab.log([*lines, *end], seconds)
        (element,) = lab.json()["elements"]
        assert [element[name] for name in ("compiles", "hits", "links", "link_hits", "miss_ms")] == [1, 1, 1, 0, 11]
        assert [(m["kind"], m["outputs"]) for m in element["misses"]] == [("link", ["two"])]
    assert lab.json("explain", APP, "two")["last"]["kind"] == "link"


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
    assert "4 elements with compiles by recc" in shown


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
    assert f"casd's logs tell of {len(builds)}" in lab.fail("--session", "9")


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
    with pytest.raises(click.UsageError):
        lab.run("--since", "1h", "--session", "1")


@pytest.mark.parametrize("built_in", [0, 9])
@pytest.mark.parametrize("read_in", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_reads_the_same_in_every_time_zone(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, built_in: int, read_in: str
) -> None:
    lab.zone = timezone(timedelta(hours=built_in))
    lab.casds((-100, -1), (0, 100))
    lab.one(-50, number=1)
    # Without a sandbox there is no stamp.
    plain = lab.one(1, "stack.bst", number=2)
    plain.write_text(re.sub(r"\d{4}-\d\d-.*\n", "", plain.read_text()))
    os.utime(plain, (NOON.timestamp() + 2,) * 2)
    lab.one(5, number=3)
    monkeypatch.setenv("TZ", read_in)
    time.tzset()
    report = lab.json()
    assert elements(report) == [(APP, 3), ("stack.bst", 2)]
    assert report["session"]["start"] == "2026-03-05T12:00:01+00:00"
    age = int(time.time() - NOON.timestamp())
    assert elements(lab.json("--since", f"{age - 3}s")) == [(APP, 3)]


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
    lab.log([compiled("local", A, "cc -c other.c")], -1800)
    lab.log([compiled("local", A, "cc -c a.c")])
    (miss,) = lab.json()["elements"][0]["misses"]
    assert miss["reasons"] == [{"kind": "never-seen", "text": "never seen", "inputs": []}]


def test_the_same_action_before(lab: Lab) -> None:
    assert lab.missed(A, A)[0]["text"] == "compiled before, but not in this cache"
    assert lab.missed(A, A, "cache-only")[0]["kind"] == "not-stored"
    lab.log([compiled("hit", B, "cc -c a.c")], -7200)
    assert lab.missed(A, B)[0]["kind"] == "not-in-cache"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"toolchain": "t/2"}, "toolchain changed"),
        ({"arguments": "/usr/bin/cc -DX -c a.c"}, "command changed"),
        ({"outputs": "b.o"}, "command changed"),
        ({"environment": {"LC_ALL": "de"}}, "environment changed: LC_ALL"),
        ({"inputs": {"a.c": "int a;", "a.h": "two"}}, "an input changed: a.h"),
        ({"inputs": {"a.c": "int a;"}}, "an input changed: a.h"),
        ({"inputs": {"a.c": "int a;", "a.h": "one", "new": {"n.h": ""}}}, "an input changed: new/n.h"),
        ({"inputs": {"a.c": "int a;", "a.h": "-> b.h"}}, "an input changed: a.h"),
        (
            {"inputs": {"a.c": "int a;", "a.h": "one", "/usr": {"include": {"stdio.h": "new"}}}},
            "an input changed: /usr/include/stdio.h",
        ),
        ({"inputs": {"a.c": "1", "a.h": "2", "x": "", "y": "", "z": ""}}, "an input changed: a.c, a.h, x and 2 more"),
        ({"properties": {"OSFamily": "linux"}}, "platform changed: OSFamily"),
        ({"salt": ""}, "first compile in this mode, which keeps its results apart"),
        ({"toolchain": "t/2", "inputs": {"a.c": "int b;", "a.h": "one"}}, "toolchain changed; an input changed: a.c"),
    ],
)
def test_what_changed(lab: Lab, change: dict[str, Any], text: str) -> None:
    assert "; ".join(reason["text"] for reason in lab.missed(lab.action(), lab.action(**change))) == text
    assert text in lab.run()


def test_compared_with_the_last_compile_of_the_same_mode(lab: Lab) -> None:
    lab.log([compiled("local", lab.action(), "cc -c a.c")], -7200)
    other = lab.action(salt="", inputs={"a.c": "x", "a.h": "x"})
    (reason,) = lab.missed(other, lab.action(inputs={"a.c": "int a;", "a.h": "two"}))
    assert reason["text"] == "an input changed: a.h"


def test_what_can_not_be_compared_is_unknown(lab: Lab) -> None:
    before, after = lab.action(), lab.action("/usr/bin/cc -g -c a.c", {"a.c": "changed"})
    root = messages.Action.FromString(lab.blob(before).read_bytes()).input_root_digest.hash
    lab.blob(root).unlink()
    assert [reason["kind"] for reason in lab.missed(before, after)] == ["command", "unknown"]
    lab.blob(before).write_bytes(b"\xff\xff\xff damaged")
    (reason,) = lab.missed(before, after)
    assert reason["text"] == "unknown (blobs are gone from the CAS)"
    assert [lab.missed(*pair)[0]["kind"] for pair in ((A, None), (None, A), (A, B))] == ["unknown"] * 3


def test_an_input_that_the_wrapper_names(lab: Lab) -> None:
    lab.log([f"recc: compile local changed: a.h 5 ms in {DIRECTORY}: cc -c a.c"])
    (miss,) = lab.json()["elements"][0]["misses"]
    assert (miss["action"], miss["reasons"][0]["inputs"]) == (None, ["a.h"])
    assert lab.json("explain", APP, "a.c")["note"] == "It was compiled anew, since this has changed: a.h."


# explain


def explained(lab: Lab, before: str, after: str) -> dict[str, Any]:
    for at, digest in ((-3600, before), (0, after)):
        lab.log([compiled("local", digest, "cc -o sub/a.o -c src/a.c")], at)
    return lab.json("explain", APP, "src/a.c")


def test_explain_lists_what_differs(lab: Lab) -> None:
    before = lab.action(environment={"LC_ALL": "C", "OLD": "1"})
    inputs = {"a.c": "int a;", "a.h": "two", "n.h": "-> a.h"}
    after = lab.action("/usr/bin/cc -O2 -c a.c", inputs, toolchain="t/2", salt="s")
    data = explained(lab, before, after)
    one, two = (f"{hashlib.sha256(content).hexdigest()}/3" for content in (b"one", b"two"))
    assert data["differences"] == {
        "arguments": [{"change": "added", "argument": "-O2"}],
        "environment": [{"name": "OLD", "change": "removed", "before": "1", "after": None}],
        "platform": [{"name": "chrootRootDigest", "change": "changed", "before": "t/1", "after": "t/2"}],
        "settings": [{"name": "salt", "change": "changed", "before": "quasi-safe", "after": "s"}],
        "outputs": [],
        "inputs": [
            {"name": "a.h", "change": "changed", "before": one, "after": two},
            {"name": "n.h", "change": "added", "before": None, "after": "-> a.h"},
        ],
        "unreadable": [],
    }
    assert (data["last"]["action"], data["previous"]["action"]) == (after, before)
    shown = lab.run("explain", APP, "src/a.c")
    for words in ("  + -O2", "  OLD (removed)", f"    - {one}", f"    + {two}", "In short: first compile in this mode"):
        assert words in shown


def test_explain_skips_compiles_of_the_same_action(lab: Lab) -> None:
    after = lab.action(toolchain="t/2")
    lab.log([compiled("hit", after, "cc -o sub/a.o -c src/a.c")], 7200)
    explained(lab, lab.action(), after)
    assert lab.json("explain", APP, "sub/a.o")["differences"]["platform"]


def test_explain_with_nothing_to_compare(lab: Lab) -> None:
    lab.log([compiled("local", A, "cc -c a.c")])
    data = lab.json("explain", APP, "a.c")
    assert (data["previous"], data["differences"]) == (None, None)
    lab.log([compiled("hit", A, "cc -c a.c")], 60)
    assert "in the logs have the same action: 2." in lab.run("explain", APP, "a.c")
    lab.log([compiled("hit", B, "cc -c a.c")], 90)
    shown = lab.run("explain", APP, "a.c")
    assert f"  action {A}\n  action {B}" in shown and "gone from the CAS" in shown
    lab.log([compiled("hit", "manifest", "cc -c a.c")], 120)
    assert "the manifest answered it" in lab.run("explain", APP, "a.c")


def test_explain_refuses_what_it_cannot_find(lab: Lab) -> None:
    lab.log([compiled("local", A, "cc -o x/some.o -c x/some.c"), compiled("failed", None, "cc -c data.c")])
    assert "Did you mean: x/some.c" in lab.fail("explain", APP, "some.c")
    assert "has no action: failed" in lab.fail("explain", APP, "data.c")
    assert "Compiled were: data.c, x/some.c, x/some.o" in lab.fail("explain", APP, "zzzzzzzz")
    assert "there is no build log of nope.bst" in lab.fail("explain", "nope", "a.c")
    lab.log(["nothing"], 0, LIBRARY)
    assert "recc_mode remote build" in lab.fail("explain", LIBRARY, "a.c")


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
    assert re.search(rf"^{name} +local +0.1 s +never seen *$", lab.run(), re.MULTILINE)
    monkeypatch.setenv("COLUMNS", "80")
    shown = lab.run()
    assert max(map(len, shown.splitlines()[1:])) <= 80
    assert re.search(r"^total +100000 +99999 +100.0 %", shown, re.MULTILINE)


def test_many_misses_are_cut_short(lab: Lab) -> None:
    lab.log([compiled("local", A, f"cc -c f{n}.c") for n in range(50)])
    shown = lab.run()
    assert "and 30 more; --all shows them." in shown and "f49.c" not in shown
    assert "f49.c" in lab.run("--all")
    assert len(lab.json()["elements"][0]["misses"]) == 50


def test_page_is_self_contained_and_escapes_everything(lab: Lab, tmp_path: Path) -> None:
    evil(lab)
    lab.run("--html", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r"https?://|url\(|@import|[\x1b\x07\u202e]", page)
    assert "default-src 'none'" in page
    assert not {"script", "img", "i", "b", "link", "iframe"} & set(re.findall(r"<(\w+)", page))
    assert not re.search(r"<[^>]+ (on\w+|src|href)=", page)
    text = html.unescape(page)
    assert "<script>alert(1)</script>&amp;\"'" in text and "<img src=x onerror=alert(1)>[red]" in text
    assert "never seen" in text and "a check by a configure step" in text


def test_markdown_is_tables_in_which_nothing_of_a_log_means_anything(lab: Lab) -> None:
    sources = ["<i>`x`</i>|*b*_c_[d](e)![f](g)~~h~~.c", *(f"f{n}.c" for n in range(30))]
    named = [f"recc: not cached, hidden input {sources[0]} https://x.example @all read by: 1, first {EVIL}"]
    lab.log([compiled("local", A, f"cc -c '{name}'") for name in sources] + named + [summary(compiles=31, local=31)])
    text = lab.run("--markdown")
    assert "https://" not in text and "f25.c" not in html.unescape(text).replace("\\", "")
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    tags = {"h3", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert set(re.findall(r"</?(\w+)", page)) == tags
    cells = html.unescape(page)
    assert f"<td>{sources[0]}</td>" in cells and f"<td>{sources[0]} https://x.example @all</td>" in cells
    assert ">31</td>" in cells and "and 11 more" in cells and "command" not in cells


# The schema


def test_schema_is_printed_valid_and_documented(lab: Lab) -> None:
    schema = json.loads(lab.run("--schema"))
    jsonschema.Draft202012Validator.check_schema(schema)
    page = (ROOT / "docs/report.md").read_text()
    element, reason = (schema["$defs"][name]["properties"] for name in ("element", "reason"))
    words = [*reason["kind"]["enum"], *element, *element["state"]["enum"]]
    assert [word for word in words if f"`{word}`" not in page] == []
    assert reason["kind"]["enum"] == list(REASONS)
