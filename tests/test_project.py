# BuildStream's view of the generated project, and how it fails.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import hashlib
import http.server
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from conftest import MODES
from harness import Project, generate


def elements(path: Path) -> list[str]:
    directory = path / "elements"
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*.bst") if p.name != "toolchain.bst")


@pytest.mark.parametrize("mode", MODES)
def test_show_every_element(tmp_path: Path, mode: str) -> None:
    project = Project(generate(tmp_path), tmp_path / "cache")
    wanted = elements(project.path)
    shown = project.show(*wanted, mode=mode)
    assert set(wanted) <= set(shown)
    unused = set(elements(project.path / "toolchain")) - {
        name.removeprefix("toolchain.bst:") for name in shown if name.startswith("toolchain.bst:")
    }
    assert not unused


def test_an_unknown_mode_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    project = Project(generate(tmp_path), tmp_path / "cache")
    done = project.bst("show", "examples/hello.bst", mode="fast", check=False)
    assert done.returncode != 0
    assert all(mode in done.stdout for mode in MODES)


def test_the_toolchain_stands_alone(tmp_path: Path) -> None:
    """The junction's project works where it is copied to."""
    path = generate(tmp_path)
    shutil.copytree(path / "toolchain", tmp_path / "copy/toolchain")
    shutil.copytree(path / "toolchain", tmp_path / "toolchain")
    project = Project(path, tmp_path / "cache")
    project.path = tmp_path / "toolchain"
    assert "components/gcc.bst" in project.show("components/gcc.bst")


def test_a_package_with_another_hash_is_refused(tmp_path: Path) -> None:
    """An archive, on loopback, that hands out something else under the pinned name."""
    project = Project(generate(tmp_path), tmp_path / "cache")
    lock = (project.path / "toolchain/locks/x86_64/make.yml").read_text()
    pin = re.search(r"url: debian:(\S+)\n  ref: (\w+)", lock)
    assert pin
    package = tmp_path / "archive" / pin[1]
    package.parent.mkdir(parents=True)
    package.write_bytes(b"tampered")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "archive"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = fetch_make_from(project, f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    assert done.returncode != 0
    assert f"has sha256sum '{hashlib.sha256(b'tampered').hexdigest()}', not '{pin[2]}'" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_unreachable_archive_is_one_clear_error(tmp_path: Path) -> None:
    project = Project(generate(tmp_path), tmp_path / "cache")
    done = fetch_make_from(project, "http://127.0.0.1:9/")
    assert done.returncode != 0
    assert "Error mirroring http://127.0.0.1:9/" in done.stdout
    assert "Traceback" not in done.stdout


def fetch_make_from(project: Project, url: str) -> subprocess.CompletedProcess[str]:
    """Fetch one package of the toolchain from the archive at `url` alone."""
    (project.path / "toolchain/locks/archive.yml").write_text(f"aliases:\n  debian: {url}\n")
    project.configuration.write_text("scheduler: {network-retries: 0}")
    return project.bst("source", "fetch", "toolchain.bst:packages/make.bst", check=False)
