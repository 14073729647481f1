"""What each format of the evidence report costs for 10,000 accounts, beyond the reading of the database.

A sandbox is audited once. Then each format is rendered in a process of its own: the CPU is that of the rendering and of
the import of its modules, and the memory is the peak beyond the report and these modules. Formats of findings are
rendered from the same report.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measuring.audits import ROOTKEEPER
from measuring.pages import parse_options, show
from measuring.processes import measure
from measuring.sandboxes import run_sandbox
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table
from rootkeeper.reports.formats import FORMATS

PROGRAM = "bench/report_formats.py"
RENDERING = str(Path(__file__).with_name("measuring") / "rendering.py")
WANTED_SECONDS = 3.0
WANTED_MEGABYTES = 10.0
STREAMED = frozenset({"asff", "findings-csv", "findings-jsonl", "junit", "ocsf"})
"""Formats whose memory doesn't grow with the accounts."""
HEAD = ("format", "CPU s", "peak MB", "written MB")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one format, the medians."""

    name: str
    cpu_seconds: float
    memory_megabytes: float
    written_megabytes: float

    @property
    def is_reached(self) -> bool:
        is_flat = self.name not in STREAMED or self.memory_megabytes <= WANTED_MEGABYTES
        return self.cpu_seconds <= WANTED_SECONDS and is_flat


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5, help="renderings of each format, of which the median is shown")
    options = parse_options(parser, PROGRAM)
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    size = ("--accounts", str(options.accounts), "--features", "all")
    with tempfile.TemporaryDirectory() as folder, run_sandbox(*size) as sandbox:
        environment = sandbox.environment() | {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{Path(folder) / 'rootkeeper.db'}"}
        measure([ROOTKEEPER, "audit", "--output", "jsonl"], environment)
        costs = [measure_format(one.name, options.rounds, environment) for one in FORMATS]
    table = render_table(HEAD, [_describe(cost) for cost in costs])
    show(f"{table}\n\n{render_list(list_remarks(costs, options))}", surroundings, PROGRAM, options.markdown)
    return 0 if all(cost.is_reached for cost in costs) else 1


def measure_format(name: str, rounds: int, environment: dict[str, str]) -> Cost:
    runs = [json.loads(measure([sys.executable, RENDERING, name], environment).output) for _ in range(rounds)]

    cpu, memory, written = (
        median(float(run[part]) for run in runs) for part in ("cpu_seconds", "memory_bytes", "written_bytes")
    )
    return Cost(name, cpu, memory / 1e6, written / 1e6)


def list_remarks(costs: list[Cost], options: argparse.Namespace) -> list[str]:
    missed = [cost.name for cost in costs if not cost.is_reached]
    outcome = f"Missed: {', '.join(missed)}." if missed else "Reached in all of them."
    wanted = (
        f"Wanted: ≤ {WANTED_SECONDS:.0f} s of CPU each; ≤ {WANTED_MEGABYTES:.0f} MB of {', '.join(sorted(STREAMED))}, "
        f"which are written while they are made. {outcome}"
    )
    return [
        f"{options.accounts:,} accounts. Medians of {options.rounds} runs.",
        wanted,
        "CPU: of the rendering and of the import of its modules, without start and reading.",
        "peak: the most memory while it is rendered, beyond the report and the modules.",
    ]


def _describe(cost: Cost) -> tuple[str, ...]:
    return (cost.name, f"{cost.cpu_seconds:.2f}", f"{cost.memory_megabytes:.1f}", f"{cost.written_megabytes:.1f}")


if __name__ == "__main__":
    sys.exit(main())
