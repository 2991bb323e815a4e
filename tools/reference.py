# The site's reference, made from what it describes: commands, questions, options, variables and constructs.
# SPDX-License-Identifier: Apache-2.0
"""Each generator of PAGES yields the blocks of a Markdown page; docs/conf.py has them written."""

from __future__ import annotations

import csv
import inspect
import itertools
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

from bst_recc.cli import group

ROOT = Path(__file__).resolve().parents[1]
INCLUDE = ROOT / "{{cookiecutter.project_slug}}/include"
COLUMNS = ("local", "remote", "clang local", "clang remote")


def load(path: Path) -> Any:
    """A YAML file's content."""
    return YAML(typ="safe").load(path)


def plain(text: str) -> str:
    """Text that Markdown shows as it is; lists stay lists, and options become code."""
    text = re.sub(r"((?<!^)\*|[\\`_{}\[\]<>|#$])", r"\\\1", text.replace(str(Path.home()), "~").strip(), flags=re.M)
    return re.sub(r"(?<!\S)--[a-z-]+", r"`\g<0>`", text)


def table(*rows: tuple[str, ...]) -> str:
    """A table; its first row is the head."""
    head, *body = ["| " + " | ".join(" ".join(cell.split()) for cell in row) + " |" for row in rows]
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])


def walk(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[click.Context]:
    """A command and all below it."""
    context = click.Context(command, parent, info_name=name)
    yield context
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            yield from walk(command.get_command(context, child) or command, child, context)


def commands() -> Iterator[str]:
    """Usage, help and options of every command."""
    yield "# Commands"
    for context in walk(group, "bst-recc"):
        command, path = context.command, context.command_path
        if context.parent:
            yield f"{'#' * (path.count(' ') + 1)} {path}"
        yield f"```text\n{path} {' '.join(command.collect_usage_pieces(context))}\n```"
        for text in (command.help, command.epilog):
            for paragraph in inspect.cleandoc(text or "").split("\n\n"):
                literal = paragraph.removeprefix("\b\n")
                if literal.startswith("Example: "):
                    yield f"Example:\n\n```sh\n{literal.removeprefix('Example: ')}\n```"
                else:
                    yield plain(paragraph) if literal == paragraph else f"```text\n{literal}\n```"
        records = [one.get_help_record(context) for one in command.params]
        rows = [(f"`{names}`", plain(text)) for names, text in filter(None, records) if text]
        if rows:
            yield table(("Option", "Meaning"), *rows)


def settings() -> Iterator[str]:
    """The template's questions, a project's options, and an element's variables with their comments."""
    yield "# Questions, options and variables"
    yield "## Questions of the template"
    answers = json.loads((ROOT / "cookiecutter.json").read_text())
    rows = [("Question", "Meaning", "Answers")]
    for name, prompt in answers["__prompts__"].items():
        texts = {"__prompt__": prompt} if isinstance(prompt, str) else prompt
        choices = (f"`{one}`: {plain(text.removeprefix(f'{one}: '))}" for one, text in list(texts.items())[1:])
        rows.append((f"`{name}`", plain(texts["__prompt__"]), "<br>".join(choices)))
    yield table(*rows)

    yield "## Options of a project"
    for path in sorted(INCLUDE.glob("*-option.yml")):
        for name, option in load(path)["options"].items():
            yield f"### {name}"
            yield plain(option["description"])
            yield "Values: " + ", ".join(f"`{value}`" for value in option["values"]) + "."

    yield "## Variables of an element"
    path = ROOT / "recc/include/recc.yml"
    free = load(path)["environment-nocache"]
    for comment, name, value in re.findall(r"((?:^ +# .*\n)+) +([A-Z_]+): (.*)$", path.read_text(), re.M):
        yield f"### {name}"
        yield plain(textwrap.dedent(comment.replace("# ", "")))
        yield f"Value: `{value}`. It is {'not ' * (name in free)}part of the element's cache key."


def constructs() -> Iterator[str]:
    """What is cached, construct by construct."""
    yield "# Constructs"
    lines = (ROOT / "tests/e2e/trust/constructs.tsv").read_text().splitlines()
    yield plain("\n".join(line[2:] for line in lines if line.startswith("# ") and "SPDX" not in line))
    data = [line for line in lines if not line.startswith("#")]
    rows = csv.DictReader(data, delimiter="\t", quoting=csv.QUOTE_NONE)
    for section, found in itertools.groupby(rows, key=lambda row: row["section"]):
        yield f"## {section}"
        yield table(("construct", *COLUMNS), *(tuple(row[name] for name in ("construct", *COLUMNS)) for row in found))


PAGES = (commands, settings, constructs)


def write(directory: Path) -> None:
    """Write all pages."""
    directory.mkdir(exist_ok=True)
    for page in PAGES:
        (directory / f"{page.__name__}.md").write_text("\n\n".join(page()) + "\n")
