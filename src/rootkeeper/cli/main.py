"""The entry point: finds the command, runs it, and turns every result into an exit status.

A command's file is imported only when the command runs. The page of ``rootkeeper --help`` is made from the table alone.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import click

from rootkeeper import __version__
from rootkeeper.cli.completion import SHELLS, find_shell, install_completion
from rootkeeper.cli.failures import report_bug, report_error, report_lost_output, report_usage
from rootkeeper.cli.invocation import PanelGroup
from rootkeeper.cli.outputs import ExitStatus, PanelOption
from rootkeeper.cli.terminal import OutputLostError, Terminal, as_interrupts, discard, prepare_streams
from rootkeeper.errors import RootkeeperError


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command as the group's page shows it."""

    module: str
    """In ``commands``; imported when the command runs."""
    line: str
    """The first line of the command's own help; a test compares the two."""
    panel: str
    application: str = "application"
    """Its name in the module."""

    def load(self) -> click.Command:
        """Import the command."""
        module = importlib.import_module(f"rootkeeper.cli.commands.{self.module}")
        found: click.Command = getattr(module, self.application)
        return found


_TRY, _SEE, _CHANGE, _RECOVER, _SERVE = "Try it", "See", "Change", "Recover", "Serve"


class RootkeeperGroup(PanelGroup):
    """All commands, in the order in which a newcomer needs them."""

    entries: ClassVar[Mapping[str, CommandEntry]] = {
        "demo": CommandEntry("demo", "Try the console on a sandbox, with a guided story.", _TRY),
        "sandbox": CommandEntry("sandbox", "Run an AWS organization on localhost.", _TRY),
        "doctor": CommandEntry(
            "doctor", "Check whether this machine is ready to work: one line for each check, with the fix.", _SEE
        ),
        "status": CommandEntry(
            "setup", "Show the set-up of root access management, and its drift.", _SEE, "status_application"
        ),
        "audit": CommandEntry("audit", "Show which accounts have root user credentials.", _SEE),
        "emails": CommandEntry("emails", "Check, attest and change root e-mail addresses.", _SEE),
        "report": CommandEntry(
            "report", "Write or send the evidence report of a period. Without a command: write.", _SEE
        ),
        "controls": CommandEntry("controls", "Judge and attest controls of frameworks such as CIS and PCI DSS.", _SEE),
        "history": CommandEntry("history", "Show the timeline of one account, oldest first.", _SEE),
        "diff": CommandEntry("history", "Show the changes between two audits.", _SEE, "diff_application"),
        "preflight": CommandEntry("plan", "Show which tasks SCPs and RCPs would block.", _SEE, "preflight_application"),
        "ledger": CommandEntry("ledger", "Read and verify the audit trail.", _SEE),
        "notifications": CommandEntry("notifications", "Test notification targets, and list deliveries.", _SEE),
        "policies": CommandEntry(
            "policies", "Generate least-privilege policies, alarms and infrastructure code.", _SEE
        ),
        "breakglass": CommandEntry(
            "failsafe",
            "Show who can open root sessions, and which access remains without Identity Center.",
            _SEE,
            "breakglass_application",
        ),
        "enable": CommandEntry("setup", "Enable root access management.", _CHANGE),
        "disable": CommandEntry("setup", "Disable root access management.", _CHANGE, "disable_application"),
        "plan": CommandEntry("plan", "Write the plan of a deletion to a file.", _CHANGE),
        "apply": CommandEntry("plan", "Apply a plan file exactly.", _CHANGE, "apply_application"),
        "delete": CommandEntry("delete", "Delete root user credentials of member accounts.", _CHANGE),
        "jobs": CommandEntry("jobs", "List, show, cancel and resume jobs.", _CHANGE),
        "exceptions": CommandEntry("exceptions", "Manage the accounts that deletion skips.", _CHANGE),
        "recover": CommandEntry("recover", "Allow root password recovery for a limited time.", _RECOVER),
        "unlock": CommandEntry("unlock", "Fix bucket and queue policies that lock everyone out.", _RECOVER),
        "windows": CommandEntry("windows", "Request, approve, open and close recovery windows.", _RECOVER),
        "failsafe": CommandEntry(
            "failsafe", "Set up and check the failsafe: the delegated administrator's root login.", _RECOVER
        ),
        "organizations": CommandEntry(
            "organizations", "Manage several organizations, each with credentials and a database of its own.", _SERVE
        ),
        "serve": CommandEntry("serve", "Run the server: console, API and a worker.", _SERVE),
        "worker": CommandEntry(
            "serve", "Run a worker: a server without console and API.", _SERVE, "worker_application"
        ),
        "database": CommandEntry("database", "Check, back up, restore and upgrade the database.", _SERVE),
        "users": CommandEntry("users", "Manage users who sign in to a server.", _SERVE),
        "token": CommandEntry("users", "Manage API tokens of a server.", _SERVE, "token_application"),
        "login": CommandEntry("login", "Sign in to a Rootkeeper server.", _SERVE),
        "logout": CommandEntry("login", "Sign out of a Rootkeeper server.", _SERVE, "logout_application"),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's shape
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - Click's shape
        entry = self.entries.get(cmd_name)
        return None if entry is None else entry.load()

    def list_lines(self) -> list[tuple[str, str, str]]:
        return [(entry.panel, name, entry.line) for name, entry in self.entries.items()]


def _ending_flag(name: str, explanation: str, act: Callable[[], None]) -> PanelOption:
    """Declare a flag that does something and ends the program."""

    def callback(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
        if wanted:
            act()
            context.exit()

    return PanelOption([name], is_flag=True, is_eager=True, expose_value=False, callback=callback, help=explanation)


def _show_completion() -> None:
    completion, _, _ = SHELLS[find_shell()]
    Terminal().write(f"{completion(PROGRAM, {}, 'rootkeeper', '_ROOTKEEPER_COMPLETE').source()}\n")


def _install_completion() -> None:
    Terminal().remark(f"Completion is installed in {install_completion(find_shell())}. Open a new terminal to use it.")


PROGRAM = RootkeeperGroup(
    name="rootkeeper",
    params=[
        _ending_flag("--version", "Show the version and end.", lambda: Terminal().write(f"rootkeeper {__version__}\n")),
        _ending_flag("--install-completion", "Install completion for the current shell.", _install_completion),
        _ending_flag(
            "--show-completion",
            "Show completion for the current shell, to copy it or customize the installation.",
            _show_completion,
        ),
    ],
    help="""See, delete and recover the root user credentials of every account in an AWS organization.

Set AWS credentials, Regions and endpoints as for the AWS CLI. To try everything without an AWS account: rootkeeper
demo.

Exit statuses: 0 good; 1 the answer is bad; 2 wrong usage; 3 refused or unreachable; 4 a change failed or isn't proven;
70 a bug; 74 the answer can't be written; 130 interrupted; 141 the reader of the answer ended first.""",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    prepare_streams()
    terminal = Terminal()
    with as_interrupts(signal.SIGTERM, signal.SIGHUP):
        status: int = ExitStatus.GOOD
        try:
            status = _run(arguments, terminal)
            terminal.finish()
        except OutputLostError as error:
            discard(sys.stdout)
            lost = report_lost_output(error, terminal)
            status = status or error.status
            if status in (ExitStatus.GOOD, ExitStatus.BAD):  # of an answer that no one has; others are about the work
                status = lost
        return status


def _run(arguments: Sequence[str] | None, terminal: Terminal) -> int:
    try:
        return int(PROGRAM.main(args=arguments, prog_name="rootkeeper", standalone_mode=False) or 0)
    except click.Abort:
        return ExitStatus.INTERRUPTED
    except click.ClickException as error:
        return report_usage(error, terminal)
    except RootkeeperError as error:
        return report_error(error, terminal)
    except OutputLostError:
        raise
    except Exception as error:  # noqa: BLE001 - the command line's last handler
        return report_bug(error, terminal)
