# Attacks on the trust that docs/trust.md claims: each statement there has its test here.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from elements import ELEMENT, add
from harness import BIN, ROOT, Build, Counts, Project
from helpers import PROGRAMS, edited
from hostile import EVIL


def test_poison(fetched: Project, tmp_path: Path) -> None:
    """A wrong result, stored through local mode, answers nobody else; verify and the audit find what made it wrong."""
    (fetched.path / "elements/evil.bst").write_text(EVIL)
    sources = {"a.c": "int answer(void) { return 42; }\n"}

    def victim(poisoned: bool, manifest: str = "on") -> str:
        text = ELEMENT.replace("sources:\n", "- evil.bst\nsources:\n", 1) if poisoned else ELEMENT
        return add(fetched, "victim.bst", sources, f"{text}environment: {{{{BST_RECC_MANIFEST: '{manifest}'}}}}\n")

    fetched.build(victim(False), "off")
    right = fetched.artifact("victim.bst", tmp_path / "right", "off")
    # The assembler is part of the key of local, as recc has it and as the manifest has it.
    for manifest in ("off", "on"):
        fetched.empty_action_cache()
        for poisoned in (False, True):
            victim(poisoned, manifest)
            assert fetched.build("victim.bst", "local").counts == Counts(1, local=1), (manifest, poisoned)
    wrong = fetched.artifact("victim.bst", tmp_path / "wrong", "local")
    assert wrong != right
    assert fetched.build("victim.bst", "local").counts == Counts(1, hits=1)
    for mode in ("remote", "cache-only"):
        fetched.build("victim.bst", mode)
        assert fetched.artifact("victim.bst", tmp_path / f"poisoned-{mode}", mode) == right
    failed = fetched.build("victim.bst", "verify", check=False)
    assert failed.status != 0
    assert "recc: 'a.o' differs" in failed.log
    assert "Toolchain overlapped" in failed.log
    audit = subprocess.run(
        [BIN / "bst-recc", "doctor", "victim.bst"],
        cwd=fetched.path,
        env=fetched.environment,
        capture_output=True,
        text=True,
    )
    assert audit.returncode == 1, audit.stderr
    assert "FAIL   victim.bst: evil.bst replaces /usr/bin/x86_64-linux-gnu-as" in audit.stdout
    assert "Toolchain audit: 12 passed, 0 failed" in audit.stdout

    # The clean element takes none of it.
    fetched.empty_action_cache()
    assert fetched.build("victim.bst", "local").counts == Counts(1, local=1)
    victim(False)
    assert fetched.build("victim.bst", "local").counts == Counts(1, local=1)
    for mode in ("local", "cache-only", "remote", "verify"):
        fetched.build("victim.bst", mode)
        assert fetched.artifact("victim.bst", tmp_path / mode, mode) == right, mode


@pytest.mark.slow
def test_audit_of_clang(fetched: Project) -> None:
    """gcc, clang and lld in the toolchain's own sandbox; nothing changes them."""
    audit = subprocess.run(
        [BIN / "bst-recc", "doctor", "--clang", "examples/greeting-clang.bst"],
        cwd=fetched.path,
        env=fetched.environment,
        capture_output=True,
        text=True,
    )
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert "Toolchain audit: 22 passed, 0 failed" in audit.stdout
    assert "LTO by lld" in audit.stdout
    assert "ok     examples/greeting-clang.bst: nothing changes the compiler" in audit.stdout


def gcc_version(project: Project) -> str:
    match = re.search(
        r"name: gcc-(\d+)$", (project.path / "debian-toolchain/locks/x86_64/gcc.yml").read_text(), re.MULTILINE
    )
    assert match
    return match[1]


@contextmanager
def extra_file(project: Project, element: str, path: str, content: str) -> Iterator[None]:
    """Add a file to (or replace it in) an element of the toolchain, for a while."""
    elements = project.path / "debian-toolchain/elements"
    original = element.replace(".bst", "-original.bst")
    with (
        edited(project.path / "debian-toolchain/files/extra" / path, content),
        edited(elements / original, (elements / element).read_text()),
        # Staged after the original, so that its files win.
        edited(
            elements / "extra.bst",
            f"kind: import\ndepends:\n- {original}\nsources:\n- kind: local\n  path: files/extra\n",
        ),
        edited(elements / element, f"kind: stack\ndepends:\n- {original}\n- extra.bst\n"),
    ):
        yield
    shutil.rmtree(project.path / "debian-toolchain/files")


SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("specs", "library", "documentation")]


@pytest.mark.parametrize("kind", ["header", *SLOW])
def test_toolchain_change(fetched: Project, kind: str) -> None:
    path, content = {
        "header": ("usr/include/sysexits.h", "#define EX_OK 1\n"),
        "specs": (f"usr/lib/gcc/x86_64-linux-gnu/{gcc_version(fetched)}/specs", "*cc1:\n+ -fno-common\n\n"),
        "library": ("usr/lib/x86_64-linux-gnu/libextra.so.1", "another library\n"),
        "documentation": ("usr/share/doc/extra/README", "nothing to do with compiles\n"),
    }[kind]
    sources = {"a.c": "#include <sysexits.h>\nint a = EX_OK;\n", "b.c": "int b;\n"}
    element = add(fetched, "keyed.bst", sources)
    for mode in ("local", "remote"):
        fetched.build(element, mode)
        with extra_file(fetched, "components/gcc.bst", path, content):
            assert fetched.build(element, mode).counts == Counts(2, **{mode: 2})
        assert fetched.build(element, mode).counts == Counts(2, hits=2)


def test_tools_are_not_part_of_the_key(fetched: Project) -> None:
    fetched.build("greeting.bst", "remote")
    with extra_file(fetched, "public-stacks/buildsystem-make.bst", "usr/bin/another-tool", "another version\n"):
        assert fetched.build("greeting.bst", "remote").counts == Counts(2, hits=2)


def test_header_of_a_dependency(fetched: Project) -> None:
    header = fetched.path / "files/dependency/usr/include/dependency.h"
    header.parent.mkdir(parents=True)
    header.write_text("#define N 1\n")
    (fetched.path / "elements/dependency.bst").write_text(
        "kind: import\nsources:\n- kind: local\n  path: files/dependency\n"
    )
    sources = {
        "a.c": "#include <dependency.h>\nint a = N;\n",
        "b.c": "#include <dependency.h>\nint b = N;\n",
        "c.c": "int c;\n",
    }
    text = ELEMENT.replace("sources:\n", "- dependency.bst\nsources:\n", 1)
    add(fetched, "dependent.bst", sources, text)
    for mode in ("local", "remote"):
        header.write_text("#define N 1\n")
        assert fetched.build("dependent.bst", mode).counts == Counts(3, **{mode: 3})
        header.write_text("#define N 2\n")
        assert fetched.build("dependent.bst", mode).counts == Counts(3, hits=1, **{mode: 2})


def test_another_element_is_another_directory(fetched: Project) -> None:
    sources = {"a.c": "int a;\n"}
    assert fetched.build(add(fetched, "here.bst", sources), "remote").counts == Counts(1, remote=1)
    assert fetched.build(add(fetched, "there.bst", sources), "remote").counts == Counts(1, remote=1)


def type_the_remedies(project: Project, element: str) -> None:
    """After a failure: what the pages say builds the element; without --retry-failed it is the old failure."""
    path = project.path / "elements" / element
    opted_out = path.read_text() + "environment: {BST_RECC_MODE: 'off: REASON'}\n"
    for page in (ROOT / "docs" / name for name in ("manual.md", "trust.md", "adopt.md")):
        assert "build --retry-failed ELEMENT" in page.read_text(), page
    for mode, content in (("off", path.read_text()), (None, opted_out)):
        with edited(path, content):
            replayed = project.bst("build", element, mode=mode, check=False)
            assert replayed.returncode != 0
            project.bst("build", "--retry-failed", element, mode=mode)
            # The next one is to fail anew.
            project.bst("artifact", "delete", element, mode=mode)
            project.bst("build", element, mode="remote", check=False)


@pytest.mark.parametrize(
    ("missing", "paths", "gap"),
    [
        pytest.param(
            "program",
            ["/usr/bin/as", "/usr/bin/*-linux-gnu-as"],
            r"gcc: C, libc +compile: .*'?as'?",
            marks=pytest.mark.slow,
        ),
        ("header", ["/usr/include/stdlib.h"], r"gcc: C, libc +compile: .*stdlib.h"),
    ],
)
def test_insufficient_toolchain(fetched: Project, missing: str, paths: list[str], gap: str, tmp_path: Path) -> None:
    """A toolchain that lacks what the element's sandbox has, from elsewhere."""
    rules = "".join(f"      - {path}\n" for path in paths)
    name = f"reduced-{missing}"
    (fetched.path / f"debian-toolchain/elements/{name}.bst").write_text(
        """kind: compose
build-depends:
- packages/gcc.bst
- components/gcc-links.bst
config:
  integrate: false
  exclude:
  - missing
  - unused
"""
    )
    packages = fetched.path / "debian-toolchain/elements/packages/gcc.bst"
    text = packages.read_text().replace("      unused:\n", f"      missing:\n{rules}      unused:\n")
    declare = f"- filename: toolchain.bst:{name}.bst\n  config:\n"
    declare += "    digest-environment: RECC_REMOTE_PLATFORM_chrootRootDigest\n"
    use = ELEMENT.replace("- (@): recc.bst:include/gcc-for-recc.yml\n", declare)
    sources = {"a.c": "#include <stdlib.h>\nint a(void) { return abs(-1); }\n"}
    element = add(fetched, f"uses-{name}.bst", sources, use)
    audit = (fetched.path / "recc/elements/toolchain-audit.bst").read_text()
    changed = {"- (@): include/gcc-for-recc.yml\n": declare, "- build": "- recc.bst:build", "path: ": "path: recc/"}
    for old, new in changed.items():
        assert old in audit
        audit = audit.replace(old, new)
    (fetched.path / f"elements/audit-{name}.bst").write_text(audit)

    with edited(packages, text):
        fetched.build(element, "off")
        right = fetched.artifact(element, tmp_path / "right", "off")
        assert fetched.build(element, "local").counts == Counts(1, local=1)
        assert fetched.artifact(element, tmp_path / "local", "local") == right
        for mode in ("remote", "verify"):
            built = fetched.build(element, mode, check=False)
            if missing == "header":
                # It travels with the compile, as an input.
                assert built.status == 0
                assert fetched.artifact(element, tmp_path / mode, mode) == right
            else:
                assert built.status != 0
                assert "recc: this compile " in built.log and "gcc" in built.log
                assert "1. Toolchain insufficient" in built.log
                if mode == "remote":
                    type_the_remedies(fetched, element)
        assert re.search("FAIL +" + gap, fetched.build(f"audit-{name}.bst", "remote", check=False).log)


def test_verify_names_a_difference(fetched: Project) -> None:
    makefile = "all:\n\tgcc -O2 -flto -c random.c\ninstall:\n"
    sources = {"random.c": "int a(void) { return 1; }\n", "Makefile": makefile}
    failed = fetched.build(add(fetched, "random.bst", sources), "verify", check=False)
    assert failed.status != 0
    assert "differs in the toolchain's own sandbox: gcc -o random.o -c random.c" in failed.log
    assert "recc: 'random.o' differs\n" in failed.log
    assert "3. Compile not deterministic" in failed.log
    sources["Makefile"] = makefile.replace("-flto", "-flto -frandom-seed=random.c")
    assert fetched.build(add(fetched, "random.bst", sources), "verify").status == 0


def test_verify_runs_although_there_is_an_artifact(fetched: Project) -> None:
    element = add(fetched, "verified.bst", {"a.c": "int a;\n"})
    fetched.build(element, "remote")
    fetched.bst("build", element, mode="verify")
    log = fetched.bst("artifact", "log", element, mode="verify").stdout
    assert "recc: mode=verify compiles=1 hits=0 local=1 remote=1 failed=0 errors=0" in log


# hello has minutes of probes, and test_builds.py has its objects.
@pytest.mark.parametrize("element", [program for program in PROGRAMS if "examples/hello.bst" not in program.values])
def test_verify_finds_the_examples_right(fetched: Project, element: str) -> None:
    built = fetched.build(element, "verify")
    assert built.counts is not None
    assert built.counts.hits == 0
    assert built.counts.compiles == built.counts.local == built.counts.remote > 0
    assert "errors=0" in built.log


def test_cache_only_reads_and_never_writes(fetched: Project) -> None:
    element = add(fetched, "reader.bst", {"a.c": "int a;\n", "b.c": "int b;\n"})
    for _ in range(2):
        assert fetched.build(element, "cache-only").counts == Counts(2, local=2)
    assert fetched.build(element, "remote").counts == Counts(2, remote=2)
    assert fetched.build(element, "cache-only").counts == Counts(2, hits=2)


def test_failed_compiles_are_not_stored(fetched: Project) -> None:
    """A plugin's or a signal's failure can leave an object: it is not stored either."""
    makefile = "all:\n\t! gcc -c bad.c\n\t! gcc -c bad.c\ninstall:\n"
    sources = {"bad.c": "int bad = nonsense;\n", "Makefile": makefile}
    fetched.empty_action_cache()
    built = fetched.build(add(fetched, "unstored.bst", sources), "local")
    assert built.counts == Counts(2) and "failed=2" in built.log
    assert not [path for path in (fetched.cache / "buildstream/actioncache").rglob("*") if path.is_file()]


KILLED = """
all:
\tg++ -O2 -c slow.cpp & sh killer.sh; wait; ! test -e slow.o
\tg++ -O2 -c slow.cpp; sha256sum slow.o
\trm slow.o; g++ -O2 -c slow.cpp; sha256sum slow.o
install:
"""
KILLER = """while :; do
    for process in /proc/[0-9]*; do
        case $(tr '\\0' ' ' <"$process/cmdline" 2>/dev/null) in
        *' -M '*) ;;
        */cc1plus*) kill -9 "${process#/proc/}" && exit ;;
        esac
    done
done
"""


def test_killed_compiler(fetched: Project) -> None:
    """It fails as without recc, and stores nothing; the next compile is executed, the one after it a hit."""
    sources = {"slow.cpp": "#include <regex>\nstd::regex r(const char *s) { return std::regex(s); }\n"}
    element = add(fetched, "killed.bst", {**sources, "Makefile": KILLED, "killer.sh": KILLER})
    built = fetched.build(element, "local")
    assert built.counts is not None
    assert (built.counts.hits, built.counts.local) == (1, 1)
    assert "failed=1 errors=0" in built.log
    sums = re.findall(r"^(\w{64})  slow.o$", built.log, re.MULTILINE)
    assert len(sums) == 2 and len(set(sums)) == 1


@pytest.mark.slow
def test_killed_casd(fetched: Project) -> None:
    text = (fetched.path / "elements/examples/fribidi.bst").read_text()
    (fetched.path / "elements/killed-casd.bst").write_text(text)
    fetched.build("killed-casd.bst", "off", keep_tree=True)
    objects = fetched.objects("killed-casd.bst", "off")
    built: list[Build] = []
    thread = threading.Thread(target=lambda: built.append(fetched.build("killed-casd.bst", "remote", check=False)))
    thread.start()
    logs = fetched.cache / "buildstream/logs/my-project/killed-casd"
    deadline = time.monotonic() + 120
    while not any("[10/" in path.read_text() for path in sorted(logs.glob("*-build.*.log"))[1:]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed = 0
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if "buildbox-casd" in line and str(fetched.cache) in line:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
    assert killed
    thread.join(timeout=180)
    assert built and built[0].status != 0
    again = fetched.build("killed-casd.bst", "remote", keep_tree=True)
    assert again.counts is not None and again.counts.remote < again.counts.compiles
    assert fetched.objects("killed-casd.bst", "remote") == objects


def test_two_builds_at_once(fetched: Project, tmp_path: Path) -> None:
    """Two bst with one cache, compiling the same files at the same time."""
    number = 20
    add(fetched, "twice.bst", {f"{n}.c": f"#include <stdio.h>\nint f{n} = {n};\n" for n in range(number)})
    fetched.build("twice.bst", "off")
    right = fetched.artifact("twice.bst", tmp_path / "right", "off")
    built: dict[str, Build] = {}

    def build(mode: str) -> None:
        built[mode] = fetched.build("twice.bst", mode, check=False)

    threads = [threading.Thread(target=build, args=(mode,)) for mode in ("local", "remote")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    for mode in ("local", "remote"):
        counts = built[mode].counts
        assert built[mode].status == 0, built[mode].output[-3000:]
        assert counts == Counts(number, **{mode: number})
        assert fetched.artifact("twice.bst", tmp_path / mode, mode) == right
    for mode in ("local", "remote"):
        assert fetched.build("twice.bst", mode).counts == Counts(number, hits=number)
