# Sends what this machine has compiled to a team's cache.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress

from bst_recc.cache.holdings import Holdings
from bst_recc.cache.places import DOMAINS, address, urls
from bst_recc.errors import ReccError
from bst_recc.project import Project
from bst_recc.reapi import Endpoint, Remote, RpcError, endpoints, load_settings, messages

AT_ONCE = 200
"""Actions whose results are asked for, or stored, at a time."""
GONE, OUTPUT, OTHER = "whose action is gone here", "with an output that is gone here", "of other kinds"
AGAIN = "Run it again: what is there already is not sent again."


class Sender:
    """Results of one domain on their way from this machine to a server."""

    def __init__(self, holdings: Holdings, storage: Remote, cache: Remote, left_out: Counter[str]) -> None:
        self.holdings, self.storage, self.cache, self.left_out = holdings, storage, cache, left_out
        self.new = self.bytes = 0

    def send(self, actions: Sequence[Any]) -> None:
        """Send results of these actions, as far as the server has none; raises ReccError and RpcError."""
        instance, stub = self.cache.endpoint.instance, self.cache.action_cache
        # An action that the server does not know has no result there; of one it knows the result may be missing.
        new = {digest.hash: digest for digest in self.storage.missing(actions)}
        asked = [digest for digest in actions if digest.hash not in new]
        requests = (messages.GetActionResultRequest(instance_name=instance, action_digest=digest) for digest in asked)
        there = self.cache.calls(stub.GetActionResult, requests, "NOT_FOUND")
        new |= {digest.hash: digest for digest, found in zip(asked, there, strict=True) if not found}

        results: list[tuple[Any, Any, set[str]]] = []
        wanted: dict[str, Any] = {}
        for name, digest in new.items():
            result = self.holdings.result(name)
            named = None if result is None else self.holdings.named(name, result)
            if named is None:
                self.left_out[OUTPUT] += 1
                continue
            blobs = {one.hash: one for one in (digest, *named)}
            results.append((digest, result, set(blobs)))
            wanted |= blobs
        lost: set[str] = set()
        self.storage.send(self.read(self.storage.missing(wanted.values()), lost))
        whole = [(digest, result) for digest, result, blobs in results if not blobs & lost]
        self.left_out[OUTPUT] += len(results) - len(whole)
        self.cache.calls(
            stub.UpdateActionResult,
            (
                messages.UpdateActionResultRequest(instance_name=instance, action_digest=digest, action_result=result)
                for digest, result in whole
            ),
        )
        self.new += len(whole)

    def read(self, digests: Sequence[Any], lost: set[str]) -> Iterator[bytes]:
        """The blobs of these digests; the hashes of those that are gone or damaged are added to `lost`."""
        for digest in digests:
            blob = self.holdings.cas.blob(digest.hash)
            if blob is None:
                lost.add(digest.hash)
            else:
                self.bytes += len(blob)
                yield blob


def destination(place: str | None, config: Path | None, quasi_safe: bool) -> tuple[Path, str, list[Endpoint]]:
    """BuildStream's cache directory, the domain to send, and where to: storage, action cache; raises ReccError."""
    try:
        project = Project.find().name
    except ReccError:
        project = None
    settings = load_settings(config, project)
    domain = "quasi-safe" if quasi_safe else "hermetic"
    if place:
        return (
            Path(settings.cachedir),
            domain,
            [Endpoint("action-cache-service", urls(place)[domain], domain, True)] * 2,
        )
    services = endpoints(settings)
    names = ("storage-service", "action-cache-service")
    if any(name not in services for name in names):
        raise ReccError(
            "no cache to push to in the user configuration.",
            "Give one: bst-recc cache push ADDRESS",
            "Or configure one for builds as well: bst-recc cache use ADDRESS",
        )
    storage, cache = (services[name] for name in names)
    if not cache.push:
        raise ReccError(
            f"this client only reads {cache.url}: the user configuration has no push: true for it.",
            "If it may write: bst-recc cache use ADDRESS, without --read-only.",
        )
    if cache.instance in DOMAINS and quasi_safe and cache.instance != domain:
        raise ReccError(
            f"the user configuration has {cache.url} for {cache.instance} results.",
            "Give the configuration of mode local: -c FILE",
            "Or give the cache: bst-recc cache push ADDRESS --quasi-safe",
        )
    return Path(settings.cachedir), cache.instance if cache.instance in DOMAINS else domain, [storage, cache]


def choose(holdings: Holdings, domain: str, trust: bool, progress: Progress) -> tuple[list[Any], Counter[str]]:
    """The actions of a domain, and how many others there are, by reason; raises ReccError where none can be sent."""
    found: dict[str, list[Any]] = {name: [] for name in ("", *DOMAINS)}
    gone = 0
    names = holdings.names()
    if not names:
        raise ReccError(
            f"no compile results in {holdings.directory}.",
            "Build something first: bst build ELEMENT",
            "Give the user configuration of those builds: -c FILE",
        )
    for name in progress.track(names, description="reading"):
        digest, kind = holdings.action(name)
        if digest is None:
            gone += 1
        else:
            found[kind].append(digest)
    if domain == "hermetic" and found["quasi-safe"] and not trust:
        raise ReccError(
            f"elements were built in mode local with {holdings.directory}: each of them could write any result there, "
            "and nobody can tell which are hermetic.",
            "Give mode local a cache directory of its own (bst-recc cache use ADDRESS --mode local does), empty this "
            f"action cache (rm -r {holdings.directory}/actioncache), and build again.",
            "Send the quasi-safe results to their own server: bst-recc cache push ADDRESS --quasi-safe",
            "If you trust all that was built in local here: add --trust-local.",
        )
    other = next(name for name in DOMAINS if name != domain)
    reasons = {f"that are {other}": len(found[other]), GONE: gone, OTHER: len(found[""])}
    return found[domain], Counter(reasons)


def failed(error: Any, url: str) -> NoReturn:
    """Raise ReccError for a call that failed."""
    code, words = error.code().name, str(error.details())
    remedies = {
        "UNAVAILABLE": ("Check that the server runs.", AGAIN),
        "DEADLINE_EXCEEDED": ("Check that the server answers.", AGAIN),
        "RESOURCE_EXHAUSTED": ("Give the server more room: bst-recc cache up --quota SIZE", AGAIN),
    }
    access = "Check url, instance-name and auth in the user configuration: bst-recc doctor"
    raise ReccError(f"{url}: {code}: {words}", *remedies.get(code, (access,))) from None


@click.command("push")
@click.argument("place", required=False, type=address, metavar="[ADDRESS]")
@click.option(
    "-c",
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="BuildStream's user configuration, as for bst.",
)
@click.option("--quasi-safe", is_flag=True, help="Send the results of mode local, to the quasi-safe server.")
@click.option("--trust-local", is_flag=True, help="Send hermetic results even from a cache that mode local can write.")
def command(place: str | None, config: Path | None, quasi_safe: bool, trust_local: bool) -> None:
    """Send what this machine has compiled to a team's cache.

    Builds send what they compile. This sends what was compiled before the cache was
    in use. It sends only what the server does not have, so you can repeat it, also
    after an interruption.

    The server is the one in the user configuration, or ADDRESS, as given to bst-recc
    cache up. ADDRESS gets hermetic results, or quasi-safe ones with --quasi-safe.

    Example: bst-recc cache push
    """
    directory, domain, (storage, cache) = destination(place, config, quasi_safe)
    holdings = Holdings(directory)
    with ExitStack() as stack:
        progress = Progress(console=Console(stderr=True), transient=True)
        if sys.stderr.isatty():
            stack.enter_context(progress)
        try:
            # Before anything is read: is there a server of that domain?
            with Remote(storage) as remote:
                remote.missing([])
            actions, left_out = choose(holdings, domain, trust_local, progress)
            blobs, results = (stack.enter_context(Remote(one)) for one in (storage, cache))
            sender = Sender(holdings, blobs, results, left_out)
            for at in progress.track(range(0, len(actions), AT_ONCE), description="sending"):
                sender.send(actions[at : at + AT_ONCE])
        except RpcError as error:
            failed(error, cache.url)
    sent = f"{sender.new} of them new, {decimal(sender.bytes)} sent"
    click.echo(f"{len(actions)} {domain} actions, {sent} to {cache.url}.")
    others = [f"{number} {reason}" for reason, number in left_out.items() if number]
    if others:
        click.echo(f"Left out: {', '.join(others)}.")
