# What tests share that no server and no build belongs to.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from harness import EXAMPLES

# The examples; those that take minutes are for test-all.
SHORT = ("greeting.bst", "examples/greeting-clang.bst")
PROGRAMS = [pytest.param(name, marks=[] if name in SHORT else [pytest.mark.slow]) for name in EXAMPLES]


@contextmanager
def edited(path: Path, text: str) -> Iterator[None]:
    """Give a file (perhaps a new one) another text for a while."""
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


def free_ports() -> int:
    """The first of two ports of loopback that nobody has."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            with suppress(OSError, OverflowError):
                two.bind(("127.0.0.1", port + 1))
                return int(port)


def without_proxies(patcher: pytest.MonkeyPatch) -> None:
    """Let no proxy be between us and loopback."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy"):
        patcher.delenv(name, raising=False)
        patcher.delenv(name.upper(), raising=False)
