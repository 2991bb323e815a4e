# Servers that supervisor runs below one directory, and the commands that start and stop them.
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
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import click
import jinja2
import psutil
from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

from bst_recc.errors import ReccError
from bst_recc.project import base_directory, find_tool


def size(text: str) -> str:
    """A size as buildbox-casd takes it, which takes what it cannot read for none."""
    if re.fullmatch(r"\d+[KMGT]?", text):
        return text
    raise click.BadParameter(f"invalid size: '{text}'. Use a number and a unit, such as 500M or 20G.")


def socket_directory(text: str) -> Path:
    """An absolute path; raises BadParameter where addresses of sockets in it do not fit in the 107 bytes of Linux."""
    # As mounts are named: without symbolic links.
    path = Path(text).expanduser().resolve()
    if len(os.fsencode(path)) > 85:
        raise click.BadParameter(f"{path} is longer than 85 bytes: use a shorter directory.")
    return path


def render(template: str, **values: object) -> str:
    """A template of this package with `values` put in."""
    loader = jinja2.PackageLoader("bst_recc")
    environment = jinja2.Environment(loader=loader, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.get_template(template).render(**values)


def run(command: Sequence[str], *remedies: str, **options: Any) -> None:
    """Run a command; raises ReccError with the last line of its output where it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise ReccError(f"{shlex.join(command)}: {done.stdout.strip().rpartition(chr(10))[2]}", *remedies)


def casd(bind: str, data: Path, settings: dict[str, Any], *options: str) -> list[str]:
    """The command of a buildbox-casd, with quota and reserved of `settings`."""
    limits = (f"--quota-high={settings['quota']}", f"--reserved={settings['reserved']}")
    return [str(find_tool("buildbox-casd")), f"--bind={bind}", *limits, *options, str(data)]


def connects(address: str) -> bool:
    """Whether something accepts connections there."""
    host, _, port = address.rpartition(":")
    try:
        if host == "unix":
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(port)
        else:
            socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def wait(condition: Callable[[], object], seconds: float, pause: float = 0.05) -> bool:
    """Wait until `condition` holds, `seconds` at most; whether it does."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(pause)
    return True


def end(processes: Sequence[psutil.Process], number: signal.Signals, seconds: float = 5) -> None:
    """Send a signal to processes, and wait until they have ended, `seconds` at most."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    psutil.wait_procs(processes, seconds)


def unmount(directory: Path) -> None:
    """Take away FUSE mounts below `directory` whose server was killed, the innermost first."""
    for mount in reversed(psutil.disk_partitions(all=True)):
        if mount.fstype.startswith("fuse") and Path(mount.mountpoint).is_relative_to(directory):
            subprocess.run(["fusermount3", "-u", "-z", mount.mountpoint], capture_output=True)


class Servers:
    """What supervisor runs below one directory."""

    def __init__(self, data: Path) -> None:
        self.data, self.run, self.log = data, data / "run", data / "log"
        # As supervisor writes it, and as all that it starts have it in their environment.
        self.url = f"unix://{self.run}/up.sock"

    @property
    def runs(self) -> bool:
        """Whether the supervisor takes commands."""
        return connects(f"unix:{self.run}/up.sock")

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What those that run were started with."""
        settings: dict[str, Any] = json.loads((self.run / "settings.json").read_text())
        return settings

    @property
    def rpc(self) -> Any:
        """What the supervisor can be asked (supervisord.org/api.html)."""
        proxy: Any = xmlrpc.client.ServerProxy("http://localhost", SupervisorTransport(serverurl=self.url))
        return proxy.supervisor

    def lock(self) -> None:
        """Make the directory, for one command at a time; raises ReccError where another one is at work in it."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # Until this process ends, or becomes the supervisor.
            fcntl.flock(os.open(self.data, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReccError(f"another bst-recc is running in {self.data}.", "Wait until it ends.") from None

    def start(self, programs: dict[str, list[str]], foreground: bool) -> None:
        """Start the supervisor, or in the foreground become it; raises ReccError where it does not start."""
        self.log.mkdir(exist_ok=True)
        (self.run / "settings.json").write_text(json.dumps(self.settings))
        commands = {name: shlex.join(command) for name, command in programs.items()}
        text = render("supervisor.conf.j2", run=self.run, log=self.log, programs=commands)
        (self.run / "supervisor.conf").write_text(text.replace("%", "%%"))
        # No proxy is to be between them, and gRPC's settings are those of clients.
        unwanted = re.compile(r"(?i)GRPC_.*|.*_proxy")
        environment = {name: value for name, value in os.environ.items() if not unwanted.fullmatch(name)}
        # buildbox-casd stages with the buildbox-fuse that it finds there; else it makes a link for each file.
        environment["PATH"] = f"{find_tool('buildbox-casd').parent}:{os.environ['PATH']}"
        environment["SUPERVISOR_SERVER_URL"] = self.url
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", f"{self.run}/supervisor.conf"]
        if foreground:
            os.execve(command[0], [*command, "--nodaemon"], environment)
        run(command, env=environment, start_new_session=True)

    def processes(self, **marks: str) -> list[psutil.Process]:
        """All that runs here, even if its supervisor was killed; or what has `marks` in its environment."""
        marks["SUPERVISOR_SERVER_URL"] = self.url
        others = (process for process in psutil.process_iter(["environ"]) if process.pid != os.getpid())
        return [process for process in others if marks.items() <= (process.info["environ"] or {}).items()]

    def stop(self, seconds: float) -> bool:
        """End all of it, also what a killed supervisor has left; `seconds` are for an orderly end. Whether any ran."""
        found = self.processes()
        # The supervisor ends the others, in order.
        end([one for one in found if "SUPERVISOR_PROCESS_NAME" not in one.info["environ"]], signal.SIGTERM, seconds)
        end(self.processes(), signal.SIGTERM)
        end(self.processes(), signal.SIGKILL)
        unmount(self.data)
        shutil.rmtree(self.run, ignore_errors=True)
        return bool(found)


class Service(Servers, ABC):
    """Servers that have commands: cache and farm are such."""

    name: ClassVar[str]
    options: ClassVar[Sequence[tuple[str, Any, Any, str]]]
    """Flag, type, default and help of each."""
    start_seconds: ClassVar[int]
    stop_seconds: ClassVar[int]

    @property
    @abstractmethod
    def addresses(self) -> dict[str, str]:
        """Where parts listen that others call."""

    @abstractmethod
    def prepare(self) -> dict[str, list[str]]:
        """Check and install what is needed; the programs, in the order of their start."""

    @abstractmethod
    def health(self) -> dict[str, tuple[bool, str]]:
        """Of parts that can be asked: whether each is well, and a word on it."""

    @abstractmethod
    def report(self) -> None:
        """Print how to use it."""

    def check_free(self) -> None:
        """Raise ReccError where another server has an address of this one: gRPC would share it silently."""
        for address in filter(connects, self.addresses.values()):
            other = f"If it is another {self.name}: bst-recc {self.name} down --data ITS_DIRECTORY"
            raise ReccError(f"cannot serve at {address}: it is in use.", f"Add {self.options[0][0]} ANOTHER.", other)

    def up(self, foreground: bool = False, **settings: Any) -> None:
        """Start it in the background and wait until it is ready."""
        self.lock()
        if self.runs:
            click.echo(f"The {self.name} is already up, and keeps its settings; bst-recc {self.name} down stops it.")
            return self.report()
        self.stop(self.stop_seconds)
        try:
            self.settings = settings
            self.run.mkdir()
            programs = self.prepare()
            if foreground:
                self.report()
                sys.stdout.flush()
            self.start(programs, foreground)
            if not wait(lambda: all(well for well, _, _ in self.states()), self.start_seconds, 0.2):
                ill = "; ".join(f"{name}: {' '.join(text.split())}" for well, name, text in self.states() if not well)
                log, again = f"Read the logs in {self.log}.", "Check that the disk is not full; then run this again."
                raise ReccError(f"not ready within {self.start_seconds} s: {ill}.", log, again)
        except BaseException:
            self.stop(self.stop_seconds)
            with contextlib.suppress(OSError):
                self.data.rmdir()
            raise
        click.echo(f"The {self.name} is up.")
        return self.report()

    def serve(self, **settings: Any) -> None:
        """Run it in the foreground, for systemd and containers, until SIGTERM."""
        self.up(foreground=True, **settings)

    def states(self) -> Iterator[tuple[bool, str, str]]:
        """Of each part: whether it is well, its name, and its state; with the last error of one that does not run."""
        health = self.health()
        for info in self.rpc.getAllProcessInfo():
            name, runs = info["name"], info["statename"] == "RUNNING"
            well, word = health.get(name, (True, ""))
            if not runs:
                log = self.log / f"{name}.log"
                lines = log.read_text(errors="replace").splitlines() if log.exists() else []
                errors = [line for line in lines if "[ERROR]" in line] or lines
                word = re.sub(r".*(errMsg = |] )", "", errors[-1]) if errors else ""
            yield well and runs, name, f"{info['statename'].lower():9} {info['description']}{word and f', {word}'}"

    def status(self) -> int:
        """Show what runs, and where its logs are; exit status 1 unless all of it runs."""
        if not self.runs:
            left = f" Processes of it remain: bst-recc {self.name} down ends them." if self.processes() else ""
            click.echo(f"The {self.name} is not up ({self.data}).{left}")
            return 1
        click.echo(f"The {self.name} is up; its data are in {self.data}, its logs in {self.log}.")
        states = list(self.states())
        for _, name, text in states:
            click.echo(f"  {name:12} {text}")
        self.report()
        return int(not all(well for well, _, _ in states))

    def down(self) -> None:
        """Stop it. Its data stays."""
        if self.data.exists():
            self.lock()
        ran = self.stop(self.stop_seconds)
        click.echo(f"The {self.name} {f'is down; its data stay in {self.data}' if ran else 'was not up'}.")


Method = tuple[Callable[..., object], list[click.Parameter]]


def commands(service: type[Service], *others: Method) -> click.Group:
    """The commands of a service, which are methods of it; docstrings are their help. `others` are its own ones."""
    # The value is the service itself: what click calls is a method.
    data = click.Option(
        ["--data", "self"],
        type=lambda text: service(socket_directory(text)),
        default=str(base_directory("XDG_CACHE_HOME", ".cache") / f"recc-{service.name}"),
        show_default=True,
        metavar="DIRECTORY",
        help="Where its data is.",
    )
    options: list[click.Parameter] = [
        click.Option([flag], type=kind, default=default, help=text, is_flag=kind is bool, show_default=kind is not bool)
        for flag, kind, default, text in service.options
    ]
    group = click.Group(help=service.__doc__)
    methods: list[Method] = [
        (service.up, options),
        (service.serve, options),
        (service.status, []),
        (service.down, []),
        *others,
    ]
    for method, parameters in methods:
        text = f"{method.__doc__}\n\nExample: bst-recc {service.name} {method.__name__}"
        group.add_command(click.Command(method.__name__, callback=method, params=[data, *parameters], help=text))
    return group
