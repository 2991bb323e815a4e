# bst-recc cache use: what it writes into a user configuration, and that --stop leaves no trace of it.
# SPDX-License-Identifier: Apache-2.0
"""BuildStream itself reads what is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from buildstream._context import Context
from click.testing import CliRunner

from bst_recc.cache.use import BEGIN, OFF, command
from bst_recc.doctor.mirror import merged
from bst_recc.errors import ReccError
from bst_recc.project import Project

PLACE = "127.0.0.1:7000"
HERMETIC, QUASI_SAFE = "http://127.0.0.1:7000", "http://127.0.0.1:7001"
LOCAL = ("--mode", "local")
MIRRORS = """# Mine.
scheduler: {builders: 2}   # few

projects:
    my-project:
        mirrors:
          -   name:   'host'   # ours
              aliases: {debian: [ "http://mirror/debian/" ]}
# End.
"""
FILES = {
    "nothing": "",
    "a comment alone": "# Nothing yet.\n",
    "mirrors and comments": MIRRORS,
    "no newline at the end": MIRRORS + "logdir: /logs",
    "CRLF": MIRRORS.replace("\n", "\r\n"),
    "CRLF, no newline at the end": "a: 1\r\nlogdir: /logs".replace("a: 1", "sourcedir: /s"),
    "a document's start": "%YAML 1.2\n---\nlogdir: /logs\n",
    "a directory of its own": f"cachedir: '/my cache/bst/' # here\n{MIRRORS}",
    "such a directory last": f"{MIRRORS}cachedir: >-\n  /my cache/bst",
    "all of it indented": "  cachedir: /my cache/bst\n  logdir: /logs\n",
    "a document's end": "logdir: /logs\n...\n# End.\n",
    "a long line": f"cachedir: {'/long' * 60}\n",
}


class Done(NamedTuple):
    """What a call came to."""

    status: int
    out: str


def use(*arguments: object) -> Done:
    done = CliRunner().invoke(command, list(map(str, arguments)), standalone_mode=False)
    if done.exception:
        raise done.exception
    return Done(done.return_value, done.stdout)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a configuration."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def conf(home: Path) -> Path:
    """Where the configuration is, once there is one."""
    (home / "config").mkdir()
    return home / "config/buildstream.conf"


def services(path: Path) -> dict[str, Any]:
    """What BuildStream reads: url, instance and push of both services, and its cache directory."""
    context = Context()
    context.load(str(path))
    specs: Any = context.remote_execution_specs
    found: dict[str, Any] = {"cachedir": context.cachedir}
    for name, spec in {"storage": specs.storage_spec, "actions": specs.action_spec}.items() if specs else ():
        found[name] = (spec.url, spec.instance_name, spec.push)
    return found


@pytest.mark.parametrize("name", FILES)
def test_lines_are_added_and_taken_back(name: str, conf: Path, home: Path) -> None:
    """In each layout; a second time nothing happens, and one call changes the domain."""
    conf.write_bytes(before := FILES[name].encode())
    cache = services(conf)["cachedir"]
    own = f"{cache}-local"
    steps = [
        ((PLACE,), (HERMETIC, "hermetic", True), cache),
        ((PLACE, *LOCAL), (QUASI_SAFE, "quasi-safe", True), own),
        ((PLACE, *LOCAL, "--read-only"), (QUASI_SAFE, "quasi-safe", False), own),
        ((f"unix:{home}/s o", "--read-only"), (f"unix:{home}/s o/hermetic.sock", "hermetic", False), cache),
    ]
    for arguments, expected, directory in steps:
        assert "\n+" in use(*arguments).out
        found = services(conf)
        assert found.pop("storage")[:2] == expected[:2]
        assert found == {"actions": expected, "cachedir": directory}
        after = conf.read_bytes().decode()
        kept = [line.removeprefix(OFF) for line in after.split("\n")]
        assert [line for line in FILES[name].split("\n") if line and line not in kept] == []
        assert after.count(OFF) == (2 if ">-" in after else 1) * (directory == own and "cachedir" in before.decode())
        assert ("\r" in after) == (b"\r" in before) and after.count("\r") in (0, after.count("\n"))
        assert not use(*arguments).out.startswith("---") and conf.read_bytes().decode() == after
    assert use("--stop").status == 0
    assert conf.read_bytes() == before
    assert [path.name for path in conf.parent.iterdir()] == [conf.name]
    use(PLACE)
    use("--stop")
    assert conf.read_bytes() == before


def test_where_there_was_no_file(home: Path) -> None:
    assert "--- /dev/null\n" in use(PLACE).out
    assert services(home / "config/buildstream.conf")["storage"][1] == "hermetic"
    use(PLACE, *LOCAL)
    assert services(home / "config/buildstream.conf")["cachedir"] == f"{home}/cache/buildstream-local"
    for _ in range(2):
        assert use("--stop").status == 0
        assert list((home / "config").iterdir()) == []
    # What the user adds to it stays.
    use(PLACE)
    with (home / "config/buildstream.conf").open("a") as file:
        file.write("logdir: /logs\n")
    use(PLACE, *LOCAL)
    use("--stop")
    assert (home / "config/buildstream.conf").read_text() == "logdir: /logs\n"


def test_the_file_that_bst_reads_is_edited(conf: Path) -> None:
    newer = conf.with_name("buildstream2.conf")
    for path in (conf, newer):
        path.write_text("# Mine.\n")
    target = newer.rename(conf.parent.parent / "dotfile")
    newer.symlink_to(target)
    use(PLACE)
    assert conf.read_text() == "# Mine.\n" and newer.is_symlink()
    assert services(target)["storage"][0] == HERMETIC


def test_a_second_profile(conf: Path) -> None:
    """-c makes a copy of the user's own configuration, without its profile, for bst -c; there it replaces a farm."""
    farm = "remote-execution:\n  execution-service: {url: 'http://farm'}\n  storage-service: {url: 'http://farm'}\n"
    other = conf.with_name("local.conf")
    for mine in (f"cachedir: /mine\n{MIRRORS}", farm + MIRRORS):
        conf.write_text(mine)
        if not mine.startswith(farm):
            use(PLACE)
        before = conf.read_text()
        done = use(PLACE, *LOCAL, "-c", other)
        assert conf.read_text() == before
        assert f"bst -c {other} --option recc_mode local build " in done.out
        found = services(other)
        assert found["storage"][0] == QUASI_SAFE and found["cachedir"].endswith("-local")
        assert all(line in other.read_text() for line in MIRRORS.splitlines())
        use(PLACE, *LOCAL, "-c", other, "--read-only")
        use("-c", other, "--stop")
        assert not other.exists() and conf.read_text() == before


def test_what_is_in_force(conf: Path) -> None:
    assert use() == (1, f"No team's cache is in use: {conf} has no remote-execution.\n")
    use(PLACE)
    status, said = use()
    assert (status, said.splitlines()) == (
        0,
        [
            f"{conf}: hermetic results, modes remote and cache-only.",
            f"Builds take them from {HERMETIC}, and store theirs there:",
            "    bst build ELEMENT",
        ],
    )
    use(PLACE, "--read-only", *LOCAL)
    assert "mode local, and no other." in use().out and "and store none:" in use().out
    conf.write_text(f"{conf.read_text()}projects: {{mine: {{remote-execution: {{}}}}}}\n")
    assert "Project mine does not" in use().out
    conf.write_text(
        conf.read_text().replace("  storage-service:", "  execution-service: {url: 'http://x'}\n  storage-service:")
    )
    assert use().status == 1 and "another remote-execution" in use().out


@pytest.mark.parametrize(
    "mine",
    [
        "remote-execution: {storage-service: {url: 'http://x'}, action-cache-service: {url: 'http://x'}}\n",
        "logdir: /logs\nremote-execution:\n  execution-service:\n    url: http://x\n",
    ],
)
def test_another_remote_execution_is_left_alone(conf: Path, mine: str) -> None:
    conf.write_text(mine)
    with pytest.raises(ReccError, match="remote-execution is already configured") as caught:
        use(PLACE)
    assert "-c NEW" in caught.value.remedies[0] and len(caught.value.remedies) == 2
    assert conf.read_text() == mine
    use("--stop")
    assert conf.read_text() == mine


@pytest.mark.parametrize(
    "mine", ["{logdir: /logs}\n", "logdir: [\n", "- logdir\n", "logdir: 1\n---\nlogdir: 2\n", b"a: \xff\n"]
)
def test_what_cannot_be_edited(conf: Path, mine: str | bytes) -> None:
    conf.write_bytes(content := mine if isinstance(mine, bytes) else mine.encode())
    with pytest.raises(ReccError) as caught:
        use(PLACE)
    assert str(conf) in str(caught.value) and caught.value.remedies
    assert conf.read_bytes() == content


def test_certificates(conf: Path, home: Path) -> None:
    """By absolute paths, of files that are there, and to an address with TLS."""
    files = {}
    for name in ("server-cert", "client-key", "client-cert"):
        files[name] = home / f"my {name}.pem"
        files[name].touch()
    options = [word for name, file in files.items() for word in (f"--{name}", file.name)]
    use("https://cache.example.com", *LOCAL, *options)
    context = Context()
    context.load(str(conf))
    specs = context.remote_execution_specs
    assert specs
    for spec in (specs.storage_spec, specs.action_spec):
        assert spec and spec.url == "https://cache.example.com:8991"
        found = (spec.server_cert_file, spec.client_key_file, spec.client_cert_file)
        assert found == tuple(map(str, files.values()))
    written = conf.read_text()
    wrong: list[tuple[object, ...]] = [
        (PLACE, *options),
        ("https://x", "--client-key", files["client-key"]),
        ("https://x", "--server-cert", "no-such-file"),
        (PLACE, "--stop"),
        LOCAL,
        ("--read-only",),
        ("ftp://x",),
        (PLACE, "--mode", "off"),
    ]
    for arguments in wrong:
        with pytest.raises(click.UsageError):
            use(*arguments)
        assert conf.read_text() == written


def test_a_mirror_that_is_added_meanwhile_stays(conf: Path, home: Path) -> None:
    """bst-recc doctor --mirror --write writes the same file, by ruamel.yaml."""
    (home / "project.conf").write_text("name: my-project\n")
    for before in ("", "cachedir: /mine\n", MIRRORS):
        conf.write_text(before)
        use(PLACE, *LOCAL)
        conf.write_text(merged(conf.read_text(), Project(home), "http://mirror"))
        assert services(conf)["storage"][0] == QUASI_SAFE
        use(PLACE)
        assert services(conf)["storage"][0] == HERMETIC
        use("--stop")
        assert BEGIN not in conf.read_text() and OFF not in conf.read_text()
        assert services(conf).keys() == {"cachedir"}
        assert conf.read_text() == merged(before, Project(home), "http://mirror")
