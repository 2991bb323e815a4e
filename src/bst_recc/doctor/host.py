# What a build needs of this machine, told without building.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import http.client
import os
import shutil
import stat
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bst_recc.bst import last_line
from bst_recc.doctor.context import FAIL, OK, WARN, Context, Finding
from bst_recc.errors import ReccError
from bst_recc.mirror import ALIASES, ARCHIVE

# Bytes that the cache has to hold: a toolchain takes that.
SPACE_NEEDED = 500_000_000
# Seconds that a server of sources has.
TIMEOUT = 4.0
FUSE = Path("/dev/fuse")
CONTAINER = "In a container: start it with --device /dev/fuse --cap-add SYS_ADMIN."


def check_environment(context: Context) -> Iterator[Finding]:
    """Variables with which builds fail or crawl."""
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        try:
            Path(directory, "bwrap").lstat()
        except PermissionError:
            text = f"PATH has {directory}, which is not readable: buildbox-run aborts."
            yield Finding("environment", FAIL, text, ("Remove it from PATH.",))
        except OSError:
            continue  # it is elsewhere
    if os.environ.get("GRPC_POLL_STRATEGY") == "poll":
        text = "GRPC_POLL_STRATEGY=poll makes buildbox-casd ten times slower."
        yield Finding("environment", WARN, text, ("unset GRPC_POLL_STRATEGY",))


def check_bwrap(context: Context) -> Iterator[Finding]:
    """Bubblewrap, which makes every sandbox, and the user namespaces that it needs."""
    path = shutil.which("bwrap")
    if not path:
        raise ReccError("it is not on PATH.", "Install bubblewrap: apt-get install bubblewrap")
    command = [path, "--unshare-user", "--dev-bind", "/", "/", "true"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise ReccError(
            f"{path} cannot make a sandbox: {last_line(done.stderr)}",
            "In a container: start it with --privileged, or --security-opt seccomp=unconfined.",
            "As root: sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0",
        )
    yield Finding("bwrap", OK, f"{path} makes user namespaces")


def check_fuse(context: Context) -> Iterator[Finding]:
    """FUSE, through which sandboxes see their files."""
    path = shutil.which("fusermount3")
    if not path and os.geteuid():
        raise ReccError("fusermount3 is not on PATH.", "Install fuse3: apt-get install fuse3")
    try:
        os.close(os.open(FUSE, os.O_RDWR))
    except OSError as error:
        remedy = "As root: modprobe fuse"
        if isinstance(error, PermissionError):
            remedy = f"As root: chmod 0666 {FUSE}, whose mode is {stat.S_IMODE(FUSE.stat().st_mode):04o}"
        raise ReccError(f"{FUSE} cannot be opened: {error.strerror}.", remedy, CONTAINER) from None
    yield Finding("fuse", OK, f"{path or 'no fusermount3 (root needs none)'}, {FUSE}")


def check_disk(context: Context) -> Iterator[Finding]:
    """Room for BuildStream's cache, of which quota and reserved-disk-space leave less than what is free."""
    directory = Path(context.settings.cachedir)
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    elsewhere = "Choose another directory: cachedir in the user configuration, or XDG_CACHE_HOME."
    try:
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except OSError as error:
        raise ReccError(f"{directory} cannot be written: {existing}: {error.strerror}.", elsewhere) from None
    quota, reserved = context.settings.config_cache_quota, context.settings.config_cache_reserved
    # Objects are named by their hash: a sixteenth of them tells the size of all.
    used = 16 * sum(path.stat().st_size for path in (directory / "cas/objects").glob("?0/*"))
    room = min(quota or float("inf"), max(0.0, used + free - reserved))
    limits = f"reserved-disk-space {reserved / 1e9:.1f}" + (f", quota {quota / 1e9:.1f}" if quota else "")
    text = f"{room / 1e9:.1f} GB for {directory} (free {free / 1e9:.1f}, {limits})"
    if room < SPACE_NEEDED:
        settings = "Set quota or reserved-disk-space below cache in the user configuration."
        reason = "too little: builds end with 'Cache too full' (a toolchain takes 0.5)"
        raise ReccError(f"{text}: {reason}", "Free some space.", settings, elsewhere)
    yield Finding("disk", OK, text)


def check_sources(context: Context) -> Iterator[Finding]:
    """One of the places that Debian packages come from answers: mirrors of the user configuration, or the archive."""
    if not (context.project.elements / "recc.bst").exists():
        return
    overrides = context.settings._project_overrides.strip_node_info().values()
    mirrors = [mirror["aliases"] for override in overrides for mirror in override.get("mirrors", ())]
    urls = [url for mirror in mirrors for alias in ALIASES.values() for url in mirror.get(alias, ())]
    failed = []
    for url in dict.fromkeys([*urls, ARCHIVE]):
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT).close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            # A server that shows no directories still serves files.
            if getattr(error, "code", None) not in (403, 404, 405, 501):
                failed.append(f"{url}: {error}")
                continue
        yield Finding("sources", OK, f"{url} answers")
        return
    if failed:
        network = "Check the network, and http_proxy and https_proxy in the environment."
        nearby = "On Debian, prefer the mirror that apt uses: bst-recc doctor --mirror --write"
        raise ReccError("; ".join(failed), network, nearby)
