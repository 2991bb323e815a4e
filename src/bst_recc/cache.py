# Serves results of compiles to a team: two buildbox-casd, one for each trust domain.
# SPDX-License-Identifier: Apache-2.0
"""What is pushed to one domain can never be read from the other: each has a server and a directory."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

import click

from bst_recc.errors import ReccError
from bst_recc.reapi import answers
from bst_recc.services import Servers, casd, check_free, size
from bst_recc.services.commands import Service, commands

DOMAINS = {"hermetic": "modes remote and cache-only", "quasi-safe": "mode local, and no other"}


def address(text: str) -> str:
    """HOST:PORT, or unix:DIRECTORY, which is made absolute."""
    if text.startswith("unix:"):
        text = f"unix:{Path(text.removeprefix('unix:')).expanduser().resolve()}"
        # 107 bytes is all that a path of a socket may have (linux/un.h).
        if len(os.fsencode(f"{text}/quasi-safe.sock")) > len("unix:") + 107:
            raise click.BadParameter(f"{text} is too long for the paths of sockets in it.")
        return text
    match = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})", text)
    if not match or not 0 < int(match[1]) < 65535:
        raise click.BadParameter(f"'{text}' is neither HOST:PORT nor unix:DIRECTORY.")
    return text


def urls(bind: str) -> dict[str, str]:
    """Where each domain's server listens, as BuildStream writes it."""
    if bind.startswith("unix:"):
        return {domain: f"{bind}/{domain}.sock" for domain in DOMAINS}
    host, _, port = bind.rpartition(":")
    return {domain: f"http://{host}:{int(port) + number}" for number, domain in enumerate(DOMAINS)}


def prepare(servers: Servers, settings: dict[str, Any]) -> dict[str, list[str]]:
    """The servers' commands; raises ReccError where nothing should, or can, be served."""
    bind = settings["bind"]
    if not settings["without_protection"] and not re.match(r"unix:|localhost:|127\.[\d.]+:|\[::1\]:", bind):
        port = int(bind.rpartition(":")[2])
        raise ReccError(
            f"{bind} can be reached by other machines, and buildbox-casd has neither encryption nor authentication: "
            "whoever reaches it can put any object into any build.",
            "Serve on loopback (no --bind), and let each client use a tunnel: "
            f"ssh -N -L {port}:127.0.0.1:{port} -L {port + 1}:127.0.0.1:{port + 1} HOST",
            "Serve on loopback, and put nginx with certificates in front: deploy/nginx.conf of the template.",
            "Only in a network in which everyone may do so: add --without-protection.",
        )
    addresses = {domain: url.removeprefix("http://") for domain, url in urls(bind).items()}
    for one in addresses.values():
        other = "If it is a cache with other data: bst-recc cache down --data DIRECTORY"
        check_free(one, "Choose another address with --bind.", other)
    if bind.startswith("unix:"):
        Path(bind.removeprefix("unix:")).mkdir(parents=True, exist_ok=True, mode=0o700)
        settings["sockets"] = [one.removeprefix("unix:") for one in addresses.values()]
    # None outlives a supervisor that is killed. A compile that fails may have been killed. Clients keep their
    # connections open as long as they live.
    first, last = ("setpriv", "--pdeathsig=KILL"), ("--cache-failures=false", "--shutdown-deadline=1")
    return {
        domain: [*first, *casd(one, settings, "--log-level=warning", *last, str(servers.data / domain))]
        for domain, one in addresses.items()
    }


def health(servers: Servers, settings: dict[str, Any]) -> dict[str, tuple[bool, str]]:
    """Whether each server answers."""
    well = {domain: answers(url, 1) for domain, url in urls(settings["bind"]).items()}
    return {domain: (one, "" if one else "does not answer") for domain, one in well.items()}


def report(servers: Servers, settings: dict[str, Any]) -> None:
    """Print where the servers are, and what goes into a user configuration."""
    click.echo("In ~/.config/buildstream.conf, or another file for bst -c:")
    for domain, url in urls(settings["bind"]).items():
        section = {"storage-service": {"url": url}, "action-cache-service": {"url": url, "push": True}}
        where = f"in {servers.data / domain}, at most {settings['quota']}"
        click.echo(f"\n# {domain} results, {where}: {DOMAINS[domain]}\nremote-execution: {json.dumps(section)}")
    # What is stored there is stored on the machine that builds as well: not where remote reads.
    click.echo("cachedir: ${XDG_CACHE_HOME}/buildstream-local")


command = commands(
    Service(
        name="cache",
        options=(
            ("--bind", address, "127.0.0.1:8980", "HOST:PORT, quasi-safe results at the next; or unix:DIRECTORY."),
            ("--quota", size, "20G", "What each of the two may keep; the least recently used goes first."),
            ("--reserved", size, "2G", "What stays free on the disk."),
            ("--without-protection", bool, False, "Serve an address that other machines reach."),
        ),
        prepare=prepare,
        health=health,
        report=report,
        start_seconds=10,
        stop_seconds=6,
        kept=(*DOMAINS, "log"),
    ),
    """Share results of compiles with a team, from this machine.

    Hermetic and quasi-safe results have a server and a directory each.

    Example: bst-recc cache up --quota 100G
    """,
)


@command.command(params=[option for option in command.commands["status"].params if option.name == "servers"])
@click.argument("domain", type=click.Choice([*DOMAINS, "both"]))
def clear(servers: Servers, domain: str) -> None:
    """Forget the results of a domain, or of both; it goes on if it runs.

    Example: bst-recc cache clear quasi-safe
    """
    servers.lock()
    runs = servers.up
    for name in DOMAINS if domain == "both" else (domain,):
        if runs:
            with contextlib.suppress(Fault):  # it has just ended by itself
                servers.rpc.stopProcess(name)
        try:
            if (servers.data / name).exists():
                shutil.rmtree(servers.data / name)
        finally:
            if runs:
                servers.rpc.startProcess(name, False)
                answers(urls(servers.settings["bind"])[name], 10)
        click.echo(f"No {name} results are left in {servers.data / name}.")
