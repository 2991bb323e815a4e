# Refuses answers that BuildStream or the file system would refuse later.
# SPDX-License-Identifier: Apache-2.0
"""Check the answers before anything is written; exit status 1 and one line on stderr if one is unusable."""

import json
import re
import sys

# JSON escapes quotes and control characters: whatever was answered stays data.
ANSWERS = {
    "project_name": json.loads(r'{{ cookiecutter.project_name | tojson }}'),
    "project_slug": json.loads(r'{{ cookiecutter.project_slug | tojson }}'),
    "description": json.loads(r'{{ cookiecutter.description | tojson }}'),
}


def problem(answers: dict[str, str]) -> str | None:
    """What is wrong with the answers, in one line, or None.

    The rule for names is BuildStream's (node.pyx, _assert_symbol_name): letters,
    digits, '-' and '_', no digit first.
    """
    slug = answers["project_slug"]
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", slug):
        return f"project_slug {slug!r} is no BuildStream project name: use letters, digits, - and _, no digit first."
    if len(slug) > 64:
        return "project_slug is longer than 64 characters."
    if slug in ("recc", "debian-toolchain"):
        return f"project_slug {slug!r} is the name of a project that this one has a junction to."
    for name in ("project_name", "description"):
        if not answers[name].strip() or not answers[name].isprintable():
            return f"{name} must be one line of printable characters."
    return None


if message := problem(ANSWERS):
    print(f"ERROR: {message}", file=sys.stderr)
    sys.exit(1)
