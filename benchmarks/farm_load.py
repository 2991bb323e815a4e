# Measures what requests and jobs cost BuildGrid, casd and PostgreSQL: the numbers of docs/farm.md.
# SPDX-License-Identifier: Apache-2.0
"""Takes two minutes. The load is bounded in count, and goes to servers alone that are started here, on loopback."""

from __future__ import annotations

import hashlib
import importlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from harness import ROOT, Project, generate
from servers import Farm, buildbox

PREFIX = "buildgrid._protos.build.bazel.remote.execution.v2.remote_execution_pb2"
THREADS = 8
Request = Callable[[Any, int], None]


def cpu(process: psutil.Process) -> float:
    """Seconds of CPU that a process and those below it have used."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        times = one.cpu_times()
        total += times.user + times.system
    return total


class Load:
    """Requests to one BuildGrid, and what they cost each server."""

    def __init__(self, farm: Farm, server: str, processes: dict[str, psutil.Process]) -> None:
        self.grpc: Any = importlib.import_module("grpc")
        self.api: Any = importlib.import_module(PREFIX)
        self.stubs: Any = importlib.import_module(f"{PREFIX}_grpc")
        self.processes, self.server = processes, server
        self.certificate = (farm.secrets / "ca.crt").read_bytes()
        self.metadata = [("authorization", f"Bearer {farm.token('worker/load')}")]

    def channel(self) -> Any:
        """A connection of its own."""
        credentials = self.grpc.ssl_channel_credentials(self.certificate)
        return self.grpc.secure_channel(self.server, credentials, [("grpc.use_local_subchannel_pool", 1)])

    def digest(self, content: bytes) -> Any:
        return self.api.Digest(hash=hashlib.sha256(content).hexdigest(), size_bytes=len(content))

    def measure(self, name: str, request: Request, count: int) -> None:
        """Print what each of `count` requests costs, eight at a time."""
        channels = [self.channel() for _ in range(THREADS)]
        for channel in channels:
            request(channel, 0)
        before = {server: cpu(process) for server, process in self.processes.items()}
        start = time.monotonic()

        def some(number: int) -> None:
            for i in range(count // THREADS):
                request(channels[number], 1 + number * count + i)

        threads = [threading.Thread(target=some, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - start
        costs = "".join(f"{1000 * (cpu(p) - before[server]) / count:12.2f}" for server, p in self.processes.items())
        print(f"{name:32}{costs}{count / seconds:12.0f}", flush=True)

    def look_up(self, channel: Any, number: int) -> None:
        request = self.api.GetActionResultRequest(action_digest=self.digest(f"nothing {number}".encode()))
        try:
            self.stubs.ActionCacheStub(channel).GetActionResult(request, metadata=self.metadata)
        except self.grpc.RpcError as error:
            if error.code() is not self.grpc.StatusCode.NOT_FOUND:
                raise

    def ask(self, channel: Any, number: int) -> None:
        digests = [self.digest(f"{number} {i}".encode()) for i in range(100)]
        request = self.api.FindMissingBlobsRequest(blob_digests=digests)
        self.stubs.ContentAddressableStorageStub(channel).FindMissingBlobs(request, metadata=self.metadata)

    def upload(self, channel: Any, *contents: bytes) -> None:
        kind = self.api.BatchUpdateBlobsRequest
        requests = [kind.Request(digest=self.digest(content), data=content) for content in contents]
        self.stubs.ContentAddressableStorageStub(channel).BatchUpdateBlobs(
            kind(requests=requests), metadata=self.metadata
        )

    def upload_one(self, size: int) -> Request:
        """An upload of so many bytes, each time others."""
        return lambda channel, number: self.upload(channel, b"%020d" % number * (size // 20))

    def download(self, size: int) -> Request:
        """A download of so many bytes, each time the same."""

        def request(channel: Any, number: int) -> None:
            content = b"%020d" % 0 * (size // 20)
            if number == 0:
                self.upload(channel, content)
            asked = self.api.BatchReadBlobsRequest(digests=[self.digest(content)])
            cas = self.stubs.ContentAddressableStorageStub(channel)
            assert cas.BatchReadBlobs(asked, metadata=self.metadata).responses[0].data == content

        return request

    def job(self, channel: Any, number: int) -> None:
        """Have an empty sandbox executed, which fails at once: what is left is what a job costs around its command."""
        pairs = {"ISA": "x86-64", "OSFamily": "linux"}
        properties = [self.api.Platform.Property(name=name, value=value) for name, value in pairs.items()]
        command = self.api.Command(arguments=["/bin/true"], platform=self.api.Platform(properties=properties))
        blobs = [command.SerializeToString(), self.api.Directory().SerializeToString()]
        command_digest, root_digest = map(self.digest, blobs)
        salt = f"{number} {time.time()}".encode()
        action = self.api.Action(
            command_digest=command_digest, input_root_digest=root_digest, do_not_cache=True, salt=salt
        )
        blobs.append(action.SerializeToString())
        self.upload(channel, *blobs)
        request = self.api.ExecuteRequest(action_digest=self.digest(blobs[-1]), skip_cache_lookup=True)
        *_, last = self.stubs.ExecutionStub(channel).Execute(request, metadata=self.metadata, timeout=120)
        response = self.api.ExecuteResponse()
        assert last.response.Unpack(response) and response.status.code == 0, response


def memory(title: str) -> None:
    """Print the resident memory of each server."""
    print(f"\nMemory, {title}:")
    for process in psutil.Process().children(recursive=True):
        # What has ended since it was listed is no server.
        with suppress(psutil.NoSuchProcess):
            words = " ".join(process.cmdline())
            name = re.search(r"bgd|postgres -D|buildbox-casd|buildbox-worker", words)
            if name and "bwrap" not in process.name():
                print(f"  {name[0]:16} {process.memory_info().rss / 1e6:6.0f} MB")


def main() -> int:
    """Start a farm with one worker of two jobs, load it, and stop it; --quick: with a tenth of the load."""
    part = 10 if sys.argv[1:] == ["--quick"] else 1
    with tempfile.TemporaryDirectory(prefix="farm-load-") as directory, ExitStack() as stack:
        path = Path(directory)
        project = Project(generate(path), path / "cache")
        project.fetch("buildsystems/recc-packages.bst", report=print)
        farm = Farm(project, path, stack)
        section = (ROOT / "docs/farm.md").read_text().partition("## Keys and tokens\n")[2].partition("\n## ")[0]
        for block in re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
            subprocess.run(["sh", "-ec", block], cwd=project.path, check=True, capture_output=True)
        farm.programs = buildbox(project, path)
        children = set(psutil.Process().children())

        def started() -> psutil.Process:
            """The child process that was not there before."""
            (new,) = set(psutil.Process().children()) - children
            children.add(new)
            return new

        farm.database()
        processes = {"PostgreSQL": started()}
        farm.environment["BUILDGRID_STORAGE"] = farm.storage()
        processes["casd"] = started()
        farm.serve()
        server = farm.buildgrid("buildgrid", project.path / "deploy/buildgrid.yml")
        processes["BuildGrid"] = started()
        farm.worker("compiles", server, 2)
        load = Load(farm, server, processes)
        memory("idle")
        print(f"\n{'ms of CPU for each':32}{''.join(f'{name:>12}' for name in processes)}{'a second':>12}")
        load.measure("look up a result", load.look_up, 1600 // part)
        load.measure("ask for 100 objects", load.ask, 800 // part)
        load.measure("upload 1 kB", load.upload_one(1000), 800 // part)
        load.measure("upload 1 MB", load.upload_one(1000000), 80 // part)
        load.measure("download 1 kB", load.download(1000), 800 // part)
        load.measure("download 1 MB", load.download(1000000), 160 // part)
        load.measure("a job", load.job, 80 // part)
        memory("after that")
    return 0


if __name__ == "__main__":
    sys.exit(main())
