# Logs, actions, results and manifests for tests of reports, as BuildStream, casd and recc leave them.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bst_recc.cli import group
from bst_recc.errors import ReccError
from bst_recc.reapi import messages
from bst_recc.report import SCHEMA

UTC = timezone.utc
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
A, B, C = (f"{digit * 64}/100" for digit in "abc")
APP, LIBRARY = "examples/app.bst", "examples/library.bst"
DIRECTORY = f"/buildstream/demo/{APP}"
SERVICE = "remote-execution:\n  execution-service:\n    url: http://127.0.0.1:1\n"


def closed() -> dict[str, Any]:
    """The schema, refusing what it does not name: a new field must be documented."""
    strict: dict[str, Any] = copy.deepcopy(json.loads(SCHEMA.read_text()))

    def close(node: Any) -> None:
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            close(value)
        if isinstance(node, dict) and isinstance(node.get("properties"), dict) and "type" in node:
            node["unevaluatedProperties"] = False

    close(strict)
    del strict["$defs"]["counts"]["unevaluatedProperties"]  # an element has more
    return strict


VALIDATOR = jsonschema.Draft202012Validator(closed())


def compiled(
    status: str, digest: str | None, command: str, ms: int = 100, kind: str = "compile", element: str = APP
) -> str:
    """The line of a compile; `digest` is what stands in its place as well, such as 'changed: a.h'."""
    return f"recc: {kind} {status} {digest or '-'} {ms} ms in /buildstream/demo/{element}: {command}"


def summary(mode: str = "local", uncached: str = "", **counts: int) -> str:
    """The line of a summary; counts that are not given are 0."""
    names = ("hits", "local", "remote", "failed", "errors", "links", "link-hits", "hit-ms", "miss-ms")
    given = " ".join(f"{name}={counts.get(name.replace('-', '_'), 0)}" for name in names)
    return f"recc: mode={mode} compiles={counts.get('compiles', 0)} {given} uncached: hidden-input=0 {uncached}"


class Lab:
    """A project with logs and actions that the test writes; `zone` is where its bst runs."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.project, self.capsys, self.zone = directory / "demo", capsys, UTC
        for name in (APP, LIBRARY, "unbuilt.bst", "sub.bst"):
            path = self.project / "elements" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("kind: manual\n")
        (self.project / "project.conf").write_text("name: demo\nmin-version: 2.6\nelement-path: elements\n")
        self.logs, self.objects = directory / "buildstream/logs", directory / "buildstream/cas/objects"

    def run(self, *arguments: str | Path) -> str:
        """What a command prints: report, or explain where that is its first word."""
        words = [str(argument) for argument in arguments]
        group(words if words[:1] == ["explain"] else ["report", *words], standalone_mode=False)
        return self.capsys.readouterr().out

    def json(self, *arguments: str | Path) -> dict[str, Any]:
        """What a command prints with --json, which the schema describes."""
        data: dict[str, Any] = json.loads(self.run(*arguments, "--json"))
        VALIDATOR.validate(data)
        return data

    def fail(self, *arguments: str | Path) -> str:
        """Message and remedies of an error."""
        with pytest.raises(ReccError) as failed:
            self.run(*arguments)
        assert failed.value.remedies
        return "\n".join([str(failed.value), *failed.value.remedies])

    def log(
        self,
        lines: Sequence[str],
        at: float = 0,
        element: str = APP,
        *,
        seconds: int = 10,
        mode: str = "local",
        end: str = "[00:00:10] SUCCESS [12345678] {}: Build\n",
        project: str = "demo",
        sandbox: bool = True,
    ) -> Path:
        """A build log that starts `at` seconds after noon; without a sandbox, buildbox writes no time into it."""
        start = NOON + timedelta(seconds=at)
        name = element.rpartition(":")[2].removesuffix(".bst").replace("/", "-")
        path = self.logs / project / name / f"12345678-build.{start.astimezone(self.zone):%Y%m%d-%H%M%S}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp = (start + timedelta(seconds=seconds)).astimezone(self.zone)
        text = (
            f"BuildStream 2.8.1 - Thursday\n[--:--:--] START   [12345678] {element}: Build\n"
            f"    BST_RECC_MODE: {mode}\n+ sh -c -e\n"
            + "".join(f"{line}\n" for line in lines)
            + f"{stamp:%Y-%m-%dT%H:%M:%S}.116{stamp:%z} [20:14] [buildboxcommon_x.cpp:1] [INFO] Output size\n" * sandbox
            + end.replace("{}", element)
        )
        path.write_bytes(text.encode(errors="surrogateescape"))
        os.utime(path, (start.timestamp() + seconds,) * 2)
        return path

    def casds(self, *runs: tuple[float, float]) -> None:
        """Logs of casds that ran from so many seconds after noon to so many, and of no others."""
        shutil.rmtree(self.logs / "_casd", ignore_errors=True)
        (self.logs / "_casd").mkdir(parents=True)
        for start, end in runs:
            path = self.logs / f"_casd/{NOON.timestamp() + start:.3f}.log"
            path.touch()
            os.utime(path, (NOON.timestamp() + end,) * 2)

    def one(self, at: float, element: str = APP, number: int = 1, **more: Any) -> Path:
        """A log of `number` hits."""
        return self.log([summary(compiles=number, hits=number)], at, element, **more)

    def builds(self, *logs: Sequence[str], **more: Any) -> None:
        """One build an hour of the same element with each of these logs, the last one at noon."""
        self.casds(*((-3600 * ago - 1, -3600 * ago + 100) for ago in range(len(logs))))
        for ago, lines in enumerate(reversed(logs)):
            self.log(lines, -3600 * ago, **more)

    def keep(self, data: bytes | str) -> str:
        """Put something into the CAS; returns HASH/SIZE."""
        data = data if isinstance(data, bytes) else data.encode()
        name = hashlib.sha256(data).hexdigest()
        path = self.blob(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return f"{name}/{len(data)}"

    def store(self, message: Any) -> Any:
        """Put a message into the CAS; returns its Digest."""
        name, _, size = self.keep(message.SerializeToString()).partition("/")
        return messages.Digest(hash=name, size_bytes=int(size))

    def tree(self, content: dict[str, Any]) -> Any:
        """Store a tree: a dict is a directory, '-> x' a link, other text a file's content; bytes are kept as well."""
        directory = messages.Directory()
        for name, value in sorted(content.items()):
            if isinstance(value, dict):
                directory.directories.add(name=name, digest=self.tree(value))
            elif isinstance(value, str) and value.startswith("-> "):
                directory.symlinks.add(name=name, target=value[3:])
            else:
                data = value if isinstance(value, bytes) else value.encode()
                if isinstance(value, bytes):
                    self.keep(value)
                digest = messages.Digest(hash=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
                directory.files.add(name=name, digest=digest)
        return self.store(directory)

    def action(
        self,
        arguments: str = "/usr/bin/cc -c a.c",
        inputs: dict[str, Any] | None = None,
        *,
        environment: dict[str, str] | None = None,
        toolchain: str = "t/1",
        properties: dict[str, str] | None = None,
        salt: str = "quasi-safe",
        outputs: str = "a.o",
        element: str = APP,
    ) -> str:
        """Store an action; returns HASH/SIZE."""
        here = f"buildstream/demo/{element}"
        command = messages.Command(arguments=arguments.split(), output_paths=[outputs], working_directory=here)
        for name, value in (environment or {"LC_ALL": "C"}).items():
            command.environment_variables.add(name=name, value=value)
        files = {"a.c": "int a;", "a.h": "one"} if inputs is None else inputs
        usr = files.pop("/usr", {"include": {"stdio.h": "stdio"}})
        for name in reversed(here.split("/")):
            files = {name: files}
        root = self.tree({"usr": usr} | files)
        action = messages.Action(command_digest=self.store(command), input_root_digest=root, salt=salt.encode())
        for name, value in ({"chrootRootDigest": toolchain} | (properties or {})).items():
            action.platform.properties.add(name=name, value=value)
        digest = self.store(action)
        return f"{digest.hash}/{digest.size_bytes}"

    def blob(self, digest: str) -> Path:
        """The file in the CAS of what has this digest."""
        return self.objects / digest[:2] / digest.partition("/")[0][2:]

    def ran(self, digest: str, ms: int) -> None:
        """Put a result of an action into the action cache: it has run so long."""
        result, name = messages.ActionResult(), digest.partition("/")[0]
        result.execution_metadata.execution_start_timestamp.FromMilliseconds(1000)
        result.execution_metadata.execution_completed_timestamp.FromMilliseconds(1000 + ms)
        path = self.objects.parent.parent / "actioncache/objects" / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(result.SerializeToString())

    def manifest(self, *entries: dict[str, str]) -> str:
        """The line of a manifest of compiles that made a.o of these files, which are kept; the newest first."""
        text = "N 0123\n"
        for files in entries:
            read = (f"R {self.keep(content).partition('/')[0]}\t{name}\n" for name, content in files.items())
            made = hashlib.sha256(repr(files).encode()).hexdigest()
            text += f"E 12\n{''.join(read)}a -\tnone.h\nO {made}\ta.o\nM {'1' * 64}\t-\n"
        return f"recc: manifest {self.keep(text)}"

    def configure(self, text: str) -> None:
        """Write the user configuration."""
        (self.project.parent / "buildstream.conf").write_text(text)

    def missed(self, before: str | None, after: str | None, mode: str = "local") -> list[dict[str, Any]]:
        """Reasons for the miss of `after`, when `before` was compiled an hour earlier."""
        self.log([compiled("local", before, "cc -c a.c"), summary(mode, compiles=1, local=1)], -3600)
        self.log([compiled("local", after, "cc -c a.c"), summary(compiles=1, local=1)])
        (miss,) = self.json()["elements"][0]["misses"]
        reasons: list[dict[str, Any]] = miss["reasons"]
        return reasons


@pytest.fixture
def lab(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A project that has no log yet but one of casd, as the working directory."""
    made = Lab(tmp_path, capsys)
    made.casds((-1, 100))
    monkeypatch.chdir(made.project)
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return made
