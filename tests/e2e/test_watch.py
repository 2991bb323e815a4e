# bst-recc report --watch beside a real build, on a terminal.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import pty
import re
import subprocess
import threading

import pytest
from elements import manual
from harness import BIN, Project

CONTROL = re.compile(r"(?:\r|\x1b\[[\d;?]*[A-Za-z])+")
BUILD = manual("files/watched", "cc -c one.c", "cc -O2 -c slow.c", "cc -c bad.c || true", "sleep 3")


class Terminal:
    """A command on a pseudo-terminal; `text` is all that it has written."""

    def __init__(self, project: Project, *command: str) -> None:
        self.text, (ours, theirs) = "", pty.openpty()
        environment = project.environment | {"COLUMNS": "100", "LINES": "40", "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            command, cwd=project.path, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self.reader = threading.Thread(target=self.read, args=(ours,))
        self.reader.start()

    def read(self, ours: int) -> None:
        """Until the command ends."""
        try:
            while data := os.read(ours, 1 << 16):
                self.text += data.decode(errors="replace")
        except OSError:  # what Linux says of a terminal that nobody has any more
            os.close(ours)

    def screens(self) -> list[str]:
        """What was shown, one after the other: a screen ends where lines are taken back."""
        parts = re.split(r"(?:\x1b\[1A\x1b\[2K)+", self.text)
        return [CONTROL.sub("", part) for part in parts]


@pytest.fixture
def watched(fetched: Project) -> str:
    """An element with a compile that takes seconds and one that fails."""
    files = fetched.path / "files/watched"
    files.mkdir()
    (files / "one.c").write_text(f"int one = {int.from_bytes(os.urandom(3), 'big')};\n")
    body = "".join(f"int f{n}(int a) {{ for (int i = 0; i < a; i++) a ^= i * {n}; return a; }}\n" for n in range(4000))
    (files / "slow.c").write_text(body + f"/* {os.urandom(8).hex()} */\n")
    (files / "bad.c").write_text("nonsense\n")
    (fetched.path / "elements/watched.bst").write_text(BUILD)
    return "watched.bst"


def test_the_build_that_runs(fetched: Project, watched: str) -> None:
    """Started before it: waits, shows what is under way, and ends with the report."""
    terminal = Terminal(fetched, str(BIN / "bst-recc"), "report", "--watch", "-c", str(fetched.configuration))
    fetched.build(watched, "local")
    assert terminal.process.wait(60) == 0
    terminal.reader.join()
    screens = terminal.screens()
    seen = [
        "Waiting for a build",
        rf"building: 1 compile, 0 hits.*{watched} +1 +0.*slowest compile under way: slow\.c, \d+ s",
        rf"building: 3 compiles, 0 hits, hit rate 0\.0 %.*failed: bad\.c in {watched}",
        rf"build of .*, recc_mode local.*1 element, 3 compiles.*{watched}",
    ]
    found = 0
    for screen in screens:
        if found < len(seen) and re.search(seen[found], screen, re.DOTALL):
            found += 1
    assert found == len(seen), f"no screen has {seen[found]}:\n" + "\n----\n".join(screens)


def test_ctrl_c_ends_it(fetched: Project) -> None:
    terminal = Terminal(fetched, str(BIN / "bst-recc"), "report", "--watch", "-c", str(fetched.configuration))
    while "Waiting" not in terminal.text:
        assert terminal.process.poll() is None
    terminal.process.send_signal(2)
    assert terminal.process.wait(10) == 130
    terminal.reader.join()
    assert "Traceback" not in terminal.text
