# BuildStream's view of the generated project, and how it fails.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import hashlib
import http.server
import platform
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from buildstream import utils
from harness import ARCHITECTURES, MODES, Project, generate_local


def elements(path: Path) -> list[str]:
    directory = path / "elements"
    return sorted(
        str(p.relative_to(directory)) for p in directory.rglob("*.bst") if p.name not in ("toolchain.bst", "recc.bst")
    )


def public_data(project: Project, arch: str) -> str:
    """The public data of the compiler's packages."""
    show = ["show", "--deps", "none", "--format", "%{public}", "toolchain.bst:packages/gcc.bst"]
    return project.bst("--option", "arch", arch, *show).stdout


@pytest.mark.parametrize(
    ("mode", "arch"), [*((mode, "x86_64") for mode in MODES), *((MODES[0], arch) for arch in ARCHITECTURES[1:])]
)
def test_show_every_element(tmp_path: Path, mode: str, arch: str) -> None:
    project = Project(generate_local(tmp_path), tmp_path / "cache")
    options = ["--option", "arch", arch]
    wanted = elements(project.path)
    shown = project.show(*wanted, mode=mode, options=options)
    assert set(wanted) <= set(shown)
    assert f"name: binutils-{arch.replace('_', '-')}-linux-gnu" in public_data(project, arch)
    unused = set(elements(project.path / "debian-toolchain")) - {
        name.removeprefix("toolchain.bst:") for name in shown if name.startswith("toolchain.bst:")
    }
    assert not unused


@pytest.mark.parametrize("arch", {*ARCHITECTURES} - {platform.machine()})
def test_nothing_runs_on_a_machine_of_another_architecture(tmp_path: Path, arch: str) -> None:
    project = Project(generate_local(tmp_path), tmp_path / "cache")
    # Anything called sh will do: it is never run.
    sh = "kind: import\nsources: [{kind: local, path: project.conf}]\nconfig: {target: /bin/sh}\n"
    (project.path / "elements/sh.bst").write_text(sh)
    runs = "kind: manual\nbuild-depends: [sh.bst]\nconfig: {build-commands: ['true']}\n"
    (project.path / "elements/runs.bst").write_text(runs)
    done = project.bst("--option", "arch", arch, "build", "runs.bst", check=False)
    assert done.returncode != 0
    assert f"ISA '{arch}' is not supported" in done.stdout


@pytest.mark.parametrize(
    ("arch", "include", "uapi"), [("x86_64", {"i386", "x86_64"}, {"x86"}), ("aarch64", {"aarch64"}, {"arm64"})]
)
def test_no_headers_of_other_architectures_in_the_digest(
    tmp_path: Path, arch: str, include: set[str], uapi: set[str]
) -> None:
    """By BuildStream's own globs, for the directories that Debian's linux-libc-dev has."""
    cpus = "aarch64 alpha arm hppa i386 loongarch64 m68k mips mips64el powerpc64le riscv64 s390x sh4 sparc64 x86_64"
    kernels = "alpha arc arm arm64 loongarch m68k mips parisc powerpc riscv s390 sh sparc x86"
    names = {f"/usr/include/{cpu}-linux-gnu": cpu for cpu in cpus.split()}
    names |= {f"/usr/lib/linux/uapi/{kernel}": kernel for kernel in kernels.split()}
    project = Project(generate_local(tmp_path), tmp_path / "cache")
    globs = re.findall(r"^ *- '?(/usr/(?:include/[^*]|lib/linux)[^']*?)'?$", public_data(project, arch), re.MULTILINE)
    assert len(globs) == 4
    unused = {name for rule in globs for name in utils.glob(list(names), rule)}
    assert {names[name] for name in names.keys() - unused} == include | uapi


def test_an_unknown_mode_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    project = Project(generate_local(tmp_path), tmp_path / "cache")
    done = project.bst("show", "examples/hello.bst", mode="fast", check=False)
    assert done.returncode != 0
    assert all(mode in done.stdout for mode in MODES)


def test_the_toolchain_stands_alone(tmp_path: Path) -> None:
    """The junction's project works where it is copied to."""
    path = generate_local(tmp_path)
    shutil.copytree(path / "debian-toolchain", tmp_path / "copy/toolchain")
    shutil.copytree(path / "debian-toolchain", tmp_path / "toolchain")
    project = Project(path, tmp_path / "cache")
    project.path = tmp_path / "toolchain"
    assert "components/gcc.bst" in project.show("components/gcc.bst")


def test_a_package_with_another_hash_is_refused(tmp_path: Path) -> None:
    """An archive, on loopback, that hands out something else under the pinned name."""
    project = Project(generate_local(tmp_path), tmp_path / "cache")
    lock = (project.path / "debian-toolchain/locks/x86_64/make.yml").read_text()
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
    project = Project(generate_local(tmp_path), tmp_path / "cache")
    done = fetch_make_from(project, "http://127.0.0.1:9/")
    assert done.returncode != 0
    assert "Error mirroring http://127.0.0.1:9/" in done.stdout
    assert "Traceback" not in done.stdout


def fetch_make_from(project: Project, url: str) -> subprocess.CompletedProcess[str]:
    """Fetch one package of the toolchain from the archive at `url` alone."""
    (project.path / "debian-toolchain/locks/archive.yml").write_text(f"aliases:\n  debian: {url}\n")
    project.configuration.write_text("scheduler: {network-retries: 0}")
    return project.bst("source", "fetch", "toolchain.bst:packages/make.bst", check=False)
