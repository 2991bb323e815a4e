# Sends what this machine has compiled to a team's cache.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import click


@click.command("push")
def command() -> None:
    """Sends what this machine has compiled to a team's cache."""
