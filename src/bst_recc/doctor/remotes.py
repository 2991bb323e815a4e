# The remote services of builds: do they answer, what may this client write, and whose results do they have?
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from bst_recc.doctor.context import FAIL, OK, WARN, Context, Finding
from bst_recc.errors import ReccError
from bst_recc.reapi import Endpoint, Remote, RpcError, digest_of, messages

CREDENTIALS = ("it refuses this client", "Give the right credentials in the section auth.")
# What a failed call means, and what to do.
REASONS = {
    "DEADLINE_EXCEEDED": (
        "it hangs",
        "See that a Remote Execution API service is alive there; https:// if it has TLS.",
    ),
    "UNAVAILABLE": ("it cannot be reached", "See that it runs, that url is its own, and with https:// server-cert."),
    "UNAUTHENTICATED": CREDENTIALS,
    "PERMISSION_DENIED": CREDENTIALS,
}


def reason_of(error: Any) -> ReccError:
    """A failed call as an error."""
    code = error.code().name
    text, remedy = REASONS.get(code, ("it fails", "See that url names the right service."))
    return ReccError(f"{text}: {code}: {' '.join(str(error.details()).split())[:300]}", remedy)


def check_remote(context: Context) -> Iterator[Finding]:
    """The configured services answer and can do their part; whether this client may write results."""
    if not context.endpoints:
        yield Finding("remote-execution", OK, "not configured: everything runs on this machine")
    with contextlib.ExitStack() as stack:
        said: set[str] = set()
        calls = []
        for endpoint in context.endpoints.values():
            remote = stack.enter_context(Remote(endpoint))
            # All at once: together they take no longer than one of them.
            query = messages.GetCapabilitiesRequest(instance_name=endpoint.instance)
            calls.append((remote, remote.call(remote.capabilities.GetCapabilities.future, query)))
        for remote, call in calls:
            endpoint = remote.endpoint
            try:
                judge_capabilities(endpoint, call.result())
                yield Finding(endpoint.service, OK, f"{endpoint.url} answers (SHA256)")
                if endpoint.service == "action-cache-service":
                    yield judge_writing(context, remote)
            except (RpcError, ReccError) as caught:
                reason = caught if isinstance(caught, ReccError) else reason_of(caught)
                text = f"{endpoint.url}: {reason}"
                # Services often share a URL: the same remedies need not be said again.
                yield Finding(endpoint.service, FAIL, text, () if text in said else reason.remedies)
                said.add(text)


def judge_capabilities(endpoint: Endpoint, answer: Any) -> None:
    """Raises ReccError where a service says that it cannot do what its part is."""
    cache, execution = answer.cache_capabilities, answer.execution_capabilities
    functions = {*cache.digest_functions, *execution.digest_functions, execution.digest_function}
    if messages.DigestFunction.SHA256 not in functions:
        raise ReccError("it does not use SHA256, as BuildStream does.", "Set its digest function to SHA256.")
    if endpoint.service == "execution-service" and not execution.exec_enabled:
        raise ReccError("it answers, but does not execute.", "See that url names the execution service.")


def own_server(url: str) -> bool:
    """Whether a buildbox-casd of this user, who may write its files anyway, serves there, for this machine alone.

    What else listens on loopback may be the near end of a tunnel to a server that others read from.
    """
    parts = urlsplit(url)
    bind = f"--bind={url if parts.scheme == 'unix' else parts.netloc}"
    running = [process.info for process in psutil.process_iter(["cmdline", "uids"])]
    mine = any(bind in (each["cmdline"] or ()) and each["uids"].real == os.getuid() for each in running)
    return mine and (parts.scheme == "unix" or parts.hostname in ("127.0.0.1", "::1", "localhost"))


def judge_writing(context: Context, remote: Remote) -> Finding:
    """Whether this client may write to the action cache, and whether it should; no compile has what is written."""
    name, endpoint, mode, refused = "action cache", remote.endpoint, context.mode, ""
    digest, instance = digest_of(os.urandom(32)), endpoint.instance
    request = messages.UpdateActionResultRequest(instance_name=instance, action_digest=digest, action_result={})
    try:
        remote.call(remote.action_cache.UpdateActionResult, request)
    except RpcError as error:
        refused = error.code().name
        if refused in ("DEADLINE_EXCEEDED", "UNAVAILABLE"):
            raise
    if refused and not endpoint.push:
        return Finding(name, OK, f"this client may read and not write ({refused})")
    if refused:
        # Mode local is asked for to store; in others a build only does not share what it compiles.
        text = f"push: true is configured, but {endpoint.url} refuses it: {refused}."
        return Finding(name, FAIL if mode == "local" else WARN, text, ("Give credentials in auth that may push.",))
    if endpoint.push and mode in ("local", "remote") and "execution" not in context.endpoints:
        return Finding(name, OK, f"this client may write, as mode {mode} with push: true needs")
    if own_server(endpoint.url):
        return Finding(name, OK, "this client may write: the server is this user's own, for this machine alone")
    trusted = "Let only executors and trusted builders push; push: false is not enforced by the server."
    return Finding(name, WARN, f"this client may write any entry, and mode {mode} need not.", (trusted,))


def check_domains(context: Context) -> Iterator[Finding]:
    """That quasi-safe results (mode local) and hermetic ones (the other modes) are not in one action cache."""
    local = context.mode == "local"
    file, other = ("team-cache.conf", "hermetic") if local else ("team-cache-local.conf", "quasi-safe")
    team, usual = context.project.directory / "conf" / file, Context(context.project)
    theirs = [Context(context.project, team)] * team.is_file() + [usual] * local
    urls = [each.endpoints["action-cache"].url.rstrip("/") for each in theirs if "action-cache" in each.endpoints]
    url = context.endpoints["action-cache"].url.rstrip("/") if "action-cache" in context.endpoints else ""
    shared = [url] * (url in urls or url.endswith(f"/{other}.sock"))
    # What is stored on a server is stored here as well; where elements are built elsewhere, it is not.
    if local and "execution" not in context.endpoints:
        mine, cache = (Path(each.settings.cachedir).resolve() for each in (context, usual))
        shared += [str(cache)] * (mine == cache)
    if shared and context.mode != "off":
        text = f"mode {context.mode} has {other} results in its action cache ({', '.join(shared)}): "
        text += "a hostile element that is built in mode local can poison the other modes."
        own = "Give mode local a user configuration of its own (bst -c), with another server, and this line: "
        trust = "Or build in mode remote, in which no element can write it, or trust all that you build in local."
        yield Finding("domains", WARN, text, (own + "cachedir: ${XDG_CACHE_HOME}/buildstream-local", trust))
