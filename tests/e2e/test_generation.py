# What cookiecutter writes, and what it refuses to write.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from harness import BIN, ROOT, WIRING, generate
from tree import FILES, FORGES, cookiecutter, files


@pytest.mark.parametrize("forge", FORGES)
def test_exact_file_set(tmp_path: Path, forge: str) -> None:
    assert files(generate(tmp_path, forge=forge)) == FILES | FORGES[forge]


def test_what_a_user_owns_fits_on_two_screens(tmp_path: Path) -> None:
    paths = [path for path in generate(tmp_path).rglob("*") if path.is_file()]
    assert len(paths) <= 20 and sum(len(path.read_text().splitlines()) for path in paths) <= 300


@pytest.mark.parametrize("forge", FORGES)
@pytest.mark.parametrize("toolchain", ["debian", "freedesktop-sdk", "mine"])
def test_no_template_syntax_is_left_and_every_file_says_what_it_is(tmp_path: Path, toolchain: str, forge: str) -> None:
    for path in generate(tmp_path, toolchain=toolchain, forge=forge).rglob("*"):
        if path.is_dir():
            continue
        text = path.read_text()
        if ".github" in path.parts:
            text = re.sub(r"\$\{\{ [^{}]* \}\}", "", text)
        assert not re.search(r"cookiecutter|TEMPLATE|\{\{|\}\}|\{%", text), path
        assert path.suffix != ".md" or "\n\n\n" not in text, path
        assert "SPDX-License-Identifier: Apache-2.0" in text, path
        head = text.removeprefix("#!/bin/sh\n")
        assert re.match(r"(#|//|/\*|<!--) \S", head), path


def test_commands_are_executable() -> None:
    for name in ("files/wrapper/libexec/summary", "files/wrapper/session/sh", "files/bundle/assemble"):
        assert (WIRING / name).stat().st_mode & 0o111, name


@pytest.mark.parametrize("option", ["arch", "recc"])
def test_the_options_are_those_of_the_junction(tmp_path: Path, option: str) -> None:
    """They stand in both, because BuildStream reads a project's options before it opens its junctions."""
    own = (generate(tmp_path, recc_mode="local") / f"include/{option}-option.yml").read_text()
    assert own.replace("default: 'local'", "default: remote") == (WIRING / f"include/{option}-option.yml").read_text()


@pytest.mark.parametrize("mode", ["remote", "local", "cache-only", "off"])
def test_answers_reach_the_project(tmp_path: Path, mode: str) -> None:
    project = generate(tmp_path, project_slug="answers", recc_mode=mode, description="Describes it")
    assert "\nname: answers\n" in (project / "project.conf").read_text()
    assert f"default: '{mode}'" in (project / "include/recc-option.yml").read_text()
    assert "Describes it" in (project / "README.md").read_text()


def test_next_commands_are_printed(tmp_path: Path) -> None:
    done = cookiecutter(tmp_path)
    assert f"cd {tmp_path}/my-project" in done.stdout
    assert "pip install -r requirements.txt" in done.stdout
    assert "bst build greeting.bst" in done.stdout


@pytest.mark.parametrize(
    "answer",
    [
        "project_slug=9lives",
        "project_slug=two words",
        "project_slug=../outside",
        "project_slug=nested/inside",
        "project_slug=.hidden",
        "project_slug=-option",
        "project_slug=ümlaut",
        "project_slug=recc",
        "project_slug=debian-toolchain",
        "project_slug=" + "x" * 65,
        "description=two\nlines",
        "description= ",
        "project_name=bell\a",
    ],
)
def test_unusable_answers_are_refused_and_leave_nothing(tmp_path: Path, answer: str) -> None:
    target = tmp_path / "target"
    target.mkdir()
    done = cookiecutter(target, answer)
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert not files(target) and not (target / answer.partition("=")[2]).is_dir()


@pytest.mark.parametrize(
    ("name", "slug"), [("2048", "project-2048"), ("2d game", "project-2d-game"), ("日本", "ri-ben"), ("!?", "project-")]
)
def test_a_default_slug_is_one_that_buildstream_takes(tmp_path: Path, name: str, slug: str) -> None:
    assert cookiecutter(tmp_path, f"project_name={name}").returncode == 0
    assert f"\nname: {slug}\n" in (tmp_path / slug / "project.conf").read_text()


def test_existing_directory_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "my-project/mine.txt"
    mine.parent.mkdir()
    mine.write_text("keep me")
    done = cookiecutter(tmp_path)
    assert done.returncode != 0
    assert "already exists" in done.stdout + done.stderr
    assert files(tmp_path) == {"my-project/mine.txt"}


@pytest.mark.parametrize(
    "text",
    [
        "$(touch pwned) `touch pwned` ; touch pwned",
        "key: [value, {a: b}] # comment & *anchor | > ' \" %",
        "'''\"\"\" \\ '; import os; os.system('touch pwned')",
        "emoji 🐧 and ünïcödé",
    ],
)
def test_metacharacters_in_the_description_stay_text(tmp_path: Path, text: str) -> None:
    project = generate(tmp_path, description=text, project_name=text, project_slug="quoted")
    assert text in (project / "README.md").read_text()
    assert not list(tmp_path.rglob("pwned"))
    show = subprocess.run(
        [BIN / "bst", "--no-colors", "show", "--deps", "none", "recc.bst:buildsystems/recc-wrapper.bst"],
        cwd=project,
        capture_output=True,
        text=True,
        env={"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert show.returncode == 0, show.stderr


def test_prompts_explain_themselves() -> None:
    template = json.loads((ROOT / "cookiecutter.json").read_text())
    asked = {name for name in template if not name.startswith("_")}
    assert asked == set(template["__prompts__"])
    for name, value in template.items():
        if isinstance(value, list) and name in asked:
            assert set(template["__prompts__"][name]) == {"__prompt__", *value}
