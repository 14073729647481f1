"""The operator on this machine, with the user's own AWS credentials and database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rootkeeper.cli.changes import (
    ChangeOptions,
    Confirmation,
    begin_change,
    read_account,
    remark_overdue,
    warn_overdue,
)
from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.invocation import Invocation
from rootkeeper.cli.operator.interface import (
    CheckedRecovery,
    DeletionProposal,
    Delivery,
    WrittenReport,
    describe_email_change,
)
from rootkeeper.cli.options import parse_past_moment
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.progress import open_progress
from rootkeeper.cli.rendering.listings import Record
from rootkeeper.errors import InputError, JobConflictError
from rootkeeper.jobs.rules import Job, JobKind
from rootkeeper.organization.accounts import Endpoint
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.organization.statuses import FailOn
from rootkeeper.shapes import fill_record
from rootkeeper.values import render_duration
from rootkeeper.windows.credentials import CredentialsStatement
from rootkeeper.windows.rules import CloseResult, OpeningResult, RecoveryWindow, WindowRequest

if TYPE_CHECKING:
    from rootkeeper.access.rules import Permission
    from rootkeeper.audit.rules import AuditRequest
    from rootkeeper.audit.service import AuditInterrupted, AuditReport
    from rootkeeper.aws.rules import OneTimePassword
    from rootkeeper.changes.removal_rules import AccountDeletion
    from rootkeeper.cli.operator.interface import Emit, PeriodRequest
    from rootkeeper.cli.operator.remote import RemoteOperator
    from rootkeeper.cli.progress import Countdown
    from rootkeeper.composition.application import Application
    from rootkeeper.controls.assessment import AssessedReport
    from rootkeeper.controls.rules import Control
    from rootkeeper.deletion.resumption import ResumePlan
    from rootkeeper.deletion.rules import DeletionOptions, DeletionPlan, DeletionReport, WaveRules
    from rootkeeper.delivery.planning import DeliveryPlan
    from rootkeeper.delivery.targets import DeliveryRequest
    from rootkeeper.failsafe.service import FailsafeReport
    from rootkeeper.guardrails.service import BlockingPolicyFinder, PreflightReport
    from rootkeeper.ledger.rules import LedgerEntry, LedgerVerification
    from rootkeeper.organization.accounts import Account, AccountId, Inventory
    from rootkeeper.organization.progress import Progress, StopSignal
    from rootkeeper.organization.selection import SelectionRequest
    from rootkeeper.reports.formats import Format
    from rootkeeper.root_emails.records import EmailChangeOutcome, EmailChangeRecord
    from rootkeeper.root_emails.rules import EmailChangeRequest
    from rootkeeper.root_emails.service import EmailReport
    from rootkeeper.unlock.service import PolicyChangeRequest, UnlockPlan
    from rootkeeper.worker.requests import UnlockRequest


_REVIEW = "A second person must review it within 24 hours, through a server: rootkeeper windows review WINDOW_ID"


class LocalOperator:
    """Works with the services of this process; a context manager closes its connections and files."""

    def __init__(self, invocation: Invocation, application: Application, emergency_file: Path | None = None) -> None:
        """:param emergency_file: the only record of an emergency while the database can't be reached."""
        self.invocation = invocation
        self.terminal = invocation.terminal
        self.application = application
        self._emergency_file = emergency_file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.application.close()
        if self._emergency_file is not None and self._emergency_file.exists():
            self.terminal.remark(
                f"Only {self._emergency_file} records what was done. Keep it. When the database is back, import it: "
                f"rootkeeper ledger import {self._emergency_file}",
                style="bold red",
            )

    @cached_property
    def _progress(self) -> Progress:
        return open_progress(self.terminal)

    @cached_property
    def inventory(self) -> Inventory:
        """The organization's accounts, read once."""
        inventory = self.application.inventory_reader.read(self._progress)
        self._progress.finish()
        return inventory

    @property
    def recently_used_days(self) -> int:
        """For how many days a use counts as recent, for a deletion."""
        return self.application.settings.deletion.recently_used_days

    @property
    def longest_window(self) -> timedelta:
        return self.application.settings_in_force.windows.longest

    def now(self) -> datetime:
        return self.application.clock.now()

    def begin_change(
        self,
        options: ChangeOptions,
        output: OutputFormat,
        needs: Permission,  # noqa: ARG002 - AWS decides
        *,
        needs_ledger: bool = True,
        changes_aws: bool = True,
    ) -> Confirmation:
        """Prepare a change; a dry run only shows overdue windows.

        :param needs: the permission on a server; the others as ``changes.begin_change``.
        :raises InputError: if the terminal can't ask; nothing was done.
        """
        return begin_change(
            self.invocation,
            self.application,
            options,
            output,
            self._progress,
            needs_ledger=needs_ledger,
            changes_aws=changes_aws,
        )

    def warn_overdue(self) -> None:
        """Show each recovery window that is past its end; change nothing. A failed reading is only remarked."""
        warn_overdue(self.application, self.terminal)

    def warn_if_overdue(self, window: RecoveryWindow) -> None:
        """Show the window if it is past its end or was reopened."""
        if window.is_overdue(now := self.now()) or window.is_reopened:
            remark_overdue(window, now, self.terminal)

    # the past

    def read_history(
        self, account: str, organization: str | None, start: datetime | None, end: datetime | None
    ) -> Record:
        """Read an account's timeline between two moments, both included."""
        from rootkeeper.history.records import HistoryAnswer

        reading = self.application.history_reader(organization)
        history = reading.read_account(account, start, end)
        return fill_record(HistoryAnswer, history, organization_id=reading.organization_id)

    def list_audits(self, organization: str | None) -> Sequence[Record]:
        """List stored audits, newest first."""
        from rootkeeper.history.records import kept_audit_record

        history = self.application.history_reader(organization).history
        return [kept_audit_record(audit) for audit in history.list_audits()]

    def compare_audits(
        self, older: str | None, newer: str | None, organization: str | None
    ) -> tuple[Record, frozenset[FailOn]]:
        """Compare two audits, each named by its id or a date; also the findings that got worse."""
        from rootkeeper.history.records import comparison_record

        reading, now = self.application.history_reader(organization), self.now()
        compared = reading.compare(older, newer, lambda text: parse_past_moment(text, "The audit", now, day_ends=True))
        worse = frozenset(finding for finding in FailOn if compared.difference.is_worse(frozenset({finding})))
        return comparison_record(compared, reading.organization_id), worse

    def write_report(self, wanted: PeriodRequest, chosen: Format, frameworks: Sequence[str]) -> WrittenReport:
        """Write the evidence of a period, with the verdicts on the controls of frameworks."""
        report = self._assess(frameworks, wanted)
        return WrittenReport(
            chosen.render(report),
            Endpoint(report.endpoint),
            report.list_fail_on(),
            report.history.other_organization_ids,
        )

    def list_entries(
        self,
        since: int,
        account_id: AccountId | None,
        limit: int | None,
        *,
        start: datetime | None,
        end: datetime | None,
    ) -> Iterable[LedgerEntry]:
        """List ledger entries after the sequence number ``since``, oldest first."""
        return self.application.ledger_reader.list_entries(
            since_sequence=since, account_id=account_id, start=start, end=end, limit=limit
        )

    def verify_ledger(self) -> LedgerVerification:
        """Verify the whole chain."""
        return self.application.ledger_reader.verify()

    # controls

    def read_controls(self, frameworks: Sequence[str], wanted: PeriodRequest) -> Record:
        """Judge the controls of frameworks at the end of a period."""
        from rootkeeper.controls.records import describe_controls

        return describe_controls(self._assess(frameworks, wanted))

    def read_control(self, control: Control, wanted: PeriodRequest) -> Record:
        """Judge a control, with every account behind the verdict."""
        from rootkeeper.controls.records import describe_control

        report = self._assess([control.framework_id], wanted)
        assessment = next(found for found in report.assessments if found.control == control)
        return describe_control(report, assessment)

    def _assess(self, framework_ids: Sequence[str], wanted: PeriodRequest) -> AssessedReport:
        from rootkeeper.controls.assessment import assess_report
        from rootkeeper.controls.control_map import choose_frameworks

        frameworks = choose_frameworks(framework_ids)
        stale_after = wanted.stale_after or self.application.settings.history.stale_after
        period = replace(wanted.period, stale_after=stale_after)
        return assess_report(self.application.evidence_compiler(wanted.organization).compile(period), frameworks)

    def attest_control(self, control: Control, *, owner: str, reason: str, until: datetime) -> Record:
        """Record a person's attestation of a control."""
        from rootkeeper.controls.records import ControlAttestationRecord

        attested = self.application.control_attester.attest(control, owner=owner, reason=reason, until=until)
        return fill_record(ControlAttestationRecord, attested)

    # readings

    def audit(self, request: AuditRequest, stop: StopSignal, emit: Emit | None) -> AuditReport | AuditInterrupted:
        """Read the selected accounts; ``emit`` receives each as soon as its status is known."""
        with self._finished_progress() as progress:
            return self.application.audit.run(progress, request, stop=stop, emit=emit)

    def resume_audit(
        self, job: Job, stop: StopSignal, emit: Emit | None, *, retry_failed: bool
    ) -> AuditReport | AuditInterrupted:
        """Resume an interrupted audit; the answer covers all of it."""
        with self._finished_progress() as progress:
            return self.application.audit.resume(job.job_id, progress, retry_failed=retry_failed, stop=stop, emit=emit)

    def preflight(self, request: SelectionRequest) -> PreflightReport:
        """Evaluate which tasks policies would block."""
        with self._finished_progress() as progress:
            return self.application.preflight.run(progress, request)

    def check_failsafes(self) -> FailsafeReport:
        """Check each failsafe, and record which of them passed."""
        with self._finished_progress() as progress:
            report = self.application.failsafe_checker.check(progress)
        self.application.failsafe_confirmer.record_checks(report)
        return report

    def list_root_emails(self, request: SelectionRequest) -> EmailReport:
        """Check root e-mail addresses of the selected accounts."""
        with self._finished_progress() as progress:
            return self.application.root_email_reader.read(request, progress)

    def plan_email_change(self, account: str, request: EmailChangeRequest) -> LocalEmailChange:
        """Make all checks that need no change. ``account`` is an id or a unique name."""
        return LocalEmailChange(self.application, self._progress, account, request)

    def open_unlocking(self, request: UnlockRequest, policy: str | None, source: str) -> LocalUnlocking:
        """Find the account. ``source`` is the file of the new policy."""
        from rootkeeper.unlock.rules import require_unlockable

        inventory, account = read_account(self.application, request.account, self._progress)
        require_unlockable(account, inventory, request.included_failsafes)
        finder = self.application.blocking_policy_finder(inventory)
        return LocalUnlocking(self.application, self._progress, account, finder, request, policy, source)

    def plan_delivery(self, request: DeliveryRequest) -> Delivery:
        """Compile the report, and check its places without a change; for Security Hub, a call checks that it is on.

        :raises InputError: if the report or its place can't be used.
        :raises AwsError: if Security Hub is off, or can't be read.
        """
        plans = self.application.delivery_planner.plan(request)
        for plan in plans:
            self.application.report_sender.check(plan)
        return Delivery([line for plan in plans for line in plan.describe()], partial(self._send, plans))

    def _send(self, plans: Sequence[DeliveryPlan]) -> Record:
        from rootkeeper.delivery.records import deliveries_to_record

        application = self.application
        with self._finished_progress() as progress:
            results = application.report_sender.send_all(plans, progress)
        return deliveries_to_record(results, application.organization_id, application.endpoint.label)

    # jobs

    def list_jobs(self, *, unfinished: bool, limit: int | None = None) -> Sequence[Job]:
        """List jobs, newest first."""
        return self.application.jobs.list_jobs(unfinished_only=unfinished, limit=limit)

    def get_job(self, job_id: str) -> Job:
        """:raises InputError: if there is none."""
        return self.application.jobs.get(job_id)

    def cancel_job(self, job_id: str) -> Job:
        """Cancel it for good."""
        return self.application.job_service.cancel(job_id)

    def list_results(self, job: Job) -> tuple[AccountDeletion, ...]:
        """List the results of a deletion so far; other kinds have none."""
        from rootkeeper.deletion.resumption import read_results

        return read_results(job, self.application.jobs) if job.kind is JobKind.DELETION else ()

    # deletions

    def plan_deletion(self, request: SelectionRequest, options: DeletionOptions) -> DeletionProposal:
        """Read the selected accounts and plan."""
        from rootkeeper.deletion.rules import has_plan_findings

        with self._finished_progress() as progress:
            reading = self.application.deletion.plan(request, options, progress)
        in_order = frozenset(status.account.account_id for status in reading.statuses if status.is_failsafe_in_order)
        return DeletionProposal(
            reading.plan, reading.inventory, lambda findings: has_plan_findings(reading.plan, findings, in_order)
        )

    def require_applicable(self, plan: DeletionPlan) -> None:
        """:raises PlanInvalidError: if the plan isn't valid here and now.
        :raises JobConflictError: if a job has begun it and hasn't ended.
        """
        from rootkeeper.jobs.service import find_unfinished

        self.application.deletion.require_valid_here(plan)
        self.terminal.remark(
            "The file's hash protects against accidents alone, not against a person who edits the file. "
            f"Each account of plan {plan.plan_id} is checked again."
        )
        job = find_unfinished(self.application.jobs, JobKind.DELETION, "plan_id", plan.plan_id)
        if job is None:
            return
        raise JobConflictError(
            f"Job {job.job_id} has begun plan {plan.plan_id} and is {job.state.value}: {job.progress.done} of "
            f"{job.progress.total} accounts are done.",
            hint=f"Resume it: rootkeeper jobs resume {job.job_id}. To begin again: rootkeeper jobs cancel {job.job_id}",
        )

    def delete(
        self, plan: DeletionPlan, rules: WaveRules, inventory: Inventory | None, stop: StopSignal
    ) -> DeletionReport:
        """Delete exactly as confirmed; ``inventory`` is from the plan's own reading."""
        deletion = self.application.deletion
        with self._finished_progress() as progress:
            if plan.targets:
                inventory = deletion.choose_inventory(inventory, progress)
                _end_if_asked(stop)
            return deletion.apply(plan, progress, inventory, rules=rules, stop=stop)

    def read_resumption(self, job: Job, *, retry_failed: bool) -> ResumePlan:
        """Read the rest of an interrupted deletion; change nothing."""
        from rootkeeper.deletion.resumption import read_resumption

        resumption = read_resumption(job, self.application.jobs, retry_failed=retry_failed)
        self.application.deletion.require_valid_here(resumption.plan)
        return resumption

    def resume_deletion(self, job: Job, stop: StopSignal, *, retry_failed: bool) -> DeletionReport:
        """Delete the rest; the report covers the whole plan."""
        from rootkeeper.deletion.resumption import read_resumption

        deletion = self.application.deletion
        with self._finished_progress() as progress:
            inventory = deletion.choose_inventory(None, progress)
            _end_if_asked(stop)
            kept = self.application.job_service.take_over(job.job_id)
            resumption = read_resumption(kept.job, self.application.jobs, retry_failed=retry_failed)
            return deletion.continue_job(resumption.take_up(kept), progress, inventory, stop=stop)

    # recovery windows

    def list_windows(self, *, unfinished: bool) -> Sequence[RecoveryWindow]:
        """List windows, newest first."""
        return self.application.windows.list_windows(unfinished_only=unfinished)

    def find_window(self, text: str) -> RecoveryWindow:
        """Find it by window id, account id, or a name in the last inventory; without an AWS call.

        :raises InputError: if there is none.
        """
        inventory = self.application.inventory_store.find_last()
        named = [account.account_id for account in inventory.accounts if account.name == text] if inventory else []
        return self.application.windows.get(named[0] if len(named) == 1 else text)

    def read_window_report(self, window: RecoveryWindow) -> tuple[Record, str]:
        """Read its report, as JSON values and as Markdown."""
        from rootkeeper.evidence.windows import render_window_markdown, report_to_record

        report = self.application.window_reporter.report(window.window_id)
        return report_to_record(report), render_window_markdown(report)

    def plan_recovery(
        self, request: WindowRequest, credentials: CredentialsStatement, *, leave_open: bool
    ) -> LocalRecovery:
        """Make all checks that need no change."""
        return LocalRecovery(self, self._progress, request, credentials, leave_open=leave_open)

    def close_window(self, window: RecoveryWindow) -> CloseResult:
        """Close it now, and read the account again."""
        with self._finished_progress() as progress:
            return self.application.window_closer(progress).close(window)

    @property
    def approvals(self) -> RemoteOperator:
        """Refuse: who works on a database directly only asserts an identity, and that is no approval.

        :raises InputError: always; only a server collects approvals.
        """
        raise InputError(
            "Only a server collects approvals, and no server is named. Nothing was done.",
            hint="Add --server URL; rootkeeper serve runs one. Without approvals: rootkeeper recover ACCOUNT",
        )

    @contextmanager
    def _finished_progress(self) -> Iterator[Progress]:
        """Give the progress, and remove it from the terminal before the answer is shown."""
        yield self._progress
        self._progress.finish()


class LocalRecovery:
    """Opens the window and waits for its end in this process."""

    def __init__(
        self,
        operator: LocalOperator,
        progress: Progress,
        request: WindowRequest,
        credentials: CredentialsStatement,
        *,
        leave_open: bool,
    ) -> None:
        """Read the organization and the account.

        :raises InputError: if the account can't be recovered now.
        """
        from rootkeeper.windows.checks import RecoveryRequest

        self._operator, self._application = operator, operator.application
        self._progress = progress
        self._request, self._leave_open = request, leave_open
        self._account = account = find_account(NamedAccount(request.account), operator.inventory.accounts)
        usual = self._application.settings_in_force.windows.default_length
        length = usual if request.duration_seconds is None else timedelta(seconds=request.duration_seconds)
        wanted = RecoveryRequest(
            account,
            request.reason,
            request.ticket,
            int(length.total_seconds()),
            governs_login=request.governs_login,
            credentials=credentials,
        )
        self._plan = self._application.recovery_planner.plan(operator.inventory, wanted)
        end = (
            "Nothing closes the window at its end, because no server is running."
            if leave_open
            else "This command waits until the end of the window, or until Ctrl-C, and then deletes every root user "
            "credential of the account."
        )
        drill = ", as a drill" if request.is_drill else ""
        urgent = [f"EMERGENCY: the window opens without approval. {_REVIEW}"] if request.is_emergency else []
        named = f"the root user of account {account.account_id} ({account.name}) for {render_duration(length)}{drill}."
        opens = [
            f"Allow password recovery for {named}",
            f"Anyone who reads the mailbox {account.email} can then set a password and sign in as root user.",
        ]
        self.statement = [
            *urgent,
            *([f"Govern the existing login of {named}"] if request.governs_login else opens),
            end,
            *self._plan.remarks,
        ]

    def check(self) -> CheckedRecovery:
        """Return what the checks found; they were made at the start."""
        account, seconds = self._account, self._plan.request.duration_seconds
        ending = (
            "Nothing closes the windows at their end, because no server is running."
            if self._leave_open
            else "This command waits until the end of each window, or until Ctrl-C, and then deletes every root user "
            "credential of its account."
        )
        return CheckedRecovery(account.account_id, account.name, account.email, seconds, self._plan.remarks, ending)

    def open(self) -> OpeningResult:
        """Allow password recovery, or govern the existing login.

        :raises RootkeeperError: the refusal.
        """
        return self._application.window_opener(self._progress).open(
            self._plan, is_drill=self._request.is_drill, is_emergency=self._request.is_emergency
        )

    def list_steps(self, window: RecoveryWindow) -> Sequence[str]:
        """List the steps of a person in the open window."""
        from rootkeeper.cli.rendering.windows import list_next_steps

        return list_next_steps(
            self._account,
            window,
            self._application.endpoint.people_url,
            leave_open=self._leave_open,
            governs_login=self._request.governs_login,
        )

    def wait(self, window: RecoveryWindow, stop: StopSignal, countdown: Countdown) -> CloseResult:
        """Wait for the window's end. A stop closes it at once. Several windows can be waited for, each in a thread."""
        from rootkeeper.windows.closing import WaitResult

        waiting = self._application.window_waiter(self._progress)
        countdown.show(window)
        end = waiting.wait(window, lambda: countdown.tick() or stop.asked_once(), countdown.show)
        countdown.hide(window)
        self._operator.terminal.remark("Closing now." if end is WaitResult.STOPPED else "Closing.")
        return waiting.close(window, stop.asked_twice)


def _end_if_asked(stop: StopSignal) -> None:
    """A stop before anything begins ends the command."""
    if stop.asked_once():
        raise KeyboardInterrupt


@dataclass
class LocalUnlocking:
    """An account's bucket or queue, or all of them."""

    _application: Application
    _progress: Progress
    _account: Account
    _finder: BlockingPolicyFinder
    _request: UnlockRequest
    _policy: str | None
    _source: str
    _planned: UnlockPlan | None = None

    @property
    def _organization_id(self) -> str:
        return self._application.organization.organization_id

    def describe(self) -> Sequence[str]:
        """Describe the steps; opens no root session.

        :raises InputError: if the change isn't allowed.
        """
        from rootkeeper.unlock.rules import ChangeKind

        kind, account, name = self._request.kind, self._account, self._request.resource
        task = f"with the task {kind.task_policy.value}"
        session = f"Open a root session on account {account.account_id} ({account.name}) {task}"
        if self._request.change is None:
            place = f"{kind.noun} {name}" if name else f"every {kind.noun}"
            return [f"{session}, and read the policy of {place}.", "This changes nothing, with or without --dry-run."]
        self._application.unlock_planner.check(self._change_request)
        texts = {
            ChangeKind.CORRECTED: "remove the statements that lock everyone out",
            ChangeKind.REMOVE: "remove it",
            ChangeKind.REPLACE: f"replace it by the policy in {self._source}",
            ChangeKind.RESTORE: f"restore the saved copy {self._source}",
        }
        folder = self._application.settings.unlock.saved_policies
        return [
            f"{session}.",
            f"Save the policy of {kind.noun} {name} to {folder}, and {texts[self._request.change]}.",
            (
                "A dry run opens no root session, so it doesn't read the policy. To see it: "
                f"rootkeeper unlock {kind.value} {account.account_id} {name}"
            ),
        ]

    def read(self) -> Record:
        """Read a policy, or all policies of the account."""
        from rootkeeper.unlock.records import listing_to_record, resource_policy_to_record

        request, reading = self._request, self._application.unlock_reader
        with self._finder.explaining_refusals(self._account, request.kind.task_policy):
            if request.resource is None:
                listing = reading.list_all(self._account, request.kind, request.regions, self._progress)
                record: Record = listing_to_record(listing, self._organization_id)
            else:
                shown = reading.show_one(self._account, request.kind, request.resource, request.regions, self._progress)
                record = resource_policy_to_record(shown, self._organization_id)
        self._progress.finish()
        return record

    def plan(self) -> tuple[Sequence[str], Record | None]:
        """Describe the change; also the answer, if there is nothing to do."""
        from rootkeeper.unlock.records import unneeded_to_record
        from rootkeeper.unlock.service import describe_plan

        with self._finder.explaining_refusals(self._account, self._request.kind.task_policy):
            plan = self._application.unlock_planner.plan(self._change_request, self._progress)
        self._progress.finish()
        if plan.obstacle is not None:
            return (), unneeded_to_record(plan, self._organization_id)
        self._planned = plan
        return describe_plan(plan, str(self._application.settings.unlock.saved_policies)), None

    def change(self) -> tuple[Record, str | None]:
        """Make the confirmed change; also the result of a re-read, ``None`` if there was none."""
        from rootkeeper.unlock.records import outcome_to_record

        assert self._planned is not None  # noqa: S101 - planned before
        with self._finder.explaining_refusals(self._account, self._request.kind.task_policy):
            outcome = self._application.unlock_run.apply(self._planned, self._progress)
        found = None if outcome.found is None else outcome.found.explanation
        return outcome_to_record(outcome, self._organization_id), found

    @property
    def _change_request(self) -> PolicyChangeRequest:
        from rootkeeper.unlock.service import PolicyChangeRequest

        request = self._request
        assert request.resource is not None and request.change is not None  # noqa: S101, PT018 - the caller asked
        return PolicyChangeRequest(
            self._account, request.kind, request.resource, request.change, request.regions, self._policy, self._source
        )


class LocalEmailChange:
    """Changes the address with the operator's credentials."""

    def __init__(self, application: Application, progress: Progress, account: str, request: EmailChangeRequest) -> None:
        """Read the organization and the account's address.

        :raises RootkeeperError: as ``EmailChangePlanner.plan`` does.
        """
        inventory, found = read_account(application, account, progress)
        self._plan = plan = application.email_change_planner.plan(inventory, found, request)
        self._executor = application.email_change_executor
        self.account_id: str = found.account_id
        self.is_unneeded, self.is_started = plan.is_unneeded, plan.started is not None
        remarks = (render_hint(remark) or "" for remark in plan.remarks)
        objections = (f"OVERRIDDEN: {objection.explanation}" for objection in plan.objections)
        self.statement = describe_email_change(self.describe("started", ""), (*objections, *remarks))

    def describe(self, outcome: EmailChangeOutcome, explanation: str) -> EmailChangeRecord:
        """Describe the change where nothing was sent to AWS."""
        from rootkeeper.root_emails.records import change_to_record

        return change_to_record(self._plan, outcome, explanation)

    def start(self) -> EmailChangeRecord:
        """Have AWS send a one-time password to the new address.

        :raises RootkeeperError: the refusal.
        """
        from rootkeeper.root_emails.records import start_to_record

        return start_to_record(self._plan, self._executor.start(self._plan))

    def accept(self, otp: OneTimePassword) -> EmailChangeRecord:
        """Return the one-time password, and read the address again.

        :raises OneTimePasswordError: if AWS rejects it; nothing was changed.
        """
        from rootkeeper.root_emails.records import acceptance_to_record

        return acceptance_to_record(self._plan, self._executor.accept(self._plan, otp))
