"""Lets a server be used and attacked for half an hour: people look at accounts while others flood it.

A hundred viewers look at the accounts as the console does, and every fifth follows an audit's events. An audit begins
each minute, and a recovery window opens every 20 seconds. Meanwhile 200 connections hold unfinished requests, and
bursts of sign-ins try wrong passwords, all from addresses of their own. The times are those of signed-in requests, to
the last byte; how late windows close is read from the sandbox's record. Everything shares the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

import aiohttp

from measuring.console_stages import ConsoleStage, open_console_stage
from measuring.floods import UNAUTHORIZED, Floods
from measuring.pages import parse_options, show
from measuring.servers import find_growth, find_p95, find_percentile, find_thirds, weigh
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table
from measuring.window_rounds import find_deletions

PROGRAM = "bench/soak.py"
P95_WANTED_MILLISECONDS = 150.0
"""On a machine that does nothing else."""
GROWTH_WANTED = 0.10
LATEST_WANTED_SECONDS = 10.0
ACCOUNTS, JOB, PERSON = "/accounts/compact", "/jobs/{job_id}", "/me"
PERCENTS = (50, 95, 99)
HEAD = ("signed-in requests", "count", *(f"p{percent} ms" for percent in PERCENTS), "worst ms")
AUDIT_EVERY_SECONDS = 60.0
WINDOW_EVERY_SECONDS, WINDOW_LASTS_SECONDS = 20.0, 30
FOLLOWERS_AMONG = 5
_RECORD_EVERY_SECONDS = 5.0
_CLOSING_SECONDS = WINDOW_LASTS_SECONDS + LATEST_WANTED_SECONDS + 20


@dataclass
class Seen:
    """What came back."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {ACCOUNTS: [], JOB: [], PERSON: []})
    events: int = 0
    memory_bytes: list[int] = field(default_factory=list)
    """Of the server, once a second."""
    audits: int = 0
    ends: dict[str, datetime] = field(default_factory=dict)
    """The end of each window, by its account."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    """The deletions that the sandbox has recorded."""
    errors: list[str] = field(default_factory=list)

    @property
    def all_milliseconds(self) -> list[float]:
        return [one for kind in self.milliseconds.values() for one in kind]

    def list_delays(self) -> list[float]:
        """How many seconds after its end each window was closed; infinite for one that is open still."""
        closed: Mapping[str, datetime] = find_deletions(self.requests)
        return [
            (closed[account_id] - end).total_seconds() if account_id in closed else float("inf")
            for account_id, end in self.ends.items()
        ]


def main() -> int:
    options = read_options()
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    arguments = ("--accounts", str(options.accounts), "--features", "all", "--throttle", "aws")
    with open_console_stage(
        *arguments, "--latency-ms", str(options.latency_ms), ROOTKEEPER_WINDOWS_APPROVALS="0"
    ) as stage:
        seen, floods = asyncio.run(soak(stage, options))
    text = f"{render_seen(seen)}\n\n{render_list(list_remarks(seen, floods, options))}"
    show(text, surroundings, PROGRAM, options.markdown)
    return 0 if not list_missed(seen, floods, options) else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--half-open", type=int, default=200, help="connections with unfinished requests")
    parser.add_argument("--every", type=float, default=4.0, help="seconds between two looks of one viewer")
    parser.add_argument("--latency-ms", type=int, default=80)
    return parse_options(parser, PROGRAM)


async def soak(stage: ConsoleStage, options: argparse.Namespace) -> tuple[Seen, Floods]:
    """Everything at once, for the given time; then what is still open is waited for."""
    seen = Seen()
    ends = asyncio.get_running_loop().time() + options.minutes * 60
    floods = Floods(stage.url, ends)
    tokens = await asyncio.to_thread(make_tokens, stage, options.viewers)
    current = [await asyncio.to_thread(stage.begin_audit)]
    since = await asyncio.to_thread(stage.sandbox.last_request_number)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(stage.url, connector=connector, auto_decompress=False) as session,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(keep_auditing(stage, seen, ends, current))
        group.create_task(weigh(stage.server.process.pid, seen.memory_bytes, ends))
        group.create_task(open_windows(stage, seen, ends))
        group.create_task(record_deletions(stage, seen, ends, since))
        group.create_task(floods.sign_in_in_bursts())
        for _ in range(options.half_open):
            group.create_task(floods.hold_half_open())
        for number, token in enumerate(tokens):
            viewer = Viewer(session, seen, ends, {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"})
            group.create_task(viewer.look(options.every, current))
            if number % FOLLOWERS_AMONG == 0:
                group.create_task(viewer.follow(current))
    return seen, floods


def make_tokens(stage: ConsoleStage, count: int) -> list[str]:
    """A token for each viewer."""
    wanted = [{"name": f"viewer-{number}", "role": "viewer"} for number in range(count)]
    return [str(stage.ask("POST", "/tokens", one)["token"]) for one in wanted]


async def keep_auditing(stage: ConsoleStage, seen: Seen, ends: float, current: list[str]) -> None:
    """An audit each minute, or when the last one has ended; ``current`` holds the newest job."""
    loop = asyncio.get_running_loop()
    begins_at = loop.time() + AUDIT_EVERY_SECONDS
    while loop.time() < ends:
        if loop.time() >= begins_at and await asyncio.to_thread(stage.is_over, current[0]):
            seen.audits += 1
            current[0] = await asyncio.to_thread(stage.begin_audit)
            begins_at += AUDIT_EVERY_SECONDS
        await asyncio.sleep(1)


async def open_windows(stage: ConsoleStage, seen: Seen, ends: float) -> None:
    """Open a window now and then, each of another account."""
    found = await asyncio.to_thread(stage.sandbox.ask, "organization")
    accounts = [
        str(one["account_id"])
        for one in found["accounts"]
        if one["state"] == "ACTIVE" and one["account_id"] != found["management_account_id"]
    ]
    for account_id in accounts:
        if asyncio.get_running_loop().time() >= ends:
            return
        try:
            seen.ends[account_id] = await asyncio.to_thread(open_window, stage, account_id)
        except OSError as error:
            seen.errors.append(f"A window of {account_id} couldn't be opened: {error}")
        await asyncio.sleep(WINDOW_EVERY_SECONDS)


def open_window(stage: ConsoleStage, account_id: str) -> datetime:
    """Open one; its end."""
    stage.sandbox.empty_account(account_id)
    wanted = {"account": account_id, "reason": "soak", "duration": f"{WINDOW_LASTS_SECONDS}s"}
    window_id = stage.ask("POST", "/windows", wanted)["window_id"]
    return datetime.fromisoformat(stage.ask("POST", f"/windows/{window_id}/activate", {})["expires_at"])


async def record_deletions(stage: ConsoleStage, seen: Seen, ends: float, since: int) -> None:
    """Read the sandbox's record, until all windows are closed or should be."""
    loop = asyncio.get_running_loop()
    while True:
        is_last = loop.time() >= ends + _CLOSING_SECONDS
        found = await asyncio.to_thread(stage.sandbox.requests, since)
        if found:
            since = found[-1]["n"]
        seen.requests += [one for one in found if one["operation"] == "DeleteLoginProfile"]
        if is_last or (loop.time() >= ends and float("inf") not in seen.list_delays()):
            return
        await asyncio.sleep(_RECORD_EVERY_SECONDS)


@dataclass(frozen=True, slots=True)
class Viewer:
    """One person with the console open."""

    session: aiohttp.ClientSession
    seen: Seen
    ends: float
    headers: Mapping[str, str]

    async def look(self, every: float, current: Sequence[str]) -> None:
        """Look again and again; the first time at any moment of the first interval."""
        await asyncio.sleep(random.uniform(0, every))  # noqa: S311 - not a secret
        tag = ""
        while asyncio.get_running_loop().time() < self.ends:
            tag = await self._take("/api/v1/accounts/compact", ACCOUNTS, {"If-None-Match": tag} if tag else {})
            await self._take(f"/api/v1/jobs/{current[0]}", JOB, {})
            await self._take("/api/v1/me", PERSON, {})
            await asyncio.sleep(every)

    async def follow(self, current: Sequence[str]) -> None:
        """Follow the events of one audit after the other."""
        while (left := self.ends - asyncio.get_running_loop().time()) > 0:
            timeout = aiohttp.ClientTimeout(total=left)
            try:
                path = f"/api/v1/jobs/{current[0]}/events"
                async with self.session.get(path, headers=self.headers, timeout=timeout) as answered:
                    if answered.status != 200:
                        self.seen.errors.append(f"events: {path} answered {answered.status}.")
                    async for line in answered.content:
                        self.seen.events += line.startswith(b"event: ")
            except TimeoutError:
                return
            except aiohttp.ClientError as error:
                self.seen.errors.append(f"events: {error}")
            await asyncio.sleep(1)

    async def _take(self, path: str, what: str, headers: Mapping[str, str]) -> str:
        """One answer, to its last byte; its tag."""
        began = time.perf_counter()
        try:
            async with self.session.get(path, headers={**self.headers, **headers}) as answered:
                await answered.read()
        except aiohttp.ClientError as error:
            self.seen.errors.append(f"{path}: {error}")
            return ""
        self.seen.milliseconds[what].append((time.perf_counter() - began) * 1000)
        if answered.status not in (200, 304):
            self.seen.errors.append(f"{path} answered {answered.status}.")
        return answered.headers.get("ETag", "")


def list_missed(seen: Seen, floods: Floods, options: argparse.Namespace) -> list[str]:
    """What was wanted and isn't so."""
    wanted = {
        f"p95 of signed-in requests ≤ {P95_WANTED_MILLISECONDS:.0f} ms": (
            find_p95(seen.all_milliseconds) <= P95_WANTED_MILLISECONDS
        ),
        f"memory growing by ≤ {GROWTH_WANTED:.0%}": find_growth(seen.memory_bytes) <= GROWTH_WANTED,
        f"windows closed ≤ {LATEST_WANTED_SECONDS:.0f} s after their end": (
            max(seen.list_delays(), default=float("inf")) <= LATEST_WANTED_SECONDS
        ),
        "no error": not seen.errors,
        "a flood of connections and of checked passwords": (
            floods.half_open >= options.half_open and floods.sign_ins[UNAUTHORIZED] > 0
        ),
    }
    return [what for what, is_so in wanted.items() if not is_so]


def render_seen(seen: Seen) -> str:
    rows = {**seen.milliseconds, "all of them": seen.all_milliseconds}
    return render_table(HEAD, [_describe(what, taken) for what, taken in rows.items()])


def _describe(what: str, taken: Sequence[float]) -> tuple[str, ...]:
    found = [find_percentile(taken, percent) for percent in PERCENTS]
    return (what, f"{len(taken):,}", *(f"{one:.0f}" for one in (*found, max(taken, default=float("inf")))))


def list_remarks(seen: Seen, floods: Floods, options: argparse.Namespace) -> list[str]:
    weights = seen.memory_bytes
    delays = seen.list_delays()
    who = (
        f"{options.viewers} viewers of {options.accounts:,} accounts for {options.minutes:g} minutes, a look every "
        f"{options.every:.0f} s each; {seen.audits} audits ended meanwhile, {seen.events:,} events of jobs came, "
        f"{options.latency_ms} ms of latency, AWS's published rates."
    )
    statuses = ", ".join(f"{status}: {count:,}" for status, count in sorted(floods.sign_ins.items()))
    attacks = (
        f"{options.half_open} connections with unfinished requests, {floods.half_open:,} in all, because the server "
        f"ends them. {floods.sign_ins.total():,} sign-ins with wrong passwords, by status: {statuses}."
    )
    windows = "No window was opened."
    if delays:
        windows = (
            f"{len(delays)} windows, closed {median(delays):.1f} s after their end at the median, {max(delays):.1f} s "
            "at worst."
        )
    before, after = find_thirds(weights)
    memory = (
        f"Memory of the server: {weights[0] / 1e6:.0f} MB at the beginning, {weights[len(weights) // 2] / 1e6:.0f} MB "
        f"in the middle, {weights[-1] / 1e6:.0f} MB at the end, {max(weights) / 1e6:.0f} MB at most. On average "
        f"{before / 1e6:.0f} MB in the second third of the time, {after / 1e6:.0f} MB in the last "
        f"({find_growth(weights):+.1%})."
    )
    errors = f"{len(seen.errors)} errors, such as: {seen.errors[0]}" if seen.errors else "No signed-in request failed."
    missed = list_missed(seen, floods, options)
    return [who, attacks, windows, memory, errors, f"Missed: {'; '.join(missed)}." if missed else "Reached."]


if __name__ == "__main__":
    sys.exit(main())
