# bst-recc cache push: what is sent, what is not, and what it says when it cannot.
# SPDX-License-Identifier: Apache-2.0
"""The server is a buildbox-casd; what this machine has compiled is written as casd writes it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers import free_ports, without_proxies
from servers import casd
from team import configuration, keep, store

from bst_recc.cache.holdings import Holdings
from bst_recc.cache.push import command
from bst_recc.errors import ReccError
from bst_recc.reapi import messages


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of both domains."""
    instances = [f"--local-server-instance={domain}" for domain in ("hermetic", "quasi-safe")]
    with casd(tmp_path_factory.mktemp("server"), *instances) as url:
        yield url


@pytest.fixture
def server(url: str) -> Holdings:
    """What the server holds: nothing."""
    directory = Path(url.removeprefix("unix:")).parent / "cas"
    for path in (*directory.glob("actioncache/objects/*/*"), *directory.glob("cas/objects/*/*")):
        path.unlink()
    return Holdings(directory)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """BuildStream's cache directory of this user; there is no project."""
    without_proxies(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "buildstream"


class Pusher:
    """Pushes by a user configuration."""

    def __init__(self, directory: Path, url: str, domain: str = "hermetic", push: bool = True) -> None:
        self.path = configuration(directory / "my.conf", url, domain, push)

    def push(self, *arguments: str) -> str:
        done = CliRunner().invoke(command, ["-c", str(self.path), *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return " ".join(done.output.split())

    def refused(self, *arguments: str) -> ReccError:
        error = CliRunner().invoke(command, ["-c", str(self.path), *arguments]).exception
        assert isinstance(error, ReccError)
        return error


def fill(own: Path, salt: str = "", number: int = 3) -> list[str]:
    return [store(own, f"{salt}{n}.c", (os.urandom(100), b"same"), salt) for n in range(number)]


def test_results_and_all_they_name_are_sent_once(own: Path, url: str, server: Holdings) -> None:
    names = fill(own)
    assert Pusher(own.parent, url).push().startswith("3 hermetic actions, 3 of them new, ")
    assert sorted(server.names()) == sorted(names)
    here = Holdings(own)
    for name in names:
        found = here.result(name)
        assert found == server.result(name)
        for digest in (*(here.named(name, found) or ()), here.action(name)[0]):
            assert server.cas.blob(digest.hash) is not None
    assert "3 hermetic actions, 0 of them new, 0 bytes sent" in Pusher(own.parent, url).push()
    fill(own, number=4)
    assert "4 hermetic actions, 1 of them new" in Pusher(own.parent, url).push()


def test_what_the_server_has_lost_is_sent_again(own: Path, url: str, server: Holdings) -> None:
    names = fill(own)
    pusher = Pusher(own.parent, url)
    pusher.push()
    lost = server.result(names[0]).output_files[0].digest.hash
    (server.directory / "cas/objects" / lost[:2] / lost[2:]).unlink()
    shutil.rmtree(server.directory / "actioncache/objects" / names[1][:2])
    again = re.match(r"3 hermetic actions, (\d) of them new, 100 bytes sent", pusher.push())
    assert again and int(again[1]) >= 2
    assert server.cas.blob(lost)


def test_directories_and_what_a_compiler_said(own: Path, url: str, server: Holdings) -> None:
    (name,) = fill(own, number=1)
    file, inner, said = (keep(own / "cas", os.urandom(50)) for _ in range(3))
    child = messages.Directory(files=[{"name": "b", "digest": inner}])
    tree = messages.Tree(root={"files": [{"name": "a", "digest": file}]}, children=[child])
    found = messages.ActionResult(stdout_digest=said)
    found.output_directories.add(path="d", tree_digest=keep(own / "cas", tree.SerializeToString()))
    keep(own / "actioncache", found.SerializeToString(), name)
    Pusher(own.parent, url).push()
    for digest in (file, inner, said, found.output_directories[0].tree_digest):
        assert server.cas.blob(digest.hash)
    assert server.result(name) == found


def test_large_objects_and_many(own: Path, url: str, server: Holdings) -> None:
    """More than one message may hold, and more than one call."""
    sizes = (3 << 20, 9_000_001, 2_900_000, 1_000_000)
    name = store(own, "large.c", tuple(os.urandom(size) for size in sizes))
    names = [store(own, f"{n}.c", (b"%d" % n,)) for n in range(700)]
    assert "701 hermetic actions, 701 of them new, 16.1 MB sent" in Pusher(own.parent, url).push()
    for file in server.result(name).output_files:
        assert server.cas.blob(file.digest.hash)
    assert sorted(server.names()) == sorted([name, *names])


def test_what_is_left_out_is_counted(own: Path, url: str, server: Holdings) -> None:
    names = fill(own, number=4)
    objects = own / "cas/objects"
    (objects / names[0][:2] / names[0][2:]).unlink()
    output = Holdings(own).result(names[1]).output_files[0].digest.hash
    (objects / output[:2] / output[2:]).write_bytes(b"damaged")
    (own / "actioncache/objects" / names[2][:2] / names[2][2:]).write_bytes(b"\xff")
    store(own, "other.c", (b"o",), "alone")
    store(own, "elsewhere.c", (b"e",), toolchain="OSFamily")
    said = Pusher(own.parent, url).push()
    assert "3 hermetic actions, 1 of them new" in said
    assert "1 whose action is gone here, 2 of other kinds, 2 with an output that is gone here." in said
    assert server.names() == [names[3]]


def test_domains_are_not_mixed(own: Path, url: str, server: Holdings) -> None:
    """Hermetic results out of a cache that local could write are refused; a salt says which those are."""
    hermetic, local = fill(own), fill(own, f"quasi-safe {'0' * 64}")
    manifest = fill(own, "quasi-safe", 1)
    error = Pusher(own.parent, url).refused()
    assert "built in mode local" in str(error) and "--trust-local" in error.remedies[-1]
    assert server.names() == []
    assert "4 quasi-safe actions, 4 of them new" in Pusher(own.parent, url, "quasi-safe").push()
    assert sorted(server.names()) == sorted(local + manifest)
    said = Pusher(own.parent, url).push("--trust-local")
    assert "3 hermetic actions, 3 of them new" in said and "Left out: 4 that are quasi-safe." in said
    assert sorted(server.names()) == sorted(hermetic + local + manifest)


def test_what_it_cannot_do(own: Path, url: str) -> None:
    pusher = Pusher(own.parent, url)
    assert "no compile results" in str(pusher.refused())
    fill(own)
    assert "this client only reads" in str(Pusher(own.parent, url, push=False).refused())
    assert "for hermetic results" in str(Pusher(own.parent, url).refused("--quasi-safe"))
    # A server of another domain, none, and no server's name at all.
    error = Pusher(own.parent, url, "nobody").refused()
    assert "INVALID_ARGUMENT" in str(error) and "instance-name" in error.remedies[0]
    port = free_ports()
    error = pusher.refused(f"127.0.0.1:{port}")
    assert f"http://127.0.0.1:{port}: UNAVAILABLE" in str(error)
    assert "Run it again" in error.remedies[-1]
    pusher.path.write_text("")
    assert "bst-recc cache push ADDRESS" in pusher.refused().remedies[0]


def test_a_server_without_room(own: Path, tmp_path: Path) -> None:
    store(own, "a.c", (os.urandom(50_000),))
    (tmp_path / "server").mkdir()
    with casd(tmp_path / "server", "--local-server-instance=hermetic", "--quota-high=20K") as url:
        error = Pusher(own.parent, url).refused()
    assert f"{url} refuses " in str(error) and "exceeds total storage" in str(error)
