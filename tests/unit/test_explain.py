# What bst-recc explain says of a file: which compile is meant, and what has changed since the one before.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from typing import Any

import pytest
from lab import APP, DIRECTORY, LIBRARY, A, B, Lab, compiled

LINE = "cc -o sub/a.o -c src/a.c"


def explained(lab: Lab, before: str | None, after: str | None, file: str = "src/a.c") -> dict[str, Any]:
    """What is said of the second of two compiles."""
    lab.builds([compiled("local", before, LINE)], [compiled("local", after, LINE)])
    return lab.json("explain", file)


def changed(lab: Lab, old: bytes, new: bytes) -> tuple[str, str]:
    """Actions of a compile before and after a.h has changed; both texts are in the CAS."""
    before, after = (lab.action(inputs={"a.c": "int a;", "a.h": text}) for text in (old, new))
    return before, after


# What differs


def test_lists_what_differs(lab: Lab) -> None:
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
    assert (data["last"]["action"], data["previous"]["action"], data["texts"]) == (after, before, [])
    assert data["note"].endswith("command changed: + -O2; environment changed: OLD; a.h changed; n.h is new.")
    shown = lab.run("explain", "src/a.c")
    for words in ("  + -O2", "  OLD (removed)", f"    - {one}", f"    + {two}", f"{APP}: first compile in this mode"):
        assert words in shown


def test_texts_are_shown_as_a_difference(lab: Lab) -> None:
    data = explained(lab, *changed(lab, b"same\nold\x1b[31m\n", b"same\nnew\n"))
    (text,) = data["texts"]
    assert text["name"] == "a.h"
    assert text["diff"].splitlines()[2:] == ["@@ -1,2 +1,2 @@", " same", "-old\x1b[31m", "+new"]
    shown = lab.run("explain", "src/a.c")
    assert "\n--- a.h        2026-03-05 11:00:00\n+++ a.h        2026-03-05 12:00:00\n@@ -1,2 +1,2 @@\n" in shown
    assert "\n-old [31m\n+new\n" in shown and "a.h (changed)" not in shown


@pytest.mark.parametrize("new", [b"\0binary", b"long" * (1 << 19), b"gone"], ids=["binary", "long", "gone"])
def test_what_cannot_be_shown_is_named(lab: Lab, new: bytes) -> None:
    before, after = changed(lab, b"text", new)
    if new == b"gone":
        lab.blob(lab.keep(new)).unlink()
    data = explained(lab, before, after)
    assert (data["texts"], data["note"]) == ([], "a.h changed.")
    assert "\n  a.h (changed)\n" in lab.run("explain", "src/a.c")


def test_a_file_that_is_new_or_gone_is_shown_whole(lab: Lab) -> None:
    new, old = (lab.action(inputs={"a.c": "int a;", **more}) for more in ({"n.h": b"new\n"}, {"o.h": b"old\n"}))
    texts = explained(lab, old, new)["texts"]
    assert [(text["name"], text["diff"].splitlines()[-1]) for text in texts] == [("n.h", "+new"), ("o.h", "-old")]


def test_compiles_of_the_same_action_are_skipped(lab: Lab) -> None:
    """Unless that is what there is to say: a hit of what was made before."""
    old, new = (compiled("local", lab.action(toolchain=name), LINE) for name in ("t/1", "t/2"))
    lab.builds([old], [new], [new])
    data = lab.json("explain", "sub/a.o")
    assert data["differences"]["platform"] and "T10:00" in data["previous"]["start"]
    lab.builds([old], [new], [new.replace(" local ", " hit ")])
    data = lab.json("explain", "sub/a.o")
    assert (data["note"], data["previous"]["start"][10:16]) == ("Unchanged in both builds.", "T11:00")


def test_nothing_to_compare(lab: Lab) -> None:
    lab.log([compiled("local", A, "cc -c a.c")])
    data = lab.json("explain", "a.c")
    assert (data["previous"], data["differences"], data["note"]) == (None, None, "never built here before.")
    lab.log([compiled("hit", A, "cc -c a.c")], 60)
    assert lab.json("explain", "a.c")["note"] == "Unchanged in both builds."
    lab.log([compiled("hit", B, "cc -c a.c")], 90)
    shown = lab.run("explain", "a.c")
    assert f"  action {A}, which is no longer in the CAS\n  action {B}, which" in shown


def test_a_hit_that_is_alone(lab: Lab) -> None:
    lab.log([compiled("hit", A, "cc -c a.c")])
    assert lab.json("explain", "a.c")["note"] == "There is no older log of it."


# What the manifest says

OLD = {"src/a.c": "int a;\n", f"{DIRECTORY}/a.h": "one\n", "/usr/include/stdio.h": "stdio"}


@pytest.mark.parametrize(
    ("now", "note", "diff"),
    [
        (OLD | {f"{DIRECTORY}/a.h": "two\n"}, "a.h changed.", ["-one", "+two"]),
        (OLD | {"src/a.c": "int b;\n"}, "src/a.c changed.", ["-int a;", "+int b;"]),
        (OLD | {"n.h": "new\n"}, "n.h is new.", ["+new"]),
        (OLD, "command changed: other options.", None),
    ],
)
def test_without_actions_the_manifest_tells(lab: Lab, now: dict[str, str], note: str, diff: list[str] | None) -> None:
    line = compiled("local", None, "cc -o a.o -c src/a.c")
    lab.builds([line], [line, lab.manifest(now, OLD)])
    data = lab.json("explain", "a.o")
    assert (data["note"], data["compiles"]) == (note, 1)
    assert [text["diff"].splitlines()[3:] for text in data["texts"]] == ([diff] if diff else [])


def test_a_hit_by_the_manifest(lab: Lab) -> None:
    line, hit = compiled("local", None, "cc -o a.o -c src/a.c"), compiled("hit", "manifest", "cc -o a.o -c src/a.c")
    lab.builds([line], [line, lab.manifest(OLD | {"n.h": "new\n"}, OLD)], [hit])
    data = lab.json("explain", "a.o")
    assert (data["note"], data["differences"], data["previous"]["result"]) == (
        "Unchanged in both builds.",
        None,
        "local",
    )


def test_a_manifest_that_is_gone_or_damaged(lab: Lab) -> None:
    line, manifest = compiled("local", "changed: a.h", "cc -o a.o -c a.c"), lab.manifest(OLD, OLD)
    lab.builds([line], [line, manifest])
    path = lab.blob(manifest.rpartition(" ")[2])
    for damage in (lambda: path.write_bytes(b"\xff\tR\n"), path.unlink):
        damage()
        data = lab.json("explain", "a.c")
        assert (data["note"], data["differences"]) == ("a.h changed.", None)


# Which compile is meant


@pytest.mark.parametrize("name", ["src/a.c", "a.c", "sub/a.o", "a.o", "./a.c"])
def test_a_compile_by_its_source_or_object(lab: Lab, name: str) -> None:
    """As the command has it, or the end of that; the newest one."""
    lab.builds([compiled("local", A, LINE)], [compiled("local", B, LINE), compiled("local", A, "cc -o b.o -c ba.c")])
    data = lab.json("explain", name)
    assert (data["last"]["file"], data["last"]["action"], data["file"]) == ("src/a.c", B, name)


@pytest.mark.parametrize("name", ["a.c", "a.o", "./a.c"])
def test_the_whole_name_comes_before_the_end_of_another(lab: Lab, name: str) -> None:
    lab.log([compiled("local", A, "cc -o a.o -c a.c"), compiled("local", B, LINE)])
    assert lab.json("explain", name)["last"]["file"] == "a.c"


def test_a_name_from_the_build_directory_on(lab: Lab) -> None:
    line = compiled("local", A, "cc -o b.o -c ../b.c").replace(DIRECTORY, f"{DIRECTORY}/_build/x")
    lab.log([line])
    for name in ("_build/b.c", "../b.c", "_build/x/b.o"):
        assert lab.json("explain", name)["last"]["outputs"] == ["b.o"]


def test_the_element_that_is_named(lab: Lab) -> None:
    lab.log([compiled("local", A, LINE)])
    lab.log([compiled("local", B, LINE, element=LIBRARY)], 5, LIBRARY)
    assert lab.json("explain", "a.c")["element"] == LIBRARY
    for name in (APP, "examples/app"):
        assert lab.json("explain", "a.c", "--element", name)["element"] == APP
    assert "there is no build log of nope.bst" in lab.fail("explain", "a.c", "--element", "nope")


def header(lab: Lab) -> None:
    """Two builds; in the second a.h made two compiles anew, one of which has no action, and c.h another."""
    before = lab.action(inputs={"a.c": "int a;", "a.h": b"one\n"})
    after = lab.action(inputs={"a.c": "int b;", "a.h": b"two\n"}, environment={"LC_ALL": "de"})
    lines = [compiled("local", digest, LINE, 1500) for digest in (before, after)]
    other = compiled("local", f"changed: {DIRECTORY}/a.h", "cc -o b.o -c b.c", 2000)
    lab.builds([lines[0], other], [lines[1], other, compiled("local", "changed: c.h", "cc -o c.o -c c.c")])


def test_a_header_that_has_changed(lab: Lab) -> None:
    header(lab)
    data = lab.json("explain", "a.h")
    assert (data["compiles"], data["note"]) == (2, "a.h changed: 2 compiles, 3.5 s.")
    shown = lab.run("explain", "a.h")
    assert shown.startswith(f"{APP}: a.h changed: 2 compiles, 3.5 s.\n")


def test_the_text_of_a_header_that_has_changed(lab: Lab) -> None:
    header(lab)
    data = lab.json("explain", "a.h", "--element", APP)
    assert [one["name"] for one in data["differences"]["inputs"]] == ["a.h"]
    assert not data["differences"]["environment"]
    assert [text["diff"].splitlines()[3:] for text in data["texts"]] == [["-one", "+two"]]


@pytest.mark.parametrize(("name", "other"), [("a.h", "b/a.h"), ("b/a.h", "a.h")])
def test_headers_of_one_name_are_not_one(lab: Lab, name: str, other: str) -> None:
    lines = [compiled("local", f"changed: {h}", f"cc -o {n}.o -c {n}.c") for n, h in enumerate((other, name, other))]
    lab.log(lines)
    assert lab.json("explain", name)["note"] == f"{name} changed: 1 compile, 0.1 s."


def test_a_header_that_changed_before_the_last_build(lab: Lab) -> None:
    """The newest build in which it made anything anew."""
    before, after = (compiled("local", digest, LINE) for digest in changed(lab, b"one\n", b"two\n"))
    lab.builds([before], [after], [after.replace(" local ", " hit ")])
    data = lab.json("explain", "a.h")
    assert (data["note"], data["last"]["start"][11:16]) == ("a.h changed: 1 compile, 0.1 s.", "11:00")


@pytest.mark.parametrize("name", ["a.h", "stdio.h", "/usr/include/stdio.h"])
def test_a_header_that_has_not_changed(lab: Lab, name: str) -> None:
    action = lab.action()
    data = explained(lab, action, action, name)
    shown = "a.h" if name == "a.h" else "/usr/include/stdio.h"
    assert (data["note"], data["differences"]) == (f"{shown} is unchanged in all builds with a log.", None)


def test_a_header_that_only_the_newest_manifest_knows(lab: Lab) -> None:
    """That of the last build that has learnt anything."""
    line = compiled("local", None, "cc -o a.o -c src/a.c")
    hit = line.replace(" local - ", " hit manifest ")
    lab.builds([line, lab.manifest({"src/a.c": "int a;\n"})], [hit, lab.manifest(OLD)], [hit])
    assert lab.json("explain", "stdio.h")["note"].startswith("/usr/include/stdio.h is unchanged")


def test_names_that_no_log_has(lab: Lab) -> None:
    lab.log([compiled("local", A, "cc -o x/some.o -c x/some.c"), compiled("failed", None, "cc -c data.c")])
    assert "Did you mean: x/some.c" in lab.fail("explain", "x/sone.c")
    assert "Compiled files: data.c, x/some.c, x/some.o" in lab.fail("explain", "zzzzzzzz")
    assert lab.json("explain", "data.c")["note"] == "the compile failed."
    lab.log(["nothing"], 0, LIBRARY)
    assert "recc_mode remote build" in lab.fail("explain", "a.c", "--element", LIBRARY)
