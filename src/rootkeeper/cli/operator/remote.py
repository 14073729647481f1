"""Asks a Rootkeeper server for what commands need: no AWS credentials, no database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.confirmation import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.deletion_options import UNUSED_DAYS
from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.moments import parse_past_moment
from rootkeeper.cli.operator.interface import (
    DeletionProposal,
    Operator,
    Recovery,
    Unlocking,
)
from rootkeeper.cli.operator.remote_jobs import RemoteJobs
from rootkeeper.cli.operator.remote_windows import RemoteRecovery, RemoteWindows
from rootkeeper.cli.rendering.listings import Record
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.access import Permission
from rootkeeper.domain.job_requests import (
    AuditRequest,
    PlanRequest,
    PreflightRequest,
    UnlockRequest,
    audit_to_parameters,
    plan_to_parameters,
    preflight_to_parameters,
)
from rootkeeper.domain.jobs import Job, JobKind, JobState
from rootkeeper.domain.ledger import LedgerEntry, parse_entry
from rootkeeper.domain.ledger_verification import LedgerVerification, verification_from_record
from rootkeeper.domain.openings import ClosingResult, WindowRequest
from rootkeeper.domain.plan_files import describe_plan, parse_plan, require_valid_here
from rootkeeper.domain.statuses import FailOn
from rootkeeper.domain.waves import WaveRules, describe_waves
from rootkeeper.domain.windows import LONGEST_DURATION, RecoveryWindow
from rootkeeper.errors import InputError, RootkeeperError
from rootkeeper.remote.server import Membership, RemoteServer

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import Emit
    from rootkeeper.domain.deletion import AccountDeletion, DeletionPlan, DeletionReport
    from rootkeeper.domain.organizations import AccountId, Inventory
    from rootkeeper.domain.selection import SelectionRequest
    from rootkeeper.ports.stopping import StopSignal
    from rootkeeper.workflows.audit import AuditReport
    from rootkeeper.workflows.deletion import DeletionOptions
    from rootkeeper.workflows.deletion_jobs import ResumePlan
    from rootkeeper.workflows.preflight import PreflightReport


class RemoteOperator(Operator):
    """Works with one server, as the person or program whose token it has."""

    patience = timedelta(minutes=1)
    """The server closes windows at their end; so much later something keeps it from doing so."""

    def __init__(self, server: RemoteServer, terminal: Terminal) -> None:
        self.terminal = terminal
        self._server = server
        self._jobs = RemoteJobs(server.connection, terminal)
        self._windows = RemoteWindows(server)

    def __exit__(self, *_: object) -> None:
        """Nothing is kept open."""

    @cached_property
    def _membership(self) -> Membership:
        return self._server.read_membership()

    @property
    def recently_used_days(self) -> int:
        return UNUSED_DAYS

    @property
    def longest_window(self) -> timedelta:
        """Longer than that none may be; the server's own policy may be stricter."""
        return LONGEST_DURATION

    def now(self) -> datetime:
        return datetime.now(UTC)

    def begin_change(
        self,
        options: ChangeOptions,
        output: OutputFormat,
        needs: Permission,
        *,
        needs_ledger: bool = True,  # noqa: ARG002 - the server knows
    ) -> Confirmation:
        known = self._membership
        known.require_permission(needs)
        context = ChangeContext(
            organization_id=known.organization_id,
            caller_arn=f"{known.name} ({known.kind.value}, {known.role.value}) on {self._server.url}",
            endpoint=known.endpoint.label,
        )
        confirmation = Confirmation(self.terminal, context, yes=options.yes, output=output)
        if not options.dry_run:
            confirmation.require_answerable()
        self.warn_overdue()
        return confirmation

    def warn_overdue(self) -> None:
        try:
            unfinished = self._windows.list_windows(unfinished=True)
        except RootkeeperError as error:
            self.terminal.remark(f"Whether a recovery window is overdue isn't known: {error.message}", style="bold red")
            return
        for window in unfinished:
            self.warn_if_overdue(window)

    # the past

    def read_history(
        self, account: str, organization: str | None, start: datetime | None, end: datetime | None
    ) -> Record:
        _ensure_no_organization(organization)
        record = self._server.read_history(account)

        def is_within(entry: Mapping[str, Any]) -> bool:
            at = datetime.fromisoformat(entry["at"])
            return (start is None or start <= at) and (end is None or at <= end)

        return self._server.connection.parse_answer(
            lambda found: {**found, "entries": [entry for entry in found["entries"] if is_within(entry)]}, record
        )

    def list_audits(self, organization: str | None) -> Sequence[Record]:
        _ensure_no_organization(organization)
        return list(self._server.list_audits())

    def compare_audits(
        self, older: str | None, newer: str | None, organization: str | None
    ) -> tuple[Record, frozenset[FailOn]]:
        _ensure_no_organization(organization)
        record = self._server.compare_audits(_parse_audit_reference(older), _parse_audit_reference(newer))
        return record, self._server.connection.parse_answer(
            lambda found: frozenset(map(FailOn, found["worse"])), record
        )

    def list_entries(self, since: int, account_id: AccountId | None, limit: int | None) -> Iterable[LedgerEntry]:
        for record in islice(self._server.list_entries(since=since, account_id=account_id), limit):
            yield self._server.connection.parse_answer(lambda entry: parse_entry(json.dumps(entry)), record)

    def verify_ledger(self) -> LedgerVerification:
        """A verification ends as done if the ledger is intact. It ends as failed both if the ledger isn't, and if it
        couldn't be checked. So a failed job is believed only what is bad: an attempt before it may have left a good
        verdict.
        """
        parse_answer = self._server.connection.parse_answer
        job = self._jobs.follow(self._jobs.request("ledger/verifications", {}))
        if job.state is JobState.DONE:
            return parse_answer(verification_from_record, self._jobs.read_outcome(job.job_id))
        outcome = self._jobs.find_outcome(job.job_id) if job.state is JobState.FAILED else None
        if isinstance(outcome, Mapping) and "problem" not in outcome:
            verification = parse_answer(verification_from_record, outcome)
            if not verification.is_intact:
                return verification
        raise self._jobs.end_unfinished(job)

    # readings

    def audit(
        self,
        request: AuditRequest,
        stop: StopSignal,
        emit: Emit | None,
    ) -> AuditReport:
        return self._finish_audit(self._jobs.request("audits", audit_to_parameters(request)), stop, emit)

    def resume_audit(self, job: Job, stop: StopSignal, emit: Emit | None, *, retry_failed: bool) -> AuditReport:
        return self._finish_audit(self._jobs.resume(job.job_id, retry_failed=retry_failed), stop, emit)

    def _finish_audit(self, job: Job, stop: StopSignal, emit: Emit | None) -> AuditReport:
        from rootkeeper.cli.operator.remote_answers import read_audit

        job = self._jobs.follow(job, stop)
        if job.state is not JobState.DONE:
            raise self._jobs.end_unfinished(job)
        report = read_audit(self._server, self._jobs.read_outcome(job.job_id), job)
        if emit is not None:
            for status in report.accounts:
                emit(status)
        return report

    def preflight(self, request: SelectionRequest) -> PreflightReport:
        from rootkeeper.cli.operator.remote_answers import read_preflight

        body = preflight_to_parameters(PreflightRequest(request))
        return read_preflight(self._server, self._jobs.perform("preflights", body))

    def open_unlocking(self, request: UnlockRequest, policy: str | None, source: str) -> Unlocking:  # noqa: ARG002 - the server names none
        from rootkeeper.cli.operator.remote_unlocking import RemoteUnlocking

        return RemoteUnlocking(self._jobs, request, policy)

    # jobs

    def list_jobs(self, *, unfinished: bool, limit: int | None = None) -> Sequence[Job]:
        return self._jobs.list_jobs(unfinished=unfinished, limit=limit)

    def get_job(self, job_id: str) -> Job:
        return self._jobs.get(job_id)

    def cancel_job(self, job_id: str) -> Job:
        return self._jobs.cancel(job_id)

    def list_results(self, job: Job) -> tuple[AccountDeletion, ...]:
        from rootkeeper.workflows.deletion_jobs import read_results

        if job.kind is not JobKind.DELETION:
            return ()
        return self._server.connection.parse_answer(lambda found: read_results(found, self._jobs), job)

    # deletions

    def plan_deletion(self, request: SelectionRequest, options: DeletionOptions) -> DeletionProposal:
        from rootkeeper.cli.operator.remote_answers import has_findings

        wanted = PlanRequest(
            selection=request,
            only=options.only,
            allowed_uses=tuple(options.allowed_uses.items()),
            not_before=options.not_before,
            not_after=options.not_after,
        )
        body = plan_to_parameters(wanted)
        del body["recent_seconds"]  # a setting of the server
        plan = parse_plan(json.dumps(self._jobs.perform("plans", body)))
        return DeletionProposal(plan, has_findings=lambda findings: has_findings(plan, findings))

    def ensure_applicable(self, plan: DeletionPlan) -> None:
        """Whether a job has begun it the server says when it is asked to delete."""
        self._ensure_valid_here(plan)

    def delete(
        self,
        plan: DeletionPlan,
        rules: WaveRules,
        inventory: Inventory | None,  # noqa: ARG002 - the server has its own
        stop: StopSignal,
    ) -> DeletionReport:
        from rootkeeper.cli.operator.remote_answers import report_nothing

        if not plan.targets:
            return report_nothing(plan, self.now())
        body = {"plan": describe_plan(plan), "waves": describe_waves(rules)}
        return self._finish_deletion(self._jobs.request("deletions", body), plan, stop)

    def read_resumption(self, job: Job, *, retry_failed: bool) -> ResumePlan:
        from rootkeeper.workflows.deletion_jobs import read_resumption

        resumption = self._server.connection.parse_answer(
            lambda found: read_resumption(found, self._jobs, retry_failed=retry_failed), job
        )
        self._ensure_valid_here(resumption.plan)
        return resumption

    def resume_deletion(self, job: Job, stop: StopSignal, *, retry_failed: bool) -> DeletionReport:
        plan = parse_plan(self._jobs.find_document(job.job_id))
        return self._finish_deletion(self._jobs.resume(job.job_id, retry_failed=retry_failed), plan, stop)

    def _ensure_valid_here(self, plan: DeletionPlan) -> None:
        require_valid_here(
            plan,
            organization_id=self._membership.organization_id,
            endpoint=self._membership.endpoint.label,
            now=self.now(),
        )

    def _finish_deletion(self, job: Job, plan: DeletionPlan, stop: StopSignal) -> DeletionReport:
        from rootkeeper.cli.operator.remote_answers import read_deletion
        from rootkeeper.workflows.deletion_jobs import parse_results

        job = self._jobs.follow(job, stop)
        if not job.is_over and job.state is not JobState.INTERRUPTED:
            raise self._jobs.end_unfinished(job)
        results = self._server.connection.parse_answer(
            lambda recorded: parse_results(plan, recorded), self._jobs.list_results(job.job_id)
        )
        if job.state is JobState.FAILED and not results:
            raise self._jobs.end_unfinished(job)
        return read_deletion(self._jobs, job, plan, results)

    # recovery windows

    def list_windows(self, *, unfinished: bool) -> Sequence[RecoveryWindow]:
        return self._windows.list_windows(unfinished=unfinished)

    def find_window(self, text: str) -> RecoveryWindow:
        return self._windows.get(text)

    def read_window_report(self, window: RecoveryWindow) -> tuple[Record, str]:
        return self._windows.read_report(window)

    def plan_recovery(self, request: WindowRequest, *, leave_open: bool) -> Recovery:  # noqa: ARG002 - the server closes it either way
        """Left open or not: the server closes it."""
        return RemoteRecovery(self._windows, self.terminal, request)

    def close_window(self, window: RecoveryWindow) -> ClosingResult:
        return self._windows.close(window)

    @property
    def approvals(self) -> RemoteWindows:
        return self._windows


def _ensure_no_organization(organization: str | None) -> None:
    """:raises InputError: if one is named: a server has one of its own."""
    if organization is not None:
        raise InputError("A server has one organization of its own.", hint="Leave out --organization or --server.")


def _parse_audit_reference(text: str | None) -> str | None:
    """A moment as the API reads it; what is none is an audit's id, or the server says what is wrong with it."""
    if text is None:
        return None
    try:
        return parse_past_moment(text, "The audit", datetime.now(UTC), day_ends=True).isoformat()
    except InputError:
        return text
