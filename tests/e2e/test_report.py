# What bst-recc report makes of real builds; tests/unit/test_report.py has everything that needs none.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import time
from typing import Any

import jsonschema
import pytest
from elements import manual
from harness import BIN, ROOT, Project
from helpers import edited

SCHEMA = json.loads((ROOT / "src/bst_recc/report/report.schema.json").read_text())
ELEMENT = "greeting.bst"


def bst_recc(project: Project, *arguments: str, **environment: str) -> dict[str, Any]:
    """The JSON that a command prints in the project."""
    command = [str(BIN / "bst-recc"), *arguments, "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=project.environment | environment, cwd=project.path
    )
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    return data


@pytest.mark.parametrize("mode", ["local", "remote"])
def test_report_of_real_builds(fetched: Project, mode: str) -> None:
    """greeting cold, warm, and after its header changed: counts, the reason, and the two digests of the header."""
    header = fetched.path / "files/greeting/greeting.h"
    # Headers of its own, so that no other test has compiled them.
    first, second = (f"{header.read_text()}/* {os.urandom(8).hex()} */\n" for _ in range(2))
    with edited(header, first):
        cold = fetched.build(ELEMENT, mode)
        data = bst_recc(fetched, "report")
        assert [e["element"] for e in data["elements"]] == [ELEMENT]
        row = data["elements"][0]
        assert cold.counts is not None and getattr(cold.counts, mode) == row[mode] == row["compiles"] == 2
        assert (row["state"], data["session"]["marked_by"]) == ("built", "casd")
        assert row["miss_ms"] > 0 and row["hit_rate"] == 0
        assert sorted(m["file"] for m in row["misses"]) == ["greeting.c", "main.cpp"]
        # In local recc is not asked where compiling takes less time.
        actions = [m["action"] for m in row["misses"]]
        assert all(re.fullmatch(r"[0-9a-f]{64}/\d+", a) for a in actions) if mode == "remote" else actions[0] is None
        assert bst_recc(fetched, "report", TZ="Asia/Tokyo") == data

        fetched.build(ELEMENT, mode)
        (row,) = bst_recc(fetched, "report")["elements"]
        assert (row["hits"], row["compiles"], row["hit_rate"], row["misses"]) == (2, 2, 1, [])

    with edited(header, second):
        fetched.build(ELEMENT, mode)
    (row,) = bst_recc(fetched, "report")["elements"]
    assert row[mode] == 2
    for miss in row["misses"]:
        assert [r["text"] for r in miss["reasons"]] == ["greeting.h changed"]
    report = bst_recc(fetched, "report")
    (cause,) = [cause for cause in report["causes"] if cause["ms"]]
    assert (cause["text"], cause["compiles"], cause["elements"]) == ("greeting.h changed", 2, [ELEMENT])
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (first, second)]
    for name in ("greeting.c", "main.o", "greeting.h"):
        found = bst_recc(fetched, "explain", name)
        (change,) = found["differences"].pop("inputs")
        assert (change["name"], *(change[side].split("/")[0] for side in ("before", "after"))) == (
            "greeting.h",
            *digests,
        )
        assert not any(found["differences"].values())
        removed, added = (text.splitlines()[-1] for text in (first, second))
        assert f"\n-{removed}\n+{added}" in found["texts"][0]["diff"]
    assert found["note"].startswith("greeting.h changed: 2 compiles, ")

    with edited(header, second):
        fetched.build(ELEMENT, mode)
    assert bst_recc(fetched, "explain", "greeting.o")["note"] == "Unchanged in both builds."
    # Both were compiled three builds before, in this mode or, where the file was the same, in another.
    (row,) = bst_recc(fetched, "report")["elements"]
    assert row["saved_from"] == {"recorded": 2, "mean": 0, "unknown": 0}
    assert row["saved_ms"] is not None
    history = bst_recc(fetched, "report", "--history", "--element", ELEMENT)
    assert [build["hits"] for build in history["builds"]][-4:] == [0, 2, 0, 2]


FIRST = manual("files/first", "cc -Inew -Iold -c a.c")


def test_changes_that_the_manifest_tells(fetched: Project) -> None:
    """In local, where recc logs no action: a source that changed, and a header that is found before another."""
    files = fetched.path / "files/first"
    for name in ("old/h.h", "new/other.h"):
        (files / name).parent.mkdir(parents=True)
        (files / name).touch()
    (fetched.path / "elements/first.bst").write_text(FIRST)
    for text in ("int a;", "int b;"):
        (files / "a.c").write_text(f"#include <h.h>\n{text}\n")
        fetched.build("first.bst", "local")
    (cause, *_) = bst_recc(fetched, "report")["causes"]
    assert (cause["kind"], cause["text"]) == ("inputs", "a.c changed")
    assert "-int a;\n+int b;" in bst_recc(fetched, "explain", "a.c")["texts"][0]["diff"]
    (files / "new/h.h").touch()
    fetched.build("first.bst", "local")
    (cause, *_) = bst_recc(fetched, "report")["causes"]
    assert (cause["kind"], cause["text"]) == ("new-inputs", "new/h.h is new")


def test_verdicts(fetched: Project) -> None:
    """Short compiles in sandboxes of this machine cost more than they save; a compiler by its path is not reached."""
    (fetched.path / "files/first/old").mkdir(parents=True, exist_ok=True)
    (fetched.path / "files/first/old/h.h").touch()
    compile = "for n in 1 2 3 4 5 6 7 8 9; do echo int a$n = {}$n';' >a$n.c; cc -c a$n.c; done"
    for _ in range(2):
        text = FIRST.replace("cc -Inew -Iold -c a.c", compile.format(int.from_bytes(os.urandom(3), "big")))
        (fetched.path / "elements/short.bst").write_text(text)
        fetched.build("short.bst", "remote")
    (row,) = bst_recc(fetched, "report")["elements"]
    assert row["verdict"]["kind"] == "costs-more" and row["verdict"]["ms"] > 0
    (fetched.path / "files/first/a.c").write_text("int a;\n")
    (fetched.path / "elements/absolute.bst").write_text(FIRST.replace("- cc", "- /usr/bin/cc"))
    fetched.build("absolute.bst", "remote")
    (row,) = bst_recc(fetched, "report")["elements"]
    assert (row["element"], row["verdict"]["kind"]) == ("absolute.bst", "not-reached")


def test_running_and_interrupted_builds(fetched: Project) -> None:
    """An element that has compiled one file: while bst runs, and after it was told to end."""
    element = fetched.path / "elements/interrupted.bst"
    commands = "config:\n  build-commands:\n  - cc -c greeting.c\n  - sleep 300\n"
    text = (fetched.path / "elements" / ELEMENT).read_text().replace("kind: make", "kind: manual")
    with edited(element, text + commands):
        options = ["-c", str(fetched.configuration), "-o", "recc_mode", "remote"]
        command = [str(BIN / "bst"), *options, "build", element.name]
        with subprocess.Popen(command, cwd=fetched.path, env=fetched.environment, stdin=subprocess.DEVNULL) as bst:
            logs = fetched.cache / "buildstream/logs" / fetched.name / "interrupted"
            deadline = time.monotonic() + 120
            while not any("recc: compile" in path.read_text() for path in logs.glob("*-build.*.log")):
                assert bst.poll() is None and time.monotonic() < deadline
                time.sleep(0.2)
            running = bst_recc(fetched, "report", "--element", element.name)["elements"][0]
            bst.send_signal(signal.SIGTERM)
        ended = bst_recc(fetched, "report", "--element", element.name)["elements"][0]
    assert [(e["state"], e["compiles"], e["complete"]) for e in (running, ended)] == [
        ("running", 1, False),
        ("interrupted", 1, False),
    ]
