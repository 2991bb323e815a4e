# Starts the servers of deploy/ on loopback, for tests and benchmarks.
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL, casd, BuildGrid, nginx with certificates, and workers: what is in deploy/'s image, without containers."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness import BIN, ROOT, HarnessError, Project

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


def authority(directory: Path, name: str = "ca") -> None:
    """Make an authority that signs certificates: NAME.key and NAME.crt."""
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"]
    passes(*new, "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.crt")


def certificate(directory: Path, name: str, subject: str, *options: str, by: str = "ca", days: int = 2) -> None:
    """Make NAME.key and NAME.crt; `options` are those of openssl req."""
    key, request, signer = directory / f"{name}.key", directory / f"{name}.csr", directory / by
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, *options]
    passes(*new, "-keyout", key, "-out", request)
    signed = ["-CA", f"{signer}.crt", "-CAkey", f"{signer}.key", "-copy_extensions", "copy", "-days", str(days)]
    passes("openssl", "x509", "-req", "-in", request, *signed, "-out", directory / f"{name}.crt")


@contextmanager
def nginx(directory: Path, secrets: Path, servers: dict[int, list[str]]) -> Iterator[dict[int, int]]:
    """nginx with deploy/nginx.conf before `servers`, by the port that it has for them; its own ports, by those there.

    `secrets` has tls.key, tls.crt, ca.crt; log and access.log are in `directory`, which it makes.
    """
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        raise HarnessError("nginx is missing: tools/setup installs it")
    ports = {8990: port(), 8991: port(), 50051: port()}
    text = (ROOT / "deploy/nginx.conf").read_text().replace("listen ", "listen 127.0.0.1:")
    text = re.sub("|".join(map(str, ports)), lambda found: str(ports[int(found[0])]), text)
    changes = {
        f"server 127.0.0.1:{inside};": " ".join(f"server {one};" for one in those) for inside, those in servers.items()
    }
    for old, new in (changes | {"/etc/nginx/recc/": f"{secrets}/"}).items():
        assert old in text, old
        text = text.replace(old, new)
    directory.mkdir()
    (directory / "recc.conf").write_text(text)
    # As Debian's own nginx.conf includes it, but with directories and a user that this test has.
    temporary = " ".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (directory / "nginx.conf").write_text(
        f"user {pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name};\n"
        f"daemon off; pid nginx.pid; error_log error.log; events {{}}\n"
        f"http {{ access_log access.log; {temporary} include recc.conf; }}\n"
    )
    log = directory / "nginx.log"
    with running(log, program, "-p", directory, "-c", "nginx.conf", "-e", "error.log") as process:
        wait_for(("127.0.0.1", ports[50051]), process, log)
        yield ports


@dataclass
class Farm:
    """Servers on loopback: of `project`, with their files in `directory`; `stack` ends them.

    `programs` is the directory of buildbox's, `environment` what the servers are started with, `address` nginx's.
    """

    project: Project
    directory: Path
    stack: ExitStack
    environment: dict[str, str] = field(default_factory=dict)
    programs: Path = Path()
    address: str = ""

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

    def buildgrid(self, name: str) -> str:
        """A BuildGrid; host and port."""
        number = port()
        command: list[str | Path] = [BIN / "bgd", "server", "start", self.project.path / "deploy/buildgrid.yml"]
        self.start(name, ("127.0.0.1", number), *command, BUILDGRID_ADDRESS=f"127.0.0.1:{number}")
        return f"127.0.0.1:{number}"

    def worker(self, tier: str, jobs: int) -> Path:
        """A worker for so many jobs at once; its log."""
        directory = self.directory / tier
        variables = {
            "BUILDGRID_URL": f"https://{self.address}",
            "WORKER_TIER": tier,
            "WORKER_DIRECTORY": str(directory),
        }
        variables |= {"WORKER_SECRETS": str(self.secrets), "WORKER_JOBS": str(jobs), "WORKER_RESERVED": "0"}
        variables["PATH"] = f"{self.programs}:{os.environ['PATH']}"
        return self.start(tier, f"{directory}/casd.sock", self.project.path / "deploy/worker", **variables)


def buildbox(project: Project, directory: Path) -> Path:
    """A directory of buildbox's programs, from the package that the image installs, with that suite's libraries."""
    root, programs = directory / "root", directory / "bin"
    element = "recc.bst:buildsystems/recc-packages.bst"
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
