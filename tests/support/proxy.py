# A TCP proxy for tests: a network that is slow, and servers that are silent or gone.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from math import inf
from types import TracebackType

PREFACE, HEAD, HEADERS = 24, 9, 1
"""Of HTTP/2: bytes before the first frame, bytes before a frame's own, and the type of frame that begins a request."""


class Requests:
    """Counts requests in what a client sends on one HTTP/2 connection without TLS."""

    def __init__(self) -> None:
        self._skip, self._head = PREFACE, b""

    def feed(self, data: bytes) -> int:
        """How many requests begin in `data`, which follows what came before."""
        found = 0
        while data:
            skipped = min(self._skip, len(data))
            data, self._skip = data[skipped:], self._skip - skipped
            missing = HEAD - len(self._head)
            self._head, data = self._head + data[:missing], data[missing:]
            if len(self._head) == HEAD:
                found += self._head[3] == HEADERS
                self._skip, self._head = int.from_bytes(self._head[:3], "big"), b""
        return found


class Proxy:
    """Forwards connections from a port of loopback, until it is told otherwise; runs as a context, in a thread.

    It counts `connections` and `requests`. These may change while it runs: `round_trip`, seconds that a round trip
    takes longer; `silent_at` and `dies_at`, the number of requests from which on nothing is answered, or it dies;
    `away`, seconds after which it listens again when it has died so.
    """

    def __init__(self, target: int, round_trip: float = 0) -> None:
        """`target` is the port of the server."""
        self.target, self.round_trip = target, round_trip
        self.silent_at = self.dies_at = self.away = inf
        self.port = self.connections = self.requests = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Proxy:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.die()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Accept connections, at the same port as before."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def die(self) -> None:
        """Break all connections and refuse others, until 'listen'."""

        async def end() -> None:
            self._die()
            # Let the connections' tasks see it.
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()

    def _die(self) -> None:
        if self._server:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self.dies_at = inf

    def _count(self, requests: Requests, data: bytes) -> None:
        self.requests += requests.feed(data)
        if self.requests >= self.dies_at:
            self._die()
            if self.away < inf:
                self._loop.call_later(self.away, lambda: self._loop.create_task(self._listen()))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        both = [writer]
        try:
            self._writers.add(writer)
            there_reader, there = await asyncio.open_connection("127.0.0.1", self.target)
            both.append(there)
            self._writers.add(there)
            requests = Requests()
            await asyncio.gather(
                self._forward(reader, there, lambda data: self._count(requests, data)),
                self._forward(there_reader, writer, lambda data: None),
            )
        except OSError:
            pass
        finally:
            for one in both:
                self._writers.discard(one)
                one.transport.abort()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: Callable[[bytes], None]
    ) -> None:
        due = 0.0
        while data := await reader.read(1 << 16):
            see(data)
            if self.requests < self.silent_at:
                # Never before what came before it.
                due = max(due + 1e-6, self._loop.time() + self.round_trip / 2)
                self._loop.call_at(due, writer.write, data)
        self._loop.call_at(due + 1e-6, writer.close)
