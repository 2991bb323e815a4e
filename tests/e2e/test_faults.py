# A team's cache that is slow, silent or gone: what builds do then.
# SPDX-License-Identifier: Apache-2.0
"""docs/manual.md says the same. In every case a build that succeeds has the objects of a plain compile."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from elements import add
from harness import Build, Counts, Project
from helpers import without_proxies
from proxy import Proxy
from servers import casd, port

ELEMENT, FILES = "faults.bst", 8
SOURCES = {f"part{n}.c": f"#include <stdio.h>\nint part{n}(void) {{ return {n} + EOF; }}\n" for n in range(FILES)}
# It lasts for longer than the server is away.
MAKEFILE = """all: {}
\tsleep 3
install:
\tmkdir -p $(DESTDIR)/objects
\tcp *.o $(DESTDIR)/objects
""".format(" ".join(f"part{n}.o" for n in range(FILES)))
QUICK = "retry-limit: 1, retry-delay: 100"
INSTANCES = {"local": "quasi-safe", "cache-only": "hermetic", "remote": "hermetic"}


@pytest.fixture(scope="module")
def machine(project: Project) -> Iterator[Project]:
    """A project with the element, whose dependencies are built."""
    project.fetch("toolchain.bst:components/gcc.bst", "recc.bst:buildsystems/make.bst", report=warnings.warn)
    add(project, ELEMENT, SOURCES | {"Makefile": MAKEFILE})
    with pytest.MonkeyPatch.context() as patcher:
        without_proxies(patcher)
        # 'local' has keys of its own.
        for mode in ("off", "local"):
            project.bst("build", "--deps", "build", ELEMENT, mode=mode)
        yield project
    project.configure()


@pytest.fixture(scope="module")
def plain(machine: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The objects of a compile without recc."""
    machine.configure()
    machine.build(ELEMENT, "off")
    objects = machine.artifact(ELEMENT, tmp_path_factory.mktemp("plain") / "objects", "off")
    assert len(objects) == FILES
    return objects


@pytest.fixture
def network(mode: str, tmp_path: Path) -> Iterator[Proxy]:
    """The way to a server of the mode's domain."""
    number = port()
    options = [f"--local-server-instance={INSTANCES[mode]}", "--shutdown-deadline=1"]
    with casd(tmp_path, *options, bind=f"127.0.0.1:{number}"), Proxy(number) as proxy:
        yield proxy


def build(machine: Project, network: Proxy, mode: str, connection: str = QUICK) -> Build:
    """Build the element on a machine that knows no result of a compile."""
    service = f'url: "{network.url}", instance-name: {INSTANCES[mode]}, connection-config: {{{connection}}}'
    machine.configure(
        f"remote-execution:\n  storage-service: {{{service}}}\n  action-cache-service: {{{service}, push: true}}\n"
    )
    machine.empty_action_cache()
    return machine.build(ELEMENT, mode, check=False)


def errors(done: Build) -> int:
    """Compiles that the summary counts as errors of recc."""
    return int(re.findall(r"^recc: mode=.* errors=(\d+) ", done.log, re.MULTILINE)[-1])


def goes_on_without(machine: Project, plain: dict[str, bytes], mode: str, directory: Path) -> None:
    """Without the profile, the same command builds."""
    machine.configure()
    machine.bst("build", "--retry-failed", ELEMENT, mode=mode)
    assert machine.artifact(ELEMENT, directory, mode) == plain


@pytest.mark.parametrize(("mode", "fault"), [("local", "gone"), ("remote", "silent")])
def test_from_the_start(
    machine: Project, plain: dict[str, bytes], network: Proxy, tmp_path: Path, mode: str, fault: str
) -> None:
    """BuildStream names the address, after as long as the connection's settings say."""
    if fault == "gone":
        network.die()
    else:
        network.silent_at = 0
    done = build(machine, network, mode, QUICK if fault == "gone" else "request-timeout: 2")
    assert done.status
    assert f"Failed to contact remote cache endpoint at ['{network.url}']" in done.output
    assert done.seconds < 15
    goes_on_without(machine, plain, mode, tmp_path / "objects")


@pytest.mark.parametrize("mode", ["cache-only"])
def test_away_for_a_while(machine: Project, plain: dict[str, bytes], network: Proxy, tmp_path: Path, mode: str) -> None:
    """The element goes on: after the first lookup that fails, there is none."""
    network.dies_at, network.away = 7, 1
    done = build(machine, network, mode)
    assert done.status == 0, done.output[-3000:]
    assert machine.artifact(ELEMENT, tmp_path / "objects", mode) == plain
    assert done.counts and done.counts.compiles == done.counts.local + errors(done) == FILES
    assert errors(done)
    assert done.log.count("recc: the cache does not answer; this element goes on without it") == 1


@pytest.mark.parametrize("mode", ["cache-only", "remote"])
def test_dies(machine: Project, plain: dict[str, bytes], network: Proxy, tmp_path: Path, mode: str) -> None:
    """The element fails at its end, in 'remote' at its first compile: none is made elsewhere than it says."""
    network.dies_at = 7
    done = build(machine, network, mode)
    assert done.status
    assert "failed to connect to all addresses" in done.output
    assert done.counts and done.counts.hits == 0
    assert (done.counts.local == 0) == (mode == "remote")
    goes_on_without(machine, plain, mode, tmp_path / "objects")


@pytest.mark.parametrize("mode", ["cache-only"])
def test_falls_silent(machine: Project, network: Proxy, mode: str) -> None:
    """Without request-timeout, the build would never end."""
    network.silent_at = 7
    done = build(machine, network, mode, "request-timeout: 2")
    assert done.status
    assert "Deadline Exceeded" in done.output
    assert errors(done)
    assert done.seconds < 30


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "each"), [("local", 0), ("remote", 3)])
def test_slow(machine: Project, plain: dict[str, bytes], network: Proxy, tmp_path: Path, mode: str, each: int) -> None:
    """Over 50 ms: in 'local' a warm element takes the same few requests, however many compiles it has."""
    machine.configure()
    assert build(machine, network, mode).status == 0
    network.round_trip, before = 0.05, network.requests
    warm = build(machine, network, mode)
    assert warm.counts == Counts(FILES, FILES)
    assert machine.artifact(ELEMENT, tmp_path / "objects", mode) == plain
    assert network.requests - before <= 12 + each * FILES
