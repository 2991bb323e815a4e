# bin/recc-doctor on a farm: what elements need is there, or it says what is not.
# SPDX-License-Identifier: Apache-2.0
"""Workers are stopped as an administrator would, until the farm is one that a build would wait for in vain."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from farm import Farm
from harness import Project


@pytest.fixture(scope="module")
def farm(fetched: Project) -> Iterator[Farm]:
    """A farm that is up, and that the project's configuration names."""
    farm = Farm(fetched, fetched.cache / "farm")
    try:
        farm.up()
        farm.configure()
        yield farm
    finally:
        farm.run("down", "--delete", check=False)
        fetched.configure()


def doctor(farm: Farm) -> dict[str, str]:
    """What the doctor says of mode remote on the farm: its lines, remedies included, by what they are about."""
    command = [sys.executable, str(farm.project.path / "bin/recc-doctor"), "--mode", "remote"]
    done = subprocess.run(
        [*command, "-c", str(farm.project.configuration)],
        env=farm.project.environment | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    findings = done.stdout.replace("\n    ", " ").splitlines()
    assert done.returncode == any(line.startswith("✘") for line in findings)
    return {line[2:].partition(": ")[0]: line for line in findings}


@pytest.mark.e2e
@pytest.mark.usefixtures("direct")
def test_doctor(farm: Farm) -> None:
    found = doctor(farm)
    assert found["remote execution"].startswith("✔"), found
    # Fewer at once than this client's four builders: the others' turn comes later, and compiles go on.
    assert found["nested execution"].startswith("✔"), found
    assert "2 at once" in found["nested execution"]
    # Nobody else reaches this storage: there is nothing to be warned of.
    assert found["action cache"].startswith("✔"), found

    compiles = ["worker-1", "worker-2"]
    try:
        farm.supervisorctl("stop", *compiles)
        text = doctor(farm)["nested execution"]
        assert text.startswith("✘") and "can stop for ever" in text, text
        assert "Workers of two kinds" in text
        farm.supervisorctl("start", *compiles)
        farm.supervisorctl("stop", "elements")
        text = doctor(farm)["nested execution"]
        assert text.startswith("✘") and "no worker offers that" in text, text
    finally:
        farm.supervisorctl("start", "elements", *compiles)
