# How every command ends: errors, Ctrl-C, closed pipes.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from harness import BIN

from bst_recc import cli
from bst_recc.errors import ReccError

BST_RECC = BIN / "bst-recc"


def ends(monkeypatch: pytest.MonkeyPatch, failure: BaseException | None) -> object:
    """The exit status of a command that raises `failure`."""

    @click.command
    def command() -> None:
        if failure:
            raise failure

    monkeypatch.setattr(cli, "group", command)
    monkeypatch.setattr(sys, "argv", ["bst-recc"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_an_error_is_one_line_and_numbered_remedies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(monkeypatch, ReccError("it\x1b[31m is broken.", "Mend it.", "Or not.", detail="line 3")) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "bst-recc: it [31m is broken.\n    line 3\n  1. Mend it.\n  2. Or not.\n"


@pytest.mark.parametrize(
    ("failure", "status", "message"),
    [
        (None, 0, ""),
        (KeyboardInterrupt(), 130, "bst-recc: interrupted.\n"),
        (OSError(28, "No space left on device"), 1, "bst-recc: standard output: No space left on device.\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "bst-recc: /x: Permission denied.\n"),
        (SystemExit(3), 3, ""),
    ],
)
def test_every_end_has_its_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failure: BaseException | None,
    status: int,
    message: str,
) -> None:
    assert ends(monkeypatch, failure) == status
    assert capsys.readouterr().err.lstrip() == message  # click ends the line of a ^C


@pytest.mark.parametrize("name", [None, *cli.COMMANDS])
def test_help_has_an_example(name: str | None) -> None:
    done = subprocess.run([BST_RECC, *([name] if name else []), "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: bst-recc" in done.stdout
    assert name is None or f"bst-recc {name}" in done.stdout.partition("Example: ")[2]


@pytest.mark.parametrize("output", ["2>/dev/null >&-", ">/dev/full", "| true"])
def test_an_output_that_takes_nothing(output: str) -> None:
    done = subprocess.run(["bash", "-c", f"{BST_RECC} report --help {output}"], capture_output=True, text=True)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_outside_of_a_project(name: str, tmp_path: Path) -> None:
    words = {"explain": ["a.o"], "cache": ["status"], "farm": ["status"]}.get(name, [])
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run([BST_RECC, name, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    if name in ("report", "explain", "doctor", "adopt", "lock"):
        assert done.returncode == 1
        assert done.stderr.startswith(f"bst-recc: {tmp_path} is not in a BuildStream project.\n  1. ")
