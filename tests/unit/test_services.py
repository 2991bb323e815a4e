# What cache and farm share: sizes, addresses, stale mounts, supervisor's configuration, one command at a time.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import configparser
import socket
from pathlib import Path

import click
import pytest

from bst_recc.errors import ReccError
from bst_recc.services import Servers, check_free, connects, render, size, stale_mounts


@pytest.mark.parametrize("text", ["0", "500K", "20G", "1T"])
def test_sizes(text: str) -> None:
    assert size(text) == text


@pytest.mark.parametrize("text", ["", "much", "-1", "1.5G", "20GB", "20 G"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(click.BadParameter):
        size(text)


def test_stale_mounts_have_their_octal_escapes_undone() -> None:
    line = "36 35 0:50 / {} rw,nosuid - fuse.buildbox-fuse buildbox rw\n"
    table = line.format("/d/a\\040b/c") + line.format("/d/a\\040b") + line.format("/other")
    table += "37 35 0:51 / /d/disk rw - ext4 /dev/vda rw\n"
    assert stale_mounts(Path("/d"), table) == ["/d/a b/c", "/d/a b"]


@pytest.mark.parametrize("kind", ["port", "socket"])
def test_an_address_that_is_taken(tmp_path: Path, kind: str) -> None:
    """Also by a server that would share the port."""
    if kind == "port":
        server = socket.create_server(("127.0.0.1", 0), reuse_port=True)
        address = f"127.0.0.1:{server.getsockname()[1]}"
    else:
        server = socket.socket(socket.AF_UNIX)
        address = f"unix:{tmp_path}/s"
        server.bind(f"{tmp_path}/s")
        server.listen()
    with server:
        assert connects(address)
        with pytest.raises(ReccError, match="already in use"):
            check_free(address)
    # What a server that was killed has left is in nobody's way.
    check_free(address)
    assert not connects(address)


def test_supervisor_reads_what_is_written(tmp_path: Path) -> None:
    """Each program is started again whenever it ends; PostgreSQL is told so that it does not wait for its clients."""
    text = render("supervisor.conf.j2", run="/r", log="/l", programs={"postgresql": "p --x=100%%", "storage": "s"})
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    assert parser["program:postgresql"]["command"] == "p --x=100%%"
    assert [parser[f"program:{name}"]["stopsignal"] for name in ("postgresql", "storage")] == ["INT", "TERM"]
    assert {parser[f"program:{name}"]["autorestart"] for name in ("postgresql", "storage")} == {"true"}


def test_one_command_at_a_time(tmp_path: Path) -> None:
    data = tmp_path / "data"
    Servers(data).lock()
    assert data.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ReccError, match="at work"):
        Servers(data).lock()


def test_a_path_too_long_for_sockets(tmp_path: Path) -> None:
    with pytest.raises(ReccError, match="longer than") as caught:
        Servers(tmp_path / ("x" * 80))
    assert "--data" in caught.value.remedies[0]
    assert not list(tmp_path.iterdir())
