# Fixtures: one generated project and one BuildStream cache for the whole run.
# SPDX-License-Identifier: Apache-2.0
"""The cache is shared because filling it takes longer than most tests; tests that count start from what they delete.

With pytest-xdist each of its processes has a project and a cache of its own.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from farm import Farm, strays
from harness import ROOT, Project, generate

PRODUCT = ROOT / "{{cookiecutter.project_slug}}"
ARCHITECTURES = ("x86_64", "aarch64")
MODES = ("off", "cache-only", "local", "remote", "verify")
EXAMPLES = sorted(f"examples/{path.name}" for path in (PRODUCT / "elements/examples").glob("*.bst"))
# In the background of a shell without job control, Ctrl-C is ignored by all that is started there.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Minutes each: first, so that no process of pytest-xdist has one left when the others are done.
LONGEST = (
    "rows",
    "trust",
    "builds",
    "farm_faults",
    "adopt",
    "documents",
    "farm",
    "deploy",
    "lock",
    "toolchain",
    "bundle",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is written instead of compared."""
    parser.addoption("--rewrite-plans", action="store_true", help="write tests/plan/expected.txt anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files of tests by how long they take."""
    ranks = {f"test_{name}": rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(LONGEST)))


@contextmanager
def edited(path: Path, text: str) -> Iterator[None]:
    """Give a file (perhaps a new one) another text for a while."""
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


def free_ports() -> int:
    """The first of two ports of loopback that nobody has."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            with suppress(OSError, OverflowError):
                two.bind(("127.0.0.1", port + 1))
                return int(port)


def without_proxies(patcher: pytest.MonkeyPatch) -> None:
    """Let no proxy be between us and loopback."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy"):
        patcher.delenv(name, raising=False)
        patcher.delenv(name.upper(), raising=False)


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy between us and loopback."""
    without_proxies(monkeypatch)


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """A directory for the whole run; removed at its end because it grows to gigabytes."""
    directory = Path(tempfile.mkdtemp(prefix="recc-template-"))
    yield directory
    # Tests kill casd, which then leaves its mounts.
    for point in (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()):
        if Path(point).is_relative_to(directory):
            subprocess.run(["fusermount3", "-u", "-z", point], check=True)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def project(workspace: Path) -> Project:
    """The project as generated from the defaults; nothing is downloaded yet."""
    return Project(generate(workspace), workspace / "cache")


@pytest.fixture(scope="session")
def fetched(project: Project) -> Project:
    """The same project with the sources of all examples downloaded."""
    project.fetch(*EXAMPLES, report=warnings.warn)
    return project


@pytest.fixture(scope="module")
def farm(fetched: Project) -> Iterator[Farm]:
    """A farm that is up, and that the project's configuration names; nothing of it is left in the end."""
    farm = Farm(fetched, fetched.cache / "farm")
    try:
        farm.up()
        farm.configure()
        yield farm
    finally:
        farm.run("down", "--delete", check=False)
        fetched.configure()
        assert strays(farm.data) == []
