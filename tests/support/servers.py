# Starts the servers of deploy/ on loopback, for tests and benchmarks.
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL, casd, BuildGrid with TLS and tokens, and workers: what is in deploy/'s image, without containers."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness import BIN, HarnessError, Project

from bst_recc.project import find_tool


def passes(*command: str | Path) -> None:
    """Run a command; raises HarnessError with its output if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise HarnessError(f"{command[0]}: exit status {done.returncode}\n{done.stdout}{done.stderr}")


@contextmanager
def running(log: Path, *command: str | Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process with its output in `log`, ended at the end."""
    with (
        log.open("w") as file,
        subprocess.Popen(
            command, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def port() -> int:
    """A free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
        return number


def wait_for(address: tuple[str, int] | str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until something accepts connections at a port or on a Unix socket; raises HarnessError after a minute."""
    deadline = time.monotonic() + 60
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise HarnessError(f"{log.stem} does not serve at {address}:\n{log.read_text()[-3000:]}")
        try:
            with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as client:
                client.connect(address)
                return
        except OSError:
            time.sleep(0.05)


@contextmanager
def casd(directory: Path, *options: str | Path, bind: str = "") -> Iterator[str]:
    """The URL of a buildbox-casd, which serves at `bind` or on a socket; log and data are in `directory`."""
    log = directory / "casd.log"
    at = bind or f"unix:{directory}/sock"
    host, _, number = at.rpartition(":")
    address = (host, int(number)) if bind else number
    with running(
        log, str(find_tool("buildbox-casd")), f"--bind={at}", "--reserved=0", *options, directory / "cas"
    ) as one:
        wait_for(address, one, log)
        yield f"http://{bind}" if bind else at


@dataclass
class Farm:
    """Servers on loopback: of `project`, with their files in `directory`; `stack` ends them.

    `programs` is the directory of buildbox's; `environment` is what the servers are started with.
    """

    project: Project
    directory: Path
    stack: ExitStack
    environment: dict[str, str] = field(default_factory=dict)
    programs: Path = Path()

    @property
    def secrets(self) -> Path:
        return self.project.path / "deploy/secrets"

    def start(self, name: str, address: tuple[str, int] | str, *command: str | Path, **environment: str) -> Path:
        """Start a server and wait until it accepts connections; its log."""
        log = self.directory / f"{name}.log"
        process = self.stack.enter_context(running(log, *command, **(self.environment | environment)))
        wait_for(address, process, log)
        return log

    def database(self) -> None:
        """PostgreSQL on a Unix socket, with BuildGrid's tables."""
        programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        # PostgreSQL refuses to run as root: in a user namespace of its own it does not see that it does.
        user: list[str | Path] = ["bwrap", "--unshare-user", "--uid", "1000", "--gid", "1000", "--dev-bind", "/", "/"]
        data = self.directory / "database"
        passes(*user, programs / "initdb", "--no-sync", "--auth=trust", "--username=buildgrid", "-D", data)
        server = [
            *user,
            "--die-with-parent",
            programs / "postgres",
            "-D",
            data,
            "-k",
            self.directory,
            "-c",
            "fsync=off",
        ]
        self.start("postgres", f"{self.directory}/.s.PGSQL.5432", *server, "-c", "listen_addresses=")
        passes(programs / "createdb", "-h", self.directory, "-U", "buildgrid", "buildgrid")
        url = f"postgresql+psycopg2://buildgrid@/buildgrid?host={self.directory}"
        self.environment["BUILDGRID_DATABASE"] = url
        passes(BIN / "bgd", "migrate", "apply", url)

    def storage(self) -> str:
        """A casd; its URL."""
        number = port()
        casd = self.programs / "buildbox-casd"
        directory = self.directory / f"storage-{number}"
        self.start(directory.name, ("127.0.0.1", number), casd, f"--bind=127.0.0.1:{number}", "--reserved=0", directory)
        return f"http://127.0.0.1:{number}"

    def serve(self, statsd: str = "127.0.0.1:9") -> None:
        """Say to each BuildGrid that is started from now on where keys and roles are, and where metrics go."""
        self.environment |= {
            "BUILDGRID_SECRETS": str(self.secrets),
            "BUILDGRID_ACL": str(self.project.path / "deploy/acl.yml"),
            "BUILDGRID_STATSD": statsd,
        }

    def buildgrid(self, name: str, configuration: Path) -> str:
        """A BuildGrid; host and port."""
        number = port()
        command: list[str | Path] = [BIN / "bgd", "server", "start", configuration]
        self.start(name, ("127.0.0.1", number), *command, BUILDGRID_ADDRESS=f"127.0.0.1:{number}")
        return f"127.0.0.1:{number}"

    def worker(self, tier: str, server: str, jobs: int) -> Path:
        """A worker for so many jobs at once; its log."""
        directory = self.directory / tier
        variables = {"BUILDGRID_URL": f"https://{server}", "WORKER_TIER": tier, "WORKER_DIRECTORY": str(directory)}
        variables |= {"WORKER_SECRETS": str(self.secrets), "WORKER_JOBS": str(jobs), "WORKER_RESERVED": "0"}
        variables["PATH"] = f"{self.programs}:{os.environ['PATH']}"
        return self.start(tier, f"{directory}/casd.sock", self.project.path / "deploy/worker", **variables)

    def token(self, subject: str) -> str:
        """A token as deploy/token makes it."""
        command: list[str | Path] = [self.project.path / "deploy/token", self.secrets / "jwt.key", subject, "1"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def buildbox(project: Project, directory: Path) -> Path:
    """A directory of buildbox's programs, from the package that the image installs, with that suite's libraries."""
    root, programs = directory / "root", directory / "bin"
    element = "buildsystems/recc-packages.bst"
    project.bst("build", element)
    project.bst("artifact", "checkout", "--deps", "none", "--directory", str(root), element)
    programs.mkdir()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    for name in ("buildbox-casd", "buildbox-fuse", "buildbox-run", "buildbox-worker"):
        path = programs / name
        loader = f"{libraries}/ld-linux-x86-64.so.2 --library-path {libraries}"
        path.write_text(f'#!/bin/sh\nexec {loader} --argv0 {path} {root}/usr/bin/{name} "$@"\n')
        path.chmod(0o755)
    return programs
