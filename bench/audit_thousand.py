"""Audits an organization with Rootkeeper and the way scripts do it, on the same sandbox, in one run.

A script opens a boto3 session per account, as most published ones do: one after the other, or with a pool of threads.
Sandbox and clients share the machine's cores; the sandbox's CPU isn't counted.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from measuring.processes import Measurement, measure
from measuring.sandboxes import Sandbox, run_sandbox

AUDIT_POLICY = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
ROOTKEEPER = str(Path(sys.executable).with_name("rootkeeper"))


@dataclass(frozen=True, slots=True)
class Run:
    """One audit, as measured."""

    accounts: int
    """ACTIVE member accounts that were read."""
    calls: int
    measurement: Measurement


def main() -> None:
    options = read_options()
    if options.script:
        run_script(options.script, options.limit)
        return
    latency = f"{options.latency_ms} ms of latency"
    print(f"Audit of {options.accounts:,} accounts at {latency}; Python {platform.python_version()}, median of runs")
    with run_sandbox(
        "--accounts", str(options.accounts), "--features", "all", "--latency-ms", str(options.latency_ms)
    ) as sandbox:
        runs = {
            "rootkeeper audit": repeat(options.rounds, lambda: run_product(sandbox)),
            f"script, {options.threads} threads": repeat(
                options.script_rounds, lambda: run_own(sandbox, f"threads={options.threads}", 0)
            ),
            "script, one by one": repeat(
                options.script_rounds, lambda: run_own(sandbox, "threads=1", options.sequential)
            ),
        }
    measured = {name: found for name, found in runs.items() if found}
    print_table(measured)
    print_ratios(measured)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--latency-ms", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=3, help="runs of rootkeeper audit")
    parser.add_argument("--script-rounds", type=int, default=1, help="runs of each script")
    parser.add_argument("--threads", type=int, default=10, help="threads of the script that has some")
    parser.add_argument("--sequential", type=int, default=100, help="accounts that the one-by-one script reads")
    parser.add_argument("--script", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def repeat(rounds: int, run: Callable[[], Run]) -> list[Run]:
    return [run() for _ in range(rounds)]


def run_product(sandbox: Sandbox) -> Run:
    """One audit with an empty database: nothing is known beforehand."""
    since = sandbox.last_request_number()
    with tempfile.TemporaryDirectory() as folder:
        environment = sandbox.environment() | {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder}/rootkeeper.db"}
        measurement = measure([ROOTKEEPER, "audit", "--output", "json"], environment)
    summary = json.loads(measurement.output)["summary"]
    if summary["unknown"]:
        raise RuntimeError(f"{summary['unknown']} accounts weren't read.")
    return finish(sandbox, since, measurement)


def run_own(sandbox: Sandbox, script: str, limit: int) -> Run:
    since = sandbox.last_request_number()
    command = [sys.executable, __file__, "--script", script, "--limit", str(limit)]
    return finish(sandbox, since, measure(command, sandbox.environment()))


def finish(sandbox: Sandbox, since: int, measurement: Measurement) -> Run:
    counted = sandbox.count_requests(since)
    return Run(accounts=counted["AssumeRoot"], calls=counted.total(), measurement=measurement)


def print_table(runs: dict[str, list[Run]]) -> None:
    head = ("", "runs", "accounts read", "wall s", "CPU s", "CPU ms/account", "calls", "calls/account", "peak MB")
    rows = [head, *(describe(name, measured) for name, measured in runs.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells]))


def describe(name: str, runs: list[Run]) -> tuple[str, ...]:
    accounts = runs[0].accounts
    cpu = median(run.measurement.cpu_seconds for run in runs)
    calls = median(run.calls for run in runs)
    return (
        name,
        str(len(runs)),
        f"{accounts:,}",
        f"{median(run.measurement.wall_seconds for run in runs):.1f}",
        f"{cpu:.1f}",
        f"{cpu / accounts * 1000:.1f}",
        f"{calls:,.0f}",
        f"{calls / accounts:.2f}",
        f"{median(run.measurement.peak_memory_bytes for run in runs) / 1e6:.0f}",
    )


def print_ratios(runs: dict[str, list[Run]]) -> None:
    """Per account, since the scripts may have read fewer."""
    product, *scripts = runs
    for script in scripts:
        wall = per_account(runs[script], wall_of) / per_account(runs[product], wall_of)
        cpu = per_account(runs[script], cpu_of) / per_account(runs[product], cpu_of)
        print(f"{script}, against {product}, per account: {wall:.1f} times the wall time, {cpu:.1f} times the CPU")


def wall_of(run: Run) -> float:
    return run.measurement.wall_seconds


def cpu_of(run: Run) -> float:
    return run.measurement.cpu_seconds


def per_account(runs: list[Run], quantity: Callable[[Run], float]) -> float:
    return median(quantity(run) / run.accounts for run in runs)


def run_script(script: str, limit: int) -> None:
    """What a script does: list the accounts, then a boto3 session for each."""
    import boto3  # only the script needs it, and its import belongs to the script's cost

    organizations = boto3.client("organizations")
    management = organizations.describe_organization()["Organization"]["MasterAccountId"]
    pages = organizations.get_paginator("list_accounts").paginate()
    accounts = [account for page in pages for account in page["Accounts"]]
    targets = [entry["Id"] for entry in accounts if entry["State"] == "ACTIVE" and entry["Id"] != management]
    with ThreadPoolExecutor(int(script.partition("=")[2])) as pool:
        summaries = list(pool.map(read_with_a_session_of_its_own, targets[: limit or None]))
    print(sum(any(summary[kind] for kind in summary if kind.startswith("Account")) for summary in summaries))


def read_with_a_session_of_its_own(account_id: str) -> dict[str, Any]:
    import boto3  # see run_script

    sts = boto3.Session().client("sts")
    keys = sts.assume_root(TargetPrincipal=account_id, TaskPolicyArn={"arn": AUDIT_POLICY})["Credentials"]
    session = boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    summary: dict[str, Any] = session.client("iam").get_account_summary()["SummaryMap"]
    return summary


if __name__ == "__main__":
    main()
