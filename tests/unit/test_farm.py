# bst-recc farm without a farm: what it refuses, what it starts, and what it takes from the user's configuration.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
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
from bst_recc.services import render

SETTINGS = {"workers": 2, "jobs": 3, "elements": 4, "port": 8985, "quota": "50G", "reserved": "2G"}


def test_a_taken_port(tmp_path: Path) -> None:
    """Also by a server that would share it."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        number = taken.getsockname()[1]
        arguments = ["up", "--data", str(tmp_path / "data"), "--port", str(number)]
        error = CliRunner().invoke(farm.command, arguments).exception
    assert isinstance(error, ReccError)
    assert f"127.0.0.1:{number}" in str(error) and "--port" in error.remedies[0]
    assert not (tmp_path / "data").exists()


def test_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest of Debian's, and none: neither there nor on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(install, "POSTGRESQL", tmp_path)
    with pytest.raises(ReccError, match="PostgreSQL, which keeps BuildGrid's queue, is not installed"):
        install.find_postgresql()
    for version in ("9.6", "17", "15"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin/initdb").touch(mode=0o755)
    assert install.find_postgresql() == tmp_path / "17/bin"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The commands of a farm's parts; nothing is installed."""
    loader = tmp_path / "root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    loader.parent.mkdir(parents=True)
    loader.touch()
    monkeypatch.setattr(farm, "make_venv", lambda _: None)
    monkeypatch.setattr(farm, "make_sysroot", lambda _: tmp_path / "root")
    monkeypatch.setattr(farm, "make_database", lambda _: ["postgres"])
    made = farm.Farm(tmp_path)
    made.settings = SETTINGS
    monkeypatch.setattr(made, "check_free", lambda: None)
    made.run.mkdir()
    return made.prepare()


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
    """One of them may be the farm that is not up yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "buildstream.conf").write_text(
        "remote-execution: {storage-service: {url: 'http://x'}}\ncachedir: '/c'\n"
        "cache: {quota: '5G'}\nprojects: {a: {remote-execution: {}, mirrors: []}}\n"
    )
    left = {"cachedir": "/c", "cache": {"quota": "5G"}, "projects": {"a": {"mirrors": []}}}
    assert YAML(typ="safe").load(install.configuration_without_remotes(tmp_path / "out").read_text()) == left
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    assert YAML(typ="safe").load(install.configuration_without_remotes(tmp_path / "out").read_text()) == {}
