# A generated project follows the template: its junctions lead to a commit, and bst moves them to a later one.
# SPDX-License-Identifier: Apache-2.0
"""The template is a Git repository made here from this one's files; generation has no network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import BIN, PRODUCT, ROOT, TOOLCHAIN, WIRING, Counts, Project
from helpers import edited
from pages import follow

OFFLINE = (str(shutil.which("bwrap")), "--dev-bind", "/", "/", "--unshare-net")


@dataclass(frozen=True)
class Place:
    """A home directory, and in it the template as a Git repository."""

    home: Path

    @property
    def template(self) -> Path:
        return self.home / "template"

    def run(
        self, *command: object, cwd: Path | None = None, status: int = 0, variables: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with nobody's configuration; its exit status must be `status`."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "XDG_"))}
        environment |= {f"GIT_{who}_{what}": "me@x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment |= {"HOME": str(self.home), "PATH": f"{BIN}:{environment['PATH']}"} | (variables or {})
        words = list(map(str, command))
        done = subprocess.run(words, cwd=cwd or self.home, env=environment, capture_output=True, text=True)
        assert done.returncode == status, (words, done.stdout, done.stderr)
        return done

    def commit(self, repository: Path) -> str:
        """Commit all that is in `repository`; the commit's name."""
        self.run("git", "init", "-q", "-b", "main", cwd=repository)
        self.run("git", "add", "-A", cwd=repository)
        self.run("git", "commit", "-q", "--allow-empty", "-m", "As it is", cwd=repository)
        return self.run("git", "rev-parse", "HEAD", cwd=repository).stdout.strip()

    def generate(
        self,
        template: object,
        *answers: str,
        cwd: Path | None = None,
        variables: dict[str, str] | None = None,
    ) -> tuple[Path, str]:
        """The project that cookiecutter makes in a directory 'out', and what was printed."""
        command = [*OFFLINE, BIN / "cookiecutter", template, "--no-input", "-o", self.home / "out", *answers]
        return self.home / "out/my-project", self.run(*command, cwd=cwd, variables=variables).stdout


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A template of the files of this repository."""
    made = Place(tmp_path)
    for source in (ROOT / "hooks", PRODUCT, WIRING, TOOLCHAIN):
        shutil.copytree(source, made.template / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "cookiecutter.json", made.template)
    made.commit(made.template)
    return made


def recorded(project: Path) -> dict[str, str]:
    """What the files say of the template: URL of its junction, branch, commit, and what requirements.txt has."""
    alias = re.search(r"template: (\S+)/$", (project / "project.conf").read_text(), re.MULTILINE)
    found = set()
    for name in ("recc", "toolchain"):
        text = (project / f"elements/{name}.bst").read_text()
        found.add(re.search(r"url: template:(\S+)\n  track: (\S+)\n  ref: (\S+)\n", text))
    assert alias and len({match.groups() for match in found if match}) == 1 and None not in found
    match = found.pop()
    assert match
    required = (project / "requirements.txt").read_text().splitlines()[-1]
    return {"url": f"{alias[1]}/{match[1]}", "branch": match[2], "commit": match[3], "required": required}


@pytest.mark.parametrize("template", ["{}", "../template"])
def test_template_that_is_a_checkout(place: Place, template: str) -> None:
    project, printed = place.generate(template.format(place.template), cwd=place.template)
    url, commit = f"file://{place.template}", place.run("git", "rev-parse", "HEAD", cwd=place.template).stdout.strip()
    required = f"bst-recc @ {url}"
    assert recorded(project) == {"url": url, "branch": "main", "commit": commit, "required": required}
    assert "Before you share this project" in printed


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://user:secret@git.example.com/template.git", "https://git.example.com/template.git"),
        ("git@git.example.com:group/template.git", "ssh://git@git.example.com/group/template.git"),
    ],
)
def test_template_that_was_cloned(place: Place, url: str, written: str) -> None:
    """Its URL is written, without what it lets its reader do."""
    clone = place.home / ".cookiecutters/template-by-name"
    place.run("git", "clone", "-q", place.template, clone)
    place.run("git", "remote", "set-url", "origin", url, cwd=clone)
    project, printed = place.generate("template-by-name")
    found = recorded(project)
    assert found["url"] == written and found["required"] == f"bst-recc @ git+{written}@{found['commit']}"
    assert "Before you share" not in printed
    texts = [path.read_text() for path in project.rglob("*") if path.is_file()]
    assert not any("secret" in text or str(place.home) in text for text in texts)


def test_template_that_is_no_checkout(place: Place) -> None:
    place.run("git", "archive", "--prefix=t/", "-o", place.home / "t.zip", "HEAD", cwd=place.template)
    _, printed = place.generate(place.home / "t.zip")
    assert "\nThe template is no Git checkout: put its repository's URL, branch and commit into project.conf" in printed
    shutil.rmtree(place.home / "out")
    # One that merely lies in somebody's checkout.
    place.commit(place.home)
    place.run("git", "rm", "-q", "--cached", "-r", "template", cwd=place.home)
    shutil.rmtree(place.template / ".git")
    _, printed = place.generate(place.template)
    assert "no Git checkout" in printed


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("PATH", "/nowhere", "Git is not installed"),
        # A variable of Git's own tests.
        ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1", "fatal: detected dubious ownership"),
    ],
)
def test_git_that_does_not_answer(place: Place, variable: str, value: str, reason: str) -> None:
    _, printed = place.generate(place.template, variables={variable: value})
    assert f"\n{reason}" in printed and "no Git checkout" not in printed


def test_uncommitted_changes_are_said(place: Place) -> None:
    with edited(place.template / "cookiecutter.json", (place.template / "cookiecutter.json").read_text() + "\n"):
        project, printed = place.generate(place.template)
    assert "uncommitted changes" in printed
    assert recorded(project)["commit"]


def test_generated_again_over_what_is_there(place: Place) -> None:
    """cookiecutter -f -s adds what is missing, and leaves a newer pin alone."""
    project, _ = place.generate(place.template)
    newer = (project / "elements/recc.bst").read_text().replace(recorded(project)["commit"], "0" * 40)
    (project / "elements/recc.bst").write_text(newer)
    before = (project / "requirements.txt").read_text()
    (project / ".gitattributes").unlink()
    place.generate(place.template, "-f", "-s")
    assert (project / "elements/recc.bst").read_text() == newer
    assert (project / "requirements.txt").read_text() == before
    assert (project / ".gitattributes").exists()


def test_tracked_to_a_later_commit(fetched: Project, place: Place) -> None:
    """As generated, by git: it builds; both junctions move to what was committed since, and it builds again."""
    path, _ = place.generate(place.template)
    project = Project(path, fetched.cache)
    fetched.empty_action_cache()
    assert project.build("greeting.bst", "remote").counts == Counts(2, remote=2)
    with (place.template / "recc/include/recc.yml").open("a") as file:
        file.write("# later\n")
    later = place.commit(place.template)
    place.commit(path)
    # What docs/update.md says.
    follow(project, (ROOT / "docs/update.md").read_text().partition("\n## ")[0])
    assert recorded(path)["commit"] == later
    assert project.build("greeting.bst", "remote").counts == Counts(2, hits=2)
    fetched.configure()
