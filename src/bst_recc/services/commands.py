# The commands up, serve, status, down and logs, of cache and farm.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from bst_recc.errors import ReccError
from bst_recc.project import base_directory
from bst_recc.services import Servers, wait


@dataclass(frozen=True)
class Service:
    """What cache and farm differ in."""

    name: str
    options: Sequence[tuple[str, Any, Any, str]]
    """Flag, type, default and help of each."""
    prepare: Callable[[Servers, dict[str, Any]], dict[str, list[str]]]
    """Check and install what is needed, and add to the settings; the programs, in the order of their start."""
    health: Callable[[Servers, dict[str, Any]], dict[str, tuple[bool, str]]]
    """Of parts that can be asked: whether each is well, and a word on it."""
    report: Callable[[Servers, dict[str, Any]], None]
    """Print how to use it."""
    start_seconds: float
    stop_seconds: float
    kept: Sequence[str]
    """Names of what it leaves in its directory."""

    def begin(self, servers: Servers, settings: dict[str, Any], foreground: bool) -> None:
        """Start all unless it is up; raises ReccError where that fails, and leaves nothing running then."""
        servers.lock()
        if servers.up:
            self.refuse_others(servers)
            click.echo(f"The {self.name} is already up.")
            return self.report(servers, servers.settings)
        servers.stop(self.stop_seconds)
        try:
            programs = self.prepare(servers, settings)
            if foreground:
                self.report(servers, settings)
                sys.stdout.flush()
            servers.start(programs, settings, foreground)
            if not wait(lambda: self.well(servers, settings), self.start_seconds, 0.2):
                log, again = f"Read the logs in {servers.log}.", "See that the disk is not full; then run this again."
                problem = servers.failure() or "not all parts answer"
                raise ReccError(f"not ready within {self.start_seconds} s: {problem}.", log, again)
        except BaseException:
            servers.stop(self.stop_seconds)
            with contextlib.suppress(OSError):
                servers.data.rmdir()
            raise
        click.echo(f"The {self.name} is up.")
        return self.report(servers, settings)

    def refuse_others(self, servers: Servers) -> None:
        """Raise ReccError where it is up with other settings than the command line gives."""
        ctx = click.get_current_context()
        given = {n: v for n, v in ctx.params.items() if ctx.get_parameter_source(n) is ParameterSource.COMMANDLINE}
        other = {name: value for name, value in servers.settings.items() if given.get(name, value) != value}
        if other:
            options = ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in other.items())
            stop = f"Stop it first, which keeps its data: bst-recc {self.name} down --data {servers.data}"
            problem = f"the {self.name} in {servers.data} is up already, with {options}."
            raise ReccError(problem, "Leave these options out to keep it.", stop)

    def well(self, servers: Servers, settings: dict[str, Any], show: bool = False) -> bool:
        """Whether all parts run and answer; with `show`, print the state of each."""
        if not servers.up:
            return False
        sound, health = True, self.health(servers, settings)
        for info in servers.rpc.getAllProcessInfo():
            well, word = health.get(info["name"], (True, ""))
            sound &= well and info["statename"] == "RUNNING"
            if show:
                text = f"{info['statename'].lower():9} {info['description']}{word and f', {word}'}"
                click.echo(f"  {info['name']:12} {text}")
        return sound

    def status(self, servers: Servers) -> int:
        """Print the state of each part, and how to use them; 1 unless all are well."""
        if not servers.up:
            left = f" Processes of it remain: bst-recc {self.name} down ends them." if servers.processes() else ""
            click.echo(f"The {self.name} is not up ({servers.data}).{left}")
            return 1
        settings = servers.settings
        click.echo(f"The {self.name} is up; its data are in {servers.data}.")
        sound = self.well(servers, settings, show=True)
        self.report(servers, settings)
        return 0 if sound else 1

    def down(self, servers: Servers, delete: bool) -> None:
        """Stop it, whether or not its supervisor lives; remove what is kept as well with `delete`."""
        if not servers.data.exists():
            return click.echo(f"The {self.name} was not up: there is no {servers.data}.")
        servers.lock()
        ran, then = servers.stop(self.stop_seconds), f"its data stay in {servers.data}"
        if delete:
            for path in [path for pattern in self.kept for path in servers.data.glob(pattern)]:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            with contextlib.suppress(OSError):
                servers.data.rmdir()
            then = f"what it kept in {servers.data} is deleted"
        return click.echo(f"The {self.name} {'is down' if ran else 'was not up'}; {then}.")


def logs(servers: Servers, parts: tuple[str, ...], follow: bool, lines: int) -> int:
    """Print the last lines of logs; raises ReccError for parts that have none."""
    known = {path.stem: str(path) for path in sorted(servers.log.glob("*.log"))}
    missing = [part for part in parts if part not in known] or ([] if known else ["any part"])
    if missing:
        there = f"There are: {', '.join(known)}." if known else "Start what writes them: up"
        raise ReccError(f"there is no log of {missing[0]} in {servers.log}.", there)
    files = [known[part] for part in parts or known]
    return subprocess.run(["tail", "-n", str(lines), *(["-F"] if follow else []), *files]).returncode


def commands(service: Service, text: str) -> click.Group:
    """The commands of a service; `text` is their group's help."""
    group = click.Group(help=text)
    options = [
        click.option(flag, type=kind, default=default, help=text, is_flag=kind is bool, show_default=kind is not bool)
        for flag, kind, default, text in service.options
    ]
    data = click.option(
        "--data",
        "servers",
        type=click.Path(path_type=Path),
        default=base_directory("XDG_CACHE_HOME", ".cache") / f"recc-{service.name}",
        callback=lambda ctx, param, value: Servers(value),
        show_default=True,
        metavar="DIRECTORY",
        help="Where all of it is.",
    )

    def add(name: str, function: Callable[..., object], text: str, *options: Callable[[Any], Any]) -> None:
        for option in (data, *reversed(options)):
            function = option(function)
        group.command(name, help=f"{text}\n\nExample: bst-recc {service.name} {name}")(function)

    def up(servers: Servers, **settings: Any) -> None:
        service.begin(servers, settings, foreground=False)

    def serve(servers: Servers, **settings: Any) -> None:
        service.begin(servers, settings, foreground=True)

    add("up", up, "Start it in the background, unless it runs, and wait until it is ready.", *options)
    add("serve", serve, "Run it in the foreground, for systemd and containers, until told to end (SIGTERM).", *options)
    add("status", lambda servers: service.status(servers), "Say what runs; exit status 1 unless all does.")
    delete = click.option("--delete", is_flag=True, help="Remove what it stored as well.")
    add("down", lambda servers, delete: service.down(servers, delete), "Stop it; nothing but its data is left.", delete)
    parts, follow = (
        click.argument("parts", nargs=-1),
        click.option("-f", "--follow", is_flag=True, help="Go on with what is added."),
    )
    lines = click.option("-n", "--lines", type=click.IntRange(1), default=10, show_default=True, help="Of each.")
    text = "Print the last lines of its logs, or of those of PARTS."
    add("logs", lambda **given: logs(**given), text, parts, follow, lines)
    return group
