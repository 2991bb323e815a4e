# The documentation site: README.md and docs/ as they are, and a reference; 'make site' builds it in build/site.
# SPDX-License-Identifier: Apache-2.0
#
# Sphinx, with MyST for Markdown: BuildStream's documentation is made with it, and it is maintained.
# MkDocs 1 and its theme Material are not: https://github.com/squidfunk/mkdocs-material/releases/tag/9.7.5
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import reference

from bst_recc import __version__

project = "BuildStream with recc"
version = release = __version__
html_title = f"{project} {version}"

extensions = ["myst_parser"]
root_doc = "README"
PARTS = ("recc/README", "debian-toolchain/README", "deploy/README")
include_patterns = ["*.md", "docs/**.md", *(f"{name}.md" for name in PARTS)]
exclude_patterns = [".*", "build", "demo"]
# GitHub's names for headings, which the pages link to.
myst_heading_anchors = 4
# '--option' has two hyphens.
smartquotes = False
highlight_language = "none"

html_theme = "furo"
html_copy_source = html_use_index = False
html_show_copyright = False

MENU = {
    "Use": ("docs/manual", "docs/report", "docs/adopt", "docs/update", "docs/toolchain", "docs/farm"),
    "Understand": ("docs/faq", "docs/trust", "docs/performance"),
    "Parts": PARTS,
    "Reference": tuple(f"docs/reference/{page.__name__}" for page in reference.PAGES),
    "Project": ("NEWS", "CONTRIBUTING"),
}


def read(_: Any, name: str, text: list[str]) -> None:
    """Link to generated pages instead of their sources, and give the first page the menu."""
    text[0] = text[0].replace("](../tests/e2e/trust/constructs.tsv)", "](reference/constructs.md)")
    if name == root_doc:
        for caption, names in MENU.items():
            text[0] += "\n".join(["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```", ""])


def finish(app: Any, failure: Exception | None) -> None:
    """Servers look for index.html."""
    if not failure:
        shutil.copyfile(app.outdir / "README.html", app.outdir / "index.html")


def setup(app: Any) -> None:
    """Generate the reference, before Sphinx looks for pages."""
    reference.write(app.srcdir / "docs/reference")
    app.connect("source-read", read)
    app.connect("build-finished", finish)
