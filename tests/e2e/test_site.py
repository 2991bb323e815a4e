# The documentation site: built without a warning, complete, every link leads somewhere, and it fits a telephone.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
import reference
from browser import Browser
from harness import ROOT

from bst_recc.cli import group

pytestmark = pytest.mark.slow


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    options = ["-W", "--keep-going", "-q", "-c", str(ROOT / "docs")]
    return subprocess.run([sys.executable, "-m", "sphinx", *options, source, site], capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    done = build(ROOT, directory)
    assert (done.returncode, done.stderr) == (0, "")
    return directory


def test_every_link_leads_somewhere(site: Path) -> None:
    """Also those that Sphinx does not check: of the menu, and of HTML in a page."""
    texts = {path: path.read_text() for path in site.rglob("*.html")}
    assert texts.keys() >= {site / f"{name}.html" for name in ("index", "docs/manual", "NEWS")}
    for page, text in texts.items():
        for target, anchor in re.findall(r'(?:href|src)="(?!https?:|data:|mailto:)([^"#?]*)[^"#]*#?([^"]*)"', text):
            path = (page.parent / unescape(target)).resolve() if target else page
            assert path.exists(), f"{page}: {target}"
            assert not anchor or f'id="{anchor}"' in texts[path], f"{page}: {target}#{anchor}"


def test_the_reference_has_all_there_is(site: Path) -> None:
    page = {name: (site / f"docs/reference/{name}.html").read_text() for name in ("commands", "settings", "constructs")}
    paths = {context.command_path for context in reference.walk(group, "bst-recc")}
    assert {"bst-recc report", "bst-recc cache use"} <= paths
    variables = re.findall(r"^ +([A-Z_]+):", (ROOT / "recc/include/recc.yml").read_text(), re.MULTILINE)
    headings = {name: set(re.findall(r"<h[1-3]>([^<]*)<", text)) for name, text in page.items()}
    assert paths <= headings["commands"] | {"bst-recc"}
    assert {"recc_mode", "arch", "BST_RECC_VERIFY", *variables} <= headings["settings"]
    assert "clang remote" in page["constructs"]
    assert page["constructs"].count("<tr ") > 500


def test_a_dead_link_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# A\n\n[one](docs/none.md) [two](#none)\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    assert "'docs/none.md'" in done.stderr and "'none'" in done.stderr


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("page", ["index", "docs/reference/commands"])
def test_looks(chromium: Browser, site: Path, page: str, width: int) -> None:
    chromium.open(site / f"{page}.html", width)
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    assert chromium.problems == []
