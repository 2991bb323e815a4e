# Follows docs/toolchain.md and debian-toolchain/README.md: a toolchain of another layout behind toolchain.bst.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import platform
import re
import shutil
import subprocess
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from elements import packages
from harness import BIN, ROOT, Counts, Project, copy_in, generate, generate_local
from helpers import edited
from pages import BLOCK, follow, sections

SECTIONS = sections(ROOT / "docs/toolchain.md") | sections(ROOT / "debian-toolchain/README.md")
FOLLOWED = (WHY, CONTRACT, PACKAGES, SAME_NAMES, OTHER_LAYOUT, JUNCTIONED, GAP) = (
    "What is the toolchain, and why is its digest in the key?",
    "What must a toolchain provide?",
    "How do I change Debian's packages?",
    "How do I use a project that has these names?",
    "How do I use a project of another layout?",
    "What if my project has a junction to it already?",
    "What if the audit fails?",
)

GREETING = "greeting.bst"
COMPILER = "toolchain-adapter/elements/components/gcc.bst"
LINK = "kind: link\nconfig:\n  target: my-tools.bst:tools/{}.bst\n"
LIBC = ("libc6-dev", "linux-libc-dev")
# Another layout than the contract's, with the files of the same packages.
MY_TOOLS = """name: my-tools
min-version: 2.6
element-path: elements

aliases:
  debian: {archive}

plugins:
- origin: pip
  package-name: buildstream-plugins-community
  sources:
  - deb
"""
COMPLETE = """kind: stack

depends:
- tools/cc.bst
- tools/libc-headers.bst
"""
KEYED = """kind: manual

build-depends:
- (@): recc.bst:include/gcc-for-recc.yml
- recc.bst:buildsystems/make.bst

config:
  build-commands:
  - |
    echo "digest: $RECC_REMOTE_PLATFORM_chrootRootDigest"
    echo 'int keyed;' >keyed.c
    gcc -c keyed.c
"""


def write_my_tools(directory: Path, toolchain: Path) -> None:
    """Write a toolchain project of another layout into `directory`, from the packages of a generated one."""
    archive = re.search(r"debian: (\S+)", (toolchain / "locks/archive.yml").read_text())
    assert archive
    others = [path.stem for path in sorted((toolchain / "locks" / platform.machine()).glob("*.yml"))]
    gcc = packages(toolchain, "gcc")
    headers = [source for source in gcc if re.search(rf"/({'|'.join(LIBC)})_", source)]
    assert len(headers) == len(LIBC)
    names = {"cc": {"cc": "gcc", "c++": "g++"}, "tools": {"awk": "mawk"}}
    for name, links in names.items():
        (directory / "names" / name / "usr/bin").mkdir(parents=True)
        for link, target in links.items():
            (directory / "names" / name / "usr/bin" / link).symlink_to(target)
    contents = {
        "tools/cc": [*(source for source in gcc if source not in headers), "- kind: local\n  path: names/cc\n"],
        "tools/libc-headers": headers,
        "base/tools": [
            *packages(toolchain, *(name for name in others if name not in ("gcc", "llvm"))),
            "- kind: local\n  path: names/tools\n",
        ],
        # The same files as those of 'complete', in one piece.
        "tools/one-piece": [*gcc, "- kind: local\n  path: names/cc\n"],
    }
    for name, sources in contents.items():
        path = directory / "elements" / f"{name}.bst"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kind: import\nsources:\n" + "".join(sources))
    (directory / "elements/tools/complete.bst").write_text(COMPLETE)
    (directory / "elements/base/all.bst").write_text(COMPLETE + "- base/tools.bst\n")
    (directory / "project.conf").write_text(MY_TOOLS.format(archive=archive[1]))


def publish(fetched: Project, directory: Path) -> str:
    """Serve my-tools as a git repository; return the user configuration that finds it."""
    tools = directory / "my-tools.git"
    write_my_tools(tools, fetched.path / "debian-toolchain")
    git = ["git", "-C", str(tools), "-c", "user.name=me", "-c", "user.email=me@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "My tools"]):
        subprocess.run([*git, *arguments], check=True)
    mirrors = f"""
  toolchain-adapter:
    mirrors:
    - name: here
      aliases:
        example:
        - file://{directory}/
track:
  source: all
"""
    configuration = fetched.configuration.read_text().rstrip()
    return configuration + ("" if "projects:" in configuration else "\nprojects:") + mirrors


@pytest.fixture(scope="module")
def mine(fetched: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A generated project with my-tools behind its toolchain.bst, as the page says."""
    directory = tmp_path_factory.mktemp("mine")
    project = Project(generate_local(directory), fetched.cache)
    shutil.rmtree(project.path / "debian-toolchain")
    shutil.copytree(fetched.path / "recc", project.path / "recc", dirs_exist_ok=True)
    with edited(fetched.configuration, publish(fetched, directory)):
        for title in (OTHER_LAYOUT, GAP):
            follow(project, SECTIONS[title])
        yield project


def test_every_block_of_the_page_is_followed() -> None:
    assert {title for title, text in SECTIONS.items() if BLOCK.search(text)} <= set(FOLLOWED)


@pytest.mark.parametrize("title", [WHY, CONTRACT])
def test_another_layout_meets_the_contract(mine: Project, title: str) -> None:
    """Through links alone; the digest of the page's stack is the same, as another test shows."""
    with edited(mine.path / COMPILER, LINK.format("complete")):
        follow(mine, SECTIONS[title])


def test_counts_and_objects(mine: Project, tmp_path: Path) -> None:
    mine.build(GREETING, "off", keep_tree=True)
    objects = mine.objects(GREETING, "off")
    assert len(objects) == 2
    artifact = mine.artifact(GREETING, tmp_path / "off", "off")
    mine.empty_action_cache()
    for mode in ("local", "remote"):
        assert mine.build(GREETING, mode).counts == Counts(2, **{mode: 2})
        assert mine.build(GREETING, mode, keep_tree=True).counts == Counts(2, hits=2)
        assert mine.objects(GREETING, mode) == objects
        assert mine.artifact(GREETING, tmp_path / mode, mode) == artifact


def test_audit_sees_through_links(mine: Project) -> None:
    """A dependency that replaces a part of the compiler is found, whatever the compiler's element is called."""
    compiler = mine.path / "files/evil/usr/bin/cc"
    compiler.parent.mkdir(parents=True)
    compiler.write_text("another compiler\n")
    (mine.path / "elements/evil.bst").write_text("kind: import\nsources:\n- kind: local\n  path: files/evil\n")
    text = (mine.path / "elements/greeting.bst").read_text()
    (mine.path / "elements/victim.bst").write_text(text.replace("build-depends:\n", "build-depends:\n- evil.bst\n", 1))
    with edited(mine.path / COMPILER, LINK.format("complete")):
        command: list[str | Path] = [BIN / "bst-recc", "doctor", "victim.bst"]
        audit = subprocess.run(command, cwd=mine.path, env=mine.environment, capture_output=True, text=True)
    assert audit.returncode == 1, audit.stderr
    assert "FAIL   victim.bst: evil.bst replaces /usr/bin/cc\n" in audit.stdout


@pytest.mark.slow
def test_only_another_toolchain_is_another_digest(mine: Project, fetched: Project) -> None:
    """Not its names, nor what is beside the toolchain: its files alone."""
    tools = mine.path / "my-tools"
    write_my_tools(tools, fetched.path / "debian-toolchain")
    (mine.path / "elements/my-tools.bst").write_text("kind: junction\nsources:\n- kind: local\n  path: my-tools\n")
    (mine.path / "elements/keyed.bst").write_text(KEYED)

    def build() -> tuple[str, Counts | None]:
        built = mine.build("keyed.bst", "remote")
        found = re.search(r"^digest: (\S+)$", built.log, re.MULTILINE)
        assert found
        return found[1], built.counts

    mine.empty_action_cache()
    digest, counts = build()
    assert counts == Counts(1, remote=1)
    same = (digest, Counts(1, hits=1))

    (mine.path / "elements/both.bst").write_text("kind: stack\ndepends:\n- keyed.bst\n- my-tools.bst:base/all.bst\n")
    said = re.search(r'stops with "(.*?)"', SECTIONS[JUNCTIONED])
    assert said and said[1] in mine.bst("show", "both.bst", check=False).stdout
    follow(mine, SECTIONS[JUNCTIONED])
    mine.bst("show", "both.bst")
    assert build() == same, "another junction"
    for name in ("complete", "one-piece"):
        with edited(mine.path / COMPILER, LINK.format(name)):
            assert build() == same, "another element"
    with edited(tools / "names/tools/usr/share/note", "not part of the toolchain\n"):
        assert build() == same, "another tool"
    with edited(tools / "names/cc/usr/include/note.h", "// part of the toolchain\n"):
        other, counts = build()
        assert other != digest
        assert counts == Counts(1, remote=1), "another toolchain"
    assert build() == same, "the first one again"


def test_link_to_a_junction(fetched: Project) -> None:
    junction = fetched.path / "elements/toolchain.bst"
    fetched.build(GREETING, "remote")
    with edited(fetched.path / "elements/sdk.bst", junction.read_text()), edited(junction, ""):
        follow(fetched, SECTIONS[SAME_NAMES])
        assert fetched.build(GREETING, "remote").counts == Counts(2, hits=2)


@pytest.mark.slow
def test_packages_of_ones_own(fetched: Project, tmp_path: Path) -> None:
    """One more than Debian's toolchain has, pinned by who keeps a copy of it."""
    project, text = Project(generate(tmp_path), fetched.cache), SECTIONS[PACKAGES]
    copy_in(project.path, "recc", fetched.path / "recc")
    toolchain = shutil.copytree(fetched.path / "debian-toolchain", tmp_path / "template/debian-toolchain")
    archive = re.search(r"https://\S+", (toolchain / "locks/archive.yml").read_text())
    assert archive
    try:
        urllib.request.urlopen(archive[0], timeout=10).close()
    except (urllib.error.URLError, TimeoutError):
        warnings.warn("the archive of snapshots cannot be reached: 'lock' is tried with the mirror", stacklevel=1)
        text = text.replace("bst-recc lock\n", "bst-recc lock --snapshot latest --allow-expired\n")
    follow(project, text)
    for lock in (project.path / "debian-toolchain/locks").glob("*/base.yml"):
        assert "/bison_" in lock.read_text()
    assert project.build(GREETING, "remote").counts
