# The farm for several hosts: its files are what their engines expect, and its certificates decide.
# SPDX-License-Identifier: Apache-2.0
"""Servers run on loopback, from deploy/ and the commands of deploy/README.md."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from harness import BIN, ROOT, Counts, Project
from helpers import edited, without_proxies
from pages import follow, patch, sections
from ruamel.yaml import YAML
from servers import Farm, authority, buildbox, certificate, nginx, passes

DEPLOY = ROOT / "deploy"
PAGE = ROOT / "deploy/README.md"
GREETING = "greeting.bst"
URL = "https://farm.example.com:50051"
REAPI = "build.bazel.remote.execution.v2"


# Files


def test_schemas() -> None:
    passes(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yml")
    passes(BIN / "bgd", "server", "lint", DEPLOY / "buildgrid.yml")


def test_sharded_storage_is_what_buildgrid_expects(tmp_path: Path) -> None:
    """The change that deploy/README.md shows."""
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
    lines = re.findall(r"^ExecStart=\S*/bst-recc (\w+) (\w+)(.*)$", (ROOT / "docs/farm.md").read_text(), re.MULTILINE)
    assert {(group, name) for group, name, _ in lines} == {("cache", "serve"), ("farm", "serve")}
    for group, name, options in lines:
        shown = subprocess.run([BIN / "bst-recc", group, name, "--help"], capture_output=True, text=True)
        assert shown.returncode == 0 and all(word in shown.stdout for word in re.findall(r"--\S+", options))


# Servers


@pytest.fixture(scope="module")
def farm(fetched: Project, metrics: socket.socket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """Certificates as deploy/README.md makes them, nginx before two BuildGrids, and buildbox as the image has it."""
    directory = tmp_path_factory.mktemp("farm")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patcher:
        without_proxies(patcher)
        farm = Farm(fetched, directory, stack)
        shutil.copytree(DEPLOY, fetched.path / "deploy")
        stack.callback(shutil.rmtree, fetched.path / "deploy")
        follow(fetched, sections(PAGE)["Certificates"])
        farm.programs = buildbox(fetched, directory)
        farm.database()
        farm.environment["BUILDGRID_STORAGE"] = farm.storage()
        farm.environment["BUILDGRID_STATSD"] = f"127.0.0.1:{metrics.getsockname()[1]}"
        both = [farm.buildgrid(name) for name in ("buildgrid", "second")]
        ports = stack.enter_context(nginx(directory / "nginx", farm.secrets, {8985: both}))
        farm.address = f"127.0.0.1:{ports[50051]}"
        yield farm


@pytest.fixture(scope="module")
def metrics() -> Iterator[socket.socket]:
    """Where BuildGrid sends its metrics."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(30)
        yield listener


# Certificates

grpc: Any = importlib.import_module("grpc")

SERVICES = {
    f"{REAPI}.Capabilities": ["GetCapabilities"],
    f"{REAPI}.ActionCache": ["GetActionResult", "UpdateActionResult"],
    f"{REAPI}.ContentAddressableStorage": ["FindMissingBlobs", "BatchReadBlobs", "BatchUpdateBlobs"],
    f"{REAPI}.Execution": ["Execute", "WaitExecution"],
    "google.longrunning.Operations": ["GetOperation", "ListOperations", "CancelOperation"],
    "google.devtools.remoteworkers.v1test2.Bots": ["CreateBotSession", "UpdateBotSession"],
    "build.buildgrid.Introspection": ["ListWorkers"],
}
READS = {"GetCapabilities", "GetActionResult", "FindMissingBlobs", "BatchReadBlobs", "BatchUpdateBlobs"}
EXECUTES = {"Execute", "WaitExecution", "GetOperation", "CancelOperation"}
WORKS = {"CreateBotSession", "UpdateBotSession"}
MAY = {
    "/CN=reader": READS,
    "/OU=builder/CN=x": READS | EXECUTES,
    "/CN=x/OU=worker": READS | EXECUTES | WORKS,
    "/O=us/OU=writer/OU=us": READS | {"UpdateActionResult"},
    "/OU=write-hermetic/CN=x": READS,
    "/CN=x,OU=worker/OU=no-builder/OU=workers": READS,
}


def ask(farm: Farm, name: str | None) -> dict[str, str]:
    """The status of each method of SERVICES for a certificate; the requests are empty and do nothing."""
    pair = [(farm.secrets / f"{name}.{end}").read_bytes() for end in ("key", "crt")] if name else []
    credentials = grpc.ssl_channel_credentials((farm.secrets / "ca.crt").read_bytes(), *pair)
    codes = {}
    with grpc.secure_channel(farm.address, credentials) as channel:
        for service, methods in SERVICES.items():
            for method in methods:
                call = channel.unary_stream(f"/{service}/{method}")(b"", timeout=20)
                with suppress(grpc.RpcError):
                    list(call)
                codes[method] = call.code().name
    return codes


def allowed(farm: Farm, name: str) -> set[str]:
    """Those of SERVICES that a certificate is not refused."""
    codes = ask(farm, name)
    assert "UNAVAILABLE" not in codes.values()
    return {method for method, code in codes.items() if code not in ("PERMISSION_DENIED", "UNIMPLEMENTED")}


def test_roles(farm: Farm) -> None:
    for subject, expected in MAY.items():
        certificate(farm.secrets, "one", subject)
        assert allowed(farm, "one") == expected, subject
    for name, role in (("worker", "/CN=x/OU=worker"), ("alice", "/OU=builder/CN=x"), ("merge-requests", "/CN=reader")):
        assert allowed(farm, name) == MAY[role], name


def test_without_a_valid_certificate_nothing_is_allowed(farm: Farm) -> None:
    authority(farm.secrets, "other-ca")
    certificate(farm.secrets, "other", "/OU=worker/CN=x", by="other-ca")
    certificate(farm.secrets, "ended", "/OU=worker/CN=x", days=-1)
    certificate(farm.secrets, "below", "/OU=worker/CN=x", by="worker")
    for name in (None, "other", "ended", "below"):
        assert set(ask(farm, name).values()) == {"UNAUTHENTICATED"}, name
    with grpc.insecure_channel(farm.address) as channel:
        call = channel.unary_stream(f"/{REAPI}.Capabilities/GetCapabilities")(b"", timeout=20)
        assert call.code() is grpc.StatusCode.UNAVAILABLE


def test_metrics(farm: Farm, metrics: socket.socket) -> None:
    """Of those that deploy/README.md names: one that a request brings, and one of the scheduler."""
    ask(farm, "alice")
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


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({}, "BUILDGRID_URL is not set"),
        ({"BUILDGRID_URL": "https://x:1", "WORKER_TIER": "elements"}, "there is no /nowhere/worker.key"),
        ({"BUILDGRID_URL": "https://x:1", "WORKER_SECRETS": "{here}"}, "WORKER_TIER is ''"),
        ({"BUILDGRID_URL": "https://x:1", "WORKER_SECRETS": "{here}", "WORKER_DIRECTORY": "x"}, "is 'x'"),
    ],
)
def test_worker_refuses(tmp_path: Path, variables: dict[str, str], error: str) -> None:
    for name in ("worker.key", "worker.crt", "ca.crt"):
        (tmp_path / name).touch()
    given = {"WORKER_SECRETS": "/nowhere"} | {
        name: value.replace("{here}", str(tmp_path)) for name, value in variables.items()
    }
    done = subprocess.run([DEPLOY / "worker"], env={"PATH": os.environ["PATH"]} | given, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    first, *remedies = done.stderr.splitlines()
    assert first.startswith("worker: ") and error in first and remedies[0].startswith("  1. ")


# Builds


def client(farm: Farm, name: str, *, execute: bool = True, push: bool = False) -> str:
    """The user configuration of deploy/README.md, for this farm and a certificate."""
    snippet = re.search(r"```yaml\n(.*?)```", sections(PAGE)["Clients"], re.DOTALL)
    assert snippet and snippet[1].count(URL) == 3
    text = snippet[1].replace(URL, f"https://{farm.address}").replace("alice", name)
    text = re.sub(r"[\w-]+\.(crt|key)", rf"{farm.secrets}/\g<0>", text)
    if not execute:
        text = re.sub(r"  execution-service:\n(    .*\n)+", "", text)
    if push:
        text = text.replace("  action-cache-service:\n", "  action-cache-service:\n    push: true\n")
    return text


def executed(log: Path) -> int:
    """How many jobs a worker has ended well."""
    return log.read_text().count("Runner exited with code 0")


@pytest.mark.slow
def test_build_with_two_servers_and_two_tiers(farm: Farm) -> None:
    """Each request goes to one or the other of two BuildGrids on the same database.

    Then who may only read has hits; a writer's results are there for others, and a reader's are not.
    """
    project = farm.project
    # What it needs is not to be counted.
    project.bst("build", *project.show(GREETING, mode="remote", deps="build"), mode="remote")
    # One job: the element holds it while its compiles run.
    logs = {tier: farm.worker(tier, jobs) for tier, jobs in (("elements", 1), ("compiles", 2))}
    source = project.path / "files/greeting/main.cpp"
    text = source.read_text()
    certificate(farm.secrets, "writer", "/OU=writer/CN=main")
    reader = client(farm, "merge-requests", execute=False)

    def build(configuration: str, mode: str, *, works: bool = True) -> Counts | None:
        project.empty_action_cache()
        project.configure(configuration)
        done = project.build(GREETING, mode, check=works)
        assert works or done.status
        return done.counts

    try:
        with edited(source, f"{text}int farm_1;\n"):
            before = executed(logs["elements"])
            assert build(client(farm, "alice"), "remote") == Counts(2, remote=2)
            assert executed(logs["compiles"]) == 2
            assert executed(logs["elements"]) > before
            assert build(reader, "cache-only") == Counts(2, hits=2)
        # Compiled on the client, in its own sandbox: only a writer's results get into the action cache.
        with edited(source, f"{text}int farm_2;\n"):
            build(client(farm, "merge-requests", execute=False, push=True), "remote", works=False)
            writer = client(farm, "writer", execute=False, push=True)
            assert build(writer, "remote") == Counts(2, hits=1, remote=1)
            assert build(reader, "cache-only") == Counts(2, hits=2)
        assert executed(logs["compiles"]) == 2
    finally:
        project.configure()
