# A team's cache as tests use it: its commands, its processes, its clients' configurations, and results to push.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from harness import BIN
from servers import authority, certificate

from bst_recc.cache.places import urls
from bst_recc.reapi import digest_of, messages


def cache(*arguments: object, status: int = 0, environment: dict[str, str] | None = None) -> str:
    """Output of bst-recc cache, standard error included; its exit status must be `status`."""
    command = [str(BIN / "bst-recc"), "cache", *map(str, arguments)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, **pipes, timeout=120, env=os.environ | (environment or {}))
    assert done.returncode == status, done.stdout
    assert "Traceback" not in done.stdout
    return str(done.stdout)


def well(data: Path) -> bool:
    """Whether both servers run and answer."""
    command = [str(BIN / "bst-recc"), "cache", "status", "--data", str(data)]
    return subprocess.run(command, capture_output=True).returncode == 0


def processes(data: Path) -> list[psutil.Process]:
    """Everything that runs for a data directory, but for what waits there: the supervisor, then its servers."""
    found = []
    for process in psutil.process_iter(["cmdline", "name"]):
        own = any(str(data) in word for word in process.info["cmdline"] or ())
        if own and process.info["name"] != "sh" and process.pid != os.getpid():
            found.append(process)
    return sorted(found, key=lambda process: process.pid)


def servers(data: Path) -> list[psutil.Process]:
    """The servers that run for a data directory."""
    return [process for process in processes(data) if process.name() == "buildbox-casd"]


@contextmanager
def ended(data: Path) -> Iterator[Path]:
    """A data directory; whatever runs in it is ended in the end."""
    yield data
    for process in processes(data):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def certificates(directory: Path) -> Path:
    """An authority, a server's certificate, those of clients, and one of another authority, in `directory`."""
    for name in ("ca", "other-ca"):
        authority(directory, name)
    certificate(directory, "tls", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1")
    certificate(directory, "reader", "/CN=reader")
    certificate(directory, "hermetic", "/OU=write-hermetic/CN=executor")
    certificate(directory, "quasi-safe", "/O=us/CN=builder/OU=write-quasi-safe")
    certificate(directory, "forged", "/CN=x,OU=write-hermetic,OU=write-quasi-safe/OU=do-not-write-hermetic")
    certificate(directory, "other", "/OU=write-hermetic/CN=executor", by="other-ca")
    return directory


def configuration(path: Path, url: str, domain: str, push: bool = True, **auth: object) -> Path:
    """Write the user configuration of a client of one domain's server; its cache directory is the default one."""
    values = ", ".join(f"{key.replace('_', '-')}: {value}" for key, value in auth.items())
    service = f"url: '{url}', instance-name: {domain}" + (f", auth: {{{values}}}" if auth else "")
    path.write_text(
        f"remote-execution:\n  storage-service: {{{service}}}\n"
        f"  action-cache-service: {{{service}, push: {str(push).lower()}}}\n"
    )
    return path


class Team:
    """A cache of a team, and how a machine builds with it."""

    def __init__(self, data: Path, directory: Path, port: int, *options: str) -> None:
        self.data, self.directory, self.place = data, directory, f"127.0.0.1:{port}"
        cache("up", "--data", data, "--bind", self.place, *options)

    def configuration(self, domain: str = "hermetic", push: bool = True, **auth: object) -> Path:
        """A client's; with `auth` through nginx at `port` of auth."""
        port = auth.pop("port", None)
        url = f"https://127.0.0.1:{port}" if port else urls(self.place)[domain]
        return configuration(self.directory / "buildstream.conf", url, domain, push, **auth)

    def empty(self) -> None:
        """Start anew with nothing stored."""
        cache("clear", "--data", self.data)


def keep(directory: Path, data: bytes, name: str = "") -> Any:
    """Write an object of a storage, named after its digest, or by another name; its digest."""
    digest = digest_of(data)
    name = name or digest.hash
    path = directory / "objects" / name[:2] / name[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return digest


def store(
    directory: Path, text: str, outputs: tuple[bytes, ...], salt: str = "", toolchain: str = "chrootRootDigest"
) -> str:
    """Write the result of an action as casd does into a cache directory; the action's hash."""
    cas = directory / "cas"
    command = keep(cas, messages.Command(arguments=["/usr/bin/gcc", "-c", text]).SerializeToString())
    platform = {"properties": [{"name": toolchain, "value": "0/0"}]}
    action = messages.Action(command_digest=command, salt=salt.encode(), platform=platform)
    digest = keep(cas, action.SerializeToString())
    files = [{"path": f"{number}.o", "digest": keep(cas, data)} for number, data in enumerate(outputs)]
    result = messages.ActionResult(output_files=files, stderr_digest=keep(cas, b""))
    keep(directory / "actioncache", result.SerializeToString(), digest.hash)
    return str(digest.hash)
