# Machines that share compiles through a team's cache: what one has made, or pushes, the other one takes.
# SPDX-License-Identifier: Apache-2.0
"""Servers listen on loopback; 'machine B' has a BuildStream cache of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import cache_load
import psutil
import pytest
from elements import manual
from farm import until
from harness import BIN, Build, Counts, Project
from helpers import free_ports
from servers import nginx
from team import Team, cache, certificates, ended, servers, store, well

from bst_recc.cache.holdings import Holdings
from bst_recc.cache.push import AT_ONCE

ELEMENT = "team.bst"
# Objects of about SIZE bytes each.
SOURCES, SIZE = 5, 150_000

pytestmark = pytest.mark.usefixtures("direct")


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data directory; whatever runs in it is ended after the test."""
    with ended(tmp_path / "data") as directory:
        yield directory


@pytest.fixture
def team(data: Path, tmp_path: Path) -> Team:
    return Team(data, tmp_path, free_ports())


@pytest.fixture(scope="module")
def machine_a(project: Project, workspace: Path) -> Project:
    """A copy of the project with an element of its own, whose dependencies are built and whose compiles are not."""
    directory = workspace / "team" / project.name
    project.fetch("toolchain.bst:components/gcc.bst", "recc.bst:buildsystems/make.bst", report=warnings.warn)
    shutil.copytree(project.path, directory, symlinks=True)
    sources = directory / "files/team"
    sources.mkdir()
    for number in range(SOURCES):
        (sources / f"part{number}.c").write_text(f"char part{number}[{SIZE}] = {{{number + 1}}};\n")
    # The artifact is the objects, to compare.
    (directory / "elements" / ELEMENT).write_text(
        manual("files/team", 'for source in *.c; do gcc -O2 -c "$source"; done')
        + "  install-commands:\n  - mkdir -p '%{install-root}/team' && cp *.o '%{install-root}/team'\n"
    )
    machine = Project(directory, project.cache)
    # A first build of each key, without recc: dependencies, and what the objects must be.
    machine.bst("build", "--deps", "build", ELEMENT, mode="off")
    return machine


@pytest.fixture(scope="module")
def machine_b(machine_a: Project, workspace: Path) -> Project:
    """The same project on a machine that has the toolchain, and no compile."""
    machine = machine_a.on_another_machine(workspace / "cache-b")
    machine.empty_action_cache()
    return machine


@pytest.fixture(scope="module")
def plain(machine_b: Project, machine_a: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The objects of a compile without recc; made on machine A, after machine B was copied."""
    build = machine_a.build(ELEMENT, "off")
    assert build.counts is None or build.counts.compiles == 0
    objects = machine_a.artifact(ELEMENT, tmp_path_factory.mktemp("plain") / "objects", "off")
    assert len(objects) == SOURCES
    return objects


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates(tmp_path_factory.mktemp("certificates"))


def build(machine: Project, configuration: Path | None, mode: str, *, check: bool = True) -> Build:
    """Build the element on a machine that knows no result of a compile; by its own configuration where it has none."""
    machine.configuration = configuration or machine.cache / "buildstream.conf"
    machine.empty_action_cache()
    return machine.build(ELEMENT, mode, check=check)


def hits() -> Counts:
    return Counts(SOURCES, SOURCES, 0, 0)


# While they build


def test_hermetic(team: Team, machine_a: Project, machine_b: Project, plain: dict[str, bytes], tmp_path: Path) -> None:
    """What A compiles, B takes, in remote and cache-only; without the server's data B's hits are gone."""
    conf = team.configuration()
    assert build(machine_a, conf, "remote").counts == Counts(SOURCES, 0, 0, SOURCES)
    assert build(machine_b, conf, "remote").counts == hits()
    assert machine_b.artifact(ELEMENT, tmp_path / "remote", "remote") == plain
    conf = team.configuration(push=False)
    assert build(machine_b, conf, "cache-only").counts == hits()
    team.empty()
    # Nor does this build give it anything, with push: false; the next one finds nothing again.
    for _ in range(2):
        assert build(machine_b, conf, "cache-only").counts == Counts(SOURCES, 0, SOURCES, 0)


def test_quasi_safe(
    team: Team, machine_a: Project, machine_b: Project, plain: dict[str, bytes], tmp_path: Path
) -> None:
    """The same in mode local; and neither mode takes anything from the other's server."""
    conf = team.configuration("quasi-safe")
    assert build(machine_a, conf, "local").counts == Counts(SOURCES, 0, SOURCES, 0)
    assert build(machine_b, conf, "local").counts == hits()
    assert machine_b.artifact(ELEMENT, tmp_path / "local", "local") == plain
    assert not Holdings(team.data / "hermetic").names()
    assert build(machine_b, team.configuration(), "cache-only").counts == Counts(SOURCES, 0, SOURCES, 0)


@pytest.mark.slow
def test_through_nginx(
    team: Team, machine_a: Project, machine_b: Project, plain: dict[str, bytes], tmp_path: Path, secrets: Path
) -> None:
    """A reader builds, with misses and with hits, and stores nothing; the writer's results are for all."""
    with nginx(tmp_path / "nginx", secrets, {8980: [team.place]}) as ports:

        def conf(name: str | None, push: bool) -> Path:
            auth = {"client_key": f"{secrets}/{name}.key", "client_cert": f"{secrets}/{name}.crt"} if name else {}
            return team.configuration(push=push, port=ports[8990], server_cert=f"{secrets}/ca.crt", **auth)

        misses = Counts(SOURCES, 0, 0, SOURCES)
        assert build(machine_b, conf("reader", False), "remote").counts == misses
        pushing = cache("push", "-c", conf("reader", True), status=1, environment=own(machine_b))
        assert "PERMISSION_DENIED" in pushing
        refused = build(machine_b, conf("reader", True), "remote", check=False)
        assert refused.status
        assert "may not write to the action cache: configure push as false" in refused.log
        assert build(machine_a, conf("hermetic", True), "remote").counts == misses
        assert build(machine_b, conf("reader", False), "remote").counts == hits()
        assert machine_b.artifact(ELEMENT, tmp_path / "objects", "remote") == plain
        nobody = build(machine_b, conf(None, False), "remote", check=False)
        assert nobody.status
        assert "a certificate of a client is needed" in nobody.output
        assert "BatchUpdateBlobs HTTP/2.0" in (tmp_path / "nginx/access.log").read_text()


@pytest.mark.slow
def test_quota_and_a_crash_in_a_build(data: Path, machine_b: Project, plain: dict[str, bytes], tmp_path: Path) -> None:
    """A server that holds a part of the objects alone, and is killed once: the build is right all the same."""
    team = Team(data, tmp_path, free_ports(), "--quota", "500K", "--reserved", "0")
    killed: list[psutil.Process] = []

    def kill(line: str) -> None:
        if not killed and re.search(r" START +\S+/team/\S+-build\.\S+\.log", line):
            killed.append(servers(data)[0])
            killed[0].kill()

    machine_b.follow = kill
    try:
        assert build(machine_b, team.configuration(), "remote").counts == Counts(SOURCES, 0, 0, SOURCES)
    finally:
        machine_b.follow = None
    assert killed and killed[0] not in servers(data)
    assert machine_b.artifact(ELEMENT, tmp_path / "objects", "remote") == plain
    stored = Holdings(data / "hermetic").count()
    assert stored["bytes"] < 600_000 < SOURCES * SIZE
    # Results whose objects had to go are misses, which do not harm.
    assert stored["actions"] == SOURCES
    again = build(machine_b, team.configuration(), "remote").counts
    assert again and again.hits + again.remote == again.compiles == SOURCES and again.remote
    assert machine_b.artifact(ELEMENT, tmp_path / "again", "remote") == plain


# What was compiled before


def own(machine: Project) -> dict[str, str]:
    """Variables by which commands work in the BuildStream cache of a machine."""
    return {"XDG_CACHE_HOME": str(machine.cache), "XDG_CONFIG_HOME": str(machine.cache)}


def answered(team: Team, domain: str) -> int:
    """How many lookups a server says that it has answered."""
    return int(json.loads(cache("status", "--data", team.data, "--json"))["domains"][domain]["lookups"]["hits"])


def test_push(team: Team, machine_a: Project, machine_b: Project, plain: dict[str, bytes], tmp_path: Path) -> None:
    """What was compiled before the cache was up answers all compiles elsewhere; what local could write does not."""
    assert build(machine_a, None, "remote").counts == Counts(SOURCES, 0, 0, SOURCES)
    conf = team.configuration()
    said = cache("push", "-c", conf, environment=own(machine_a))
    assert f"{SOURCES} hermetic actions, {SOURCES} of them new, " in said
    assert "Left out" not in said
    assert f" actions, 0 of them new, 0 bytes sent to http://{team.place}" in cache(
        "push", "-c", conf, environment=own(machine_a)
    )
    assert build(machine_b, team.configuration(push=False), "remote").counts == hits()
    assert machine_b.artifact(ELEMENT, tmp_path / "objects", "remote") == plain
    # As many by the second push, and by the build.
    until(lambda: answered(team, "hermetic") >= 2 * SOURCES, 30)

    machine_a.configuration = machine_a.cache / "buildstream.conf"
    assert machine_a.build(ELEMENT, "local").counts == Counts(SOURCES, 0, SOURCES, 0)
    refused = cache("push", "-c", team.configuration(), status=1, environment=own(machine_a))
    assert "elements were built in mode local" in refused and "--trust-local" in refused


def test_push_quasi_safe(
    team: Team, machine_a: Project, machine_b: Project, plain: dict[str, bytes], tmp_path: Path
) -> None:
    """The same in mode local: what they have read goes with them, so that recc is not even asked."""
    assert build(machine_a, None, "local").counts == Counts(SOURCES, 0, SOURCES, 0)
    said = cache("push", "-c", machine_a.configuration, team.place, "--quasi-safe", environment=own(machine_a))
    sent = re.search(r"(\d+) quasi-safe actions, \1 of them new, ", said)
    # Two of them are the manifest; recc is only asked for what takes long.
    assert sent and int(sent[1]) >= 2, said
    warm = build(machine_b, team.configuration("quasi-safe"), "local")
    assert warm.counts == hits()
    assert len(re.findall(r"^recc: compile hit manifest ", warm.log, re.MULTILINE)) == SOURCES
    assert machine_b.artifact(ELEMENT, tmp_path / "objects", "local") == plain


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["server", "client"])
def test_a_push_that_is_interrupted_is_repeated(team: Team, tmp_path: Path, ends: str) -> None:
    here = Holdings(tmp_path / "cache/buildstream")
    for number in range(2500):
        store(here.directory, f"{number}.c", (os.urandom(10_000),))
    variables = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [str(BIN / "bst-recc"), "cache", "push", team.place]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=os.environ | variables) as process:
        there = Holdings(team.data / "hermetic")
        until(there.names)
        if ends == "server":
            servers(team.data)[0].kill()
        else:
            process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert not output
    if ends == "client":
        assert (process.returncode, errors.strip()) == (130, "bst-recc: interrupted.")
    else:
        assert process.returncode == 1
        assert re.match(r"bst-recc: http://\S+: UNAVAILABLE: .*\n  1\. .*\n  2\. Run it again: .*\n$", errors), errors
    until(lambda: well(team.data))
    before = len(there.names())
    assert 0 < before < 2500
    done = re.match(r"2500 hermetic actions, (\d+) of them new, ", cache("push", team.place, environment=variables))
    assert done and 0 < int(done[1]) <= 2500 - before + AT_ONCE
    assert sorted(there.names()) == sorted(here.names())
    assert "2500 hermetic actions, 0 of them new, 0 bytes sent" in cache("push", team.place, environment=variables)


@pytest.mark.parametrize("quota", ["10G", "3M"])
def test_eight_clients_at_once(quota: str) -> None:
    """Where there is no room for all, what is gone is a miss, and nothing else is ever answered."""
    found = cache_load.load(clients=8, actions=40, size=30_000, quota=quota)
    assert found["wrong"] == 0
    assert found["hits"] + found["misses"] == 320
    assert found["MB of memory"] < 200
    if quota == "10G":
        assert found["misses"] == 0
    else:
        assert found["hits"] > 10 and found["misses"] > 200
        assert found["MB held"] < 3
