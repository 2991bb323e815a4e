# Executes what the README files and the pages under docs/ tell people to type, and compares what they show.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from harness import BIN, PRODUCT, ROOT, TOOLCHAIN, WIRING, Project, copy_in, generate
from helpers import free_ports
from pages import BLOCK, assert_printed, pattern, sections
from tree import FILES

DOCS = sorted((ROOT / "docs").glob("*.md"))
READMES = [ROOT / "README.md", *(place / "README.md" for place in (WIRING, TOOLCHAIN, ROOT / "deploy"))]
PAGES = [*READMES, ROOT / "CONTRIBUTING.md", *DOCS, PRODUCT / "README.md"]
# Pages that a test of their own follows.
ELSEWHERE = {f"docs/{name}.md": f"tests/e2e/test_{name}.py" for name in ("adopt", "toolchain", "update")}
ELSEWHERE |= {
    f"{place}/README.md": f"tests/e2e/test_{name}.py"
    for place, name in (("recc", "adopt"), ("debian-toolchain", "toolchain"), ("deploy", "deploy"))
}
GREETING = "greeting.bst"
# Where what pages name can be, and what they make or make up.
PLACES = [ROOT, *(place / below for place in (WIRING, TOOLCHAIN, PRODUCT) for below in ("", "elements"))]
FOLDERS = {path.name for place in PLACES for path in place.iterdir() if path.is_dir()}
MADE = {"demo/", "deploy/secrets/", "tools/cc.bst", "tools/libc-headers.bst"}


def script(page: str, instead: dict[str, str]) -> tuple[str, int]:
    """The shell blocks of a page as one script that says which block comes, and how many they are.

    `instead` replaces lines that cannot be executed as they are; each of its keys must be in the page.
    """
    text = "set -e\n"
    shell = [block for language, block in BLOCK.findall(page) if language == "sh"]
    for number, block in enumerate(shell):
        text += f"echo '==BLOCK {number}'\n{block}"
    for line, replacement in instead.items():
        assert line in text, line
        text = text.replace(line, replacement)
    return text, len(shell)


def varying(line: str) -> str:
    """A regular expression for a line in which times and digests differ each time."""
    text = re.sub(r"\d+\\ ms\b", r"\\d+\\ ms", pattern(line))
    return re.sub(r"\b[0-9a-f]{8}\.\*", r"[0-9a-f]{8}.*", text)


def run(page: str, directory: Path, environment: dict[str, str], instead: dict[str, str]) -> None:
    """Execute a page's shell blocks in one shell; a block without a language is what the one before it prints."""
    text, number = script(page, instead)
    done = subprocess.run(
        ["bash", "-c", text], cwd=directory, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    outputs = re.split(r"^==BLOCK \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    assert len(outputs) == number
    remaining = iter(outputs)
    output = ""
    for language, block in BLOCK.findall(page):
        if language == "sh":
            output = next(remaining)
        elif not language:
            assert_printed(block, output, varying)


def test_each_answer_has_its_tests() -> None:
    """docs/faq.md names them in a comment, without tests/e2e/test_ and .py."""
    for title, text in sections(ROOT / "docs/faq.md").items():
        named = re.match("<!-- Tests: (.+) -->\n", text)
        assert named, title
        for file, _, test in (name.partition("::") for name in named[1].split()):
            assert f"\ndef {test}(" in (ROOT / f"tests/e2e/test_{file}.py").read_text(), f"{title}: {file}::{test}"


@pytest.mark.slow
def test_from_an_empty_directory(fetched: Project, tmp_path: Path) -> None:
    """README.md's first two ways, then the generated project's own README and the pages manual, report and trust.

    With a home directory of its own and a new virtual environment; BuildStream's cache is that of the other tests.
    """
    home, empty = tmp_path / "home", tmp_path / "empty"
    empty.mkdir()
    (home / ".config").mkdir(parents=True)
    shutil.copy(fetched.configuration, home / ".config")
    # The same project as that of the other tests, to BuildStream: its name decides. What is in the working tree.
    project = Project(generate(empty), fetched.cache)
    for junction, source in (("recc", "recc"), ("toolchain", "debian-toolchain")):
        copy_in(project.path, junction, fetched.path / source)
    environment = fetched.environment | {"HOME": str(home)}
    del environment["XDG_CONFIG_HOME"]
    fetched.bst("artifact", "delete", GREETING, mode="remote", check=False)
    fetched.empty_action_cache()

    parts = sections(ROOT / "README.md")
    ways = parts["Start a project"] + parts["Choose a mode for a build"]
    run(ways, empty, environment, {"cookiecutter -o .. .\n": ":\n", "cd ../my-project": "cd my-project"})

    environment["PATH"] = f"{tmp_path}/bst/bin:{environment['PATH'].replace(f'{BIN}:', '')}"
    apt = {"apt-get install ": "apt-get install -y "}
    run((project.path / "README.md").read_text(), project.path, environment, apt)
    place, port = f"127.0.0.1:{free_ports()}", free_ports()
    instead = apt | {
        "bst-recc cache up\n": f"trap 'bst-recc cache down' EXIT\nbst-recc cache up --bind {place}\n",
        "127.0.0.1:8980": place,
        # What people do by hand: put the printed line below a copy of their configuration.
        "bst-recc farm up\n": f"bst-recc farm up --port {port} | tee said\n"
        "{ cat ~/.config/buildstream.conf; grep ^remote-execution: said; } >farm.conf\n",
    }
    try:
        run((ROOT / "docs/manual.md").read_text(), project.path, environment, instead)
    finally:
        subprocess.run(["bst-recc", "farm", "down"], cwd=project.path, env=environment, check=True)
    # One of its commands demands that the last build's compiles were hits.
    again = f"bst artifact delete {GREETING}\nbst build {GREETING}\n"
    run(f"```sh\n{again}```\n" + (ROOT / "docs/report.md").read_text(), project.path, environment, {})
    run((ROOT / "docs/trust.md").read_text(), project.path, environment, {"ELEMENT": GREETING})


def test_the_tree_in_the_readme_is_a_generated_project() -> None:
    tree = re.search(r"^my-project\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert tree
    directory, named = "", set()
    for indent, name in re.findall(r"^((?:│   )?)[├└]── (\S+)", tree[1], re.MULTILINE):
        directory = directory if indent else f"{name}/"
        named.add(directory + name if indent else name)
    assert {path for path in FILES if path not in named and str(Path(path).parent) not in named} == set()
    assert named <= FILES | {str(parent) for path in FILES for parent in Path(path).parents}


def test_every_target_of_make_that_is_named_is_there() -> None:
    """They run for minutes; continuous integration runs 'make test-all' itself."""
    named = {
        target
        for _, text in BLOCK.findall((ROOT / "README.md").read_text())
        for target in re.findall(r"^make (\S+)", text, re.M)
    }
    assert named
    subprocess.run(["make", "-n", *sorted(named)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_every_page_is_followed() -> None:
    here = Path(__file__).read_text()
    for path in [*READMES, *DOCS]:
        name = str(path.relative_to(ROOT))
        if any(language == "sh" for language, _ in BLOCK.findall(path.read_text())):
            assert name in (ROOT / ELSEWHERE[name]).read_text() if name in ELSEWHERE else f'"{name}"' in here, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    """Links, with their anchors, and whatever looks like a path of this repository or of a generated project."""
    text = page.read_text()
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        path = page.parent / target if target else page
        headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE) if anchor else []
        anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
        assert path.exists() and (not anchor or anchor in anchors), f"{target}#{anchor}"

    for name in re.findall(r"`(?:recc\.bst:)?([\w.-]+/[\w./*{},-]*)`", BLOCK.sub("", text)):
        first_of_each = re.sub(r"\{(\w+)[^}]*\}", r"\1", name)
        known = name.partition("/")[0] in FOLDERS and name not in MADE
        assert not known or any(any(place.glob(first_of_each)) for place in PLACES), name
