# bst-recc doctor on real builds: what --prove says of executors, and whose compiles go past recc.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import BIN, Project
from helpers import edited
from servers import casd, port

from bst_recc.doctor import prove
from bst_recc.doctor.context import Context, Finding
from bst_recc.project import Project as Found
from bst_recc.project import find_tool

SERVICES = ("execution-service", "storage-service", "action-cache-service")


def doctor(project: Project, *arguments: str, mode: str = "remote") -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [BIN / "bst-recc", "doctor", "--mode", mode, "-c", project.configuration, *arguments]
    done = subprocess.run(command, cwd=project.path, env=project.environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("mode", ["off", "cache-only", "local", "remote", "verify"])
def test_proof_on_this_machine(fetched: Project, mode: str) -> None:
    before = sorted((fetched.path / "elements").iterdir())
    done = doctor(fetched, "--prove", mode=mode)
    assert done.returncode == 0 and "✔ proof: 4 elements at once: " in done.stdout, done
    assert ("then hits" in done.stdout) == (mode in ("local", "remote"))
    assert sorted((fetched.path / "elements").iterdir()) == before
    assert not list((fetched.cache / "buildstream/logs/my-project").glob("recc-doctor*"))


def test_a_project_that_is_not_wired(fetched: Project) -> None:
    conf = fetched.path / "project.conf"
    text = f"{conf.read_text()}\nenvironment:\n  PATH: /usr/bin:/bin:/usr/sbin:/sbin\n"
    with edited(conf, text):
        done = doctor(fetched, "--prove")
    assert done.returncode == 1 and "✘ proof: " in done.stdout and "not executed through recc" in done.stdout


@contextmanager
def executor(project: Project, directory: Path, jobs: int, builders: int) -> Iterator[Context]:
    """The project with an execution service that has so many slots; for elements and compiles alike."""
    options = (f"--buildbox-run={find_tool('buildbox-run')}", f"--jobs={jobs}")
    with casd(directory, *options, bind=f"127.0.0.1:{port()}") as url:
        lines = "".join(f"  {service}: {{url: '{url}'}}\n" for service in SERVICES)
        project.configure(f"remote-execution:\n{lines}scheduler:\n  builders: {builders}\n")
        try:
            yield Context(Found(project.path), project.configuration)
        finally:
            project.configure()


@pytest.mark.slow
def test_elements_that_hold_all_slots(fetched: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many slots as builders are too few, one more is enough; BuildStream and its sandboxes end in order."""
    for name, value in fetched.environment.items():
        monkeypatch.setenv(name, value)
    fetched.bst("build", "recc.bst:buildsystems/make.bst", mode="remote")
    monkeypatch.setattr(prove, "LIMIT", 20.0)

    def proof(jobs: int) -> Finding:
        directory = tmp_path / str(jobs)
        directory.mkdir()
        with executor(fetched, directory, jobs, builders=2) as context:
            (found,) = prove.prove(context)
        return found

    assert "deadlock: 2 elements" in proof(2).text
    assert proof(3).level == "ok"


def test_an_element_that_goes_past_recc(fetched: Project) -> None:
    """Named with what chooses its compiler, once it is built; the wired one beside it is not."""
    text = (fetched.path / "elements/greeting.bst").read_text()
    with edited(fetched.path / "elements/past.bst", f"{text}\nenvironment:\n  CC: /usr/bin/gcc\n  CXX: /usr/bin/g++\n"):
        fetched.build("past.bst", "remote")
        fetched.build("greeting.bst", "remote")
        done = doctor(fetched)
        assert "⚠ past.bst: none of its compiles reaches recc: CC: /usr/bin/gcc\n" in done.stdout
        assert "greeting.bst" not in done.stdout
        done = doctor(fetched, "past.bst")
        assert done.returncode == 1
        assert "FAIL   past.bst: none of its compiles reaches recc: CC: /usr/bin/gcc\n" in done.stdout


def test_elements_of_the_same_name_in_two_projects(fetched: Project) -> None:
    """A local packages/base.bst beside toolchain.bst:packages/base.bst."""
    (fetched.path / "files/base/usr/share/base").mkdir(parents=True, exist_ok=True)
    (fetched.path / "files/base/usr/share/base/note").write_text("a note\n")
    base = "kind: import\nsources:\n- kind: local\n  path: files/base\n"
    text = (fetched.path / "elements/greeting.bst").read_text()
    text = text.replace("build-depends:\n", "build-depends:\n- packages/base.bst\n", 1)
    with edited(fetched.path / "elements/packages/base.bst", base), edited(fetched.path / "elements/both.bst", text):
        done = doctor(fetched, "both.bst")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "ok     both.bst: nothing changes the compiler\n" in done.stdout
