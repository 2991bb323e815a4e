# What cookiecutter writes, and what it refuses to write.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import subprocess
from html import escape
from pathlib import Path

import pytest
from harness import BIN, ROOT, WIRING, generate
from markdown_it import MarkdownIt
from ruamel.yaml import YAML
from tree import FILES, FORGES, cookiecutter, files

from bst_recc.project import Project

TEMPLATE = json.loads((ROOT / "cookiecutter.json").read_text())


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
    assert Project(project).name == "answers"
    assert f"default: '{mode}'" in (project / "include/recc-option.yml").read_text()
    assert "Describes it" in (project / "README.md").read_text()


def test_what_the_host_needs(tmp_path: Path) -> None:
    """BuildStream, two packages of plugins and this one: tools/setup installs no other for 'make demo'."""
    requirements = (generate(tmp_path) / "requirements.txt").read_text()
    names = {"BuildStream", "buildstream-plugins", "buildstream-plugins-community", "bst-recc"}
    assert set(re.findall(r"(?m)^[\w-]+", requirements)) == names


def test_next_commands_are_printed(tmp_path: Path) -> None:
    done = cookiecutter(tmp_path)
    assert f"cd {tmp_path}/my-project" in done.stdout
    assert "pip install -r requirements.txt" in done.stdout
    assert "bst build greeting.bst" in done.stdout


@pytest.mark.parametrize(
    "answer",
    [
        "project_slug=",
        "project_slug=9lives",
        "project_slug=two words",
        "project_slug=..",
        "project_slug=../outside",
        "project_slug=nested/inside",
        "project_slug=.hidden",
        "project_slug=-option",
        "project_slug=ümlaut",
        "project_slug=recc",
        "project_slug=debian-toolchain",
        "project_slug=freedesktop-sdk",
        "project_slug=TEMPLATE_NAME",
        "project_slug=" + "x" * 65,
        "project_slug=" + "x" * 300,
        "description=two\nlines",
        "description= ",
        "description=" + "x" * 201,
        "description=\u202ebackwards",
        "description=not UTF-8: \udcff",
        "description={{ unclosed",
        "description={% unclosed",
        "description={# unclosed",
        "description={{ 6 * 7 }}",
        "description={{ cookiecutter.project_name",
        "project_name=bell\a",
        "project_name={{",
        "compiler=",
        "compiler=gcc",
        "compiler=../gcc.bst",
        "compiler=a.bst: b",
        "compiler=a\nb.bst",
        "compiler=TEMPLATE_NAME.bst",
    ],
)
def test_unusable_answers_are_refused_and_leave_nothing(tmp_path: Path, answer: str) -> None:
    done = cookiecutter(tmp_path / "target", "toolchain=mine", answer)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"ERROR: invalid .+\n", done.stderr)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["file/inside", "{{ braces", "x" * 300])
def test_unusable_output_directories_are_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    done = cookiecutter(tmp_path / place)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"ERROR: invalid output directory: .+\n", done.stderr)
    assert files(tmp_path) == {"file"}


def given(directory: Path, way: str, name: str, value: object) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter with one answer from a configuration file, a file for --replay, or the terminal."""
    asked = {key: value for key, value in TEMPLATE.items() if not key.startswith("_")}
    answers = {key: choices[0] if isinstance(choices, list) else "a" for key, choices in asked.items()}
    texts = {"config": {"default_context": {name: value}}, "replay": {"cookiecutter": answers | {name: value}}}
    (directory / "given.json").write_text(json.dumps(texts.get(way, {})))
    options = {"config": ["--no-input", "--config-file"], "replay": ["--replay-file"], "typed": ["--config-file"]}
    command: list[str | Path] = [BIN / "cookiecutter", ROOT, *options[way], directory / "given.json"]
    typed = "".join(f"{value if key == name else ''}\n" for key in asked)
    return subprocess.run([*command, "-o", directory / "out"], input=typed, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("way", "name", "value"),
    [
        ("config", "description", None),
        ("config", "description", {"a": "b"}),
        ("config", "project_slug", None),
        ("config", "project_slug", "nul\0"),
        ("replay", "project_slug", "../outside"),
        ("replay", "recc_mode", "unknown"),
        ("typed", "project_slug", ".."),
        ("typed", "description", "{{ unclosed"),
    ],
)
def test_answers_are_checked_however_they_are_given(tmp_path: Path, way: str, name: str, value: object) -> None:
    done = given(tmp_path, way, name, value)
    assert done.returncode == 1 and re.fullmatch(rf"ERROR: invalid {name}: .+\n", done.stderr)
    assert files(tmp_path) == {"given.json"}


@pytest.mark.parametrize("way", ["config", "replay", "typed"])
def test_good_answers_are_taken_however_they_are_given(tmp_path: Path, way: str) -> None:
    assert given(tmp_path, way, "project_slug", "good").returncode == 0
    assert Project(tmp_path / "out/good").name == "good"


def test_an_answer_may_refer_to_another(tmp_path: Path) -> None:
    project = generate(tmp_path, description="Builds {{ cookiecutter.project_name }}")
    assert "\nBuilds My Project\n" in (project / "README.md").read_text()


@pytest.mark.parametrize("answer", ["recc_mode=verify", "toolchain=unknown", "forge="])
def test_unknown_choices_are_refused_by_cookiecutter(tmp_path: Path, answer: str) -> None:
    """With a traceback, as hooks/answers.py says."""
    done = cookiecutter(tmp_path, answer)
    assert done.returncode == 1
    assert f"for choice variable {answer.partition('=')[0]}, but the choices are" in done.stderr
    assert not files(tmp_path)


@pytest.mark.parametrize("slug", ["null", "true", "_", "My-Project", "x" * 64])
def test_a_slug_is_the_name_of_the_project(tmp_path: Path, slug: str) -> None:
    assert Project(generate(tmp_path, project_slug=slug)).name == slug


@pytest.mark.parametrize("compiler", ["gcc.bst", "base/gcc-14.2+c_c.bst", "sdk.bst:components/gcc.bst"])
def test_a_compiler_replaces_the_elements_of_the_toolchain(tmp_path: Path, compiler: str) -> None:
    path = generate(tmp_path, toolchain="mine", compiler=compiler) / "elements/toolchain.bst"
    assert set(YAML(typ="safe").load(path)["config"]["overrides"].values()) == {compiler}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("2048", "project-2048"),
        ("2d game", "project-2d-game"),
        ("日本", "ri-ben"),
        ("!?", "project-"),
        ("x" * 200, "x" * 50),
    ],
)
def test_a_default_slug_is_one_that_buildstream_takes(tmp_path: Path, name: str, slug: str) -> None:
    assert cookiecutter(tmp_path, f"project_name={name}").returncode == 0
    assert Project(tmp_path / slug).name == slug


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
        "<!-- <b>",
        "-->",
        "```",
        "~~~",
        "# heading",
        "    code",
        "- item",
        "1. item",
        "> quoted",
        "[a]: /b",
        "TEMPLATE_UNKNOWN",
    ],
)
def test_the_description_is_one_paragraph_of_the_readme(tmp_path: Path, text: str) -> None:
    project = generate(tmp_path, description=text, project_name=text, project_slug="markup")
    shown = escape(text.strip())
    html = MarkdownIt().render((project / "README.md").read_text())
    assert f"<h1>{shown}</h1>\n<p>{shown}</p>\n<p>A <a " in html


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
    project = generate(tmp_path, description=text, project_name=text, project_slug="null")
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
    asked = {name for name in TEMPLATE if not name.startswith("_")}
    assert asked == set(TEMPLATE["__prompts__"])
    for name, value in TEMPLATE.items():
        if isinstance(value, list) and name in asked:
            assert set(TEMPLATE["__prompts__"][name]) == {"__prompt__", *value}
