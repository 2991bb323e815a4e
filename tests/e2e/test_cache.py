# A team's cache: its servers' lives, who may write where, and machines that share compiles.
# SPDX-License-Identifier: Apache-2.0
"""Servers listen on loopback or on Unix sockets; 'machine B' has a BuildStream cache of its own."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
import shutil
import signal
import socket
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from farm import until
from harness import BIN, ROOT, Build, Counts, Project
from helpers import free_ports
from servers import authority, certificate, nginx

DOMAINS = {"hermetic": 0, "quasi-safe": 1}
ELEMENT = "team.bst"
# Objects of about SIZE bytes each.
SOURCES, SIZE = 5, 150_000

pytestmark = pytest.mark.usefixtures("direct")


def cache(*arguments: object, status: int = 0) -> str:
    """Output of bst-recc cache, standard error included; its exit status must be `status`."""
    command = [str(BIN / "bst-recc"), "cache", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == status, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def well(data: Path) -> bool:
    """Whether both servers run and answer."""
    command = [str(BIN / "bst-recc"), "cache", "status", "--data", str(data)]
    return subprocess.run(command, capture_output=True).returncode == 0


def processes(data: Path) -> list[psutil.Process]:
    """Everything that runs for a data directory: the supervisor, then its servers."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(data) in word for word in process.info["cmdline"] or ()) and process.pid != os.getpid():
            found.append(process)
    return sorted(found, key=lambda process: process.pid)


def servers(data: Path) -> list[psutil.Process]:
    return [process for process in processes(data) if process.name() == "buildbox-casd"]


def files(data: Path) -> set[str]:
    return {path.name for path in data.iterdir()} if data.exists() else set()


KEPT = {"hermetic", "quasi-safe", "log"}


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data directory; whatever runs in it is ended after the test."""
    directory = tmp_path / "data"
    yield directory
    for process in processes(directory):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


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
    assert cache("status", "--data", data).count(" running ") == 2

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
        until(lambda: len(sleeping()) == 3)
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
    assert "remote-execution: " in output
    assert not processes(data)
    # The same directory in the background afterwards.
    cache("up", "--data", data, "--bind", sockets)


def test_clear(data: Path, sockets: str) -> None:
    """Of one domain while it is up: the other one keeps what it has, and its server."""
    cache("up", "--data", data, "--bind", sockets)
    before = servers(data)
    secret = os.urandom(30)
    for domain in DOMAINS:
        with Client(f"{sockets}/{domain}.sock") as client:
            assert client.batch(secret) == client.update(secret) == "OK"
    cache("clear", "--data", data, "hermetic")
    until(lambda: well(data))
    for domain, found in (("hermetic", "NOT_FOUND"), ("quasi-safe", "OK")):
        with Client(f"{sockets}/{domain}.sock") as client:
            assert client.read(secret) == client.get(secret) == found, domain
    assert len(set(before) & set(servers(data))) == 1


# Who may write where


class Client:
    """What a client asks of a server, by gRPC."""

    def __init__(self, address: str, credentials: Any = None) -> None:
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
        return self.code(self.cas.BatchUpdateBlobs, self.api.BatchUpdateBlobsRequest(requests=requests))

    def write(self, data: bytes) -> str:
        """Write a blob as a stream, a megabyte at a time."""
        digest, step = self.digest(data), 1 << 20
        name = f"uploads/00000000-0000-4000-8000-000000000000/blobs/{digest.hash}/{digest.size_bytes}"
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
            self.stream.Read, self.bytes.ReadRequest(resource_name=f"blobs/{digest.hash}/{digest.size_bytes}")
        )

    def update(self, action: bytes) -> str:
        """Store a result of an action."""
        return self.code(
            self.cache.UpdateActionResult,
            self.api.UpdateActionResultRequest(action_digest=self.digest(action), action_result={"exit_code": 3}),
        )

    def get(self, action: bytes) -> str:
        return self.code(self.cache.GetActionResult, self.api.GetActionResultRequest(action_digest=self.digest(action)))

    def capture(self) -> str:
        """Have the server take a file of its own into the store: a method of buildbox-casd alone."""
        return self.code(self.local_cas.CaptureFiles, self.local.CaptureFilesRequest(path=["/etc/hostname"]))


def test_domains_are_apart_and_last(data: Path, sockets: str) -> None:
    """A result in one is not in the other, and is still there after a restart."""
    secret = os.urandom(30)
    for again in (False, True):
        cache("up", "--data", data, "--bind", sockets)
        with Client(f"{sockets}/hermetic.sock") as hermetic, Client(f"{sockets}/quasi-safe.sock") as quasi_safe:
            if not again:
                assert hermetic.batch(secret) == hermetic.update(secret) == "OK"
            assert hermetic.read(secret) == hermetic.get(secret) == "OK"
            assert quasi_safe.read(secret) == quasi_safe.get(secret) == "NOT_FOUND"
        cache("down", "--data", data)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a server's certificate, those of clients, and one of another authority."""
    directory = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "other-ca"):
        authority(directory, name)
    certificate(directory, "tls", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1")
    certificate(directory, "reader", "/CN=reader")
    certificate(directory, "hermetic", "/OU=write-hermetic/CN=executor")
    certificate(directory, "quasi-safe", "/O=us/CN=builder/OU=write-quasi-safe")
    certificate(directory, "forged", "/CN=x,OU=write-hermetic,OU=write-quasi-safe/OU=do-not-write-hermetic")
    certificate(directory, "other", "/OU=write-hermetic/CN=executor", by="other-ca")
    return directory


def test_nginx(data: Path, sockets: str, tmp_path: Path, certificates: Path) -> None:
    """Who may do what, decided by the server; a domain's unit counts there alone."""
    grpc: Any = importlib.import_module("grpc")
    cache("up", "--data", data, "--bind", sockets)
    servers = {8980 + number: [f"{sockets}/{domain}.sock"] for domain, number in DOMAINS.items()}
    with nginx(tmp_path / "nginx", certificates, servers) as ports:

        def ask(domain: str, name: str | None) -> dict[str, str]:
            pair = [(certificates / f"{name}.{end}").read_bytes() for end in ("key", "crt")] if name else []
            credentials = grpc.ssl_channel_credentials((certificates / "ca.crt").read_bytes(), *pair)
            with Client(f"127.0.0.1:{ports[8990 + DOMAINS[domain]]}", credentials) as client:
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


# Machines that share compiles


@pytest.fixture(scope="module")
def machine_a(project: Project, workspace: Path) -> Project:
    """A copy of the project with an element of its own, whose dependencies are built and whose compiles are not."""
    directory = workspace / "team" / project.name
    project.fetch("toolchain.bst:components/gcc.bst", "recc.bst:buildsystems/make.bst", report=warnings.warn)
    shutil.copytree(project.path, directory, symlinks=True)
    sources = directory / "files/team"
    sources.mkdir()
    for number in range(SOURCES):
        (sources / f"part{number}.c").write_text(f"char part{number}[{SIZE}] = {{{number + 1}}};\n")
    # The artifact is the objects, to compare.
    (directory / "elements" / ELEMENT).write_text(
        """kind: manual
build-depends:
- (@): recc.bst:include/gcc-for-recc.yml
- recc.bst:buildsystems/make.bst
sources:
- kind: local
  path: files/team
config:
  build-commands:
  - |
    for source in *.c; do gcc -O2 -c "$source"; done
  install-commands:
  - |
    mkdir -p '%{install-root}/team' && cp *.o '%{install-root}/team'
"""
    )
    machine = Project(directory, project.cache)
    # A first build of each key, without recc: dependencies, and what the objects must be.
    machine.bst("build", "--deps", "build", ELEMENT, mode="off")
    return machine


@pytest.fixture(scope="module")
def machine_b(machine_a: Project, workspace: Path) -> Project:
    """The same project on a machine that has the toolchain, and no compile."""
    machine = machine_a.on_another_machine(workspace / "cache-b")
    machine.empty_action_cache()
    return machine


@pytest.fixture(scope="module")
def plain(machine_b: Project, machine_a: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The objects of a compile without recc; made on machine A, after machine B was copied."""
    build = machine_a.build(ELEMENT, "off")
    assert build.counts is None or build.counts.compiles == 0
    objects = machine_a.artifact(ELEMENT, tmp_path_factory.mktemp("plain") / "objects", "off")
    assert len(objects) == SOURCES
    return objects


class Team:
    """A cache of a team, and how a machine builds with it."""

    def __init__(self, data: Path, directory: Path, port: int, *options: str) -> None:
        self.data, self.directory, self.port, self.options = data, directory, port, options
        cache("up", "--data", data, "--bind", f"127.0.0.1:{port}", *options)

    def configuration(self, name: str = "team-cache", push: bool = True, **auth: str) -> Path:
        """A file of deploy/ as somebody adapts it; with `auth` through nginx at `port` of auth."""
        text = (ROOT / f"deploy/{name}.conf").read_text()
        text = text.replace("push: true", f"push: {str(push).lower()}")
        port = int(auth.pop("port", self.port))
        text = text.replace(":8980", f":{port}").replace(":8981", f":{port + 1}")
        if auth:
            values = ", ".join(f"{key.replace('_', '-')}: {value}" for key, value in auth.items())
            text = re.sub(r"^( +url: http)(:.*)$", rf"\1s\2\n    auth: {{{values}}}", text, flags=re.MULTILINE)
        path = self.directory / "buildstream.conf"
        path.write_text(text)
        return path

    def empty(self) -> None:
        """Start anew with nothing stored."""
        cache("clear", "--data", self.data)


@pytest.fixture
def team(data: Path, tmp_path: Path) -> Team:
    return Team(data, tmp_path, free_ports())


def build(machine: Project, configuration: Path, mode: str, *, check: bool = True) -> Build:
    """Build the element on a machine that knows no result of a compile."""
    machine.configuration = configuration
    machine.empty_action_cache()
    return machine.build(ELEMENT, mode, check=check)


def hits() -> Counts:
    return Counts(SOURCES, SOURCES, 0, 0)


def test_hermetic(team: Team, machine_a: Project, machine_b: Project, plain: dict[str, bytes], tmp_path: Path) -> None:
    """What A compiles, B takes, in remote and cache-only; without the server's data B's hits are gone."""
    conf = team.configuration()
    assert build(machine_a, conf, "remote").counts == Counts(SOURCES, 0, 0, SOURCES)
    assert build(machine_b, conf, "remote").counts == hits()
    assert machine_b.artifact(ELEMENT, tmp_path / "remote", "remote") == plain
    conf = team.configuration(push=False)
    assert build(machine_b, conf, "cache-only").counts == hits()
    team.empty()
    # Nor does this build give it anything, with push: false; the next one finds nothing again.
    for _ in range(2):
        assert build(machine_b, conf, "cache-only").counts == Counts(SOURCES, 0, SOURCES, 0)


def test_quasi_safe(
    team: Team, machine_a: Project, machine_b: Project, plain: dict[str, bytes], tmp_path: Path
) -> None:
    """The same in mode local; and neither mode takes anything from the other's server."""
    conf = team.configuration("team-cache-local")
    assert build(machine_a, conf, "local").counts == Counts(SOURCES, 0, SOURCES, 0)
    assert build(machine_b, conf, "local").counts == hits()
    assert machine_b.artifact(ELEMENT, tmp_path / "local", "local") == plain
    stored = [len(list((team.data / domain / "actioncache").rglob("*"))) for domain in DOMAINS]
    assert stored[0] < stored[1]
    assert build(machine_b, team.configuration(), "cache-only").counts == Counts(SOURCES, 0, SOURCES, 0)


def test_through_nginx(
    team: Team, machine_a: Project, machine_b: Project, plain: dict[str, bytes], tmp_path: Path, certificates: Path
) -> None:
    """A reader builds, with misses and with hits, and stores nothing; the writer's results are for all."""
    with nginx(tmp_path / "nginx", certificates, {8980: [f"127.0.0.1:{team.port}"]}) as ports:

        def conf(name: str | None, push: bool) -> Path:
            auth = {"client_key": f"{certificates}/{name}.key", "client_cert": f"{certificates}/{name}.crt"}
            return team.configuration(
                push=push, port=str(ports[8990]), server_cert=f"{certificates}/ca.crt", **(auth if name else {})
            )

        misses = Counts(SOURCES, 0, 0, SOURCES)
        assert build(machine_b, conf("reader", False), "remote").counts == misses
        refused = build(machine_b, conf("reader", True), "remote", check=False)
        assert refused.status
        assert "may not write to the action cache: configure push as false" in refused.log
        assert build(machine_a, conf("hermetic", True), "remote").counts == misses
        assert build(machine_b, conf("reader", False), "remote").counts == hits()
        assert machine_b.artifact(ELEMENT, tmp_path / "objects", "remote") == plain
        nobody = build(machine_b, conf(None, False), "remote", check=False)
        assert nobody.status
        assert "a certificate of a client is needed" in nobody.output
        assert "BatchUpdateBlobs HTTP/2.0" in (tmp_path / "nginx/access.log").read_text()


def test_quota_and_a_crash_in_a_build(data: Path, machine_b: Project, plain: dict[str, bytes], tmp_path: Path) -> None:
    """A server that holds a part of the objects alone, and is killed once: the build is right all the same."""
    team = Team(data, tmp_path, free_ports(), "--quota", "500K", "--reserved", "0")
    killed: list[psutil.Process] = []

    def kill(line: str) -> None:
        if not killed and re.search(r" START +\S+/team/\S+-build\.\S+\.log", line):
            killed.append(servers(data)[0])
            killed[0].kill()

    machine_b.follow = kill
    try:
        assert build(machine_b, team.configuration(), "remote").counts == Counts(SOURCES, 0, 0, SOURCES)
    finally:
        machine_b.follow = None
    assert killed and killed[0] not in servers(data)
    assert machine_b.artifact(ELEMENT, tmp_path / "objects", "remote") == plain
    stored = sum(path.stat().st_size for path in (data / "hermetic").rglob("*") if path.is_file())
    assert stored < 600_000 < SOURCES * SIZE
