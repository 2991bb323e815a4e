# What supervisor runs for a farm's stand-in and workers: python -m bst_recc.farm.launch DATA BUILDGRID [WORKER …]
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import multiprocessing
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from bst_recc.farm import GRACE, ROOM
from bst_recc.reapi import refuse_all
from bst_recc.services import Servers, connects, end, unmount, wait

AWAY = 21
"""Seconds that a job waits for a BuildGrid that does not run."""


def stand_in(servers: Servers, address: str) -> NoReturn:
    """Have clients answered while BuildGrid does not run.

    Else they would try to connect less and less often, and at last fail without a word of why.
    """
    reason = (
        f"BuildGrid does not run: {servers.log}/buildgrid.log has the reason; "
        "without remote-execution, elements are built here"
    )
    answering, own = None, os.getpid()
    while True:
        # First, since BuildGrid starts beside this.
        time.sleep(0.5)
        runs = servers.rpc.getProcessInfo("buildgrid")["pid"]
        if answering and runs:
            # Clients find a broken connection, and try again.
            answering.kill()
            answering.join()
            answering = None
        elif not answering and not runs:
            arguments = (address, reason, time.time() + AWAY, lambda: os.getppid() == own)
            answering = multiprocessing.get_context("fork").Process(target=refuse_all, args=arguments)
            answering.start()


def worker(servers: Servers, buildgrid: str, name: str, casd_command: str, worker_command: str) -> NoReturn:
    """Run a worker and its buildbox-casd until one of them ends, the disk becomes full, or told to end.

    When the casd dies, files vanish from under the jobs, and with a full disk they cannot be written: jobs fail.
    The worker is killed at once, before it can report that. BuildGrid then gives the jobs to another. A worker
    that finds its disk full when it starts takes no jobs.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # What is left of one that was killed.
    end(servers.processes(SUPERVISOR_PROCESS_NAME=name), signal.SIGKILL)
    unmount(servers.data / name)
    scratch = servers.data / name / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    os.environ["TMPDIR"] = str(scratch)
    casd, process = subprocess.Popen(shlex.split(casd_command)), None
    try:
        # Sooner, and the worker would wait longer and longer before it tries again.
        if wait(lambda: connects(f"unix:{servers.run}/{name}.sock") and connects(buildgrid), 60):
            process = subprocess.Popen(shlex.split(worker_command))
            signal.signal(signal.SIGCHLD, lambda *_: process.kill())
            before, full = True, True
            while casd.poll() is None and process.poll() is None and (before or not full):
                time.sleep(0.1)
                before, full = full, shutil.disk_usage(scratch).free < ROOM
            process.kill()
        sys.exit(1)
    finally:
        if process:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE + 2)
        end(servers.processes(SUPERVISOR_PROCESS_NAME=name), signal.SIGKILL)
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    those, where, *its = Servers(Path(sys.argv[1])), *sys.argv[2:]
    worker(those, where, *its) if its else stand_in(those, where)
