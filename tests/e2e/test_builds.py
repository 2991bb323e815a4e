# Real builds of every example in every mode: paired counts, and the objects of a plain compile.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from harness import MODES, Build, Counts, Project
from helpers import PROGRAMS, edited


def compile_commands(project: Project, element: str, log: str) -> int:
    """How many compiles the build system itself says there are: its compile database, or else what make printed."""
    script = "[ -d _builddir ] || exit 0; cd _builddir; cat compile_commands.json 2>/dev/null || ninja -t compdb"
    database = project.shell(element, f"({script})", "off")
    if database.strip():
        return sum(" -c " in entry["command"] for entry in json.loads(database))
    return len(re.findall(r"^(?:\S+: )?(?:cc|gcc|g\+\+|clang|clang\+\+)(?= ).* -c (?!.*conftest)", log, re.MULTILINE))


# Eight at once are what can go wrong; that one after the other goes right is seen in one program.
ALONE = "examples/lz4.bst"
CASES = [pytest.param(*it.values, 1 if ALONE in it.values else 8, marks=it.marks) for it in PROGRAMS]


@pytest.mark.parametrize(("element", "jobs"), CASES)
def test_counts_and_objects(fetched: Project, element: str, jobs: int, tmp_path: Path) -> None:
    """Cold: N executions, 0 hits; warm: N hits, 0 executions; every object is what a plain compile makes.

    N is the build system's own count.
    """

    def build(mode: str) -> Build:
        return fetched.build(element, mode, keep_tree=True, options=["--max-jobs", str(jobs)])

    plain = build("off")
    assert plain.counts is None
    assert "recc:" not in plain.log.partition("Staging sources")[2]
    objects = fetched.objects(element, "off")
    assert objects
    artifact = fetched.artifact(element, tmp_path / "off", "off")
    number = compile_commands(fetched, element, plain.log)
    assert number >= 2

    for mode in ("local", "remote"):
        fetched.empty_action_cache()
        cold = build(mode)
        assert cold.counts == Counts(number, hits=0, **{mode: number}), "cold"
        assert len(re.findall(rf"^recc: compile {mode} ", cold.log, re.MULTILINE)) == number
        assert fetched.artifact(element, tmp_path / f"{mode}-cold", mode) == artifact, f"{mode}, cold"

        warm = build(mode)
        assert warm.counts == Counts(number, hits=number), "warm"
        source = "manifest" if mode == "local" else r"\w{64}/"
        assert len(re.findall(rf"^recc: compile hit {source}", warm.log, re.MULTILINE)) == number
        assert fetched.objects(element, mode) == objects, f"{mode}, warm"
        assert fetched.artifact(element, tmp_path / f"{mode}-warm", mode) == artifact, f"{mode}, warm"


def test_links(fetched: Project, tmp_path: Path) -> None:
    """With link-time optimisation cold and warm, and what the program is; the other link is left alone."""
    sources = fetched.path / "files/links"
    sources.mkdir()
    (sources / "a.c").write_text("int answer(void);\nint main(void) { return answer(); }\n")
    (sources / "b.c").write_text("int answer(void) { return 42; }\n")
    (sources / "Makefile").write_text(
        """all:
\tfor f in a b; do gcc -flto -frandom-seed=$$f -c $$f.c && gcc -c $$f.c -o plain-$$f.o || exit 1; done
\tgcc -flto=auto a.o b.o -o lto
\tgcc plain-a.o plain-b.o -o plain
install:
\tmkdir -p $(DESTDIR)/usr/bin
\tcp lto plain $(DESTDIR)/usr/bin
"""
    )
    example = (fetched.path / "elements/greeting.bst").read_text()
    (fetched.path / "elements/links.bst").write_text(example.replace("files/greeting", "files/links"))
    fetched.build("links.bst", "off")
    artifact = fetched.artifact("links.bst", tmp_path / "off", "off")
    for mode in ("local", "remote"):
        for when, links in (("cold", (1, 0)), ("warm", (1, 1))):
            built = fetched.build("links.bst", mode)
            assert built.links == links, when
            # In local what is seen of it is enough; elsewhere it is left alone.
            assert f" link={int(mode != 'local')} " in built.log
            assert fetched.artifact("links.bst", tmp_path / mode / when, mode) == artifact, when


def test_without_the_session(fetched: Project, tmp_path: Path) -> None:
    """The wrappers alone on PATH, as others have them: the same artifact, all hits, no lines in the log."""
    element = "greeting.bst"
    fetched.build(element, "remote")
    made = fetched.artifact(element, tmp_path / "session", "remote")
    stored = fetched.cache / "buildstream/actioncache"
    before = sorted(stored.rglob("*"))
    settings = fetched.path / "recc/include/recc.yml"
    with edited(settings, settings.read_text().replace("/usr/recc/session:", "")):
        built = fetched.build(element, "remote")
        assert "recc: " not in built.log and built.counts is None
        assert fetched.artifact(element, tmp_path / "none", "remote") == made
    assert sorted(stored.rglob("*")) == before


def test_clang_and_lld_are_used(fetched: Project, tmp_path: Path) -> None:
    """What they make says so; in cache-only mode they are answered by what 'remote' stored."""
    element = "examples/greeting-clang.bst"
    fetched.build(element, "remote", keep_tree=True)
    said = fetched.shell(element, "strings -a greeting | grep -e 'clang version' -e '^Linker: .*LLD'", "remote")
    assert "clang version" in said and "LLD" in said
    artifact = fetched.artifact(element, tmp_path / "remote", "remote")
    assert fetched.build(element, "cache-only").counts == Counts(2, hits=2)
    assert fetched.artifact(element, tmp_path / "cache-only", "cache-only") == artifact


def test_program_runs(fetched: Project) -> None:
    fetched.bst("build", "greeting.bst", mode="remote")
    output = fetched.bst("shell", "greeting.bst", "--", "greeting", "you", mode="remote").stdout
    assert "Hello, you!" in output


def test_off_works_with_recc_absent_and_no_digest(fetched: Project) -> None:
    """An element that stages compiler and wrapper, but neither recc nor a digest."""
    (fetched.path / "elements/without-recc.bst").write_text(
        """kind: make
build-depends:
- toolchain.bst:public-stacks/buildsystem-make.bst
- without-recc-wrapper.bst
sources:
- kind: local
  path: files/greeting
environment:
  RECC_SERVER: unix:/nowhere
"""
    )
    wrapper = (fetched.path / "recc/elements/buildsystems/recc-wrapper.bst").read_text()
    recc = "runtime-depends:\n- buildsystems/recc-bundle.bst\n"
    assert recc in wrapper
    (fetched.path / "elements/without-recc-wrapper.bst").write_text(
        wrapper.replace(recc, "").replace("path: files/", "path: recc/files/")
    )
    assert fetched.build("without-recc.bst", "off").counts is None
    failed = fetched.build("without-recc.bst", "remote", check=False)
    assert failed.status != 0
    assert "include/gcc-for-recc.yml" in failed.log


def test_wrappers_shadow_every_compiler_and_nothing_else(fetched: Project) -> None:
    element = "greeting.bst"
    fetched.build(element, "remote", keep_tree=True)
    names = fetched.shell(element, "ls /usr/recc/bin", "remote").split()
    assert {"cc", "c++", "gcc", "g++"} <= set(names)
    assert not [name for name in names if "clang" in name or name.endswith(("-ar", "-nm", "-ranlib"))]


def test_failing_build_keeps_its_error_and_has_a_summary(fetched: Project) -> None:
    (fetched.path / "files/broken").mkdir(exist_ok=True)
    (fetched.path / "files/broken/Makefile").write_text("all:\n\tgcc -c good.c\n\tgcc -c bad.c\n")
    (fetched.path / "files/broken/good.c").write_text("int good;\n")
    (fetched.path / "files/broken/bad.c").write_text("int bad = nonsense;\n")
    example = (fetched.path / "elements/greeting.bst").read_text()
    (fetched.path / "elements/broken.bst").write_text(example.replace("files/greeting", "files/broken"))
    for mode in ("local", "remote"):
        for counts in (Counts(2, **{mode: 1}), Counts(2, hits=1)):
            failed = fetched.build("broken.bst", mode, check=False)
            assert failed.status != 0
            assert "nonsense" in failed.log
            assert failed.counts == counts
            assert "failed=1 errors=0" in failed.log


def test_the_error_of_a_failing_build_is_on_the_screen(fetched: Project) -> None:
    """Many compiles before it do not push it out of what bst prints, and after it stands one line of recc's."""
    names = [f"good{number}" for number in range(30)]
    makefile = "all:\n" + "".join(f"\tgcc -c {name}.c\n" for name in names) + "\tgcc -c bad.c\n"
    directory = fetched.path / "files/buried"
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / f"{name}.c").write_text(f"int {name};\n")
    (directory / "bad.c").write_text("int bad = nonsense;\n")
    (directory / "Makefile").write_text(makefile)
    example = (fetched.path / "elements/greeting.bst").read_text()
    (fetched.path / "elements/buried.bst").write_text(example.replace("files/greeting", "files/buried"))
    for mode in ("local", "remote"):
        failed = fetched.build("buried.bst", mode, check=False)
        assert "'nonsense' undeclared" in failed.output
        after = failed.log.rpartition("'nonsense' undeclared")[2]
        assert len(re.findall("^recc: mode=", after, re.MULTILINE)) == 1
        assert len(re.findall("^recc: ", after, re.MULTILINE)) <= 2


def test_modes_of_the_same_trust_share_artifacts(fetched: Project) -> None:
    keys = {mode: fetched.show("greeting.bst", mode=mode, form="%{full-key}", deps="none") for mode in MODES}
    assert keys["off"] == keys["remote"] == keys["cache-only"]
    assert len({keys[mode][0] for mode in ("remote", "local", "verify")}) == 3
