"""Audits organizations of 1,000 to 50,000 accounts, cold and warm, beside the least time that AWS's rates allow.

The sandbox throttles with AWS's published rates and answers after 80 ms. Cold: with an empty database; warm: again with
the same. In the same run the same accounts are read as scripts do it: by a boto3 session per account (a sample, and
extrapolated from it) and by one shared client without a pacer, whose losses are counted. Last comes an audit in which
calls are throttled, hang and are cut off on purpose. Sandbox and client share the machine's cores; the sandbox's CPU
isn't in the client's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measuring.audits import AuditRun, RivalRun, Stage, open_stage, run_audit, run_rival
from measuring.surroundings import describe_load, describe_machine, describe_versions
from measuring.tables import Row, render_table

REFILL_SECONDS = 3.0
"""Between two runs, until the sandbox's buckets are full again."""
SMALL = 1000
"""Up to this size the median of several runs is taken."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured."""

    accounts: int
    is_cold: bool
    output: str
    share: int

    def __str__(self) -> str:
        return f"{self.accounts:,} {'cold' if self.is_cold else 'warm'}, {self.output}, {self.share} %"


def main() -> int:
    options = read_options()
    print(f"{describe_machine()}; {describe_load()}\n{describe_versions()}\n")
    audits: dict[Case, list[AuditRun]] = {}
    rivals: list[Row] = []
    for accounts in options.accounts:
        with open_stage(accounts, options.organizational_units, options.latency_ms) as stage:
            for case, run in run_audits(stage, options):
                audits.setdefault(case, []).append(run)
            if accounts <= options.rivals_up_to:
                rivals += list(run_rivals(stage, options))
    print_audits(audits)
    print_rivals(rivals, options)
    lost = sum(run.lost + run.wrong for runs in audits.values() for run in runs)
    return 1 if lost + run_with_faults(options) else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Ends with 1 if Rootkeeper lost an account.")
    parser.add_argument("--accounts", type=int, nargs="+", default=[1000, 10_000, 50_000])
    parser.add_argument("--organizational-units", type=int, default=500, help="two fifths of them have children")
    parser.add_argument("--latency-ms", type=int, default=80)
    parser.add_argument("--api-share", type=int, nargs="+", default=[100], help="percent of the published rates")
    parser.add_argument("--output", nargs="+", default=["json", "jsonl"], choices=("json", "jsonl"))
    parser.add_argument("--rounds", type=int, default=3, help=f"up to {SMALL:,} accounts")
    parser.add_argument("--large-rounds", type=int, default=1, help=f"beyond {SMALL:,} accounts")
    parser.add_argument("--rivals-up-to", type=int, default=10_000, metavar="ACCOUNTS", help="0: no rivals")
    parser.add_argument("--sample", type=int, default=20, help="accounts that the script reads, for each thread")
    parser.add_argument("--faults-at", type=int, default=10_000, metavar="ACCOUNTS", help="0: no run with faults")
    parser.add_argument("--hang-seconds", type=int, default=31, help="longer than the client's time-out")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE", help="variable for Rootkeeper")
    parser.add_argument("--quick", action="store_true", help="only see that everything runs: the numbers mean nothing")
    options = parser.parse_args()
    if options.quick:
        quick = {"accounts": [60], "organizational_units": 5, "latency_ms": 5, "rounds": 1, "output": ["jsonl"]}
        vars(options).update(quick, sample=2, faults_at=60, hang_seconds=1)
    options.settings = dict(setting.split("=", 1) for setting in options.setting)
    return options


def run_audits(stage: Stage, options: argparse.Namespace) -> Iterator[tuple[Case, AuditRun]]:
    """Each output and share, first with a database of its own, then again with what that knows."""
    accounts = stage.organization.accounts
    rounds = options.rounds if accounts <= SMALL else options.large_rounds
    for share in options.api_share:
        for output in options.output:
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as folder:
                    database = Path(folder) / "rootkeeper.db"
                    for is_cold in (True, False):
                        case = Case(accounts, is_cold, output, share)
                        remark(f"audit, {case}")
                        yield case, run_audit(stage, database, output, share, options.settings)


def remark(text: str) -> None:
    """Say what comes, and wait until the quotas have recovered from what was."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    time.sleep(REFILL_SECONDS)


def run_rivals(stage: Stage, options: argparse.Namespace) -> Iterator[Row]:
    accounts = stage.organization.accounts
    for threads in (1, 10):
        remark(f"script, {accounts:,} accounts, {threads} threads")
        sample = list(stage.organization.readable)[: options.sample * threads]
        run = run_rival(stage, "session-per-account", threads, sample)
        yield describe_script(stage, run, f"{accounts:,}: session per account, {threads} threads")
    remark(f"shared client, {accounts:,} accounts")
    yield describe_shared_client(run_rival(stage, "shared-client", 128, []), accounts)


AUDIT_HEAD = (
    "Accounts, state, output, share",
    "runs",
    "wall s",
    "quota floor s",
    "wall ÷ it",
    "wall ÷ latency floor",
    "CPU ms/account",
    "calls",
    "calls/account",
    "throttles",
    "lost",
    "wrong",
    "peak MB",
    "sandbox CPU s",
)


def print_audits(audits: dict[Case, list[AuditRun]]) -> None:
    print(render_table(AUDIT_HEAD, [describe_audits(case, runs) for case, runs in audits.items()]))
    floors = {f"{case}: {runs[0].floor.quota}" for case, runs in audits.items()}
    print(f"\nThe quota that sets the floor: {'; '.join(sorted(floors))}.")
    throttled = sum((run.traffic.throttles for runs in audits.values() for run in runs), Counter[str]())
    print(f"Throttled: {dict(throttled) or 'nothing'}.\n")


def describe_audits(case: Case, runs: Sequence[AuditRun]) -> Row:
    floor, wall = runs[0].floor, median(run.wall_seconds for run in runs)
    return (
        str(case),
        str(len(runs)),
        f"{wall:.1f}",
        f"{floor.quota_seconds:.1f}",
        f"{wall / floor.quota_seconds:.2f}" if floor.quota_seconds else "",
        f"{wall / floor.latency_seconds:.2f}",
        f"{median(run.cpu_milliseconds_per_account for run in runs):.2f}",
        f"{median(run.traffic.calls for run in runs):,.0f}",
        f"{median(run.calls_per_account for run in runs):.2f}",
        str(max(run.traffic.throttles.total() for run in runs)),
        str(max(run.lost for run in runs)),
        str(max(run.wrong for run in runs)),
        f"{max(run.measurement.peak_memory_bytes for run in runs) / 1e6:.0f}",
        f"{median(run.traffic.sandbox_cpu_seconds for run in runs):.1f}",
    )


RIVAL_HEAD = ("Accounts, program", "read", "wall s", "CPU ms/account", "throttles", "lost", "peak MB")


def print_rivals(rows: Sequence[Row], options: argparse.Namespace) -> None:
    if not rows:
        return
    print(render_table(RIVAL_HEAD, rows))
    print(
        f"\nA wall time with ≈ is extrapolated from the {options.sample} accounts for each thread that were read, and"
        " without the listing; the shared client lists first.\n"
    )


def describe_script(stage: Stage, run: RivalRun, name: str) -> Row:
    whole = run.wall_seconds / run.accounts * len(stage.organization.readable)
    return describe_rival(run, name, f"≈ {whole:,.0f}")


def describe_shared_client(run: RivalRun, accounts: int) -> Row:
    return describe_rival(run, f"{accounts:,}: shared client, 128 threads", f"{run.wall_seconds:.1f}")


def describe_rival(run: RivalRun, name: str, wall: str) -> Row:
    return (
        name,
        f"{run.outcomes.get('read', 0):,}",
        wall,
        f"{run.measurement.cpu_seconds / run.accounts * 1000:.1f}",
        str(run.traffic.throttles.total()),
        str(run.lost),
        f"{run.measurement.peak_memory_bytes / 1e6:.0f}",
    )


FAULTS = "2 % throttled, 1 % hanging, 0.5 % cut off, a tenth of Organizations' pages empty"


def run_with_faults(options: argparse.Namespace) -> int:
    """A cold audit on a bad day; gives how many accounts were lost."""
    if not options.faults_at:
        return 0
    with (
        open_stage(options.faults_at, options.organizational_units, options.latency_ms) as stage,
        tempfile.TemporaryDirectory() as folder,
    ):
        order_faults(stage, options.hang_seconds)
        remark(f"audit of {options.faults_at:,} accounts: {FAULTS}")
        run = run_audit(stage, Path(folder) / "rootkeeper.db", "jsonl", 100, options.settings)
    print(
        f"With faults ({FAULTS}): {run.accounts:,} accounts, {run.lost} lost, {run.wrong} wrong,"
        f" {run.traffic.throttles.total()} throttles, {run.traffic.calls:,} calls, {run.wall_seconds:.1f} s"
    )
    return run.lost + run.wrong


def order_faults(stage: Stage, hang_seconds: int) -> None:
    stage.sandbox.order_fault(throttle=True, probability=0.02)
    stage.sandbox.order_fault(latency_ms=hang_seconds * 1000, probability=0.01)
    stage.sandbox.order_fault(drop=True, probability=0.005)
    stage.sandbox.order_fault(service="organizations", empty_page=True, probability=0.1)


if __name__ == "__main__":
    sys.exit(main())
