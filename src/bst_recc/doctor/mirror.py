# Prefers the Debian mirror that this machine's apt uses, in the user configuration.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
from pathlib import Path

import click
from ruamel.yaml import YAML
from ruamel.yaml.resolver import VersionedResolver

from bst_recc.errors import ReccError
from bst_recc.mirror import ALIASES, host_mirror
from bst_recc.project import Configuration, Project, replace_file

NAMES = [f"{alias}{moment}" for alias in ALIASES.values() for moment in ("", "-updates")]


class Resolver(VersionedResolver):
    """Takes every value for text: BuildStream's import makes ruamel do so, which would then quote numbers."""

    versioned_resolver: dict[str, object] = {}  # noqa: RUF012


def merged(text: str, project: Project, url: str) -> str:
    """The user configuration `text` with the mirror at `url` first, for the project and the two that it junctions."""
    yaml = YAML()
    yaml.Resolver, yaml.preserve_quotes, yaml.width = Resolver, True, 4096
    found = yaml.load(text)
    settings = found or {}
    for name in (project.name, *ALIASES):
        section = settings.setdefault("projects", {}).setdefault(name, {})
        others = [mirror for mirror in section.get("mirrors", ()) if mirror["name"] != "host"]
        section["mirrors"] = [{"name": "host", "aliases": {alias: [f"{url}/"] for alias in NAMES}}, *others]
    written = io.StringIO()
    yaml.dump(settings, written)
    return ("" if found else text) + written.getvalue()


def prefer(project: Project, configuration: str | None, write: bool) -> None:
    """Print the lines, or merge them into the user configuration; raises ReccError where there is no mirror."""
    url = host_mirror()
    if not url:
        remedy = "If it is a Debian machine: run 'apt-get update' and try again."
        raise ReccError("no Debian mirror is configured for apt on this machine.", remedy)
    if not write:
        click.echo(merged("", project, url), nl=False)
        return
    path = Path(configuration or Configuration.file())
    replace_file(path, merged(path.read_text() if path.exists() else "", project, url))
    click.echo(f"{path} prefers {url}")
