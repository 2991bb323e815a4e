# What bst-recc report --watch shows of a build that runs.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from lab import APP, LIBRARY, NOON, A, Lab, compiled, summary
from rich.console import Console

from bst_recc.report.builds import Logs
from bst_recc.report.watch import Screen, compiles_under_way, running_casd, watch

MODULE = importlib.import_module("bst_recc.report.watch")  # in the package, its function has the same name
HIT, FAILED = compiled("hit", A, "cc -c a.c"), compiled("failed", None, "cc -c src/bad.c")


@pytest.fixture
def screen(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Of a build that began at noon, 100 seconds ago; what else runs on this machine is not looked at."""
    monkeypatch.setattr(MODULE.time, "time", lambda: NOON.timestamp() + 100)
    monkeypatch.setattr(MODULE, "compiles_under_way", lambda builds: iter(()))
    return Screen(Logs.find(None, ()), NOON.timestamp() + 0.5)


def shown(screen: Screen) -> str:
    screen.look()
    console = Console(width=80, markup=False, highlight=False)
    with console.capture() as captured:
        console.print(screen.render())
    return captured.get()


def test_before_the_first_log(screen: Screen) -> None:
    assert shown(screen) == "demo, building: 0 compiles, 0 hits, hit rate -\n"


def test_counts_and_what_is_under_way(lab: Lab, screen: Screen) -> None:
    lab.one(-5, "before.bst", 50)
    lab.one(0, "other.bst", 50, project="other")
    lab.one(0, LIBRARY, 3)
    lab.log([HIT, compiled("local", None, "cc -c b.c")], 10, end="")
    text = shown(screen)
    assert text.startswith("demo, building: 5 compiles, 4 hits, hit rate 80.0 %\n")
    assert re.findall(r"^(\S+\.bst) +(\d+) +(\d+) +(.*?) *$", text, re.MULTILINE) == [(APP, "2", "1", "90.0 s")]


def test_it_follows_the_logs(lab: Lab, screen: Screen) -> None:
    path = lab.log([HIT], end="")
    assert "1 compile, 1 hits" in shown(screen)
    with path.open("a") as log:
        log.write(f"{HIT}\n")
    assert "2 compiles, 2 hits" in shown(screen)
    lab.log([HIT, HIT, summary(compiles=2, hits=2)])
    assert shown(screen) == "demo, building: 2 compiles, 2 hits, hit rate 100.0 %\n"


def test_errors_are_shown_as_they_happen(lab: Lab, screen: Screen) -> None:
    """The last five, as text."""
    evil = compiled("error", None, "cc -c [red]\x1b[31m.c")
    lab.log([FAILED, *([FAILED.replace("bad", "worse")] * 4), HIT, evil], end="")
    text = shown(screen)
    assert text.count(f"failed: src/worse.c in {APP}\n") == 4 and "bad.c" not in text
    assert text.endswith(f"error: [red] [31m.c in {APP}\n")


def test_the_slowest_compile_under_way(lab: Lab, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    now = {"demo/other.bst": (50.0, "x.c"), f"demo/{APP}": (12.4, "b\x07.c"), f"demo/{LIBRARY}": (1.0, "c.c")}
    monkeypatch.setattr(MODULE, "compiles_under_way", lambda builds: iter([now[name] for name in builds]))
    for element in (APP, LIBRARY):
        lab.log([HIT], 10, element, end="")
    assert shown(screen).endswith("slowest compile under way: b .c, 12 s\n")


def test_verify_has_no_hit_rate(lab: Lab, screen: Screen) -> None:
    lab.log([compiled("verified", A, "cc -c a.c")], mode="verify", end="")
    assert "hit rate n/a in verify" in shown(screen)


def test_only_the_elements_that_are_asked_for(lab: Lab, screen: Screen) -> None:
    lab.one(0)
    lab.one(1, LIBRARY, 5)
    assert "5 compiles" in shown(Screen(Logs.find(None, [LIBRARY]), screen.start))


def test_a_build_runs_as_long_as_its_casd(lab: Lab, screen: Screen, tmp_path: Path) -> None:
    """That is who has the newest of casd's logs open."""
    lab.casds((-50, -40), (0.5, 1))
    assert running_casd(screen.logs) is None
    program, newest = tmp_path / "buildbox-casd", max(lab.logs.glob("_casd/*.log"))
    program.symlink_to("/bin/sleep")
    with newest.open("a") as log, subprocess.Popen([program, "60"], stdout=log) as casd:
        assert running_casd(screen.logs) == NOON.timestamp() + 0.5
        casd.kill()
    lab.casds()
    assert running_casd(screen.logs) is None


def test_a_build_right_after_another_has_a_screen_of_its_own(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = iter([NOON.timestamp(), NOON.timestamp(), NOON.timestamp() + 60, None])
    monkeypatch.setattr(MODULE, "running_casd", lambda logs: next(starts))
    monkeypatch.setattr(MODULE, "PERIOD", 0)
    begun = list[float]()
    monkeypatch.setattr(Screen, "look", lambda screen: begun.append(screen.start))
    watch(Logs.find(None, []))
    assert begun == [NOON.timestamp(), NOON.timestamp() + 60]


def test_compiles_are_found_among_the_processes(tmp_path: Path) -> None:
    """This one is Python's, with the words of a compiler; in the directory of another element it is not ours."""
    directory = tmp_path / "demo/a.bst/build"
    directory.mkdir(parents=True)
    words = ["x86_64-linux-gnu-gcc-12", "-c", "import time; time.sleep(60)", "src/unique.cpp", "-o", "a.o"]
    with subprocess.Popen(words, executable=sys.executable, cwd=directory) as process:
        while "src/unique.cpp" not in psutil.Process(process.pid).cmdline():
            pass
        ((age, source),) = compiles_under_way([f"{tmp_path.name}/demo/b.bst", f"{tmp_path.name}/demo/a.bst"])
        assert list(compiles_under_way([f"{tmp_path.name}/demo/a"])) == []
        process.kill()
    assert -1 < age < 60 and source == "src/unique.cpp"
