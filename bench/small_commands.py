"""CPU and wall time of small commands, each a process of its own: medians, with start and imports.

The sandbox has a dozen accounts, everything enabled, and no latency. CPU is the kernel's value for the process, user
and system. On a busy machine it is up to half more than on a quiet one, because caches are shared, and wall means
nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from measuring.audits import ROOTKEEPER
from measuring.pages import parse_options, show
from measuring.processes import Measurement, measure
from measuring.sandboxes import run_sandbox
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table

PROGRAM = "bench/small_commands.py"
WANTED = {"--help": 0.15, "--version": 0.25, "status --help": 0.25, "status": 0.6}
"""CPU seconds."""
COMMANDS = ("--help", "--version", "status --help", "status", "exceptions list", "ledger verify", "audit")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="runs of each command, of which the median is shown")
    options = parse_options(parser, PROGRAM)
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    size = ("--accounts", "12", "--organizational-units", "3", "--features", "all")
    rows, missed = [], []
    with run_sandbox(*size) as sandbox, tempfile.TemporaryDirectory() as folder:
        environment = sandbox.environment() | {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{Path(folder) / 'rootkeeper.db'}"}
        for command in ("audit", *COMMANDS):  # the first one makes the database and brings all files into the cache
            runs = [measure_command(command, environment) for _ in range(options.rounds)]
            cpu = median(run.cpu_seconds for run in runs)
            wall = median(run.wall_seconds for run in runs)
            rows.append((f"rootkeeper {command}", f"{cpu:.2f}", f"{wall:.2f}", _show_wanted(command)))
            missed += [command] if cpu > WANTED.get(command, cpu) else []
    text = render_table(("command", "CPU s", "wall s", "wanted CPU s"), rows[1:])
    remark = f"Medians of {options.rounds} runs. " + (
        f"Missed: {', '.join(missed)}." if missed else "Reached in all of them."
    )
    show(f"{text}\n\n{render_list([remark])}", surroundings, PROGRAM, options.markdown)
    return 0


def measure_command(command: str, environment: dict[str, str]) -> Measurement:
    return measure([ROOTKEEPER, *command.split()], environment)


def _show_wanted(command: str) -> str:
    return f"{WANTED[command]:.2f}" if command in WANTED else "-"


if __name__ == "__main__":
    sys.exit(main())
