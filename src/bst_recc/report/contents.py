# What a report says, as the JSON that report.schema.json describes: screen and page show no more than that.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from time import time
from typing import Any

import psutil

from bst_recc.errors import ReccError
from bst_recc.outcomes import OUTCOMES
from bst_recc.report.builds import LogFile, Logs, parse_time
from bst_recc.report.causes import causes
from bst_recc.report.why import Found, History
from bst_recc.report.worth import Worth
from bst_recc.wrapperlog import COUNTS, Compile, Log

SCHEMA_VERSION = 3
STATES = {
    "built": "its log does not end with a summary of recc",
    "failed": "its build failed",
    "interrupted": "its build was interrupted",
    "running": "its build is still running",
}


def iso(moment: float) -> str:
    """A time for machines, the same wherever it is read."""
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="seconds")


def clock(moment: str) -> str:
    """A time from iso() for people: where they are."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def compile_json(file: LogFile, compile: Compile) -> dict[str, Any]:
    """One compile of a log."""
    what = {"kind": compile.kind, "result": compile.status, "file": file.shown(compile), "outputs": compile.outputs}
    how = {"directory": compile.directory, "command": compile.command, "ms": compile.ms, "action": compile.digest}
    return what | how


def hit_rate(counts: Mapping[str, int]) -> float | None:
    """Hits of all compiles, 0 to 1; None where nothing was compiled."""
    return round(counts["hits"] / counts["compiles"], 4) if counts["compiles"] else None


def counts_json(logs: Sequence[Log]) -> dict[str, Any]:
    """Counts and rate of an element or of all."""
    counts, uncached = Counter[str](), Counter[str]()
    for log in logs:
        counts.update(log.counts)
        uncached.update(log.uncached)
        hits = [one for one in log.compiles if one.status == "hit"]
        counts["manifest_hits"] += sum(one.by_manifest for one in hits)
        counts["not_asked"] += sum(one.is_unasked for one in log.compiles) * (log.mode == "local")
    numbers = {name: counts[name] for name in (*COUNTS, "manifest_hits", "not_asked")}
    return numbers | {"hit_rate": hit_rate(counts), "uncached": dict(uncached.most_common())}


def is_open(path: Path, *programs: str) -> bool:
    """Whether a process, of these programs if any are named, has the file open: bst and casd, while a build runs."""
    name = str(path.resolve())
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            named = not programs or process.info["name"] in programs
            if named and any(file.path == name for file in process.open_files()):
                return True
    return False


def element_json(file: LogFile, logs: Logs) -> dict[str, Any]:
    """One element: its state, its counts, and its misses with the reasons."""
    log, hidden = file.log, ("file", "compiles", "command")
    missed = [Found(file, one) for one in log.compiles if OUTCOMES[one.status].kind in ("miss", "problem")]
    history = History(logs, file.element)
    worth = Worth(history)
    return {
        "element": file.element,
        "project": file.project,
        "key": file.key,
        "log": str(file.path),
        "start": iso(file.start),
        "end": iso(file.end),
        "state": log.state or ("running" if is_open(file.path) else "interrupted"),
        "mode": log.mode,
        "complete": log.complete,
        **counts_json([log]),
        **worth.saved(file),
        "hidden_inputs": [dict(zip(hidden, entry, strict=True)) for entry in log.hidden],
        "misses": [compile_json(*found) | {"reasons": history.why(found)} for found in missed],
        "verdict": worth.verdict(file),
    }


def totals(rows: Sequence[dict[str, Any]], logs: Sequence[Log]) -> dict[str, Any]:
    """Counts and time saved of all elements."""
    known = [row["saved_ms"] for row in rows if row["saved_ms"] is not None]
    origin = {name: sum(row["saved_from"][name] for row in rows) for name in ("recorded", "mean", "unknown")}
    return counts_json(logs) | {"saved_ms": sum(known) if known else None, "saved_from": origin}


def notes(row: dict[str, Any], log: Log, own: str) -> list[str]:
    """Sentences about what an element's counts do not say; `own`: the name of the project reported on."""
    cut = ": the counts are those up to there" if log.compiles and not log.complete else ""
    found = []
    if cut or row["state"] != "built":
        found.append(f"{STATES[row['state']]}{cut}.")
    if not log.uses_recc and not log.opted_out:
        found.append("recc compiled nothing in it" + f" (recc_mode {log.mode})" * (log.mode == "off") + ".")
    if row["project"] != own:
        found.append(f"it is of the project {row['project']}.")
    opted_out = [f"{row['element']} is built without recc: {log.opted_out}"] if log.opted_out else []
    return opted_out + [f"{row['element']}: {note}" for note in found]


def choose(logs: Logs, since: str | None, number: int) -> list[LogFile]:
    """What began `since`, or the `number`th last build; raises ReccError where there is none."""
    remedy = f"Report the last one, of {clock(iso(logs.all[-1].start))}: --since 30d"
    if since is not None:
        moment = parse_time(since, time())
        if files := [file for file in logs.all if file.start >= moment]:
            return files
        raise ReccError(f"nothing was built since {clock(iso(moment))}.", remedy)
    builds = logs.builds()
    if number <= len(builds):
        return builds[-number]
    raise ReccError(f"there is no build {number}: casd's logs have {len(builds)}.", remedy)


def make_report(logs: Logs, since: str | None, number: int) -> dict[str, Any]:
    """Read the logs of a build: the `number`th last one, or of what began `since`.

    Raises ReccError when there is nothing to report.
    """
    files = choose(logs, since, number)
    newest = {file.element: file for file in files}
    rows, said, others = [], list[str](), list[str]()
    for element, file in sorted(newest.items()):
        log = file.log
        if log.uses_recc or log.opted_out or file.bypasses_recc or log.state != "built" or logs.wanted:
            rows.append(element_json(file, logs))
            said += notes(rows[-1], file.log, logs.project.name)
        else:
            others.append(element)
    said += [f"{name} was not built in it." for name in sorted(logs.wanted - newest.keys())]
    if others:
        shown = ", ".join(others[:3]) + ", …" * (len(others) > 3)
        said.append(f"Built without a compile by recc: {len(others)} more ({shown}).")
    if off := [name for name in others if newest[name].log.mode == "off"]:
        said.append(f"Built with recc_mode off: {len(off)} of these.")
    if not any(file.log.uses_recc for file in newest.values()):
        said.append("Nothing in this build was compiled by recc.")
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "report",
        "project": logs.project.name,
        "session": {
            "start": iso(min(file.start for file in files)),
            "end": iso(max(file.end for file in files)),
            "marked_by": "casd" if since is None else "since",
        },
        "logs": str(logs.directory),
        "execution_service": logs.has_service,
        "elements": rows,
        "totals": totals(rows, [file.log for file in newest.values()]),
        "causes": causes(rows),
        "notes": said,
    }
