"""``rootkeeper failsafe`` and ``rootkeeper breakglass``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from rootkeeper.cli.changes import ChangeOptions, begin_change, read_account, warn_overdue
from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.invocation import Invocation, PanelGroup, add, command, gives_findings
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import CredentialsOptions, FailOnOptions, parse_moment
from rootkeeper.cli.outputs import LIST_OUTPUTS, ONE_OUTPUTS, ExitStatus, OutputFormat, argument, option
from rootkeeper.cli.progress import Countdown, open_progress
from rootkeeper.cli.terminal import StopRequests
from rootkeeper.errors import InputError
from rootkeeper.failsafe.rules import AlarmObservation, DrillOutcome, SignInDevice, has_bad_checks
from rootkeeper.organization.confirmations import Claim
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.values import parse_duration, render_duration
from rootkeeper.windows.rules import SHORTEST_DURATION, OpenOutcome

if TYPE_CHECKING:
    from rootkeeper.cli.terminal import Terminal
    from rootkeeper.composition.application import Application
    from rootkeeper.organization.accounts import Account, Inventory
    from rootkeeper.organization.progress import Progress
    from rootkeeper.windows.checks import RecoveryPlan


def set_up(
    invocation: Invocation,
    change: ChangeOptions,
    credentials: CredentialsOptions,
    *,
    account: Annotated[str, argument("ACCOUNT", "The delegated administrator account.")],
    reason: Annotated[str, option("--reason", "Recorded with the window.")] = "Set up the failsafe's root login",
    ticket: Annotated[str | None, option("--ticket", "The ticket or change number.")] = None,
    duration: Annotated[str, option("--for LENGTH", "How long the person has, from 10s to 72h.")] = "4h",
) -> int:
    """Create a failsafe's root login, and keep it.

    Opens a recovery window, shows what the person at the mailbox does, and reads the progress in audit sessions. When a
    re-read shows a used password, MFA, no access key and no signing certificate, the window ends KEPT and the login
    stays. If that doesn't happen in time, or at Ctrl-C, the window closes and everything is deleted again. If the login
    is already in order, nothing is done.

    Changes: creates the login profile of the account's root user; deletes all its root user credentials if the login
    isn't completed.

    AWS permissions: those of rootkeeper recover on this account. The shipped role for it is rootkeeper-set-up; no role
    of a server can change a failsafe's root login.

    Exit statuses: 0 kept, as a re-read shows, or already in order; 2 wrong usage, not confirmed, or the account is no
    failsafe; 3 AWS or the ledger refused, or AWS can't be reached; 4 not completed, or opening or closing failed or
    isn't proven.
    """
    from rootkeeper.cli.rendering.failsafes import show_set_up
    from rootkeeper.failsafe.set_up import find_login
    from rootkeeper.windows.checks import RecoveryRequest

    output = invocation.choose_output(*ONE_OUTPUTS)
    longest = invocation.load_settings().windows.longest
    length = parse_duration(duration, option="--for", shortest=SHORTEST_DURATION, longest=longest)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress)
        inventory, found = read_account(application, account, progress)
        planning = application.recovery_planner
        login = find_login(planning, inventory, found)
        if login is not None:
            invocation.terminal.remark(
                f"Nothing to do: {login.account_id} has a root login that was used, with "
                f"{len(login.mfa_devices)} MFA device(s), no access key and no signing certificate. "
                "Next: rootkeeper failsafe check"
            )
            show_set_up(login.account_id, "already_kept", (), None, output, invocation.terminal, application.clock)
            return ExitStatus.GOOD
        stated = credentials.to_statement(application.clock.now())
        seconds = int(length.total_seconds())
        request = RecoveryRequest(found, reason, ticket, seconds, keeps_login=True, credentials=stated)
        plan = planning.plan(inventory, request)
        if not confirmation.confirm(_statement(plan)):
            return ExitStatus.GOOD
        return _open_and_wait(application, plan, output, invocation.terminal, progress)


def _statement(plan: RecoveryPlan) -> list[str]:
    account = plan.request.account
    length = render_duration(timedelta(seconds=plan.request.duration_seconds))
    return [
        f"Create the root login of failsafe {account.account_id} ({account.name}) within {length}.",
        f"Anyone who reads the mailbox {account.email} can then set a password and sign in as root user.",
        "If the login is complete in time, it stays. If not, everything is deleted again.",
        *plan.remarks,
    ]


def _open_and_wait(
    application: Application, plan: RecoveryPlan, output: OutputFormat, terminal: Terminal, progress: Progress
) -> int:
    """Once the opening begins, a signal means to close; it never leaves the window open."""
    from rootkeeper.cli.rendering.failsafes import show_set_up
    from rootkeeper.cli.rendering.windows import list_set_up_steps
    from rootkeeper.failsafe.set_up import FailsafeLoginKeeper

    with StopRequests() as stops:
        opening = application.window_opener(progress).open(plan)
        if opening.outcome is not OpenOutcome.OPEN:
            terminal.remark(f"error: {opening.explanation}", style="bold red")
            if opening.error is not None and opening.error.hint:
                terminal.remark(f"hint: {render_hint(opening.error.hint)}")
            return opening.exit_status
        for line in list_set_up_steps(plan.request.account, opening.window, application.endpoint.people_url):
            terminal.remark(line)
        watch = application.login_monitor(progress, opening.window)
        with Countdown(terminal, application.clock.now) as countdown:
            countdown.show(opening.window)
            keeping = FailsafeLoginKeeper(application, progress).wait_and_keep(
                application.window_waiter(progress),
                opening.window,
                watch,
                lambda: countdown.tick() or stops.asked_once(),
            )
        account_id = keeping.window.account_id
        if keeping.is_kept:
            terminal.remark(keeping.explanation, style="bold green")
            terminal.remark(
                "Register a second MFA device; one of the two must be hardware. Next: rootkeeper failsafe check"
            )
            show_set_up(account_id, "kept", (), keeping.window, output, terminal, application.clock)
            return ExitStatus.GOOD
        terminal.remark(f"{keeping.explanation} Closing the window: everything is deleted again.", style="bold red")
        closing = application.window_waiter(progress).close(keeping.window, stops.asked_twice)
        terminal.remark(closing.explanation, style=None if closing.is_closed else "bold red")
        missing = keeping.progress.shortcomings if keeping.progress is not None else ()
        outcome = "closed" if closing.is_closed else "close_failed"
        show_set_up(account_id, outcome, missing, closing.window, output, terminal, application.clock)
        return ExitStatus.INCOMPLETE


@gives_findings
def check(invocation: Invocation, fail_on: FailOnOptions) -> int:
    """Check each failsafe.

    A failsafe is a delegated administrator account for IAM. Its root login is the way in when the identity provider
    fails. It needs a mailbox that a group reads, a password, two MFA devices of which one is hardware, no access key,
    no signing certificate, an alarm on use, a drill every 90 days, and no SCP that blocks it. Facts that AWS doesn't
    report are unknown until someone records them: rootkeeper emails attest, rootkeeper failsafe record-drill. For
    --fail-on, a failed check counts as "present".

    A failsafe of which every check passes is confirmed until its drill is 90 days old: only then its root login counts
    as kept on purpose in status, audit and report. A later check that fails or is unknown ends that. See rootkeeper
    failsafe attest for a statement instead of the check.

    Changes: nothing in AWS; records the result in the database and the ledger. Opens a read-only root session in each
    failsafe.

    AWS permissions: those of reading the organization (see rootkeeper audit); sts:AssumeRoot with the task policy
    IAMAuditRootUserCredentials; organizations:ListPoliciesForTarget, organizations:DescribePolicy.

    Exit statuses: 0 every check passes; 1 a check fails or is unknown, as --fail-on names; 2 wrong usage; 3 AWS or the
    ledger refused, or AWS can't be reached.
    """
    from rootkeeper.cli.rendering.failsafes import show_failsafes
    from rootkeeper.cli.rendering.listings import show_output
    from rootkeeper.findings.sources import list_failsafe_findings

    output = invocation.choose_output_or_findings(*LIST_OUTPUTS)

    findings = fail_on.to_set()
    with open_operator(invocation) as operator:
        operator.warn_overdue()
        report = operator.check_failsafes()
    show_output(report, output, invocation.terminal, show_failsafes, list_failsafe_findings)
    return ExitStatus.BAD if has_bad_checks(report.checks, findings) else ExitStatus.GOOD


def attest(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    account: Annotated[str, argument("ACCOUNT", "The delegated administrator account.")],
    claim: Annotated[Claim, option("--claim", "The attested fact.")],
    owner: Annotated[str, option("--owner", "Who is responsible for it.")],
    reason: Annotated[str, option("--reason", "Why it is so.")],
    until: Annotated[str, option("--until DATE", "When it ends, such as 2026-12-31 or 90d; at most a year.")],
) -> int:
    """Attest facts AWS doesn't show of a delegated administrator account.

    --claim kept: its root login is kept on purpose for emergency access, and is guarded. It then counts as a failsafe
    in status, audit and report while it has MFA, no access key and no signing certificate.

    --claim purpose: it is an account for security or management, not a workload account. Then the report's verdict on
    CIS AWS Foundations Benchmark 7.0, control 2.1.1, is Pass (attested) instead of Manual.

    The report shows owner, reason and end. The statement is self-asserted. A later statement of the same account and
    claim replaces it.

    Changes: nothing in AWS; stores the attestation in the database and the ledger.

    AWS permissions: those of reading the organization (see rootkeeper audit); opens no root session.

    Exit statuses: 0 recorded; 2 wrong usage or not confirmed; 3 AWS, the database or the ledger refused.
    """
    from rootkeeper.cli.rendering.failsafes import show_confirmations

    output = invocation.choose_output(*LIST_OUTPUTS)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        end = parse_moment(until, "--until", application.clock.now(), day_ends=True)
        confirmation = begin_change(invocation, application, change, output, progress, changes_aws=False)
        inventory, found = read_account(application, account, progress)
        attestation = application.failsafe_confirmer.prepare(
            inventory, found, claim, owner=owner, reason=reason, until=end
        )
        subject = f"account {found.account_id} ({found.name})"
        statement = {
            Claim.KEPT: f"Attest that the root login of {subject} is kept on purpose, and is guarded.",
            Claim.PURPOSE: f"Attest that {subject} is for security or management, not for workloads.",
        }[claim]
        if not confirmation.confirm([statement, attestation.sentence]):
            return ExitStatus.GOOD
        application.failsafe_confirmer.attest(attestation)
        show_confirmations([attestation], output, invocation.terminal)
    return ExitStatus.GOOD


def runbook(
    invocation: Invocation,
    *,
    account: Annotated[str | None, argument("ACCOUNT", "The failsafe; needed if there are several.")] = None,
) -> int:
    """Print the emergency runbook: AWS CLI steps that need nothing else.

    The steps contain this organization's ids: sign in as the failsafe's root user, create an IAM user with MFA and a
    role, open root sessions to audit, to allow a recovery and to delete everything again, and clean up. They need no
    Rootkeeper, database or identity provider, and contain no secret. The output is Markdown; print it before you need
    it.

    Changes: nothing. Opens no root session.

    AWS permissions: those of reading the organization (see rootkeeper audit).

    Exit statuses: 0 printed; 2 wrong usage, or there is no failsafe; 3 AWS refused or can't be reached.
    """
    from rootkeeper.cli.rendering.failsafes import show_runbook
    from rootkeeper.failsafe.runbook import RunbookFacts, write_runbook

    output = invocation.choose_output(*ONE_OUTPUTS)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        inventory = application.inventory_reader.read(progress)
        progress.finish()
        facts = RunbookFacts(
            organization_id=inventory.organization.organization_id,
            management_account_id=inventory.organization.management_account_id,
            failsafe=_choose_failsafe(account, inventory),
            partition=inventory.organization.partition,
            region=application.aws.region,
            endpoint_url=application.endpoint.people_url,
        )
    show_runbook(facts, write_runbook(facts), output, invocation.terminal)
    return ExitStatus.GOOD


def _choose_failsafe(text: str | None, inventory: Inventory) -> Account:
    from rootkeeper.failsafe.service import list_failsafes
    from rootkeeper.failsafe.set_up import require_failsafe

    if text is not None:
        found = find_account(NamedAccount(text), inventory.accounts)
        require_failsafe(found, inventory)
        return found
    failsafes = list_failsafes(inventory)
    if len(failsafes) == 1:
        return failsafes[0]
    if not failsafes:
        raise InputError(
            "There is no failsafe: no delegated administrator for IAM is registered, or the list can't be read.",
            hint="Register one: rootkeeper enable --delegated-administrator ID",
        )
    raise InputError(
        f"There are several failsafes: {', '.join(failsafe.account_id for failsafe in failsafes)}.",
        hint="Name one: rootkeeper failsafe runbook ACCOUNT",
    )


def record_drill(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    account: Annotated[str, argument("ACCOUNT", "The failsafe, or the management account.")],
    held_by: Annotated[str, option("--by NAME", "Who signed in.")],
    held_at: Annotated[str, option("--at DATE", "When, such as 2026-10-01.")],
    outcome: Annotated[DrillOutcome, option("--outcome", "Whether the sign-in worked.")],
    alarm: Annotated[AlarmObservation | None, option("--alarm", "Whether the sign-in raised an alarm.")] = None,
    device: Annotated[SignInDevice | None, option("--device", "The kind of MFA device used to sign in.")] = None,
) -> int:
    """Record a drill of the emergency sign-in.

    AWS doesn't report drills, so the record is self-asserted, and every command that shows it says so.

    Changes: nothing in AWS; records the drill in the ledger.

    AWS permissions: those of reading the organization (see rootkeeper audit); opens no root session.

    Exit statuses: 0 recorded; 2 wrong usage or not confirmed; 3 AWS, the database or the ledger refused.
    """
    from rootkeeper.cli.rendering.failsafes import show_drills

    output = invocation.choose_output(*LIST_OUTPUTS)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        moment = parse_moment(held_at, "--at", application.clock.now(), day_ends=False)
        confirmation = begin_change(invocation, application, change, output, progress, changes_aws=False)
        inventory, found = read_account(application, account, progress)
        drill = application.drill_recorder.prepare(
            inventory, found, held_by=held_by, held_at=moment, outcome=outcome, alarm=alarm, device=device
        )
        statement = (
            f"Record a drill in account {drill.account_id}: held {drill.held_at:%Y-%m-%d} by {drill.held_by}, "
            f"{drill.outcome.value}; {drill.source}."
        )
        if not confirmation.confirm([statement]):
            return ExitStatus.GOOD
        application.drill_recorder.record(drill)
        show_drills([drill], output, invocation.terminal)
    return ExitStatus.GOOD


def breakglass(invocation: Invocation, fail_on: FailOnOptions) -> int:
    """Show who can open root sessions, and which access remains without Identity Center.

    Lists per task each principal with policies that allow root sessions: IAM users and roles of the management account
    and of each failsafe, and permission sets of IAM Identity Center with their people. Shows which access remains
    without Identity Center, and when it was last tried. IAM describes only the caller's own account: run the command in
    the management account and in each failsafe. A line that this caller can't read says who can. For --fail-on, a
    failed check counts as "present". JSON Lines and CSV contain the checks; JSON also contains the principals.

    Changes: nothing in AWS except the management account's credential report: iam:GenerateCredentialReport creates it
    if there is none from the last four hours. Opens a read-only root session in each failsafe.

    AWS permissions: those of rootkeeper failsafe check; iam:GetAccountAuthorizationDetails, iam:GetPolicy,
    iam:GetPolicyVersion, iam:GetLoginProfile, iam:ListAccessKeys, iam:ListMFADevices, iam:GetAccountSummary,
    iam:GenerateCredentialReport, iam:GetCredentialReport; sso:List*, sso:Describe*, sso:Get*;
    identitystore:DescribeUser, identitystore:DescribeGroup, identitystore:ListGroupMemberships.

    Exit statuses: 0 every check passes; 1 a check fails or is unknown, as --fail-on names; 2 wrong usage; 3 AWS or the
    ledger refused, or AWS can't be reached.
    """
    from rootkeeper.cli.rendering.failsafes import show_breakglass

    output = invocation.choose_output(*LIST_OUTPUTS)
    findings = fail_on.to_set()
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        warn_overdue(application, invocation.terminal)
        report = application.breakglass_reading.read(progress)
    progress.finish()
    show_breakglass(report, output, invocation.terminal)
    return ExitStatus.BAD if has_bad_checks(report.checks, findings) else ExitStatus.GOOD


application = PanelGroup(help="Set up and check the failsafe: the delegated administrator's root login.")
add(application, set_up, "set-up")
add(application, check, "check")
add(application, attest, "attest")
add(application, runbook, "runbook")
add(application, record_drill, "record-drill")
breakglass_application = command(breakglass)
