# A team's cache: its servers' lives, what its status says, and who may write where.
# SPDX-License-Identifier: Apache-2.0
"""Servers listen on loopback or on Unix sockets."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from farm import until
from harness import BIN
from helpers import free_ports
from servers import nginx
from team import cache, certificates, ended, processes, servers, well

DOMAINS = {"hermetic": 0, "quasi-safe": 1}

pytestmark = pytest.mark.usefixtures("direct")


def files(data: Path) -> set[str]:
    return {path.name for path in data.iterdir()} if data.exists() else set()


KEPT = {"hermetic", "quasi-safe", "log"}


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data directory; whatever runs in it is ended after the test."""
    with ended(tmp_path / "data") as directory:
        yield directory


@pytest.fixture
def sockets(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/run"


# Its servers' lives


@pytest.mark.parametrize("kind", ["port", "socket"])
def test_up_and_down(data: Path, sockets: str, tmp_path: Path, kind: str) -> None:
    bind = f"127.0.0.1:{free_ports()}" if kind == "port" else sockets
    assert "not up" in cache("status", "--data", data, status=1)
    output = cache("up", "--data", data, "--bind", bind)
    assert all(f"{data}/{domain}, at most 20G" in output for domain in DOMAINS)
    running = processes(data)
    assert len(running) == 3
    assert all("--cache-failures=false" in process.cmdline() for process in servers(data))
    assert "already up, and keeps its settings" in cache("up", "--data", data, "--quota", "2G")
    assert processes(data) == running
    assert cache("status", "--data", data).count(": running pid ") == 2

    assert str(data) in cache("down", "--data", data)
    assert not processes(data)
    assert files(data) == KEPT
    assert not (tmp_path / "run").exists() or not files(tmp_path / "run")
    assert "was not up" in cache("down", "--data", data)
    assert "not up" in cache("status", "--data", data, status=1)


def test_a_server_that_dies_comes_back(data: Path, sockets: str) -> None:
    cache("up", "--data", data, "--bind", sockets)
    before = servers(data)
    before[0].kill()
    until(lambda: before[0] not in servers(data) and len(servers(data)) == 2)
    until(lambda: well(data))
    assert before[1] in servers(data)
    assert "terminated by SIGKILL" in (data / "log/supervisor.log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("then", ["up", "down"])
def test_what_a_kill_leaves_behind_does_no_harm(data: Path, sockets: str, tmp_path: Path, then: str) -> None:
    cache("up", "--data", data, "--bind", sockets)
    running = processes(data)
    running[0].kill()
    psutil.wait_procs(running, timeout=10)
    assert not processes(data)
    assert files(tmp_path / "run") == {"hermetic.sock", "quasi-safe.sock"}
    cache("status", "--data", data, status=1)
    cache(then, "--data", data, *(["--bind", sockets] if then == "up" else []))
    assert len(processes(data)) == (3 if then == "up" else 0)
    cache("down", "--data", data)
    assert files(data) == KEPT


@pytest.mark.slow
def test_a_supervisor_that_hangs(data: Path, sockets: str) -> None:
    """Ends with 'down' all the same, after some seconds."""
    cache("up", "--data", data, "--bind", sockets)
    processes(data)[0].suspend()
    cache("down", "--data", data)
    assert not processes(data)
    assert files(data) == KEPT


def test_two_ups_at_once(data: Path, sockets: str) -> None:
    """One starts it, the other one says that; or, if it comes late, finds it up."""
    command = [str(BIN / "bst-recc"), "cache", "up", "--data", str(data), "--bind", sockets]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert 0 in [one.wait(30) for one in both]
    cache("status", "--data", data)
    assert len(processes(data)) == 3


@pytest.mark.parametrize("kind", ["port", "socket"])
def test_address_that_is_taken(data: Path, tmp_path: Path, kind: str) -> None:
    """gRPC's servers would share a port, and each client would meet one or the other."""
    with contextlib.ExitStack() as stack:
        if kind == "port":
            port = free_ports()
            bind = f"127.0.0.1:{port}"
            server = stack.enter_context(socket.create_server(("127.0.0.1", port + 1), reuse_port=True))
        else:
            (tmp_path / "run").mkdir()
            bind = f"unix:{tmp_path}/run"
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(f"{tmp_path}/run/quasi-safe.sock")
        server.listen()
        assert "cannot serve at " in cache("up", "--data", data, "--bind", bind, status=1)
    assert not processes(data)
    assert not data.exists()


def test_directory_that_cannot_be_used(data: Path, sockets: str, tmp_path: Path) -> None:
    data.mkdir()
    (data / "quasi-safe").write_text("mine")
    output = cache("up", "--data", data, "--bind", sockets, status=1)
    assert re.search(r"^bst-recc: .*quasi-safe: .*, Not a directory\.\n  1\. ", output, re.MULTILINE)
    assert not processes(data)
    (tmp_path / "f").touch()
    assert "File exists" in cache("up", "--data", tmp_path / "f", "--bind", sockets, status=1)


def test_interrupted_up(data: Path, sockets: str, tmp_path: Path) -> None:
    """Nothing is left, even of servers that never listen."""
    fake = tmp_path / "bin/buildbox-casd"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec sleep 60 # $*\n")
    fake.chmod(0o755)
    environment = os.environ | {"PATH": f"{fake.parent}:{os.environ['PATH']}"}
    command = [str(BIN / "bst-recc"), "cache", "up", "--data", str(data), "--bind", sockets]

    def sleeping() -> list[psutil.Process]:
        mark = f"unix://{data}/run/up.sock"
        every = psutil.process_iter(["environ"])
        return [one for one in every if (one.info["environ"] or {}).get("SUPERVISOR_SERVER_URL") == mark]

    with subprocess.Popen(command, env=environment) as process:
        until(lambda: len(sleeping()) >= 4)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert not sleeping()
    assert not processes(data)


def test_serve(data: Path, sockets: str, tmp_path: Path) -> None:
    command = [str(BIN / "bst-recc"), "cache", "serve", "--data", str(data), "--bind", sockets]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        until(lambda: len(servers(data)) == 2)
        until(lambda: well(data))
        assert processes(data)[0].pid == process.pid
        process.terminate()
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 0
    assert "bst-recc cache use unix:" in output
    assert not processes(data)
    # The same directory in the background afterwards.
    cache("up", "--data", data, "--bind", sockets)


def test_clear(data: Path, sockets: str) -> None:
    """Of one domain while it is up: the other one keeps what it has, and its server."""
    cache("up", "--data", data, "--bind", sockets)
    before = servers(data)
    secret = os.urandom(30)
    for domain in DOMAINS:
        with Client(f"{sockets}/{domain}.sock", domain) as client:
            assert client.batch(secret) == client.update(secret) == "OK"
    cache("clear", "--data", data, "hermetic")
    until(lambda: well(data))
    for domain, found in (("hermetic", "NOT_FOUND"), ("quasi-safe", "OK")):
        with Client(f"{sockets}/{domain}.sock", domain) as client:
            assert client.read(secret) == client.get(secret) == found, domain
    assert len(set(before) & set(servers(data))) == 1


# Who may write where


class Client:
    """What a client asks of a server, by gRPC."""

    def __init__(self, address: str, instance: str, credentials: Any = None) -> None:
        self.instance = instance
        self.grpc: Any = importlib.import_module("grpc")
        protos = "buildstream._protos"
        execution = f"{protos}.build.bazel.remote.execution.v2.remote_execution_pb2"
        self.api: Any = importlib.import_module(execution)
        stubs: Any = importlib.import_module(f"{execution}_grpc")
        self.bytes: Any = importlib.import_module(f"{protos}.google.bytestream.bytestream_pb2")
        self.local: Any = importlib.import_module(f"{protos}.build.buildgrid.local_cas_pb2")
        streams: Any = importlib.import_module(f"{protos}.google.bytestream.bytestream_pb2_grpc")
        locals_: Any = importlib.import_module(f"{protos}.build.buildgrid.local_cas_pb2_grpc")
        if credentials:
            self.channel = self.grpc.secure_channel(address, credentials)
        else:
            self.channel = self.grpc.insecure_channel(address)
        self.cas = stubs.ContentAddressableStorageStub(self.channel)
        self.cache = stubs.ActionCacheStub(self.channel)
        self.stream = streams.ByteStreamStub(self.channel)
        self.local_cas = locals_.LocalContentAddressableStorageStub(self.channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()

    def digest(self, data: bytes) -> Any:
        return self.api.Digest(hash=hashlib.sha256(data).hexdigest(), size_bytes=len(data))

    def code(self, method: Any, request: Any) -> str:
        """Name of the status that a call ends with."""
        try:
            answer = method(request, timeout=20)
            if hasattr(answer, "__next__"):
                list(answer)
        except self.grpc.RpcError as error:
            return str(error.code().name)
        return "OK"

    def batch(self, data: bytes) -> str:
        requests = [{"digest": self.digest(data), "data": data}]
        return self.code(
            self.cas.BatchUpdateBlobs, self.api.BatchUpdateBlobsRequest(instance_name=self.instance, requests=requests)
        )

    def write(self, data: bytes) -> str:
        """Write a blob as a stream, a megabyte at a time."""
        digest, step = self.digest(data), 1 << 20
        name = f"{self.instance}/uploads/00000000-0000-4000-8000-000000000000/blobs/{digest.hash}/{digest.size_bytes}"
        parts = [
            self.bytes.WriteRequest(
                resource_name="" if at else name,
                write_offset=at,
                data=data[at : at + step],
                finish_write=at + step >= len(data),
            )
            for at in range(0, len(data), step)
        ]
        return self.code(self.stream.Write, iter(parts))

    def read(self, data: bytes) -> str:
        digest = self.digest(data)
        return self.code(
            self.stream.Read,
            self.bytes.ReadRequest(resource_name=f"{self.instance}/blobs/{digest.hash}/{digest.size_bytes}"),
        )

    def update(self, action: bytes) -> str:
        """Store a result of an action."""
        return self.code(
            self.cache.UpdateActionResult,
            self.api.UpdateActionResultRequest(
                instance_name=self.instance, action_digest=self.digest(action), action_result={"exit_code": 3}
            ),
        )

    def get(self, action: bytes) -> str:
        return self.code(
            self.cache.GetActionResult,
            self.api.GetActionResultRequest(instance_name=self.instance, action_digest=self.digest(action)),
        )

    def capture(self) -> str:
        """Have the server take a file of its own into the store: a method of buildbox-casd alone."""
        return self.code(
            self.local_cas.CaptureFiles,
            self.local.CaptureFilesRequest(instance_name=self.instance, path=["/etc/hostname"]),
        )


def test_domains_are_apart_and_last(data: Path, sockets: str) -> None:
    """A result in one is not in the other, and is still there after a restart."""
    secret = os.urandom(30)
    for again in (False, True):
        cache("up", "--data", data, "--bind", sockets)
        clients = [Client(f"{sockets}/{domain}.sock", domain) for domain in DOMAINS]
        with clients[0] as hermetic, clients[1] as quasi_safe:
            if not again:
                assert hermetic.batch(secret) == hermetic.update(secret) == "OK"
            assert hermetic.read(secret) == hermetic.get(secret) == "OK"
            assert quasi_safe.read(secret) == quasi_safe.get(secret) == "NOT_FOUND"
        cache("down", "--data", data)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates(tmp_path_factory.mktemp("certificates"))


def test_nginx(data: Path, sockets: str, tmp_path: Path, secrets: Path) -> None:
    """Who may do what, decided by the server; a domain's unit counts there alone."""
    grpc: Any = importlib.import_module("grpc")
    cache("up", "--data", data, "--bind", sockets)
    servers = {8980 + number: [f"{sockets}/{domain}.sock"] for domain, number in DOMAINS.items()}
    with nginx(tmp_path / "nginx", secrets, servers) as ports:

        def ask(domain: str, name: str | None) -> dict[str, str]:
            pair = [(secrets / f"{name}.{end}").read_bytes() for end in ("key", "crt")] if name else []
            credentials = grpc.ssl_channel_credentials((secrets / "ca.crt").read_bytes(), *pair)
            with Client(f"127.0.0.1:{ports[8990 + DOMAINS[domain]]}", domain, credentials) as client:
                small, large, action = os.urandom(30), os.urandom(6_000_000), os.urandom(30)
                return {
                    "batch": client.batch(small),
                    "write": client.write(large),
                    "read": client.read(large),
                    "update": client.update(action),
                    "get": client.get(action),
                    "capture": client.capture(),
                }

        objects = {"batch": "OK", "write": "OK", "read": "OK", "capture": "UNIMPLEMENTED"}
        reads = objects | {"update": "PERMISSION_DENIED", "get": "NOT_FOUND"}
        writes = objects | {"update": "OK", "get": "OK"}
        for domain in DOMAINS:
            for name in ("reader", "hermetic", "quasi-safe", "forged"):
                assert ask(domain, name) == (writes if name == domain else reads), (domain, name)
            for stranger in (None, "other"):
                assert set(ask(domain, stranger).values()) == {"UNAUTHENTICATED"}, (domain, stranger)
