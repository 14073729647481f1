"""How long the README's commands take on a new machine with Debian, Python, git and make; needs root and debootstrap.

Each installation is a new user's, in a new clone and with empty caches. The commands that need AWS credentials get
those of a demo, which runs meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measuring.clean_machine import REPOSITORY, ROOT, USER, CleanMachine, TypedCommand, interrupt, list_commands
from measuring.pages import parse_options, show
from measuring.surroundings import describe_load, describe_machine
from measuring.tables import render_list, render_table

PROGRAM = "bench/clean_install.py"
README = REPOSITORY / "README.md"
MAKE_DEMO = "make demo"
MAKE_TEST = "make test"
DEMO = "rootkeeper demo"
DEMO_WORKS = "and sign in."
INSTALLING = ("make ", "pipx install", "uv tool install", "python3 -m venv")
NEW_USER = ("make ", "pipx ensurepath", "uv tool install", "python3 -m venv")
"""Commands with which a user begins. The one who installs by pipx also types the commands of Rootkeeper."""
AS_ROOT = "sudo "
FOR_TESTS = "apt-get install --yes --no-install-recommends chromium libatomic1"
GOOD = {0, 1, 4}
"""Statuses of commands that did their work: 1 is a bad answer, and 4 says that a policy of the demo blocks accounts."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", metavar="COMMAND", help="run these commands of the README alone")
    parser.add_argument("--before", metavar="COMMIT", help=f"also run {MAKE_DEMO} of an earlier commit")
    options = parse_options(parser, PROGRAM)
    surroundings = f"{describe_machine()}; {describe_load()}."
    print(f"{surroundings}\n", flush=True)
    commands = [command for command in list_commands(README) if not options.only or command in options.only]
    rows: list[tuple[str, ...]] = []
    failed = []
    with tempfile.TemporaryDirectory() as folder, CleanMachine.make(Path(folder)) as machine:
        python = machine.type("python3 --version", user=ROOT).text.strip()
        if options.before:
            machine.become_new_user("before", options.before)
            rows.append(measure(machine, MAKE_DEMO, f"{MAKE_DEMO}, at {options.before}")[0])
        demo, home = None, ""
        for number, command in enumerate(commands):
            if command.startswith(NEW_USER) or not machine.home:
                machine.become_new_user(f"user{number}")
            if command.startswith("pipx install"):
                home = machine.home
            elif command.startswith("rootkeeper") and demo is None:
                machine.home = home
                demo = machine.type(DEMO, until=DEMO_WORKS)
                machine.variables.update(read_credentials(machine))
            row, done = measure(machine, command, command)
            rows.append(row)
            if done.status is not None and done.status not in GOOD:
                failed.append(command)
                print(done.text)
        if demo is not None:
            interrupt(demo)
    remarks = [
        f"{python} of Debian, with git and make; as a user without root. Each command was run once.",
        "CPU s: of all its processes. Beside other work a command takes longer, and about the same CPU seconds.",
        "Installations are from the package registries, and build console and documentation first.",
        f"{MAKE_DEMO}: from an empty clone until the console can be used.",
        "MB: what the installation takes on the disk, pip and compiled files included.",
    ]
    text = f"{render_table(('command', 'wall s', 'CPU s', 'status', 'MB'), rows)}\n\n{render_list(remarks)}"
    show(text, surroundings, PROGRAM, options.markdown)
    return 1 if failed else 0


def measure(machine: CleanMachine, command: str, name: str) -> tuple[tuple[str, ...], TypedCommand]:
    """Type a command, and return its row and what it did. A demo is ended once it works."""
    if command == MAKE_TEST:
        machine.type(FOR_TESTS, is_installing=True, user=ROOT)
    done = machine.type(
        command.removeprefix(AS_ROOT),
        is_installing=command.startswith((*INSTALLING, AS_ROOT)),
        user=ROOT if command.startswith(AS_ROOT) else USER,
        until=DEMO_WORKS if command == MAKE_DEMO else None,
    )
    if done.status is None:
        interrupt(done)
    print(f"{done.seconds:8.1f} s  {done.cpu_seconds:8.1f} CPU s  {name}  {done.status}", flush=True)
    size = f"{machine.measure_installation():.0f}" if command.startswith(INSTALLING) else "-"
    status = "runs" if done.status is None else str(done.status)
    return (name, f"{done.seconds:.1f}", f"{done.cpu_seconds:.1f}", status, size), done


def read_credentials(machine: CleanMachine) -> dict[str, str]:
    """Those of the demo's sandbox."""
    shown = machine.type("rootkeeper sandbox env")
    lines = [line.removeprefix("export ") for line in shown.text.splitlines() if "=" in line]
    return {name: value.strip("'\"") for name, _, value in (line.partition("=") for line in lines)}


if __name__ == "__main__":
    sys.exit(main())
