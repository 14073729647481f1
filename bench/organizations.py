"""Audits forty organizations at once, beside the slowest of them alone, and again while some are out of order.

Each organization is a sandbox of its own with AWS's published rates, and answers after 80 ms. First some are audited
alone; then all with `rootkeeper organizations audit`; then again while two hang and one is throttled to a root session
a second. Each audit is cold: its databases are new. Sandboxes and client share the machine's cores, so the CPU of all
of them is a floor that the table names; the time without it is what one organization costs another.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from measuring.audits import ROOTKEEPER
from measuring.organizations import HANGING, OrganizationStage, open_organizations
from measuring.pages import parse_options, show
from measuring.processes import Measurement, measure
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table

PROGRAM = "bench/organizations.py"
RATIO_WANTED = 1.25
"""Of an audit of all to the slowest organization alone."""
MEGABYTES_WANTED = 300
HEAD = ("audit", "wall s", "in order s", "CPU s", "of all s", "MB", "÷alone", "lost")


@dataclass(frozen=True, slots=True)
class Round:
    """One audit."""

    measurement: Measurement
    started_at: datetime
    cpu_of_all: float
    """CPU seconds of client and sandboxes ÷ cores: no audit could be shorter here."""


@dataclass(frozen=True, slots=True)
class Line:
    """An audit, in all rounds."""

    name: str
    rounds: Sequence[Round]
    seconds: float
    """Until the last organization in order was read; the median of the rounds."""
    lost: int = 0
    """Organizations that weren't read whole, and should have been."""


def run_audit(stage: OrganizationStage, *arguments: str) -> Round:
    """Audit with new databases."""
    before, started_at = stage.read_cpu(), datetime.now(UTC)
    with tempfile.TemporaryDirectory(dir=stage.folder) as data:
        command = [ROOTKEEPER, *arguments, "--config", str(stage.config), "--fail-on", "none", "-o", "json"]
        measurement = measure(command, stage.environment | stage.place_data(data))
    cpu_seconds = measurement.cpu_seconds + stage.read_cpu() - before
    return Round(measurement, started_at, cpu_seconds / (os.cpu_count() or 1))


def main() -> int:
    options = read_options()
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    with open_organizations(options.organizations, options.accounts, options.latency_ms) as stage:
        lines = list(measure_all(stage, options))
    text = f"{render_lines(lines)}\n\n{render_list(describe_conditions(options))}"
    show(text, surroundings, PROGRAM, options.markdown)
    return 1 if any(line.lost for line in lines) else 0


def describe_conditions(options: argparse.Namespace) -> Iterator[str]:
    yield (
        f"{options.organizations} organizations of {options.accounts} accounts, {options.latency_ms} ms, AWS's "
        f"published rates; medians of {options.rounds}."
    )
    yield "*in order s* ends when the last organization that is in order was read, to the second."
    yield (
        f"Wanted: ÷alone at most {RATIO_WANTED}, at most {MEGABYTES_WANTED} MB. *of all s* is the CPU of client and "
        "sandboxes divided by the cores: where it is near the time, the machine is measured."
    )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Ends with 1 if an organization wasn't read whole.")
    parser.add_argument("--organizations", type=int, default=40)
    parser.add_argument("--accounts", type=int, default=250)
    parser.add_argument("--alone", type=int, default=3, help="organizations that are audited alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=int, default=80)
    parser.add_argument("--quick", action="store_true", help="only see that everything runs: the numbers mean nothing")
    options = parse_options(parser, PROGRAM)
    if options.quick:
        vars(options).update({"organizations": 5, "accounts": 20, "alone": 1, "rounds": 1, "latency_ms": 5})
    return options


def measure_all(stage: OrganizationStage, options: argparse.Namespace) -> Iterator[Line]:
    """Audit some alone, then all, then all while some are out of order."""
    alone = []
    for name in list(stage.sandboxes)[: options.alone]:
        found = [run_audit(stage, "audit", "--organization", name) for _ in range(options.rounds)]
        alone.append(Line(f"{name} alone", found, median(one.measurement.wall_seconds for one in found)))
    yield max(alone, key=lambda line: line.seconds)
    yield audit_all(stage, "all at once", options.rounds, set())
    with stage.out_of_order() as names:
        yield audit_all(stage, f"all, {HANGING} hanging and one throttled", options.rounds, set(names))


def audit_all(stage: OrganizationStage, name: str, rounds: int, troubled: set[str]) -> Line:
    """:param troubled: organizations whose audit may fail or take longer."""
    found, seconds, lost = [run_audit(stage, "organizations", "audit") for _ in range(rounds)], [], 0
    for one in found:
        answers = json.loads(one.measurement.output)["organizations"]
        in_order = [answer for answer in answers if answer["name"] not in troubled]
        whole = [answer for answer in in_order if is_whole(answer)]
        lost += len(in_order) - len(whole)
        ended_at = max(datetime.fromisoformat(answer["numbers"]["last_complete_audit_at"]) for answer in whole)
        seconds.append((ended_at - one.started_at).total_seconds())
    return Line(name, found, median(seconds), lost)


def is_whole(organization: dict[str, Any]) -> bool:
    numbers = organization["numbers"]
    return organization["problem"] is None and numbers is not None and not numbers["unknown"] and not numbers["unread"]


def render_lines(lines: Sequence[Line]) -> str:
    alone = lines[0].seconds
    return render_table(
        HEAD,
        [
            (
                line.name,
                f"{median(one.measurement.wall_seconds for one in line.rounds):.1f}",
                f"{line.seconds:.1f}",
                f"{median(one.measurement.cpu_seconds for one in line.rounds):.1f}",
                f"{median(one.cpu_of_all for one in line.rounds):.1f}",
                f"{max(one.measurement.peak_memory_bytes for one in line.rounds) / 1e6:.0f}",
                f"{line.seconds / alone:.2f}",
                str(line.lost),
            )
            for line in lines
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
