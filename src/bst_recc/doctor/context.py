# What the doctor looks at, and what it says of each thing.
# SPDX-License-Identifier: Apache-2.0
"""The user configuration is read by BuildStream itself: what bst would refuse is refused here, in its words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from buildstream._context import Context as Settings
from buildstream._exceptions import BstError

from bst_recc.bst import run_bst
from bst_recc.errors import ReccError, clean
from bst_recc.project import Project
from bst_recc.reapi import Endpoint

OK, WARN, FAIL = "ok", "warn", "FAIL"
# As the user configuration names them, and BuildStream's own class.
SERVICES = {"execution-service": "exec_spec", "storage-service": "storage_spec", "action-cache-service": "action_spec"}
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
        settings = Settings()
        try:
            settings.load(str(self.configuration) if self.configuration else None)
            own = settings.get_overrides(self.project.name).get_mapping("remote-execution", None)
            if own:
                settings.remote_execution_specs = settings._load_remote_execution(own)
        except BstError as error:
            raise ReccError(str(error), "Correct the user configuration, or XDG_CACHE_HOME.") from None
        return settings

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
        specs, storage = self.settings.remote_execution_specs, self.settings.remote_cache_spec
        if storage and not specs:
            raise ReccError("cache: storage-service alone gives recc no action cache.", "Add remote-execution.")
        found = {}
        for name, attribute in SERVICES.items() if specs else ():
            if spec := getattr(specs, attribute) or (storage if name == "storage-service" else None):
                files = (spec.server_cert_file, spec.client_key_file, spec.client_cert_file, spec.access_token_file)
                paths = [Path(file) if file else None for file in files]
                found[name] = Endpoint(name, spec.url, spec.instance_name or "", spec.push, *paths)
        return found

    def bst(self, *arguments: str, timeout: float | None = None) -> str:
        """What bst prints, in this mode; raises ReccError where it fails, Late after `timeout` seconds."""
        options = ("--option", "recc_mode", self.mode, *arguments)
        return run_bst(self.project.directory, *options, configuration=self.configuration, timeout=timeout)
