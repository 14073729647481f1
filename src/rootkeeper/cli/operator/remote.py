"""The operator through a server: no AWS credentials, no database.

Before a policy of a bucket or queue is changed, it is shown; its hash goes with the change, so that no other policy is
changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Self, TypeVar

from rootkeeper.access.rules import Permission
from rootkeeper.audit.rules import AuditRequest
from rootkeeper.aws.rules import OneTimePassword
from rootkeeper.cli.changes import ChangeContext, ChangeOptions, Confirmation, remark_overdue
from rootkeeper.cli.operator.interface import (
    CheckedRecovery,
    DeletionProposal,
    Delivery,
    WrittenReport,
    describe_email_change,
)
from rootkeeper.cli.operator.remote_jobs import (
    RemoteJobs,
    read_audit,
    read_failsafe_checks,
    read_preflight,
    read_root_emails,
)
from rootkeeper.cli.options import parse_past_moment
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import Record
from rootkeeper.cli.rendering.unlocks import describe_verdict
from rootkeeper.cli.rendering.windows import describe_request, list_steps_on_server
from rootkeeper.cli.terminal import Terminal
from rootkeeper.deletion.execution import list_outcomes
from rootkeeper.deletion.made_plans import make_plan_job_id, refuse_plan
from rootkeeper.deletion.records import describe_plan, parse_plan, require_valid_here
from rootkeeper.deletion.resumption import parse_results, read_results, read_resumption
from rootkeeper.deletion.rules import DeletionReport, WaveRules, has_plan_findings
from rootkeeper.delivery.targets import DeliveryRequest
from rootkeeper.errors import (
    Hint,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    PlanInvalidError,
    RootkeeperError,
    ServerUnreachableError,
    UnprovenChangeError,
)
from rootkeeper.evidence.records import FINDINGS_HEADER, parse_findings
from rootkeeper.jobs.rules import Job, JobKind, JobState
from rootkeeper.ledger.rules import LedgerEntry, LedgerVerification, parse_entry, verification_from_record
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.records import account_from_record
from rootkeeper.organization.statuses import FailOn
from rootkeeper.remote.connections import PAGE, Connection, segment
from rootkeeper.remote.server import Membership, RemoteServer
from rootkeeper.root_emails.records import EmailChangeOutcome, EmailChangeRecord
from rootkeeper.shapes import fill_record, parse_facts, to_json_record
from rootkeeper.unlock.rules import ChangeKind
from rootkeeper.values import render_optional_instant
from rootkeeper.windows.credentials import CredentialsStatement
from rootkeeper.windows.records import window_from_record
from rootkeeper.windows.rules import (
    FINAL_STATES,
    LONGEST_DURATION,
    CloseOutcome,
    CloseResult,
    OpeningResult,
    RecoveryWindow,
    WindowRequest,
    WindowState,
)
from rootkeeper.worker.requests import PlanRequest, PreflightRequest, UnlockRequest, plan_to_parameters

if TYPE_CHECKING:
    from rootkeeper.audit.service import AuditReport
    from rootkeeper.changes.removal_rules import AccountDeletion
    from rootkeeper.cli.operator.interface import Emit, PeriodRequest
    from rootkeeper.cli.progress import Countdown
    from rootkeeper.controls.rules import Control
    from rootkeeper.deletion.resumption import ResumePlan
    from rootkeeper.deletion.rules import DeletionOptions, DeletionPlan
    from rootkeeper.failsafe.service import FailsafeReport
    from rootkeeper.guardrails.service import PreflightReport
    from rootkeeper.organization.accounts import Inventory
    from rootkeeper.organization.progress import StopSignal
    from rootkeeper.organization.selection import SelectionRequest
    from rootkeeper.reports.formats import Format
    from rootkeeper.root_emails.rules import EmailChangeRequest
    from rootkeeper.root_emails.service import EmailReport


_Result = TypeVar("_Result", CloseResult, OpeningResult)
_Parsed = TypeVar("_Parsed")
_LOOK_SECONDS = 1.0
_PATIENCE = timedelta(minutes=1)
"""The server closes windows at their end, so a window is overdue only after this time."""
_UNREACHABLE_SECONDS = 120.0


class RemoteRecovery:
    """Requests a window and, if it needs no approval, opens it. The server closes it at its end."""

    def __init__(self, operator: RemoteOperator, request: WindowRequest, *, leave_open: bool) -> None:
        """:param leave_open: whether the command doesn't wait; the server closes the window either way."""
        self._operator, self._request, self._leave_open = operator, request, leave_open
        self._unreachable_since: float | None = None
        danger = "Anyone who reads the root user's mailbox can then set a password and sign in as root user."
        opens = "If it needs no approval, it opens at once."
        self.statement = [
            describe_request(request),
            opens if request.governs_login else f"{opens} {danger}",
            "At its end the server closes it and deletes every root user credential of the account.",
        ]

    def check(self) -> CheckedRecovery:
        """Have the server check the request; nothing is requested."""
        return self._operator.check_window(self._request)

    def open(self) -> OpeningResult:
        window = self._operator.request_window(self._request)
        if window.state is not WindowState.APPROVED:
            return OpeningResult(window, None)
        try:
            return self._operator.activate_window(window)
        except (ServerUnreachableError, UnprovenChangeError):
            raise
        except RootkeeperError:
            with suppress(RootkeeperError):  # a request that can't be opened must not block the next
                self._operator.decide_window(window, "cancel")
            raise

    def list_steps(self, window: RecoveryWindow) -> Sequence[str]:
        waiting = () if self._leave_open else ("This command waits until then; Ctrl-C closes the window at once.",)
        steps = self._operator.list_steps(window, governs_login=self._request.governs_login)
        return (*steps, *waiting)

    def wait(self, window: RecoveryWindow, stop: StopSignal, countdown: Countdown) -> CloseResult:
        """Wait until the window ends, closing it fails, or a stop is requested. The server closes it in any case."""
        terminal = self._operator.terminal
        try:
            while window.state not in FINAL_STATES and window.state is not WindowState.CLOSE_FAILED:
                countdown.show(window)
                if stop.wait(_LOOK_SECONDS):
                    break
                window = self._look(window)
        finally:
            countdown.hide(window)
        if stop.asked_once() and window.state not in FINAL_STATES:
            terminal.remark("Closing now.")
            return self._operator.close_window(window)
        if window.state is WindowState.CLOSED_VERIFIED:
            explanation = f"Closed: a re-read shows no root user credentials in {window.account_id}."
            return CloseResult(window, CloseOutcome.CLOSED, explanation)
        named = f"The window of {window.account_id}"
        explanation = f"{named} isn't proven to be closed: its state is {window.state.value}."
        if window.state is WindowState.CLOSE_FAILED:
            reason = window.failure or "no reason is known."
            explanation = f"{named} isn't closed: {reason} The server keeps trying."
        return CloseResult(window, CloseOutcome.FAILED, explanation)

    def _look(self, window: RecoveryWindow) -> RecoveryWindow:
        try:
            found = self._operator.find_window(window.window_id)
        except ServerUnreachableError as error:
            now = time.monotonic()
            if self._unreachable_since is None:
                self._unreachable_since = now
                self._operator.terminal.remark(f"{error.message} Waiting for the server.")
            if now - self._unreachable_since > _UNREACHABLE_SECONDS:
                raise ServerUnreachableError(
                    f"{error.message} The server closes recovery window {window.window_id} when it runs again.",
                    hint=f"Start the server, then run: rootkeeper windows show {window.window_id}",
                ) from error
            return window
        self._unreachable_since = None
        return found


class RemoteOperator:
    """Works with a server, as the user or token that signed in."""

    def __init__(self, server: RemoteServer, terminal: Terminal) -> None:
        self.terminal = terminal
        self._server, self._connection = server, server.connection
        self._jobs = RemoteJobs(server.connection, terminal)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is kept open."""

    @cached_property
    def _membership(self) -> Membership:
        return self._server.read_membership()

    @property
    def recently_used_days(self) -> int:
        """Unused, because the server uses its own setting."""
        return 0

    @property
    def longest_window(self) -> timedelta:
        """The limit of every server; this server's policy may be stricter."""
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
        changes_aws: bool = True,  # noqa: ARG002 - the server knows
    ) -> Confirmation:
        known = self._membership
        known.require_permission(needs)
        context = ChangeContext(
            organization_id=known.organization_id,
            caller_arn=f"{known.name} ({known.kind.value}, {known.role.value}) on {self._connection.url}",
            endpoint=known.endpoint.label,
        )
        confirmation = Confirmation(self.terminal, context, options, output)
        if not options.dry_run:
            confirmation.require_answerable()
        self.warn_overdue()
        return confirmation

    def warn_overdue(self) -> None:
        try:
            unfinished = self.list_windows(unfinished=True)
        except RootkeeperError as error:
            self.terminal.remark(f"Overdue recovery windows can't be listed: {error.message}", style="bold red")
            return
        for window in unfinished:
            self.warn_if_overdue(window)

    def warn_if_overdue(self, window: RecoveryWindow) -> None:
        if window.is_overdue(self.now() - _PATIENCE) or window.is_reopened:
            remark_overdue(window, self.now(), self.terminal)

    # the past

    def read_history(
        self, account: str, organization: str | None, start: datetime | None, end: datetime | None
    ) -> Record:
        _refuse_organization(organization)
        record: Record = self._connection.get(f"history/{segment(account)}")
        with self._connection.parsing():
            entries = [
                entry
                for entry in record["entries"]
                for at in [datetime.fromisoformat(entry["at"])]
                if (start is None or start <= at) and (end is None or at <= end)
            ]
            return {**record, "entries": entries}

    def list_audits(self, organization: str | None) -> Sequence[Record]:
        _refuse_organization(organization)
        return list(self._connection.list_pages("audits", "audits"))

    def compare_audits(
        self, older: str | None, newer: str | None, organization: str | None
    ) -> tuple[Record, frozenset[FailOn]]:
        _refuse_organization(organization)
        query = {"older": _parse_audit_reference(older), "newer": _parse_audit_reference(newer)}
        return self._connection.read(
            lambda record: (record, frozenset(map(FailOn, record["worse"]))), "audits/diff", query
        )

    def write_report(self, wanted: PeriodRequest, chosen: Format, frameworks: Sequence[str]) -> WrittenReport:
        """:raises InputError: if an organization is named, or a reading's age isn't counted in whole days."""
        query, stale_after = _make_period_query(wanted), wanted.stale_after
        days = None if stale_after is None else stale_after // timedelta(days=1)
        if stale_after is not None and (not days or stale_after % timedelta(days=1)):
            raise InputError("A server counts the age of a reading in whole days.", hint="Use a length such as 7d.")
        query |= {"format": chosen.name, "stale_after_days": days, "framework": list(frameworks)}
        file = self._connection.get_file("reports", query)
        findings = self._connection.parse_answer(parse_findings, file.headers.get(FINDINGS_HEADER))
        return WrittenReport([file.content], self._membership.endpoint, findings)

    def list_entries(
        self,
        since: int,
        account_id: AccountId | None,
        limit: int | None,
        *,
        start: datetime | None,
        end: datetime | None,
    ) -> Iterable[LedgerEntry]:
        query = {
            "after": since,
            "account_id": account_id,
            "from": render_optional_instant(start),
            "to": render_optional_instant(end),
        }
        for record in islice(self._connection.list_pages("ledger", "entries", query), limit):
            yield self._connection.parse_answer(lambda entry: parse_entry(json.dumps(entry)), record)

    def verify_ledger(self) -> LedgerVerification:
        """Have the server verify its ledger.

        A job is done if the ledger is intact. It fails if the ledger isn't intact, or couldn't be checked. So a failed
        job is believed only if its result is bad: an earlier attempt may have left a good result.
        """
        parse_answer = self._connection.parse_answer
        job = self._jobs.follow(self._jobs.request("ledger/verifications", {}))
        if job.state is JobState.DONE:
            return parse_answer(verification_from_record, self._jobs.read_outcome(job.job_id))
        outcome = self._jobs.find_outcome(job.job_id) if job.state is JobState.FAILED else None
        if isinstance(outcome, Mapping) and "problem" not in outcome:
            verification = parse_answer(verification_from_record, outcome)
            if not verification.is_intact:
                return verification
        raise self._jobs.end_unfinished(job)

    # controls

    def read_controls(self, frameworks: Sequence[str], wanted: PeriodRequest) -> Record:
        return self._connection.read(dict, "controls", {"framework": list(frameworks), **_make_period_query(wanted)})

    def read_control(self, control: Control, wanted: PeriodRequest) -> Record:
        """Read every page; all pages have the end of the first page's period."""
        path, query = _find_path(control), {**_make_period_query(wanted), "limit": PAGE}
        record = self._connection.get(path, query)
        with self._connection.parsing():
            accounts, following = list(record["accounts"]), record["next"]
            times = {"from": record["period"]["from"], "to": record["period"]["to"]}
            while following is not None:
                page = self._connection.get(path, {**query, **times, "after": following})
                accounts, following = [*accounts, *page["accounts"]], page["next"]
            return {**record, "accounts": accounts, "next": None}

    def attest_control(self, control: Control, *, owner: str, reason: str, until: datetime) -> Record:
        body = {"owner": owner, "reason": reason, "until": until.isoformat()}
        return self._connection.change(dict, f"{_find_path(control)}/attestations", body)

    # readings

    def audit(self, request: AuditRequest, stop: StopSignal, emit: Emit | None) -> AuditReport:
        return self._finish_audit(self._jobs.request("audits", to_json_record(request)), stop, emit)

    def resume_audit(self, job: Job, stop: StopSignal, emit: Emit | None, *, retry_failed: bool) -> AuditReport:
        return self._finish_audit(self._jobs.resume(job.job_id, retry_failed=retry_failed), stop, emit)

    def _finish_audit(self, job: Job, stop: StopSignal, emit: Emit | None) -> AuditReport:
        job = self._jobs.follow(job, stop)
        if job.state is not JobState.DONE:
            raise self._jobs.end_unfinished(job)
        report = read_audit(self._connection, self._jobs.read_outcome(job.job_id), job)
        if emit is not None:
            for status in report.accounts:
                emit(status)
        return report

    def preflight(self, request: SelectionRequest) -> PreflightReport:
        body = to_json_record(PreflightRequest(request))
        return read_preflight(self._connection, self._jobs.perform("preflights", body))

    def check_failsafes(self) -> FailsafeReport:
        return read_failsafe_checks(self._connection, self._jobs.perform("failsafe-checks", {}))

    def list_root_emails(self, request: SelectionRequest) -> EmailReport:
        return read_root_emails(self._connection, request)

    def plan_email_change(self, account: str, request: EmailChangeRequest) -> RemoteEmailChange:
        return RemoteEmailChange(self._connection, account, request)

    def open_unlocking(self, request: UnlockRequest, policy: str | None, source: str) -> RemoteUnlocking:  # noqa: ARG002 - the server names none
        return RemoteUnlocking(self._jobs, request, policy)

    def plan_delivery(self, request: DeliveryRequest) -> Delivery:
        """The server compiles the report of its database, and sends it to a place of its settings."""
        place = request.to or "every place of its settings"
        statement = [f"The server sends the evidence report of its database to {place}."]
        return Delivery(statement, partial(self._jobs.perform_recorded, "report-deliveries", to_json_record(request)))

    # jobs

    def list_jobs(self, *, unfinished: bool, limit: int | None = None) -> Sequence[Job]:
        return self._jobs.list_jobs(unfinished=unfinished, limit=limit)

    def get_job(self, job_id: str) -> Job:
        return self._jobs.get(job_id)

    def cancel_job(self, job_id: str) -> Job:
        return self._jobs.cancel(job_id)

    def list_results(self, job: Job) -> tuple[AccountDeletion, ...]:
        if job.kind is not JobKind.DELETION:
            return ()
        return self._connection.parse_answer(lambda found: read_results(found, self._jobs), job)

    # deletions

    def plan_deletion(self, request: SelectionRequest, options: DeletionOptions) -> DeletionProposal:
        body = plan_to_parameters(PlanRequest(request, options))
        del body["recent_seconds"]  # a setting of the server
        plan = parse_plan(json.dumps(self._jobs.perform("plans", body)))
        # Failsafes that keep their root login on purpose, as the server read them for the plan.
        read = (account.account_id for account in plan.accounts if account.account_id in plan.included_failsafes)
        statuses = (self._connection.read(account_from_record, f"accounts/{account_id}") for account_id in read)
        in_order = frozenset(status.account.account_id for status in statuses if status.is_failsafe_in_order)
        return DeletionProposal(plan, has_findings=lambda findings: has_plan_findings(plan, findings, in_order))

    def require_applicable(self, plan: DeletionPlan) -> None:
        """Require that the server made exactly this plan: it applies its own copy, not the file.

        Only the server knows whether a job has begun the plan; it refuses the deletion then.
        """
        self._require_valid_here(plan)
        try:
            made = self._jobs.read_outcome(make_plan_job_id(plan.plan_id))
        except NotFoundError as error:
            raise refuse_plan(plan.plan_id) from error
        if made != describe_plan(plan):
            raise PlanInvalidError(
                f"The file differs from the plan {plan.plan_id} that the server made.",
                hint=Hint("Create a new plan on the server.", "plan.on_server"),
            )

    def delete(
        self,
        plan: DeletionPlan,
        rules: WaveRules,
        inventory: Inventory | None,  # noqa: ARG002 - the server has its own
        stop: StopSignal,
    ) -> DeletionReport:
        if not plan.targets:
            now = self.now()
            return DeletionReport(plan, plan.caller_arn, now, now, list_outcomes(plan, {}))
        body = {"plan_id": plan.plan_id, "only": sorted(plan.only), "waves": to_json_record(rules)}
        return self._finish_deletion(self._jobs.request("deletions", body), plan, stop)

    def read_resumption(self, job: Job, *, retry_failed: bool) -> ResumePlan:
        resumption = self._connection.parse_answer(
            lambda found: read_resumption(found, self._jobs, retry_failed=retry_failed), job
        )
        self._require_valid_here(resumption.plan)
        return resumption

    def resume_deletion(self, job: Job, stop: StopSignal, *, retry_failed: bool) -> DeletionReport:
        plan = parse_plan(self._jobs.find_document(job.job_id))
        return self._finish_deletion(self._jobs.resume(job.job_id, retry_failed=retry_failed), plan, stop)

    def _require_valid_here(self, plan: DeletionPlan) -> None:
        require_valid_here(
            plan,
            organization_id=self._membership.organization_id,
            endpoint=self._membership.endpoint.label,
            now=self.now(),
        )

    def _finish_deletion(self, job: Job, plan: DeletionPlan, stop: StopSignal) -> DeletionReport:
        job = self._jobs.follow(job, stop)
        if not job.is_over and job.state is not JobState.INTERRUPTED:
            raise self._jobs.end_unfinished(job)
        results = self._connection.parse_answer(
            lambda recorded: parse_results(plan, recorded), self._jobs.list_results(job.job_id)
        )
        if job.state is JobState.FAILED and not results:
            raise self._jobs.end_unfinished(job)
        # The job may have ended early; the report has a result of every account of the plan.
        head = self._jobs.find_outcome(job.job_id) or {}
        report = DeletionReport(
            plan=plan,
            caller_arn=str(head.get("caller_arn") or plan.caller_arn),
            started_at=datetime.fromisoformat(head["started_at"]) if head.get("started_at") else job.created_at,
            ended_at=job.ended_at or job.updated_at,
            accounts=list_outcomes(plan, {result.account_id: result for result in results}),
            job_id=job.job_id,
        )
        if not report.has_rest:
            return report
        is_cancelled = job.state is JobState.CANCELLED
        return replace(report, stopped_by=job.remark, was_interrupted=is_cancelled, is_cancelled=is_cancelled)

    # recovery windows

    def list_windows(self, *, unfinished: bool) -> Sequence[RecoveryWindow]:
        pages = self._connection.list_pages("windows", "windows", {"unfinished": unfinished})
        return tuple(self._connection.parse_answer(window_from_record, record) for record in pages)

    def find_window(self, text: str) -> RecoveryWindow:
        try:
            return self._connection.read(window_from_record, f"windows/{segment(text)}")
        except NotFoundError:
            with self._connection.parsing():
                accounts = self._connection.list_pages("accounts", "accounts", {"q": text})
                named = [str(account["account_id"]) for account in accounts if account["name"] == text]
            if len(named) != 1:
                raise
            return self._connection.read(window_from_record, f"windows/{named[0]}")

    def read_window_report(self, window: RecoveryWindow) -> tuple[Record, str]:
        record = self._connection.read(dict, f"windows/{segment(window.window_id)}/report")
        return record, self._connection.parse_answer(lambda found: str(found.pop("markdown")), record)

    def plan_recovery(
        self, request: WindowRequest, credentials: CredentialsStatement, *, leave_open: bool
    ) -> RemoteRecovery:
        """:raises InputError: with a statement about credentials: the server uses its own."""
        if credentials.is_made:
            raise InputError(
                "--credentials-end and --credentials-outlive-window are about your AWS credentials, and the server "
                "uses its own.",
                hint="Leave them out. If the server's credentials are renewed, set aws.credentials_renewed there.",
            )
        return RemoteRecovery(self, request, leave_open=leave_open)

    def close_window(self, window: RecoveryWindow) -> CloseResult:
        """Close it now; the answer comes when a re-read shows the result."""
        return self._change_window(partial(_parse_result, CloseResult), window, "close")

    @property
    def approvals(self) -> RemoteOperator:
        return self

    def request_window(self, wanted: WindowRequest) -> RecoveryWindow:
        """Request a window; APPROVED at once if it needs no approval."""
        return self._connection.change(window_from_record, "windows", asdict(wanted))

    def check_window(self, wanted: WindowRequest) -> CheckedRecovery:
        """Check a request without making it."""
        ending = "At its end the server closes each window and deletes every root user credential of its account."
        return self._connection.change(
            lambda found: parse_facts(CheckedRecovery, {**found, "ending": ending}), "windows/check", asdict(wanted)
        )

    def read_background(self, window: RecoveryWindow) -> Record:
        """Read what is needed to judge a request."""
        return self._connection.read(dict, f"windows/{segment(window.window_id)}/background")

    def decide_window(self, window: RecoveryWindow, decision: str, **terms: Any) -> RecoveryWindow:
        """Approve, deny, cancel, extend or review it.

        An approval is for the window as it was shown; the server refuses another account or length.
        """
        if decision == "approve":
            terms = {"account_id": window.account_id, "duration_seconds": window.duration_seconds}
        return self._change_window(window_from_record, window, decision, terms or None)

    def activate_window(self, window: RecoveryWindow) -> OpeningResult:
        """Open it; the answer comes when a re-read shows the result."""
        return self._change_window(partial(_parse_result, OpeningResult), window, "activate")

    def list_steps(self, window: RecoveryWindow, *, governs_login: bool) -> Sequence[str]:
        """List the steps of a person in the open window."""
        people_url = self._server.read_membership().endpoint.people_url
        try:
            email = self._connection.read(lambda account: str(account["email"]), f"accounts/{window.account_id}")
        except (NotFoundError, PermissionDeniedError):  # the window is open; its steps are still of use
            email = ""
        address = email or "the root user's address"
        return list_steps_on_server(address, window, people_url, governs_login=governs_login)

    def _change_window(
        self,
        parse: Callable[[Any], _Parsed],
        window: RecoveryWindow,
        decision: str,
        body: Mapping[str, Any] | None = None,
    ) -> _Parsed:
        return self._connection.change(parse, f"windows/{segment(window.window_id)}/{decision}", body)


def _parse_result(kind: type[_Result], record: Mapping[str, Any]) -> _Result:
    return parse_facts(kind, {"error": None, **record, "window": window_from_record(record)})


def _refuse_organization(organization: str | None) -> None:
    """:raises InputError: if an organization is named: a server has only one."""
    if organization is not None:
        raise InputError(
            "A server has one organization, so --organization can't be used.",
            hint="Leave out --organization or --server.",
        )


def _parse_audit_reference(text: str | None) -> str | None:
    """Parse a moment for the API; any other text is an audit's id."""
    if text is None:
        return None
    try:
        return parse_past_moment(text, "The audit", datetime.now(UTC), day_ends=True).isoformat()
    except InputError:
        return text


_CHANGE_TEXTS = {
    ChangeKind.CORRECTED: "remove the statements that lock everyone out",
    ChangeKind.REMOVE: "remove it",
    ChangeKind.REPLACE: "replace it by the policy in your file",
    ChangeKind.RESTORE: "restore the saved copy in your file",
}


class RemoteUnlocking:
    """An account's bucket or queue, or all of them; the server opens the root sessions."""

    def __init__(self, jobs: RemoteJobs, request: UnlockRequest, policy: str | None) -> None:
        self._jobs, self._request, self._policy = jobs, request, policy

    def describe(self) -> Sequence[str]:
        request, kind = self._request, self._request.kind
        place = f"{kind.noun} {request.resource}" if request.resource else f"every {kind.noun}"
        change = f", save it and {_CHANGE_TEXTS[request.change]}" if request.change else ""
        task = f"with the task {kind.task_policy.value}"
        return [
            f"The server opens a root session on {request.account} {task}, to read the policy of {place}{change}.",
            "A dry run opens no root session, so it doesn't read the policy.",
        ]

    def read(self) -> Record:
        return self._perform(self._request, self._policy)

    def plan(self) -> tuple[Sequence[str], Record | None]:
        change = self._request.change
        assert change is not None  # noqa: S101 - the caller asked
        seen = self._perform(replace(self._request, change=None), None)
        self._request = replace(self._request, shown_sha256=seen["sha256"])
        policy = "none" if seen["sha256"] is None else f"SHA-256 {seen['sha256']}"
        verdict = f"{describe_verdict(seen['verdict'])} {seen['explanation']}"
        return [
            f"The policy of {self._request.kind.noun} {seen['name']} in account {seen['account_id']}: {verdict}",
            f"Save it on the server and {_CHANGE_TEXTS[change]}. The policy now: {policy}.",
        ], None

    def change(self) -> tuple[Record, str | None]:
        done = self._perform(self._request, self._policy)
        if done["saved"] is not None:
            self._jobs.terminal.remark("The saved copy is on the server.")
        return done, describe_verdict(done["verdict_after"])

    def _perform(self, request: UnlockRequest, policy: str | None) -> Record:
        body = to_json_record(request) | ({} if policy is None else {"policy": policy})
        return self._jobs.perform_recorded("unlocks", body)


class RemoteEmailChange:
    """The server makes both calls to AWS."""

    def __init__(self, connection: Connection, account: str, request: EmailChangeRequest) -> None:
        """Have the server check the change.

        :raises InputError: if the rules are to be overridden.
        """
        if request.overrides:
            raise InputError(
                "A server overrides no rule, exception or failsafe.",
                hint="Leave out --override, or change the address with AWS credentials of your own, without --server.",
            )
        self._connection = connection
        self._wanted: Mapping[str, Any] = {
            "account": account,
            "address": request.address,
            "reason": request.reason,
            "ticket": request.ticket,
        }
        self._body = {**self._wanted, "restart": request.restarts}
        plan = connection.post("root-emails/changes/plan", self._body)
        with connection.parsing():
            self._planned = {name: str(plan[name]) for name in ("account_id", "name", "email_before", "email")}
            self.account_id = self._planned["account_id"]
            self.is_unneeded, self.is_started = bool(plan["is_unneeded"]), plan["started_at"] is not None
            self.statement = describe_email_change(self.describe("started", ""), map(str, plan["remarks"]))

    def describe(self, outcome: EmailChangeOutcome, explanation: str) -> EmailChangeRecord:
        return fill_record(EmailChangeRecord, None, **self._planned, outcome=outcome, explanation=explanation)

    def start(self) -> EmailChangeRecord:
        return self._connection.change(_parse_change, "root-emails/changes", self._body)

    def accept(self, otp: OneTimePassword) -> EmailChangeRecord:
        return self._connection.change(_parse_change, "one-time-passwords", {**self._wanted, "otp": otp.value})


def _parse_change(record: Mapping[str, Any]) -> EmailChangeRecord:
    return fill_record(EmailChangeRecord, None, **{name: record[name] for name in EmailChangeRecord.__annotations__})


def _find_path(control: Control) -> str:
    return f"controls/{segment(control.framework_id)}/{segment(control.control_id)}"


def _make_period_query(wanted: PeriodRequest) -> dict[str, Any]:
    """:raises InputError: if an organization is named."""
    _refuse_organization(wanted.organization)
    period = wanted.period
    return {"from": period.start.isoformat(), "to": None if wanted.ends_now else period.end.isoformat()}
