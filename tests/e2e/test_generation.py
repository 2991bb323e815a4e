# What cookiecutter writes, and what it refuses to write.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from harness import BIN, ROOT, generate
from tree import FILES, cookiecutter, files


def test_exact_file_set(tmp_path: Path) -> None:
    assert files(generate(tmp_path)) == FILES


@pytest.mark.parametrize("toolchain", ["debian", "freedesktop-sdk"])
def test_no_template_syntax_is_left_and_every_file_says_what_it_is(tmp_path: Path, toolchain: str) -> None:
    for path in generate(tmp_path, toolchain=toolchain).rglob("*"):
        # .cruft.json is read by cruft alone.
        if path.is_dir() or path.name == ".cruft.json":
            continue
        text = path.read_text()
        if ".github" in path.parts:
            text = re.sub(r"\$\{\{ [^{}]* \}\}", "", text)
        assert "cookiecutter" not in text, path
        assert not re.search(r"\{\{|\}\}|\{%", text), path
        assert path.suffix != ".md" or "\n\n\n" not in text, path
        assert "SPDX-License-Identifier: Apache-2.0" in text, path
        head = text.removeprefix("#!/bin/sh\n")
        assert re.match(r"(#|//|/\*|<!--) \S", head), path


def test_commands_stay_executable(tmp_path: Path) -> None:
    project = generate(tmp_path)
    for name in (
        "files/recc-wrapper/libexec/summary",
        "files/recc-wrapper/session/sh",
        "recc/assemble",
    ):
        assert (project / name).stat().st_mode & 0o111, name


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
    assert "bst build examples/greeting.bst" in done.stdout


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
        "project_slug=toolchain",
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
        [BIN / "bst", "--no-colors", "show", "--deps", "none", "buildsystems/recc-wrapper.bst"],
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
