# What a report says, as the JSON that report.schema.json describes: screen and page show no more than that.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil

from bst_recc.errors import ReccError
from bst_recc.outcomes import MISSES, PROBLEMS
from bst_recc.report.builds import LogFile, Logs, parse_time
from bst_recc.report.why import Found, History, reason
from bst_recc.wrapperlog import COUNTS, Compile, Log

SCHEMA_VERSION = 2
STATES = {
    "built": "there is no summary of recc at the end of its log",
    "failed": "its build failed",
    "interrupted": "its build was interrupted",
    "running": "its build is still running",
}


def iso(moment: float) -> str:
    """A time for machines, the same wherever it is read."""
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="seconds")


def clock(moment: float | str) -> str:
    """A time, in seconds since the epoch or from iso(), for people: where they are."""
    seconds = datetime.fromisoformat(moment).timestamp() if isinstance(moment, str) else moment
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def compile_json(compile: Compile) -> dict[str, Any]:
    """One compile."""
    what = {"kind": compile.kind, "result": compile.status, "file": compile.file, "outputs": compile.outputs}
    how = {"directory": compile.directory, "command": compile.command, "ms": compile.ms, "action": compile.digest}
    return what | how


def counts_json(counts: Counter[str], uncached: Counter[str]) -> dict[str, Any]:
    """Counts and rate of an element or of all."""
    rate = round(counts["hits"] / counts["compiles"], 4) if counts["compiles"] else None
    return {name: counts[name] for name in COUNTS} | {"hit_rate": rate, "uncached": dict(uncached.most_common())}


def is_open(path: Path) -> bool:
    """Whether a process has the file open: bst, as long as the build runs."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(file.path == str(path.resolve()) for file in process.open_files()):
                return True
    return False


def element_json(file: LogFile, log: Log, history: History) -> dict[str, Any]:
    """One element: its state, its counts, and its misses with the reasons."""
    misses = []
    for compile in log.compiles:
        if compile.status in MISSES:
            reasons = history.why(Found(compile, log, file))
        elif compile.status == "failed":
            reasons = [reason("failed", f"the {compile.kind} failed")]
        elif compile.status in PROBLEMS:
            reasons = [reason("error", "recc failed; its messages are in the build log")]
        else:
            continue
        misses.append(compile_json(compile) | {"reasons": reasons})
    state = log.state or ("running" if is_open(file.path) else "interrupted")
    about = {"element": file.element, "project": file.project, "key": file.key, "log": str(file.path)}
    about |= {"start": iso(file.start), "state": state}
    hidden = [{"file": name, "compiles": number, "command": first} for name, number, first in log.hidden]
    counts = counts_json(log.counts, log.uncached)
    return {**about, "mode": log.mode, "complete": log.complete, **counts, "hidden_inputs": hidden, "misses": misses}


def notes(row: dict[str, Any], log: Log, own: str) -> list[str]:
    """Sentences about what an element's counts do not say; `own`: the name of the project reported on."""
    cut = ": the counts are those up to there" if log.compiles and not log.complete else ""
    found = [STATES[row["state"]] + cut] if cut or row["state"] != "built" else []
    if not log.uses_recc and not log.opted_out:
        found.append("recc compiled nothing in it" + f" (recc_mode {log.mode})" * (log.mode == "off"))
    if row["project"] != own:
        found.append(f"it is of the project {row['project']}")
    opted_out = [f"{row['element']} is built without recc: {log.opted_out}"] if log.opted_out else []
    return opted_out + [f"{row['element']}: {note}." for note in found]


def choose(logs: Logs, wanted: set[str], since: str | None, number: int) -> list[LogFile]:
    """What began `since`, or the `number`th last build; raises ReccError where there is none.

    Only what has a `wanted` element counts; if none is wanted, all do.
    """
    own = [file for file in logs.all if not wanted or file.element in wanted]
    remedy = f"Report the last one, of {clock(own[-1].start)}: --since 30d"
    if since is not None:
        moment = parse_time(since, datetime.now())
        if files := [file for file in own if file.start >= moment]:
            return files
        raise ReccError(f"nothing was built since {clock(moment)}.", remedy)
    builds = [build for build in logs.builds() if not wanted or any(file.element in wanted for file in build)]
    if number > len(builds):
        raise ReccError(
            f"there is no build {number}: the number of builds that casd's logs tell of is {len(builds)}.", remedy
        )
    return builds[-number]


def make_report(logs: Logs, elements: Sequence[str], since: str | None, number: int) -> dict[str, Any]:
    """Read the logs of a build: of all or the named `elements`, the `number`th last one or what began `since`.

    Raises ReccError when there is nothing to report.
    """
    wanted = {logs.element(element) for element in elements}
    files, history = choose(logs, wanted, since, number), History(logs.all, logs.cas)
    newest = {file.element: file for file in files if not wanted or file.element in wanted}
    rows, said, off = [], list[str](), list[str]()
    totals, uncached = Counter[str](), Counter[str]()
    for element, file in sorted(newest.items()):
        log = history.log(file)
        totals.update(log.counts)
        uncached.update(log.uncached)
        if log.uses_recc or log.opted_out or log.state != "built" or wanted:
            rows.append(element_json(file, log, history))
            said += notes(rows[-1], log, logs.project.name)
        else:
            off += [element] * (log.mode == "off")
    for name in sorted(wanted - newest.keys()):
        last = max(file.start for file in logs.all if file.element == name)
        said.append(f"{name} was not built in it; its last build log is of {clock(last)}.")
    if others := len(newest) - len(rows):
        said.append(f"{others} more element{'s' * (others > 1)} built without a compile by recc.")
    if off:
        said.append(f"Built with recc_mode off: {len(off)} ({', '.join(off[:3])}{', …' * (len(off) > 3)}).")
    if not any(history.log(file).uses_recc for file in newest.values()):
        said.append("Nothing in this build was compiled by recc.")
    session = {
        "start": iso(min(file.start for file in files)),
        "end": iso(max(file.end for file in files)),
        "marked_by": "casd" if since is None else "since",
    }
    head = {"schema_version": SCHEMA_VERSION, "kind": "report", "project": logs.project.name, "session": session}
    totals_json = counts_json(totals, uncached)
    return {**head, "logs": str(logs.directory), "elements": rows, "totals": totals_json, "notes": said}
