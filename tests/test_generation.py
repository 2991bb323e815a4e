# What cookiecutter writes, and what it refuses to write.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from harness import BIN, ROOT, generate

COMPONENTS = [
    *("autotools", "base", "cmake", "gcc", "gettext", "llvm", "llvm-shared", "make", "meson", "ninja"),
    "pkgconf",
]
SOURCES = """
command.c command.h digest.c digest.h direct.c direct.h evidence.c evidence.h facts.c facts.h files.c files.h
interpose.h journal.c journal.h judge.c keep.c keep.h link.c log.c main.c observe-asked.c observe-link.c
observe-other.c observe.c observe.h options.c options.def options.h outputs.c plan.c plan.h process.c process.h recc.c
recc.h record.c record.h remember.c run.c run.h scan.c show-plan.c staged.c staged.h texts.c texts.h toolchain.c
toolchain.h variables.def verify.c watch.c words.c words.h
"""
FILES = {
    # Where this template is a Git checkout: see test_update.py.
    *([".cruft.json"] if (ROOT / ".git").exists() else []),
    ".github/workflows/build.yml",
    ".gitignore",
    ".gitlab-ci.yml",
    ".pre-commit-config.yaml",
    ".yamllint.yml",
    "README.md",
    "project.conf",
    "requirements.txt",
    *(f"elements/buildsystems/{name}.bst" for name in ["autotools", "cmake", "make", "meson"]),
    *(f"elements/buildsystems/recc-{name}.bst" for name in ["bundle", "clang", "packages", "wrapper"]),
    *(f"elements/examples/{name}.bst" for name in ["fribidi", "greeting", "greeting-clang", "hello", "lz4", "ninja"]),
    "elements/toolchain.bst",
    *(f"files/greeting/{name}" for name in ["Makefile", "greeting.c", "greeting.h", "main.cpp"]),
    *(f"files/recc-wrapper/{name}" for name in ["Makefile", "libexec/summary", "session/sh"]),
    *(f"files/recc-wrapper/src/{name}" for name in SOURCES.split()),
    "conf/farm.conf",
    "conf/team-cache-local.conf",
    "conf/team-cache.conf",
    "elements/toolchain-audit.bst",
    "elements/toolchain-audit-clang.bst",
    "files/toolchain-audit/audit",
    *(f"files/toolchain-audit/programs/{name}" for name in ["c.c", "cxx.cpp", "math.c", "openmp.c", "threads.c"]),
    *(f"include/{name}.yml" for name in ["aliases", "arch-option", "clang-for-recc", "gcc-for-recc"]),
    *(f"include/{name}.yml" for name in ["recc", "recc-option"]),
    "recc/assemble",
    *(f"recc/locks/{name}.yml" for name in ["archive", "aarch64/recc", "x86_64/recc"]),
    "recc/packages.yml",
    *(
        f"toolchain/elements/components/{n}.bst"
        for n in ["autotools-links", "base-links", "gcc", "gcc-links", "llvm", "llvm-shared"]
    ),
    *(f"toolchain/elements/packages/{name}.bst" for name in COMPONENTS),
    *(
        f"toolchain/elements/public-stacks/{name}.bst"
        for name in [
            "buildsystem-autotools",
            "buildsystem-cmake",
            "buildsystem-make",
            "buildsystem-meson",
            "runtime-minimal",
        ]
    ),
    "toolchain/locks/archive.yml",
    *(f"toolchain/locks/{arch}/{name}.yml" for arch in ["aarch64", "x86_64"] for name in COMPONENTS),
    "toolchain/packages.yml",
    "toolchain/project.conf",
}


def run(directory: Path, *answers: str) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter as a user would."""
    command = [str(BIN / "cookiecutter"), str(ROOT), "--no-input", "-o", str(directory), *answers]
    return subprocess.run(command, capture_output=True, text=True)


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


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
    done = run(tmp_path)
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
    done = run(target, answer)
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    subprocess.run(["sleep", "0.2"])  # the parents of a nested slug go when cookiecutter has ended
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["target"]


def test_existing_directory_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "my-project/mine.txt"
    mine.parent.mkdir()
    mine.write_text("keep me")
    done = run(tmp_path)
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
    import json

    template = json.loads((ROOT / "cookiecutter.json").read_text())
    asked = {name for name in template if not name.startswith("_")}
    assert asked == set(template["__prompts__"])
    for name, value in template.items():
        if isinstance(value, list) and name in asked:
            assert set(template["__prompts__"][name]) == {"__prompt__", *value}
