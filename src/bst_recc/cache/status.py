# What a team's cache says of itself: is it well, what does it hold, and how often was it asked?
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from bst_recc.cache.holdings import DAY, Holdings
from bst_recc.cache.places import DOMAINS, urls
from bst_recc.services import Service

HELP = """Actions are results of compiles. Hits and misses are look-ups by builds and by bst-recc cache push; they
appear within 15 seconds.

\b
JSON: up, data, logs, domains: {hermetic, quasi-safe}, each with
  well, state, address, quota     the last two are null where it is not up
  bytes, blobs, actions, actions_last_day
  lookups, lookups_last_day       each with hits, misses"""


def facts(cache: Service) -> dict[str, Any]:
    """All that there is to say, as HELP describes it."""
    up = cache.runs
    states = {name: (well, text) for well, name, text in cache.states()} if up else {}
    domains: dict[str, Any] = {}
    for domain in DOMAINS:
        lookups = Lookups(cache.log, domain)
        lookups.collect()
        well, text = states.get(domain, (False, "not up"))
        domains[domain] = {
            "well": well,
            "state": " ".join(text.split()),
            "address": urls(cache.settings["bind"])[domain] if up else None,
            "quota": cache.settings["quota"] if up else None,
            **Holdings(cache.data / domain).count(),
            "lookups_last_day": lookups.since(time.time() - DAY),
            "lookups": lookups.since(0),
        }
    return {"up": up, "data": str(cache.data), "logs": str(cache.log), "domains": domains}


def lines(cache: Service, found: dict[str, Any]) -> Iterator[str]:
    """What `facts` has found, in words."""
    if found["up"]:
        yield f"The cache is up; its data are in {cache.data}, its logs in {cache.log}."
    else:
        left = " Processes of it remain: bst-recc cache down ends them." if cache.processes() else ""
        yield f"The cache is not up ({cache.data}).{left}"
    for name, domain in found["domains"].items():
        yield f"\n{name}: {domain['state']}"
        if found["up"]:
            yield f"  at {domain['address']}; anyone who reaches it can write"
        limit = f" of {domain['quota']}" if domain["quota"] else ""
        actions = f"{domain['actions']:,} actions, {domain['actions_last_day']:,} stored in the last day"
        yield f"  {decimal(domain['bytes'])}{limit} in {domain['blobs']:,} blobs; {actions}"
        counts = (domain["lookups_last_day"], domain["lookups"])
        day, ever = (f"{count['hits']:,} hits, {count['misses']:,} misses" for count in counts)
        yield f"  {day} in the last day; {ever} in all"


class Lookups:
    """How many results a server was asked for, and had.

    casd adds to its file of metrics with each request; what it says is counted, a line for each time that somebody
    looks, and the file begins anew.
    """

    HITS = re.compile(r"\.ac_num_get_action_result_hits:(\d+)\|c$", re.MULTILINE)
    MISSES = re.compile(r"\.ac_num_get_action_result_(?:output_)?misses:(\d+)\|c$", re.MULTILINE)

    def __init__(self, log: Path, domain: str) -> None:
        self.metrics, self.counted = log / f"{domain}.metrics", log / f"{domain}.lookups"

    def collect(self) -> None:
        """Count what the metrics say, and begin them anew."""
        part = self.metrics.with_suffix(f".{os.getpid()}")
        try:
            self.metrics.rename(part)
        except FileNotFoundError:
            return
        hits, misses = 0, 0
        with part.open(errors="replace") as lines:
            for line in lines:
                hits += sum(map(int, self.HITS.findall(line)))
                misses += sum(map(int, self.MISSES.findall(line)))
        part.unlink()
        if hits or misses:
            with self.counted.open("a") as file:
                file.write(f"{time.time():.0f} {hits} {misses}\n")

    def since(self, start: float) -> dict[str, int]:
        """Hits and misses since `start`, in seconds since the epoch, as far as they are counted."""
        with suppress(FileNotFoundError):
            lines = [tuple(map(int, line.split())) for line in self.counted.read_text().splitlines()]
            return {
                "hits": sum(hits for when, hits, _ in lines if when >= start),
                "misses": sum(misses for when, _, misses in lines if when >= start),
            }
        return {"hits": 0, "misses": 0}
