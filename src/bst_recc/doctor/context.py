# What the doctor looks at, and what it says of each thing.
# SPDX-License-Identifier: Apache-2.0
"""The user configuration is read by BuildStream itself: what bst would refuse is refused here, in its words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from bst_recc.bst import run_bst
from bst_recc.errors import clean
from bst_recc.project import Project
from bst_recc.reapi import Endpoint, endpoints, load_settings

OK, WARN, FAIL = "ok", "warn", "FAIL"
SYMBOLS = {OK: click.style("✔", fg="green"), WARN: click.style("⚠", fg="yellow"), FAIL: click.style("✘", fg="red")}


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is (OK, WARN or FAIL), and what can be done about it, the best first."""

    name: str
    level: str
    text: str
    remedies: tuple[str, ...] = ()

    def show(self, letters: bool) -> None:
        """Print it, its remedies below it; its level as a symbol or in letters."""
        click.echo(f"{f'{self.level:6}' if letters else SYMBOLS[self.level]} {self.name}: {clean(self.text)}")
        for number, remedy in enumerate(self.remedies, 1):
            click.echo(f"    {number}. {clean(remedy)}")


@dataclass(frozen=True)
class Context:
    """A project, a user configuration and a mode; by default those that bst takes."""

    project: Project
    configuration: Path | None = None
    asked: str | None = None

    @cached_property
    def settings(self) -> Any:
        """All that the user configuration says; raises ReccError where bst refuses it."""
        return load_settings(self.configuration, self.project.name)

    @cached_property
    def mode(self) -> str:
        """The mode to build in; raises ReccError where the project has none."""
        options = self.settings.get_overrides(self.project.name).get_mapping("options", {})
        return self.asked or options.get_str("recc_mode", "") or self.project.modes[1]

    @property
    def logs(self) -> Path:
        """The directory of this project's build logs."""
        return Path(self.settings.logdir, self.project.name)

    @cached_property
    def endpoints(self) -> dict[str, Endpoint]:
        """The services that builds of this project use, by name; raises ReccError where recc cannot use them."""
        return endpoints(self.settings)

    def bst(self, *arguments: str, timeout: float | None = None) -> str:
        """What bst prints, in this mode; raises ReccError where it fails, Late after `timeout` seconds."""
        options = ("--option", "recc_mode", self.mode, *arguments)
        return run_bst(self.project.directory, *options, configuration=self.configuration, timeout=timeout)
