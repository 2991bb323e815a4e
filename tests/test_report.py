# What bin/recc-report makes of build logs and actions: parsing, sessions, reasons, JSON, HTML, bad input.
# SPDX-License-Identifier: Apache-2.0
"""The fast tests write logs and CAS blobs as BuildStream and recc leave them; the e2e test reads real ones."""

from __future__ import annotations

import copy
import fcntl
import hashlib
import html.parser
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from conftest import PRODUCT
from harness import BIN, ROOT, Project

SCHEMA = json.loads((ROOT / "docs/recc-report.schema.json").read_text())
NOON = datetime(2026, 3, 5, 12, 0, 0).timestamp()
DIRECTORY = "/buildstream/demo/examples/app.bst"
A, B, C = (f"{digit * 64}/100" for digit in "abc")


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, refusing what it does not name: a new field must be documented."""
    strict = copy.deepcopy(schema)

    def close(node: Any) -> None:
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            close(value)
        if isinstance(node, dict) and isinstance(node.get("properties"), dict) and "type" in node:
            node["unevaluatedProperties"] = False

    close(strict)
    # These are parts of others.
    del strict["$defs"]["counts"]["unevaluatedProperties"], strict["$defs"]["compile"]["unevaluatedProperties"]
    return strict


def compiled(
    status: str, digest: str | None, command: str, ms: int = 100, directory: str = DIRECTORY, kind: str = "compile"
) -> str:
    return f"recc: {kind} {status} {digest or '-'} {ms} ms in {directory}: {command}"


def summary(mode: str = "local", uncached: str = "", **counts: int) -> str:
    names = ("compiles", "hits", "local", "remote", "failed", "errors")
    given = " ".join(f"{name}={counts.get(name, 0)}" for name in names)
    hits, number = counts.get("hits", 0), counts.get("compiles", 0)
    rate = f"{100 * hits / number:.1f}%" if number else "-"
    times = f"hit-ms={counts.get('hit_ms', 0)} miss-ms={counts.get('miss_ms', 0)}"
    links = f"links={counts.get('links', 0)} link-hits={counts.get('link_hits', 0)}"
    reasons = f"hidden-input=0 probe=0{uncached and ' ' + uncached}"
    return f"recc: mode={mode} {given} rate={rate} {links} {times} uncached: {reasons}"


class Lab:
    """A project with logs and a CAS that the test writes."""

    def __init__(self, directory: Path) -> None:
        self.project = directory / "demo"
        (self.project / "bin").mkdir(parents=True)
        shutil.copy(PRODUCT / "bin/recc-report", self.project / "bin/recc-report")
        (self.project / "project.conf").write_text("name: demo\nmin-version: 2.6\nelement-path: elements\n")
        for name in ("examples/app.bst", "examples/library.bst", "unbuilt.bst"):
            path = self.project / "elements" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("kind: manual\n")
        self.cache = directory / "cache"
        self.logs = self.cache / "buildstream/logs"
        self.objects = self.cache / "buildstream/cas/objects"

    @property
    def environment(self) -> dict[str, str]:
        keep = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
        home = str(self.cache.parent)
        return keep | {"XDG_CACHE_HOME": str(self.cache), "XDG_CONFIG_HOME": home, "HOME": home, "TERM": "xterm"}

    def run(self, *arguments: str | Path, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [BIN / "python", self.project / "bin/recc-report", *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.environment | environment, cwd=self.cache.parent
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def json(self, *arguments: str | Path) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.run("--json", *arguments).stdout)
        jsonschema.Draft202012Validator(closed(SCHEMA)).validate(data)
        return data

    def fail(self, *arguments: str | Path) -> str:
        """The error of a run that must fail: one line of what is wrong, then numbered remedies."""
        done = self.run(*arguments, status=1)
        first, *remedies = done.stderr.splitlines()
        assert done.stdout == ""
        assert first.startswith("recc-report: ")
        assert [line[:5] for line in remedies] == [f"  {number}. " for number in range(1, len(remedies) + 1)]
        assert remedies
        return done.stderr

    def log(
        self,
        lines: Sequence[str],
        at: float = 0,
        element: str = "examples/app.bst",
        *,
        seconds: int = 10,
        mode: str = "local",
        end: str = "[00:00:10] SUCCESS [12345678] {}: Build\n",
        project: str = "demo",
        action: str = "build",
    ) -> Path:
        """A build log that starts `at` seconds after noon."""
        directory = self.logs / project / element.removesuffix(".bst").replace("/", "-")
        directory.mkdir(parents=True, exist_ok=True)
        start = datetime.fromtimestamp(NOON + at)
        path = directory / f"12345678-{action}.{start:%Y%m%d-%H%M%S}.log"
        head = (
            f"BuildStream 2.8.1 - Thursday, 05-03-2026 at 12:00:00\n[--:--:--] START   [12345678] {element}: Build\n"
            f"[--:--:--] LOG     [12345678] {element}: Build environment for element {element}\n\n"
            f"    PATH: /usr/recc/session:/usr/bin\n    BST_RECC_MODE: {mode}\n+ sh -c -e\n"
        )
        body = "".join(f"{line}\n" for line in lines)
        path.write_bytes((head + body + end.replace("{}", element)).encode(errors="surrogateescape"))
        os.utime(path, (NOON + at + seconds,) * 2)
        return path

    def casd(self, start: float, end: float) -> None:
        """The log of a casd that ran from `start` to `end`."""
        path = self.logs / f"_casd/{NOON + start:.3f}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp = datetime.fromtimestamp(NOON + end).astimezone()
        path.write_text(f"2026 first line\n{stamp:%Y-%m-%dT%H:%M:%S}.000{stamp:%z} [1:2] [INFO] Received signal [15]\n")

    def store(self, message: Any) -> Any:
        """Put a message into the CAS; returns its Digest."""
        data = message.SerializeToString()
        name = hashlib.sha256(data).hexdigest()
        path = self.objects / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return reapi.Digest(hash=name, size_bytes=len(data))

    def tree(self, content: dict[str, Any]) -> Any:
        """Store a directory tree: a dict is a directory, '-> x' a link, other text a file's content."""
        directory = reapi.Directory()
        for name, value in sorted(content.items()):
            if isinstance(value, dict):
                directory.directories.add(name=name, digest=self.tree(value))
            elif value.startswith("-> "):
                directory.symlinks.add(name=name, target=value[3:])
            else:
                digest = reapi.Digest(hash=hashlib.sha256(value.encode()).hexdigest(), size_bytes=len(value))
                directory.files.add(name=name, digest=digest, is_executable="!" in value)
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
        """Store an action; returns hash/size."""
        command = reapi.Command(arguments=arguments.split(), output_paths=[outputs], working_directory=DIRECTORY[1:])
        for name, value in (environment or {"LC_ALL": "C"}).items():
            command.environment_variables.add(name=name, value=value)
        files = {"a.c": "int a;", "a.h": "one"} if inputs is None else inputs
        nested: dict[str, Any] = {"usr": {"include": {"stdio.h": "stdio"}}}
        if "/usr" in files:
            nested["usr"] = files.pop("/usr")
        nested["buildstream"] = {"demo": {"examples": {"app.bst": files}}}
        action = reapi.Action(
            command_digest=self.store(command), input_root_digest=self.tree(nested), salt=salt.encode()
        )
        for name, value in ({"chrootRootDigest": toolchain} | (properties or {})).items():
            action.platform.properties.add(name=name, value=value)
        digest = self.store(action)
        return f"{digest.hash}/{digest.size_bytes}"

    def gone(self, digest: str) -> None:
        (self.objects / digest[:2] / digest.partition("/")[0][2:]).unlink()

    def missed(self, before: str | None, after: str | None, command: str = "cc -c a.c") -> list[dict[str, Any]]:
        """Reasons for the miss of `after`, when `before` was compiled an hour earlier."""
        self.log([compiled("local", before, command), summary(compiles=1, local=1)], -3600)
        self.log([compiled("local", after, command), summary(compiles=1, local=1)])
        (miss,) = self.json()["elements"][0]["misses"]
        reasons: list[dict[str, Any]] = miss["reasons"]
        return reasons


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


# What a log says


def test_counts_come_from_the_summary(lab: Lab) -> None:
    lab.log(
        [
            compiled("hit", A, "cc -O2 -c -o a.o a.c", 40),
            compiled("local", B, "g++ -c b.cpp", 730),
            compiled("hidden-input", None, "gcc -c data.c", 80),
            compiled("not-supported", None, "gcc -c x.S", 30),
            "recc: not cached, hidden input data.bin read by: gcc -c data.c",
            "recc: WARNING: 3 compiles by a compiler whose hidden inputs cannot be seen (a static one?)",
            summary(compiles=36, hits=33, local=2, failed=1, hit_ms=1200, miss_ms=2600, uncached="probe=14 clock=2"),
        ]
    )
    report = lab.json()
    (element,) = report["elements"]
    assert element["element"] == "examples/app.bst"
    assert (element["key"], element["mode"], element["status"]) == ("12345678", "local", "success")
    assert {name: element[name] for name in ("compiles", "hits", "local", "remote", "failed", "errors")} == {
        "compiles": 36,
        "hits": 33,
        "local": 2,
        "remote": 0,
        "failed": 1,
        "errors": 0,
    }
    assert (element["hit_ms"], element["miss_ms"], element["hit_rate"]) == (1200, 2600, 0.9167)
    assert element["not_cached"] == 16
    assert element["uncached"]["clock"] == 2
    assert element["hidden_inputs"] == [{"file": "data.bin", "command": "gcc -c data.c"}]
    assert "a static one?" in element["warnings"][0]
    assert [miss["file"] for miss in element["misses"]] == ["b.cpp"]
    assert report["totals"]["uncached"] == {"probe": 14, "clock": 2}


def test_totals_are_of_all_elements(lab: Lab) -> None:
    lab.log([summary(compiles=3, hits=3, hit_ms=10)])
    lab.log([summary(compiles=1, local=1, miss_ms=7)], 2, "examples/library.bst")
    totals = lab.json()["totals"]
    assert (totals["compiles"], totals["hits"], totals["local"], totals["hit_rate"]) == (4, 3, 1, 0.75)


def test_no_compile_has_no_rate(lab: Lab) -> None:
    lab.log([summary(uncached="no-compile=3")])
    assert lab.json()["elements"][0]["hit_rate"] is None
    assert re.search(r"total .* - ", lab.run().stdout)


def test_the_last_summary_counts(lab: Lab) -> None:
    """Each is about everything so far: compiles listed by both are not counted twice."""
    first = [compiled("hit", A, "cc -c a.c"), summary(compiles=1, hits=1)]
    lab.log(
        [*first, "make: something", first[0], compiled("local", B, "cc -c b.c"), summary(compiles=2, hits=1, local=1)]
    )
    (element,) = lab.json()["elements"]
    assert (element["compiles"], len(element["misses"])) == (2, 1)


def test_verified_compiles_are_no_misses(lab: Lab) -> None:
    lab.log([compiled("verified", A, "cc -c a.c"), summary("verify", compiles=1, local=1, remote=1)], mode="verify")
    (element,) = lab.json()["elements"]
    assert (element["verified"], element["misses"]) == (1, [])


def test_failed_and_error_are_listed(lab: Lab) -> None:
    lab.log(
        [
            compiled("failed", None, "cc -c bad.c"),
            compiled("error", None, "cc -c e.c"),
            compiled("news", None, "cc -c f.c"),
            summary(compiles=3, failed=1, errors=2),
        ],
        end="[00:00:01] FAILURE [12345678] {}: Command failed with exitcode 2\n",
    )
    report = lab.json()
    (element,) = report["elements"]
    assert element["status"] == "failed"
    assert [m["reasons"][0]["kind"] for m in element["misses"]] == ["failed", "error", "error"]
    assert "examples/app.bst: its build failed." in report["notes"]


def test_unknown_lines_are_skipped(lab: Lab) -> None:
    lab.log(
        [
            "recc: the toolchain is not declared",
            "recc: compile",
            "recc: compile hit",
            "recc: compile hit zzz/1 40 ms in /x: cc",
            "recc: mode=",
            "not recc: mode=local compiles=99 hits=99",
            "\udcff\udcfe binary",
            summary(compiles=1, hits=1),
        ]
    )
    assert lab.json()["elements"][0]["compiles"] == 1


@pytest.mark.parametrize(
    ("command", "file", "outputs"),
    [
        ("cc -O2 -c -o a.o a.c", "a.c", ["a.o"]),
        ("cc -c -oout/a.o src/a.c", "src/a.c", ["out/a.o"]),
        ("g++ -c b.cpp", "b.cpp", ["b.o"]),
        ("cc -S a.c", "a.c", ["a.s"]),
        ("cc -c a.c b.c", "a.c b.c", ["a.o", "b.o"]),
        ("cc -c -o 'with space.o' 'with space.c'", "with space.c", ["with space.o"]),
        ("cc -DQUOTE=' -c a.c", "a.c", ["a.o"]),
        ("cc @all.rsp", "cc @all.rsp", []),
        ("cc -c -o x.c.o dir/x.c -MD -MF x.c.o.d", "dir/x.c", ["x.c.o"]),
    ],
)
def test_file_and_outputs_of_a_command(lab: Lab, command: str, file: str, outputs: list[str]) -> None:
    lab.log([compiled("local", A, command), summary(compiles=1, local=1)])
    (miss,) = lab.json()["elements"][0]["misses"]
    assert (miss["file"], miss["outputs"]) == (file, outputs)


# Which logs are the last build


def one(lab: Lab, at: float, element: str = "examples/app.bst", number: int = 1, **more: Any) -> None:
    lab.log([summary(compiles=number, hits=number)], at, element, **more)


def elements(report: dict[str, Any]) -> list[tuple[str, int]]:
    return [(element["element"], element["compiles"]) for element in report["elements"]]


def test_runs_of_casd_tell_builds_apart(lab: Lab) -> None:
    """Two builds a second apart, and a long idle time within one."""
    lab.casd(-100, -1)
    lab.casd(0.5, 500)
    lab.casd(600, 601)  # a bst that built nothing
    one(lab, -20, "examples/library.bst", 1)
    one(lab, 1, number=2)
    one(lab, 400, "examples/library.bst", 3)
    report = lab.json()
    assert elements(report) == [("examples/app.bst", 2), ("examples/library.bst", 3)]
    assert report["session"]["marked_by"] == "casd"
    assert elements(lab.json("--session", "2")) == [("examples/library.bst", 1)]


def test_run_that_starts_in_the_second_of_its_first_log(lab: Lab) -> None:
    lab.casd(-10, 0.2)
    lab.casd(0.6, 9)
    one(lab, -5, number=1)
    one(lab, 0, number=2)
    assert elements(lab.json()) == [("examples/app.bst", 2)]
    assert elements(lab.json("--session", "2")) == [("examples/app.bst", 1)]


def test_other_bst_during_a_build_does_not_split_it(lab: Lab) -> None:
    lab.casd(0, 100)
    lab.casd(20, 21)
    one(lab, 1)
    one(lab, 50, "examples/library.bst")
    assert len(elements(lab.json())) == 2


def test_overlapping_runs_split_where_an_element_is_built_again(lab: Lab) -> None:
    lab.casd(0, 1000)  # a shell that stays open
    lab.casd(10, 30)
    lab.casd(40, 60)
    one(lab, 11, number=1)
    one(lab, 41, number=2)
    assert elements(lab.json()) == [("examples/app.bst", 2)]


def test_retry_in_one_run_counts_once(lab: Lab) -> None:
    lab.casd(0, 100)
    one(lab, 1, "examples/library.bst", number=1)
    one(lab, 2, number=1)
    one(lab, 50, number=5)
    assert elements(lab.json()) == [("examples/app.bst", 5), ("examples/library.bst", 1)]


def test_without_casd_logs_an_idle_gap_splits(lab: Lab) -> None:
    one(lab, -500, "examples/library.bst")
    one(lab, 0, "examples/app.bst")
    one(lab, 40, "examples/library.bst")
    report = lab.json()
    assert len(elements(report)) == 2
    assert report["session"]["marked_by"] == "idle gap"
    assert elements(lab.json("--session", "2")) == [("examples/library.bst", 1)]


def test_without_casd_logs_other_projects_keep_a_build_together(lab: Lab) -> None:
    one(lab, 0)
    one(lab, 10, "toolchain/gcc.bst", project="toolchain", seconds=400)
    one(lab, 300, "examples/library.bst")
    one(lab, 420, "toolchain/gcc.bst", project="toolchain", seconds=400, action="fetch")
    one(lab, 830, "unbuilt.bst")
    assert len(elements(lab.json())) == 3


def test_without_casd_logs_an_element_built_again_splits(lab: Lab) -> None:
    one(lab, 0, number=1)
    one(lab, 12, number=2)
    assert elements(lab.json()) == [("examples/app.bst", 2)]


def test_since(lab: Lab) -> None:
    one(lab, -7200, "examples/library.bst", 1)
    one(lab, -3600, number=2)
    one(lab, 0, number=3)
    assert elements(lab.json("--since", "2026-03-05T10:30")) == [("examples/app.bst", 3)]
    assert elements(lab.json("--since", "2026-03-05")) == [("examples/app.bst", 3), ("examples/library.bst", 1)]
    assert elements(lab.json("--since", "20260305-115959")) == [("examples/app.bst", 3)]
    assert elements(lab.json("--since", "99999d"))[0] == ("examples/app.bst", 3)
    assert "nothing was built since" in lab.fail("--since", "1s")
    assert "is no time" in lab.fail("--since", "yesterday-ish")
    assert "is no time" in lab.fail("--since", "")


def test_session_beyond_the_logs(lab: Lab) -> None:
    one(lab, 0)
    assert "builds that have logs is 1" in lab.fail("--session", "7")
    assert lab.run("--session", "0", status=2).stderr.startswith("usage:")


def test_element_chooses_the_last_build_that_has_it(lab: Lab) -> None:
    one(lab, -3600, "examples/library.bst", 4)
    one(lab, 0, number=2)
    for name in ("examples/library.bst", "examples/library", "examples-library"):
        assert elements(lab.json("--element", name)) == [("examples/library.bst", 4)]
    report = lab.json("--element", "examples/library.bst", "--element", "examples/app.bst")
    assert elements(report) == [("examples/app.bst", 2)]
    assert "examples/library.bst was not built in it" in report["notes"][0]


# Why compiles missed


def test_never_seen(lab: Lab) -> None:
    lab.log([compiled("local", A, "cc -c a.c"), summary(compiles=1, local=1)], -3600, "examples/library.bst")
    lab.log([compiled("local", A, "cc -c other.c"), summary(compiles=1, local=1)], -1800)
    lab.log([compiled("local", A, "cc -c a.c"), summary(compiles=1, local=1)])
    (miss,) = lab.json()["elements"][0]["misses"]
    assert miss["reasons"] == [{"kind": "never-seen", "text": "never seen", "inputs": []}]


def test_same_action_is_not_in_the_cache_any_more(lab: Lab) -> None:
    assert lab.missed(A, A)[0]["text"] == "not in the cache any more"


def test_same_action_further_back(lab: Lab) -> None:
    lab.log([compiled("hit", B, "cc -c a.c"), summary(compiles=1, hits=1)], -7200)
    assert lab.missed(A, B)[0]["kind"] == "not-in-cache"


def test_same_action_that_was_never_stored(lab: Lab) -> None:
    lab.log(
        [compiled("local", A, "cc -c a.c"), summary("cache-only", compiles=1, local=1)], -60 * 60, mode="cache-only"
    )
    lab.log([compiled("remote", A, "cc -c a.c"), summary("remote", compiles=1, remote=1)], mode="remote")
    (miss,) = lab.json()["elements"][0]["misses"]
    assert [reason["kind"] for reason in miss["reasons"]] == ["not-stored"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"toolchain": "t/2"}, "toolchain changed"),
        ({"arguments": "/usr/bin/cc -DX -c a.c"}, "command changed"),
        ({"outputs": "b.o"}, "command changed"),
        ({"environment": {"LC_ALL": "de"}}, "environment changed: LC_ALL"),
        ({"inputs": {"a.c": "int a;", "a.h": "two"}}, "an input changed: a.h"),
        ({"inputs": {"a.c": "int a;"}}, "an input changed: a.h"),
        ({"inputs": {"a.c": "int a;", "a.h": "one", "new.h": ""}}, "an input changed: new.h"),
        ({"inputs": {"a.c": "int a;", "a.h": "-> b.h"}}, "an input changed: a.h"),
        (
            {"inputs": {"a.c": "int a;", "a.h": "one", "/usr": {"include": {"stdio.h": "new"}}}},
            "an input changed: /usr/include/stdio.h",
        ),
        (
            {"inputs": {"a.c": "1", "a.h": "2", "x": "3", "y": "4", "z": "5"}},
            "an input changed: a.c, a.h, x and 2 more",
        ),
        ({"properties": {"OSFamily": "linux"}}, "platform changed: OSFamily"),
        ({"salt": ""}, "first compile in this mode, which keeps its results apart"),
    ],
)
def test_what_changed(lab: Lab, change: dict[str, Any], text: str) -> None:
    (reason,) = lab.missed(lab.action(), lab.action(**change))
    assert reason["text"] == text


def test_several_reasons_weightiest_first(lab: Lab) -> None:
    after = lab.action("/usr/bin/cc -DX -c a.c", {"a.c": "int b;", "a.h": "one"}, toolchain="t/2")
    assert [r["kind"] for r in lab.missed(lab.action(), after)] == ["toolchain", "command", "inputs"]
    assert "toolchain changed; command changed; an input changed: a.c" in lab.run().stdout


def test_compared_with_the_last_compile_of_the_same_mode(lab: Lab) -> None:
    lab.log([compiled("local", lab.action(), "cc -c a.c"), summary(compiles=1, local=1)], -7200)
    other = lab.action(salt="", inputs={"a.c": "x", "a.h": "x"})
    (reason,) = lab.missed(other, lab.action(inputs={"a.c": "int a;", "a.h": "two"}))
    assert reason["text"] == "an input changed: a.h"


def test_blobs_gone(lab: Lab) -> None:
    before, after = lab.action(), lab.action(inputs={"a.c": "changed", "a.h": "one"})
    lab.gone(before)
    (reason,) = lab.missed(before, after)
    assert reason["kind"] == "unknown"
    lab.gone(after)
    assert "unknown (blobs are gone from the CAS)" in lab.run().stdout


def test_blobs_of_the_tree_gone(lab: Lab) -> None:
    """What can still be told is told."""
    before, after = lab.action(), lab.action("/usr/bin/cc -g -c a.c", {"a.c": "changed", "a.h": "one"})
    name = before.partition("/")[0]
    action = reapi.Action.FromString((lab.objects / name[:2] / name[2:]).read_bytes())
    lab.gone(action.input_root_digest.hash)
    assert [reason["kind"] for reason in lab.missed(before, after)] == ["command", "unknown"]


def test_damaged_blob_is_as_good_as_gone(lab: Lab) -> None:
    before, after = lab.action(), lab.action(inputs={"a.c": "changed"})
    name = before.partition("/")[0]
    (lab.objects / name[:2] / name[2:]).write_bytes(b"\xff\xff\xff damaged")
    assert lab.missed(before, after)[0]["kind"] == "unknown"


def test_no_digest_is_unknown(lab: Lab) -> None:
    assert lab.missed(A, None)[0]["kind"] == "unknown"
    assert lab.missed(None, A)[0]["kind"] == "unknown"


def test_no_cas_at_all(lab: Lab) -> None:
    assert lab.missed(A, B)[0]["kind"] == "unknown"


# --explain


def explained(lab: Lab, before: str, after: str, *arguments: str) -> dict[str, Any]:
    lab.log([compiled("local", before, "cc -c -o sub/a.o src/a.c"), summary(compiles=1, local=1)], -3600)
    lab.log([compiled("local", after, "cc -c -o sub/a.o src/a.c"), summary(compiles=1, local=1)])
    return lab.json("--explain", "examples/app.bst", *(arguments or ("src/a.c",)))


def test_explain_lists_what_differs(lab: Lab) -> None:
    before = lab.action(environment={"LC_ALL": "C", "OLD": "1"})
    after = lab.action(
        "/usr/bin/cc -O2 -c a.c", {"a.c": "int a;", "a.h": "two", "n.h": "-> a.h"}, toolchain="t/2", salt="s"
    )
    data = explained(lab, before, after)
    found = data["differences"]
    assert found["arguments"] == [{"change": "added", "argument": "-O2"}]
    assert found["environment"] == [{"name": "OLD", "change": "removed", "before": "1", "after": None}]
    assert found["platform"] == [{"name": "chrootRootDigest", "change": "changed", "before": "t/1", "after": "t/2"}]
    assert found["settings"] == [{"name": "salt", "change": "changed", "before": "quasi-safe", "after": "s"}]
    one, two = (f"{hashlib.sha256(content).hexdigest()}/3" for content in (b"one", b"two"))
    assert found["inputs"] == [
        {"name": "a.h", "change": "changed", "before": one, "after": two},
        {"name": "n.h", "change": "added", "before": None, "after": "-> a.h"},
    ]
    assert found["unreadable"] == []
    assert (data["last"]["action"], data["previous"]["action"]) == (after, before)
    shown = lab.run("--explain", "examples/app.bst", "src/a.c").stdout
    for words in ("+ -O2", "OLD (removed)", one, two, "In short: first compile in this mode"):
        assert words in shown


@pytest.mark.parametrize("name", ["src/a.c", "a.c", "./a.c", "sub/a.o", "a.o"])
def test_explain_finds_source_or_object(lab: Lab, name: str) -> None:
    assert explained(lab, lab.action(), lab.action(toolchain="t/2"), name)["file"] == name


def test_explain_skips_compiles_of_the_same_action(lab: Lab) -> None:
    after = lab.action(toolchain="t/2")
    lab.log([compiled("hit", after, "cc -c -o sub/a.o src/a.c"), summary(compiles=1, hits=1)], 7200)
    assert explained(lab, lab.action(), after)["differences"]["platform"]


def test_explain_with_nothing_to_compare(lab: Lab) -> None:
    lab.log([compiled("local", A, "cc -c a.c"), summary(compiles=1, local=1)])
    data = lab.json("--explain", "examples/app.bst", "a.c")
    assert (data["previous"], data["differences"]) == (None, None)
    assert "the only compile" in lab.run("--explain", "examples/app.bst", "a.c").stdout
    lab.log([compiled("hit", A, "cc -c a.c"), summary(compiles=1, hits=1)], 60)
    assert "All 2 compiles" in lab.run("--explain", "examples/app.bst", "a.c").stdout


def test_explain_when_blobs_are_gone(lab: Lab) -> None:
    data = explained(lab, A, B)
    assert data["differences"]["unreadable"] == [f"action {A}", f"action {B}"]
    assert "gone from the CAS" in data["note"]


def test_explain_refuses_what_it_cannot_find(lab: Lab) -> None:
    lab.log(
        [
            compiled("local", A, "cc -c -o x/same.o x/same.c"),
            compiled("local", B, "cc -c -o y/same.o y/same.c"),
            compiled("hidden-input", None, "cc -c data.c"),
            summary(compiles=2, local=2),
        ]
    )
    assert "Did you mean: x/same.c" in lab.fail("--explain", "examples/app.bst", "x/some.c")
    assert "Say which: x/same.o, y/same.o" in lab.fail("--explain", "examples/app.bst", "same.c")
    assert "has no action: hidden-input" in lab.fail("--explain", "examples/app.bst", "data.c")
    assert "Compiled were:" in lab.fail("--explain", "examples/app.bst", "zzzzzzzz")
    assert "there is no element nope" in lab.fail("--explain", "nope", "a.c")
    lab.log(["nothing"], 0, "examples/library.bst")
    assert "has a compile by recc" in lab.fail("--explain", "examples/library.bst", "a.c")
    assert lab.run("--explain", "a", "b", "--html", "x", status=2).stderr.startswith("usage:")


# Bad input


def test_no_build_yet(lab: Lab) -> None:
    assert "bst build" in lab.fail()
    lab.logs.mkdir(parents=True)
    assert "there is no build log of the project demo" in lab.fail()
    (lab.logs / "demo/examples-app").mkdir(parents=True)
    assert "deleted since" in lab.fail()


def test_logs_of_another_project(lab: Lab) -> None:
    one(lab, 0, project="other")
    assert "It has logs of: other." in lab.fail()


def test_elements_that_do_not_exist_or_were_not_built(lab: Lab) -> None:
    one(lab, 0)
    assert "Did you mean: examples/app.bst" in lab.fail("--element", "examples/ap")
    assert "there is no build log of unbuilt.bst" in lab.fail("--element", "unbuilt.bst")
    assert "belongs to another project" in lab.fail("--element", "toolchain.bst:components/gcc.bst")
    for odd in ("", "..", "/etc/passwd", "a\nb\x1b[31m", "x" * 5000):
        assert "\x1b" not in lab.fail("--element", odd)


def test_off_mode(lab: Lab) -> None:
    lab.log(["cc -c a.c"], mode="off")
    assert "recc_mode off: 1 (examples/app.bst)" in lab.run().stdout
    assert lab.json()["elements"] == []
    report = lab.json("--element", "examples/app.bst")
    assert report["elements"][0]["mode"] == "off"
    assert "it was built with recc_mode off" in report["notes"][0]


def test_opted_out_with_a_reason(lab: Lab) -> None:
    lab.log(["recc: off: objects: random \x1b[31mbytes"], mode="'off: objects: random \x1b[31mbytes'")
    said = lab.run().stdout
    assert "examples/app.bst is built without recc: objects: random" in said
    assert "recc_mode off" not in said and "\x1b" not in said
    assert lab.json("--element", "examples/app.bst")["elements"][0]["mode"] == "off"


def test_links_are_counted_apart(lab: Lab) -> None:
    lines = [
        compiled("hit", A, "cc -c a.c", 5),
        compiled("hit", B, "cc a.o -o one", 7, kind="link"),
        compiled("local", C, "cc a.o -o two", 11, kind="link"),
        compiled("link", None, "cc a.o -o three", 13, kind="link"),
    ]
    whole = summary(compiles=1, hits=1, links=2, link_hits=1, hit_ms=12, miss_ms=11, uncached="link=1")
    for seconds, end in enumerate(([whole], [])):
        lab.log([*lines, *end], seconds)
        (element,) = lab.json()["elements"]
        assert [element[name] for name in ("compiles", "hits", "links", "link_hits", "not_cached")] == [1, 1, 2, 1, 1]
        assert (element["hit_ms"], element["miss_ms"], element["hit_rate"]) == (12, 11, 1)
        assert [(m["kind"], m["outputs"]) for m in element["misses"]] == [("link", ["two"])]
        assert "1 of 2" in lab.run().stdout
    assert lab.json("--explain", "examples/app.bst", "two")["last"]["kind"] == "link"


def test_log_truncated_anywhere(lab: Lab) -> None:
    """Cut anywhere: a report, or a useful answer; counts never exceed those of the whole log."""
    path = lab.log(
        [compiled("hit", A, "cc -c a.c", 5), compiled("local", B, "cc -c b.c", 7), summary(compiles=2, hits=1, local=1)]
    )
    whole = path.read_bytes()
    for size in (*range(0, len(whole), 37), len(whole) - 1):
        path.write_bytes(whole[:size])
        for element in lab.json()["elements"]:
            assert element["compiles"] <= 2
            assert element["complete"] == (b"recc: mode=local" in whole[:size].rpartition(b"\n")[0])


def test_counts_of_a_truncated_log(lab: Lab) -> None:
    lab.log(
        [compiled("hit", A, "cc -c a.c", 5), compiled("local", B, "cc -c b.c", 7)], end="recc: compile hit " + A[:20]
    )
    report = lab.json()
    (element,) = report["elements"]
    assert (element["complete"], element["status"]) == (False, "unfinished")
    assert (element["compiles"], element["hits"], element["local"], element["hit_ms"], element["miss_ms"]) == (
        2,
        1,
        1,
        5,
        7,
    )
    assert "ends before recc's summary" in report["notes"][0]
    assert "examples/app.bst (?)" in lab.run().stdout


def test_log_directory_of_odd_names(lab: Lab) -> None:
    one(lab, 0)
    (lab.logs / "demo/examples-app/12345678-build.20269999-999999.log").write_text("recc: ")
    (lab.logs / "demo/examples-app/12345678-build.log").write_text("recc: ")
    (lab.logs / "demo/examples-app/1-build.20260305-120001.log").mkdir()
    (lab.logs / "demo/stray").write_text("")
    lab.casd(-1, 20)
    (lab.logs / "_casd/nonsense.log").write_text("x")
    (lab.logs / "_casd/nan.log").write_text("x")
    (lab.logs / f"_casd/{NOON + 3000}.log").write_bytes(b"")
    assert "demo" in lab.run().stdout


def test_unwritable_html(lab: Lab, tmp_path: Path) -> None:
    one(lab, 0)
    assert "cannot write" in lab.fail("--html", tmp_path / "missing/report.html")
    assert "cannot write" in lab.fail("--html", tmp_path)


def test_user_configuration_says_where(lab: Lab, tmp_path: Path) -> None:
    one(lab, 0)
    lab.logs.rename(tmp_path / "elsewhere")
    assert "no directory" in lab.fail()
    configuration = tmp_path / "my.conf"
    configuration.write_text("logdir: ${HOME}/elsewhere\n")
    assert lab.json("-c", configuration)["logs"] == str(tmp_path / "elsewhere")
    shutil.copy(configuration, tmp_path / "buildstream.conf")
    assert lab.json()["elements"]
    assert lab.json("--logs", tmp_path / "elsewhere")["elements"]


@pytest.mark.parametrize("content", ["a: [", "- list", "\x00", "logdir: [1]\n"])
def test_bad_user_configuration(lab: Lab, tmp_path: Path, content: str) -> None:
    configuration = tmp_path / "my.conf"
    configuration.write_text(content)
    lab.run("-c", configuration, status=1)
    lab.run("-c", tmp_path / "none.conf", status=1)


def test_outside_a_project(lab: Lab) -> None:
    (lab.project / "project.conf").unlink()
    assert "project.conf" in lab.run(status=1).stderr


def test_missing_python_modules_are_named(lab: Lab) -> None:
    one(lab, 0)
    command: list[str | Path] = [BIN / "python", "-S", "-s", lab.project / "bin/recc-report"]
    done = subprocess.run(command, capture_output=True, text=True, env=lab.environment)
    assert done.returncode == 1
    assert "pip install -r requirements.txt" in done.stderr
    assert "Traceback" not in done.stderr


# The terminal

EVIL = "cc -DX=[bold]b[/bold] -c \x1b[31mred\x07.c <script>alert(1)</script>&amp;\"'\u202e"


def evil(lab: Lab) -> None:
    lab.log(
        [
            compiled("local", A, EVIL, directory="/buildstream/<b>"),
            f"recc: not cached, hidden input <img src=x onerror=alert(1)>[red] read by: {EVIL}",
            "recc: WARNING: [/] <i>\x1b]0;title\x07",
            summary(compiles=1, local=1, uncached="probe=1"),
        ],
        element="examples/app.bst",
    )


@pytest.mark.parametrize("width", [20, 60, 119, 120, 200])
def test_widths(lab: Lab, width: int) -> None:
    evil(lab)
    lab.log([compiled("local", A, f"cc -c {'long/' * 60}x.c"), summary(compiles=100000, hits=99999)], 1, "b.bst")
    for line in lab.run(COLUMNS=str(width)).stdout.splitlines():
        assert len(line) <= width
        assert line == line.rstrip()


def test_pipe_breaks_no_line(lab: Lab) -> None:
    name = f"{'long/' * 60}x.c"
    lab.log([compiled("local", A, f"cc -c {name}"), summary(compiles=1, local=1)])
    shown = lab.run().stdout
    assert re.search(rf"^{name} +local +0.1 s +never seen$", shown, re.MULTILINE)
    assert "\x1b" not in shown


def terminal(lab: Lab, width: int, *arguments: str) -> str:
    """What a terminal of `width` columns shows."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    command: list[str | Path] = [BIN / "python", lab.project / "bin/recc-report", *arguments]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=lab.environment) as process:
        os.close(slave)
        shown = b""
        try:
            while data := os.read(master, 4096):
                shown += data
        except OSError:  # the other end is closed
            pass
        os.close(master)
        assert process.wait() == 0
    return shown.decode()


@pytest.mark.parametrize("width", [60, 200])
def test_terminal(lab: Lab, width: int) -> None:
    evil(lab)
    shown = terminal(lab, width)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= width
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202e]", plain)
    assert "\x1b[31mred" not in shown
    assert "compiles" in plain and "examples/app.bst" in plain


def test_markup_of_logs_is_text(lab: Lab) -> None:
    evil(lab)
    shown = lab.run().stdout
    assert "-DX=[bold]b[/bold]" in shown
    assert "onerror=alert(1)>[red]" in shown
    assert "\\x1b[31mred\\x07.c" in shown
    assert "\\u202e" in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", shown)


def test_other_encodings_and_closed_pipes(lab: Lab) -> None:
    lab.log([compiled("local", A, "cc -c ünï.c"), summary(compiles=1, local=1)])
    assert "\\xfcn" in lab.run(PYTHONIOENCODING="ascii", PYTHONUTF8="0").stdout
    script = f"{BIN}/python {lab.project}/bin/recc-report --json | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=lab.environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_many_misses_are_cut_short(lab: Lab) -> None:
    lab.log([*(compiled("local", A, f"cc -c f{n}.c") for n in range(50)), summary(compiles=50, local=50)])
    shown = lab.run().stdout
    assert "and 30 more (never seen: 30); --all shows them." in shown
    assert "f49.c" not in shown
    assert "f49.c" in lab.run("--all").stdout
    assert len(lab.json()["elements"][0]["misses"]) == 50


def test_thousands_of_misses_take_seconds(lab: Lab) -> None:
    before, after = lab.action(), lab.action(toolchain="t/2")
    for at, digest in ((-7200, B), (-3600, before), (0, after)):
        lines = [compiled("local", digest, f"cc -DV='1 2' -c -o d/f{n}.o f{n}.c") for n in range(3000)]
        lab.log([*lines, summary(compiles=3000, local=3000)], at)
    start = time.monotonic()
    misses = lab.json()["elements"][0]["misses"]
    assert len(misses) == 3000
    assert {miss["reasons"][0]["kind"] for miss in misses} == {"toolchain"}
    assert time.monotonic() - start < 60


def test_help_says_what_a_build_is(lab: Lab) -> None:
    shown = lab.run("--help").stdout
    assert "which logs are 'the last build'" in shown
    assert "casd" in shown


# HTML


class Page(html.parser.HTMLParser):
    """Tags with attributes, and text, of a page; notes tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_html_escapes_everything(lab: Lab, tmp_path: Path) -> None:
    evil(lab)
    lab.run("--html", tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert page.open == []
    assert not {"script", "img", "i", "b", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert all(not name.startswith("on") and name not in ("src", "href") for _, attrs in page.tags for name in attrs)
    words = "".join(page.words)
    assert "<script>alert(1)</script>&amp;\"'\\u202e" in words
    assert "<img src=x onerror=alert(1)>[red]" in words
    assert "\x1b" not in words


def test_html_is_self_contained_and_has_the_bars(lab: Lab, tmp_path: Path) -> None:
    lab.log([summary(compiles=4, hits=3, local=1, uncached="probe=4")])
    lab.log([summary("verify", compiles=2, local=2, remote=2)], 1, "examples/library.bst", mode="verify")
    lab.run("--html", tmp_path / "report.html", "--json")
    text = (tmp_path / "report.html").read_text()
    assert not re.search(r"https?://|url\(|@import", text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    page = Page(text)
    labels = [attrs["aria-label"] for _, attrs in page.tags if attrs.get("role") == "img"]
    assert labels == ["3 hits, 1 local, 4 not cached", "2 remote (or verified)"]
    widths = [float(str(attrs["style"])[7:-1]) for _, attrs in page.tags if "style" in attrs]
    assert widths == [37.5, 12.5, 50, 100]


def test_html_without_rows(lab: Lab, tmp_path: Path) -> None:
    lab.log(["nothing"], mode="off")
    lab.run("--html", tmp_path / "report.html")
    assert "Nothing in this build was compiled by recc" in (tmp_path / "report.html").read_text()


# JSON


def test_json_has_its_version_and_no_terminal_codes(lab: Lab) -> None:
    evil(lab)
    report = lab.json()
    assert (report["schema_version"], report["kind"], report["project"]) == (1, "report", "demo")
    assert report["elements"][0]["misses"][0]["command"] == EVIL


def test_schema_is_valid_and_documented() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    page = (ROOT / "docs/report.md").read_text()
    reasons = SCHEMA["$defs"]["reason"]["properties"]["kind"]["enum"]
    assert [kind for kind in reasons if f"`{kind}`" not in page] == []


def test_schema_refuses_what_is_wrong(lab: Lab) -> None:
    one(lab, 0)
    report = lab.json()
    wrong: list[dict[str, Any]] = [{"schema_version": 2}, {"kind": "x"}, {"totals": {}}, {"news": 1}]
    for change in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(closed(SCHEMA)).validate(report | change)


# Real builds


@pytest.mark.e2e
@pytest.mark.parametrize("mode", ["local", "remote"])
def test_report_of_real_builds(fetched: Project, tmp_path: Path, mode: str) -> None:
    """greeting cold, warm, and after its header changed: counts, the reason, and the two digests of the header."""
    element = "examples/greeting.bst"
    header = fetched.path / "files/greeting/greeting.h"
    original = header.read_text()

    def report(*arguments: str) -> dict[str, Any]:
        command: list[str | Path] = [fetched.path / "bin/recc-report", "--json", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=fetched.environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        data: dict[str, Any] = json.loads(done.stdout)
        jsonschema.Draft202012Validator(closed(SCHEMA)).validate(data)
        return data

    try:
        # A header of its own, so that no other test has compiled it.
        header.write_text(f"{original}/* {os.urandom(8).hex()} */\n")
        before = hashlib.sha256(header.read_bytes()).hexdigest()
        cold = fetched.build(element, mode)
        data = report()
        assert [e["element"] for e in data["elements"]] == [element]
        row = data["elements"][0]
        assert cold.counts is not None and getattr(cold.counts, mode) == row[mode] == row["compiles"] == 2
        assert data["session"]["marked_by"] == "casd"
        assert row["miss_ms"] > 0 and row["hit_rate"] == 0
        assert sorted(m["file"] for m in row["misses"]) == ["greeting.c", "main.cpp"]
        # In local recc is not asked where compiling takes less time.
        actions = [m["action"] for m in row["misses"]]
        assert all(re.fullmatch(r"[0-9a-f]{64}/\d+", a) for a in actions) if mode == "remote" else actions[0] is None

        fetched.build(element, mode)
        (row,) = report()["elements"]
        assert (row["hits"], row["compiles"], row["hit_rate"], row["misses"]) == (2, 2, 1, [])

        header.write_text(f"{original}/* {os.urandom(8).hex()} */\n")
        after = hashlib.sha256(header.read_bytes()).hexdigest()
        fetched.build(element, mode)
        (row,) = report()["elements"]
        assert row[mode] == 2
        for miss in row["misses"]:
            assert [r["text"] for r in miss["reasons"]] == ["an input changed: greeting.h"]

        if mode == "local":
            note = report("--explain", element, "greeting.c")["note"]
            assert note == "It was compiled anew, since this has changed: greeting.h."
            return
        differences = report("--explain", element, "greeting.c")["differences"]
        (change,) = differences.pop("inputs")
        assert change["name"] == "greeting.h"
        assert (change["before"].split("/")[0], change["after"].split("/")[0]) == (before, after)
        assert not any(differences.values())
        assert report("--explain", element, "main.o")["differences"]["inputs"][0]["name"] == "greeting.h"
    finally:
        header.write_text(original)
