# bst-recc farm without a farm: what it refuses, what it starts, and what it takes from the user's configuration.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from harness import ROOT
from ruamel.yaml import YAML

from bst_recc import farm
from bst_recc.errors import ReccError
from bst_recc.farm import install
from bst_recc.services import Servers, render

SETTINGS: dict[str, Any] = {
    **{"workers": 2, "jobs": 3, "elements": 4, "port": 8985, "storage_port": 8986},
    **{"quota": "50G", "worker_quota": "10G", "reserved": "2G", "database": ""},
}


def invoke(*arguments: object) -> Any:
    """What bst-recc farm does."""
    return CliRunner().invoke(farm.command, [*map(str, arguments)], standalone_mode=False)


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        error = invoke("up", "--data", tmp_path / "data", "--port", number).exception
    assert isinstance(error, ReccError)
    assert f"127.0.0.1:{number}" in str(error) and "--port" in error.remedies[0]
    assert not (tmp_path / "data").exists()


def test_without_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on the PATH nor where Debian has it."""
    for name in ("bwrap", "fusermount3", "unshare"):
        (tmp_path / name).symlink_to(shutil.which(name) or "/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(install, "POSTGRESQL", tmp_path / "nowhere")
    error = invoke("up", "--data", tmp_path / "data").exception
    assert isinstance(error, ReccError)
    assert str(error) == "PostgreSQL, which keeps BuildGrid's queue, is not installed."
    assert "--database" in error.remedies[1]


def test_the_newest_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9.6", "17", "15"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin/initdb").touch()
    monkeypatch.setattr(install, "POSTGRESQL", tmp_path)
    assert install.find_postgresql() == tmp_path / "17/bin"


@pytest.mark.parametrize(
    "arguments", [["up", "--workers", "0"], ["up", "--quota", "much"], ["up", "--port", "80"], ["sideways"]]
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(farm.command, arguments).exit_code == 2


def test_not_up(tmp_path: Path) -> None:
    assert invoke("status", "--data", tmp_path).return_value == 1
    assert "was not up" in invoke("down", "--data", tmp_path).output
    assert "no log" in str(invoke("logs", "--data", tmp_path).exception)
    assert "no log of nothing" in str(invoke("logs", "--data", tmp_path, "nothing").exception)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The commands of a farm's parts; nothing is installed."""
    loader = tmp_path / "root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    loader.parent.mkdir(parents=True)
    loader.touch()
    monkeypatch.setattr(farm, "check_free", lambda *_: None)
    monkeypatch.setattr(farm, "make_venv", lambda _: None)
    monkeypatch.setattr(farm, "make_sysroot", lambda _: tmp_path / "root")
    monkeypatch.setattr(farm, "make_database", lambda *_: tmp_path / "db")
    monkeypatch.setattr(farm, "find_postgresql", lambda: Path("/pg"))
    return farm.prepare(Servers(tmp_path), dict(SETTINGS))


def test_only_workers_of_elements_take_what_may_compile(programs: dict[str, list[str]]) -> None:
    assert list(programs) == ["postgresql", "storage", "buildgrid", "stand-in", "elements", "worker-1", "worker-2"]
    offers = {name: "remoteApisSocketPath=tmp/casd.sock" in " ".join(command) for name, command in programs.items()}
    assert [name for name, value in offers.items() if value] == ["elements"]
    jobs = {name: re.findall(r"--concurrent-jobs (\d+)", " ".join(command)) for name, command in programs.items()}
    assert (jobs["elements"], jobs["worker-1"]) == (["4"], ["3"])
    assert "--quota-high=50G" in programs["storage"] and "--quota-high=10G" in programs["worker-2"][-2].split()
    assert "--cache-failures=false" in programs["storage"]


def load(text: str) -> dict[str, Any]:
    """A BuildGrid's configuration, without its tags."""
    loaded: dict[str, Any] = YAML(typ="safe").load(re.sub(r"!(?=[a-z])[\w-]+ ?", "", text))
    return loaded


def test_one_machine_and_several_are_scheduled_alike() -> None:
    """What package and deploy/ have in common is the same."""
    here = load(render("buildgrid.yml.j2", address="127.0.0.1:1", storage="HOST:2", database="postgresql+psycopg2://x"))
    text = (ROOT / "deploy/buildgrid.yml").read_text().replace("${BUILDGRID_STORAGE}", "http://HOST:2")
    there = load(text.replace("${BUILDGRID_DATABASE}", "postgresql+psycopg2://x"))
    for section in ("connections", "storages", "caches", "schedulers", "thread-pool-size"):
        assert here[section] == there[section], section
    services = there["instances"][0]["services"]
    assert all(service in here["instances"][0]["services"] for service in services) and len(services) == 4


def test_the_own_configuration_without_remote_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them may be the farm that is not up yet; words stay quoted, which BuildStream needs."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "buildstream.conf").write_text(
        "remote-execution: {storage-service: {url: 'http://x'}}\ncachedir: '/c'\n"
        "cache: {quota: '5G', storage-service: {url: 'http://x'}}\nprojects: {a: {remote-execution: {}, mirrors: []}}\n"
    )
    text = install.configuration_without_remotes(tmp_path / "out").read_text()
    assert "'5G'" in text
    left = {"cachedir": "/c", "cache": {"quota": "5G"}, "projects": {"a": {"mirrors": []}}}
    assert YAML(typ="safe").load(text) == left
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    assert YAML(typ="safe").load(install.configuration_without_remotes(tmp_path / "out").read_text()) == {}
