# Measures one buildbox-casd with many clients at once: what they push, look up and read, and the server's memory.
# SPDX-License-Identifier: Apache-2.0
"""Usage: .venv/bin/python benchmarks/cache_load.py [--clients N] [--actions N] [--size BYTES] [--quota SIZE].

Each client pushes results of its own as `bst-recc cache push` does. Then it looks all of them up, reads what they
name, and compares it. Where the quota is smaller than all of it, the oldest are gone: not one answer may name an
object that is gone, or bring another one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from servers import casd
from team import store

from bst_recc.cache.holdings import Holdings
from bst_recc.cache.push import AT_ONCE, Sender
from bst_recc.reapi import Endpoint, Remote, RpcError, digest_of, messages

INSTANCE = "hermetic"


def make(directory: Path, actions: int, size: int) -> None:
    """Fill a cache directory with results of random objects, of `size` bytes each."""
    for number in range(actions):
        store(directory, f"{directory.name}-{number}.c", (os.urandom(size),))


def push(url: str, directory: Path) -> None:
    """Send all that a cache directory holds."""
    holdings = Holdings(directory)
    digests = [holdings.action(name)[0] for name in holdings.names()]
    with Remote(Endpoint("storage-service", url, INSTANCE)) as remote:
        for at in range(0, len(digests), AT_ONCE):
            Sender(holdings, remote, remote, Counter()).send(digests[at : at + AT_ONCE])


def read(url: str, directory: Path) -> dict[str, int]:
    """Look all of it up, and read it: how many are there, are gone, or are not what was stored."""
    holdings = Holdings(directory)
    found = {"hits": 0, "misses": 0, "wrong": 0}
    with Remote(Endpoint("storage-service", url, INSTANCE)) as remote:
        for name in holdings.names():
            digest, _ = holdings.action(name)
            query = messages.GetActionResultRequest(instance_name=INSTANCE, action_digest=digest)
            try:
                result = remote.call(remote.action_cache.GetActionResult, query, 60)
            except RpcError as error:
                found["misses" if error.code().name == "NOT_FOUND" else "wrong"] += 1
                continue
            wanted = [file.digest for file in result.output_files]
            request = messages.BatchReadBlobsRequest(instance_name=INSTANCE, digests=wanted)
            answer = remote.call(remote.cas.BatchReadBlobs, request, 60)
            right = result == holdings.result(name) and all(digest_of(r.data) == r.digest for r in answer.responses)
            found["hits" if right else "wrong"] += 1
    return found


def together(what: str, url: str, directories: list[Path]) -> tuple[float, list[dict[str, int]]]:
    """Run one client for each directory, all at once: how many seconds they take, and what they say."""
    start = time.monotonic()
    clients = [
        subprocess.Popen([sys.executable, __file__, "--client", what, url, str(one)], stdout=subprocess.PIPE)
        for one in directories
    ]
    outputs = [client.communicate()[0] for client in clients]
    if any(client.returncode for client in clients):
        raise SystemExit("a client failed.")
    return time.monotonic() - start, [json.loads(output) for output in outputs if output]


def load(clients: int, actions: int, size: int, quota: str) -> dict[str, float]:
    """Seconds to push and to read, rates, the server's most memory in MB, and what was found."""
    with tempfile.TemporaryDirectory(prefix="cache-load-") as name:
        directories = [Path(name) / f"client{number}" for number in range(clients)]
        for directory in directories:
            make(directory, actions, size)
        options = (f"--local-server-instance={INSTANCE}", f"--quota-high={quota}")
        data = Path(name) / "server/cas"
        data.parent.mkdir()
        with casd(data.parent, *options) as url:
            (server,) = (one for one in psutil.process_iter(["cmdline"]) if str(data) in (one.info["cmdline"] or ()))
            pushing, _ = together("push", url, directories)
            reading, said = together("read", url, directories)
            status = Path(f"/proc/{server.pid}/status").read_text()
            peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
            held = Holdings(data).count()
    total = clients * actions
    counts = {key: sum(one[key] for one in said) for key in ("hits", "misses", "wrong")}
    rates = {"pushed a second": total / pushing, "MB pushed a second": total * size / pushing / 1e6}
    rates |= {"looked up a second": total / reading, "MB held": held["bytes"] / 1e6}
    return {"seconds pushing": pushing, "seconds reading": reading, "MB of memory": peak, **rates, **counts}


def main() -> None:
    """Measure, and print a table; or be one client of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--actions", type=int, default=500, help="of each client")
    parser.add_argument("--size", type=int, default=30_000, help="of each object, in bytes")
    parser.add_argument("--quota", default="10G")
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        what, url, directory = options.client
        print(json.dumps(read(url, Path(directory))) if what == "read" else "", end="")
        if what == "push":
            push(url, Path(directory))
        return
    for name, number in load(options.clients, options.actions, options.size, options.quota).items():
        print(f"{name:20} {number:10,.1f}")


if __name__ == "__main__":
    main()
