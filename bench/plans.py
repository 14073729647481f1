"""Plans a deletion in many accounts by a server: each account read now, and with the readings of the audit before.

The plan selects every account. The time is from the request until the job is done. The sandbox answers each call after
a while and throttles with AWS's published rates. Server and sandbox share the machine's cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from statistics import median

from measuring.console_stages import ConsoleStage, open_console_stage
from measuring.pages import parse_options, show
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table

PROGRAM = "bench/plans.py"
WANTED_SECONDS = 10.0
"""With recent readings."""
HEAD = ("plan", "median s", "worst s", "wanted s", "root sessions", "pages of accounts")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=565)
    parser.add_argument("--rounds", type=int, default=5, help="plans of each way, of which the median is shown")
    parser.add_argument("--latency-ms", type=int, default=80)
    options = parse_options(parser, PROGRAM)
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    size = ("--accounts", str(options.accounts), "--features", "all", "--latency-ms", str(options.latency_ms))
    with open_console_stage(*size, is_detailed=True) as stage:
        rows, seconds = [], []
        for text, uses_readings in (("each account read now", False), ("readings of the last hour", True)):
            before = stage.sandbox.last_request_number()
            seconds = [plan(stage, uses_readings) for _ in range(options.rounds)]
            operations = [request["operation"] for request in stage.sandbox.requests(before)]
            wanted = f"{WANTED_SECONDS:.0f}" if uses_readings else "-"
            each = [operations.count(name) // options.rounds for name in ("AssumeRoot", "ListAccounts")]
            rows.append((text, f"{median(seconds):.1f}", f"{max(seconds):.1f}", wanted, *map(str, each)))
    is_reached = max(seconds) <= WANTED_SECONDS
    remarks = [
        f"{options.accounts:,} accounts, {options.latency_ms} ms for each call, {options.rounds} plans of each way.",
        "Reached in all of them." if is_reached else "Missed: readings of the last hour.",
    ]
    show(f"{render_table(HEAD, rows)}\n\n{render_list(remarks)}", surroundings, PROGRAM, options.markdown)
    return 0 if is_reached else 1


def plan(stage: ConsoleStage, uses_readings: bool) -> float:
    """Seconds until the plan is there."""
    body = {"selection": {"everything": True}, "uses_recent_readings": uses_readings}
    began = time.monotonic()
    stage.run("/plans", body)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
