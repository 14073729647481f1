"""``rootkeeper failsafe``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changes import ChangeOptions, begin_change, warn_overdue
from rootkeeper.cli.failsafe_set_up import set_up
from rootkeeper.cli.invocation import Invocation, add, group
from rootkeeper.cli.options import FailOnOptions, parse_moment
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.errors import InputError
from rootkeeper.failsafe.rules import AlarmObservation, DrillOutcome, SignInDevice, has_bad_checks
from rootkeeper.organization.selection import NamedAccount, find_account

if TYPE_CHECKING:
    from rootkeeper.failsafe.rules import Drill
    from rootkeeper.organization.accounts import Account, Inventory

_LISTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)


def check(invocation: Invocation, fail_on: FailOnOptions) -> int:
    """Hold each failsafe to what is wanted of it.

    A failsafe is a delegated administrator account for IAM; its root login is the way back in when the identity
    provider fails. It needs a mailbox that a group reads, a password, two MFA devices of which one is hardware, no
    access key, no signing certificate, an alarm on use, a drill every 90 days, and no SCP in its way. What AWS doesn't
    tell is unknown until somebody records it: rootkeeper emails attest, rootkeeper failsafe record-drill. A check that
    fails counts as "present" for --fail-on.

    Changes: nothing in AWS. Opens a root session in each failsafe that can only read.

    AWS permissions: those of reading the organization (see rootkeeper audit); sts:AssumeRoot with the task policy
    IAMAuditRootUserCredentials; organizations:ListPoliciesForTarget, organizations:DescribePolicy.

    Exit statuses: 0 all good; 1 a check fails or is unknown, as --fail-on says; 2 wrong usage; 3 AWS or the ledger
    refused, or AWS can't be reached.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.cli.rendering.failsafes import show_failsafes

    output = invocation.choose_output(*_LISTS)
    findings = fail_on.to_set()
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        warn_overdue(application, invocation.terminal)
        report = application.failsafe_checker.check(progress)
    progress.finish()
    show_failsafes(report, output, invocation.terminal)
    return ExitStatus.BAD if has_bad_checks(report.checks, findings) else ExitStatus.GOOD


def runbook(
    invocation: Invocation,
    *,
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="The failsafe; needed where there are several.")
    ] = None,
) -> int:
    """Print the way in for the day on which nothing else works.

    Plain AWS CLI steps with this organization's ids: sign in as the failsafe's root user, make an IAM user with MFA
    and a role, open root sessions to audit, to allow a recovery and to take everything away again, and clean up. They
    need neither Rootkeeper nor its database nor the identity provider, and hold no secret. Markdown; print it now.

    Changes: nothing. Opens no root session.

    AWS permissions: those of reading the organization (see rootkeeper audit).

    Exit statuses: 0 printed; 2 wrong usage, or there is no failsafe; 3 AWS refused or can't be reached.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.cli.rendering.failsafes import show_runbook
    from rootkeeper.failsafe.runbook import RunbookFacts, write_runbook

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        inventory = application.inventory_reader.read(progress)
        progress.finish()
        facts = RunbookFacts(
            organization_id=inventory.organization.organization_id,
            management_account_id=inventory.organization.management_account_id,
            failsafe=_choose_failsafe(account, inventory),
            partition=inventory.organization.partition,
            region=application.gateway.region,
            endpoint_url=application.endpoint.people_url,
        )
    show_runbook(facts, write_runbook(facts), output, invocation.terminal)
    return ExitStatus.GOOD


def _choose_failsafe(text: str | None, inventory: Inventory) -> Account:
    from rootkeeper.failsafe.service import list_failsafes, require_failsafe

    if text is not None:
        found = find_account(NamedAccount(text), inventory.accounts)
        require_failsafe(found, inventory)
        return found
    failsafes = list_failsafes(inventory)
    if len(failsafes) == 1:
        return failsafes[0]
    if not failsafes:
        raise InputError(
            "There is no failsafe: no delegated administrator for IAM is registered, or it can't be read.",
            hint="Register one: rootkeeper enable --delegated-administrator ID",
        )
    raise InputError(
        f"There are several failsafes: {', '.join(one.account_id for one in failsafes)}.",
        hint="Name one: rootkeeper failsafe runbook ACCOUNT",
    )


def record_drill(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The failsafe, or the management account.")],
    held_by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who signed in.")],
    held_at: Annotated[str, typer.Option("--at", metavar="DATE", help="When, such as 2026-10-01.")],
    outcome: Annotated[DrillOutcome, typer.Option("--outcome", help="Whether the way in worked.")],
    alarm: Annotated[
        AlarmObservation | None, typer.Option("--alarm", help="Whether somebody was alarmed by the sign-in.")
    ] = None,
    device: Annotated[
        SignInDevice | None, typer.Option("--device", help="What kind of MFA device was used to sign in.")
    ] = None,
) -> int:
    """Record that a drill of the way in was held.

    AWS doesn't tell of a drill: this is somebody's word, and every command that shows it says so.

    Changes: nothing in AWS; the drill is recorded in the ledger.

    AWS permissions: those of reading the organization (see rootkeeper audit); no root session is opened.

    Exit statuses: 0 recorded; 2 wrong usage or not confirmed; 3 AWS, the database or the ledger refused.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.cli.rendering.failsafes import show_drills

    output = invocation.choose_output(*_LISTS)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        moment = parse_moment(held_at, "--at", application.clock.now(), day_ends=False)
        confirmation = begin_change(invocation, application, change, output, progress, changes_aws=False)
        inventory = application.inventory_reader.read(progress)
        progress.finish()
        drill = application.drill_recorder.prepare(
            inventory,
            find_account(NamedAccount(account), inventory.accounts),
            held_by=held_by,
            held_at=moment,
            outcome=outcome,
            alarm=alarm,
            device=device,
        )
        if change.dry_run:
            confirmation.show_context()
            invocation.terminal.remark(_describe(drill))
            return ExitStatus.GOOD
        confirmation.require_consent([_describe(drill)])
        application.drill_recorder.record(drill)
        show_drills([drill], output, invocation.terminal)
    return ExitStatus.GOOD


def _describe(drill: Drill) -> str:
    return (
        f"Record a drill in account {drill.account_id}: held {drill.held_at:%Y-%m-%d} by {drill.held_by}, "
        f"{drill.outcome.value}; {drill.source}."
    )


application = group("Keep the delegated administrator's root login as the way back in.")
add(application, set_up, "set-up")
add(application, check, "check")
add(application, runbook, "runbook")
add(application, record_drill, "record-drill")
