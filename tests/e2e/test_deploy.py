# The farm for several hosts: its files are what their engines expect, and its keys, tokens and roles hold.
# SPDX-License-Identifier: Apache-2.0
"""Servers run on loopback, from deploy/ and the commands of docs/farm.md, with TLS."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from harness import BIN, ROOT, Counts, Project
from helpers import edited, without_proxies
from pages import follow, patch, sections
from ruamel.yaml import YAML
from servers import Farm, buildbox, passes

DEPLOY = ROOT / "deploy"
PAGE = ROOT / "docs/farm.md"
GREETING = "examples/greeting.bst"
URL = "https://farm.example.com:50051"
REAPI = "build.bazel.remote.execution.v2"


# Files


def test_schemas() -> None:
    passes(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yml")
    passes(BIN / "bgd", "server", "lint", DEPLOY / "buildgrid.yml")


def test_sharded_storage_is_what_buildgrid_expects(tmp_path: Path) -> None:
    """The change that docs/farm.md shows."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    change = re.search(r"```diff\n(.*?)```", sections(PAGE)["Growth"], re.DOTALL)
    assert change
    patch(tmp_path, change[1])
    passes(BIN / "bgd", "server", "lint", tmp_path / "deploy/buildgrid.yml")


def test_the_image_has_what_it_copies() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    assert copied and all((ROOT / name).is_file() for names in copied for name in names.split())


def test_compose_sets_what_buildgrid_and_workers_read() -> None:
    services = YAML(typ="safe").load(DEPLOY / "compose.yml")["services"].values()
    given = {
        name: [one["environment"] for one in services if one.get("command", [])[:1] == [name]]
        for name in ("bgd", "worker")
    }
    read = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "buildgrid.yml").read_text()))
    assert [read <= set(one) for one in given["bgd"] if "BUILDGRID_ADDRESS" in one] == [True]
    assert sorted(one["WORKER_TIER"] for one in given["worker"]) == ["compiles", "elements"]
    known = set(re.findall(r"\b((?:BUILDGRID|WORKER)_\w+)\b", (DEPLOY / "worker").read_text()))
    assert all(set(one) <= known and "BUILDGRID_URL" in one for one in given["worker"])


def test_units_run_what_there_is() -> None:
    """Each command of bst-recc in a unit that docs/farm.md shows is one, with these options."""
    lines = re.findall(r"^ExecStart=\S*/bst-recc (\w+) (\w+)(.*)$", PAGE.read_text(), re.MULTILINE)
    assert {(group, name) for group, name, _ in lines} == {("cache", "serve"), ("farm", "serve")}
    for group, name, options in lines:
        shown = subprocess.run([BIN / "bst-recc", group, name, "--help"], capture_output=True, text=True)
        assert shown.returncode == 0 and all(word in shown.stdout for word in re.findall(r"--\S+", options))


# Servers


@pytest.fixture(scope="module")
def farm(fetched: Project, metrics: socket.socket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """PostgreSQL and storage, keys and tokens as docs/farm.md makes them, and buildbox as the image has it."""
    directory = tmp_path_factory.mktemp("farm")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patcher:
        without_proxies(patcher)
        farm = Farm(fetched, directory, stack)
        shutil.copytree(DEPLOY, fetched.path / "deploy")
        stack.callback(shutil.rmtree, fetched.path / "deploy")
        follow(fetched, sections(PAGE)["Keys and tokens"])
        farm.programs = buildbox(fetched, directory)
        farm.database()
        farm.environment["BUILDGRID_STORAGE"] = farm.storage()
        farm.serve(f"127.0.0.1:{metrics.getsockname()[1]}")
        yield farm


@pytest.fixture(scope="module")
def metrics() -> Iterator[socket.socket]:
    """Where BuildGrid sends its metrics."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(30)
        yield listener


@pytest.fixture(scope="module")
def server(farm: Farm) -> str:
    """BuildGrid's host and port."""
    return farm.buildgrid("buildgrid", farm.project.path / "deploy/buildgrid.yml")


# Keys and tokens

grpc: Any = importlib.import_module("grpc")
jwt: Any = importlib.import_module("jwt")

SERVICES = {
    f"{REAPI}.Capabilities": ["GetCapabilities"],
    f"{REAPI}.ActionCache": ["GetActionResult", "UpdateActionResult"],
    f"{REAPI}.ContentAddressableStorage": ["FindMissingBlobs", "BatchReadBlobs", "BatchUpdateBlobs"],
    f"{REAPI}.Execution": ["Execute", "WaitExecution"],
    "google.longrunning.Operations": ["ListOperations", "CancelOperation"],
    "google.devtools.remoteworkers.v1test2.Bots": ["CreateBotSession", "UpdateBotSession"],
}
READS = {"GetCapabilities", "GetActionResult", "FindMissingBlobs", "BatchReadBlobs", "BatchUpdateBlobs"}
EXECUTES = {"Execute", "WaitExecution", "CancelOperation"}
MAY = {
    "reader": READS,
    "builder": READS | EXECUTES,
    "worker": READS | EXECUTES | {"CreateBotSession", "UpdateBotSession"},
    "writer": READS | {"UpdateActionResult"},
}


def channel(server: str, certificate: Path | None) -> Any:
    """A channel to BuildGrid that trusts `certificate`, or one without TLS."""
    if certificate is None:
        return grpc.insecure_channel(server)
    return grpc.secure_channel(server, grpc.ssl_channel_credentials(certificate.read_bytes()))


def allowed(channel: Any, token: str | None) -> set[str]:
    """Those of SERVICES that BuildGrid does not refuse to a token; the requests are empty and do nothing."""
    metadata = [("authorization", f"Bearer {token}")] if token is not None else []
    found = set()
    for service, methods in SERVICES.items():
        for method in methods:
            call = channel.unary_stream(f"/{service}/{method}")
            try:
                for _ in call(b"", metadata=metadata, timeout=20):
                    pass
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                    continue
                assert error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED), error
            found.add(method)
    return found


def test_roles(farm: Farm, server: str) -> None:
    with channel(server, farm.secrets / "ca.crt") as secure:
        for role, expected in MAY.items():
            assert allowed(secure, farm.token(f"{role}/somebody")) == expected, role
        for name, role in (("worker", "worker"), ("alice", "builder"), ("merge-requests", "reader")):
            assert allowed(secure, (farm.secrets / f"{name}.token").read_text().strip()) == MAY[role], name


def test_metrics(farm: Farm, server: str, metrics: socket.socket) -> None:
    """Of those that docs/farm.md names: one that a request brings, and one of the scheduler."""
    with channel(server, farm.secrets / "ca.crt") as secure:
        allowed(secure, farm.token("reader/x"))
    wanted = {
        r"buildgrid\.rpc\.duration\.ms:.*\|ms\|#.*method:GetActionResult",
        r"buildgrid\.scheduler\.bots\.count:\d",
    }
    while wanted:
        line = metrics.recv(65536).decode()
        wanted -= {pattern for pattern in wanted if re.search(pattern, line)}


def test_named_metrics_are_buildgrids() -> None:
    names = importlib.import_module("buildgrid.server.metrics_names").METRIC
    found = {
        value.replace("{name}", "sql-provider")
        for group in vars(names).values()
        if isinstance(group, type)
        for value in vars(group).values()
        if isinstance(value, str)
    }
    named = re.findall(r"`buildgrid\.([a-z_.-]+)`", sections(PAGE)["What to watch"])
    assert len(named) > 6
    assert set(named) <= found


def test_without_a_valid_token_nothing_is_allowed(farm: Farm, server: str) -> None:
    key, public = ((farm.secrets / name).read_text() for name in ("jwt.key", "jwt.pub"))
    other = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True).stdout
    good = {"sub": "worker/x", "aud": "recc-farm", "exp": int(time.time()) + 60}
    assert isinstance(key, str)

    def signed(key: str | None = key, algorithm: str = "RS256", **claims: Any) -> str:
        content = {name: value for name, value in (good | claims).items() if value is not None}
        token: str = jwt.encode(content, key, algorithm)
        return token

    # As in an attack in which the public key is taken for a secret; the library refuses to make one.
    parts = signed().split(".")
    shared = signed("x" * 32, "HS256").rsplit(".", 1)[0]
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", public, "-binary"],
        input=shared.encode(),
        check=True,
        capture_output=True,
    ).stdout
    tokens = {
        "none": None,
        "empty": "",
        "no token": "letters",
        "expired": signed(exp=int(time.time()) - 60),
        "endless": signed(exp=None),
        "of another key": signed(other),
        "for another audience": signed(aud="another"),
        "for no audience": signed(aud=None),
        "unsigned": signed(None, "none"),
        "with the public key as a secret": f"{shared}.{jwt.utils.base64url_encode(digest).decode()}",
        "cut": ".".join([*parts[:2], parts[2][:-8]]),
        "of no role": signed(sub="nobody/x"),
        "of a role inside": signed(sub="nobody/worker/x"),
        "of nobody": signed(sub=None),
    }
    with channel(server, farm.secrets / "ca.crt") as secure:
        assert allowed(secure, signed())
        for name, token in tokens.items():
            assert not allowed(secure, token), name


def test_only_tls_with_a_trusted_certificate(farm: Farm, server: str, tmp_path: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=recc farm"]
    subprocess.run(
        [*command, "-keyout", tmp_path / "key", "-out", tmp_path / "other.crt"], check=True, capture_output=True
    )
    for certificate in (None, tmp_path / "other.crt"):
        with channel(server, certificate) as wrong, pytest.raises(grpc.RpcError) as caught:
            metadata = [("authorization", f"Bearer {farm.token('worker/x')}")]
            wrong.unary_unary(f"/{REAPI}.Capabilities/GetCapabilities")(b"", metadata=metadata, timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["builder/alice"], "three arguments"),
        (["nothing.key", "builder/alice", "9"], "cannot read nothing.key"),
        (["{key}", "alice", "9"], "'alice' is not ROLE/NAME"),
        (["{key}", "root/alice", "9"], "'root/alice' is not ROLE/NAME"),
        (["{key}", "builder/", "9"], "'builder/' is not ROLE/NAME"),
        (["{key}", 'reader/","sub":"worker/x', "9"], "other characters"),
        (["{key}", "builder/alice", "never"], "'never' is not a number of days"),
        (["{key}", "builder/alice", "0"], "'0' is not a number of days"),
    ],
)
def test_token_refuses(tmp_path: Path, arguments: list[str], error: str) -> None:
    (tmp_path / "jwt.key").write_text("")
    words = [word.replace("{key}", str(tmp_path / "jwt.key")) for word in arguments]
    done = subprocess.run([DEPLOY / "token", *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    first, *remedies = done.stderr.splitlines()
    assert first.startswith("token: ") and error in first and remedies[0].startswith("  1. ")


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({}, "BUILDGRID_URL is not set"),
        ({"BUILDGRID_URL": "https://x:1", "WORKER_TIER": "elements"}, "there is no /nowhere/worker.token"),
        ({"BUILDGRID_URL": "https://x:1", "WORKER_SECRETS": "{here}"}, "WORKER_TIER is ''"),
        ({"BUILDGRID_URL": "https://x:1", "WORKER_SECRETS": "{here}", "WORKER_DIRECTORY": "x"}, "is 'x'"),
    ],
)
def test_worker_refuses(tmp_path: Path, variables: dict[str, str], error: str) -> None:
    (tmp_path / "worker.token").write_text("token")
    given = {"WORKER_SECRETS": "/nowhere"} | {
        name: value.replace("{here}", str(tmp_path)) for name, value in variables.items()
    }
    done = subprocess.run([DEPLOY / "worker"], env={"PATH": os.environ["PATH"]} | given, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    first, *remedies = done.stderr.splitlines()
    assert first.startswith("worker: ") and error in first and remedies[0].startswith("  1. ")


# Builds


def client(farm: Farm, server: str, token: Path, *, execute: bool = True, push: bool = False) -> str:
    """The user configuration of docs/farm.md, for another server, with or without execution and pushing."""
    snippet = re.search(r"```yaml\n(.*?)```", sections(PAGE)["Clients"], re.DOTALL)
    assert snippet and snippet[1].count(URL) == 3
    text = snippet[1].replace(URL, f"https://{server}")
    text = text.replace("/path/to/ca.crt", str(farm.secrets / "ca.crt")).replace("/path/to/alice.token", str(token))
    if not execute:
        text = re.sub(r"  execution-service:\n(    .*\n)+", "", text)
    if push:
        text = text.replace("  action-cache-service:\n", "  action-cache-service:\n    push: true\n")
    return text


def executed(log: Path) -> int:
    """How many jobs a worker has ended well."""
    return log.read_text().count("Runner exited with code 0")


def test_build_with_two_servers_and_two_tiers(farm: Farm, server: str, tmp_path: Path) -> None:
    """Compiles of an element asked for at one BuildGrid, and executed by a worker of another one on the same database.

    Then who may only read has hits; a writer's results are there for others, and a reader's are not.
    """
    project = farm.project
    # What it needs is not to be counted.
    project.bst("build", *project.show(GREETING, mode="remote", deps="build"), mode="remote")
    second = farm.buildgrid("second", project.path / "deploy/buildgrid.yml")
    # One job: the element holds it while its compiles run.
    logs = {"elements": farm.worker("elements", server, 1), "compiles": farm.worker("compiles", second, 2)}
    source = project.path / "files/greeting/main.cpp"
    text = source.read_text()
    reader = farm.secrets / "merge-requests.token"
    writer = tmp_path / "writer.token"
    writer.write_text(farm.token("writer/main"))

    def build(configuration: str, mode: str, *, works: bool = True) -> Counts | None:
        project.empty_action_cache()
        project.configure(configuration)
        done = project.build(GREETING, mode, check=works)
        assert works or done.status
        return done.counts

    try:
        with edited(source, f"{text}int farm_1;\n"):
            before = executed(logs["elements"])
            assert build(client(farm, server, farm.secrets / "alice.token"), "remote") == Counts(2, remote=2)
            assert executed(logs["compiles"]) == 2
            assert executed(logs["elements"]) > before
            assert build(client(farm, second, reader, execute=False), "cache-only") == Counts(2, hits=2)
        # Compiled on the client, in its own sandbox: only a writer's results get into the action cache.
        with edited(source, f"{text}int farm_2;\n"):
            build(client(farm, server, reader, execute=False, push=True), "remote", works=False)
            assert build(client(farm, server, writer, execute=False, push=True), "remote") == Counts(
                2, hits=1, remote=1
            )
            assert build(client(farm, server, reader, execute=False), "cache-only") == Counts(2, hits=2)
        assert executed(logs["compiles"]) == 2
    finally:
        project.configure()
