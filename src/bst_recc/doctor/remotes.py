# The remote services of builds: do they answer, what may this client write, and whose results do they have?
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bst_recc.doctor.context import FAIL, OK, WARN, Context, Finding
from bst_recc.errors import ReccError
from bst_recc.reapi import Remote, RpcError, digest_of, messages

REFUSED = ("it refuses this client", "Give the right credentials in the section auth.")
# What a failed call means, and what to do.
REASONS = {
    "DEADLINE_EXCEEDED": (
        "it does not answer in time",
        "Check that a service runs there. If it has TLS, url begins with https://.",
    ),
    "UNAVAILABLE": (
        "it cannot be reached",
        "Check that it runs, url, and server-cert with https://. To build without it: bst-recc cache use --stop",
    ),
    "UNAUTHENTICATED": REFUSED,
    "PERMISSION_DENIED": REFUSED,
}


def check_remote(context: Context) -> Iterator[Finding]:
    """The configured services answer and can do their part; whether this client may write results."""
    if not context.endpoints:
        yield Finding("remote-execution", OK, "not configured: everything runs on this machine")
    for endpoint in context.endpoints.values():
        try:
            with Remote(endpoint) as remote:
                query = messages.GetCapabilitiesRequest(instance_name=endpoint.instance)
                answer = remote.call(remote.capabilities.GetCapabilities, query)
                if endpoint.service == "execution-service" and not answer.execution_capabilities.exec_enabled:
                    raise ReccError("it answers, but does not execute.", "Set url to that of the execution service.")
                yield Finding(endpoint.service, OK, f"{endpoint.url} answers")
                if endpoint.service == "action-cache-service":
                    yield judge_writing(context, remote)
        except RpcError as error:
            code = error.code().name
            reason, remedy = REASONS.get(code, ("it fails", "Set url to that of the right service."))
            text = f"{endpoint.url}: {reason}: {code}: {error.details()}"
            yield Finding(endpoint.service, FAIL, text, (remedy,))
        except ReccError as error:
            yield Finding(endpoint.service, FAIL, f"{endpoint.url}: {error}", error.remedies)


def judge_writing(context: Context, remote: Remote) -> Finding:
    """Whether this client may write to the action cache, and whether it should; no compile has what is written."""
    name, endpoint, mode = "action cache", remote.endpoint, context.mode
    digest, instance = digest_of(os.urandom(32)), endpoint.instance
    request = messages.UpdateActionResultRequest(instance_name=instance, action_digest=digest, action_result={})
    try:
        remote.call(remote.action_cache.UpdateActionResult, request)
    except RpcError as error:
        code = error.code().name
        if code in ("DEADLINE_EXCEEDED", "UNAVAILABLE"):
            raise
        if not endpoint.push:
            return Finding(name, OK, f"this client may read and not write ({code})")
        # Mode local is asked for to store; in others a build only does not share what it compiles.
        text = f"push: true is configured, but {endpoint.url} refuses it: {code}."
        return Finding(name, FAIL if mode == "local" else WARN, text, ("Set credentials in auth that may push.",))
    if endpoint.push and mode in ("local", "remote") and "execution-service" not in context.endpoints:
        return Finding(name, OK, f"this client may write, as mode {mode} with push: true needs")
    text = f"this client may write any entry of {endpoint.url}. "
    text += f"Mode {mode} does not need that; it is safe only if nobody else reads it."
    trusted = "Let only executors and trusted builders push; push: false is not enforced by the server."
    return Finding(name, WARN, text, (trusted,))


def stores(context: Context) -> set[str]:
    """Where results of compiles are stored: a server's instance, and this machine where elements are built on it."""
    services = context.endpoints
    service = services.get("action-cache-service")
    servers = {f"{service.url.rstrip('/')} {service.instance}"} if service else set()
    return servers if "execution-service" in services else servers | {str(Path(context.settings.cachedir).resolve())}


def check_domains(context: Context) -> Iterator[Finding]:
    """That quasi-safe results (mode local) and hermetic ones (the other modes) are not in one action cache."""
    local, usual = context.mode == "local", stores(Context(context.project))
    other = "hermetic" if local else "quasi-safe"
    mixed = {store for store in stores(context) if store.endswith(f" {other}")}
    # What bst takes without -c is for other modes, unless it says so itself.
    if local and not any(store.endswith(" quasi-safe") for store in usual):
        mixed |= stores(context) & usual
    if mixed and context.mode != "off":
        text = f"mode {context.mode} has {other} results in its action cache ({', '.join(sorted(mixed))}): "
        text += "a hostile element that is built in mode local can poison the other modes."
        use = f"With a team's cache: bst-recc cache use ADDRESS{' --mode local' * local} [-c FILE, for bst -c FILE]"
        own = "Or use another user configuration for mode local (bst -c), with this line: "
        trust = "Or build in mode remote, in which no element can write it, or trust all that you build in local."
        own += "cachedir: ${XDG_CACHE_HOME}/buildstream-local"
        yield Finding("domains", WARN, text, (use, own, trust) if local else (use,))
