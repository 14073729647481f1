"""Lets 50 people look at the accounts of a large organization while it is audited: how long each answer takes.

Each viewer does what the console's page of accounts does: it asks for all accounts, and again and again whether they
have changed, with the tag of what it has got. Audits follow one another meanwhile. The server's memory is read each
second, to see whether it grows. Sandbox, server and viewers share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import aiohttp

from measuring.console_stages import ConsoleStage, open_console_stage
from measuring.pages import parse_options, show
from measuring.servers import find_growth, find_p95, find_thirds, weigh
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table

PROGRAM = "bench/viewers.py"
WANTED_MILLISECONDS = 300.0
GROWTH_WANTED = 0.03
"""The most that the memory of the last third may be above that of the second."""
LISTING, JOB = "all accounts", "a job"
HEAD = ("answers", "count", "unchanged", "median ms", "p95 ms", "worst ms")


@dataclass
class Seen:
    """What came back."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {LISTING: [], JOB: []})
    unchanged: int = 0
    memory_bytes: list[int] = field(default_factory=list)
    """Of the server, once a second."""
    audits: int = 0


def main() -> int:
    options = read_options()
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    arguments = ("--accounts", str(options.accounts), "--features", "all", "--throttle", "aws")
    with open_console_stage(*arguments, "--latency-ms", str(options.latency_ms)) as stage:
        seen = asyncio.run(watch(stage, options))
    text = f"{render_seen(seen)}\n\n{render_list(list_remarks(seen, options))}"
    show(text, surroundings, PROGRAM, options.markdown)
    return 0 if is_reached(seen) else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=480.0)
    parser.add_argument("--every", type=float, default=4.0, help="seconds between two looks of one viewer")
    parser.add_argument("--latency-ms", type=int, default=80)
    return parse_options(parser, PROGRAM)


async def watch(stage: ConsoleStage, options: argparse.Namespace) -> Seen:
    """Viewers, audits and the look at the memory, for the given time."""
    seen = Seen()
    ends = asyncio.get_running_loop().time() + options.seconds
    headers = {"Authorization": f"Bearer {stage.token}", "Accept-Encoding": "gzip"}
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(stage.url, headers=headers, connector=connector, auto_decompress=False) as session,
        asyncio.TaskGroup() as group,
    ):
        current = [await asyncio.to_thread(stage.begin_audit)]
        group.create_task(keep_auditing(stage, seen, ends, current))
        group.create_task(weigh(stage.server.process.pid, seen.memory_bytes, ends))
        for _ in range(options.viewers):
            group.create_task(view(session, seen, ends, options.every, current))
    return seen


async def keep_auditing(stage: ConsoleStage, seen: Seen, ends: float, current: list[str]) -> None:
    """One audit after the other; ``current`` holds the job of the one that runs."""
    while asyncio.get_running_loop().time() < ends:
        if await asyncio.to_thread(stage.is_over, current[0]):
            seen.audits += 1
            current[0] = await asyncio.to_thread(stage.begin_audit)
        await asyncio.sleep(1)


async def view(session: aiohttp.ClientSession, seen: Seen, ends: float, every: float, current: Sequence[str]) -> None:
    """One person's page, opened at any moment of the first interval: people don't look in step."""
    await asyncio.sleep(random.uniform(0, every))  # noqa: S311 - no secret
    tag = ""
    while asyncio.get_running_loop().time() < ends:
        tag = await look_at_accounts(session, seen, tag)
        await take(session, f"/api/v1/jobs/{current[0]}", JOB, seen, {})
        await asyncio.sleep(every)


async def look_at_accounts(session: aiohttp.ClientSession, seen: Seen, tag: str) -> str:
    """All accounts, unless they are those of ``tag``; their tag now."""
    answered = await take(session, "/api/v1/accounts/compact", LISTING, seen, {"If-None-Match": tag} if tag else {})
    seen.unchanged += answered.status == 304
    return answered.headers.get("ETag", tag)


async def take(
    session: aiohttp.ClientSession, path: str, what: str, seen: Seen, headers: dict[str, str]
) -> aiohttp.ClientResponse:
    """One answer, to its last byte.

    :raises RuntimeError: if it is an error.
    """
    began = time.perf_counter()
    async with session.get(path, headers=headers) as answered:
        await answered.read()
    seen.milliseconds[what].append((time.perf_counter() - began) * 1000)
    if answered.status not in (200, 304):
        raise RuntimeError(f"{path} answered {answered.status}.")
    return answered


def is_reached(seen: Seen) -> bool:
    return (
        find_p95(seen.milliseconds[LISTING]) <= WANTED_MILLISECONDS and find_growth(seen.memory_bytes) <= GROWTH_WANTED
    )


def render_seen(seen: Seen) -> str:
    return render_table(HEAD, [_describe(what, taken, seen) for what, taken in seen.milliseconds.items()])


def _describe(what: str, taken: Sequence[float], seen: Seen) -> tuple[str, ...]:
    unchanged = f"{seen.unchanged:,}" if what == LISTING else "-"
    return (what, f"{len(taken):,}", unchanged, *(f"{one:.0f}" for one in (median(taken), find_p95(taken), max(taken))))


def list_remarks(seen: Seen, options: argparse.Namespace) -> list[str]:
    means = [mean / 1e6 for mean in find_thirds(seen.memory_bytes)]
    reached = "Reached." if is_reached(seen) else "Missed."
    who = (
        f"{options.viewers} viewers of {options.accounts:,} accounts for {options.seconds:.0f} s, a look every "
        f"{options.every:.0f} s each; {seen.audits} audits ended meanwhile, {options.latency_ms} ms of latency, AWS's "
        "published rates."
    )
    wanted = (
        f"Wanted: p95 of all accounts ≤ {WANTED_MILLISECONDS:.0f} ms, memory growing by no more than "
        f"{GROWTH_WANTED:.0%}. {reached}"
    )
    memory = (
        f"Memory of the server: {means[0]:.0f} MB on average in the second third of the time, {means[1]:.0f} MB in the "
        f"last ({find_growth(seen.memory_bytes):+.1%}), {max(seen.memory_bytes) / 1e6:.0f} MB at most."
    )
    unchanged = "unchanged: answers without content, since the viewer had the newest accounts already."
    shared = "Sandbox, server and viewers share the cores; the time is that of a viewer, to the last byte."
    return [who, wanted, memory, unchanged, shared]


if __name__ == "__main__":
    sys.exit(main())
