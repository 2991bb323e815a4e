# The Remote Execution API: messages, services that BuildStream is told of, and connections to them.
# SPDX-License-Identifier: Apache-2.0
"""The only importer of buildstream._protos, which is BuildStream's own: tried with 2.8.1."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2 as _messages
from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2_grpc as _services
from buildstream._protos.google.bytestream import bytestream_pb2 as _bytes
from buildstream._protos.google.bytestream import bytestream_pb2_grpc as _streams
from google.protobuf.message import DecodeError

from bst_recc.errors import ReccError

messages: Any = _messages
services: Any = _services
streams: Any = _streams
RpcError = grpc.RpcError
TIMEOUT = 5.0
"""Seconds that a server has to answer."""
SENDING = 120.0
"""Seconds for what one call may carry, `MESSAGE` bytes."""
MESSAGE = 3 << 20
"""Bytes of blobs in one call; gRPC refuses messages of 4 MiB."""
TOGETHER, UNDER_WAY = 500, 4
"""Blobs in one call, and calls at once: a server writes the blobs of one call one after the other."""
# As the user configuration names them, and BuildStream's own class.
SERVICES = {"execution-service": "exec_spec", "storage-service": "storage_spec", "action-cache-service": "action_spec"}

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


def parse(kind: str, data: bytes) -> Any:
    """A message of type `kind`; None where `data` is none."""
    try:
        return getattr(messages, kind).FromString(data)
    except DecodeError:
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


def load_settings(configuration: Path | None, project: str | None = None) -> Any:
    """All that a user configuration says of a project (default: the one that bst takes), as BuildStream reads it.

    Raises ReccError, in BuildStream's words, where it refuses it.
    """
    from buildstream._context import Context  # here, because it is slow
    from buildstream._exceptions import BstError

    settings = Context()
    try:
        settings.load(str(configuration) if configuration else None)
        if project and (own := settings.get_overrides(project).get_mapping("remote-execution", None)):
            settings.remote_execution_specs = settings._load_remote_execution(own)
    except BstError as error:
        raise ReccError(str(error), "Fix the user configuration, or XDG_CACHE_HOME.") from None
    return settings


def endpoints(settings: Any) -> dict[str, Endpoint]:
    """The services that builds with these settings use, by name; raises ReccError where recc cannot use them."""
    specs, storage = settings.remote_execution_specs, settings.remote_cache_spec
    if storage and not specs:
        raise ReccError("cache: storage-service alone gives recc no action cache.", "Add remote-execution.")
    found = {}
    for name, attribute in SERVICES.items() if specs else ():
        if spec := getattr(specs, attribute) or (storage if name == "storage-service" else None):
            files = (spec.server_cert_file, spec.client_key_file, spec.client_cert_file, spec.access_token_file)
            paths = [Path(file) if file else None for file in files]
            found[name] = Endpoint(name, spec.url, spec.instance_name or "", spec.push, *paths)
    return found


def credential(path: Path | None) -> bytes | None:
    """Content of a credential's file; raises ReccError where it cannot be read."""
    try:
        return path.read_bytes() if path else None
    except OSError as error:
        raise ReccError(f"cannot read {path}: {error.strerror}.", "Fix the section auth.") from None


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
came: list[int] = []
"""Signals that wait: inside gRPC an exception would leave its locks held, and this process would never end."""


class Remote:
    """A connection to one endpoint, made when it is first used; a context manager, which answers signals itself."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Raises ReccError for a URL that is none, or a credential that cannot be read."""
        self.endpoint = endpoint
        parts = urlsplit(endpoint.url)
        target = f"unix:{parts.path}" if parts.scheme == "unix" and parts.path else parts.netloc
        if not target or parts.scheme not in ("unix", "http", "grpc", "https", "grpcs"):
            remedy = "Write it as http://HOST:PORT, https://… or unix:/PATH."
            raise ReccError(f"invalid URL of a service: '{endpoint.url}'.", remedy)
        if parts.scheme in ("https", "grpcs"):
            if bool(endpoint.client_key) != bool(endpoint.client_cert):
                raise ReccError("client-key and client-cert go together.", "Set both in auth, or neither.")
            files = (endpoint.server_cert, endpoint.client_key, endpoint.client_cert)
            credentials = grpc.ssl_channel_credentials(*(credential(path) for path in files))
            self.channel: Any = grpc.secure_channel(target, credentials, OPTIONS)
        else:
            self.channel = grpc.insecure_channel(target, OPTIONS)
        token = credential(endpoint.access_token)
        self.metadata = [("authorization", f"Bearer {token.decode().strip()}")] if token else []
        self.capabilities: Any = services.CapabilitiesStub(self.channel)
        self.action_cache: Any = services.ActionCacheStub(self.channel)
        self.cas: Any = services.ContentAddressableStorageStub(self.channel)
        self.stream: Any = streams.ByteStreamStub(self.channel)

    def __enter__(self) -> Remote:
        main = threading.current_thread() is threading.main_thread()
        self.handlers = {one: signal.signal(one, lambda number, _: came.append(number)) for one in ENDING if main}
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        if came and self.handlers:
            signal.raise_signal(came.pop())

    def call(self, method: Any, request: Any, timeout: float = TIMEOUT, **options: Any) -> Any:
        """Call `method` within `timeout` seconds; raises RpcError. Answers that come as a stream can be iterated."""
        options |= {"timeout": timeout, "metadata": self.metadata}
        if not hasattr(method, "future"):
            return method(request, **options)
        return self.wait(method.future(request, **options)).result()

    def wait(self, future: Any) -> Any:
        """Wait until a call has ended; raises KeyboardInterrupt for a signal, which goes on when the context ends."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        while not came:
            if done.wait(0.1):
                return future
        raise KeyboardInterrupt

    def calls(self, method: Any, requests: Iterable[Any], allowed: str = "") -> list[bool]:
        """Make calls at once: of each, whether it succeeds or fails with the status `allowed`; raises RpcError."""
        futures = [method.future(request, timeout=SENDING, metadata=self.metadata) for request in requests]
        errors = [self.wait(future).exception() for future in futures]
        for error in errors:
            if error and error.code().name != allowed:
                raise error
        return [not error for error in errors]

    def missing(self, digests: Iterable[Any]) -> list[Any]:
        """Those of some thousand digests that the storage does not have; raises RpcError."""
        request = messages.FindMissingBlobsRequest(instance_name=self.endpoint.instance, blob_digests=digests)
        return list(self.call(self.cas.FindMissingBlobs, request, SENDING).missing_blob_digests)

    def send(self, blobs: Iterable[bytes]) -> None:
        """Store blobs; raises RpcError, and ReccError with the server's words where it refuses one."""
        batch: list[bytes] = []
        sent: list[Any] = []
        room = MESSAGE
        for blob in blobs:
            # A digest and its frame take about a hundred bytes.
            cost = len(blob) + 100
            if cost > MESSAGE:
                self.send_alone(blob)
                continue
            if cost > room or len(batch) == TOGETHER:
                sent.append(self.send_together(batch))
                batch, room = [], MESSAGE
            if len(sent) == UNDER_WAY:
                self.check(sent.pop(0))
            batch.append(blob)
            room -= cost
        sent += [self.send_together(batch)] if batch else []
        for future in sent:
            self.check(future)

    def send_together(self, blobs: list[bytes]) -> Any:
        """Begin to store small blobs in one call."""
        requests = [{"digest": digest_of(blob), "data": blob} for blob in blobs]
        request = messages.BatchUpdateBlobsRequest(instance_name=self.endpoint.instance, requests=requests)
        return self.cas.BatchUpdateBlobs.future(request, timeout=SENDING, metadata=self.metadata)

    def check(self, sent: Any) -> None:
        """Wait until a call is answered; raises as `send`."""
        for answer in self.wait(sent).result().responses:
            if answer.status.code:
                raise ReccError(f"{self.endpoint.url} refuses {text(answer.digest)}: {answer.status.message}")

    def send_alone(self, blob: bytes) -> None:
        """Store a large blob, a megabyte at a time; raises RpcError."""
        size, step = len(blob), 1 << 20
        prefix = f"{self.endpoint.instance}/" if self.endpoint.instance else ""
        name = f"{prefix}uploads/{uuid.uuid4()}/blobs/{text(digest_of(blob))}"
        parts = (
            _bytes.WriteRequest(
                resource_name=name, write_offset=at, data=blob[at : at + step], finish_write=at + step >= size
            )
            for at in range(0, size, step)
        )
        self.call(self.stream.Write, parts, SENDING * (1 + size // MESSAGE))


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
