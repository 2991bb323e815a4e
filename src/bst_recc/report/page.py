# The report of a build as one page.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from bst_recc.errors import ReccError, clean
from bst_recc.project import replace_file
from bst_recc.report.contents import clock
from bst_recc.report.tables import NUMBERS, headline, seconds, sections, title

PAGE, SCRIPT = (Path(__file__).parent / name for name in ("page.html.j2", "page.js"))
WIDTH = 100
"""The time line's, in per cent."""


def moment(text: str) -> float:
    """Seconds since the epoch of a time in the JSON."""
    return datetime.fromisoformat(text).timestamp()


def bars(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The time line: one bar an element, in units of `WIDTH`; hits and misses by their shares of its time."""
    start, end = (moment(report["session"][name]) for name in ("start", "end"))
    scale = WIDTH / max(1.0, end - start)
    found = []
    for row in sorted(report["elements"], key=lambda row: (row["start"], row["end"])):
        began, took = moment(row["start"]), 1000 * (moment(row["end"]) - moment(row["start"]))
        x, width, spent = (began - start) * scale, took / 1000 * scale, row["hit_ms"] + row["miss_ms"]
        # Compiles run side by side: their times are shares, of no more than the bar.
        unit = width / max(spent, took, 1)
        bar = {"x": x, "width": max(0.2, width), "hit": row["hit_ms"] * unit, "miss": row["miss_ms"] * unit}
        text = f"{seconds(int(took))}, {row['hits']} of {row['compiles']} compiles from the cache"
        # The name stands where there is room: after its bar, before it, or in it.
        inside, anchor = False, "start"
        if x + width < WIDTH * 0.6:
            bar["label"] = x + width + 0.5
        elif x > WIDTH * 0.4:
            bar["label"], anchor = x - 0.5, "end"
        else:
            bar["label"], inside = x + 0.5, True
        found.append({name: round(value, 2) for name, value in bar.items()})
        found[-1] |= {"inside": inside, "anchor": anchor, "name": row["element"], "text": text}
    return found


def write(path: Path, report: Mapping[str, Any]) -> None:
    """Write the page, which needs nothing else; raises ReccError when the file cannot be written."""
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else clean(str(value)),
    )
    script = SCRIPT.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment.from_string(PAGE.read_text(encoding="utf-8")).render(
        report=report,
        title=title(report),
        headline=headline(report),
        bars=bars(report),
        sections=sections(report, everything=True),
        numbers=NUMBERS,
        clock=clock,
        script=Markup(script),
        script_hash=Markup(f"sha256-{digest}"),
    )
    try:
        replace_file(path, page)
    except OSError as error:
        raise ReccError(f"cannot write {path}: {error.strerror}.", "Give another file: --html FILE") from None
