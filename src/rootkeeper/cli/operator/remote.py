"""The operator through a server: no AWS credentials, no database.

Before a policy of a bucket or queue is changed, it is shown; its hash goes with the change, so that no other policy is
changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from rootkeeper.access.rules import Permission
from rootkeeper.audit.rules import AuditRequest, audit_to_parameters
from rootkeeper.cli.changes import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.operator.interface import DeletionProposal, Operator, Recovery, Unlocking
from rootkeeper.cli.operator.remote_jobs import RemoteJobs
from rootkeeper.cli.options import UNUSED_DAYS, parse_past_moment
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.progress import open_countdown
from rootkeeper.cli.rendering.listings import Record
from rootkeeper.cli.rendering.unlocks import describe_verdict
from rootkeeper.cli.rendering.windows import describe_request
from rootkeeper.cli.terminal import Terminal
from rootkeeper.clock import SystemClock
from rootkeeper.deletion.records import describe_plan, parse_plan, require_valid_here
from rootkeeper.deletion.rules import WaveRules, describe_waves
from rootkeeper.errors import InputError, NotFoundError, RootkeeperError, ServerUnreachableError, UnprovenChangeError
from rootkeeper.jobs.rules import Job, JobKind, JobState
from rootkeeper.ledger.rules import LedgerEntry, LedgerVerification, parse_entry, verification_from_record
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import FailOn
from rootkeeper.remote.connections import PAGE, Connection, segment
from rootkeeper.remote.server import Membership, RemoteServer
from rootkeeper.unlock.rules import ChangeKind
from rootkeeper.windows.records import window_from_record
from rootkeeper.windows.rules import (
    FINAL_STATES,
    LONGEST_DURATION,
    ClosingResult,
    OpeningResult,
    OpenOutcome,
    RecoveryWindow,
    WindowRequest,
    WindowState,
)
from rootkeeper.worker.requests import (
    PlanRequest,
    PreflightRequest,
    UnlockRequest,
    plan_to_parameters,
    preflight_to_parameters,
    unlock_to_parameters,
)

if TYPE_CHECKING:
    from rootkeeper.audit.service import AuditReport
    from rootkeeper.cli.operator.interface import Emit
    from rootkeeper.cli.progress import Countdown
    from rootkeeper.deletion.resumption import ResumePlan
    from rootkeeper.deletion.rules import DeletionPlan, DeletionReport
    from rootkeeper.deletion.service import DeletionOptions
    from rootkeeper.guardrails.service import PreflightReport
    from rootkeeper.organization.accounts import Inventory
    from rootkeeper.organization.progress import StopSignal
    from rootkeeper.organization.selection import SelectionRequest
    from rootkeeper.removal.rules import AccountDeletion


_LOOK_SECONDS = 1.0


_UNREACHABLE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class RemoteWindows:
    """The recovery windows of one server, which decides who can do what.

    :raises RootkeeperError: what the server refuses, as its own error.
    """

    server: RemoteServer

    @property
    def connection(self) -> Connection:
        return self.server.connection

    def list_windows(self, *, unfinished: bool) -> tuple[RecoveryWindow, ...]:
        """List windows, newest first."""
        query = {"unfinished": unfinished, "limit": PAGE}
        return tuple(self._parse(record) for record in self.connection.list_pages("windows", "windows", query))

    def get(self, text: str) -> RecoveryWindow:
        """Get the window of that id, or the latest of that account.

        :raises NotFoundError: if there is none.
        """
        try:
            return self._parse(self.connection.get(f"windows/{segment(text)}"))
        except NotFoundError:
            account_id = self._find_account(text)
            if account_id is None:
                raise
            return self._parse(self.connection.get(f"windows/{account_id}"))

    def request(self, wanted: WindowRequest) -> RecoveryWindow:
        """Request a window; APPROVED at once if it needs no approval."""
        return self._parse(self.connection.post("windows", asdict(wanted)))

    def approve(self, window: RecoveryWindow) -> RecoveryWindow:
        """Approve it as it was shown; the server refuses another account or length."""
        terms = {"account_id": window.account_id, "duration_seconds": window.duration_seconds}
        return self._change(window.window_id, "approve", terms)

    def deny(self, window: RecoveryWindow, reason: str) -> RecoveryWindow:
        return self._change(window.window_id, "deny", {"reason": reason})

    def cancel(self, window: RecoveryWindow) -> RecoveryWindow:
        return self._change(window.window_id, "cancel")

    def extend(self, window: RecoveryWindow, seconds: int) -> RecoveryWindow:
        """Approve that it is extended."""
        return self._change(window.window_id, "extend", {"duration_seconds": seconds})

    def review(self, window: RecoveryWindow) -> RecoveryWindow:
        return self._change(window.window_id, "review")

    def activate(self, window: RecoveryWindow) -> OpeningResult:
        """Open it; the answer comes when a re-read shows the result."""
        return self.connection.parse_answer(_parse_opening, self._post(window.window_id, "activate"))

    def close(self, window: RecoveryWindow) -> ClosingResult:
        """Close it now; the answer comes when a re-read shows the result."""
        return self.connection.parse_answer(_parse_closing, self._post(window.window_id, "close"))

    def read_report(self, window: RecoveryWindow) -> tuple[Record, str]:
        """Read its report, as JSON values and as Markdown."""
        record = dict(self.connection.get(f"windows/{segment(window.window_id)}/report"))
        markdown = self.connection.parse_answer(lambda found: str(found.pop("markdown")), record)
        return record, markdown

    def list_steps(self, window: RecoveryWindow) -> Sequence[str]:
        """List what a person does in the open window."""
        from rootkeeper.cli.rendering.recovery_steps import list_steps_on_server

        people_url = self.server.read_membership().endpoint.people_url
        email = self._find_email(window.account_id) or "the root user's address"
        return list_steps_on_server(email, window, people_url)

    def _find_email(self, account_id: AccountId) -> str | None:
        """Find the root user's address, if the server knows the account."""
        try:
            record = self.connection.get(f"accounts/{account_id}")
        except NotFoundError:
            return None
        return self.connection.parse_answer(lambda found: str(found["email"]), record)

    def _change(self, window_id: str, what: str, body: Mapping[str, Any] | None = None) -> RecoveryWindow:
        return self._parse(self._post(window_id, what, body))

    def _post(self, window_id: str, what: str, body: Mapping[str, Any] | None = None) -> Any:
        return self.connection.post(f"windows/{segment(window_id)}/{what}", body)

    def _parse(self, record: Any) -> RecoveryWindow:
        return self.connection.parse_answer(window_from_record, record)

    def _find_account(self, name: str) -> str | None:
        """Find the id of the one account of that name, if the server knows it."""
        found = [
            self.connection.parse_answer(lambda record: str(record["account_id"]), account)
            for account in self.connection.list_pages("accounts", "accounts", {"q": name, "limit": PAGE})
            if account.get("name") == name
        ]
        return found[0] if len(found) == 1 else None


def _parse_opening(record: Mapping[str, Any]) -> OpeningResult:
    return OpeningResult(
        window=window_from_record(record),
        outcome=OpenOutcome(record["outcome"]),
        explanation=record["explanation"],
        hint=record["hint"],
        exit_status=int(record["exit_status"]),
    )


def _parse_closing(record: Mapping[str, Any]) -> ClosingResult:
    return ClosingResult(
        window=window_from_record(record),
        is_closed=record["is_closed"] is True,
        explanation=record["explanation"],
        hint=record["hint"],
    )


class RemoteRecovery(Recovery):
    """Requests a window and, if it needs no approval, opens it. The server closes it at its end."""

    def __init__(self, windows: RemoteWindows, terminal: Terminal, request: WindowRequest) -> None:
        self._windows, self._terminal, self._request = windows, terminal, request
        self.statement = [
            describe_request(request),
            (
                "If it needs no approval, it opens at once. Anyone who reads the root user's mailbox can then set a "
                "password and sign in as root user."
            ),
            "At its end the server closes it and deletes every root user credential of the account.",
        ]

    def open(self) -> OpeningResult:
        window = self._windows.request(self._request)
        if window.state is not WindowState.APPROVED:
            return OpeningResult(window, None)
        try:
            return self._windows.activate(window)
        except (ServerUnreachableError, UnprovenChangeError):
            raise
        except RootkeeperError:
            with suppress(RootkeeperError):  # a request that can't be opened must not block the next one
                self._windows.cancel(window)
            raise

    def list_steps(self, window: RecoveryWindow) -> Sequence[str]:
        return self._windows.list_steps(window)

    def wait(self, window: RecoveryWindow, stop: StopSignal) -> ClosingResult:
        with open_countdown(self._terminal, window, SystemClock()) as countdown:
            waiting = WindowFollower(self._windows.get, self._terminal.remark, stop, time.monotonic)
            window = waiting.wait(window, countdown)
        if stop.asked_once() and window.state not in FINAL_STATES:
            self._terminal.remark("Closing now.")
            return self._windows.close(window)
        if window.state is WindowState.CLOSED_VERIFIED:
            return ClosingResult(window, True, "Closed: a re-read shows no root user credentials in the account.")
        if window.state is WindowState.CLOSE_FAILED:
            reason = window.failure or "no reason is known."
            return ClosingResult(window, False, f"The window isn't closed: {reason} The server keeps trying.")
        return ClosingResult(window, False, f"The window isn't proven to be closed: its state is {window.state.value}.")


@dataclass(slots=True)
class WindowFollower:
    """Waits for the end of one open window. The server closes it, whether or not anyone waits."""

    read: Callable[[str], RecoveryWindow]
    remark: Callable[[str], None]
    stop: StopSignal
    monotonic: Callable[[], float]
    _unreachable_since: float | None = None

    def wait(self, window: RecoveryWindow, countdown: Countdown) -> RecoveryWindow:
        """Return the window when it ends, when closing it fails, or when a stop is requested.

        :raises ServerUnreachableError: if the server hasn't answered for two minutes.
        """
        while window.state not in FINAL_STATES and window.state is not WindowState.CLOSE_FAILED:
            countdown.tick()
            if self.stop.wait(_LOOK_SECONDS):
                break
            window = self._look(window)
            countdown.show(window)
        return window

    def _look(self, window: RecoveryWindow) -> RecoveryWindow:
        try:
            found = self.read(window.window_id)
        except ServerUnreachableError as error:
            now = self.monotonic()
            if self._unreachable_since is None:
                self._unreachable_since = now
                self.remark(f"{error.message} Waiting for the server.")
            if now - self._unreachable_since > _UNREACHABLE_SECONDS:
                raise ServerUnreachableError(
                    f"{error.message} The server closes recovery window {window.window_id} when it runs again.",
                    hint=f"Start the server, then run: rootkeeper windows show {window.window_id}",
                ) from error
            return window
        self._unreachable_since = None
        return found


class RemoteOperator(Operator):
    """Works with one server, as the user or token that signed in."""

    patience = timedelta(minutes=1)
    """The server closes windows at their end, so a window is overdue only after this time."""

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
    ) -> Confirmation:
        known = self._membership
        known.require_permission(needs)
        context = ChangeContext(
            organization_id=known.organization_id,
            caller_arn=f"{known.name} ({known.kind.value}, {known.role.value}) on {self._server.url}",
            endpoint=known.endpoint.label,
        )
        confirmation = Confirmation(self.terminal, context, options, output)
        if not options.dry_run:
            confirmation.require_answerable()
        self.warn_overdue()
        return confirmation

    def warn_overdue(self) -> None:
        try:
            unfinished = self._windows.list_windows(unfinished=True)
        except RootkeeperError as error:
            self.terminal.remark(f"Overdue recovery windows can't be listed: {error.message}", style="bold red")
            return
        for window in unfinished:
            self.warn_if_overdue(window)

    # the past

    def read_history(
        self, account: str, organization: str | None, start: datetime | None, end: datetime | None
    ) -> Record:
        _refuse_organization(organization)
        record = self._server.connection.get(f"history/{segment(account)}")

        def is_within(entry: Mapping[str, Any]) -> bool:
            at = datetime.fromisoformat(entry["at"])
            return (start is None or start <= at) and (end is None or at <= end)

        return self._server.connection.parse_answer(
            lambda found: {**found, "entries": [entry for entry in found["entries"] if is_within(entry)]}, record
        )

    def list_audits(self, organization: str | None) -> Sequence[Record]:
        _refuse_organization(organization)
        return list(self._server.connection.list_pages("audits", "audits", {"limit": PAGE}))

    def compare_audits(
        self, older: str | None, newer: str | None, organization: str | None
    ) -> tuple[Record, frozenset[FailOn]]:
        _refuse_organization(organization)
        query = {"older": _parse_audit_reference(older), "newer": _parse_audit_reference(newer)}
        record = self._server.connection.get("audits/diff", query)
        return record, self._server.connection.parse_answer(
            lambda found: frozenset(map(FailOn, found["worse"])), record
        )

    def list_entries(self, since: int, account_id: AccountId | None, limit: int | None) -> Iterable[LedgerEntry]:
        query = {"after": since, "account_id": account_id, "limit": PAGE}
        for record in islice(self._server.connection.list_pages("ledger", "entries", query), limit):
            yield self._server.connection.parse_answer(lambda entry: parse_entry(json.dumps(entry)), record)

    def verify_ledger(self) -> LedgerVerification:
        """Have the server verify its ledger.

        A job is done if the ledger is intact. It fails if the ledger isn't intact, or couldn't be checked. So a failed
        job is believed only if its result is bad: an earlier attempt may have left a good one.
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
        from rootkeeper.cli.operator.remote_jobs import read_audit

        job = self._jobs.follow(job, stop)
        if job.state is not JobState.DONE:
            raise self._jobs.end_unfinished(job)
        report = read_audit(self._server, self._jobs.read_outcome(job.job_id), job)
        if emit is not None:
            for status in report.accounts:
                emit(status)
        return report

    def preflight(self, request: SelectionRequest) -> PreflightReport:
        from rootkeeper.cli.operator.remote_jobs import read_preflight

        body = preflight_to_parameters(PreflightRequest(request))
        return read_preflight(self._server, self._jobs.perform("preflights", body))

    def open_unlocking(self, request: UnlockRequest, policy: str | None, source: str) -> Unlocking:  # noqa: ARG002 - the server names none
        return RemoteUnlocking(self._jobs, request, policy)

    # jobs

    def list_jobs(self, *, unfinished: bool, limit: int | None = None) -> Sequence[Job]:
        return self._jobs.list_jobs(unfinished=unfinished, limit=limit)

    def get_job(self, job_id: str) -> Job:
        return self._jobs.get(job_id)

    def cancel_job(self, job_id: str) -> Job:
        return self._jobs.cancel(job_id)

    def list_results(self, job: Job) -> tuple[AccountDeletion, ...]:
        from rootkeeper.deletion.resumption import read_results

        if job.kind is not JobKind.DELETION:
            return ()
        return self._server.connection.parse_answer(lambda found: read_results(found, self._jobs), job)

    # deletions

    def plan_deletion(self, request: SelectionRequest, options: DeletionOptions) -> DeletionProposal:
        from rootkeeper.cli.operator.remote_jobs import has_findings

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

    def require_applicable(self, plan: DeletionPlan) -> None:
        """Only the server knows whether a job has begun the plan; it refuses the deletion then."""
        self._require_valid_here(plan)

    def delete(
        self,
        plan: DeletionPlan,
        rules: WaveRules,
        inventory: Inventory | None,  # noqa: ARG002 - the server has its own
        stop: StopSignal,
    ) -> DeletionReport:
        from rootkeeper.cli.operator.remote_jobs import report_nothing

        if not plan.targets:
            return report_nothing(plan, self.now())
        body = {"plan": describe_plan(plan), "waves": describe_waves(rules)}
        return self._finish_deletion(self._jobs.request("deletions", body), plan, stop)

    def read_resumption(self, job: Job, *, retry_failed: bool) -> ResumePlan:
        from rootkeeper.deletion.resumption import read_resumption

        resumption = self._server.connection.parse_answer(
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
        from rootkeeper.cli.operator.remote_jobs import read_deletion
        from rootkeeper.deletion.resumption import parse_results

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
        """Whether or not it is left open, the server closes it."""
        return RemoteRecovery(self._windows, self.terminal, request)

    def close_window(self, window: RecoveryWindow) -> ClosingResult:
        return self._windows.close(window)

    @property
    def approvals(self) -> RemoteWindows:
        return self._windows


def _refuse_organization(organization: str | None) -> None:
    """:raises InputError: if one is named: a server has only one."""
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


class RemoteUnlocking(Unlocking):
    """One account's bucket or queue, or all of them; the server opens the root sessions."""

    def __init__(self, jobs: RemoteJobs, request: UnlockRequest, policy: str | None) -> None:
        self._jobs, self._request, self._policy = jobs, request, policy

    def describe(self) -> Sequence[str]:
        request, kind = self._request, self._request.kind
        what = f"{kind.noun} {request.resource}" if request.resource else f"every {kind.noun}"
        change = f", save it and {_CHANGE_TEXTS[request.change]}" if request.change else ""
        task = f"with the task {kind.task_policy.value}"
        return [
            f"The server opens a root session on {request.account} {task}, to read the policy of {what}{change}.",
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
        """Run the job and return its record; a failed change also has one."""
        body = unlock_to_parameters(request) | ({} if policy is None else {"policy": policy})
        job = self._jobs.follow(self._jobs.request("unlocks", body))
        outcome = self._jobs.find_outcome(job.job_id) if job.is_over else None
        if job.state in {JobState.DONE, JobState.FAILED} and isinstance(outcome, Mapping) and "problem" not in outcome:
            return dict(outcome)
        raise self._jobs.end_unfinished(job)
