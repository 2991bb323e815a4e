# The generated project's checks, CI files and shared cache do what its README says.
# SPDX-License-Identifier: Apache-2.0
"""What a CI file says is read from the file and run; what would change this machine is replaced by a note of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import BIN, ROOT, Counts, Project, generate, generate_local
from helpers import edited
from ruamel.yaml import YAML
from servers import casd, port

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
    "recc/files/wrapper/session/sh": ("#!/bin/sh\n", "#!/bin/sh\ncd $1\n", "shell scripts"),
    "README.md": ("## Build\n", "<<<<<<< ours\n## Build\n", "no conflict"),
}


def test_pre_commit(fresh: Path, tmp_path: Path) -> None:
    """It takes a fresh project of each toolchain, and fails by the right check on what is broken."""
    status, output = check(fresh)
    assert status == 0, output
    assert output.count("Passed") == 4, output
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
    job = content[job["extends"]] | job
    assert job["cache"]["paths"] == [".cache/buildstream"]
    scripts = ["\n".join([*job["before_script"], *job["script"]]), "\n".join(job["after_script"])]
    return content["variables"] | {"CI_PROJECT_DIR": str(project), "XDG_CACHE_HOME": f"{project}/.cache"}, scripts


def on_github(project: Path, main: bool) -> Job:
    """The steps of GitHub's job that build the main branch or a pull request."""
    content = load(project / ".github/workflows/build.yml")
    event = "push" if main else "pull_request"
    assert event in content["on"]
    steps = content["jobs"]["build"]["steps"]
    scripts = []
    for step in steps:
        if "run" in step and step.get("if", "always()") in ("always()", f"github.event_name == '{event}'"):
            scripts.append(step["run"].replace("~/.cache", "$HOME/.cache"))
    saved = [step["if"] for step in steps if "actions/cache/save" in step.get("uses", "")]
    assert saved == ["github.event_name == 'push'"]
    return content["env"] | {"GITHUB_ENV": f"{project}.env", "GITHUB_PATH": f"{project}.path"}, scripts


class Runner:
    """Runs a job of a CI file in `project`, with BuildStream's cache in `cache` and a home directory in `home`."""

    def __init__(self, home: Path, project: Path, cache: Path) -> None:
        self.home, self.project, self.cache = home, project, cache
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
        for directory in (project, home):
            (directory / ".cache").mkdir()
            (directory / ".cache/buildstream").symlink_to(cache / "buildstream")

    def run(self, job: Job, **variables: str) -> dict[str, int]:
        """Run a job; what the report that it leaves counts, or nothing where there is no report."""
        settings, scripts = job
        report = self.project / "recc-report.json"
        report.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        environment |= settings | {"HOME": str(self.home), "PATH": f"{self.home}/bin:{BIN}:{os.environ['PATH']}"}
        environment |= variables
        Path(environment.get("GITHUB_ENV", self.home / "unused")).write_text("")
        for script in scripts:
            done = subprocess.run(["sh", "-e", "-c", script], cwd=self.project, env=environment, capture_output=True)
            assert done.returncode == 0, (script, done.stdout.decode(), done.stderr.decode())
            for line in Path(environment.get("GITHUB_ENV", os.devnull)).read_text().splitlines():
                name, _, value = line.partition("=")
                environment[name] = value
        if not report.exists():
            return {}
        totals = json.loads(report.read_text())["totals"]
        return {name: totals[name] for name in ("compiles", "hits", "local", "remote")}


def counts(compiles: int, hits: int = 0, local: int = 0, remote: int = 0) -> dict[str, int]:
    """As Runner.run returns them."""
    return {"compiles": compiles, "hits": hits, "local": local, "remote": remote}


@pytest.mark.parametrize(("host", "job"), [("gitlab", on_gitlab), ("github", on_github)])
def test_main_fills_the_cache_and_merge_requests_read_it(
    fetched: Project, fresh: Path, tmp_path: Path, host: str, job: Callable[[Path, bool], Job]
) -> None:
    project = tmp_path / "my-project"
    shutil.copytree(fetched.path, project, ignore=shutil.ignore_patterns(".cache", ".venv"))
    for name in SCHEMAS:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(fresh / name, project / name)
    runner = Runner(tmp_path / "home", project, fetched.cache)
    configuration = fetched.configuration.read_text()
    fetched.empty_action_cache()
    source = project / "files/greeting/main.cpp"
    text = source.read_text()

    def change(number: int) -> None:
        source.write_text(f"{text}int change_{host}_{number};\n")

    change(1)
    given = {"BUILDSTREAM_CONF": configuration, "CONF": configuration}
    assert runner.run(job(project, True), **given) == counts(2, remote=2)
    assert runner.run(job(project, True), **given) == {}, "nothing was left to do"
    for number in (2, 3):
        change(number)
        assert runner.run(job(project, False), **given) == counts(2, hits=1, local=1)
    # What the merge request compiled is not there for main.
    subprocess.run(
        [BIN / "bst", "artifact", "delete", "greeting.bst"],
        cwd=project,
        env=fetched.environment,
        check=True,
        capture_output=True,
    )
    assert runner.run(job(project, True), **given) == counts(2, hits=1, remote=1)

    notes = runner.notes.read_text()
    assert re.search(r"^pip install .*-r requirements.txt$", notes, re.MULTILINE)
    assert re.search(r"^apt-get .* install .*bubblewrap fuse3", notes, re.MULTILINE)
    # Without a configuration of one's own there is one that BuildStream takes.
    settings, _ = job(project, True)
    (tmp_path / "default.conf").write_text(settings["DEFAULT_CONF"])
    subprocess.run(
        [BIN / "bst", "-c", tmp_path / "default.conf", "show", "--deps", "none", "greeting.bst"],
        cwd=project,
        env=fetched.environment | {"XDG_CACHE_HOME": str(tmp_path / "default")},
        check=True,
        capture_output=True,
    )


def test_main_prefers_its_own_configuration(fresh: Path, tmp_path: Path) -> None:
    """GitLab's main job takes BUILDSTREAM_CONF_MAIN, and the other one does not; GitHub's expression says the same."""
    for main, expected in ((True, "main"), (False, "all")):
        settings, (script, _) = on_gitlab(fresh, main)
        lines = [line for line in script.splitlines() if "BUILDSTREAM_CONF" in line]
        home = {"HOME": str(tmp_path), "BUILDSTREAM_CONF": "all", "BUILDSTREAM_CONF_MAIN": "main"}
        (tmp_path / ".config").mkdir(exist_ok=True)
        subprocess.run(["sh", "-e", "-c", "\n".join(lines)], env=settings | home, check=True)
        assert (tmp_path / ".config/buildstream.conf").read_text() == f"{expected}\n"
    text = (fresh / ".github/workflows/build.yml").read_text()
    assert "github.event_name == 'push' && secrets.BUILDSTREAM_CONF_MAIN || secrets.BUILDSTREAM_CONF " in text


# A shared cache


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The URL of a cache server on loopback."""
    with casd(tmp_path, "--cache-failures=false", bind=f"127.0.0.1:{port()}") as url:
        yield url


@pytest.mark.usefixtures("direct")
def test_shared_cache(fetched: Project, server: str) -> None:
    """What one machine pushes another one reads; what a reader compiles stays with it; without the server, no hits."""
    element = "greeting.bst"
    writer = (ROOT / "deploy/team-cache.conf").read_text().replace("http://127.0.0.1:8980", server)
    reader = writer.replace("push: true", "push: false")
    assert server in writer and reader != writer

    def build(configuration: str, mode: str) -> Counts | None:
        """On another machine: nothing in its action cache."""
        fetched.empty_action_cache()
        fetched.configure(configuration)
        return fetched.build(element, mode).counts

    source = fetched.path / "files/greeting/main.cpp"
    try:
        assert build(writer, "remote") == Counts(2, remote=2)
        assert build(reader, "cache-only") == Counts(2, hits=2)
        assert build("", "cache-only") == Counts(2, local=2)
        with edited(source, source.read_text() + "int changed;\n"):
            assert build(reader, "remote") == Counts(2, hits=1, remote=1)
            assert build(reader, "remote") == Counts(2, hits=1, remote=1)
    finally:
        fetched.configure()
