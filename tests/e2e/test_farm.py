# bst-recc farm: a build farm on this machine, up, used, and gone without a trace.
# SPDX-License-Identifier: Apache-2.0
"""One farm for all tests of this file; faults and load are in test_farm_faults.py."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from farm import LIGHT, WORKERS, Farm, add_element, strays, until
from harness import BIN, Counts

pytestmark = pytest.mark.slow
FILES = 12


def test_up_is_idempotent(farm: Farm) -> None:
    pids = [farm.pid(part) for part in ("buildgrid", "worker-1", "worker-2")]
    done = farm.up("--workers", "3")
    assert "already up, and keeps its settings" in done.stdout
    assert pids == [farm.pid(part) for part in ("buildgrid", "worker-1", "worker-2")]
    # The line to add is YAML, and names this farm.
    line = next(line for line in done.stdout.splitlines() if line.startswith("remote-execution: "))
    assert line.count(farm.url) == 1


def test_status(farm: Farm) -> None:
    done = farm.run("status")
    lines = done.stdout.splitlines()
    assert f"its logs in {farm.data}/log" in lines[0]
    assert farm.url in lines[-1]
    assert len([line for line in lines if " running " in line]) == 7
    assert len([line for line in lines if line.endswith(" 0 jobs")]) == 3
    assert "Starting BuildGrid server" in farm.log("buildgrid")


def test_an_element_and_its_compiles_run_on_the_farm(farm: Farm, tmp_path: Path) -> None:
    project = farm.project
    element = add_element(project, "on-farm", FILES)
    cold = project.build(element, "remote")
    assert cold.counts == Counts(compiles=FILES, remote=FILES)
    assert "Waiting for the remote build to complete" in cold.output
    # Each compile ran once, and every kind of worker for compiles took some.
    assert farm.started() == FILES
    assert all(farm.started(worker) for worker in WORKERS[1:])
    on_farm = project.artifact(element, tmp_path / "farm", "remote")
    assert len(on_farm) == FILES

    # The element differs, its compiles do not.
    add_element(project, "on-farm", FILES, salt="warm")
    warm = project.build(element, "remote")
    assert warm.counts == Counts(compiles=FILES, hits=FILES)
    assert farm.started() == FILES
    assert project.artifact(element, tmp_path / "warm", "remote") == on_farm

    # The same on this machine alone, and by the compiler alone.
    project.configure()
    embedded = project.build(element, "remote")
    assert embedded.counts == Counts(compiles=FILES, remote=FILES)
    assert project.artifact(element, tmp_path / "embedded", "remote") == on_farm
    assert project.build(element, "off").counts is None
    assert project.artifact(element, tmp_path / "off", "off") == on_farm
    farm.configure()


def test_elements_cannot_starve_their_own_compiles(farm: Farm) -> None:
    """More elements at once than there are slots for elements, each waiting for compiles."""
    elements = [add_element(farm.project, f"crowd-{number}", 4, LIGHT) for number in range(4)]
    start = time.monotonic()
    farm.project.bst("build", *elements, mode="remote")
    assert time.monotonic() - start < 120


def doctor(farm: Farm) -> dict[str, str]:
    """What the doctor says of mode remote on the farm: its lines, remedies included, by what they are about."""
    command = [str(BIN / "bst-recc"), "doctor", "--prove", "--mode", "remote"]
    done = subprocess.run(
        [*command, "-c", str(farm.project.configuration)],
        cwd=farm.project.path,
        env=farm.project.environment | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stderr == ""
    findings = done.stdout.replace("\n    ", " ").splitlines()
    assert done.returncode == any(line.startswith("✘") for line in findings)
    return {line[2:].partition(": ")[0]: line for line in findings}


@pytest.mark.usefixtures("direct")
def test_what_the_doctor_says(farm: Farm) -> None:
    found = doctor(farm)
    assert found["proof"].startswith("✔"), found
    # Fewer at once than this client's four builders: the others' turn comes later, and compiles go on.
    assert "4 elements at once" in found["proof"] and "then hits" in found["proof"]
    # Whoever reaches the storage may write it: the doctor cannot know that nobody else does.
    assert found["action cache"].startswith("⚠") and "nobody else reads" in found["action cache"], found

    # Workers of one kind.
    compiles = ["worker-1", "worker-2"]
    farm.supervisorctl("stop", *compiles)
    try:
        text = doctor(farm)["proof"]
    finally:
        farm.supervisorctl("start", *compiles)
    assert text.startswith("✘") and "deadlock: 4 elements" in text and "Workers of two kinds" in text, text
    farm.recovers()


def test_failures_are_not_stored(farm: Farm) -> None:
    """A compiler may have been killed: what failed is tried again."""
    element = add_element(farm.project, "failing", 1, "undeclared_{name} f{number};\n")
    for _ in range(2):
        before = farm.settled()
        build = farm.project.build(element, "remote", check=False)
        assert build.status
        assert build.counts == Counts(compiles=1), build.log
        assert farm.started() == before + 1


@pytest.mark.parametrize("part", ["postgresql", "storage", "buildgrid", "stand-in", "elements", "worker-1"])
def test_what_dies_comes_back(farm: Farm, part: str) -> None:
    before = farm.pid(part)
    farm.kill(part)
    until(lambda: farm.pid(part) not in (0, before), 15, f"{part} is there again")
    farm.recovers()


@pytest.mark.parametrize("program", ["buildbox-worker", "buildbox-casd"])
def test_a_worker_and_its_casd_end_and_come_back_together(farm: Farm, program: str) -> None:
    def both() -> list[int]:
        return [farm.process("worker-1", name) for name in ("buildbox-worker", "buildbox-casd")]

    until(lambda: all(both()), 60, "the worker runs")
    before = both()
    farm.kill("worker-1", program)
    until(lambda: all(both()) and not set(before) & set(both()), 60, "both are others")
    farm.recovers()


def test_down_after_the_supervisor_was_killed(farm: Farm) -> None:
    supervisor = int(farm.supervisorctl("pid"))
    os.kill(supervisor, signal.SIGKILL)
    done = farm.run("status", check=False)
    assert done.returncode == 1
    assert "Processes of it remain" in done.stdout
    farm.run("down")
    assert strays(farm.data) == []


def test_interrupted_up(farm: Farm) -> None:
    command, place = farm.command("up", *farm.ports), farm.project.path
    with subprocess.Popen(
        command, cwd=place, env=farm.project.environment, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: (farm.data / "run/up.sock").exists(), 30, "the supervisor starts")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr
        assert process.stderr.read().lstrip() == "bst-recc: interrupted.\n"
    assert strays(farm.data) == []


def test_down_leaves_nothing_and_loses_nothing(farm: Farm) -> None:
    """Cached compiles are hits on the farm that is started next."""
    farm.up()
    element = add_element(farm.project, "on-farm", FILES, salt="after down")
    build = farm.project.build(element, "remote")
    assert build.counts == Counts(compiles=FILES, hits=FILES)
    assert "is down" in farm.run("down").stdout
    assert strays(farm.data) == []
    assert "was not up" in farm.run("down").stdout
    assert farm.run("status", check=False).returncode == 1


SYSTEMD = """\
# A systemd of our own for a user, in a mount namespace: the machine's is not touched.
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/system -m 700 /run/user/0
group=/sys/fs/cgroup/systemd
[ -d "$group" ] || group=/sys/fs/cgroup
group=$group/recc-farm-test
mkdir -p "$group"
echo $$ >"$group/cgroup.procs"
export XDG_RUNTIME_DIR=/run/user/0
/usr/lib/systemd/systemd --user >/dev/null 2>&1 &
trap 'systemctl --user exit' EXIT
until [ -S /run/user/0/bus ]; do sleep 0.1; done

command=$1 data=$2
shift 2
systemd-run --user --quiet --unit=recc-farm --working-directory="$PWD" --setenv=PATH="$PATH" \\
    --setenv=XDG_CACHE_HOME="$XDG_CACHE_HOME" --setenv=XDG_CONFIG_HOME="$XDG_CONFIG_HOME" \\
    -p Restart=on-failure -p KillMode=mixed "$command" farm serve --data "$data" "$@"
well() {
    tries=0
    until "$command" farm status --data "$data" >/dev/null || [ $((tries += 1)) -gt 60 ]; do sleep 1; done
}
well
echo "unit: $(systemctl --user is-active recc-farm)"
kill -KILL "$(cat "$data/run/supervisor.pid")"
sleep 1
well
"$command" farm status --data "$data"
"$command" farm down --data "$data"
echo "after: $(systemctl --user is-active recc-farm)"
"""


def test_under_systemd(farm: Farm) -> None:
    """In a unit, as docs/farm.md has it, even the supervisor comes back."""
    command = ["unshare", "--mount", "sh", "-c", SYSTEMD, "sh", str(BIN / "bst-recc"), str(farm.data), *farm.ports]
    project = farm.project
    done = subprocess.run(
        command, cwd=project.path, env=project.environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unit: active" in done.stdout
    assert len([line for line in done.stdout.splitlines() if " running " in line]) == 7
    assert "after: inactive" in done.stdout
    assert strays(farm.data) == []


def test_two_ups_at_once(farm: Farm) -> None:
    """One starts it, the other one says that; whichever comes first."""
    place, environment = farm.project.path, farm.project.environment
    both = [subprocess.Popen(farm.command("up", *farm.ports), cwd=place, env=environment) for _ in range(2)]
    assert sorted(one.wait(200) for one in both) == [0, 1]
    assert farm.run("status").returncode == 0
    farm.run("down")
    assert strays(farm.data) == []
