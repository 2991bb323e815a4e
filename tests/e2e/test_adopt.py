# Follows docs/adopt.md: recc is added to a project that knows nothing of it, by copies and across a junction.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from elements import packages
from harness import ARCHITECTURES, BIN, ROOT, Counts, Project, generate, parse_links, parse_summary
from helpers import edited
from pages import BLOCK, follow, patch, sections

SECTIONS = sections(ROOT / "docs/adopt.md")
STEPS = (COPY, _, TRY, SET_UP, ADD) = (
    "1. Copy",
    "2. Say what the toolchain is",
    "3. Try one element",
    "4. Set it up for all elements",
    "5. Add the elements that compile",
)
THEIR_COMPILER = "With the generated project's compiler"
JUNCTION = "Across a junction, instead of copies"
ALONE = "The toolchain alone"
TWICE = "When a project is loaded twice"
AUDIT = "Is the compiler complete?"
OPT_OUT = "How do I opt out?"

# Compile commands of each element.
COMPILES = {"app.bst": 2, "lib.bst": 2, "tool.bst": 2}
TOOLS = ("base", "llvm-shared", "make", "ninja", "cmake", "autotools", "gettext", "pkgconf")
# Names that Debian's maintainer scripts would make.
NAMES = {
    "compiler": {"cc": "gcc", "c++": "g++"},
    "tools": {"awk": "mawk", "aclocal": "aclocal-{}", "automake": "automake-{}"},
}


def existing_project(fetched: Project, directory: Path) -> Project:
    """The project of tests/e2e/adopt with a toolchain of its own, of the same packages, beside a generated project."""
    generated = generate(directory)
    for name in ("toolchain", "recc"):
        shutil.copytree(fetched.path / name, generated / name, dirs_exist_ok=True)
    path = directory / "mine"
    shutil.copytree(ROOT / "tests/e2e/adopt", path)
    names = path / "files/names"
    version = re.search(r"/automake_(\d+\.\d+)", "".join(packages(generated / "toolchain", "autotools")))
    assert version
    for name, links in NAMES.items():
        (names / name / "usr/bin").mkdir(parents=True)
        for link, target in links.items():
            (names / name / "usr/bin" / link).symlink_to(target.format(version[1]))
    (path / "elements/base").mkdir()
    for name, components in {"compiler": ("gcc",), "tools": TOOLS}.items():
        sources = "".join(packages(generated / "toolchain", *components))
        (path / f"elements/base/{name}.bst").write_text(
            f"kind: import\nsources:\n{sources}- kind: local\n  path: files/names/{name}\n"
        )
    (path / "elements/base/all.bst").write_text("kind: stack\ndepends:\n- base/compiler.bst\n- base/tools.bst\n")
    project = Project(path, fetched.cache)
    fetched.configure()  # mirrors
    return project


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
    """The cache keys of the project's own elements that make something."""
    shown = project.show("all.bst", form="%{name} %{full-key}")
    found = dict(line.split() for line in shown)
    return {name: found[name] for name in ("docs.bst", *COMPILES, "base/all.bst")}


def contents(project: Project, directory: Path, mode: str | None) -> dict[str, bytes]:
    """Contents of all files that the project makes, by path."""
    project.bst("build", "all.bst", mode=mode)
    arguments = ["--deps", "run", "--directory", str(directory), "all.bst"]
    project.bst("artifact", "checkout", *arguments, mode=mode)
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_every_block_of_the_page_is_followed() -> None:
    followed = {*STEPS, AUDIT, THEIR_COMPILER, JUNCTION, ALONE, TWICE, OPT_OUT}
    assert {title for title, text in SECTIONS.items() if BLOCK.search(text)} == followed


def test_step_by_step_and_back(fetched: Project, tmp_path: Path) -> None:
    """Each step changes the cache keys that the page says, and no other; all results are those of plain builds."""
    project = existing_project(fetched, tmp_path)
    build(project, None, *COMPILES)
    plain = contents(project, tmp_path / "plain", None)
    assert sum(name.endswith((".o", ".a")) for name in plain) == 3
    before = keys(project)
    fetched.empty_action_cache()

    def changed() -> set[str]:
        return {name for name, key in keys(project).items() if key != before[name]}

    for step, expected in zip(STEPS[:3], (set(), set(), {"tool.bst"}), strict=True):
        follow(project, SECTIONS[step])
        assert "You can stop here" in SECTIONS[step]
        assert changed() == expected
    assert counts(build(project, "remote", "tool.bst")) == {"tool.bst": Counts(2, hits=2)}

    follow(project, SECTIONS[SET_UP])
    assert changed() == {"docs.bst", *COMPILES}
    logs = build(project, "remote", "tool.bst", "lib.bst")
    assert counts(logs)["lib.bst"] is None
    # The PATH is another than in step 3.
    assert counts(logs)["tool.bst"] == Counts(2, remote=2)

    follow(project, SECTIONS[ADD])
    for mode in ("local", "remote"):
        fetched.empty_action_cache()
        cold = build(project, mode, *COMPILES)
        assert counts(cold) == {name: Counts(n, **{mode: n}) for name, n in COMPILES.items()}, f"{mode}, cold"
        warm = build(project, mode, *COMPILES)
        assert counts(warm) == {name: Counts(n, hits=n) for name, n in COMPILES.items()}, f"{mode}, warm"
        assert parse_links(warm["tool.bst"]) == (1, 1)
        assert contents(project, tmp_path / mode, mode) == plain

    follow(project, SECTIONS[AUDIT])
    opt_out(project)
    toolchain_alone(project)

    for step in reversed(STEPS):
        for language, text in reversed(BLOCK.findall(SECTIONS[step])):
            if language == "diff":
                patch(project.path, text, undo=True)
    assert not changed()


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


def toolchain_alone(project: Project) -> None:
    """The junction leads into the generated project, and everything has the cache key that it had with copies."""
    before = keys(project)
    toolchain = project.path / "toolchain"
    shutil.copytree(project.path.parent / "my-project", project.path / "generated")
    away = toolchain.rename(project.path / "away")
    with edited(project.path / "elements/toolchain.bst", (project.path / "elements/toolchain.bst").read_text()):
        follow(project, SECTIONS[ALONE])
        assert keys(project) == before
    away.rename(toolchain)


def test_with_the_generated_compiler(fetched: Project, tmp_path: Path) -> None:
    project = existing_project(fetched, tmp_path)
    follow(project, SECTIONS[COPY])
    follow(project, SECTIONS[THEIR_COMPILER])
    includes = "".join(f"- {name}.yml\n" for name in ("include/recc-option", "include/recc", "recc/locks/archive"))
    path = project.path / "project.conf"
    path.write_text(path.read_text().replace("  PATH: ", "  PATH: /usr/recc/session:/usr/recc/bin:"))
    path.write_text(f"{path.read_text()}\n(@):\n{includes}")
    fetched.empty_action_cache()
    assert counts(build(project, "remote", "tool.bst"))["tool.bst"] == Counts(2, remote=2)
    assert counts(build(project, "remote", "tool.bst"))["tool.bst"] == Counts(2, hits=2)
    assert "base/compiler.bst" not in project.show("tool.bst")


def test_across_a_junction(fetched: Project, tmp_path: Path) -> None:
    project = existing_project(fetched, tmp_path)
    build(project, None, "tool.bst")
    plain = project.artifact("tool.bst", tmp_path / "plain", None)
    follow(project, SECTIONS[JUNCTION])
    fetched.empty_action_cache()
    for mode in ("local", "remote"):
        assert counts(build(project, mode, "tool.bst"))["tool.bst"] == Counts(2, **{mode: 2})
        assert counts(build(project, mode, "tool.bst"))["tool.bst"] == Counts(2, hits=2)
        assert project.artifact("tool.bst", tmp_path / mode, mode) == plain
    shown = project.show("tool.bst")
    assert "base/compiler.bst" in shown and "recc.bst:buildsystems/recc-wrapper.bst" in shown
    assert not [name for name in shown if "components/gcc" in name]

    # Options are forwarded.
    make = "recc.bst:toolchain.bst:packages/make.bst"
    for arch in ARCHITECTURES:
        show = ["show", "--deps", "none", "--format", "%{vars}", make]
        assert f"arch: {arch}\n" in project.bst("--option", "arch", arch, *show).stdout

    # Without overrides, the compiler is the generated project's.
    junction = project.path / "elements/recc.bst"
    with edited(junction, junction.read_text().partition("  overrides:")[0]):
        assert "recc.bst:toolchain.bst:components/gcc.bst" in project.show("tool.bst")

    twice(project)


def twice(project: Project) -> None:
    """A second junction that leads to a project 'toolchain'."""
    other = project.path / "other"
    shutil.copytree(project.path / "recc/toolchain", other / "toolchain")
    (other / "project.conf").write_text("name: other\nmin-version: 2.0\nelement-path: elements\n")
    (other / "elements").mkdir()
    junction = "kind: junction\nsources:\n- kind: local\n  path: {}\n"
    (other / "elements/toolchain.bst").write_text(junction.format("toolchain"))
    (other / "elements/other.bst").write_text("kind: stack\ndepends:\n- toolchain.bst:packages/make.bst\n")
    both = "kind: stack\ndepends:\n- tool.bst\n- other.bst:other.bst\n"
    (project.path / "elements/both.bst").write_text(both)
    (project.path / "elements/other.bst").write_text(junction.format("other"))

    said = re.search('^"(.*?)": two of', SECTIONS[TWICE], re.MULTILINE | re.DOTALL)
    assert said and said[1] in project.bst("show", "both.bst", check=False).stdout
    overrides, duplicates = (f"```{language}\n{text}```\n" for language, text in BLOCK.findall(SECTIONS[TWICE]))
    follow(project, overrides)
    assert "recc.bst:toolchain.bst:packages/make.bst" in project.show("both.bst")
    (project.path / "elements/other.bst").write_text(junction.format("other"))
    follow(project, duplicates)
    assert "other.bst:toolchain.bst:packages/make.bst" in project.show("both.bst")

    # The same message about a project that is called like the generated one.
    conf = project.path / "project.conf"
    with edited(conf, conf.read_text().replace("name: mine", "name: my-project")):
        assert (
            "Project 'my-project' was loaded in multiple contexts"
            in project.bst("show", "tool.bst", check=False).stdout
        )


def test_an_existing_project_builds_through_recc(fetched: Project, tmp_path: Path) -> None:
    """A project that reaches recc's by a junction, wired by bst-recc adopt alone: cold, then warm."""
    path = tmp_path / "existing"
    shutil.copytree(fetched.path, path / "recc", ignore=shutil.ignore_patterns(".bst"))
    shutil.copytree(fetched.path / "files/greeting", path / "files/greeting")
    for name in ("include", "elements"):
        (path / name).mkdir()
    shutil.copy(fetched.path / "include/recc-option.yml", path / "include")
    includes = "- include/recc-option.yml\n- recc.bst:include/recc.yml\n"
    plugins = "plugins:\n- origin: pip\n  package-name: buildstream-plugins\n  elements: [make]\n"
    (path / "project.conf").write_text(
        f"name: existing\nmin-version: 2.6\nelement-path: elements\n(@):\n{includes}{plugins}"
    )
    junction = (
        "kind: junction\nsources:\n- kind: local\n  path: recc\nconfig:\n  options: {recc_mode: '%{recc_mode}'}\n"
    )
    (path / "elements/recc.bst").write_text(junction)
    (path / "elements/toolchain.bst").write_text("kind: link\nconfig:\n  target: recc.bst:toolchain.bst\n")
    # A compiler of its own choice, as existing projects have.
    text = """# Ours.
kind: make

build-depends:
- toolchain.bst:public-stacks/buildsystem-make.bst

sources:
- kind: local
  path: files/greeting
"""
    (path / "elements/greeting.bst").write_text(text)
    for action, status in (("--check", 1), ("--write", 0), ("--check", 0)):
        assert subprocess.run([BIN / "bst-recc", "adopt", action], cwd=path).returncode == status
    mine = Project(path, fetched.cache)
    try:
        assert mine.build("greeting.bst", "local").counts == Counts(2, local=2)
        assert mine.build("greeting.bst", "local").counts == Counts(2, hits=2)
    finally:
        fetched.configure()
