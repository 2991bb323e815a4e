# Starts farms, and builds on them, for the tests.
# SPDX-License-Identifier: Apache-2.0
"""A farm of bst-recc farm, elements whose compiles take a while, and what happened to their objects."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from harness import BIN, ROOT, Build, Project
from helpers import free_ports

WORKERS = ("elements", "worker-1", "worker-2")


def until(condition: Callable[[], object], seconds: float = 10, what: str = "what is waited for") -> None:
    """Wait until `condition` holds; fail after `seconds`."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class Farm:
    """A farm, and a user configuration that builds on it."""

    def __init__(self, project: Project, data: Path) -> None:
        """`data` must be short: sockets are below it."""
        self.project, self.data = project, data
        self.port = free_ports()
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def ports(self) -> list[str]:
        """The option that names its own ports."""
        return ["--port", str(self.port)]

    def command(self, *arguments: str) -> list[str]:
        """The command line of bst-recc farm for this farm."""
        return [str(BIN / "bst-recc"), "farm", arguments[0], "--data", str(self.data), *arguments[1:]]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run it in the project; its output must show no traceback."""
        command, place = self.command(*arguments), self.project.path
        done = subprocess.run(
            command, cwd=place, env=self.project.environment, capture_output=True, text=True, timeout=400
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def up(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Start it, on its own ports."""
        return self.run("up", *self.ports, *arguments, check=check)

    def configure(self) -> None:
        """Let builds of the project use this farm: deploy/farm.conf, with this farm's ports."""
        text = (ROOT / "deploy/farm.conf").read_text()
        text = text.replace(":8985", f":{self.port}").replace(":8986", f":{self.port + 1}")
        self.project.configure(text)

    def supervisorctl(self, *arguments: str) -> str:
        """Tell the supervisor something, as an administrator would."""
        command = [str(BIN / "supervisorctl"), "-c", str(self.data / "run/supervisor.conf"), *arguments]
        return subprocess.run(command, capture_output=True, text=True).stdout

    def pid(self, part: str) -> int:
        """The process of a part."""
        return int(self.supervisorctl("pid", part))

    def listens(self) -> bool:
        """Whether BuildGrid takes connections."""
        try:
            connections = psutil.Process(self.pid("buildgrid")).net_connections()
        except psutil.NoSuchProcess:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == self.port for one in connections)

    def process(self, part: str, program: str) -> int:
        """A process of a part, by the name of its program."""
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            marks = (f"SUPERVISOR_SERVER_URL=unix://{self.data}/run/up.sock", f"SUPERVISOR_PROCESS_NAME={part}")
            if all(mark.encode() in environment for mark in marks) and any(
                Path(word.decode(errors="replace")).name == program for word in command[:5]
            ):
                return int(entry.name)
        return 0

    def kill(self, part: str, program: str = "") -> None:
        """End a part, or one of its programs, as a crash would."""
        os.kill(self.process(part, program) if program else self.pid(part), signal.SIGKILL)

    def log(self, part: str) -> str:
        """A part's log."""
        return (self.data / f"log/{part}.log").read_text(errors="replace")

    def started(self, *workers: str) -> int:
        """Actions that workers (none named: all) have begun in a root of their own: compiles."""
        return sum(self.log(worker).count("Calling LocalCAS.FetchTree") for worker in workers or WORKERS)

    def settled(self, seconds: float = 3) -> int:
        """`started`, when nothing has begun for so long: what somebody gave up may be tried again."""
        number, since = self.started(), time.monotonic()
        while time.monotonic() < since + seconds:
            time.sleep(0.2)
            if (now := self.started()) != number:
                number, since = now, time.monotonic()
        return number

    def recovers(self, seconds: float = 60) -> None:
        """Wait until all is well; fail after `seconds`."""
        until(lambda: self.run("status", check=False).returncode == 0, seconds, "all is well again")


def strays(data: Path) -> list[str]:
    """Processes, mounts and sockets of a farm below `data`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(data).encode() in environment + command.encode() and int(process.name) != os.getpid():
            found.append(f"process {process.name}: {command}")
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f" {data}/" in line]
    found += [f"socket {path}" for path in data.rglob("*") if path.is_socket()]
    return found


MAKEFILE = """\
OBJECTS := $(SOURCES:.cpp=.o)
all: $(OBJECTS)
%.o: %.cpp
	$(CXX) -O1 -c -o $@ $<
install:
	mkdir -p $(DESTDIR)/objects
	cp $(OBJECTS) $(DESTDIR)/objects
"""
# Some tenths of a second each.
HEAVY = """\
#include <map>
#include <string>
std::map<std::string, int> f{number}(const std::string &text) {{
    std::map<std::string, int> counts;
    ++counts[text + "{name}-{number}"];
    return counts;
}}
"""
LIGHT = "int f{number}() {{ return {number}; }}\n"


def add_element(project: Project, name: str, files: int, text: str = HEAVY, salt: str = "") -> str:
    """Add an element that compiles `files` files, and whose artifact is their objects; return its name.

    Elements differ in their build directory, so that none is answered by what another has compiled.
    """
    directory = project.path / "files" / name
    directory.mkdir(parents=True, exist_ok=True)
    sources = [f"f{number}.cpp" for number in range(files)]
    for number, source in enumerate(sources):
        (directory / source).write_text(text.format(number=number, name="farm"))
    (directory / "Makefile").write_text(f"SOURCES := {' '.join(sources)}\n{MAKEFILE}# {salt}\n")
    (project.path / f"elements/{name}.bst").write_text(
        f"""kind: make
build-depends:
- (@): recc.bst:include/gcc-for-recc.yml
- recc.bst:buildsystems/make.bst
sources:
- kind: local
  path: files/{name}
"""
    )
    return f"{name}.bst"


class Running(threading.Thread):
    """A build in the background."""

    def __init__(self, project: Project, element: str) -> None:
        super().__init__(daemon=True)
        self.project, self.element = project, element
        self.build: Build | None = None
        self.start()

    def run(self) -> None:
        """Build; a failure is the caller's to judge."""
        self.build = self.project.build(self.element, "remote", check=False)

    def result(self, seconds: float = 300) -> Build:
        """The finished build."""
        self.join(seconds)
        assert self.build, f"not within {seconds} s"
        return self.build


def errors(output: str) -> list[str]:
    """Lines in which bst says what failed."""
    return re.findall(r"^.*(?:FAILURE|BUG).*$", output, re.MULTILINE)
