# README.md's section 'Share a cache', typed as it stands on two machines: what one has compiled the other one takes.
# SPDX-License-Identifier: Apache-2.0
"""A machine is a home directory, a BuildStream cache, and namespaces for network and processes, so that each has a
loopback of its own. ssh's place is taken by a program that forwards its ports through sockets that both machines see.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import ROOT, Counts, Project, parse_summary
from helpers import edited
from pages import BLOCK, sections

GREETING = "greeting.bst"
FIRST, OTHER = (block for _, block in BLOCK.findall(sections(ROOT / "README.md")["Share a cache"]))
# bwrap brings the loopback up. Its own /proc is covered in part, and then no sandbox within it can mount one.
NETWORK = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent"]
PROCESSES = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
SECONDS = 900

# With -L, the near end of each tunnel, which listens on ports; else the far end, which listens on sockets.
FORWARD = """
import asyncio, os, re, sys

async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()

def joined(connect):
    async def join(reader, writer):
        there_reader, there = await connect()
        await asyncio.gather(pump(reader, there), pump(there_reader, writer), return_exceptions=True)
    return join

async def main(words):
    tunnels = re.findall(r"-L (\\d+):127.0.0.1:(\\d+)", words)
    for near, far in tunnels:
        await asyncio.start_server(joined(lambda at=far: asyncio.open_unix_connection(at)), "127.0.0.1", int(near))
    for port in () if tunnels else words.split():
        await asyncio.start_unix_server(joined(lambda at=port: asyncio.open_connection("127.0.0.1", int(at))), port)
    print("ready", flush=True)
    os.dup2(2, 1)
    await asyncio.Event().wait()

os.chdir(os.path.dirname(__file__))
asyncio.run(main(" ".join(sys.argv[1:])))
"""


@dataclass
class Machine:
    """A project on a machine."""

    project: Project
    home: Path

    def start(self, script: str) -> subprocess.Popen[str]:
        """Run a script there."""
        environment = {name: value for name, value in self.project.environment.items() if name != "XDG_CONFIG_HOME"}
        environment |= {"HOME": str(self.home), "PATH": f"{self.home}/bin:{environment['PATH']}"}
        command = [*NETWORK, *PROCESSES, "bash", "-ec", script]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command,
            cwd=self.project.path,
            env=environment,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script: str) -> str:
        """What a script prints there; it must succeed."""
        with self.start(script) as process:
            said, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, said[-6000:]
        return said

    def counts(self) -> Counts | None:
        """What recc did in the last build."""
        logs = self.project.cache.glob(f"buildstream/logs/{self.project.name}/greeting/*-build.*.log")
        return parse_summary(max(logs, key=lambda log: log.stat().st_mtime_ns).read_text())


@pytest.fixture
def machines(project: Project, tmp_path: Path, workspace: Path) -> list[Machine]:
    """Two, with toolchain and recc, and without compiles; a tunnel from the second to the first."""
    project.fetch(GREETING, report=warnings.warn)
    project.bst("build", "--deps", "build", GREETING, mode="remote")
    made = []
    for name in "ab":
        machine = project.on_another_machine(workspace / f"machine-{name}")
        machine.empty_action_cache()
        for artifacts in machine.cache.glob("buildstream/artifacts/refs"):
            shutil.rmtree(artifacts / machine.name / "greeting", ignore_errors=True)
        home = tmp_path / name
        (home / ".config").mkdir(parents=True)
        shutil.copy(machine.configuration, home / ".config")
        made.append(Machine(machine, home))
    (tmp_path / "forward.py").write_text(FORWARD)
    ssh = tmp_path / "b/bin/ssh"
    ssh.parent.mkdir()
    # With -f it returns when it forwards.
    start = f"exec 3< <('{sys.executable}' '{tmp_path}/forward.py' \"$*\")\nread -r _ <&3\n"
    ssh.write_text(f'#!/bin/bash\n[ "${{@: -1}}" = cache.example.com ]\n{start}')
    ssh.chmod(0o755)
    return made


@pytest.mark.usefixtures("direct")
def test_share_a_cache(machines: list[Machine], tmp_path: Path) -> None:
    first, other = machines
    assert len((FIRST + OTHER).splitlines()) <= 6
    forward = f"'{sys.executable}' '{tmp_path}/forward.py' 8980 8981"
    script = f"{{\nbst build {GREETING}\n{FIRST}}} </dev/null\n{forward} &\nread -r _ || true\nbst-recc cache down\n"
    with first.start(script) as server:
        assert server.stdin and server.stdout
        said = ""
        for line in server.stdout:
            said += line
            if line == "ready\n":
                break
        try:
            assert said.endswith("ready\n"), said[-6000:]
            assert first.counts() == Counts(2, remote=2)
            assert re.search(r"\b2 of them new\b", said), said[-3000:]
            plain = first.project.artifact(GREETING, tmp_path / "first", "remote")

            said = other.run(OTHER)
            assert "+    instance-name: hermetic\n" in said
            assert other.counts() == Counts(2, hits=2)
            assert other.project.artifact(GREETING, tmp_path / "other", "remote") == plain

            # One package of the toolchain is newer: another key for each compile.
            links = other.project.path / "debian-toolchain/elements/components/gcc-links.bst"
            more = '    touch "%{install-root}%{bindir}/newer"\n'
            with edited(links, links.read_text() + more):
                other.run(OTHER)
                assert other.counts() == Counts(2, remote=2)
                assert "toolchain changed" in other.run("bst-recc report")
        finally:
            server.stdin.close()
            server.stdout.read()
    assert server.returncode == 0
