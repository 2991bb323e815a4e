# Measures how the time of a warm compile grows with the number of files and of headers, and draws it.
# SPDX-License-Identifier: Apache-2.0
"""Usage: .venv/bin/python benchmarks/growth.py [--svg FILE] [SIZE…]; two minutes.

SIZE is a number of files, and of headers; default: 10 30 100 300 1000.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from harness import Project, generate

SHAPES = {
    "files": "files compiled: ms a file",
    "deep": "headers, each including the next: ms a compile",
    "wide": "headers, all included by one: ms a compile",
}
COLOURS = ("#2e8b57", "#3b6fd4", "#d08700")
Point = tuple[int, float, float]


def measure(project: Project, sizes: Sequence[int]) -> dict[str, list[Point]]:
    """For each shape: size, and milliseconds a compile (two at a time), plain and warm."""
    log = project.build_script(Path(__file__).with_name("growth.sh"), *sizes)
    found: dict[str, list[Point]] = {shape: [] for shape in SHAPES}
    for shape, size, compiles, plain, warm in re.findall(r"^GROWTH (\w+) (\d+) (\d+) (\d+) (\d+)$", log, re.MULTILINE):
        found[shape].append((int(size), int(plain) / int(compiles), int(warm) / int(compiles)))
    assert all(len(points) == len(sizes) for points in found.values()), log[-2000:]
    return found


def draw(found: dict[str, list[Point]]) -> str:
    """An SVG picture, both axes logarithmic: lines for warm compiles, dashed ones for plain."""
    width, height, margin = 640, 400, 56
    sizes = [point[0] for points in found.values() for point in points]
    times = [time for points in found.values() for point in points for time in point[1:]]
    left, right = math.log10(min(sizes)), math.log10(max(sizes)) or 1
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))

    def x(size: float) -> float:
        return margin + (math.log10(size) - left) / max(right - left, 0.01) * (width - 2 * margin)

    def y(time: float) -> float:
        return height - margin - (math.log10(time) - low) / max(high - low, 1) * (height - 2 * margin)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 24 * len(found)}" '
        'font-family="sans-serif" font-size="12">',
        "<!-- Time of a warm compile, drawn by benchmarks/growth.py. SPDX-License-Identifier: Apache-2.0 -->",
        f'<rect width="{width}" height="{height + 24 * len(found)}" fill="white"/>',
    ]
    for size in sorted(set(sizes)):
        parts.append(f'<path d="M{x(size):.1f} {margin}V{height - margin}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(size):.1f}" y="{height - margin + 18}" text-anchor="middle">{size}</text>')
    for power in range(low, high + 1):
        parts.append(f'<path d="M{margin} {y(10**power):.1f}H{width - margin}" stroke="#ddd"/>')
        parts.append(f'<text x="{margin - 8}" y="{y(10**power) + 4:.1f}" text-anchor="end">{10**power:g} ms</text>')
    for number, (shape, points) in enumerate(found.items()):
        colour = COLOURS[number]
        for index, style in ((2, ""), (1, ' stroke-dasharray="4 4"')):
            line = " ".join(f"{x(point[0]):.1f},{y(point[index]):.1f}" for point in points)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"{style}/>')
        at = height + 24 * number
        parts.append(f'<path d="M{margin} {at}h28" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{margin + 36}" y="{at + 4}">{SHAPES[shape]} (warm; dashed: plain)</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> int:
    """Measure, print a table, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--svg", type=Path, metavar="FILE")
    parser.add_argument("sizes", type=int, nargs="*", metavar="SIZE", default=[10, 30, 100, 300, 1000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="growth-") as directory:
        project = Project(generate(Path(directory)), Path(directory) / "cache")
        project.fetch("examples/greeting.bst", report=print)
        found = measure(project, options.sizes)
    print("| | size | plain, ms | warm, ms |\n|---|--:|--:|--:|")
    for shape, points in found.items():
        for size, plain, warm in points:
            print(f"| {SHAPES[shape]} | {size} | {plain:.1f} | {warm:.1f} |")
    if options.svg:
        options.svg.write_text(draw(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
