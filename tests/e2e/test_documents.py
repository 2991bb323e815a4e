# Executes what the README files and the pages under docs/ tell people to type, and compares what they show.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import subprocess
import urllib.error
import urllib.request
import warnings
from pathlib import Path

import pytest
from harness import BIN, ROOT, Project
from helpers import free_ports
from pages import BLOCK, assert_printed, pattern

# Pages that a test of their own follows, and that section of the generated README.
ELSEWHERE = {f"docs/{name}.md": f"tests/e2e/test_{name}.py" for name in ("adopt", "toolchain", "update")}
ELSEWHERE["docs/farm.md"] = "tests/e2e/test_deploy.py"
UPDATES = "## Keep up with the template"
GREETING = "examples/greeting.bst"


def snapshots_are_there(project: Project) -> bool:
    """Whether the archive that the project pins its packages from can be reached."""
    archive = re.search(r"https://\S+", (project.path / "toolchain/locks/archive.yml").read_text())
    assert archive
    try:
        urllib.request.urlopen(archive[0], timeout=10).close()
    except (urllib.error.URLError, TimeoutError):
        return False
    return True


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


@pytest.mark.slow
def test_from_an_empty_directory(fetched: Project, tmp_path: Path) -> None:
    """README.md's first two ways, then the generated project's own README and the pages on report and trust.

    With a home directory of its own and a new virtual environment; BuildStream's cache is that of the other tests.
    """
    home = tmp_path / "home"
    home.mkdir()
    empty = tmp_path / "empty"
    empty.mkdir()
    # The same project as that of the other tests, to BuildStream: its name decides.
    project = Project(empty / fetched.name, fetched.cache)
    environment = fetched.environment | {"HOME": str(home)}
    del environment["XDG_CONFIG_HOME"]
    fetched.bst("artifact", "delete", GREETING, mode="remote", check=False)
    fetched.empty_action_cache()

    readme = (ROOT / "README.md").read_text()
    ways = readme.partition("## Three ways to use it")[2].partition("\n**3. ")[0]
    run(ways, empty, environment, {"cookiecutter gh:OWNER/REPOSITORY ": f"cookiecutter --no-input {ROOT} "})

    environment["PATH"] = f"{project.path}/.venv/bin:{environment['PATH'].replace(f'{BIN}:', '')}"
    subprocess.run(["bst", "artifact", "delete", GREETING], cwd=project.path, env=environment, check=True)
    fetched.empty_action_cache()
    # A project that exists, and has been given what the README says before it comes to elements.
    shutil.copytree(ROOT / "tests/e2e/adopt", empty / "other")
    for name in ("include", "elements/buildsystems", "files/recc-wrapper", "recc", "toolchain"):
        shutil.copytree(project.path / name, empty / "other" / name)
    shutil.copy(project.path / "elements/toolchain.bst", empty / "other/elements")
    port = free_ports()
    instead = {
        "apt-get install ": "apt-get install -y ",
        "bst-recc adopt --check ": "! bst-recc adopt --check ",
        "bst-recc cache up ": f"""trap 'bst-recc cache down' EXIT
sed -i 's/:8980/:{port}/; s/:8981/:{port + 1}/' conf/team-cache*.conf
bst-recc cache up --bind 127.0.0.1:{port} """,
    }
    if not snapshots_are_there(fetched):
        warnings.warn("the archive of snapshots cannot be reached: 'lock' is tried with the mirror", stacklevel=1)
        instead |= {
            "bst-recc lock --update  ": "bst-recc lock --update --allow-expired ",
            "bst-recc lock --check  ": "bst-recc lock --check --snapshot latest --allow-expired ",
            "--directory recc --update": "--directory recc --update --allow-expired",
            # These need an index from there; tests/e2e/test_lock.py has an archive of its own.
            "bst-recc lock  ": "bst-recc lock --help ",
            "bst-recc lock --update make cmake": "bst-recc lock --help",
        }
    before, updates, after = (project.path / "README.md").read_text().partition(UPDATES)
    assert updates
    try:
        run(before + after[after.index("\n## ") :], project.path, environment, instead)
    finally:
        subprocess.run(["bst-recc", "farm", "down"], cwd=project.path, env=environment, check=True)
    # One of its commands demands that the last build's compiles were hits.
    again = f"bst artifact delete {GREETING}\nbst build {GREETING}\n"
    run(f"```sh\n{again}```\n" + (ROOT / "docs/report.md").read_text(), project.path, environment, {})
    run((ROOT / "docs/trust.md").read_text(), project.path, environment, {"ELEMENT": GREETING})


def test_every_target_of_make_that_is_named_is_there() -> None:
    """They run for minutes; continuous integration runs 'make test-all' itself."""
    named = {
        target
        for _, text in BLOCK.findall((ROOT / "README.md").read_text())
        for target in re.findall(r"^make (\S+)", text, re.M)
    }
    assert "test" in named and "demo" in named
    subprocess.run(["make", "-n", *sorted(named)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_every_page_is_followed() -> None:
    here = Path(__file__).read_text()
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        name = str(path.relative_to(ROOT))
        if any(language == "sh" for language, _ in BLOCK.findall(path.read_text())):
            assert name in (ROOT / ELSEWHERE[name]).read_text() if name in ELSEWHERE else f'"{name}"' in here, name
