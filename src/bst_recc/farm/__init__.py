# A build farm on this machine: BuildGrid, its database and storage, and workers.
# SPDX-License-Identifier: Apache-2.0
"""An element holds its slot until its last compile is done; hence two kinds of workers.

Had a compile to wait for such a slot, as many elements as there are slots would wait for ever. So workers of the
second kind take nothing that may compile in its turn: they do not offer remoteApisSocketPath.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from bst_recc.errors import ReccError
from bst_recc.farm.install import NOT_ROOT, find_postgresql, make_database, make_sysroot, make_venv
from bst_recc.services import Servers, casd, check_free, connects, render, size, tool
from bst_recc.services.commands import Service, commands

PORT, STORAGE_PORT = 8985, 8986
GRACE = 3
"""Seconds that a worker which is told to end gives its jobs."""
ROOM = 256 << 20
"""A worker's disk that has less than this (bytes) left is full: jobs take as much before it is noticed."""


def workers(settings: dict[str, Any]) -> list[str]:
    """Names of all workers, that of elements first."""
    return ["elements", *(f"worker-{number}" for number in range(1, settings["workers"] + 1))]


def prepare(servers: Servers, settings: dict[str, Any]) -> dict[str, list[str]]:
    """Install what is missing; the command of each part, in the order of their start."""
    for program, package in (("bwrap", "bubblewrap"), ("fusermount3", "fuse3"), ("unshare", "util-linux")):
        if not shutil.which(program):
            raise ReccError(f"{program} is not on the PATH.", f"As root: apt-get install {package}")
    for name in ("port", "storage_port"):
        other = "Or stop what uses it; if that is another farm: bst-recc farm down --data ITS_DIRECTORY"
        check_free(f"127.0.0.1:{settings[name]}", f"Name another port: --{name.replace('_', '-')} PORT", other)
    data, run, bgd = servers.data, servers.run, shlex.quote(f"{servers.data}/venv/bin/bgd")
    postgresql = None if settings["database"] else find_postgresql()
    make_venv(data / "venv")
    sysroot = make_sysroot(data)
    for directory in (*workers(settings), "run"):
        (data / directory).mkdir(exist_ok=True)
    # With SQLAlchemy's newest versions a plain postgresql:// is another driver, under which BuildGrid 0.4.4 hears of
    # no finished job.
    queue = settings["database"] or f"postgresql+psycopg2://farm@/postgres?host={run}"
    address, storage = f"127.0.0.1:{settings['port']}", f"127.0.0.1:{settings['storage_port']}"
    (run / "buildgrid.yml").write_text(render("buildgrid.yml.j2", address=address, storage=storage, database=queue))
    programs = {}
    if postgresql:
        # What is lost in a crash is a queue whose clients ask again.
        options = ["--listen_addresses=", "--synchronous_commit=off", "--max_connections=200"]
        database = make_database(data, postgresql)
        programs["postgresql"] = [*NOT_ROOT, f"{postgresql}/postgres", "-D", str(database), "-k", str(run), *options]
    programs["storage"] = casd(storage, settings, "--cache-failures=false", str(data / "storage"))
    # Fails while the database is not ready; then this is tried again. Once is enough: a restart is to be quick.
    migrate = f"([ -e migrated ] || {bgd} migrate apply {shlex.quote(queue)} && touch migrated)"
    script = f"cd {shlex.quote(str(run))} && {migrate} && exec {bgd} server start buildgrid.yml"
    programs["buildgrid"] = ["sh", "-c", script]
    programs["stand-in"] = [sys.executable, "-m", "bst_recc.farm.launch", str(data), address]
    # What recc asks for in an element's sandbox goes through its worker's buildbox-casd.
    remotes = [f"--cas-remote=http://{storage}", f"--ac-remote=http://{storage}", f"--exec-remote=http://{address}"]
    for worker in workers(settings):
        bind, quota = f"unix:{run}/{worker}.sock", settings | {"quota": settings["worker_quota"]}
        both = (
            casd(bind, quota, *remotes, "--retry-limit=7", str(data / worker / "cas")),
            worker_command(servers, settings, sysroot, worker),
        )
        programs[worker] = [*programs["stand-in"], worker, *map(shlex.join, both)]
    return programs


def worker_command(servers: Servers, settings: dict[str, Any], root: Path, worker: str) -> list[str]:
    """The command of a worker."""
    # A program of another suite than this machine's, perhaps: with its own loader and libraries.
    loader = next(root.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*"))
    total = shutil.disk_usage(servers.data / worker).total
    element = worker == "elements"
    properties = ["OSFamily=linux", f"ISA={platform.machine().replace('x86_64', 'x86-64')}"]
    # Where the sandbox of an element has its socket: include/recc.yml's, without the '/'.
    properties += ["remoteApisSocketPath=tmp/casd.sock"] if element else []
    return [
        *(str(loader), "--library-path", str(loader.parent), f"{root}/usr/bin/buildbox-worker"),
        *("--bots-remote", f"http://127.0.0.1:{settings['port']}", "--cas-remote", f"unix:{servers.run}/{worker}.sock"),
        *("--buildbox-run", str(tool("buildbox-run")), "--log-level", "info"),
        *("--concurrent-jobs", str(settings["elements" if element else "jobs"])),
        *(word for text in properties for word in ("--platform", text)),
        *("--max-wait-time", "10", "--bots-retry-limit", "8", "--graceful-shutdown-timeout", str(GRACE)),
        # Until its casd has made room again, jobs would fail there.
        *("--disk-usage-health-check", f"{servers.data / worker}:{max(1, 100 * (total - ROOM) // total)}%"),
        f"{worker}@{socket.gethostname()}",
    ]


def health(servers: Servers, settings: dict[str, Any]) -> dict[str, tuple[bool, str]]:
    """Whether BuildGrid knows each worker, and what it has to do."""
    found: dict[str, Any] = {}
    address = f"127.0.0.1:{settings['port']}"
    if connects(address):
        command = [f"{servers.data}/venv/bin/python", str(Path(__file__).with_name("workers.py")), f"http://{address}"]
        # No proxy is to be between them.
        environment = os.environ | {"no_grpc_proxy": "127.0.0.1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        found = json.loads(done.stdout) if done.returncode == 0 else {}
    states = {}
    for name in workers(settings):
        jobs, well = found.get(f"{name}@{socket.gethostname()}", (None, False))
        load = f"{jobs} jobs" if well else "takes no jobs: disk full"
        states[name] = (well, "not registered" if jobs is None else load)
    return states


def report(servers: Servers, settings: dict[str, Any]) -> None:
    """Print how to build on it."""
    retries = {"connection-config": {"retry-limit": 6}}
    execution = {"url": f"http://127.0.0.1:{settings['port']}", **retries}
    storage = {"url": f"http://127.0.0.1:{settings['storage_port']}", **retries}
    services = {"execution-service": execution, "storage-service": storage, "action-cache-service": storage}
    click.echo(
        f"{settings['elements']} elements at once, "
        f"{settings['workers']} workers for compiles, {settings['jobs']} at once on each."
    )
    if (settings["port"], settings["storage_port"]) == (PORT, STORAGE_PORT):
        click.echo("Build on it: bst -c conf/farm.conf --option recc_mode remote build ELEMENT")
    click.echo(f"Or add one line to your own user configuration:\nremote-execution: {json.dumps(services)}")


COUNT, TCP = click.IntRange(1, 9999), click.IntRange(1024, 65535)
command = commands(
    Service(
        name="farm",
        options=(
            ("--workers", COUNT, 2, "Workers for compiles."),
            ("--jobs", COUNT, max(1, (os.cpu_count() or 1) // 2), "Compiles of each at once."),
            ("--elements", COUNT, 2, "Elements built at once."),
            ("--port", TCP, PORT, "Of BuildGrid."),
            ("--storage-port", TCP, STORAGE_PORT, "Of blobs and results."),
            ("--quota", size, "50G", "Of the storage."),
            ("--worker-quota", size, "10G", "Of each worker."),
            ("--reserved", size, "2G", "Left free on the disk."),
            ("--database", str, "", "URL of a PostgreSQL server that runs already, instead of its own."),
        ),
        prepare=prepare,
        health=health,
        report=report,
        start_seconds=90,
        stop_seconds=40,
        kept="*",
    ),
    """Build elements and their compiles on a farm, on this machine and for it alone: BuildGrid with workers.

    Example: bst-recc farm up --workers 4
    """,
)
