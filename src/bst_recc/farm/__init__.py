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

from bst_recc.farm.install import make_database, make_sysroot, make_venv
from bst_recc.project import find_tool
from bst_recc.services import Service, casd, commands, connects, render, size

GRACE = 3
"""Seconds that a worker which is told to end gives its jobs."""
ROOM = 256 << 20
"""A worker's disk that has less than this (bytes) left is full: jobs take as much before it is noticed."""
COUNT = click.IntRange(1, 9999)


class Farm(Service):
    """Run a farm on this machine, for this machine: BuildGrid with build workers and compile workers.

    Example: bst-recc farm up --workers 4
    """

    name, start_seconds, stop_seconds = "farm", 90, 40
    options = (
        ("--port", click.IntRange(1024, 65534), 8985, "Port of BuildGrid; the next one is the storage."),
        ("--workers", COUNT, 2, "Compile workers."),
        ("--jobs", COUNT, max(1, (os.cpu_count() or 1) // 2), "Compiles at once in each compile worker."),
        ("--elements", COUNT, 2, "Build workers: elements at once."),
        ("--quota", size, "50G", "Size of the storage; each worker keeps up to 10G more."),
        ("--reserved", size, "2G", "Free disk space to keep."),
    )

    @property
    def workers(self) -> list[str]:
        """Names of all workers, that of elements first."""
        return ["elements", *(f"worker-{number}" for number in range(1, self.settings["workers"] + 1))]

    @property
    def addresses(self) -> dict[str, str]:
        """Where BuildGrid, and blobs and results, are."""
        port = self.settings["port"]
        return {"buildgrid": f"127.0.0.1:{port}", "storage": f"127.0.0.1:{port + 1}"}

    def prepare(self) -> dict[str, list[str]]:
        """Install what is missing; the command of each part, in the order of their start."""
        self.check_free()
        buildgrid, storage = self.addresses.values()
        postgresql = make_database(self.run)
        make_venv(self.data / "venv")
        sysroot = make_sysroot(self.data)
        # With SQLAlchemy's newest versions a plain postgresql:// is another driver, under which BuildGrid 0.4.4 hears
        # of no finished job.
        queue = f"postgresql+psycopg2://farm@/postgres?host={self.run}"
        text = render("buildgrid.yml.j2", address=buildgrid, storage=storage, database=queue)
        (self.run / "buildgrid.yml").write_text(text)
        # Fails while the database is not ready; then this is tried again. Once is enough: a restart is to be quick.
        bgd, database = shlex.quote(f"{self.data}/venv/bin/bgd"), shlex.quote(queue)
        migrate = f"([ -e migrated ] || {bgd} migrate apply {database} && touch migrated)"
        script = f"cd {shlex.quote(str(self.run))} && {migrate} && exec {bgd} server start buildgrid.yml"
        stand_in = [sys.executable, "-m", "bst_recc.farm.launch", str(self.data), buildgrid]
        return {
            "postgresql": postgresql,
            "storage": casd(storage, self.data / "storage", self.settings, "--cache-failures=false"),
            "buildgrid": ["sh", "-c", script],
            "stand-in": stand_in,
            **{worker: [*stand_in, worker, *self.worker_commands(worker, sysroot)] for worker in self.workers},
        }

    def worker_commands(self, worker: str, root: Path) -> tuple[str, str]:
        """The commands of a worker's buildbox-casd, and of the worker itself."""
        directory, address = self.data / worker, f"unix:{self.run}/{worker}.sock"
        directory.mkdir(exist_ok=True)
        buildgrid, storage = (f"http://{one}" for one in self.addresses.values())
        # What recc asks for in an element's sandbox goes through its worker's buildbox-casd.
        remotes = (f"--cas-remote={storage}", f"--ac-remote={storage}", f"--exec-remote={buildgrid}", "--retry-limit=7")
        own = casd(address, directory / "cas", self.settings | {"quota": "10G"}, *remotes)
        # A program of another suite than this machine's, perhaps: with its own loader and libraries.
        loader = next(root.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*"))
        total = shutil.disk_usage(directory).total
        element = worker == "elements"
        properties = ["OSFamily=linux", f"ISA={platform.machine().replace('x86_64', 'x86-64')}"]
        # Where the sandbox of an element has its socket: include/recc.yml's, without the '/'.
        properties += ["remoteApisSocketPath=tmp/casd.sock"] if element else []
        command = [
            *(str(loader), "--library-path", str(loader.parent), f"{root}/usr/bin/buildbox-worker"),
            *("--bots-remote", buildgrid, "--cas-remote", address),
            *("--buildbox-run", str(find_tool("buildbox-run")), "--log-level", "info"),
            *("--concurrent-jobs", str(self.settings["elements" if element else "jobs"])),
            *(word for text in properties for word in ("--platform", text)),
            *("--max-wait-time", "10", "--bots-retry-limit", "8", "--graceful-shutdown-timeout", str(GRACE)),
            # Until its casd has made room again, jobs would fail there.
            *("--disk-usage-health-check", f"{directory}:{max(1, 100 * (total - ROOM) // total)}%"),
            f"{worker}@{socket.gethostname()}",
        ]
        return shlex.join(own), shlex.join(command)

    def health(self) -> dict[str, tuple[bool, str]]:
        """Whether BuildGrid knows each worker, and what it has to do."""
        found: dict[str, Any] = {}
        address = self.addresses["buildgrid"]
        if connects(address):
            command = [f"{self.data}/venv/bin/python", str(Path(__file__).with_name("workers.py")), f"http://{address}"]
            # No proxy is to be between them.
            environment = os.environ | {"no_grpc_proxy": "127.0.0.1"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            found = json.loads(done.stdout or "{}")
        states = {}
        for name in self.workers:
            jobs, well = found.get(f"{name}@{socket.gethostname()}", (None, False))
            load = f"{jobs} jobs" if well else "takes no jobs: disk full"
            states[name] = (well, "not registered" if jobs is None else load)
        return states

    def report(self) -> None:
        """Print how to build on it."""
        retries = {"connection-config": {"retry-limit": 6}}
        execution, storage = ({"url": f"http://{one}", **retries} for one in self.addresses.values())
        services = {"execution-service": execution, "storage-service": storage, "action-cache-service": storage}
        click.echo(
            "Build on it in recc_mode remote, with this in ~/.config/buildstream.conf, or another file for bst -c:"
        )
        click.echo(f"remote-execution: {json.dumps(services)}")


command = commands(Farm)
