# The Remote Execution API: messages, BuildStream's local storage, and connections to servers.
# SPDX-License-Identifier: Apache-2.0
"""The only importer of buildstream._protos, which is BuildStream's own: tried with 2.8.1."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2 as _messages
from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2_grpc as _services
from google.protobuf.message import DecodeError

from bst_recc.errors import ReccError

messages: Any = _messages
services: Any = _services
RpcError = grpc.RpcError
TIMEOUT = 5.0
"""Seconds that a server has to answer."""

OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    # Not the minimum: gRPC takes it for the time that a connection may take.
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 200),
]


def digest_of(data: bytes) -> Any:
    """The digest of `data`."""
    return messages.Digest(hash=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def text(digest: Any) -> str:
    """A digest as recc and casd write it: HASH/SIZE."""
    return f"{digest.hash}/{digest.size_bytes}"


class LocalCas:
    """BuildStream's local storage, read as files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, kind: str, digest: str) -> Any:
        """The message of type `kind` ('Action', 'Command', 'Directory'); None when it is gone or damaged."""
        name = digest.partition("/")[0]
        if not re.fullmatch("[0-9a-f]{64}", name):
            return None
        try:
            data = (self.directory / "objects" / name[:2] / name[2:]).read_bytes()
            return getattr(messages, kind).FromString(data) if hashlib.sha256(data).hexdigest() == name else None
        except (OSError, DecodeError):
            return None


@dataclass(frozen=True)
class Endpoint:
    """One service of the user configuration, with the files of its section auth."""

    service: str
    url: str
    instance: str = ""
    push: bool = False
    server_cert: Path | None = None
    client_key: Path | None = None
    client_cert: Path | None = None
    access_token: Path | None = None


def credential(path: Path | None) -> bytes | None:
    """Content of a credential's file; raises ReccError where it cannot be read."""
    try:
        return path.read_bytes() if path else None
    except OSError as error:
        raise ReccError(f"cannot read {path}: {error.strerror}.", "Correct the section auth.") from None


class Remote:
    """A connection to one endpoint, made when it is first used; a context manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Raises ReccError for a URL that is none, or a credential that cannot be read."""
        self.endpoint = endpoint
        parts = urlsplit(endpoint.url)
        target = f"unix:{parts.path}" if parts.scheme == "unix" and parts.path else parts.netloc
        if not target or parts.scheme not in ("unix", "http", "grpc", "https", "grpcs"):
            remedy = "Write it as http://HOST:PORT, https://… or unix:/PATH."
            raise ReccError(f"'{endpoint.url}' is no URL of a service.", remedy)
        if parts.scheme in ("https", "grpcs"):
            if bool(endpoint.client_key) != bool(endpoint.client_cert):
                raise ReccError("client-key and client-cert go together.", "Add the other one to auth, or neither.")
            files = (endpoint.server_cert, endpoint.client_key, endpoint.client_cert)
            credentials = grpc.ssl_channel_credentials(*(credential(path) for path in files))
            self.channel: Any = grpc.secure_channel(target, credentials, OPTIONS)
        else:
            self.channel = grpc.insecure_channel(target, OPTIONS)
        token = credential(endpoint.access_token)
        self.metadata = [("authorization", f"Bearer {token.decode().strip()}")] if token else []
        self.capabilities: Any = services.CapabilitiesStub(self.channel)
        self.action_cache: Any = services.ActionCacheStub(self.channel)

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()

    def call(self, method: Any, request: Any, timeout: float = TIMEOUT, **options: Any) -> Any:
        """Call `method` within `timeout` seconds; raises RpcError."""
        return method(request, timeout=timeout, metadata=self.metadata, **options)


def answers(url: str, timeout: float, instance: str = "") -> bool:
    """Whether a server answers there within `timeout` seconds; it may not be listening yet."""
    request = messages.GetCapabilitiesRequest(instance_name=instance)
    with Remote(Endpoint("storage-service", url)) as remote:
        try:
            remote.call(remote.capabilities.GetCapabilities, request, timeout, wait_for_ready=True)
            return True
        except RpcError:
            return False


def refuse_all(address: str, reason: str, deadline: float, wanted: Callable[[], bool]) -> None:
    """Serve there while it is `wanted`: let jobs wait until `deadline` (as time.time()), then refuse them.

    Other requests are refused at once, so that they are made again.
    """

    class Refusing(grpc.GenericRpcHandler):  # type: ignore[misc,unused-ignore]
        def service(self, call: Any) -> Any:
            async def refuse(_: Any, context: Any) -> None:
                code = grpc.StatusCode.UNAVAILABLE
                if call.method.startswith("/build.bazel.remote.execution.v2.Execution/"):
                    await asyncio.sleep(deadline - time.time())
                    code = grpc.StatusCode.FAILED_PRECONDITION
                await context.abort(code, reason)

            return grpc.unary_stream_rpc_method_handler(refuse)

    async def serve() -> None:
        server = grpc.aio.server(handlers=[Refusing()])
        server.add_insecure_port(address)
        await server.start()
        while wanted():
            await asyncio.sleep(0.2)

    asyncio.run(serve())
