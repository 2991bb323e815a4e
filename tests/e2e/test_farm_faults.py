# Farms that lose a part in the middle of a build, run out of room, or are given much to do.
# SPDX-License-Identifier: Apache-2.0
"""In every case a build that succeeds has the objects of a plain compile, and one that fails says why."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from farm import LIGHT, Farm, Running, add_element, errors, until
from harness import Counts

pytestmark = pytest.mark.slow

FILES = 12


@pytest.fixture(scope="module")
def plain(farm: Farm, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The objects as the compiler alone makes them: no name of a directory is in them."""
    farm.project.configure()
    element = add_element(farm.project, "plain", FILES)
    farm.project.build(element, "off")
    objects = farm.project.artifact(element, tmp_path_factory.mktemp("plain") / "objects", "off")
    farm.configure()
    assert len(objects) == FILES
    return objects


def begin(farm: Farm, name: str) -> Running:
    """Start a build; return when some of its compiles have begun."""
    element = add_element(farm.project, name, FILES)
    before = farm.started()
    running = Running(farm.project, element)
    until(lambda: not running.is_alive() or farm.started() >= before + 3, 90, "compiles run")
    assert running.is_alive(), running.result().output
    return running


def right(farm: Farm, running: Running, plain: dict[str, bytes], tmp_path: Path) -> Counts:
    """Wait for a build that must succeed with the right objects; return its counts."""
    build = running.result()
    assert build.status == 0, build.output[-3000:]
    assert build.counts
    assert build.counts.compiles == FILES
    assert farm.project.artifact(running.element, tmp_path / running.element, "remote") == plain
    return build.counts


def finish(farm: Farm, running: Running, plain: dict[str, bytes], tmp_path: Path) -> Counts:
    """The same, and the farm must be well again."""
    counts = right(farm, running, plain, tmp_path)
    farm.recovers(90)
    return counts


def absent(seconds: float) -> Callable[[Farm], None]:
    """Kill BuildGrid, and start it only after some time."""

    def fault(farm: Farm) -> None:
        since = time.monotonic()
        farm.kill("buildgrid")
        farm.supervisorctl("stop", "buildgrid")
        # On a busy machine supervisorctl alone takes seconds.
        time.sleep(max(0, since + seconds - time.monotonic()))
        farm.supervisorctl("start", "buildgrid")
        until(farm.listens, 30, "BuildGrid is back")
        print(f"\nBuildGrid was away for {time.monotonic() - since:.0f} s")

    return fault


FAULTS: dict[str, Callable[[Farm], object]] = {
    "worker": lambda farm: farm.kill("worker-1", "buildbox-worker"),
    "worker-of-the-element": lambda farm: farm.kill("elements", "buildbox-worker"),
    "buildgrid-for-5-s": absent(2),
    "buildgrid-for-20-s": absent(17),
    "postgresql-restarted": lambda farm: farm.supervisorctl("restart", "postgresql"),
    "postgresql-killed": lambda farm: farm.kill("postgresql"),
    "casd-of-a-worker": lambda farm: farm.kill("worker-1", "buildbox-casd"),
    "casd-of-the-element": lambda farm: farm.kill("elements", "buildbox-casd"),
    "storage-killed": lambda farm: farm.kill("storage"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_part_is_lost_in_the_middle_of_a_build(
    farm: Farm, plain: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    running = begin(farm, f"lost-{name}")
    start = time.monotonic()
    FAULTS[name](farm)
    counts = finish(farm, running, plain, tmp_path)
    print(f"\n{name}: {time.monotonic() - start:.0f} s to the end of the build, {counts}")


def test_buildgrid_never_comes_back(farm: Farm, plain: dict[str, bytes], tmp_path: Path) -> None:
    running = begin(farm, "never")
    farm.kill("buildgrid")
    farm.supervisorctl("stop", "buildgrid")
    start = time.monotonic()
    build = running.result()
    seconds = time.monotonic() - start
    try:
        assert build.status
        assert f"BuildGrid does not run: {farm.data}/log/buildgrid.log has the reason" in build.output
        print(f"\n{seconds:.0f} s until bst gives up: {errors(build.output)[0]}")
        # To go on without it: leave its configuration away.
        farm.project.configure()
        again = farm.project.build(running.element, "remote")
        assert again.counts == Counts(compiles=FILES, remote=FILES)
        assert farm.project.artifact(running.element, tmp_path / "objects", "remote") == plain
    finally:
        farm.configure()
        farm.supervisorctl("start", "buildgrid")
        farm.recovers()
    assert 15 < seconds < 30


def test_the_storage_is_full_during_a_build(farm: Farm, plain: dict[str, bytes], tmp_path: Path) -> None:
    """It makes room by what was used longest ago, while objects of 10 MB come in."""
    farm.run("down")
    shutil.rmtree(farm.data / "storage")
    try:
        farm.up("--quota", "600M", "--reserved", "1M")
        element = add_element(farm.project, "big-objects", 30, "char a{number}[10 << 20] = {{1, {number}}};\n")
        build = farm.project.build(element, "remote")
        assert build.counts == Counts(compiles=30, remote=30)
        size = sum(path.stat().st_size for path in (farm.data / "storage/cas/objects").rglob("*") if path.is_file())
        assert size < 600e6
        objects = farm.project.artifact(element, tmp_path / "big", "remote")
        assert {len(text) > 10 << 20 for text in objects.values()} == {True}
        # What was thrown away is there again for the next.
        finish(farm, begin(farm, "after-full"), plain, tmp_path)
    finally:
        farm.run("down")
        farm.up()


@contextmanager
def small_disk(farm: Farm) -> Iterator[Path]:
    """A farm whose worker-1 has a disk of its own, and little room."""
    farm.run("down")
    directory = farm.data / "worker-1"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200m", "none", directory], check=True)
    try:
        farm.up("--reserved", "1M")
        yield directory
    finally:
        farm.run("down")
        subprocess.run(["umount", directory], check=True)
        farm.up()


def test_the_disk_of_a_worker_is_full(farm: Farm, plain: dict[str, bytes], tmp_path: Path) -> None:
    """Its jobs are given to others, and it takes none until there is room again."""
    with small_disk(farm) as directory:
        running = begin(farm, "disk-full")
        fill(directory)
        assert right(farm, running, plain, tmp_path) == Counts(compiles=FILES, remote=FILES)
        until(lambda: "disk full" in farm.run("status", check=False).stdout, 60, "the worker is back, and knows")
        jobs = farm.started("worker-1")
        running = begin(farm, "after-disk-full")
        assert right(farm, running, plain, tmp_path) == Counts(compiles=FILES, remote=FILES)
        assert farm.started("worker-1") == jobs
        (directory / "junk").unlink()
        farm.recovers()


def fill(directory: Path) -> None:
    """Leave no room on a disk; 1 GB in about a second."""
    with (directory / "junk").open("ab", buffering=0) as junk, contextlib.suppress(OSError):
        while junk.write(bytes(1 << 20)):
            time.sleep(0.001)


def test_two_clients_with_200_compiles_each(farm: Farm, tmp_path: Path) -> None:
    """Each with a cache of its own; all compiles are done once, and none is lost."""
    number = 200
    first = farm.project
    second = first.on_another_machine(tmp_path / "cache")
    second.configuration.write_text(first.configuration.read_text())
    elements = [add_element(first, f"load-{client}", number, LIGHT) for client in range(2)]
    start = time.monotonic()
    clients = [Running(project, element) for project, element in zip((first, second), elements, strict=True)]
    builds = [client.result(900) for client in clients]
    seconds = time.monotonic() - start
    for client, build in zip(clients, builds, strict=True):
        assert build.status == 0, build.output[-3000:]
        assert build.counts == Counts(compiles=number, remote=number)
        objects = client.project.artifact(client.element, tmp_path / client.element, "remote")
        assert len(objects) == number
        assert len(set(objects.values())) == number
    print(f"\n2 x {number} compiles on the farm in {seconds:.0f} s: {2 * number / seconds:.1f} a second")
