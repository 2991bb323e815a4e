# Refuses answers that BuildStream or the file system would refuse later, and renders the others.
# SPDX-License-Identifier: Apache-2.0
"""An extension of Jinja instead of a pre_gen_project hook, whose failure cookiecutter reports with a traceback.

It checks all answers when cookiecutter renders the name of the project's directory, before anything is written.
Cookiecutter itself rejects an unknown choice on the command line, with a traceback (ValueError, its pull request 1496).
In a configuration file such a choice, and what follows it, is ignored with a warning (its issue 2219).
"""

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import Environment, pass_environment
from jinja2.ext import Extension

DIRECTORY = "{{cookiecutter.project_slug}}"
# All syntax of Jinja in cookiecutter.json, the hooks and the names of files. An answer may refer to another one.
OWN = re.compile(
    r"{{ ?cookiecutter(\.\w+)?( \| (slug|tojson))? ?}}|{% if cookiecutter\.\w+ [!=]= '\w+' %}[\w.-]+{% endif %}"
)
SYNTAX = re.compile(r"{[{%#]")
TAKEN = ("recc", "debian-toolchain", "freedesktop-sdk")
ELEMENT = r"(?!.*TEMPLATE_)\w[\w.+-]*(/\w[\w.+-]*)*\.bst"


def refuse(name: str, value: object, remedy: str) -> NoReturn:
    """End cookiecutter with one line on stderr and status 1."""
    sys.exit(f"ERROR: invalid {name}: {value!r:.80}. {remedy}")


def is_line(text: object) -> bool:
    """Whether it is one line of text."""
    return isinstance(text, str) and text.isprintable() and 0 < len(text.strip()) <= 200 and not SYNTAX.search(text)


def is_writable(directory: Path) -> bool:
    """Whether files can be created in it, or in the directory that it will be created in."""
    try:
        while not directory.exists():
            directory = directory.parent
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False


def checked(answers: dict[str, Any]) -> str:
    """The project's name, if all answers are usable.

    The rule for it is BuildStream's (node.pyx, _assert_symbol_name).
    """
    for name in ("project_name", "description"):
        if not is_line(answers[name]):
            refuse(name, answers[name], "Use one line of 1 to 200 printable characters without {{, {% and {#.")
    slug = str(answers["project_slug"] or "")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{,63}", slug):
        refuse("project_slug", slug, "Use letters, digits, - and _, no digit first, at most 64 characters.")
    if slug in TAKEN or "TEMPLATE_" in slug:
        refuse("project_slug", slug, "A junction or a placeholder of the template has this name.")
    for name, choices in json.loads((Path(__file__).parents[1] / "cookiecutter.json").read_text()).items():
        if isinstance(choices, list) and not name.startswith("_") and answers[name] not in choices:
            refuse(name, answers[name], f"Use one of: {', '.join(choices)}.")
    compiler = str(answers["compiler"])
    if answers["toolchain"] == "mine" and not re.fullmatch(f"{ELEMENT}(:{ELEMENT})?", compiler):
        refuse("compiler", compiler, "Use the path of an element, like base/compiler.bst.")
    output = answers["_output_dir"]
    if SYNTAX.search(output) or not is_writable(Path(output)):
        refuse("output directory", output, "Use one that can be written, without {{, {% and {#.")
    return slug


@pass_environment
def slug(environment: Environment, name: str) -> str:
    """A directory's name, made of the project's."""
    text: str = environment.filters["slugify"](name, max_length=50)
    return text if text[:1].isalpha() else f"project-{text}"


def markdown(text: str) -> str:
    """An answer as text of a README: it starts neither HTML nor a heading, list, quotation or block of code."""
    return re.sub(r"^(\d*)(?=[.#>`~+*_)[-])", r"\1\\", text.strip().replace("<", "&lt;"))


class Answers(Extension):
    """The filters above, for the template."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters |= {"checked": checked, "markdown": markdown, "slug": slug}

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Check before the directory is created; refuse Jinja in an answer, which cookiecutter would run.

        Files of the template have a name here; answers, hooks and names of files have none.
        """
        if source == DIRECTORY:
            return "{{ cookiecutter | checked }}"
        if name is None and SYNTAX.search(OWN.sub("", source)):
            refuse("answer", source, "Use no {{, {% and {#.")
        return source
