# Serves results of compiles to a team: two buildbox-casd, one for each trust domain.
# SPDX-License-Identifier: Apache-2.0
"""What is pushed to one domain can never be read from the other: each has a server and a directory."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import click

from bst_recc.errors import ReccError
from bst_recc.reapi import answers
from bst_recc.services import Service, casd, commands, size, socket_directory

DOMAINS = {"hermetic": "modes remote and cache-only", "quasi-safe": "mode local, and no other"}


def address(text: str) -> str:
    """HOST:PORT, or unix:DIRECTORY, which is made absolute."""
    if text.startswith("unix:"):
        return f"unix:{socket_directory(text.removeprefix('unix:'))}"
    match = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})", text)
    if not match or not 0 < int(match[1]) < 65535:
        raise click.BadParameter(f"'{text}' is neither HOST:PORT nor unix:DIRECTORY.")
    return text


class Cache(Service):
    """Share results of compiles with a team, from this machine.

    Hermetic and quasi-safe results have a server and a directory each.

    Example: bst-recc cache up --quota 100G
    """

    name, start_seconds, stop_seconds = "cache", 10, 6
    options = (
        ("--bind", address, "127.0.0.1:8980", "HOST:PORT, quasi-safe results at the next; or unix:DIRECTORY."),
        ("--quota", size, "20G", "What each of the two may keep; the least recently used goes first."),
        ("--reserved", size, "2G", "What stays free on the disk."),
        ("--without-protection", bool, False, "Serve an address that other machines reach."),
    )

    @property
    def addresses(self) -> dict[str, str]:
        """Where each domain's server listens."""
        host, _, port = self.settings["bind"].rpartition(":")
        if host == "unix":
            return {domain: f"unix:{port}/{domain}.sock" for domain in DOMAINS}
        return {domain: f"{host}:{int(port) + number}" for number, domain in enumerate(DOMAINS)}

    @property
    def urls(self) -> dict[str, str]:
        """The same, as BuildStream writes it."""
        return {domain: re.sub("^(?!unix:)", "http://", address) for domain, address in self.addresses.items()}

    def prepare(self) -> dict[str, list[str]]:
        """The servers' commands; raises ReccError where nothing should, or can, be served."""
        bind = self.settings["bind"]
        host, _, directory = bind.rpartition(":")
        if not self.settings["without_protection"] and not re.fullmatch(r"unix|localhost|127\.[\d.]+|\[::1\]", host):
            raise ReccError(
                f"{bind} can be reached by other machines, and buildbox-casd has neither encryption nor "
                "authentication: whoever reaches it can put any object into any build.",
                "Serve on loopback (no --bind), and let each client use a tunnel: "
                "ssh -N -L 8980:127.0.0.1:8980 -L 8981:127.0.0.1:8981 HOST",
                "Serve on loopback, and put nginx with certificates in front: deploy/nginx.conf of the template.",
                "Only in a network in which everyone may do so: add --without-protection.",
            )
        self.check_free()
        if host == "unix":
            Path(directory).mkdir(parents=True, exist_ok=True, mode=0o700)
        # None outlives a supervisor that is killed. A compile that fails may have been killed. Clients keep their
        # connections open as long as they live.
        first, last = ("setpriv", "--pdeathsig=KILL"), ("--cache-failures=false", "--shutdown-deadline=1")
        return {
            domain: [*first, *casd(address, self.data / domain, self.settings, "--log-level=warning", *last)]
            for domain, address in self.addresses.items()
        }

    def health(self) -> dict[str, tuple[bool, str]]:
        """Whether each server answers."""
        well = {domain: answers(url, 1) for domain, url in self.urls.items()}
        return {domain: (one, "" if one else "does not answer") for domain, one in well.items()}

    def report(self) -> None:
        """Print where the servers are, and what goes into a user configuration."""
        click.echo("In ~/.config/buildstream.conf, or another file for bst -c:")
        for domain, url in self.urls.items():
            section = {"storage-service": {"url": url}, "action-cache-service": {"url": url, "push": True}}
            where = f"in {self.data / domain}, at most {self.settings['quota']}"
            click.echo(f"\n# {domain} results, {where}: {DOMAINS[domain]}\nremote-execution: {json.dumps(section)}")
        # What is stored there is stored on the machine that builds as well: not where remote reads.
        click.echo("cachedir: ${XDG_CACHE_HOME}/buildstream-local")

    def clear(self, domain: str) -> None:
        """Forget the results of a domain, by default of both; it goes on if it runs."""
        self.lock()
        runs = self.runs
        for name in DOMAINS if domain == "both" else (domain,):
            if runs:
                self.rpc.stopProcess(name)
            try:
                if (self.data / name).exists():
                    shutil.rmtree(self.data / name)
            finally:
                if runs:
                    self.rpc.startProcess(name, False)
            click.echo(f"No {name} results are left in {self.data / name}.")


command = commands(
    Cache, (Cache.clear, [click.Argument(["domain"], type=click.Choice([*DOMAINS, "both"]), default="both")])
)
