# Serves results of compiles to a team: two buildbox-casd, one for each trust domain.
# SPDX-License-Identifier: Apache-2.0
"""What is pushed to one domain can never be read from the other: each has a server and a directory."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import click

from bst_recc.cache import push, status, use
from bst_recc.cache.places import DOMAINS, address, servers, urls
from bst_recc.errors import ReccError
from bst_recc.reapi import answers
from bst_recc.services import Service, casd, commands, size


class Cache(Service):
    """Share results of compiles with a team, from this machine.

    It runs one server for hermetic results and one for quasi-safe results.

    Example: bst-recc cache up --quota 100G
    """

    name, start_seconds, stop_seconds = "cache", 10, 6
    options = (
        ("--bind", address, "127.0.0.1:8980", "HOST:PORT, quasi-safe results at the next; or unix:DIRECTORY."),
        ("--quota", size, "20G", "Size of each of the two storages; what was used last is kept."),
        ("--reserved", size, "2G", "Free disk space to keep."),
        ("--without-protection", bool, False, "Allow an address that other machines reach, without authentication."),
    )

    @property
    def addresses(self) -> dict[str, str]:
        """Where each domain's server listens."""
        return servers(self.settings["bind"])

    def prepare(self) -> dict[str, list[str]]:
        """The servers' commands; raises ReccError where nothing should, or can, be served."""
        bind = self.settings["bind"]
        host, _, directory = bind.rpartition(":")
        if host.startswith("https:"):
            raise click.BadParameter("buildbox-casd has no encryption: put nginx in front of it.")
        if not self.settings["without_protection"] and not re.fullmatch(r"unix|localhost|127\.[\d.]+|\[::1\]", host):
            raise ReccError(
                f"{bind} can be reached by other machines, and buildbox-casd has neither encryption nor "
                "authentication: anyone who reaches it can put any object into any build.",
                "Serve on loopback (no --bind), and let each client use a tunnel: "
                "ssh -N -L 8980:127.0.0.1:8980 -L 8981:127.0.0.1:8981 HOST",
                "Serve on loopback, and put nginx with certificates in front: deploy/nginx.conf of the template.",
                "If everyone on that network may do so: add --without-protection.",
            )
        self.check_free()
        if host == "unix":
            Path(directory).mkdir(parents=True, exist_ok=True, mode=0o700)
        # None outlives a supervisor that is killed. A compile that fails may have been killed. Clients keep their
        # connections open as long as they live.
        first = ["setpriv", "--pdeathsig=KILL"]
        last = ["--cache-failures=false", "--shutdown-deadline=1", "--log-level=warning"]
        programs = {}
        for domain, place in self.addresses.items():
            own = (f"--local-server-instance={domain}", f"--metrics-mode=file://{self.log}/{domain}.metrics")
            programs[domain] = [*first, *casd(place, self.data / domain, self.settings, *own, *last)]
        # Looking counts what the metrics say, which grow with each request.
        look = [sys.executable, "-c", "from bst_recc.cli import main; main()", "cache", "status", "--data"]
        again = ["sh", "-c", 'while sleep 3600; do "$@" >/dev/null; done', "sh"]
        return programs | {"lookups": [*first, *again, *look, str(self.data)]}

    def health(self) -> dict[str, tuple[bool, str]]:
        """Whether each server answers."""
        well = {domain: answers(url, 1, domain) for domain, url in urls(self.settings["bind"]).items()}
        return {domain: (one, "" if one else "does not answer") for domain, one in well.items()}

    def report(self) -> None:
        """Print where the results are, and how builds use them."""
        place = self.settings["bind"]
        for domain, modes in DOMAINS.items():
            where = f"in {self.data / domain}, at most {self.settings['quota']}"
            local = " --mode local" * (domain == "quasi-safe")
            click.echo(f"\n{domain} results, {where}: {modes}\n    bst-recc cache use {place}{local}")

    def status(self, as_json: bool = False) -> int:
        """Show what runs, what it holds, and its hits and misses; exit status 1 unless all is well."""
        found = status.facts(self)
        click.echo(json.dumps(found, indent=2) if as_json else "\n".join(status.lines(self, found)))
        return int(not all(domain["well"] for domain in found["domains"].values()))

    def clear(self, domain: str) -> None:
        """Delete the results of a domain, by default of both. The servers go on."""
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
    Cache,
    (Cache.clear, [click.Argument(["domain"], type=click.Choice([*DOMAINS, "both"]), default="both")]),
    (Cache.status, [click.Option(["--json", "as_json"], is_flag=True, help="Print JSON, for programs.")]),
)
command.commands["status"].epilog = status.HELP
for other in (push.command, use.command):
    command.add_command(other)
