# Where a team's cache is: one server for each trust domain.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re

import click

from bst_recc.services import socket_directory

DOMAINS = {"hermetic": "modes remote and cache-only", "quasi-safe": "mode local, and no other"}
"""Also the names of the servers' instances: a client that names another one is refused."""
PLAIN, ENCRYPTED = 8980, 8990
"""The port of hermetic results, without and with TLS; quasi-safe ones are at the next."""


def address(text: str) -> str:
    """HOST[:PORT], perhaps after https://, or unix:DIRECTORY; with the port, and absolute; raises BadParameter."""
    if text.startswith("unix:"):
        return f"unix:{socket_directory(text.removeprefix('unix:'))}"
    match = re.fullmatch(r"(https://)?(\[[0-9a-fA-F:.]+\]|(?!\d+(?:$|:))[\w.-]+)(?::(\d{1,5}))?", text)
    port = int(match[3] or (ENCRYPTED if match[1] else PLAIN)) if match else 0
    if not match or not 0 < port < 65535:
        raise click.BadParameter(f"'{text}' is neither [https://]HOST[:PORT] nor unix:DIRECTORY.")
    return f"{match[1] or ''}{match[2]}:{port}"


def servers(place: str) -> dict[str, str]:
    """The address of each domain's server, by domain, at a place as `address` returns it."""
    host, _, port = place.rpartition(":")
    if host == "unix":
        return {domain: f"unix:{port}/{domain}.sock" for domain in DOMAINS}
    return {domain: f"{host}:{int(port) + number}" for number, domain in enumerate(DOMAINS)}


def urls(place: str) -> dict[str, str]:
    """The same, as BuildStream writes it."""
    return {domain: re.sub("^(?!unix:|https:)", "http://", server) for domain, server in servers(place).items()}
