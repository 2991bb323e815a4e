# Draws docs/performance.svg from the table in docs/performance.md: plain builds beside cold and warm ones.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
PROGRAMS = ("ninja", "lua", "mbedtls", "busybox")
ROW = re.compile(r"^\| (\w+): [^|]*\| ([\d.]+) s \| [\d.]+ \| template \| ([\d.]+) \| ([\d.]+) \|", re.MULTILINE)
# Colours that colour-blind people tell apart, on light and on dark grounds.
BARS = (("plain, without recc", "#8c8c8c"), ("local, cold", "#e69f00"), ("local, warm", "#56b4e9"))
LEFT, WIDTH, BAR, GROUP = 80, 600, 16, 64
STYLE = "font: 13px system-ui, sans-serif; fill: #777"


def draw(page: str) -> str:
    """The chart of a page's table as SVG; raises KeyError where a program is not in it."""
    rows = {name: (float(plain), float(cold), float(warm)) for name, plain, cold, warm in ROW.findall(page)}
    longest = max(rows[name][0] * max(1, *rows[name][1:]) for name in PROGRAMS)
    parts = []
    for x, (text, colour) in zip((LEFT, LEFT + 180, LEFT + 300), BARS, strict=True):
        parts.append(f'<rect x="{x}" y="4" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="15">{text}</text>')
    for number, name in enumerate(PROGRAMS):
        top = 30 + number * GROUP
        plain, cold, warm = rows[name]
        parts.append(f'<text x="{LEFT - 8}" y="{top + 29}" text-anchor="end">{name}</text>')
        for line, seconds in enumerate((plain, plain * cold, plain * warm)):
            y, width = top + line * (BAR + 1), seconds / longest * WIDTH
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{BARS[line][1]}"/>')
            parts.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 13}">{seconds:.1f} s</text>')
    height = 30 + GROUP * len(PROGRAMS)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 70} {height}" role="img"'
    title = "<title>Seconds to build four programs: plain, cold and warm through recc</title>"
    licence = "<!-- Written by benchmarks/bench.py. SPDX-License-Identifier: Apache-2.0 -->"
    return "\n".join([f'{head} style="{STYLE}">', licence, title, *parts, "</svg>", ""])


def write() -> None:
    """Write the chart of the page as it is."""
    (DOCS / "performance.svg").write_text(draw((DOCS / "performance.md").read_text()))


if __name__ == "__main__":
    write()
