# Fixtures: one generated project and one BuildStream cache for the whole run.
# SPDX-License-Identifier: Apache-2.0
"""The cache is shared because filling it takes longer than most tests; tests that count start from what they delete.

With pytest-xdist each of its processes has a project and a cache of its own; what is downloaded they share.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, browser
from farm import Farm, strays
from harness import EXAMPLES, Project, generate_local, scratch
from helpers import without_proxies
from lab import lab as lab

# In the background of a shell without job control, Ctrl-C is ignored by all that is started there.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Minutes each: first, so that no process of pytest-xdist has one left when the others are done. Of the first three,
# one downloads what nearly all need, and two do without.
LONGEST = (
    "rows",
    "lock",
    "cache",
    "trust",
    "builds",
    "farm_faults",
    "documents",
    "adopt",
    "farm",
    "deploy",
    "toolchain",
    "bundle",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is written instead of compared."""
    parser.addoption("--rewrite-plans", action="store_true", help="write tests/unit/plan/expected.txt anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files of tests by how long they take."""
    ranks = {f"test_{name}": rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem if item.path.parent.name == "e2e" else "", len(LONGEST)))


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy between us and loopback."""
    without_proxies(monkeypatch)


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """A directory for the whole run; removed at its end because it grows to gigabytes."""
    with scratch() as directory:
        yield directory


@pytest.fixture(scope="session")
def project(workspace: Path) -> Project:
    """The project as generated from the defaults; nothing is downloaded yet."""
    return Project(generate_local(workspace), workspace / "cache")


@pytest.fixture(scope="session")
def fetched(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same project with the sources of all examples downloaded: by one process of pytest-xdist, for all."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        project.fetch(*EXAMPLES, report=warnings.warn)
        return project
    shared = tmp_path_factory.getbasetemp().parent / "fetched"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shared.exists():
            shutil.rmtree(project.cache / "buildstream", ignore_errors=True)
            Project(shared / project.name, shared).copy_cache(project.cache)
            shutil.copytree(shared / project.name, project.path, dirs_exist_ok=True, symlinks=True)
        else:
            project.fetch(*EXAMPLES, report=warnings.warn)
            project.copy_cache(shared)
            shutil.copytree(project.path, shared / project.name, symlinks=True)
    return project


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser, for the pages of a file of tests."""
    with browser(tmp_path_factory.mktemp("chromium")) as one:
        yield one


@pytest.fixture(scope="module")
def farm(fetched: Project) -> Iterator[Farm]:
    """A farm that is up, and that the project's configuration names; nothing of it is left in the end."""
    farm = Farm(fetched, fetched.cache / "farm")
    try:
        farm.up()
        farm.configure()
        yield farm
    finally:
        farm.run("down", check=False)
        fetched.configure()
        assert strays(farm.data) == []
        shutil.rmtree(farm.data)
