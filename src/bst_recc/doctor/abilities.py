# What builds through recc need and some servers of the Remote Execution API lack, told by trying.
# SPDX-License-Identifier: Apache-2.0
"""A service that does not answer, or says itself that it cannot, is left to remotes.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from bst_recc.doctor.context import FAIL, OK, WARN, Context, Finding
from bst_recc.errors import ReccError
from bst_recc.reapi import Remote, RpcError, digest_of, messages, services, text

OTHERS = ("Use a server that can: docs/farm.md of the template lists them.",)


def check_abilities(context: Context) -> Iterator[Finding]:
    """What each service lacks; of one that executes: whether it does so in the toolchain that an action names."""
    for endpoint in context.endpoints.values():
        with suppress(ReccError, RpcError), Remote(endpoint) as remote:
            yield from TRIALS[endpoint.service](context, remote)


def lacks(remote: Remote, method: Any, request: Any) -> bool:
    """Whether the server does not have the method; how it answers otherwise is of no interest."""
    try:
        answer = remote.call(method, request)
        for _ in answer if isinstance(answer, Iterator) else ():
            pass
    except RpcError as error:
        return bool(error.code().name == "UNIMPLEMENTED")
    return False


def try_storage(context: Context, remote: Remote) -> Iterator[Finding]:
    """Does it have GetTree? buildbox-casd reads the directories of a tree by themselves."""
    url, instance = remote.endpoint.url, remote.endpoint.instance
    request = messages.GetTreeRequest(instance_name=instance, root_digest=digest_of(os.urandom(32)))
    if "execution-service" in context.endpoints and lacks(remote, remote.cas.GetTree, request):
        own = f"Run a buildbox-casd for each worker: --cas-remote={url}"
        reason = f"{url} has no GetTree: a worker that fetches toolchains by it executes no compile."
        yield Finding("storage", WARN, reason, (own,))


def try_action_cache(context: Context, remote: Remote) -> Iterator[Finding]:
    """Is there one?"""
    url, instance = remote.endpoint.url, remote.endpoint.instance
    request = messages.GetActionResultRequest(instance_name=instance, action_digest=digest_of(os.urandom(32)))
    if lacks(remote, remote.action_cache.GetActionResult, request):
        yield Finding("action cache", FAIL, f"{url} has no action cache: no compile is ever a hit.", OTHERS)


def try_execution(context: Context, remote: Remote) -> Iterator[Finding]:
    """Execute an action in a toolchain that does not exist: that succeeds only in another toolchain."""
    platform = {"properties": [{"name": "chrootRootDigest", "value": text(digest_of(os.urandom(32)))}]}
    command = messages.Command(arguments=["/bin/true"], platform=platform).SerializeToString()
    digests = {"command_digest": digest_of(command), "input_root_digest": digest_of(b"")}
    action = messages.Action(**digests, platform=platform, do_not_cache=True).SerializeToString()
    with Remote(context.endpoints["storage-service"]) as storage:
        storage.send([b"", command, action])
    url, instance = remote.endpoint.url, remote.endpoint.instance
    request = messages.ExecuteRequest(instance_name=instance, action_digest=digest_of(action), skip_cache_lookup=True)
    response = messages.ExecuteResponse()
    try:
        *_, last = remote.call(services.ExecutionStub(remote.channel).Execute, request)
    except RpcError as error:
        code = error.code().name
        if code == "DEADLINE_EXCEEDED":
            reason = f"{url}: no worker took a job within 5 s."
            yield Finding("execution", WARN, reason, ("Check that a worker is free.",))
        elif code != "UNIMPLEMENTED":
            reason = f"{url} refuses the property chrootRootDigest, by which recc names a toolchain: {code}: "
            yield Finding("execution", FAIL, f"{reason}{error.details()}", OTHERS)
        return
    if last.response.Unpack(response) and not response.status.code:
        reason = "ignores the property chrootRootDigest, by which recc names a toolchain, and uses another one."
        yield Finding("execution", FAIL, f"{url} {reason}", OTHERS)
    else:
        yield Finding("execution", OK, "compiles are executed in the toolchain that they name")


TRIALS = {
    "storage-service": try_storage,
    "action-cache-service": try_action_cache,
    "execution-service": try_execution,
}
