# A generated project follows the template by cruft, and nothing of its user's is lost.
# SPDX-License-Identifier: Apache-2.0
"""The template is a Git repository made here from this one's files; cruft runs where there is no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import BIN, PRODUCT, ROOT
from helpers import edited
from pages import BLOCK

OFFLINE = (str(shutil.which("bwrap")), "--dev-bind", "/", "/", "--unshare-net")
FREEDESKTOP_SDK = "elements/{% if cookiecutter.toolchain == 'freedesktop-sdk' %}toolchain.bst{% endif %}"


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
        self.run("git", "init", "-q", cwd=repository)
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

    def cruft(self, project: Path, command: str, *options: str, status: int = 0) -> str:
        """What cruft prints."""
        done = self.run(*OFFLINE, BIN / "cruft", command, *options, cwd=project, status=status)
        return done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A template of the files of this repository."""
    made = Place(tmp_path)
    for name in ("hooks", PRODUCT.name):
        shutil.copytree(ROOT / name, made.template / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "cookiecutter.json", made.template)
    made.commit(made.template)
    return made


def append(path: Path, text: str) -> None:
    """Add a line at the end of a file."""
    path.write_text(path.read_text() + text)


def recorded(project: Path) -> dict[str, Any]:
    """What .cruft.json says."""
    content: dict[str, Any] = json.loads((project / ".cruft.json").read_text())
    return content


@pytest.mark.parametrize(
    ("toolchain", "junction"),
    [("debian", "toolchain/project.conf"), ("freedesktop-sdk", FREEDESKTOP_SDK)],
)
def test_update_keeps_what_is_the_users(place: Place, toolchain: str, junction: str) -> None:
    project, printed = place.generate(place.template, f"toolchain={toolchain}", "description=Mine")
    assert "Git" not in printed and "uncommitted" not in printed
    place.commit(project)
    assert "up to date" in place.cruft(project, "check")

    append(project / "elements/examples/greeting.bst", "# mine\n")
    append(project / "README.md", "\nMine.\n")
    (project / "elements/mine.bst").write_text("kind: stack\n")
    (project / "elements/examples/hello.bst").unlink()
    place.commit(project)
    product = place.template / PRODUCT.name
    greeting = (product / "elements/examples/greeting.bst").read_text()
    (product / "elements/examples/greeting.bst").write_text(f"# theirs\n{greeting}")
    for name in ("elements/examples/hello.bst", "files/greeting/greeting.c", junction):
        append(product / name, "# theirs\n")
    (product / "elements/theirs.bst").write_text("kind: stack\n")
    (product / "include/clang-for-recc.yml").unlink()
    newest = place.commit(place.template)

    assert "out of date" in place.cruft(project, "check", status=1)
    printed = place.cruft(project, "update", "--skip-apply-ask")
    assert "Next:" not in printed
    assert "up to date" in place.cruft(project, "check")
    assert (project / "elements/examples/greeting.bst").read_text() == f"# theirs\n{greeting}# mine\n"
    assert (project / "README.md").read_text().endswith("\nMine.\n")
    assert (project / "elements/mine.bst").exists() and (project / "elements/theirs.bst").exists()
    assert not (project / "elements/examples/hello.bst").exists()
    assert not (project / "include/clang-for-recc.yml").exists()
    changed = "elements/toolchain.bst" if toolchain == "freedesktop-sdk" else junction
    for name in ("files/greeting/greeting.c", changed):
        assert (project / name).read_text().endswith("# theirs\n")
    assert (project / "toolchain").exists() == (toolchain == "debian")
    assert recorded(project)["commit"] == newest
    assert recorded(project)["context"]["cookiecutter"]["description"] == "Mine"


def test_what_the_pages_say(place: Place) -> None:
    """The commands of docs/update.md, of which the generated README has the first."""
    first, locks = (text for language, text in BLOCK.findall((ROOT / "docs/update.md").read_text()) if language == "sh")
    project, _ = place.generate(place.template)
    readme = (project / "README.md").read_text().partition("## Keep up with the template\n")[2].partition("\n## ")[0]
    short = [line.split("#")[0].strip() for line in BLOCK.findall(readme)[0][1].splitlines()]
    assert short == [line.split("#")[0].strip() for line in first.splitlines()][: len(short)]
    place.commit(project)
    append(place.template / PRODUCT.name / "files/greeting/greeting.c", "// theirs\n")
    append(place.template / PRODUCT.name / "toolchain/locks/archive.yml", "# theirs\n")
    place.commit(place.template)

    # What it needs is installed, and the template has changed.
    for line, instead in {
        "pip install cruft\n": "",
        "cruft check  ": "! cruft check ",
    }.items():
        assert line in first
        first = first.replace(line, instead)
    place.run("sh", "-ec", first, cwd=project)
    assert (project / "files/greeting/greeting.c").read_text().endswith("// theirs\n")
    assert not place.run("git", "status", "--porcelain", cwd=project).stdout
    assert "up to date" in place.cruft(project, "check")

    # Back to the user's locks; what 'lock' does then is for tests/e2e/test_lock.py.
    archive = project / "toolchain/locks/archive.yml"
    mine = archive.read_text()
    append(archive, "# conflict\n")
    place.run("sh", "-ec", locks.replace("bst-recc lock\n", "bst-recc lock --help\n"), cwd=project)
    assert archive.read_text() == mine


@pytest.mark.parametrize("history", [True, False])
def test_conflicts_are_left_and_said(place: Place, history: bool) -> None:
    """With the version that was generated in Git's history, as a merge; without, as a .rej file."""
    project, _ = place.generate(place.template)
    if history:
        place.commit(project)
    file = project / "files/greeting/greeting.h"
    file.write_text("/* mine */\n")
    place.commit(project)
    (place.template / PRODUCT.name / "files/greeting/greeting.h").write_text("/* theirs */\n")
    append(place.template / PRODUCT.name / "files/greeting/greeting.c", "/* theirs */\n")
    place.commit(place.template)
    printed = place.cruft(project, "update", "--skip-apply-ask")
    assert "/* mine */" in file.read_text()
    assert (project / "files/greeting/greeting.c").read_text().endswith("/* theirs */\n")
    status = place.run("git", "status", "--porcelain", cwd=project).stdout
    if history:
        assert "with conflicts" in printed and "UU files/greeting/greeting.h" in status
        assert "<<<<<<<" in file.read_text() and "/* theirs */" in file.read_text()
    else:
        assert ".rej" in printed and "?? files/greeting/greeting.h.rej" in status
        assert "+/* theirs */" in (project / "files/greeting/greeting.h.rej").read_text()
    assert "up to date" in place.cruft(project, "check")


def test_record_is_what_cruft_would_write(place: Place) -> None:
    text = "\"'\\ ünï $(x) {a: b}"
    project, _ = place.generate(place.template, f"description={text}")
    ours = recorded(project)
    files = {path.relative_to(project): path.is_dir() or path.read_bytes() for path in project.rglob("*")}
    shutil.rmtree(project)
    context = json.dumps({"description": text})
    place.cruft(place.home, "create", str(place.template), "-y", "--output-dir", "out", "--extra-context", context)
    theirs = recorded(project)
    theirs["context"]["cookiecutter"].pop("_copy_without_render")
    assert ours == theirs
    del files[Path(".cruft.json")]
    (project / ".cruft.json").unlink()
    assert files == {path.relative_to(project): path.is_dir() or path.read_bytes() for path in project.rglob("*")}
    # What does name a path of this machine is the template, which was given as one.
    assert str(place.home) not in json.dumps(ours).replace(str(place.template), "")


def test_template_given_as_a_relative_path(place: Place) -> None:
    project, _ = place.generate("../template", cwd=place.template)
    assert recorded(project)["template"] == str(place.template)
    assert (project / "requirements.txt").read_text().endswith(f"\nbst-recc @ file://{place.template}\n")
    place.cruft(project, "check")


def test_template_that_was_cloned(place: Place) -> None:
    """Its URL is recorded, without what it lets its reader do."""
    clone = place.home / ".cookiecutters/template-by-name"
    place.run("git", "clone", "-q", place.template, clone)
    place.run("git", "remote", "set-url", "origin", "https://user:secret@git.example.com/template.git", cwd=clone)
    project, _ = place.generate("template-by-name")
    state = recorded(project)
    assert state["template"] == "https://git.example.com/template.git"
    required = (project / "requirements.txt").read_text().splitlines()[-1]
    assert required == f"bst-recc @ git+{state['template']}@{state['commit']}"
    assert "secret" not in (project / ".cruft.json").read_text()
    assert str(place.home) not in (project / ".cruft.json").read_text()


def test_template_that_is_no_checkout(place: Place) -> None:
    place.run("git", "archive", "--prefix=t/", "-o", place.home / "t.zip", "HEAD", cwd=place.template)
    project, printed = place.generate(place.home / "t.zip")
    assert "no Git checkout" in printed and "cruft link" in printed
    assert not (project / ".cruft.json").exists()
    assert "bst-recc" not in (project / "requirements.txt").read_text() and "bst-recc @ git+URL" in printed
    place.cruft(project, "link", str(place.template), "--no-input")
    assert "up to date" in place.cruft(project, "check")
    shutil.rmtree(project)
    # One that merely lies in somebody's checkout.
    place.commit(place.home)
    place.run("git", "rm", "-q", "--cached", "-r", "template", cwd=place.home)
    shutil.rmtree(place.template / ".git")
    project, printed = place.generate(place.template)
    assert "no Git checkout" in printed
    assert not (project / ".cruft.json").exists()


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("PATH", "/nowhere", "Git is not installed"),
        # A variable of Git's own tests.
        ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1", "fatal: detected dubious ownership"),
    ],
)
def test_git_that_does_not_answer(place: Place, variable: str, value: str, reason: str) -> None:
    project, printed = place.generate(place.template, variables={variable: value})
    assert f"\n{reason}" in printed and "no Git checkout" not in printed and "cruft link" in printed
    assert not (project / ".cruft.json").exists()


def test_uncommitted_changes_are_said(place: Place) -> None:
    with edited(place.template / "cookiecutter.json", (place.template / "cookiecutter.json").read_text() + "\n"):
        project, printed = place.generate(place.template)
    assert "uncommitted changes" in printed
    assert (project / ".cruft.json").exists()
