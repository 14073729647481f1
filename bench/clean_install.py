"""How long each command of the README takes on a new machine with Debian and Python alone; needs root and debootstrap.

Each installation is a new user's. The commands that need AWS credentials get those of the demo, which runs meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measuring.clean_machine import REPOSITORY, CleanMachine, interrupt, list_commands
from measuring.pages import parse_options, show
from measuring.surroundings import describe_load, describe_machine
from measuring.tables import render_list, render_table

PROGRAM = "bench/clean_install.py"
README = REPOSITORY / "README.md"
DEMO = "rootkeeper demo"
DEMO_WORKS = "and sign in."
GOOD = {0, 1, 4}
"""Statuses of commands that did their work: 1 is a bad answer, and 4 says that a policy of the demo blocks accounts."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    options = parse_options(parser, PROGRAM)
    surroundings = f"{describe_machine()}; {describe_load()}."
    print(f"{surroundings}\n", flush=True)
    rows, failed, demo = [], [], None
    with tempfile.TemporaryDirectory() as folder, CleanMachine.make(Path(folder)) as machine:
        python = machine.type("python3 --version", user="0:0").text.strip()
        for number, command in enumerate(list_commands(README)):
            is_installing = command.startswith("pipx install")
            if is_installing:
                machine.become_new_user(f"user{number}")
            done = machine.type(command, is_installing=is_installing, until=DEMO_WORKS if command == DEMO else None)
            print(f"{done.seconds:8.1f} s  {command}  {done.status}", flush=True)
            size = f"{machine.measure_installation():.0f}" if is_installing else "-"
            rows.append((command, f"{done.seconds:.1f}", "runs" if done.status is None else str(done.status), size))
            if done.status is not None and done.status not in GOOD:
                failed.append(command)
                print(done.text)
            if command == DEMO and done.status is None:
                demo = done
                machine.variables.update(read_credentials(machine))
        if demo is not None:
            interrupt(demo)
    remarks = [
        f"{python} of Debian, with pipx; as a user without any files. Each command was run once.",
        "Installations are from the package registries, and build console and documentation first.",
        f"{DEMO}: until it can be used. It runs while the later commands use its organization of 26 accounts.",
        "MB: what the installation takes on the disk.",
    ]
    text = f"{render_table(('command', 'wall s', 'status', 'MB'), rows)}\n\n{render_list(remarks)}"
    show(text, surroundings, PROGRAM, options.markdown)
    return 1 if failed else 0


def read_credentials(machine: CleanMachine) -> dict[str, str]:
    """Those of the demo's sandbox."""
    shown = machine.type("rootkeeper sandbox env")
    lines = [line.removeprefix("export ") for line in shown.text.splitlines() if "=" in line]
    return {name: value.strip("'\"") for name, _, value in (line.partition("=") for line in lines)}


if __name__ == "__main__":
    sys.exit(main())
