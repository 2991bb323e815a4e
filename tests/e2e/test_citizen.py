# The generated project's checks and CI files do what its README says.
# SPDX-License-Identifier: Apache-2.0
"""What a CI file says is read from the file and run; what would change this machine is replaced by a note of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from harness import BIN, ROOT, Project, generate, generate_local
from helpers import edited
from ruamel.yaml import YAML
from servers import authority, casd, certificate, nginx, port

SCHEMAS = {".gitlab-ci.yml": "vendor.gitlab-ci", ".github/workflows/build.yml": "vendor.github-workflows"}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project just generated, in Git; with the files of both forges."""
    project = generate_local(tmp_path_factory.mktemp("citizen"), forge="gitlab")
    github = generate(tmp_path_factory.mktemp("github"), forge="github")
    shutil.copytree(github / ".github", project / ".github")
    git(project, "init", "-q")
    git(project, "add", "-A")
    return project


def git(project: Path, *arguments: str) -> str:
    """What git prints."""
    return subprocess.run(["git", *arguments], cwd=project, check=True, capture_output=True, text=True).stdout


# Checks


def check(project: Path, *options: str, **variables: str) -> tuple[int, str]:
    """Exit status and output of pre-commit for all files; its environments are kept for the next run."""
    home = {"PRE_COMMIT_HOME": str(ROOT / ".cache/pre-commit"), "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        [BIN / "pre-commit", "run", "--all-files", "--color", "never", *options],
        cwd=project,
        env=os.environ | home | variables,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


BREAKS = {
    "elements/greeting.bst": ("kind: make\n", "kind: no-such-kind\n", "every element"),
    "project.conf": ("element-path: elements\n", "element-path:   elements\n", "YAML is"),
}


def test_pre_commit(fresh: Path, tmp_path: Path) -> None:
    """It takes a fresh project of each toolchain, and fails by the right check on what is broken."""
    status, output = check(fresh)
    assert status == 0, output
    assert output.count("Passed") == 2, output
    for name, (good, bad, hook) in BREAKS.items():
        text = (fresh / name).read_text()
        assert good in text
        with edited(fresh / name, text.replace(good, bad, 1)):
            status, output = check(fresh)
        assert status == 1, output
        assert [line.split("...")[0] for line in output.splitlines() if line.endswith("Failed")] == [
            line.split("...")[0] for line in output.splitlines() if line.startswith(hook)
        ], output

    other = generate_local(tmp_path, toolchain="freedesktop-sdk", forge="gitlab")
    git(other, "init", "-q")
    git(other, "add", "-A")
    # Its elements are loaded in test_freedesktop_sdk.py, which has its repository.
    status, output = check(other, SKIP="elements")
    assert status == 0, output


def test_what_one_machine_makes_is_ignored(fresh: Path) -> None:
    for name in (
        ".venv/bin/bst",
        ".bst/workspaces.yml",
        ".bst2/workspaces.yml",
        ".cache/buildstream/x",
        "recc-report.json",
    ):
        assert git(fresh, "check-ignore", name)
    assert not git(fresh, "ls-files", "--cached", "--ignored", "--exclude-standard")


# Continuous integration


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema(fresh: Path, name: str) -> None:
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", SCHEMAS[name], fresh / name], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_actions_are_pinned_by_commit(fresh: Path) -> None:
    text = (fresh / ".github/workflows/build.yml").read_text()
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert all(re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", name) for name in used)


def load(path: Path) -> Any:
    """A YAML file's content."""
    return YAML(typ="safe").load(path)


# A job: its variables, and its scripts, each of which runs in a shell of its own.
Job = tuple[dict[str, str], list[str]]


def on_gitlab(project: Path, main: bool) -> Job:
    """The job of GitLab's that builds the main branch or a merge request."""
    content = load(project / ".gitlab-ci.yml")
    name, when = ("main", "COMMIT_BRANCH ==") if main else ("merge-request", '== "merge_request_event"')
    job = content[name]
    assert [when in rule["if"] for rule in job["rules"]] == [True]
    # Variables of this environment are the main branch's alone.
    assert ("environment" in job) == main
    job = content[job["extends"]] | job
    assert job["cache"]["paths"] == [".cache/buildstream"]
    now = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    given = {"CI_PROJECT_DIR": str(project), "XDG_CACHE_HOME": f"{project}/.cache", "CI_JOB_STARTED_AT": now}
    # GitLab ignores the exit status of after_script.
    scripts = ["\n".join([*job["before_script"], *job["script"]]), "\n".join(job["after_script"]) + " || :"]
    return content["variables"] | job["variables"] | given, scripts


def on_github(project: Path, main: bool) -> Job:
    """The steps of GitHub's job that build the main branch or a pull request."""
    content = load(project / ".github/workflows/build.yml")
    event, other = ("push", "pull_request") if main else ("pull_request", "push")
    assert event in content["on"]

    def value(text: str) -> str:
        text = re.sub(rf"\${{{{ github.event_name == '{event}' && '([^']*)' \|\| '[^']*' }}}}", r"\1", text)
        return re.sub(rf"\${{{{ github.event_name == '{other}' && '[^']*' \|\| '([^']*)' }}}}", r"\1", text)

    job = content["jobs"]["build"]
    assert value(job["environment"]) == "main" * main
    steps = job["steps"]
    scripts = [step["run"] for step in steps if "run" in step and step.get("if", "always()") == "always()"]
    saved = [step["if"] for step in steps if "actions/cache/save" in step.get("uses", "")]
    assert saved == ["github.event_name == 'push'"]
    given = {f"GITHUB_{name}": f"{project}.{name.lower()}" for name in ("ENV", "PATH", "STEP_SUMMARY")}
    return {name: value(text) for name, text in content["env"].items()} | given, scripts


class Runner:
    """Runs a job of a CI file in `project`, with the cache of `fetched` and a home directory in `home`."""

    def __init__(self, home: Path, project: Path, fetched: Project) -> None:
        self.home, self.project, self.fetched = home, project, fetched
        self.notes = home / "notes"
        stand_ins = {
            "apt-get": f'echo "apt-get $*" >> {self.notes}',
            "sysctl": f'echo "sysctl $*" >> {self.notes}',
            "pip": f'echo "pip $*" >> {self.notes}',
            "sudo": 'exec "$@"',
            "python3": f'case "$*" in "-m venv .venv") mkdir -p .venv/bin; cp {home}/bin/pip .venv/bin;; '
            f'*) exec {sys.executable} "$@";; esac',
        }
        for name, text in stand_ins.items():
            path = home / "bin" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
        self.source = project / "files/greeting/main.cpp"
        self.text = self.source.read_text()
        for directory in (project, home):
            (directory / ".cache").mkdir()
            (directory / ".cache/buildstream").symlink_to(fetched.cache / "buildstream")

    def change(self, number: int) -> None:
        """Let one of the two compiles be another than with any other number, or in any other test."""
        self.source.write_text(f"{self.text}int change_{number};  // {self.project}\n")

    def forget(self) -> None:
        """Delete what was built, so that a job builds it again."""
        command = [str(BIN / "bst"), "artifact", "delete", "greeting.bst"]
        subprocess.run(command, cwd=self.project, env=self.fetched.environment, check=True, capture_output=True)

    def run(self, job: Job, **variables: str) -> dict[str, int]:
        """Run a job; what the report that it leaves counts, or nothing where there is no report."""
        settings, scripts = job
        report = self.project / "recc-report.html"
        report.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        environment |= settings | {"HOME": str(self.home), "PATH": f"{self.home}/bin:{BIN}:{os.environ['PATH']}"}
        environment |= variables
        written = Path(environment.get("GITHUB_ENV", self.home / "unused"))
        written.write_text("")
        for script in scripts:
            done = subprocess.run(["sh", "-e", "-c", script], cwd=self.project, env=environment, capture_output=True)
            assert done.returncode == 0, (script, done.stdout.decode(), done.stderr.decode())
            environment |= dict(line.split("=", 1) for line in written.read_text().splitlines())
        if not report.exists():
            return {}
        if summary := settings.get("GITHUB_STEP_SUMMARY"):
            assert "\n|greeting\\.bst|" in Path(summary).read_text()
        since = environment.get("SINCE") or environment["CI_JOB_STARTED_AT"]
        command = [str(BIN / "bst-recc"), "report", "--since", since, "--json"]
        done = subprocess.run(command, cwd=self.project, env=environment, capture_output=True, check=True)
        totals = json.loads(done.stdout)["totals"]
        return {name: totals[name] for name in ("compiles", "hits", "local", "remote")}


def counts(compiles: int, hits: int = 0, local: int = 0, remote: int = 0) -> dict[str, int]:
    """As Runner.run returns them."""
    return {"compiles": compiles, "hits": hits, "local": local, "remote": remote}


@pytest.fixture
def runner(fetched: Project, fresh: Path, tmp_path: Path) -> Runner:
    """A runner for a copy of the project with both CI files, whose cache has no compile."""
    project = tmp_path / "my-project"
    shutil.copytree(fetched.path, project, ignore=shutil.ignore_patterns(".cache", ".venv"))
    for name in SCHEMAS:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(fresh / name, project / name)
    fetched.empty_action_cache()
    return Runner(tmp_path / "home", project, fetched)


JOBS = pytest.mark.parametrize("job", [on_gitlab, on_github])


@JOBS
def test_main_fills_the_cache_and_merge_requests_read_it(
    fetched: Project, runner: Runner, tmp_path: Path, job: Callable[[Path, bool], Job]
) -> None:
    given, project = {"BUILDSTREAM_CONF": fetched.configuration.read_text()}, runner.project
    runner.change(1)
    assert runner.run(job(project, True), **given) == counts(2, remote=2)
    assert runner.run(job(project, True), **given) == {}, "nothing was left to do"
    for number in (2, 3):
        runner.change(number)
        assert runner.run(job(project, False), **given) == counts(2, hits=1, local=1)
    # What the merge request compiled is not there for main.
    runner.forget()
    assert runner.run(job(project, True), **given) == counts(2, hits=1, remote=1)

    notes = runner.notes.read_text()
    assert re.search(r"^pip install .*-r requirements.txt$", notes, re.MULTILINE)
    assert re.search(r"^apt-get .* install .*bubblewrap fuse3", notes, re.MULTILINE)
    # Without a configuration of one's own there is one that BuildStream takes.
    settings, _ = job(project, True)
    (tmp_path / "default.conf").write_text(settings["BUILDSTREAM_CONF"])
    subprocess.run(
        [BIN / "bst", "-c", tmp_path / "default.conf", "show", "--deps", "none", "greeting.bst"],
        cwd=project,
        env=fetched.environment | {"XDG_CACHE_HOME": str(tmp_path / "default")},
        check=True,
        capture_output=True,
    )


@JOBS
@pytest.mark.slow
@pytest.mark.usefixtures("direct")
def test_a_teams_cache_in_jobs(
    fetched: Project, runner: Runner, tmp_path: Path, job: Callable[[Path, bool], Job]
) -> None:
    """Through nginx, with the certificate that a job has: main stores, and a merge request takes and stores nothing."""
    secrets, temporary = tmp_path / "secrets", tmp_path / "temporary"
    for directory in (secrets, temporary, tmp_path / "server"):
        directory.mkdir()
    authority(secrets)
    certificate(secrets, "tls", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1")
    for name, subject in (("reader", "/CN=merge-requests"), ("writer", "/OU=write-hermetic/CN=main")):
        certificate(secrets, name, subject)

    def variables(address: str, name: str) -> dict[str, str]:
        """As the forge gives them: the names of files, or what is in them."""
        files = {"RECC_SERVER_CA": "ca.crt", "RECC_KEY": f"{name}.key", "RECC_CERT": f"{name}.crt"}
        paths = {variable: secrets / file for variable, file in files.items()}
        own = {variable: str(path) if job is on_gitlab else path.read_text() for variable, path in paths.items()}
        conf = {"BUILDSTREAM_CONF": fetched.configuration.read_text(), "RUNNER_TEMP": str(temporary)}
        return {"RECC_CACHE": address, **own, **conf}

    number = port()
    options = ("--cache-failures=false", "--local-server-instance=hermetic")
    with (
        casd(tmp_path / "server", *options, bind=f"127.0.0.1:{number}"),
        nginx(tmp_path / "nginx", secrets, {8980: [f"127.0.0.1:{number}"]}) as ports,
    ):
        address = f"https://127.0.0.1:{ports[8990]}"
        runner.change(1)
        assert runner.run(job(runner.project, True), **variables(address, "writer")) == counts(2, remote=2)
        runner.change(2)
        for _ in range(2):
            fetched.empty_action_cache()
            build = runner.run(job(runner.project, False), **variables(address, "reader"))
            assert build == counts(2, hits=1, local=1)
            runner.forget()
    assert not [path for path in temporary.iterdir() if path.stat().st_mode & 0o077]
