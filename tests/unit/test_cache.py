# bst-recc cache without servers: what it refuses, and what it prints.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import PRODUCT
from ruamel.yaml import YAML

from bst_recc.cache import command, report
from bst_recc.errors import ReccError
from bst_recc.services import Servers


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--bind", "8980"],
        ["up", "--bind", "127.0.0.1:65535"],
        ["up", "--bind", "unix:/" + 110 * "x"],
        ["up", "--quota", "much"],
        ["serve", "--reserved", "-1"],
        ["down", "--quota", "1G"],
        ["clear", "everything"],
        ["sideways"],
    ],
)
def test_wrong_arguments(arguments: list[str]) -> None:
    assert CliRunner().invoke(command, arguments).exit_code == 2


@pytest.mark.parametrize("bind", ["0.0.0.0:8980", "[::]:8980", "192.0.2.1:8980", "build.example.com:8980"])
@pytest.mark.parametrize("name", ["up", "serve"])
def test_public_addresses_are_refused(tmp_path: Path, bind: str, name: str) -> None:
    data = tmp_path / "data"
    error = CliRunner().invoke(command, [name, "--data", str(data), "--bind", bind]).exception
    assert isinstance(error, ReccError)
    assert "neither encryption nor authentication" in str(error)
    assert "ssh -N -L 8980:127.0.0.1:8980 -L 8981:127.0.0.1:8981" in error.remedies[0]
    assert "deploy/nginx.conf" in error.remedies[1]
    assert "--without-protection" in error.remedies[2]
    assert not data.exists()


def test_public_address_on_demand(tmp_path: Path) -> None:
    # No machine has this one: shows that the flag is all that is asked for.
    arguments = ["up", "--data", str(tmp_path / "data"), "--bind", "192.0.2.1:8980", "--without-protection"]
    assert "cannot serve at 192.0.2.1:8980" in str(CliRunner().invoke(command, arguments).exception)


@pytest.mark.parametrize("bind", ["127.0.0.1:7000", "unix:/s"])
def test_what_it_prints_is_what_the_ready_files_say(
    bind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report(Servers(tmp_path), {"bind": bind, "quota": "20G"})
    lines = [line for line in capsys.readouterr().out.splitlines() if re.match("remote-execution:|cachedir:", line)]
    own = {"team-cache": lines[:1], "team-cache-local": lines[1:]}
    urls = {"127.0.0.1:7000": ("http://127.0.0.1:7000", "http://127.0.0.1:7001")}
    both = urls.get(bind, ("unix:/s/hermetic.sock", "unix:/s/quasi-safe.sock"))
    for (name, printed), number, url in zip(own.items(), (8980, 8981), both, strict=True):
        ready = (PRODUCT / f"conf/{name}.conf").read_text().replace(f"http://127.0.0.1:{number}", url)
        assert YAML(typ="safe").load("\n".join(printed)) == YAML(typ="safe").load(ready)


def test_not_up(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]
    runner = CliRunner()
    done = runner.invoke(command, ["status", *data], standalone_mode=False)
    assert done.return_value == 1 and "is not up" in done.output
    assert "was not up" in runner.invoke(command, ["down", *data]).output
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("domain", "left"), [("hermetic", ["quasi-safe"]), ("quasi-safe", ["hermetic"]), ("both", [])])
def test_clear_while_it_is_down(tmp_path: Path, domain: str, left: list[str]) -> None:
    for name in ("hermetic", "quasi-safe"):
        (tmp_path / name / "cas").mkdir(parents=True)
    assert CliRunner().invoke(command, ["clear", "--data", str(tmp_path), domain]).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == left


def test_down_deletes_what_is_its_own_alone(tmp_path: Path) -> None:
    (tmp_path / "hermetic").mkdir()
    (tmp_path / "mine").write_text("")
    assert CliRunner().invoke(command, ["down", "--delete", "--data", str(tmp_path)]).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
