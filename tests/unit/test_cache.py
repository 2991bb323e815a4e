# bst-recc cache without servers: what it refuses, and what it prints.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner
from harness import ROOT
from ruamel.yaml import YAML

from bst_recc.cache import Cache, command
from bst_recc.errors import ReccError


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


def test_a_socket_that_is_taken(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.settings = {"bind": f"unix:{tmp_path}"}
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/quasi-safe.sock")
        server.listen()
        with pytest.raises(ReccError, match="it is in use") as caught:
            cache.check_free()
        assert "--bind" in caught.value.remedies[0]
    # What a server that was killed has left is in nobody's way.
    cache.check_free()


@pytest.mark.parametrize(
    ("bind", "urls"),
    [
        ("127.0.0.1:7000", ("http://127.0.0.1:7000", "http://127.0.0.1:7001")),
        ("unix:/s", ("unix:/s/hermetic.sock", "unix:/s/quasi-safe.sock")),
    ],
)
def test_what_it_prints_is_what_the_ready_files_say(
    bind: str, urls: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = Cache(tmp_path)
    cache.settings = {"bind": bind, "quota": "20G"}
    cache.report()
    lines = [line for line in capsys.readouterr().out.splitlines() if re.match("remote-execution:|cachedir:", line)]
    own = {"team-cache": lines[:1], "team-cache-local": lines[1:]}
    for (name, printed), number, url in zip(own.items(), (8980, 8981), urls, strict=True):
        ready = (ROOT / f"deploy/{name}.conf").read_text().replace(f"http://127.0.0.1:{number}", url)
        assert YAML(typ="safe").load("\n".join(printed)) == YAML(typ="safe").load(ready)


@pytest.mark.parametrize(("domain", "left"), [("hermetic", ["quasi-safe"]), ("quasi-safe", ["hermetic"]), ("both", [])])
def test_clear_while_it_is_down(tmp_path: Path, domain: str, left: list[str]) -> None:
    for name in ("hermetic", "quasi-safe"):
        (tmp_path / name / "cas").mkdir(parents=True)
    assert CliRunner().invoke(command, ["clear", "--data", str(tmp_path), domain]).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == left
