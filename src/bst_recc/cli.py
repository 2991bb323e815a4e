# The command line: finds the command, and turns every way to end into an exit status.
# SPDX-License-Identifier: Apache-2.0
"""bst-recc COMMAND: each command is a module or package of its name, imported when it is called."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from typing import NoReturn

import click

from bst_recc import __version__
from bst_recc.errors import ReccError, show

# In the order in which a user meets them; each is bst_recc.NAME.command.
COMMANDS = ("report", "explain", "doctor", "adopt", "lock", "cache", "farm")


class Commands(click.Group):
    """Commands that are imported when they are asked for: others may need what is slow to load."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All there are."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None where there is none."""
        return importlib.import_module(f"bst_recc.{cmd_name}").command if cmd_name in COMMANDS else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bst-recc")
def group() -> None:
    """Commands beside BuildStream for projects that compile through recc.

    Call them in the project, in the environment that bst runs in.
    """


def main() -> NoReturn:
    """Run a command; exit status 0: done, 1: it could not be done, 2: wrongly called, 130: interrupted."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        # In order, so that nothing is left behind.
        signal.signal(name, lambda number, _: sys.exit(128 + number))
    # gRPC's own messages say nothing to a user. They are set here, before anything imports it.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # closed
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = group(standalone_mode=False) or 0
        if sys.stdout:
            sys.stdout.flush()
    except ReccError as error:
        show(error)
        status = 1
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("bst-recc: interrupted.", file=sys.stderr)
        status = 130
    except OSError as error:
        status = 0 if isinstance(error, BrokenPipeError) else 1  # its reader has seen enough
        if status:
            show(ReccError(f"{error.filename or 'standard output'}: {error.strerror}."))
        # Python flushes once more when it ends: to nowhere.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)
