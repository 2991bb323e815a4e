# Follows docs/adopt.md and recc/README.md: recc is added to an existing project, by the command and by hand.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from elements import packages
from harness import BIN, MODES, ROOT, TOOLCHAIN, Counts, Project, parse_links, parse_summary
from helpers import edited
from pages import BLOCK, follow, patch, sections

from bst_recc.adopt.wiring import origin

SECTIONS = sections(ROOT / "docs/adopt.md") | sections(ROOT / "recc/README.md")
STEPS = (JUNCTIONS, SET_UP, ADD) = (
    "1. Add the junctions",
    "2. Set up `project.conf`",
    "3. Add two lines to each element that compiles",
)
COMPILER = "Which compiler?"
COPIES = "Copies instead of commits"
OPT_OUT = "How do I opt out?"

# Compile commands of each element.
COMPILES = {"app.bst": 2, "lib.bst": 2, "tool.bst": 2}
TOOLS = ("base", "llvm-shared", "make", "ninja", "cmake", "autotools", "gettext", "pkgconf")
# Names that Debian's maintainer scripts would make.
NAMES = {
    "compiler": {"cc": "gcc", "c++": "g++"},
    "tools": {"awk": "mawk", "aclocal": "aclocal-{}", "automake": "automake-{}"},
}


def existing_project(directory: Path) -> Path:
    """The project of tests/e2e/adopt with a toolchain of its own, beside a checkout of the template."""
    path = directory / "mine"
    shutil.copytree(ROOT / "tests/e2e/adopt", path)
    (directory / "template").symlink_to(ROOT)
    names = path / "files/names"
    version = re.search(r"/automake_(\d+\.\d+)", "".join(packages(TOOLCHAIN, "autotools")))
    assert version
    for name, links in NAMES.items():
        (names / name / "usr/bin").mkdir(parents=True)
        for link, target in links.items():
            (names / name / "usr/bin" / link).symlink_to(target.format(version[1]))
    (path / "elements/base").mkdir()
    for name, components in {"compiler": ("gcc",), "tools": TOOLS}.items():
        sources = "".join(packages(TOOLCHAIN, *components))
        (path / f"elements/base/{name}.bst").write_text(
            f"kind: import\nsources:\n{sources}- kind: local\n  path: files/names/{name}\n"
        )
    (path / "elements/base/all.bst").write_text("kind: stack\ndepends:\n- base/compiler.bst\n- base/tools.bst\n")
    return path


def files(path: Path) -> dict[str, str]:
    """What a project's YAML files say, by name; the first line of new ones says what they are for."""
    found = {str(p.relative_to(path)): p.read_text() for p in path.rglob("*") if p.suffix in (".bst", ".yml", ".conf")}
    return {name: re.sub("^#.*\n", "", text) for name, text in found.items()}


def test_every_block_of_the_page_is_followed() -> None:
    named = {*STEPS, COMPILER, COPIES, OPT_OUT}
    assert {title for title, text in SECTIONS.items() if BLOCK.search(text)} == named


def test_the_command_does_what_the_page_does_by_hand(tmp_path: Path) -> None:
    """Byte by byte, comments of new files apart; a second time it changes nothing, and each mode loads."""
    for name in ("hand", "command"):
        existing_project(tmp_path / name)
    by_hand, command = (tmp_path / name / "mine" for name in ("hand", "command"))
    project = Project(by_hand, tmp_path / "cache")
    for step in STEPS:
        follow(project, SECTIONS[step])
    for name in ("lib", "app"):
        patch(by_hand, BLOCK.findall(SECTIONS[ADD])[0][1].replace("tool.bst", f"{name}.bst"))
    adopt = [str(BIN / "bst-recc"), "adopt"]
    assert subprocess.run([*adopt, "--check"], cwd=command).returncode == 1
    for _ in range(2):
        subprocess.run([*adopt, "--write"], cwd=command, check=True)
        url, branch, commit = origin()
        place, _, name = url.rpartition("/")
        words = {"PLACE/": f"{place}/", "template:NAME": f"template:{name}", "BRANCH": branch, "COMMIT": commit}
        expected = files(by_hand)
        for word, value in words.items():
            expected = {name: text.replace(word, value) for name, text in expected.items()}
        assert files(command) == expected
    assert subprocess.run([*adopt, "--check"], cwd=command).returncode == 0


def build(project: Project, mode: str | None, *elements: str) -> dict[str, str]:
    """Build elements anew in one run of bst; return their logs."""
    project.bst("artifact", "delete", *elements, mode=mode, check=False)
    output = project.bst("build", *elements, mode=mode).stdout
    logs = {}
    for element in elements:
        name = re.search(rf" START +(mine/{element.removesuffix('.bst')}/\S+-build\.\S+\.log)$", output, re.MULTILINE)
        assert name, output
        logs[element] = (project.cache / "buildstream/logs" / name[1]).read_text()
    return logs


def counts(logs: dict[str, str]) -> dict[str, Counts | None]:
    return {element: parse_summary(log) for element, log in logs.items()}


def keys(project: Project) -> dict[str, str]:
    """The cache keys of the project's own elements that make something, and of one behind a junction."""
    shown = project.show("all.bst", "other.bst:tool.bst", form="%{name} %{full-key}")
    found = dict(line.split() for line in shown)
    return {name: found[name] for name in ("docs.bst", *COMPILES, "base/all.bst", "other.bst:tool.bst")}


def add_junction(path: Path) -> None:
    """Another project behind other.bst, with an element that runs commands and depends on nothing of this one's."""
    (path / "other").mkdir()
    (path / "other/project.conf").write_text("name: other\nmin-version: '2.4'\n")
    (path / "other/tool.bst").write_text("kind: manual\nconfig: {build-commands: [cc -c tool.c]}\n")
    (path / "elements/other.bst").write_text("kind: junction\nsources:\n- kind: local\n  path: other\n")


def contents(project: Project, directory: Path, mode: str | None) -> dict[str, bytes]:
    """Contents of all files that the project makes, by path."""
    project.bst("build", "all.bst", mode=mode)
    arguments = ["--deps", "run", "--directory", str(directory), "all.bst"]
    project.bst("artifact", "checkout", *arguments, mode=mode)
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_adopted_with_copies(fetched: Project, tmp_path: Path) -> None:
    """Every compile is a hit the second time, all results are those of plain builds; undone, so are the cache keys."""
    path = existing_project(tmp_path)
    add_junction(path)
    project = Project(path, fetched.cache)
    fetched.configure()  # mirrors
    build(project, None, *COMPILES)
    plain = contents(project, tmp_path / "plain", None)
    assert sum(name.endswith((".o", ".a")) for name in plain) == 3
    before = keys(project)
    shutil.copytree(path, tmp_path / "before", ignore=shutil.ignore_patterns(".bst"), symlinks=True)

    follow(project, SECTIONS[COPIES])
    after = keys(project)
    assert {name for name, key in after.items() if key != before[name]} == {"docs.bst", *COMPILES}
    assert all(project.show("all.bst", mode=mode) for mode in MODES)
    for mode in ("local", "remote"):
        fetched.empty_action_cache()
        cold = build(project, mode, *COMPILES)
        assert counts(cold) == {name: Counts(n, **{mode: n}) for name, n in COMPILES.items()}, f"{mode}, cold"
        warm = build(project, mode, *COMPILES)
        assert counts(warm) == {name: Counts(n, hits=n) for name, n in COMPILES.items()}, f"{mode}, warm"
        assert parse_links(warm["tool.bst"]) == (1, 1)
        assert contents(project, tmp_path / mode, mode) == plain

    follow(project, SECTIONS[COMPILER])
    opt_out(project)
    for name, text in files(tmp_path / "before").items():
        (path / name).write_text(text)
    assert keys(project) == before


def opt_out(project: Project) -> None:
    """Each line of the page, put into tool.bst: what the build log says then."""
    element, reasons = project.path / "elements/tool.bst", []
    text, key = element.read_text(), keys(project)
    for _, block in BLOCK.findall(SECTIONS[OPT_OUT]):
        with edited(element, text):
            patch(project.path, block)
            assert keys(project) == key
            log = build(project, "remote", "tool.bst")["tool.bst"]
            if "off:" in block:
                command = [str(BIN / "bst-recc"), "report"]
                said = subprocess.check_output(command, cwd=project.path, env=project.environment, text=True)
                assert "tool.bst is built without recc: its objects hold random numbers\n" in said
            reasons.append((parse_summary(log), parse_links(log), re.findall("^recc: off: .*", log, re.MULTILINE)))
            assert (" excluded=1" in log) == ("BST_RECC_EXCLUDE" in block)
    assert reasons == [
        (None, None, ["recc: off: its objects hold random numbers"]),
        (Counts(2, hits=2), (0, 0), []),
        (Counts(1, hits=1), (1, 1), []),
    ]
