"""``rootkeeper failsafe`` and ``rootkeeper breakglass``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changes import ChangeOptions, begin_change, warn_overdue
from rootkeeper.cli.invocation import Invocation, add, group, single
from rootkeeper.cli.options import FailOnOptions, parse_moment
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.progress import open_countdown
from rootkeeper.cli.terminal import StopRequests
from rootkeeper.errors import InputError
from rootkeeper.failsafe.rules import AlarmObservation, DrillOutcome, SignInDevice, has_bad_checks
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.values import parse_duration, render_duration
from rootkeeper.windows.rules import SHORTEST_DURATION, OpenOutcome

if TYPE_CHECKING:
    from rootkeeper.cli.terminal import Terminal
    from rootkeeper.composition.application import Application
    from rootkeeper.failsafe.rules import Drill
    from rootkeeper.failsafe.service import KeepResult
    from rootkeeper.organization.accounts import Account, Inventory
    from rootkeeper.organization.progress import Progress
    from rootkeeper.organization.statuses import RootCredentials
    from rootkeeper.windows.checks import RecoveryPlan

_DEFAULT_REASON = "Set up the failsafe's root login"


def set_up(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The delegated administrator account.")],
    reason: Annotated[str, typer.Option("--reason", help="Recorded with the window.")] = _DEFAULT_REASON,
    ticket: Annotated[str | None, typer.Option("--ticket", help="The ticket or change number.")] = None,
    duration: Annotated[
        str, typer.Option("--for", metavar="LENGTH", help="How long to wait for the person, from 10s to 72h.")
    ] = "4h",
) -> int:
    """Give a failsafe its root login, and keep it.

    Opens a recovery window, tells the person at the mailbox what to do, and looks in audit sessions how far they are.
    As soon as a re-read shows that the new password was used, that MFA guards it and that there is no access key and no
    signing certificate, the window ends KEPT: the login stays. If that doesn't come in time, or at Ctrl-C, the window
    is closed as any other: everything is deleted again. Where a login in order is there already, nothing is done.

    Changes: creates the login profile of the account's root user; deletes all its root user credentials if the login
    isn't completed.

    AWS permissions: those of rootkeeper audit and rootkeeper recover.

    Exit statuses: 0 kept, as a re-read shows, or it was in order already; 2 wrong usage, not confirmed, or the account
    is no failsafe; 3 AWS or the ledger refused, or AWS can't be reached; 4 it wasn't completed, or opening or closing
    failed or isn't proven.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.windows.checks import RecoveryRequest

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
    longest = invocation.load_settings().windows.longest
    length = parse_duration(duration, option="--for", shortest=SHORTEST_DURATION, longest=longest)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        inventory = application.inventory_reader.read(progress)
        progress.finish()
        found = find_account(NamedAccount(account), inventory.accounts)
        planning = application.failsafe_set_up_planner
        login = planning.find_login(inventory, found)
        if login is not None:
            return _end_with_login(login, output, invocation.terminal, application)
        request = RecoveryRequest(found, reason, ticket, int(length.total_seconds()), keeps_login=True)
        plan = planning.plan(inventory, request)
        if change.dry_run:
            confirmation.show_context()
            for line in _statement(plan):
                invocation.terminal.remark(line)
            return ExitStatus.GOOD
        confirmation.require_consent(_statement(plan))
        return _open_and_wait(application, plan, output, invocation.terminal, progress)


def _statement(plan: RecoveryPlan) -> list[str]:
    account = plan.request.account
    length = render_duration(timedelta(seconds=plan.request.duration_seconds))
    return [
        f"Give the failsafe {account.account_id} ({account.name}) its root login, within {length}.",
        f"Whoever reads the mailbox {account.email} can then set a password and sign in as root user.",
        "Once it is complete, the login stays; if it isn't complete in time, everything is deleted again.",
        *plan.remarks,
    ]


def _end_with_login(login: RootCredentials, output: OutputFormat, terminal: Terminal, application: Application) -> int:
    from rootkeeper.cli.rendering.failsafes import show_set_up

    terminal.remark(
        f"Nothing to do: {login.account_id} has a root login that was used, with "
        f"{len(login.mfa_devices)} MFA device(s), no access key and no signing certificate. "
        "Next: rootkeeper failsafe check"
    )
    show_set_up(login.account_id, "already_kept", (), None, output, terminal, application.clock)
    return ExitStatus.GOOD


def _open_and_wait(
    application: Application, plan: RecoveryPlan, output: OutputFormat, terminal: Terminal, progress: Progress
) -> int:
    """From before the opening on, a signal means to close and never to leave the window open."""
    from rootkeeper.windows.checks import list_set_up_steps

    with StopRequests() as stops:
        opening = application.window_opener(progress).open(plan)
        if opening.outcome is not OpenOutcome.OPEN:
            terminal.remark(f"error: {opening.explanation}", style="bold red")
            if opening.error is not None and opening.error.hint:
                terminal.remark(f"hint: {opening.error.hint}")
            return opening.exit_status
        for line in list_set_up_steps(plan.request.account, opening.window, application.endpoint.people_url):
            terminal.remark(line)
        watch = application.login_monitor(progress, opening.window)
        with open_countdown(terminal, opening.window, application.clock) as countdown:
            keeping = application.login_completion_waiter(progress).wait(
                opening.window, watch, lambda: countdown.tick() or stops.asked_once()
            )
        if keeping.is_kept:
            return _end_kept(keeping, output, terminal, application)
        return _close(application, keeping, output, terminal, progress, stops)


def _end_kept(keeping: KeepResult, output: OutputFormat, terminal: Terminal, application: Application) -> int:
    from rootkeeper.cli.rendering.failsafes import show_set_up

    terminal.remark(keeping.explanation, style="bold green")
    terminal.remark("Register a second MFA device, one of them hardware. Next: rootkeeper failsafe check")
    show_set_up(keeping.window.account_id, "kept", (), keeping.window, output, terminal, application.clock)
    return ExitStatus.GOOD


def _close(
    application: Application,
    keeping: KeepResult,
    output: OutputFormat,
    terminal: Terminal,
    progress: Progress,
    stops: StopRequests,
) -> int:
    from rootkeeper.cli.rendering.failsafes import show_set_up

    terminal.remark(f"{keeping.explanation} Closing: everything is deleted again.", style="bold red")
    closing = application.window_waiter(progress).close(keeping.window, stops.asked_twice)
    terminal.remark(closing.explanation, style=None if closing.is_closed else "bold red")
    missing = keeping.progress.shortcomings if keeping.progress is not None else ()
    outcome = "closed" if closing.is_closed else "close_failed"
    show_set_up(keeping.window.account_id, outcome, missing, closing.window, output, terminal, application.clock)
    return ExitStatus.INCOMPLETE


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


def breakglass(invocation: Invocation, fail_on: FailOnOptions) -> int:
    """Show who could open root today, and the way in when Identity Center is down.

    Lists everybody whose policies let root sessions be opened, per task: IAM users and roles of the management account
    and of each failsafe, and permission sets of IAM Identity Center with who holds them. Says whether a way in is left
    without Identity Center, and when it was last tried. IAM tells a caller of its own account alone: run this once in
    the management account and once in each failsafe; a line that this caller can't read says who could. A check that
    fails counts as "present" for --fail-on. JSON Lines and CSV hold the checks, JSON the list of people too.

    Changes: nothing in AWS but the management account's credential report, which iam:GenerateCredentialReport makes
    where there is none of the last four hours. Opens a root session in each failsafe that can only read.

    AWS permissions: those of rootkeeper failsafe check; iam:GetAccountAuthorizationDetails, iam:GetPolicy,
    iam:GetPolicyVersion, iam:GetLoginProfile, iam:ListAccessKeys, iam:ListMFADevices, iam:GetAccountSummary,
    iam:GenerateCredentialReport, iam:GetCredentialReport; sso:List*, sso:Describe*, sso:Get*;
    identitystore:DescribeUser, identitystore:DescribeGroup, identitystore:ListGroupMemberships.

    Exit statuses: 0 all good; 1 a check fails or is unknown, as --fail-on says; 2 wrong usage; 3 AWS or the ledger
    refused, or AWS can't be reached.
    """
    from rootkeeper.cli.progress import open_progress
    from rootkeeper.cli.rendering.failsafes import show_breakglass

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    findings = fail_on.to_set()
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        warn_overdue(application, invocation.terminal)
        report = application.breakglass_reading.read(progress)
    progress.finish()
    show_breakglass(report, output, invocation.terminal)
    return ExitStatus.BAD if has_bad_checks(report.checks, findings) else ExitStatus.GOOD


application = group("Keep the delegated administrator's root login as the way back in.")
add(application, set_up, "set-up")
add(application, check, "check")
add(application, runbook, "runbook")
add(application, record_drill, "record-drill")
breakglass_application = single(breakglass)
