# The page of a report as a browser shows it: widths of a desk and of a telephone, light and dark.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from browser import Browser
from lab import APP, DIRECTORY, LIBRARY, Lab, compiled, summary

pytestmark = pytest.mark.slow


@pytest.fixture
def page(lab: Lab, tmp_path: Path) -> Path:
    """A build of two elements, one of them with long names and what would be markup."""
    names = ["long/" * 40 + "a.c", "<script>alert(1)</script>.c", *(f"src/file{n}.c" for n in range(30))]
    lines = [
        f"recc: compile local changed: src/util.h {100 + 100 * n} ms in {DIRECTORY}: cc -o {n}.o -c '{f}'"
        for n, f in enumerate(names)
    ]
    lab.log([*lines, summary(compiles=32, local=32, miss_ms=4000, uncached="probe=3")])
    lab.log(
        [compiled("hit", None, "cc -o b.o -c b.c", 4), summary(compiles=1, hits=1, hit_ms=4)], 12, LIBRARY, seconds=3
    )
    path = tmp_path / "report.html"
    lab.run("--html", path)
    return path


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 400])
def test_looks(chromium: Browser, page: Path, tmp_path: Path, width: int, dark: bool) -> None:
    """It fits the width, says nothing on the console, and text can be told from its ground."""
    chromium.open(page, width, dark=dark)
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    assert chromium.evaluate(
        "[...document.querySelectorAll('rect')].every(r => r.getBBox().x + r.getBBox().width < innerWidth)"
    )
    assert chromium.evaluate("getComputedStyle(document.body).color") == (
        "rgb(255, 255, 255)" if dark else "rgb(0, 0, 0)"
    )
    assert chromium.problems == []
    chromium.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_sorts_and_filters(chromium: Browser, page: Path) -> None:
    chromium.open(page, 1280)
    table = "[...document.querySelectorAll('table')].at(-1)"
    click = f"{table}.tHead.rows[0].cells[2].firstChild.click()"
    first = f"{table}.tBodies[0].rows[0].cells[2].textContent"
    chromium.evaluate(click)
    assert chromium.evaluate(f"{table}.tBodies[0].rows[0].cells[0].textContent") == "src/file29.c"
    chromium.evaluate(click)
    assert chromium.evaluate(first) == "0.1 s"
    shown = f"[...{table}.tBodies[0].rows].filter(row => row.offsetHeight > 0).length"
    field = "document.querySelector('input')"
    search = f"{field}.value = '{{}}'; {field}.oninput({{{{target: {field}}}}})"
    chromium.evaluate(search.format("FILE7"))
    assert chromium.evaluate(shown) == 1
    chromium.evaluate(search.format(""))
    assert chromium.evaluate(shown) == 32


def test_a_script_of_a_log_does_not_run(chromium: Browser, page: Path) -> None:
    """Even where it gets into the page unescaped: the page allows its own script alone."""
    evil = page.with_name("evil.html")
    evil.write_text(page.read_text().replace("</body>", "<script>window.ran = 1</script></body>"))
    chromium.open(evil, 1280)
    assert chromium.evaluate("window.ran") is None
    assert any("Content Security Policy" in problem for problem in chromium.problems)
    chromium.problems.clear()


def test_prints(chromium: Browser, page: Path) -> None:
    chromium.open(page, 1280)
    assert chromium.call("Page.printToPDF")["data"]
    assert APP in chromium.evaluate("document.body.textContent")
