# Headless Chromium for the tests of pages: measures, messages and pictures, over its own protocol on two pipes.
# SPDX-License-Identifier: Apache-2.0
"""Chrome DevTools Protocol, --remote-debugging-pipe: JSON that ends with a zero byte, to descriptor 3 and from 4."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = "chromium-headless-shell"


class Browser:
    """One page; `problems` are its errors and warnings so far."""

    def __init__(self, write: int, read: int) -> None:
        self.write, self.read, self.number, self.session, self.rest = write, read, 0, "", b""
        self.problems: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def message(self) -> dict[str, Any]:
        """The next message."""
        while b"\0" not in self.rest:
            data = os.read(self.read, 1 << 16)
            assert data, f"{PROGRAM} has ended"
            self.rest += data
        text, _, self.rest = self.rest.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        if found.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.problems.append(json.dumps(found["params"]))
        return found

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method and wait for its result."""
        self.number += 1
        session = {"sessionId": self.session} if self.session else {}
        text = json.dumps({"id": self.number, "method": method, "params": parameters} | session)
        os.write(self.write, text.encode() + b"\0")
        while (found := self.message()).get("id") != self.number:
            pass
        assert "error" not in found, found
        result: dict[str, Any] = found["result"]
        return result

    def open(self, path: Path, width: int, *, dark: bool = False) -> None:
        """Load a file in a window of `width` pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        while self.message().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, script: str) -> Any:
        """The value of a script in the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def picture(self, path: Path, height: int = 0) -> None:
        """A screenshot of the whole page, or of its first `height` pixels."""
        clip = {"clip": {"x": 0, "y": 0, "width": 1280, "height": height, "scale": 1}} if height else {}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, **clip)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser(directory: Path) -> Iterator[Browser]:
    """A browser whose profile is in `directory`."""
    (theirs, write), (read, back) = os.pipe(), os.pipe()

    def prepare() -> None:
        # dup2 onto itself would leave it to be closed.
        one, other = os.dup(theirs), os.dup(back)
        os.dup2(one, 3)
        os.dup2(other, 4)

    options = ["--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={directory}"]
    with subprocess.Popen(
        [PROGRAM, *options], preexec_fn=prepare, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(theirs)
        os.close(back)
        try:
            yield Browser(write, read)
        finally:
            process.terminate()
            os.close(write)
            os.close(read)
