# Proves by builds that compiles are executed through recc, and that elements leave room for them.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bst_recc.bst import Late
from bst_recc.doctor.context import FAIL, OK, WARN, Context, Finding
from bst_recc.errors import ReccError
from bst_recc.wrapperlog import read_log

# Seconds that a build has, and for each element in it; and after which, when all have a slot, each compiles.
LIMIT, EACH, HOLD = 30.0, 10.0, 5
# Compiled twice: executed, then a hit. Local mode is told to ask recc for so small a compile, too.
ELEMENT = """kind: manual
{include}build-depends:
- (@): {wiring}include/gcc-for-recc.yml
- {wiring}buildsystems/make.bst
environment:
  BST_RECC_ASK_ABOVE: '0'
  BST_RECC_MANIFEST: 'off'
config:
  build-commands:
  - "sleep {hold}; echo 'int n{salt};' >a.c; cc -c a.c; cc -c a.c"
"""
WORKERS = (
    "Workers of two kinds: those for elements offer remoteApisSocketPath=tmp/casd.sock, those for compiles do not.",
    "bst-recc farm makes such a farm; deploy/README.md of the template says how to make one of many machines.",
    "Or more slots than elements of all clients together.",
)


def judge(mode: str, logs: list[Path], failure: str = "") -> Finding:
    """What the logs of such elements say; `failure` is why they are not built."""
    start, hits = f"{len(logs)} elements at once: ", mode in ("local", "remote")
    if mode == "off" and not failure:
        return Finding("proof", OK, f"{start}built without recc, as mode off says")
    counts, executed = [read_log(path).counts for path in logs], "remote" if mode in ("remote", "verify") else "local"
    if failure or not logs or not all(each["compiles"] == 2 and each[executed] for each in counts):
        why = failure or "their compiles are not executed through recc"
        said = [line for path in logs for line in path.read_text(errors="replace").splitlines() if "recc: " in line]
        text = f"{start}{why}: {next(iter(said), 'their logs say nothing of recc')}"
        return Finding("proof", FAIL, text, ("bst-recc adopt --check lists what is not wired.",))
    if hits and not all(each["hits"] == 1 for each in counts):
        text = f"{start}compiled through recc, but the same compile again is not a hit: no result is stored."
        return Finding("proof", WARN, text, ("Check that the executor may write to the action-cache-service.",))
    return Finding("proof", OK, f"{start}compiled through recc" + ", then hits" * hits)


def prove(context: Context) -> Iterator[Finding]:
    """Build an element for each of this client's builders, all at once; they are gone afterwards, and their logs."""
    wired = "include/recc.yml" in str(context.project.conf.get("(@)"))
    include = "" if wired else f"(@): {context.project.wiring}include/recc.yml\n"
    # Each has a compile that nobody has done before.
    salts = [os.urandom(4).hex() for _ in range(context.settings.sched_builders)]
    paths = [context.project.elements / f"recc-doctor-{salt}.bst" for salt in salts]
    names, limit, failure = [path.name for path in paths], LIMIT + EACH * len(paths), ""
    try:
        for path, salt in zip(paths, salts, strict=True):
            path.write_text(ELEMENT.format(include=include, wiring=context.project.wiring, hold=HOLD, salt=salt))
        # What they need is downloaded and unpacked first, which may take long.
        context.bst("build", "--deps", "build", names[0])
        try:
            context.bst("build", *names, timeout=limit)
        except Late:
            text = f"deadlock: {len(names)} elements, one for each builder, occupy every slot that their compiles need"
            late = f", or no worker takes them: they are not built in {limit:.0f} s."
            yield Finding("proof", FAIL, text + late, WORKERS)
            return
        except ReccError as error:
            failure = str(error)
        logs = [log for path in paths for log in (context.logs / path.stem).glob("*-build.*.log")]
        yield judge(context.mode, logs, failure)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
            shutil.rmtree(context.logs / path.stem, ignore_errors=True)
