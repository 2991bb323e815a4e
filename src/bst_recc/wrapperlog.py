# What a build log says about recc: the only parser of the wrapper's lines.
# SPDX-License-Identifier: Apache-2.0
"""Everything in a build log was printed by somebody's build: what is no known line is skipped."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bst_recc.errors import ReccError
from bst_recc.outcomes import OUTCOMES

FORMAT = 1
"""The newest format of lines that is understood here; a summary without a number has format 1."""

COUNTS = (
    *("compiles", "hits", "local", "remote", "verified", "failed", "errors"),
    *("not_cached", "links", "link_hits", "hit_ms", "miss_ms", "checked", "not_deterministic"),
)
# What each word counts as besides a compile.
FIELDS = {"hit": ["hits"], "verified": ["local", "remote", "verified"], "error": ["errors"], "unknown": ["errors"]}

COMPILE = re.compile(
    r"recc: (compile|link) (\S+) (?:-|(manifest)|([0-9a-f]{64}/\d+)?(?: ?changed: (.*?)( \(new\))?)?) "
    r"(\d+) ms in (.+?): (.*)"
)
HIDDEN = re.compile(r"recc: not cached, hidden input (.*?) ?read by: (\d+), first (.*)")
SUMMARY = re.compile(r"recc: mode=(\S+) (compiles=\d+ .*?) uncached:(.*)")
STARTS = (b"recc: ", b"[", b"    BST_RECC_MODE: ", b"    RECC_REMOTE_PLATFORM_")
MANIFEST = re.compile(r"recc: manifest ([0-9a-f]{64}/\d+)")
IDLE = "recc: no compiler was called through recc"
MODE = re.compile(r"    BST_RECC_MODE: [\"']?([\w-]+).*")
TOOLCHAIN = re.compile(r"    RECC_REMOTE_PLATFORM_chrootRootDigest: (\S+)")
END = re.compile(r"\[[\d:-]{8}\] (SUCCESS|FAILURE) +(?:\[[^]]*\] )?.+?: (.*)")


@dataclass(frozen=True, eq=False)
class Compile:
    """One compile (or link) that went through recc; `digest` of its action as HASH/SIZE, time in ms.

    No digest: the manifest answered it, or recc was not asked. `changed`: the path that kept the manifest from
    answering it, which `is_new` where nothing was there before.
    """

    kind: str
    status: str
    digest: str | None
    ms: int
    directory: str
    command: str
    by_manifest: bool = False
    changed: str | None = None
    is_new: bool = False

    @cached_property
    def words(self) -> list[str]:
        """The command as the wrapper writes it: COMPILER -o OUTPUT -c SOURCES, each perhaps missing or cut off."""
        if re.search(r"[\\'\"]", self.command):  # shlex is much slower
            with suppress(ValueError):
                return shlex.split(self.command)
        return self.command.split()

    @property
    def sources(self) -> list[str]:
        """The source files."""
        return self.words[self.words.index("-c") + 1 :] if "-c" in self.words else []

    @property
    def outputs(self) -> list[str]:
        """The file that the command makes, or an empty list where the log does not say."""
        return self.words[2:3] if self.words[1:2] == ["-o"] else []

    @property
    def is_unasked(self) -> bool:
        """Compiled in the element's sandbox without a look-up by recc, which takes time as well."""
        return self.kind == "compile" and self.status == "local" and self.digest is None

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes this the same compile as one in another build: directory and outputs."""
        return (self.directory, *(self.outputs or [self.command]))

    @property
    def counts(self) -> Counter[str]:
        """What a summary counts it as."""
        time = "hit_ms" if self.status == "hit" else "miss_ms"
        if self.kind == "link":
            return Counter({"links": 1, "link_hits": int(self.status == "hit"), time: self.ms})
        return Counter({name: 1 for name in ("compiles", *FIELDS.get(self.status, [self.status]))} | {time: self.ms})


@dataclass
class Log:
    """What one build log says; `state` is 'built', 'failed' or '', `mode` None where it does not say.

    `complete`: all its compiles are in a summary; otherwise `counts` are those up to where it ends. `opted_out` is why
    the element is built without recc, if it says so; `toolchain` the digest of its own. `hidden`: a file, how many
    compiles read it, and the first one. `manifest`: the digest of what is remembered from this build on, if it is new.
    `is_idle`: its build called no compiler through recc.
    """

    state: str = ""
    mode: str | None = None
    opted_out: str = ""
    toolchain: str = ""
    manifest: str = ""
    is_idle: bool = False
    complete: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    uncached: Counter[str] = field(default_factory=Counter)
    compiles: list[Compile] = field(default_factory=list)
    hidden: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def uses_recc(self) -> bool:
        """Whether recc left any line in it."""
        return self.complete or bool(self.compiles)


def numbers(text: str) -> Counter[str]:
    """The pairs NAME=NUMBER of a summary, without those that are 0."""
    found = re.findall(r"([\w-]+)=(\d+)(?= |$)", text)
    return +Counter({name: int(number) for name, number in found})


def read_log(path: Path) -> Log:
    """Read one build log, as far as it is written; raises ReccError where its lines have a newer format."""
    log, summed = Log(), 0
    with path.open("rb") as lines:
        for raw in lines:
            # A line without an end is still being written, or was cut off.
            if not raw.startswith(STARTS) or not raw.endswith(b"\n"):
                continue
            line = raw.decode(errors="replace").rstrip("\r\n")
            if match := COMPILE.fullmatch(line):
                kind, word, manifest, digest, changed, new, ms, directory, command = match.groups()
                status, how = word if word in OUTCOMES else "unknown", (bool(manifest), changed, bool(new))
                log.compiles.append(Compile(kind, status, digest, int(ms), directory, command, *how))
                log.complete = False
            elif match := SUMMARY.fullmatch(line):
                counts, uncached = numbers(match[2]), numbers(match[3])
                if counts["format"] > FORMAT:
                    raise ReccError(
                        f"{path} has lines of format {counts['format']}; this bst-recc reads up to {FORMAT}.",
                        "Install the bst-recc that the project asks for: pip install -r requirements.txt",
                    )
                log.mode, log.complete, summed = match[1], True, len(log.compiles)
                counts["verified"] = counts["remote"] if log.mode == "verify" else 0
                counts["not_cached"] = sum(uncached.values())
                log.counts.update({name: counts[name.replace("_", "-")] or counts[name] for name in COUNTS})
                log.uncached.update(uncached)
            elif match := HIDDEN.fullmatch(line):
                log.hidden.append((match[1], int(match[2]), match[3]))
            elif line.startswith("recc: off: "):
                log.opted_out = line.removeprefix("recc: off: ")
            elif line == IDLE:
                log.is_idle = True
            elif match := MANIFEST.fullmatch(line):
                log.manifest = match[1]
            elif match := MODE.fullmatch(line):
                log.mode = log.mode or match[1]
            elif match := TOOLCHAIN.fullmatch(line):
                log.toolchain = log.toolchain or match[1]
            elif (match := END.fullmatch(line)) and (match[1] == "FAILURE" or match[2] == "Build"):
                log.state = "built" if match[1] == "SUCCESS" else "failed"
    for compile in log.compiles[summed:]:
        log.counts.update(compile.counts)
    return log
