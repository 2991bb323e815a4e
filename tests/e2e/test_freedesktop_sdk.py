# The toolchain freedesktop-sdk: the same project with another junction. Loaded, never built: see docs/toolchain.md.
# SPDX-License-Identifier: Apache-2.0
"""What can be seen without its repository, and what can be seen with a copy of it.

The copies are Git directories: FREEDESKTOP_SDK_GIT names one of freedesktop-sdk with the pinned tag,
BUILDSTREAM_PLUGINS_GIT one of apache/buildstream-plugins. They are served on loopback, since the source
kind git_repo reads no file:// URLs; the rest of what freedesktop-sdk loads, one sdist, comes from the package index.
"""

from __future__ import annotations

import fnmatch
import functools
import http.server
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import EXAMPLES, WIRING, Project, generate, generate_local
from helpers import edited
from ruamel.yaml import YAML
from tree import FILES, cookiecutter, files

CHOICE = "freedesktop-sdk"
DIFFERENT = {"README.md", "elements/toolchain.bst", "project.conf"}
COPIES = {
    "freedesktop-sdk/freedesktop-sdk.git": ("FREEDESKTOP_SDK_GIT", "castrojo+freedesktop-sdk"),
    "apache/buildstream-plugins.git": ("BUILDSTREAM_PLUGINS_GIT", "apache+buildstream-plugins"),
}
STACKS = ("autotools", "cmake", "make", "meson")


def pin(project: Path) -> tuple[str, str]:
    """Tag and commit in the junction of a project."""
    source = YAML(typ="safe").load(project / "elements/toolchain.bst")["sources"][0]
    match = re.fullmatch(r"(.*)-0-g([0-9a-f]{40})", source["ref"])
    assert match, source["ref"]
    return match[1], match[2]


# Without its repository


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The project with Debian's toolchain, and with freedesktop-sdk."""
    directory = tmp_path_factory.mktemp("variants")
    return generate(directory / "debian"), generate(directory / CHOICE, toolchain=CHOICE)


def test_nothing_differs_but_the_toolchain(variants: tuple[Path, Path]) -> None:
    debian, other = variants
    names = files(other)
    assert names == FILES
    assert {name for name in names if (debian / name).read_bytes() != (other / name).read_bytes()} == DIFFERENT
    assert all((debian / name).stat().st_mode == (other / name).stat().st_mode for name in names)


def test_the_junction_names_one_commit_of_a_release(variants: tuple[Path, Path]) -> None:
    junction = YAML(typ="safe").load(variants[1] / "elements/toolchain.bst")
    (source,) = junction["sources"]
    tag, _ = pin(variants[1])
    assert (junction["kind"], source["kind"]) == ("junction", "git_repo")
    assert re.fullmatch(r"freedesktop-sdk-\d\d\.08\.\d+", tag)
    assert fnmatch.fnmatch(tag, source["track"]) and source["ref-format"] == "git-describe"
    assert not fnmatch.fnmatch(re.sub(r"\.\d+$", "rc.1", tag), source["track"])
    assert junction["config"]["options"] == {"target_arch": "%{arch}", "bootstrap_build_arch": "%{arch}"}
    alias, _, path = source["url"].partition(":")
    aliases = YAML(typ="safe").load(variants[1] / "project.conf")["aliases"]
    assert aliases[alias] + path == "https://gitlab.com/freedesktop-sdk/freedesktop-sdk.git"


def test_buildstream_loads_the_junction_itself(tmp_path: Path) -> None:
    """Its plugin is declared and has what it imports; with Debian's toolchain, nobody needs that."""
    project = Project(generate_local(tmp_path, toolchain=CHOICE), tmp_path / "cache")
    assert project.show("toolchain.bst", deps="none") == ["toolchain.bst"]


def test_nothing_speaks_of_the_toolchains_packages(variants: tuple[Path, Path]) -> None:
    for name in DIFFERENT:
        text = (variants[1] / name).read_text()
        assert not re.search(r"debian-toolchain", text), name
    for name in DIFFERENT:
        assert CHOICE not in (variants[0] / name).read_text(), name


def test_next_commands_name_what_its_sources_need(tmp_path: Path) -> None:
    done = cookiecutter(tmp_path, f"toolchain={CHOICE}")
    assert "apt-get install bubblewrap fuse3 git python3-venv lzip\n" in done.stdout
    assert "lzip" not in cookiecutter(tmp_path, "project_slug=other").stdout


@pytest.mark.parametrize("compiler", ["gcc", "g++", "gcc-15.2.0", "g++-15.2.0"])
@pytest.mark.parametrize("triplet", ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"])
def test_its_compilers_get_wrappers(triplet: str, compiler: str) -> None:
    wrapper = (WIRING / "elements/buildsystems/recc-wrapper.bst").read_text()
    patterns = re.findall(r"^  compilers: (.*)$", wrapper, re.MULTILINE)[0].split()
    assert any(fnmatch.fnmatch(f"{triplet}-{compiler}", pattern) for pattern in patterns)


# With copies of the repositories that it loads


def copies() -> dict[str, Path]:
    """The Git directory of each repository, by the path it is served under; skips where one is missing."""
    found = {}
    for served, (variable, name) in COPIES.items():
        path = Path(os.environ.get(variable, f"/work/.mirror/{name}/repo"))
        if not (path / "HEAD").exists():
            pytest.skip(f"no copy of {served} at {path}: set {variable} to a Git directory")
        found[served] = path
    for tool in ("git", "lzip"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    return found


def git(copy: Path, *arguments: str) -> str:
    """Output of git in a copy, whoever owns that."""
    command = ["git", "-c", "safe.directory=*", f"--git-dir={copy}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def sdk() -> Path:
    """The copy of freedesktop-sdk."""
    return copies()["freedesktop-sdk/freedesktop-sdk.git"]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Git server with the copies."""
    base = tmp_path_factory.mktemp("git")
    for served, copy in copies().items():
        (base / served).parent.mkdir(parents=True)
        (base / served).symlink_to(copy)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    safe = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    command = ["git", "daemon", "--export-all", f"--base-path={base}", "--listen=127.0.0.1", f"--port={port}"]
    # A session of its own: git runs the daemon as its child.
    with subprocess.Popen(command, env=os.environ | safe, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, "git daemon does not answer"
                time.sleep(0.05)
        try:
            yield f"git://127.0.0.1:{port}/"
        finally:
            os.killpg(process.pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def sdist(sdk: Path, variants: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server with the sdist that freedesktop-sdk's junction to its plugins names."""
    directory = tmp_path_factory.mktemp("sdist")
    junctions = [
        git(sdk, "show", f"{pin(variants[1])[1]}:elements/plugins/{name}.bst")
        for name in ("buildstream-plugins", "buildstream-plugins-community")
    ]
    wanted = re.findall(r"url: pypi:(\S+/([^/\s]+)-([^-\s]+)\.tar\.gz)$", "\n".join(junctions), re.MULTILINE)
    for path, package, version in wanted:
        (directory / path).parent.mkdir(parents=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, "-d", (directory / path).parent, f"{package}=={version}"], check=True)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def loaded(daemon: str, sdist: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A generated project whose user configuration has the copies for mirrors."""
    directory = tmp_path_factory.mktemp("loaded")
    project = Project(generate_local(directory, toolchain=CHOICE), directory / "cache")
    project.configuration.write_text(
        f"""
projects:
  {project.name}:
    mirrors:
    - name: copies
      aliases:
        gitlab: ['{daemon}']
  freedesktop-sdk:
    mirrors:
    - name: copies
      aliases:
        github: ['{daemon}']
        pypi: ['{sdist}']
scheduler:
  network-retries: 0
"""
    )
    return project


def test_the_pin_is_that_tag(sdk: Path, variants: tuple[Path, Path]) -> None:
    tag, commit = pin(variants[1])
    assert git(sdk, "rev-parse", f"refs/tags/{tag}^{{commit}}") == commit


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("mode", ["remote", "local", "off"])
def test_show_every_element(loaded: Project, mode: str, arch: str) -> None:
    wanted = {*EXAMPLES, "recc.bst:toolchain-audit.bst", *(f"recc.bst:buildsystems/{name}.bst" for name in STACKS)}
    form = ["--deps", "all", "--format", "\t%{name}"]
    shown = loaded.bst("--option", "arch", arch, "show", *form, *sorted(wanted), mode=mode).stdout
    needed = {"toolchain.bst:components/gcc.bst", "recc.bst:buildsystems/recc-bundle.bst"}
    assert wanted | needed <= {line[1:] for line in shown.splitlines() if line.startswith("\t")}
    gcc = ["show", "--deps", "none", "--format", "%{vars}", "toolchain.bst:components/gcc.bst"]
    variables = loaded.bst("--option", "arch", arch, *gcc, mode=mode).stdout
    assert {f"target_arch: {arch}", f"bootstrap_build_arch: {arch}"} <= set(variables.splitlines())


@pytest.mark.parametrize("stack", STACKS)
def test_every_build_has_what_the_wrappers_run(loaded: Project, stack: str) -> None:
    shown = loaded.show(f"recc.bst:buildsystems/{stack}.bst", deps="run")
    needed = (
        "bootstrap/bash",
        "bootstrap/coreutils",
        *(f"components/{n}" for n in ("findutils", "gawk", "grep", "sed")),
    )
    assert {f"toolchain.bst:{name}.bst" for name in (*needed, "components/gcc")} <= set(shown)


def test_cache_keys_are_those_of_freedesktop_sdk_by_itself(loaded: Project, sdk: Path, tmp_path: Path) -> None:
    """Only then can its artifact server have what is asked for; and BuildStream asks that server."""
    names = ["components/gcc.bst", "components/llvm.bst"]
    names += [f"public-stacks/buildsystem-{name}.bst" for name in STACKS]
    own = Project(tmp_path / CHOICE, tmp_path / "cache")
    own.cache, own.configuration = loaded.cache, loaded.configuration
    own.path.mkdir()
    archive = tmp_path / "archive.tar"
    git(sdk, "archive", "-o", str(archive), pin(loaded.path)[1])
    shutil.unpack_archive(archive, own.path)
    loaded_keys = loaded.show(*(f"toolchain.bst:{name}" for name in names), deps="none", form="%{name} %{full-key}")
    assert own.show(*names, deps="none", form="toolchain.bst:%{name} %{full-key}") == loaded_keys

    servers = YAML(typ="safe").load(own.path / "project.conf")["artifacts"]
    assert [server["url"] for server in servers] == ["https://cache.freedesktop-sdk.io:11001"]
    # It has no files of its own worth a download, where the server can be reached.
    pull = loaded.bst("artifact", "pull", "toolchain.bst:bootstrap/symlinks.bst", check=False)
    assert servers[0]["url"] in pull.stdout


def test_tracking_moves_to_the_newest_release_of_the_series(loaded: Project, sdk: Path) -> None:
    junction = loaded.path / "elements/toolchain.bst"
    pinned = junction.read_text()
    tag, commit = pin(loaded.path)
    series = tag.rpartition(".")[0]
    newest = git(sdk, "tag", "--list", f"{series}.*", "--sort=-version:refname").splitlines()[0]
    older = f"{series}.0-0-g{git(sdk, 'rev-parse', f'{series}.0^{{commit}}')}"
    configuration = loaded.configuration.read_text() + "track: {source: mirrors}\n"
    with (
        edited(junction, pinned.replace(f"{tag}-0-g{commit}", older)),
        edited(loaded.configuration, configuration),
    ):
        loaded.bst("source", "track", "toolchain.bst")
        assert pin(loaded.path) == (newest, git(sdk, "rev-parse", f"{newest}^{{commit}}"))


def test_requirements_suffice(loaded: Project, tmp_path: Path) -> None:
    """In an environment that holds nothing else: some of what the plugins import, others install by chance."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    requirements = ["install", "--quiet", "-r", str(loaded.path / "requirements.txt")]
    subprocess.run([tmp_path / "bin/pip", *requirements], check=True)
    command = [str(tmp_path / "bin/bst"), "-c", str(loaded.configuration), "show", *EXAMPLES]
    environment = loaded.environment | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=loaded.path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
