# What cache and farm share: their arguments, supervisor's configuration, one command at a time.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from click.testing import CliRunner

from bst_recc.cli import group
from bst_recc.errors import ReccError
from bst_recc.services import Servers, render


@pytest.mark.parametrize(
    "words",
    [
        "cache up --bind 8980",
        "cache up --bind 127.0.0.1:65535",
        f"cache up --bind unix:/{90 * 'x'}",
        f"cache up --data /{90 * 'x'}",
        "cache up --quota 1.5G",
        "cache serve --reserved -1",
        "cache down --quota 1G",
        "cache clear everything",
        "cache sideways",
        "farm up --workers 0",
        "farm up --port 80",
    ],
)
def test_wrong_arguments(words: str) -> None:
    assert CliRunner().invoke(group, words.split()).exit_code == 2


@pytest.mark.parametrize("name", ["cache", "farm"])
def test_not_up(name: str, tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]
    done = CliRunner().invoke(group, [name, "status", *data], standalone_mode=False)
    assert done.return_value == 1 and "is not up" in done.output
    assert "was not up" in CliRunner().invoke(group, [name, "down", *data]).output
    assert not (tmp_path / "data").exists()


def test_supervisor_reads_what_is_written(tmp_path: Path) -> None:
    """Each program is started again whenever it ends; PostgreSQL is told so that it does not wait for its clients."""
    text = render("supervisor.conf.j2", run="/r", log="/l", programs={"postgresql": "p --x=100%%", "storage": "s"})
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    assert parser["program:postgresql"]["command"] == "p --x=100%%"
    assert [parser[f"program:{name}"]["stopsignal"] for name in ("postgresql", "storage")] == ["INT", "TERM"]
    assert {parser[f"program:{name}"]["autorestart"] for name in ("postgresql", "storage")} == {"true"}


def test_one_command_at_a_time(tmp_path: Path) -> None:
    data = tmp_path / "data"
    Servers(data).lock()
    assert data.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ReccError, match="another bst-recc is running"):
        Servers(data).lock()
