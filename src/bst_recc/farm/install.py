# Installs what a farm on this machine needs: a database, BuildGrid, and the program of its workers.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import click

from bst_recc.bst import run_bst
from bst_recc.errors import ReccError
from bst_recc.project import Configuration, Project, mapping
from bst_recc.services import run

POSTGRESQL = Path("/usr/lib/postgresql")


def find_postgresql() -> Path:
    """The directory of PostgreSQL's server programs, the newest; raises ReccError where there are none."""
    versions = sorted(POSTGRESQL.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    if not (found := shutil.which("initdb", path=os.pathsep.join([os.environ["PATH"], *map(str, versions)]))):
        raise ReccError(
            "PostgreSQL, which keeps BuildGrid's queue, is not installed.",
            "As root: apt-get install --no-install-recommends postgresql (other systems: their equivalent)",
        )
    return Path(found).resolve().parent


def make_database(run_directory: Path) -> list[str]:
    """Make an empty database, and return the command that serves it; raises ReccError.

    A queue is not worth to be kept: its clients are gone when the farm is.
    """
    programs, database = find_postgresql(), str(run_directory / "database")
    # Neither command runs as root: in a user namespace it is not.
    user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
    options = ["--username=farm", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    run([*user, f"{programs}/initdb", *options, "-D", database], "User namespaces are needed: see bst-recc doctor.")
    # What is lost in a crash is a queue whose clients ask again.
    options = ["--listen_addresses=", "--synchronous_commit=off", "--max_connections=200"]
    return [*user, f"{programs}/postgres", "-D", database, "-k", str(run_directory), *options]


def make_venv(venv: Path) -> None:
    """Install BuildGrid in a virtual environment of its own, unless it is there; raises ReccError where pip does."""
    requirements, done = Path(__file__).with_name("requirements.txt"), venv / "installed.txt"
    wanted = f"{sys.version}\n{requirements.read_text()}"
    if done.exists() and done.read_text() == wanted:
        return
    click.echo("Installing BuildGrid from PyPI (220 MB on disk)")
    run([sys.executable, "-m", "venv", "--clear", str(venv)], "Install this Python's module venv.")
    pip = [f"{venv}/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
    run(pip, "Check that the Python package index can be reached.", "Run bst-recc with Python 3.11 or newer.")
    done.write_text(wanted)


def configuration_without_remotes(path: Path) -> Path:
    """Write the user's configuration to `path` without remote services: one may be the farm that is not up yet."""
    settings = Configuration.read(None).settings
    for section in (settings, *mapping(settings.get("projects")).values()):
        section.pop("remote-execution", None)
    path.write_text(json.dumps(settings))
    return path


def make_sysroot(data: Path) -> Path:
    """Check out the packages of recc, buildbox-worker among them, unless those of this cache key are there.

    Raises ReccError where bst does.
    """
    found, own = Project.find(), configuration_without_remotes(data / "run/buildstream.conf")
    project, buildbox = found.directory, f"{found.wiring}buildsystems/recc-packages.bst"
    shown = run_bst(project, "show", "--deps", "none", "--format", "\t%{full-key}", buildbox, configuration=own)
    sysroot = data / f"sysroot-{shown.partition(chr(9))[2].strip()[:16]}"
    if not sysroot.exists():
        click.echo(f"Checking out {buildbox}, the workers' program (100 MB)")
        run_bst(project, "build", buildbox, configuration=own)
        for old in data.glob("sysroot-*"):
            shutil.rmtree(old)
        new = sysroot.with_suffix(".new")
        checkout = ("artifact", "checkout", "--deps", "none", "--directory", str(new), buildbox)
        run_bst(project, *checkout, configuration=own)
        new.rename(sysroot)
    return sysroot
