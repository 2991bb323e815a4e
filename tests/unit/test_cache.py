# bst-recc cache without servers: what it refuses, and what it prints.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from team import store

from bst_recc.cache import Cache, command
from bst_recc.cache.holdings import DAY
from bst_recc.cache.places import DOMAINS
from bst_recc.cache.status import Lookups
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


@pytest.mark.parametrize("bind", ["127.0.0.1:7000", "unix:/s"])
def test_what_it_prints_is_how_builds_use_it(bind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = Cache(tmp_path)
    cache.settings = {"bind": bind, "quota": "20G"}
    cache.report()
    printed = capsys.readouterr().out
    uses = re.findall(r"^    bst-recc cache use (.*)$", printed, re.MULTILINE)
    assert uses == [bind, f"{bind} --mode local"]
    assert re.findall(r"^(\S+) results, in (\S+), at most 20G", printed, re.MULTILINE) == [
        (domain, f"{tmp_path}/{domain}") for domain in DOMAINS
    ]


def test_each_server_has_its_domains_instance(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.settings = {"bind": f"unix:{tmp_path}/run", "quota": "1G", "reserved": "0", "without_protection": False}
    for domain, words in cache.prepare().items():
        assert (f"--local-server-instance={domain}" in words) == (domain in DOMAINS)


@pytest.mark.parametrize(("domain", "left"), [("hermetic", ["quasi-safe"]), ("quasi-safe", ["hermetic"]), ("both", [])])
def test_clear_while_it_is_down(tmp_path: Path, domain: str, left: list[str]) -> None:
    for name in ("hermetic", "quasi-safe"):
        (tmp_path / name / "cas").mkdir(parents=True)
    assert CliRunner().invoke(command, ["clear", "--data", str(tmp_path), domain]).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == left


def status(data: Path) -> dict[str, Any]:
    done = CliRunner().invoke(command, ["status", "--data", str(data), "--json"], standalone_mode=False)
    assert done.return_value == 1
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_status_counts_what_is_there_while_it_is_down(tmp_path: Path) -> None:
    names = [store(tmp_path / "hermetic", f"{number}.c", (b"x" * 1000 + b"%d" % number,)) for number in range(3)]
    old = tmp_path / "hermetic/actioncache/objects" / names[0][:2] / names[0][2:]
    os.utime(old, (time.time(), time.time() - DAY - 9))
    found = status(tmp_path)
    assert not found["up"] and found["data"] == str(tmp_path)
    hermetic, other = (found["domains"][domain] for domain in DOMAINS)
    assert not hermetic["well"] and hermetic["address"] is hermetic["quota"] is None
    assert (hermetic["actions"], hermetic["actions_last_day"]) == (3, 2)
    # An action, a command and an output each, and what no compiler has said.
    assert hermetic["blobs"] == 3 * 3 + 1
    assert 3 * 1001 < hermetic["bytes"] < 3 * 1001 + 1500
    assert other["actions"] == other["blobs"] == other["bytes"] == 0
    shown = CliRunner().invoke(command, ["status", "--data", str(tmp_path)], standalone_mode=False).output
    assert "not up" in shown and "3 actions, 2 stored in the last day" in shown


METRICS = """casd.localcas_num_blobs_find_missing:9|c
casd.ac_num_get_action_result_hits:7|c
casd.ac_num_get_action_result_misses:2|c
casd.ac_num_get_action_result_output_misses:1|c
casd.ac_get_action_result:7|ms
casd.ac_num_get_action_result_hits:1|c
"""


def test_lookups_are_counted_once_and_metrics_do_not_pile_up(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for times in (1, 2):
        (tmp_path / "log/hermetic.metrics").write_text(METRICS)
        for _ in range(2):
            hermetic = status(tmp_path)["domains"]["hermetic"]
            assert hermetic["lookups"] == hermetic["lookups_last_day"] == {"hits": 8 * times, "misses": 3 * times}
    assert [path.name for path in (tmp_path / "log").iterdir()] == ["hermetic.lookups"]
    assert Lookups(tmp_path / "log", "hermetic").since(time.time() + 2) == {"hits": 0, "misses": 0}
