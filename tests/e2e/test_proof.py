# BST_RECC_CHECK: hits that are compiled again: right ones, of a poisoned cache, of a toolchain that is overlapped.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from elements import ELEMENT, add
from harness import Build, Counts, Project
from hostile import EVIL, HOSTILE, VICTIM

CHECKED = re.compile(r"^recc: mode=.* checked=(\d+) not-deterministic=(\d+) format=1 ", re.MULTILINE)
# The variable is no part of the key: an element is built again with another value of it.
ALL = "environment: {{BST_RECC_CHECK: '1/1'}}\n"
WITHOUT_MANIFEST = "environment: {{BST_RECC_CHECK: '1/1', BST_RECC_MANIFEST: 'off'}}\n"
# Files beside an object, a message, links, a compile and link in one, a probe.
MAKEFILE = r"""
all:
	gcc -O2 -g -gsplit-dwarf -MD --coverage -frandom-seed=a -Wall -c a.c
	g++ -O2 -c b.cpp
	gcc -c c.S
	echo 'int main(void) { return 0; }' >conftest.c
	gcc conftest.c -o conftest
	gcc a.o c.o -shared --coverage -o lib.so
	gcc -O2 -flto -frandom-seed=a -c a.c -o lto.o
	gcc -O2 -flto -frandom-seed=a -shared lto.o -o lto.so
install:
	mkdir -p $(DESTDIR)/objects
	cp a.o a.d a.dwo a.gcno b.o c.o conftest lib.so lto.so $(DESTDIR)/objects
"""
SOURCES = {
    "a.c": "#include <stdio.h>\nint a(void) { int unused; return puts(__FILE__); }\n",
    "b.cpp": "#include <vector>\nint b() { return std::vector<int>(3).size(); }\n",
    "c.S": "#define N 1\n.data\n.long N\n",
    "Makefile": MAKEFILE,
}


def checked(build: Build) -> tuple[int, int]:
    """How many hits were checked, and how many of them are not deterministic."""
    print(*re.findall(r"^recc: checked hits .*", build.log, re.MULTILINE), sep="\n")
    (counts,) = CHECKED.findall(build.log)
    return int(counts[0]), int(counts[1])


def hits(log: str) -> int:
    """All hits of a build: compiles, links and other commands."""
    (counts,) = re.findall(
        r"^recc: mode=\S+ compiles=\d+ hits=(\d+) .* link-hits=(\d+) .* other-hits=(\d+) ", log, re.M
    )
    return sum(map(int, counts))


@pytest.fixture
def empty(fetched: Project) -> Iterator[Project]:
    """A project whose action cache is empty before and after."""
    fetched.empty_action_cache()
    yield fetched
    fetched.empty_action_cache()


@pytest.mark.parametrize(
    ("mode", "text"), [("local", ALL), ("local", WITHOUT_MANIFEST), ("remote", ALL)], ids=["local", "recc", "remote"]
)
def test_hits_of_a_clean_build(empty: Project, mode: str, text: str, tmp_path: Path) -> None:
    plain = add(empty, "clean.bst", SOURCES)
    empty.build(plain, "off")
    right = empty.artifact(plain, tmp_path / "off", "off")
    add(empty, "clean.bst", SOURCES, ELEMENT + text.replace("1/1", "off"))
    cold = empty.build("clean.bst", mode)
    assert "checked=" not in cold.log and not hits(cold.log)
    key = empty.show("clean.bst", mode=mode, form="%{full-key}", deps="none")
    add(empty, "clean.bst", SOURCES, ELEMENT + text)
    assert empty.show("clean.bst", mode=mode, form="%{full-key}", deps="none") == key
    warm = empty.build("clean.bst", mode)
    assert hits(warm.log) >= 4
    assert checked(warm) == (hits(warm.log), 0)
    assert empty.artifact("clean.bst", tmp_path / "warm", mode) == right
    if mode == "remote":
        assert checked(empty.build("clean.bst", "cache-only")) == (hits(warm.log), 0)


@pytest.mark.parametrize("element", ["greeting.bst", pytest.param("examples/lz4.bst", marks=pytest.mark.slow)])
def test_hits_of_the_examples(empty: Project, element: str) -> None:
    path = empty.path / "elements" / element
    text = path.read_text()
    assert "\nenvironment:" not in text
    try:
        path.write_text(text + ALL.format())
        for mode in ("local", "remote"):
            cold = empty.build(element, mode)
            assert checked(cold) == (hits(cold.log), 0)
            warm = empty.build(element, mode)
            assert warm.counts is not None and warm.counts.hits == warm.counts.compiles > 0
            assert checked(warm) == (hits(warm.log), 0)
    finally:
        path.write_text(text)


def fails(build: Build, says: str) -> None:
    """It has failed of a wrong hit, by verify's message."""
    assert build.status != 0
    assert re.search(rf"^recc: this compile differs from its hit in the cache \({says}\): g?cc ", build.log, re.M)
    assert "\nrecc: 'a.o' differs\n" in build.log
    assert "  1. Toolchain overlapped" in build.log and "  2. Wrong result in the cache" in build.log
    assert checked(build) == (1, 0) and " errors=1 " in build.log


def test_a_poisoned_entry(empty: Project, tmp_path: Path) -> None:
    """Without the check, the wrong object is in the artifact: test_malice.py shows that as well."""
    victim = add(empty, "victim.bst", VICTIM)
    empty.build(add(empty, "hostile.bst", HOSTILE), "local")
    wrong = empty.artifact("hostile.bst", tmp_path / "wrong", "local")
    assert empty.build(victim, "remote").counts == Counts(1, hits=1)
    assert empty.artifact(victim, tmp_path / "victim", "remote") == wrong
    add(empty, "victim.bst", VICTIM, ELEMENT + ALL)
    for mode in ("remote", "cache-only"):
        fails(empty.build(victim, mode, check=False), r"[0-9a-f]{64}/\d+")


def test_a_toolchain_that_is_overlapped(empty: Project) -> None:
    """The hit is the declared compiler's; in the element's sandbox another dependency has replaced its assembler."""
    (empty.path / "elements/evil.bst").write_text(EVIL)
    victim = add(empty, "victim.bst", VICTIM)
    assert empty.build(victim, "remote").counts == Counts(1, remote=1)
    overlapped = ELEMENT.replace("sources:\n", "- evil.bst\nsources:\n", 1)
    add(empty, "victim.bst", VICTIM, overlapped)
    assert empty.build(victim, "remote").counts == Counts(1, hits=1)
    add(empty, "victim.bst", VICTIM, overlapped + ALL)
    fails(empty.build(victim, "remote", check=False), r"[0-9a-f]{64}/\d+")


def test_what_is_not_deterministic(empty: Project) -> None:
    """Link-time optimisation without a seed: it is counted, and said."""
    sources = {"random.c": "int a(void) { return 1; }\n", "Makefile": "all:\n\tgcc -O2 -flto -c random.c\ninstall:\n"}
    element = add(empty, "random.bst", sources, ELEMENT + ALL)
    assert checked(empty.build(element, "remote")) == (0, 0)
    warm = empty.build(element, "remote")
    assert (warm.counts, checked(warm)) == (Counts(1, hits=1), (1, 1))
    assert "\nrecc: checked hits that are not deterministic: 1, first gcc -o random.o -c random.c\n" in warm.log


def test_a_probe_that_meets_a_wrong_hit(empty: Project) -> None:
    """configure takes its failure for an answer: the element fails all the same."""
    makefile = """all:
	gcc -c first.c
	sed -i s/answer/ANSWER/ $$BST_RECC_LOG_DIRECTORY/manifest/objects/*
	echo 'int answer = 42;' >conftest.c
	gcc -c conftest.c || echo no
install:
"""
    element = add(empty, "probe.bst", {"first.c": "int first;\n", "Makefile": makefile}, ELEMENT + ALL)
    assert empty.build(element, "local").status == 0
    failed = empty.build(element, "local", check=False)
    assert failed.status != 0 and "\nno\n" in failed.log, failed.log[-3000:]
    assert "\nrecc: checked hits that are wrong: 1, first gcc -o conftest.o -c conftest.c\n" in failed.log


def test_a_share_that_is_none(empty: Project) -> None:
    element = add(empty, "victim.bst", VICTIM, ELEMENT + ALL.replace("1/1", "1/0"))
    failed = empty.build(element, "local", check=False)
    assert failed.status != 0
    assert "\nrecc: invalid BST_RECC_CHECK: '1/0'.\n  1. Use 1/N, such as 1/200" in failed.log
