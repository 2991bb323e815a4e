# Lets builds of this user take results from a team's cache.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import click


@click.command("use")
def command() -> None:
    """Lets builds of this user take results from a team's cache."""
