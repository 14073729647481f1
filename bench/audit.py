"""Audits organizations of 1,000 to 50,000 accounts, cold and warm, beside the least that AWS's rates allow.

The sandbox throttles with AWS's published rates and answers after 80 ms. Cold: with an empty database; warm: again with
the same. In the same run the accounts are read as scripts do it, by a boto3 session per account, and by one shared
client without a pacer. Then comes an audit on a bad day: calls are throttled, hang and are cut off on purpose. Sandbox
and client share the machine's cores; only the client's CPU counts. With --rate, AWS is slower than its documentation:
AssumeRoot is limited to other rates.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence, Set
from functools import partial
from pathlib import Path
from statistics import median

from measuring.audit_report import RIVALS, Kind, Line, Report
from measuring.audits import CONCURRENCY, Result, Stage, open_stage, run_audit, run_script, run_shared_client
from measuring.pages import parse_options, show
from measuring.signing_cost import measure_signing_milliseconds
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list
from measuring.true_rates import RateLine, Rates, explain_rates, parse_rates, render_rates

PROGRAM = "bench/audit.py"
SIZES = (1000, 10_000)
LARGEST = 50_000
REFILL_SECONDS = 3.0
"""Between two runs, until the sandbox's buckets are full again."""
SMALLEST_ORGANIZATION = (12, 3)
"""Accounts and units of the organization whose audit shows what start and end of the program cost."""
READ_TIMEOUT_SECONDS = 5
HANG_SECONDS = 8
"""On a bad day: longer than the client waits."""
SCRIPT_THREADS = 10


def main() -> int:
    options = read_options()
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    if options.rate:
        return measure_rates(options, surroundings)
    signing_milliseconds = measure_signing_milliseconds()
    start_seconds = measure_start(options)
    lines: list[Line] = []
    for accounts in options.accounts:
        with open_stage(
            accounts, options.organizational_units, options.latency_ms, is_throttled=not options.unthrottled
        ) as stage:
            lines += measure_size(stage, options)
    report = Report(lines, start_seconds, signing_milliseconds)
    remarks = [*describe_conditions(options, {line.kind for line in lines}), *report.explain()]
    text = f"{report.render_table()}\n\n{render_list(remarks)}"
    show(text, surroundings, PROGRAM, options.markdown)
    return 1 if report.lost else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Ends with 1 if Rootkeeper lost an account.")
    parser.add_argument("--accounts", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--all", action="store_true", help=f"{LARGEST:,} accounts, too: some ten minutes more")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind, of which the median is shown")
    parser.add_argument("--large-rounds", type=int, default=1, help=f"the same beyond {max(SIZES):,} accounts")
    parser.add_argument("--organizational-units", type=int, default=500, help="two fifths of them have children")
    parser.add_argument("--latency-ms", type=int, default=80)
    parser.add_argument("--api-share", type=int, default=100, help="percent of the published rates")
    parser.add_argument("--output", default="jsonl", choices=("json", "jsonl"))
    parser.add_argument("--rivals-up-to", type=int, default=max(SIZES), metavar="ACCOUNTS", help="0: no rivals")
    parser.add_argument("--sample", type=int, default=10, help="accounts that a script reads, for each thread")
    parser.add_argument("--faults-up-to", type=int, default=max(SIZES), metavar="ACCOUNTS", help="0: no bad day")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE", help="variable for Rootkeeper")
    parser.add_argument(
        "--rate",
        action="append",
        default=[],
        type=parse_rates,
        metavar="PER_SECOND[:BURST][@SECOND],...",
        help="instead: cold audits while AssumeRoot is limited to this, which may change in mid-run",
    )
    parser.add_argument("--unthrottled", action="store_true", help="the sandbox limits no rate")
    parser.add_argument("--quick", action="store_true", help="only see that everything runs: the numbers mean nothing")
    options = parse_options(parser, PROGRAM)
    if options.all and LARGEST not in options.accounts:
        options.accounts.append(LARGEST)
    if options.quick:
        quick = {"accounts": [60], "organizational_units": 5, "latency_ms": 5, "rounds": 1, "sample": 1}
        vars(options).update(quick)
    options.settings = {"ROOTKEEPER_AWS_API_SHARE": str(options.api_share)}
    options.settings |= dict(setting.split("=", 1) for setting in options.setting)
    return options


def measure_start(options: argparse.Namespace) -> float:
    """CPU seconds of an audit that has next to nothing to read."""
    with open_stage(*SMALLEST_ORGANIZATION, options.latency_ms) as stage:
        rounds = [audit_in_turn(stage, options, (Kind.COLD, Kind.WARM)) for _ in range(options.rounds)]
    return median(result.cpu_seconds for results in rounds for result in results)


def measure_rates(options: argparse.Namespace, surroundings: str) -> int:
    """Audits with each true rate, each with an empty database."""
    lines = []
    for accounts in options.accounts:
        with open_stage(accounts, options.organizational_units, options.latency_ms) as stage:
            for rates in options.rate:
                results = [audit_at_a_rate(stage, rates, options) for _ in range(options.rounds)]
                lines.append(RateLine(rates, accounts, stage.organization.listing_seconds, results))
    text = f"{render_rates(lines)}\n\n{render_list(explain_rates(lines))}"
    show(text, surroundings, f"{PROGRAM} --rate", options.markdown)
    return 1 if any(line.lost for line in lines) else 0


def audit_at_a_rate(stage: Stage, rates: Rates, options: argparse.Namespace) -> Result:
    def run(folder: str) -> Result:
        with rates.limit(stage.sandbox):
            return run_audit(stage, Path(folder) / "rootkeeper.db", options.output, options.settings)

    with tempfile.TemporaryDirectory() as folder:
        return perform(f"{stage.organization.accounts:,} at {rates.text}", partial(run, folder))


def measure_size(stage: Stage, options: argparse.Namespace) -> Iterator[Line]:
    """All that is measured with one organization."""
    accounts = stage.organization.accounts
    rounds = options.rounds if accounts <= max(SIZES) else options.large_rounds
    cold, warm = (stage.find_floor(options.api_share / 100, is_cold=is_cold) for is_cold in (True, False))
    kinds = (Kind.COLD, Kind.WARM, Kind.BY_BOTOCORE)
    results = zip(*(audit_in_turn(stage, options, kinds) for _ in range(rounds)), strict=True)
    for kind, of_kind in zip(kinds, results, strict=True):
        yield Line(accounts, kind, of_kind, cold if kind is Kind.COLD else warm)
    if accounts <= options.rivals_up_to:
        yield from measure_rivals(stage, options, rounds)
    if accounts <= options.faults_up_to:
        yield Line(accounts, Kind.BAD_DAY, [audit_on_a_bad_day(stage, options)], cold)


def audit_in_turn(stage: Stage, options: argparse.Namespace, kinds: Sequence[Kind]) -> list[Result]:
    """One audit of each kind with one database, which is new for the first."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "rootkeeper.db"
        for kind in kinds:
            # Through a proxy all calls go by botocore. The sandbox answers as one, too.
            proxy = {"HTTP_PROXY": stage.sandbox.url} if kind is Kind.BY_BOTOCORE else {}
            run = partial(run_audit, stage, database, options.output, options.settings | proxy)
            results.append(perform(f"{stage.organization.accounts:,} {kind}", run))
    return results


def perform(what: str, run: Callable[[], Result]) -> Result:
    """Run it once the quotas have recovered from what was before, and say what came of it."""
    time.sleep(REFILL_SECONDS)
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {what}: ")
    sys.stderr.flush()
    result = run()
    sys.stderr.write(f"{result.wall_seconds:.1f} s, {result.throttles} throttles, {result.lost} lost\n")
    return result


def measure_rivals(stage: Stage, options: argparse.Namespace, rounds: int) -> Iterator[Line]:
    accounts, floor = stage.organization.accounts, stage.find_floor(1, is_cold=True)
    for kind, threads in ((Kind.SCRIPT, 1), (Kind.SCRIPT_IN_THREADS, SCRIPT_THREADS)):
        run = partial(run_script, stage, threads, options.sample * threads)
        yield Line(accounts, kind, [perform(f"{accounts:,} {kind}", run) for _ in range(rounds)], floor)
    run = partial(run_shared_client, stage)
    yield Line(
        accounts,
        Kind.SHARED_CLIENT,
        [perform(f"{accounts:,} {Kind.SHARED_CLIENT}", run) for _ in range(rounds)],
        floor,
    )


def describe_conditions(options: argparse.Namespace, kinds: Set[Kind]) -> Iterator[str]:
    """What was done, of those kinds that were measured."""
    settings = "".join(f", {setting}" for setting in options.setting)
    ours = ", ".join(kind for kind in Kind if kind in kinds - RIVALS)
    yield (
        f"{ours}: rootkeeper audit --api-share {options.api_share} -o {options.output}"
        f"{settings}; cold with an empty database, warm with the same again. {options.organizational_units}"
        f" organizational units, two fifths of them with children; {options.latency_ms} ms of latency"
        f"{'; no rate is limited' if options.unthrottled else ''}."
    )
    yield "botocore: warm, without a transport of our own: all calls by shared botocore clients in threads."
    if Kind.BAD_DAY in kinds:
        yield (
            "bad day: cold, 2 % of the calls throttled, 1 % hanging for longer than the client waits"
            f" ({READ_TIMEOUT_SECONDS} s), 0.5 % cut off after they acted, a tenth of Organizations' lists answered by"
            " an empty page with a token."
        )
    if kinds & RIVALS:
        yield (
            f"script: a boto3 session per account, one after the other or in {SCRIPT_THREADS} threads. ≈: from a sample"
            f" of {options.sample} accounts for each thread, as if all had been read so, without the listing;"
            " throttles, lost and MB are the sample's."
        )
        yield (
            f"one client: one boto3 client for each service, {CONCURRENCY} threads, boto3's retries (standard mode), no"
            " pacer."
        )


def audit_on_a_bad_day(stage: Stage, options: argparse.Namespace) -> Result:
    """A cold audit; the last that this sandbox sees."""
    stage.sandbox.order_fault(throttle=True, probability=0.02)
    stage.sandbox.order_fault(latency_ms=HANG_SECONDS * 1000, probability=0.01)
    stage.sandbox.order_fault(drop=True, probability=0.005)
    stage.sandbox.order_fault(service="organizations", empty_page=True, probability=0.1)
    settings = options.settings | {"ROOTKEEPER_AWS_READ_TIMEOUT_SECONDS": str(READ_TIMEOUT_SECONDS)}
    with tempfile.TemporaryDirectory() as folder:
        run = partial(run_audit, stage, Path(folder) / "rootkeeper.db", options.output, settings)
        return perform(f"{stage.organization.accounts:,} {Kind.BAD_DAY}", run)


if __name__ == "__main__":
    sys.exit(main())
