"""Asks the sandbox for account summaries over thousands of root sessions, as fast as it answers, beside moto.

Every request is signed beforehand and has a signature of its own. The sandbox verifies each, evaluates the policies
over each session again and writes down request and event. moto answers the same requests on the same server (uvicorn,
uvloop, httptools) in the same run; it verifies no signature, judges no policy and finds one account behind all keys.
Server and load generator stay on a core each, where the machine has two.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from measuring.load import Load, Outcome, send_load
from measuring.sandboxes import Sandbox, run_sandbox, run_server
from measuring.signing import Keys, sign_query_call

AUDIT_POLICY = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
SUMMARY = {"Action": "GetAccountSummary", "Version": "2010-05-08"}
CREDENTIALS = re.compile(
    rb"<AccessKeyId>(.*?)</AccessKeyId><SecretAccessKey>(.*?)</SecretAccessKey><SessionToken>(.*?)</SessionToken>"
)
TARGET_PER_SECOND = 5000
ENDS = (
    f"Ends with 1 if the server answers fewer than {TARGET_PER_SECOND} requests in a second of its core's time;"
    " requests per second of wall time are fewer where other programs use that core, too."
)


@dataclass(frozen=True, slots=True)
class Run:
    """One round of requests, as measured."""

    requests: int
    wall_seconds: float
    cpu_seconds: float
    """Of the server, user and system time."""

    @property
    def per_second(self) -> float:
        return self.requests / self.wall_seconds

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds / self.requests * 1e6


def main() -> int:
    options = read_options()
    print(
        f"GetAccountSummary over {options.sessions:,} root sessions, {options.connections} connections;"
        f" Python {platform.python_version()}, load of the machine {os.getloadavg()[0]:.1f}"
    )
    # About one account in twenty isn't ACTIVE.
    with run_sandbox("--accounts", str(options.sessions * 12 // 10 + 12), "--features", "all") as sandbox:
        keys = open_sessions(sandbox, options.sessions)
        rounds = [sign_all(sandbox.url, keys) for _ in range(options.rounds)]
        runs = [measure(sandbox.url, sandbox.process_id, requests, options.connections) for requests in rounds]
    moto_runs = measure_moto(rounds[0][: options.moto_requests], options)
    print_table({"sandbox": runs, "moto": moto_runs})
    ratio = median(run.per_second for run in runs) / median(run.per_second for run in moto_runs)
    print(f"sandbox, against moto: {ratio:.1f} times the requests per second")
    return 0 if median(1e6 / run.cpu_microseconds for run in runs) >= TARGET_PER_SECOND else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog=ENDS)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5, help="each sends one request in every session")
    parser.add_argument("--moto-requests", type=int, default=2000, help="requests of each round that moto gets")
    parser.add_argument("--connections", type=int, default=16)
    return parser.parse_args()


def open_sessions(sandbox: Sandbox, count: int) -> list[Keys]:
    """Open root sessions on as many accounts."""
    principal = next(entry for entry in sandbox.ask("principals") if entry["name"] == "management-admin")
    caller = Keys(principal["access_key_id"], principal["secret_access_key"])
    organization = sandbox.ask("organization")
    targets = [
        account["account_id"]
        for account in organization["accounts"]
        if account["state"] == "ACTIVE" and account["account_id"] != organization["management_account_id"]
    ]
    if len(targets) < count:
        raise RuntimeError(f"There are only {len(targets)} accounts to open sessions on.")
    calls = [sign_query_call(sandbox.url, "sts", caller, session_fields(target)) for target in targets[:count]]
    found = [CREDENTIALS.search(body) for body in send_load(Load(sandbox.url, calls)).bodies]
    keys = [Keys(*(part.decode() for part in match.groups())) for match in found if match]
    if len(set(keys)) != count:
        raise RuntimeError("Not every session was opened.")
    return keys


def session_fields(account_id: str) -> dict[str, str]:
    return {
        "Action": "AssumeRoot",
        "Version": "2011-06-15",
        "TargetPrincipal": account_id,
        "TaskPolicyArn.arn": AUDIT_POLICY,
    }


def sign_all(url: str, keys: Sequence[Keys]) -> list[bytes]:
    return [sign_query_call(url, "iam", one, SUMMARY) for one in keys]


def measure(url: str, process_id: int, requests: Sequence[bytes], connections: int) -> Run:
    """Send every request once, and see that every one was answered."""
    server_core, client_core = choose_cores()
    process = psutil.Process(process_id)
    if server_core is not None:
        process.cpu_affinity([server_core])
    before = process.cpu_times()
    outcome = send_load(Load(url, requests, connections, client_core))
    after = process.cpu_times()
    check(outcome, len(requests))
    cpu_seconds = after.user + after.system - before.user - before.system
    return Run(len(requests), outcome.wall_seconds, cpu_seconds)


def choose_cores() -> tuple[int | None, int | None]:
    """One core for the server and one for the client, where the system lets us choose."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)


def check(outcome: Outcome, expected: int) -> None:
    answered = sum(b"<key>AccountMFAEnabled</key>" in body for body in outcome.bodies)
    if outcome.statuses != {200: expected} or answered != expected:
        raise RuntimeError(f"Not every request got a summary: {dict(outcome.statuses)}, {answered} summaries.")


def measure_moto(requests: Sequence[bytes], options: argparse.Namespace) -> list[Run]:
    with run_server([sys.executable, str(Path(__file__).parent / "measuring" / "moto_server.py")]) as (url, process_id):
        time.sleep(0.5)  # its imports go on for a while after it listens
        return [measure(url, process_id, requests, options.connections) for _ in range(options.rounds)]


def print_table(runs: dict[str, list[Run]]) -> None:
    print(f"{'':8}  {'rounds':>6}  {'requests':>8}  {'requests/s':>10}  {'CPU µs/request':>14}  {'requests/CPU s':>14}")
    for name, measured in runs.items():
        cpu = median(run.cpu_microseconds for run in measured)
        print(
            f"{name:8}  {len(measured):>6}  {measured[0].requests:>8,}"
            f"  {median(run.per_second for run in measured):>10,.0f}  {cpu:>14.0f}  {1e6 / cpu:>14,.0f}"
        )


if __name__ == "__main__":
    sys.exit(main())
