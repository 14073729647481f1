"""The audit: the status of each account's root user credentials, by root sessions that can't change anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from rootkeeper.domain.audit_records import AuditHead, head_to_record
from rootkeeper.domain.job_requests import AuditRequest, audit_to_parameters
from rootkeeper.domain.jobs import JobKind, JobProgress, JobState
from rootkeeper.domain.ledger import canonical_json
from rootkeeper.domain.organizations import Account, AccountId, Caller, Endpoint, Inventory
from rootkeeper.domain.selection import EVERYTHING, SelectionRequest, require_request
from rootkeeper.domain.selection_records import request_from_record
from rootkeeper.domain.setup_drift import SetupDrift
from rootkeeper.domain.statuses import (
    FAIL_ON_FINDINGS,
    AccountRole,
    AccountStatus,
    FailOn,
    Status,
    StatusReason,
    count_statuses,
)
from rootkeeper.errors import DatabaseError, InputError, JobConflictError, JobLostError, RootkeeperError
from rootkeeper.ports.history import AuditHistory, KeptAudit
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.stopping import StopSignal
from rootkeeper.workflows.account_reading import AccountReader, AccountReaderTools
from rootkeeper.workflows.audit_remarks import FIRST_AUDIT_REMARK, describe_age
from rootkeeper.workflows.audit_run import AuditRun, Emit
from rootkeeper.workflows.inventory import InventoryReader
from rootkeeper.workflows.jobs import JobService, RunningJob
from rootkeeper.workflows.setup_drift import DriftReader
from rootkeeper.workflows.stopping import NullStopSignal

_WORTH_ANOTHER_TRY = frozenset({StatusReason.ERROR, StatusReason.THROTTLED})
"""Why an account is read again when its audit goes on; a refusal would only come again."""


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """How an audit is done."""

    details: bool = False
    """Whether credentials are read one by one where there are some."""
    refresh: bool = False
    """Whether to wait for a complete listing, however young the last one is."""
    fail_on: frozenset[FailOn] = FAIL_ON_FINDINGS
    """What makes the answer a bad one; only kept, for whoever resumes the job."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found."""

    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    started_at: datetime
    ended_at: datetime
    accounts: tuple[AccountStatus, ...]
    """The selected accounts, in the order of the inventory. Counts: ``statuses.count_statuses``."""
    drift: SetupDrift
    """How the set-up differs from the accepted one."""
    is_inventory_complete: bool = True
    """Whether the accounts were listed to the end in this audit; else the inventory is of ``inventory.listed_at``."""

    @property
    def head(self) -> AuditHead:
        """All but the accounts."""
        return AuditHead(
            caller_arn=self.caller.arn,
            endpoint=self.endpoint.label,
            started_at=self.started_at,
            ended_at=self.ended_at,
            listed_at=self.inventory.listed_at,
            is_inventory_complete=self.is_inventory_complete,
            drift=self.drift,
        )


@dataclass(frozen=True, slots=True)
class AuditInterrupted:
    """An audit that was asked to stop; what it read is remembered."""

    job_id: str
    read: int
    total: int | None
    is_cancelled: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """Reads the status of accounts. Two calls per ACTIVE member account: sts:AssumeRoot, iam:GetAccountSummary."""

    inventory: InventoryReader
    tools: AccountReaderTools
    jobs: JobService
    drift: DriftReader
    history: AuditHistory | None = None
    """Where each audit is kept whole; without it only its counts are."""

    def run(
        self,
        progress: Progress,
        request: SelectionRequest = EVERYTHING,
        options: AuditOptions | None = None,
        *,
        stop: StopSignal | None = None,
        emit: Emit | None = None,
    ) -> AuditReport | AuditInterrupted:
        """Audit the selected accounts; a job remembers what is done.

        One account's failure is its status. Remarks go to ``progress``: that a first audit reaches alarms, that the
        feature is off.

        :param emit: told each selected account's status as it becomes known.
        :raises InputError: if the selection is wrong; no root session was opened.
        :raises OrganizationIncompleteError: if the listing isn't complete; what was read so far is remembered.
        :raises LedgerUnavailableError: if the ledger can't be written; no further root session was opened.
        :raises AwsCredentialsError: if the operator's own credentials ended.
        """
        options = options or AuditOptions()
        require_request(request)
        asked = AuditRequest(request, details=options.details, refresh=options.refresh, fail_on=options.fail_on)
        job = self.jobs.begin(JobKind.AUDIT, audit_to_parameters(asked))
        return self._perform(job, request, options, {}, progress, stop, emit)

    def resume(
        self,
        job_id: str,
        progress: Progress,
        *,
        retry_failed: bool = False,
        stop: StopSignal | None = None,
        emit: Emit | None = None,
    ) -> AuditReport | AuditInterrupted:
        """Go on with an interrupted audit: accounts that it has read aren't read again.

        :param retry_failed: read again what is unknown, even where AWS refused.
        :raises InputError: if there is no such job.
        :raises JobConflictError: if it runs, or is over.
        """
        return self.continue_job(self.jobs.take_over(job_id), progress, retry_failed=retry_failed, stop=stop, emit=emit)

    def continue_job(
        self,
        job: RunningJob,
        progress: Progress,
        *,
        retry_failed: bool = False,
        stop: StopSignal | None = None,
        emit: Emit | None = None,
    ) -> AuditReport | AuditInterrupted:
        """The same with a job that this process has taken over, also one that nobody has begun yet."""
        job.count(JobProgress())
        parameters = job.job.parameters
        request = request_from_record(parameters["selection"])  # type: ignore[arg-type]  # what ``run`` kept
        options = AuditOptions(details=parameters["details"] is True, refresh=parameters["refresh"] is True)
        earlier = self._list_earlier(job.job.created_at, details=options.details)
        if retry_failed:
            earlier = {key: status for key, status in earlier.items() if status.status is not Status.UNKNOWN}
        return self._perform(job, request, options, earlier, progress, stop, emit)

    def read_accounts(
        self, accounts: Iterable[tuple[Account, AccountRole]], progress: Progress, *, details: bool
    ) -> dict[AccountId, AccountStatus]:
        """The status of each of these accounts, as read now; they are remembered.

        :raises LedgerUnavailableError: if the ledger can't be written; no further root session was opened.
        """
        wanted = list(accounts)
        progress.start("Reading accounts", len(wanted))
        with AccountReader(self.tools, progress, NullStopSignal(self.tools.clock), details=details) as reading:
            reading.feed(wanted)
            reading.finish()
        progress.finish()
        return reading.statuses

    def _perform(
        self,
        job: RunningJob,
        request: SelectionRequest,
        options: AuditOptions,
        earlier: Mapping[AccountId, AccountStatus],
        progress: Progress,
        stop: StopSignal | None,
        emit: Emit | None,
    ) -> AuditReport | AuditInterrupted:
        started_at = self.tools.clock.now()
        if not self.tools.store.has_audits():
            progress.remark(FIRST_AUDIT_REMARK)
        run = AuditRun(
            reading=self.inventory,
            drift_reader=self.drift,
            tools=self.tools,
            request=request,
            progress=progress,
            stop=stop or NullStopSignal(self.tools.clock),
            job=job,
            details=options.details,
            refresh=options.refresh,
            earlier=earlier,
            emit=emit,
        )
        with _resumable_on_failure(job):
            run.perform()
            progress.finish()
            return self._report(run, started_at, progress)

    def _report(self, run: AuditRun, started_at: datetime, progress: Progress) -> AuditReport | AuditInterrupted:
        if run.inventory is None or run.is_interrupted:
            run.job.end(JobState.INTERRUPTED, "Asked to stop.")
            return AuditInterrupted(run.job.job_id, run.read, run.job.progress.total, run.job.is_cancelled)
        if not run.is_inventory_complete:
            progress.remark(describe_age(run.inventory, run.listing, self.tools.clock.now()))
        wanted = run.request.statuses
        accounts = tuple(status for status in run.statuses if not wanted or status.status in wanted)
        ended_at = self.tools.clock.now()
        self._keep(run, accounts, started_at, ended_at)
        report = AuditReport(
            run.inventory,
            self.tools.caller,
            self.tools.reader.endpoint,
            started_at,
            ended_at,
            accounts,
            run.drift,
            run.is_inventory_complete,
        )
        if run.job.job.is_of_server:
            run.job.set_outcome(canonical_json(head_to_record(report.head)))
        run.job.end(JobState.DONE)
        return report

    def _keep(
        self, run: AuditRun, accounts: tuple[AccountStatus, ...], started_at: datetime, ended_at: datetime
    ) -> None:
        """Under the job's id, so that one that is resumed after this is kept once."""
        if self.history is None:
            self.tools.store.record_audit(started_at, ended_at, count_statuses(accounts))
            return
        audit = KeptAudit(
            audit_id=run.job.job_id,
            started_at=started_at,
            ended_at=ended_at,
            endpoint=self.tools.reader.endpoint.label,
            is_complete=replace(run.request, statuses=EVERYTHING.statuses) == EVERYTHING,
            requested_by=run.job.job.created_by,
            summary=count_statuses(run.statuses),
        )
        self.history.add(audit, run.statuses)

    def _list_earlier(self, since: datetime, *, details: bool) -> dict[AccountId, AccountStatus]:
        """What was read since then, and needn't be read again."""
        return {
            account_id: status
            for account_id, status in self.tools.store.list_statuses().items()
            if status.observed_at is not None
            and status.observed_at >= since
            and status.role is not AccountRole.MANAGEMENT
            and status.reason not in _WORTH_ANOTHER_TRY
            and not (details and status.status is Status.PRESENT and status.credentials is None)
        }


@contextmanager
def _resumable_on_failure(job: RunningJob) -> Iterator[None]:
    """A job that can't go on now can later, unless what was asked for is wrong; one that was lost is another's."""
    try:
        yield
    except JobLostError:
        raise
    except (RootkeeperError, KeyboardInterrupt) as error:
        state = JobState.FAILED if isinstance(error, InputError) else JobState.INTERRUPTED
        remark = error.message if isinstance(error, RootkeeperError) else "Interrupted."
        with suppress(DatabaseError, JobConflictError):
            job.end(state, remark)
        raise
