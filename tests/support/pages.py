# Does in a project what a page of docs/ says, block by block.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from harness import Project

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections(page: Path) -> dict[str, str]:
    """The text below each heading of a page, up to the next one, by heading."""
    return dict(re.findall(r"^##+ (.*?)\n(.*?)(?=^##+ |\Z)", page.read_text(), re.MULTILINE | re.DOTALL))


def patch(directory: Path, text: str, *, undo: bool = False) -> None:
    """Apply a block 'diff': the file's name, then parts between '@@', each of which stands once in the file."""
    first, _, rest = text.partition("\n")
    path = directory / first.removeprefix("--- ")
    content = path.read_text()
    for part in rest.split("@@\n"):
        lines = part.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] in f" {sign}") for sign in "-+")
        if undo:
            old, new = new, old
        assert f"\n{content}".count(f"\n{old}") == 1, f"{path}:\n{content}\nhas not once:\n{old}"
        content = f"\n{content}".replace(f"\n{old}", f"\n{new}")[1:]
    path.write_text(content)


def pattern(line: str) -> str:
    """A regular expression for a line that a page shows, '…' being anything."""
    return re.escape(line).replace("…", ".*")


def assert_printed(shown: str, output: str, pattern: Callable[[str], str] = pattern) -> None:
    """Each line that a page shows was printed."""
    for line in shown.splitlines():
        assert re.search(f"^{pattern(line)} *$", output, re.MULTILINE), f"{line}\nwas not printed:\n{output}"


def follow(project: Project, section: str) -> None:
    """Do in `project` what a section says, in its order.

    A block of YAML becomes the file that its first line names; a diff changes that file; a block of shell is executed;
    one without a language is what the commands before it print, '…' being anything.
    """
    blocks = BLOCK.findall(section)
    output = ""
    for (language, text), (_, after) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language == "yaml":
            path = project.path / text.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif language == "diff":
            patch(project.path, text)
        elif language == "sh":
            done = subprocess.run(
                ["sh", "-ec", text], cwd=project.path, env=project.environment, capture_output=True, text=True
            )
            output = done.stdout
            assert done.returncode == after.startswith("FAIL"), f"{text}\n{output}{done.stderr}"
        else:
            assert_printed(text, output)
