# bst-recc doctor: what recc needs in a project, and what is missing.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click

from bst_recc import __version__
from bst_recc.doctor import abilities, host, mirror, prove, remotes, toolchain
from bst_recc.doctor.context import FAIL, OK, WARN, Context, Finding
from bst_recc.errors import ReccError
from bst_recc.project import Project

Check = Callable[[Context], Iterator[Finding]]
# What elements are built with: of no consequence where an execution service builds them.
BUILDING: tuple[Check, ...] = (host.check_bwrap, host.check_fuse)
SERVICES: tuple[Check, ...] = (remotes.check_remote, abilities.check_abilities, remotes.check_domains)
CHECKS = (host.check_environment, *BUILDING, host.check_disk, host.check_sources, *SERVICES, toolchain.check_bypass)


def examine(context: Context, checks: Iterable[Check]) -> Iterator[Finding]:
    """All findings, in order; an error is one."""
    for check in checks:
        try:
            yield from check(context)
        except ReccError as error:
            level = WARN if check in BUILDING and "execution-service" in context.endpoints else FAIL
            yield Finding(check.__name__.removeprefix("check_"), level, str(error), error.remedies)


FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("elements", nargs=-1, metavar="[ELEMENT]...")
@click.option("--mode", metavar="MODE", help="Check for this mode (default: the one that bst takes).")
@click.option("-c", "--config", type=FILE, metavar="FILE", help="Use this user configuration.")
@click.option("--prove", "proving", is_flag=True, help="Build as well: a tiny element for each builder, all at once.")
@click.option("--toolchain", "auditing", is_flag=True, help="Build toolchain-audit.bst: does the compiler work alone?")
@click.option("--clang", is_flag=True, help="The same with gcc, clang and lld.")
@click.option("--mirror", "mirroring", is_flag=True, help="Print configuration that prefers apt's Debian mirror.")
@click.option("--write", is_flag=True, help="With --mirror: add that to the user configuration.")
@click.option("--json", is_flag=True, help="Print JSON, for programs and reports of bugs.")
def command(elements: tuple[str, ...], mode: str | None, config: Path | None, **flags: bool) -> int:
    """Check the machine, the configuration and the services for builds with recc.

    Without an option, it prints one line for each check, in about a second, with
    remedies below what fails. It builds nothing. To test write access to an action
    cache, it stores an empty result under a digest that no compile has. To test an
    execution service, it sends an action whose toolchain does not exist.

    --prove builds one element with two compiles for each builder, all at once. It
    shows whether recc executes them, and whether they deadlock with the elements.
    Their files are in the project's elements directory until it ends. It gives up
    after 30 seconds, plus 10 for each builder.

    With ELEMENT, it checks whether the compiler works alone (as with --toolchain),
    whether a build dependency of ELEMENT changes it, and whether its compiles reach
    recc.

    \b
    Example: bst-recc doctor --prove
    """
    context = Context(Project.find(), config, mode)
    known, _ = context.project.modes
    if mode not in (None, *known):
        raise click.BadParameter(f"'{mode}' is not one of {', '.join(known)}.", param_hint="--mode")
    path = context.settings.config_origin
    if flags["mirroring"]:
        mirror.prefer(context.project, path, flags["write"])
        return 0
    building = flags["auditing"] or flags["clang"] or bool(elements)
    if building:
        changes = (toolchain.changes(context, element) for element in elements)
        findings = chain(toolchain.audit(context, flags["clang"]), *changes)
    else:
        first = Finding("configuration", OK, f"{path or 'BuildStream defaults'}, mode {context.mode}")
        findings = chain([first], examine(context, (*CHECKS, prove.prove) if flags["proving"] else CHECKS))
    found = []
    for finding in findings:
        found.append(finding)
        if not flags["json"]:
            finding.show(letters=building)
    if flags["json"]:
        click.echo(json.dumps({"bst-recc": __version__, "findings": list(map(asdict, found))}, indent=2))
    return int(any(finding.level == FAIL for finding in found))
