"""The entry point: finds the command, runs it, and turns every ending into one exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from rootkeeper import __version__
from rootkeeper.cli.command_group import CommandEntry, CommandGroup
from rootkeeper.cli.failures import report_bug, report_error, report_lost_output, report_usage
from rootkeeper.cli.invocation import group_callback, unwrap
from rootkeeper.cli.stopping import as_interrupts
from rootkeeper.cli.terminal import OutputLostError, Terminal, prepare_streams
from rootkeeper.errors import RootkeeperError

_TRY, _SEE, _CHANGE, _RECOVER, _SERVE = "Try it", "See", "Change", "Recover", "Serve"


class RootkeeperGroup(CommandGroup):
    """All commands, in the order in which a newcomer meets them."""

    entries = {  # noqa: RUF012 - a class variable by its base
        "demo": CommandEntry("rootkeeper.cli.demo", "Try the console on a sandbox, with a guided story.", _TRY),
        "sandbox": CommandEntry("rootkeeper.cli.sandbox", "Run an AWS organization on localhost.", _TRY),
        "status": CommandEntry(
            "rootkeeper.cli.status",
            "Show whether root access management is set up, and as you accepted it.",
            _SEE,
        ),
        "audit": CommandEntry("rootkeeper.cli.audit", "Show which accounts have root user credentials.", _SEE),
        "emails": CommandEntry(
            "rootkeeper.cli.emails", "Hold root e-mail addresses to rules, attest and change them.", _SEE
        ),
        "report": CommandEntry(
            "rootkeeper.cli.report", "Write the evidence of a period: for an auditor, without AWS.", _SEE
        ),
        "history": CommandEntry(
            "rootkeeper.cli.history", "Show one account's past: one time line, the oldest first.", _SEE
        ),
        "diff": CommandEntry("rootkeeper.cli.diff", "Show what changed between two audits.", _SEE),
        "preflight": CommandEntry("rootkeeper.cli.preflight", "Show what SCPs and RCPs would block.", _SEE),
        "ledger": CommandEntry("rootkeeper.cli.ledger", "Read and verify the audit trail.", _SEE),
        "notifications": CommandEntry(
            "rootkeeper.cli.notifications", "Try the targets of notifications, and see what arrived.", _SEE
        ),
        "policies": CommandEntry(
            "rootkeeper.cli.policies", "Make least-privilege policies, alarms and infrastructure code.", _SEE
        ),
        "breakglass": CommandEntry(
            "rootkeeper.cli.breakglass",
            "Show who could open root today, and the way in when Identity Center is down.",
            _SEE,
        ),
        "enable": CommandEntry("rootkeeper.cli.enable", "Switch root access management on.", _CHANGE),
        "disable": CommandEntry("rootkeeper.cli.disable", "Switch root access management off.", _CHANGE),
        "plan": CommandEntry("rootkeeper.cli.plan", "Write down what a deletion would do.", _CHANGE),
        "apply": CommandEntry("rootkeeper.cli.apply", "Do exactly what a plan file says.", _CHANGE),
        "delete": CommandEntry("rootkeeper.cli.delete", "Delete root user credentials of member accounts.", _CHANGE),
        "jobs": CommandEntry("rootkeeper.cli.jobs", "List, show, cancel and resume jobs.", _CHANGE),
        "exceptions": CommandEntry("rootkeeper.cli.exceptions", "Keep accounts that deletion skips.", _CHANGE),
        "recover": CommandEntry("rootkeeper.cli.recover", "Allow root password recovery for a time.", _RECOVER),
        "unlock": CommandEntry(
            "rootkeeper.cli.unlock", "Open buckets and queues whose policy locks everyone out.", _RECOVER
        ),
        "windows": CommandEntry(
            "rootkeeper.cli.windows", "Request, approve, open and close recovery windows.", _RECOVER
        ),
        "failsafe": CommandEntry(
            "rootkeeper.cli.failsafe", "Keep the delegated administrator's root login as the way back in.", _RECOVER
        ),
        "serve": CommandEntry(
            "rootkeeper.cli.serve", "Run the server: its console and API, and a worker within.", _SERVE
        ),
        "worker": CommandEntry("rootkeeper.cli.worker", "Run a worker: what a server does, without its API.", _SERVE),
        "users": CommandEntry("rootkeeper.cli.users", "Keep users who sign in to a server.", _SERVE),
        "token": CommandEntry("rootkeeper.cli.token", "Keep API tokens of a server.", _SERVE),
        "login": CommandEntry("rootkeeper.cli.login", "Sign in to a Rootkeeper server.", _SERVE),
        "logout": CommandEntry("rootkeeper.cli.logout", "Sign out of a Rootkeeper server.", _SERVE),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    prepare_streams()
    terminal = Terminal()
    with as_interrupts(signal.SIGTERM, signal.SIGHUP):
        return _finish_output(_run_to_a_status(arguments, terminal), terminal)


def _run_to_a_status(arguments: Sequence[str] | None, terminal: Terminal) -> int:
    try:
        status = _application().main(args=arguments, prog_name="rootkeeper", standalone_mode=False)
    except typer.TyperException as error:
        return report_usage(error, terminal)
    except RootkeeperError as error:
        return report_error(error, terminal)
    except OutputLostError as error:
        return report_lost_output(error, terminal)
    except Exception as error:  # noqa: BLE001 - the command line's last handler
        return report_bug(error, terminal)
    return int(status or 0)


def _finish_output(status: int, terminal: Terminal) -> int:
    """Bring the answer out; an answer that was lost is never a good ending."""
    try:
        terminal.finish()
    except OutputLostError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return max(status, report_lost_output(error, terminal))
    return status


def _application() -> Any:
    return typer.main.get_command(
        typer.Typer(
            cls=RootkeeperGroup,
            callback=_root,
            help=unwrap(_root.__doc__ or ""),
            no_args_is_help=True,
            rich_markup_mode="rich",
        )
    )


def _show_version(wanted: bool) -> None:
    if wanted:
        Terminal().write(f"rootkeeper {__version__}\n")
        raise typer.Exit


@group_callback
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """See, delete and recover the root user credentials of every account in an AWS organization.

    AWS credentials, Regions and endpoints are taken as the AWS CLI takes them. To try everything without an AWS
    account: rootkeeper demo.

    Exit statuses: 0 good, 1 the answer is bad, 2 wrong usage, 3 refused or unreachable, 4 a change failed or isn't
    proven, 70 a bug, 130 interrupted.
    """
