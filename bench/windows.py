"""Closes 500 recovery windows that are open at once: how long after its end each is closed, and what that costs.

Windows, and 10,000 jobs of the past, are put into the database; root users have a password and an MFA device, as a
person leaves them. Three workers on one PostgreSQL, each as on a host of its own, or one server on SQLite, close what
becomes due: within a minute, within ten seconds and all at once, and the first two again while one worker is killed.
Delays are read from our own rows and from the sandbox's log of requests. Workers, database and sandbox share the
machine's cores; the CPU is that of the workers alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from statistics import median

from measuring.databases import Fill, MakeDatabase, postgresql_databases, sqlite_databases
from measuring.pages import parse_options, show
from measuring.sandboxes import Sandbox, run_sandbox
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table
from measuring.window_rounds import Round, Scenario, add_history, play_round

PROGRAM = "bench/windows.py"
KEEPS_FREE = 20
"""Accounts beside those with windows: management, principals' own, and what isn't ACTIVE."""
LONG_SPAN_SECONDS, SHORT_SPAN_SECONDS = 60.0, 10.0
MEDIAN_WANTED, WORST_WANTED = 2.0, 10.0
"""Seconds from the end of a window until it is closed."""
TRIAL = "A trial, and not a result: the machine was busy with other things when it began."
SERVER = ("serve", "--port", "0")
HEAD = ("windows due", "median s", "worst s", "gone", "gone w.", "÷floor", "per s", "CPU ms", "MB", "calls")


@dataclass(frozen=True, slots=True)
class Measured:
    """All rounds of a scenario."""

    scenario: Scenario
    rounds: tuple[Round, ...]


def main() -> int:
    options = read_options()
    surroundings = describe_surroundings()
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        surroundings += f"\n\n{TRIAL}"
    print(f"{surroundings}\n", flush=True)
    made = options.windows + options.windows // 8 + KEEPS_FREE
    arguments = ("--accounts", str(made), "--features", "all", "--throttle", "aws")
    with run_sandbox(*arguments, "--latency-ms", str(options.latency_ms)) as sandbox:
        measured = [one for kind in options.databases for one in measure_database(sandbox, kind, options)]
    text = "\n\n".join((render_measured(measured, options), render_remarks(measured, options)))
    show(text, surroundings, PROGRAM, options.markdown)
    return 0 if all(is_reached(one) for one in measured) else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=10_000, help="in the history")
    parser.add_argument("--workers", type=int, default=3, help="on PostgreSQL")
    parser.add_argument("--latency-ms", type=int, default=80)
    parser.add_argument("--concurrency", type=int, default=64, help="server.closing_concurrency, of each process")
    parser.add_argument("--rounds", type=int, default=3, help="of those that take less than a minute")
    parser.add_argument(
        "--databases", nargs="+", choices=("postgresql", "sqlite"), default=("postgresql", "sqlite"), metavar="KIND"
    )
    parser.add_argument("--only", metavar="TEXT", default="", help="scenarios whose name has it")
    return parse_options(parser, PROGRAM)


def measure_database(sandbox: Sandbox, kind: str, options: argparse.Namespace) -> list[Measured]:
    """Every scenario, on a database that is new for each round."""
    organization_id = sandbox.ask("organization")["organization_id"]
    fill = partial(add_history, organization_id=organization_id, count=options.jobs)
    account_ids = choose_accounts(sandbox, options.windows)
    with open_databases(kind, fill) as make:
        measured = []
        for scenario in list_scenarios(kind, options):
            count = options.rounds if scenario.span_seconds < LONG_SPAN_SECONDS else 1
            rounds = []
            for _ in range(count):
                rounds.append(play_round(sandbox, make(), account_ids, scenario, options.concurrency))
                print(f"{scenario.name}: {describe_round(rounds[-1])}", file=sys.stderr, flush=True)
            measured.append(Measured(scenario, tuple(rounds)))
    return measured


def open_databases(kind: str, fill: Fill) -> AbstractContextManager[MakeDatabase]:
    return postgresql_databases(fill) if kind == "postgresql" else sqlite_databases(fill)


def list_scenarios(kind: str, options: argparse.Namespace) -> list[Scenario]:
    workers = [("worker",)] * options.workers if kind == "postgresql" else [SERVER]
    name = f"PostgreSQL, {options.workers} workers" if kind == "postgresql" else "SQLite, 1 server"
    scenarios = [
        Scenario(f"{name}: in {LONG_SPAN_SECONDS:.0f} s", LONG_SPAN_SECONDS, workers),
        Scenario(f"{name}: in {SHORT_SPAN_SECONDS:.0f} s", SHORT_SPAN_SECONDS, workers),
        Scenario(f"{name}: at once", 0.0, workers),
    ]
    if len(workers) > 1:
        scenarios.extend(
            Scenario(f"{name}: in {span:.0f} s, 1 killed", span, workers, kills=True)
            for span in (LONG_SPAN_SECONDS, SHORT_SPAN_SECONDS)
        )
    return [scenario for scenario in scenarios if options.only in scenario.name]


def choose_accounts(sandbox: Sandbox, count: int) -> list[str]:
    """Members that may be opened."""
    principals = {principal["account_id"] for principal in sandbox.ask("principals")}
    found = [
        account["account_id"]
        for account in sandbox.ask("organization")["accounts"]
        if account["state"] == "ACTIVE" and account["account_id"] not in principals
    ]
    if len(found) < count:
        raise RuntimeError(f"Only {len(found)} accounts are ACTIVE members.")
    return found[:count]


def find_floor(scenario: Scenario, one: Round, options: argparse.Namespace) -> float:
    """The least that the worst delay can be: the calls of one closing, one after another, and what must wait since
    fewer slots than windows are there.
    """
    latency: float = options.latency_ms / 1000
    at_a_time: int = options.concurrency * len(scenario.commands)
    waiting = max(0.0, one.calls * latency / at_a_time - max(scenario.span_seconds, find_chain(one, options)))
    return find_chain(one, options) + waiting


def find_chain(one: Round, options: argparse.Namespace) -> float:
    """Seconds of latency in one closing."""
    return float(one.calls / len(one.closed_delays) * options.latency_ms / 1000)


def is_reached(measured: Measured) -> bool:
    return (
        median(one.closed_median for one in measured.rounds) <= MEDIAN_WANTED
        and max(max(one.closed_delays) for one in measured.rounds) <= WORST_WANTED
    )


def describe_round(one: Round) -> str:
    return (
        f"median {one.closed_median:.2f} s, worst {max(one.closed_delays):.2f} s, "
        f"{len(one.closed_delays) / one.seconds:.1f} a second, load {one.load:.1f}, stolen {one.stolen:.0%}"
    )


def render_measured(measured: Sequence[Measured], options: argparse.Namespace) -> str:
    return render_table(HEAD, [_describe(one, options) for one in measured])


def _describe(measured: Measured, options: argparse.Namespace) -> tuple[str, ...]:
    rounds, count = measured.rounds, len(measured.rounds[0].closed_delays)
    return (
        measured.scenario.name,
        f"{median(one.closed_median for one in rounds):.2f}",
        f"{max(max(one.closed_delays) for one in rounds):.2f}",
        f"{median(one.gone_median for one in rounds):.2f}",
        f"{max(max(one.gone_delays) for one in rounds):.2f}",
        f"{median(max(one.closed_delays) / find_floor(measured.scenario, one, options) for one in rounds):.2f}",
        f"{median(count / one.seconds for one in rounds):.1f}",
        f"{median(one.cpu_seconds / count * 1000 for one in rounds):.1f}",
        f"{max(one.peak_memory_bytes for one in rounds) / 1e6:.0f}",
        f"{median(one.calls / count for one in rounds):.2f}",
    )


def render_remarks(measured: Sequence[Measured], options: argparse.Namespace) -> str:
    rounds = [one for of_scenario in measured for one in of_scenario.rounds]
    missed = [one.scenario.name for one in measured if not is_reached(one)]
    wanted = f"median ≤ {MEDIAN_WANTED:.0f} s, worst ≤ {WORST_WANTED:.0f} s"
    chains, loads = [find_chain(one, options) for one in rounds], [one.load for one in rounds]
    how = (
        f"{options.windows:,} windows, {options.jobs:,} jobs in the history, {options.latency_ms} ms of latency, "
        f"{options.concurrency} closings at a time in each process, AWS's published rates."
    )
    when = (
        f"Load before each round {min(loads):.1f} to {max(loads):.1f} on {os.cpu_count()} cores; the machine's host "
        f"took up to {max(one.stolen for one in rounds):.0%} of the cores' time."
    )
    delays = (
        "median, worst: seconds from a window's end until it is CLOSED_VERIFIED. gone: until AWS had deleted the login "
        "profile (median, and the worst). Medians of the rounds, but the worst of all; MB is the peak of the largest "
        f"process. Rounds: {', '.join(str(len(one.rounds)) for one in measured)}."
    )
    floor = (
        "÷floor: worst ÷ (calls of one closing x latency, and where there are more windows than slots all calls x "
        f"latency ÷ slots - span). One closing is {min(chains):.2f} to {max(chains):.2f} s of latency; workers look "
        "four times a second."
    )
    costs = (
        "per s: closings from the first window's end to the last one's closing. CPU ms: of all processes, for each "
        "closing; what they do beside is in it. Database and sandbox share the cores and aren't counted."
    )
    killed = (
        "A worker is killed by kill -9 when half of the windows are due. Each runs as on a host of its own: others "
        "know of its death by the end of its lease."
    )
    reached = f"Wanted: {wanted}. " + (f"Missed: {'; '.join(missed)}." if missed else "Reached in all of them.")
    return render_list((how, when, reached, delays, floor, costs, killed))


if __name__ == "__main__":
    sys.exit(main())
