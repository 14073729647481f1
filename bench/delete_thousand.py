"""Deletes the root user credentials of many accounts by ``rootkeeper apply``, the ledger on disk before every call.

The plan is made beforehand and isn't measured. Accounts have one of three mixtures of credentials. The floor of a run
is its calls x latency / accounts at a time: what would remain if neither client nor sandbox took any time. Each round
also makes the same number of calls through one botocore client and nothing else, which tells a slow machine from a slow
program. Client and sandbox share the machine's cores; the sandbox's CPU isn't counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from measuring.pages import parse_options, show
from measuring.processes import Measurement, measure
from measuring.sandboxes import Sandbox, run_sandbox
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table

PROGRAM = "bench/delete_thousand.py"
ROOTKEEPER = str(Path(sys.executable).with_name("rootkeeper"))
BARE_CALLS = str(Path(__file__).parent / "measuring" / "bare_calls.py")
LONG_AGO = "2019-01-01T00:00:00Z"
PACE_WANTED = 50.0
"""Accounts a second, on one worker."""
KEEPS_FREE = 20
"""Accounts beside those deleted from: management, principals' own, and what isn't ACTIVE."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as measured."""

    accounts: int
    calls: int
    entries: int
    """Of the ledger, intents and outcomes."""
    deleting_seconds: float
    """From the first root session to the last call: without start and listing, which wait for AWS's rates."""
    load: float
    """Processes that wanted a core, averaged over the minute before."""
    measurement: Measurement
    bare_wall_seconds: float
    bare_cpu_seconds: float
    """Both of as many calls of botocore, as many at a time."""


def main() -> None:
    options = read_options()
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    # Some of the generated members aren't ACTIVE: more are made than are deleted from.
    made = options.accounts + options.accounts // 8 + KEEPS_FREE
    with run_sandbox("--accounts", str(made), "--features", "all", "--latency-ms", str(options.latency_ms)) as sandbox:
        targets = choose_targets(sandbox, options.accounts)
        runs = [run_product(sandbox, targets, options) for _ in range(options.rounds)]
    text = render_runs(runs, options)
    show(text, surroundings, PROGRAM, options.markdown)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--latency-ms", type=int, default=80)
    parser.add_argument("--concurrency", type=int, default=128, help="aws.deletion_concurrency")
    parser.add_argument("--rounds", type=int, default=3)
    return parse_options(parser, PROGRAM)


def choose_targets(sandbox: Sandbox, count: int) -> list[str]:
    """Members that may be deleted from."""
    truth = sandbox.ask("organization")
    principals = {principal["account_id"] for principal in sandbox.ask("principals")}
    found = [
        account["account_id"]
        for account in truth["accounts"]
        if account["state"] == "ACTIVE" and account["account_id"] not in principals
    ]
    if len(found) < count:
        raise RuntimeError(f"Only {len(found)} accounts are ACTIVE members.")
    return found[:count]


def add_demo_resources(sandbox: Sandbox, account_id: str, number: int) -> None:
    """Give an account one of three mixtures."""
    has_key, has_password = number % 3 != 0, number % 3 != 2
    key = {
        "access_key_id": f"AKIAIOSFODNN{number:08d}",
        "status": "Active",
        "created_at": LONG_AGO,
        "last_used_at": None,
    }
    device = {"serial_number": f"arn:aws:iam::{account_id}:mfa/root", "kind": "virtual", "enabled_at": LONG_AGO}
    root_user: dict[str, Any] = {"access_keys": [key] if has_key else [], "mfa_devices": [device]}
    if has_password:
        root_user |= {"password": True, "password_last_used_at": LONG_AGO}
    request = urllib.request.Request(  # noqa: S310 - own address
        f"{sandbox.url}/_sandbox/accounts/{account_id}/root-user", json.dumps(root_user).encode(), method="PUT"
    )
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310 - own address


def run_product(sandbox: Sandbox, targets: list[str], options: argparse.Namespace) -> Run:
    """Furnish, plan, and measure ``apply`` with a database of its own."""
    for number, account_id in enumerate(targets):
        add_demo_resources(sandbox, account_id, number)
    with tempfile.TemporaryDirectory() as folder:
        database, plan, selected = (Path(folder) / name for name in ("rootkeeper.db", "plan.json", "accounts.txt"))
        selected.write_text("\n".join(targets))
        environment = sandbox.environment() | {
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{database}",
            "ROOTKEEPER_AWS_DELETION_CONCURRENCY": str(options.concurrency),
        }
        measure([ROOTKEEPER, "plan", "--from-file", str(selected), "--out", str(plan)], environment)
        since, before = sandbox.last_request_number(), count_entries(database)
        load = os.getloadavg()[0]
        measurement = measure([ROOTKEEPER, "apply", str(plan), "--yes", "--output", "json"], environment)
        summary = json.loads(measurement.output)["summary"]
        if summary["deleted"] != len(targets):
            raise RuntimeError(f"Not everything was deleted: {summary}")
        requests = sandbox.requests(since)
        entries = count_entries(database) - before
        bare = call_bare(sandbox, len(requests), options.concurrency)
        return Run(len(targets), len(requests), entries, find_span(requests), load, measurement, *bare)


def call_bare(sandbox: Sandbox, calls: int, threads: int) -> tuple[float, float]:
    """Wall and CPU seconds of calls through botocore alone, without start and imports."""
    command = [sys.executable, BARE_CALLS, "--calls", str(calls), "--threads", str(threads)]
    took = json.loads(measure(command, sandbox.environment()).output)
    return took["wall_seconds"], took["cpu_seconds"]


def find_span(requests: Sequence[Mapping[str, Any]]) -> float:
    """Seconds between the first and the last call that opens a root session or is made in one."""
    times = [
        datetime.fromisoformat(one["at"])
        for one in requests
        if one["operation"] == "AssumeRoot" or one["task_policy"] is not None
    ]
    return (max(times) - min(times)).total_seconds()


def count_entries(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM ledger_entries").fetchone()
        return int(count)


def render_runs(runs: list[Run], options: argparse.Namespace) -> str:
    head = f"{options.accounts:,} deletions, {options.concurrency} at a time, {options.latency_ms} ms of latency"
    pace = median(run.accounts / run.deleting_seconds for run in runs)
    reached = "Reached" if pace >= PACE_WANTED else "Missed"
    wanted = f"Wanted: {PACE_WANTED:.0f} accounts/s deleting, the median. {reached}."
    return f"{render_table((head, 'median'), list(describe_runs(runs, options).items()))}\n\n{render_list([wanted])}"


def describe_runs(runs: list[Run], options: argparse.Namespace) -> dict[str, str]:
    """Medians, by what they are."""
    accounts, calls = runs[0].accounts, median(run.calls for run in runs)
    wall = median(run.measurement.wall_seconds for run in runs)
    deleting = median(run.deleting_seconds for run in runs)
    cpu = median(run.measurement.cpu_seconds for run in runs)
    entries = median(run.entries for run in runs)
    bare_wall, bare_cpu = median(run.bare_wall_seconds for run in runs), median(run.bare_cpu_seconds for run in runs)
    floor = calls * options.latency_ms / 1000 / options.concurrency
    return {
        "runs": f"{len(runs)}",
        "wall": f"{wall:.1f} s ({', '.join(f'{run.measurement.wall_seconds:.1f}' for run in runs)})",
        "deleting": f"{deleting:.1f} s ({', '.join(f'{run.deleting_seconds:.1f}' for run in runs)})",
        "accounts/s, deleting": f"{accounts / deleting:.1f}",
        "calls/account": f"{calls / accounts:.2f}",
        "ledger entries/account": f"{entries / accounts:.2f}",
        "CPU": f"{cpu:.1f} s, {cpu / accounts * 1000:.1f} ms/account",
        "peak memory": f"{median(run.measurement.peak_memory_bytes for run in runs) / 1e6:.0f} MB",
        "floor": f"{floor:.1f} s = {calls:,.0f} calls x {options.latency_ms} ms / {options.concurrency}",
        "deleting / floor": f"{deleting / floor:.2f}",
        "botocore alone": f"{bare_wall:.1f} s, CPU {bare_cpu:.1f} s, {bare_cpu / calls * 1000:.2f} ms/call",
        "deleting / botocore alone": f"{deleting / bare_wall:.2f}",
        "CPU / botocore alone": f"{cpu / bare_cpu:.2f}",
        "load before each run": ", ".join(f"{run.load:.1f}" for run in runs),
    }


if __name__ == "__main__":
    main()
