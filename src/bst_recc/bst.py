# Running BuildStream.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from bst_recc.errors import ReccError


class Late(ReccError):
    """bst did not end in time."""


def last_line(text: str) -> str:
    """The last line of `text` that is not empty, or '(no message)'."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "(no message)")


def run_bst(directory: Path, *arguments: str, configuration: Path | None = None, timeout: float | None = None) -> str:
    """Run bst in the project in `directory`; return what it printed to stdout.

    `configuration` is a user configuration other than the default one; `timeout` is in seconds.
    Raises ReccError with bst's own message when it fails, and Late when it does not end in time.
    """
    options = ["--no-colors", "--no-interactive", *(["-c", str(configuration)] if configuration else [])]
    command = [sys.executable, "-m", "buildstream", *options, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=directory, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, errors="replace"
    ) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except BaseException as error:
            # Killed, it would leave its sandboxes and buildbox-casd behind.
            process.terminate()
            process.communicate()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise Late(f"bst {shlex.join(arguments)} did not end within {timeout:.0f} s.") from None
    if process.returncode:
        failures = re.findall(r"^\[.*?\] FAILURE (.*)$|^(Error .*)$", errors + output, re.MULTILINE)
        reason = next((one or other for one, other in failures), last_line(errors))
        raise ReccError(f"bst {shlex.join(arguments)}: {reason.strip()}", "Run that command yourself.")
    return output
