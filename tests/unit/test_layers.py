# The package is built in floors: what imports what, as CONTRIBUTING.md draws it.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ROOT

SOURCE = ROOT / "src/bst_recc"
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
FLOORS = [line.split() for line in re.findall(r"```text\n(.*?)```", PAGE, re.S)[0].splitlines()]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
MODULES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if not path.name.startswith("__main"))


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, path
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_point_downwards(module: Path) -> None:
    own = module.parts[0].removesuffix(".py")
    for name in imported(SOURCE / module):
        if name.startswith("bst_recc."):
            other = name.split(".")[1]
            if other in FLOOR and own != "__init__":
                assert other == own or FLOOR[other] < FLOOR[own], f"{module} imports {name}"
        assert own == "reapi" or not re.match(r"(grpc|buildstream\._protos)\b", name), f"{module} imports {name}"


def test_every_module_has_a_floor() -> None:
    assert {module.parts[0].removesuffix(".py") for module in MODULES} - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_and_classes_can_be_read_in_one_sitting(module: Path) -> None:
    text = (SOURCE / module).read_text()
    assert text.count("\n") <= 360
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            assert (node.end_lineno or 0) - node.lineno < 120, node.name
