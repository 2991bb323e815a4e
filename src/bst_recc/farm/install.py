# Installs what a farm on this machine needs: a database, BuildGrid, and the program of its workers.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from pathlib import Path

import click
from ruamel.yaml import YAML

from bst_recc.bst import run_bst
from bst_recc.errors import ReccError
from bst_recc.project import Configuration, Project, mapping
from bst_recc.services import run

BUILDBOX = "buildsystems/recc-packages.bst"
POSTGRESQL = Path("/usr/lib/postgresql")
# Before a command that refuses to be run by root: in a user namespace it is not.
NOT_ROOT = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []


def find_postgresql() -> Path:
    """The directory of PostgreSQL's newest server programs; raises ReccError where there are none."""
    found = sorted(POSTGRESQL.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if on_path := shutil.which("initdb"):
        found.insert(0, Path(on_path).resolve())
    if not found:
        raise ReccError(
            "PostgreSQL, which keeps BuildGrid's queue, is not installed.",
            "As root: apt-get install --no-install-recommends postgresql (other systems: their equivalent)",
            "Or name a database that runs already: --database postgresql+psycopg2://USER:PASSWORD@HOST/NAME",
        )
    return found[-1].parent


def make_database(data: Path, programs: Path) -> Path:
    """Make PostgreSQL's files, unless those of this version are there; their directory. Raises ReccError."""
    # A queue of another version is not worth a conversion.
    version = re.findall(r" (\d+)", run([str(programs / "postgres"), "--version"]))[0]
    database, new = data / f"db-{version}", data / "db.new"
    if not database.exists():
        shutil.rmtree(new, ignore_errors=True)
        options = ["--username=farm", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        run(
            [*NOT_ROOT, f"{programs}/initdb", *options, "-D", str(new)],
            "As root, user namespaces are needed: see bst-recc doctor.",
            "Or name a database that runs already: --database postgresql+psycopg2://USER@HOST/NAME",
        )
        new.rename(database)
    return database


def make_venv(venv: Path) -> None:
    """Install BuildGrid in a virtual environment of its own, unless it is there; raises ReccError where pip does."""
    requirements = Path(__file__).with_name("requirements.txt")
    wanted = f"{sys.version}\n{requirements.read_text()}"
    stamp = venv / "installed.txt"
    if sys.version_info < (3, 11):
        problem = f"BuildGrid needs Python 3.11, and this is {platform.python_version()}."
        raise ReccError(problem, "Make the virtual environment that bst-recc is in with a newer Python.")
    if stamp.exists() and stamp.read_text() == wanted:
        return
    click.echo("Installing BuildGrid from PyPI (220 MB on disk)")
    shutil.rmtree(venv, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(venv)], "Install this Python's module venv.")
    pip = [f"{venv}/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
    run(pip, "See that the Python package index can be reached; then run this again.")
    stamp.write_text(wanted)


def configuration_without_remotes(path: Path) -> Path:
    """Write the user's configuration to `path` without remote services: one may be the farm that is not up yet."""
    own = Configuration.read(None).path
    yaml = YAML()
    yaml.preserve_quotes = True  # BuildStream's parser refuses some words without
    settings = (yaml.load(own) if own else None) or {}
    for section in (settings, *mapping(settings.get("projects")).values()):
        section.pop("remote-execution", None)
    mapping(settings.get("cache")).pop("storage-service", None)
    with path.open("w") as file:
        yaml.dump(settings, file)
    return path


def make_sysroot(data: Path) -> Path:
    """Check out the packages of recc, buildbox-worker among them, unless those of this cache key are there.

    Raises ReccError where bst does, or where they have no buildbox-worker.
    """
    project, own = Project.find().directory, configuration_without_remotes(data / "buildstream.conf")
    shown = run_bst(project, "show", "--deps", "none", "--format", "\t%{full-key}", BUILDBOX, configuration=own)
    sysroot = data / f"sysroot-{shown.partition(chr(9))[2].strip()[:16]}"
    if not sysroot.exists():
        click.echo(f"Checking out {BUILDBOX}, the workers' program (100 MB)")
        run_bst(project, "build", BUILDBOX, configuration=own)
        for old in data.glob("sysroot-*"):
            shutil.rmtree(old)
        new = sysroot.with_suffix(".new")
        checkout = ("artifact", "checkout", "--deps", "none", "--directory", str(new), BUILDBOX)
        run_bst(project, *checkout, configuration=own)
        new.rename(sysroot)
    if not (sysroot / "usr/bin/buildbox-worker").exists():
        raise ReccError(f"{BUILDBOX} has no buildbox-worker.", "Let recc/packages.yml name the package buildbox.")
    return sysroot
