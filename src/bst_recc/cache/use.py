# Lets builds of this user share compiles through a team's cache: a profile in BuildStream's user configuration.
# SPDX-License-Identifier: Apache-2.0
"""A profile is some lines between two marks; the user's own lines that it replaces become comments.

So --stop restores every byte. A file has one profile: BuildStream reads one remote-execution, whatever the mode.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from bst_recc.cache.places import DOMAINS, address, urls
from bst_recc.document import Document, NotUnderstood, end
from bst_recc.errors import ReccError
from bst_recc.project import Configuration, difference, mapping, replace_file

BEGIN, END, OFF = "# bst-recc cache use: ", "# bst-recc cache use ends", "#(bst-recc cache use) "
MADE = "this file, and "
"""Stands in the first line where there was no file before."""
CREDENTIAL = click.Path(exists=True, dir_okay=False, resolve_path=True)


def read(path: Path) -> str:
    """A file's text, with its line ends as they are; none where there is no file."""
    try:
        return path.read_bytes().decode() if path.exists() else ""
    except UnicodeDecodeError as error:
        raise ReccError(f"{path} is not UTF-8: {error.reason}.", "Fix the file.") from None


class Before:
    """A configuration without its profile: lines, the place for one, and whether the file itself was made for it."""

    def __init__(self, text: str, made: bool = False) -> None:
        self.lines = [line.removeprefix(OFF) for line in text.split("\n")]
        # Before all keys: where ruamel.yaml writes the file anew, as 'doctor --mirror' does, no other comes between.
        self.place = next((number for number, line in enumerate(self.lines, 1) if line.startswith("---")), 0)
        self.made = made
        first, last = ([n for n, line in enumerate(self.lines) if line.lstrip().startswith(m)] for m in (BEGIN, END))
        if first and last:
            self.place, self.made = first[0], made or MADE in self.lines[first[0]]
            del self.lines[first[0] : last[-1] + 1]
        self.text = "\n".join(self.lines)

    def with_profile(self, path: Path, place: str, domain: str, push: bool, files: dict[str, str]) -> str:
        """The text with a profile; raises ReccError where none can be added."""
        try:
            document = Document(path, self.text)
        except NotUnderstood as error:
            raise ReccError(f"{path}:{error.line}: {error}.", "Fix that line.") from None
        before, replaced = document.data, {"cachedir"} if domain == "quasi-safe" else set()
        if self.made:
            replaced.add("remote-execution")
        elif "remote-execution" in before:
            there = f"{path}:{before.line('remote-execution')}"
            raise ReccError(
                f"{there}: remote-execution is already configured, and BuildStream reads only one.",
                f"Keep both: 'bst-recc cache use {place} -c NEW' makes a copy with this one, for 'bst -c NEW'.",
                "Or delete the one that is there.",
            )
        service = [f"    url: {scalar(urls(place)[domain])}", f"    instance-name: {domain}"]
        # Without it a build waits for a silent server for ever. It must be enough for the largest file that is sent.
        service.append("    connection-config: {request-timeout: 120}")
        service += ["    auth:"] * bool(files) + [f"      {name}: {scalar(file)}" for name, file in files.items()]
        lines = ["remote-execution:", "  storage-service:", *service, "  action-cache-service:", *service]
        lines.append(f"    push: {str(push).lower()}")
        if "cachedir" in replaced:
            # What an element stores in mode local must not be read in other modes.
            cache = str(before.get("cachedir") or "${XDG_CACHE_HOME}/buildstream").rstrip("/")
            lines.insert(0, f"cachedir: {scalar(f'{cache}-local')}")
        expected = {name: value for name, value in before.items() if name not in replaced}
        expected |= Document(path, "\n".join(lines)).data
        return document.proved(self.edited(document, replaced, domain, lines), expected, 1)

    def edited(self, document: Document, replaced: set[str], domain: str, added: list[str]) -> str:
        """The text with `added` between marks, and keys that are `replaced` as comments."""
        nodes, lines = document.data.nodes, list(self.lines)
        for key, value in (nodes[name] for name in replaced & nodes.keys()):
            for number in range(key.start_mark.line, document.text.count("\n", 0, end(value)) + 1):
                lines[number] = OFF + lines[number]
        first = f"{BEGIN}{domain} results, {DOMAINS[domain]}; --stop takes {MADE * self.made}these lines back"
        indent = " " * min((key.start_mark.column for key, _ in nodes.values()), default=0)
        block = [f"{indent}{line}{document.newline[:-1]}" for line in (first, *added, END)]
        return "\n".join([*lines[: self.place], *block, *lines[self.place :]])


def scalar(text: str) -> str:
    """`text` in YAML."""
    return text if re.fullmatch(r"[\w$/][\w$/{}.:@\[\]~-]*(?<!:)", text) else json.dumps(text, ensure_ascii=False)


def replace(path: Path, text: str | None) -> None:
    """Give the file another text, or with None delete it; show what changes."""
    click.echo(difference(path, path.name, text or "").encode(), nl=False)
    if text is None:
        path.unlink()
    elif not path.exists() or text != read(path):
        replace_file(path, text)


def in_force(path: Path, option: str) -> int:
    """Say which profile a configuration has, and how to build with it; exit status 1 where it has none."""
    settings = Configuration.read(path).settings if path.exists() else {}
    remote = mapping(settings.get("remote-execution"))
    service = mapping(remote.get("action-cache-service"))
    domain = service.get("instance-name")
    if domain not in DOMAINS or "execution-service" in remote:
        click.echo(f"No team's cache is in use: {path} has {'another' if remote else 'no'} remote-execution.")
        return 1
    push = str(service.get("push")).lower() == "true"
    click.echo(f"{path}: {domain} results, {DOMAINS[domain]}.")
    click.echo(f"Builds take them from {service.get('url')}, and {'store theirs there' if push else 'store none'}:")
    click.echo(f"    bst{option}{' --option recc_mode local' * (domain == 'quasi-safe')} build ELEMENT")
    for name, project in mapping(settings.get("projects")).items():
        if "remote-execution" in mapping(project):
            click.echo(f"Project {name} does not use it: it has a remote-execution of its own.")
    return 0


@click.command("use")
@click.argument("place", metavar="[ADDRESS]", type=address, required=False)
@click.option("--mode", type=click.Choice(["remote", "cache-only", "verify", "local"]), help="The mode you build in.")
@click.option("--read-only", is_flag=True, help="Read results; store none.")
@click.option("--server-cert", type=CREDENTIAL, metavar="FILE", help="With https: the CA certificate for the server.")
@click.option("--client-key", type=CREDENTIAL, metavar="FILE", help="With https: the key of this client.")
@click.option("--client-cert", type=CREDENTIAL, metavar="FILE", help="With https: the certificate of this client.")
@click.option(
    "-c",
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Another configuration than bst takes; a new one begins as a copy of that.",
)
@click.option("--stop", is_flag=True, help="Remove the profile; the file is as it was before.")
def command(
    place: str | None, mode: str | None, read_only: bool, config: Path | None, stop: bool, **given: str | None
) -> int:
    """Share compiles through the team's cache at ADDRESS, as 'cache up' prints it.

    It adds a profile to BuildStream's user configuration, and shows the diff. Mode local uses another server, and its
    own cache directory: call this again before you change between local and another mode, or keep a second
    configuration (-c FILE, then 'bst -c FILE').

    Without ADDRESS, it shows the active profile. Exit status 1 if there is none.

    Example: bst-recc cache use 127.0.0.1:8980
    """
    files = {name.replace("_", "-"): file for name, file in given.items() if file}
    if ("client-key" in files) != ("client-cert" in files):
        raise click.UsageError("--client-key and --client-cert go together.")
    if files and not (place or "").startswith("https:"):
        raise click.UsageError("certificates need an ADDRESS that begins with https://")
    if stop if place else mode or read_only:
        raise click.UsageError("give either an ADDRESS or --stop.")
    own = Configuration.file()
    path = config or own
    # What a file that is made here begins with.
    start = "" if path.resolve() == own.resolve() else Before(read(own)).text
    before = Before(read(path)) if path.exists() else Before(start, made=True)
    if place:
        domain = "quasi-safe" if mode == "local" else "hermetic"
        try:
            replace(path, before.with_profile(path, place, domain, not read_only, files))
        except NotUnderstood as error:
            raise ReccError(f"{path} cannot be edited: {error}.", "Write each key on a line of its own.") from None
    elif stop and path.exists():
        replace(path, None if before.made and before.text == start else before.text)
    return in_force(path, f" -c {config}" if config else "") * (not stop)
