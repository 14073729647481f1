"""Audits the root user credentials of accounts, by root sessions that can't change anything.

Accounts are listed and read at the same time. Without an earlier inventory, accounts are read as the pages of the
listing arrive. With an earlier inventory, reading begins at once; the listing adds accounts that joined, and corrects
the others if it ends in time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from rootkeeper.audit.reading import AccountReader, AccountReaderTools
from rootkeeper.audit.records import head_to_record
from rootkeeper.audit.rules import AUDIT_EVENTS, WHOLE_AUDIT, AuditHead, AuditRequest
from rootkeeper.aws.organizations import PAGE_SIZE
from rootkeeper.errors import (
    DatabaseError,
    Hint,
    InputError,
    JobConflictError,
    JobLostError,
    RootAccessOffError,
    RootkeeperError,
    RootSessionsDeniedError,
)
from rootkeeper.guardrails.service import BlockingPolicyFinder, lacks_policy
from rootkeeper.inventory.listing import InventoryCollector, InventoryReader, select_accounts
from rootkeeper.inventory.store import AuditHistory
from rootkeeper.jobs.rules import JobKind, JobProgress, JobState
from rootkeeper.jobs.service import JobService, RunningJob
from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    AccountState,
    Caller,
    Endpoint,
    Feature,
    Inventory,
    Organization,
    OrganizationalUnit,
    Setup,
    add_place_names,
    find_credentials_obstacle,
    find_unnamed,
)
from rootkeeper.organization.progress import INTERRUPTED_REMARK, NullStopSignal, Progress, StopSignal
from rootkeeper.organization.selection import EVERYTHING, require_request
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    KeptAudit,
    Status,
    StatusReason,
    count_root_logins_left,
    count_statuses,
    counted_status,
    role_of,
)
from rootkeeper.setup.drift import DriftReader
from rootkeeper.setup.rules import NEVER_ACCEPTED, SetupDrift
from rootkeeper.shapes import parse_facts, to_json_record
from rootkeeper.values import canonical_json, describe_duration
from rootkeeper.windows.rereading import AuditRereads

FIRST_AUDIT_REMARK = (
    f"This is the first audit of this organization. {AUDIT_EVENTS} Events of root users can trigger alarms."
)


def find_root_access_off(setup: Setup) -> RootAccessOffError | None:
    """Find out whether AWS will deny every root session; ``None`` also if the set-up couldn't be read."""
    missing = None
    if setup.trusted_access is False:
        missing = "Trusted access for IAM"
    elif setup.features is not None and Feature.ROOT_CREDENTIALS_MANAGEMENT not in setup.features:
        missing = "Root credentials management"
    if missing is None:
        return None
    message = f"{missing} is off, so AWS denies every root session and no member account can be read."
    return RootAccessOffError(message, hint=Hint("Enable it first.", "setup.enable"))


def find_refused_caller(
    caller: Caller, organization: Organization, delegates: Collection[AccountId] | None
) -> RootSessionsDeniedError | None:
    """Find out whether AWS refuses every root session to the caller's account; ``None`` also if that isn't known.

    Source: IAM User Guide, Centrally manage root access: the management account or a delegated administrator for IAM.

    :param delegates: the delegated administrators for IAM, as last read; ``None`` if they never were.
    """
    management_account_id = organization.management_account_id
    if caller.account_id == management_account_id or delegates is None or caller.account_id in delegates:
        return None
    named = ", ".join(sorted(delegates)) or "none is registered"
    message = (
        f"AWS allows root sessions only from the management account ({management_account_id}) or a delegated"
        f" administrator for IAM ({named}). The caller, {caller.arn}, is in account {caller.account_id}, so no account"
        " was read."
    )
    hint = Hint("Use credentials of one of these accounts.", "audit.caller")
    return RootSessionsDeniedError(message, hint=hint, operation="sts:AssumeRoot")


def describe_age(inventory: Inventory, listing: InventoryCollector, now: datetime) -> str:
    """Describe the inventory of an audit that ended before its listing did."""
    age = describe_duration(now - inventory.listed_at)
    message = (
        f"The accounts are from an inventory that is {age} old; the new listing has {len(listing.accounts):,} of"
        f" {len(inventory.accounts):,} accounts."
    )
    return Hint(message, "audit.refresh", message=message)


WORTH_WAITING_SECONDS = 2.0
"""The audit waits for a listing that will end within this time, at its pace so far."""

GUARDRAILS_WAIT_SECONDS = 10.0
"""How long a finished audit waits for the guardrails, which are read at the same time."""

Emit = Callable[[AccountStatus], None]


@dataclass(slots=True)
class AuditRun:
    """An audit in progress, with the results so far."""

    reading: InventoryReader
    drift_reader: DriftReader
    tools: AccountReaderTools
    request: AuditRequest
    progress: Progress
    stop: StopSignal
    job: RunningJob
    rereads: AuditRereads | None
    earlier: Mapping[AccountId, AccountStatus]
    """The statuses that the job read before it was interrupted."""
    emit: Emit | None
    """Receives each selected account's status once the name of its unit is known."""
    inventory: Inventory | None = None
    """Complete, or updated with the part that was listed."""
    is_inventory_complete: bool = False
    drift: SetupDrift = NEVER_ACCEPTED
    """Of the set-up, after every account is read."""
    listing: InventoryCollector = field(init=False)
    _accounts: AccountReader = field(init=False)
    _known: Inventory | None = None
    _fed: dict[AccountId, AccountState] = field(default_factory=dict)
    """With their states: an account with a changed state is evaluated again."""
    _selected: frozenset[AccountId] | None = None
    """``None``: all accounts."""
    _unnamed: dict[str, list[AccountStatus]] = field(default_factory=dict)
    """Statuses that wait for the name of an organizational unit, by its id."""
    _blocked: list[AccountId] = field(default_factory=list)
    """Accounts with statuses that wait for the name of the blocking policy."""
    _are_policies_named: bool = False
    _was_reported: bool = False
    """Whether the interruption was reported."""
    _began_at: float = 0.0

    def perform(self) -> None:
        """Read every selected account, or until asked to stop; see :attr:`is_interrupted`.

        :raises InputError: if the selection is wrong; no root session was opened.
        :raises OrganizationIncompleteError: if the listing isn't complete; the statuses read so far are saved.
        :raises LedgerUnavailableError: if the ledger can't be written; no further root session was opened.
        :raises AwsCredentialsError: if the operator's own credentials expired.
        :raises RootSessionsDeniedError: if AWS allows the caller's account no root session, or denied the first.
        :raises RootAccessOffError: if trusted access or the feature is off and an account needs a root session.
        """
        self._accounts = AccountReader(
            self.tools, self.progress, self.stop, self._take_status, self.request.details, self.rereads
        )
        self.listing = self.reading.begin(self.progress, self._accounts.deliver, refresh=self.request.refresh)
        setup = self.listing.setup
        if setup.delegated_administrators is None:
            self.progress.remark("Delegated administrators couldn't be read: the failsafe is shown as a member.")
        delegates: Collection[AccountId] | None = setup.delegated_administrators
        if delegates is None and self.listing.known is not None:
            delegates = self.listing.known.delegated_administrator_ids
        self._accounts.caller_refused = find_refused_caller(self.tools.caller, self.reading.organization, delegates)
        self._accounts.root_access_off = find_root_access_off(setup)
        self._remark_on_sessions()
        comparison = self.drift_reader.begin(setup)
        self.listing.take_page, self.listing.take_names = self._take_page, self._emit_named
        self._began_at = self.tools.clock.monotonic()
        self.listing.start()
        try:
            with self._accounts:
                self._begin()
                while not self._is_over():
                    if self.is_interrupted:
                        if not self._was_reported:
                            self._was_reported = True
                            self.progress.remark(INTERRUPTED_REMARK)
                    else:
                        self._accounts.begin()
                    self._accounts.step()
        except (RootAccessOffError, RootSessionsDeniedError):
            comparison.finish(self.stop, 0)  # stores the reading of the set-up, so that reports show that it is off
            raise
        finally:
            self.listing.stop()
        self._find_blocking_policies()
        accounts = (
            {} if self.inventory is None else {account.account_id: account for account in self.inventory.accounts}
        )
        for status in (status for waiting in self._unnamed.values() for status in waiting):
            account = accounts.get(status.account.account_id) or add_place_names(status.account, self.listing.units)
            if self.emit is not None:
                self.emit(_at_its_place(status, account))
        if self.rereads is not None:
            self.rereads.finish(lambda: self.is_interrupted)
        if not self.is_interrupted:
            self.drift = comparison.finish(self.stop, GUARDRAILS_WAIT_SECONDS)

    def _remark_on_sessions(self) -> None:
        obstacle = find_credentials_obstacle(self.reading.organization.partition)
        if obstacle is not None:
            self.progress.remark(f"No member account is read. {obstacle}")
        elif self._accounts.root_access_off is None and not self.tools.store.has_audits():
            self.progress.remark(FIRST_AUDIT_REMARK)

    @property
    def is_interrupted(self) -> bool:
        """Whether it was asked to stop before its end."""
        return self.stop.asked_once() or self.job.is_cancelled

    @property
    def statuses(self) -> tuple[AccountStatus, ...]:
        """The selected accounts' statuses, in the order of the inventory, each with its place."""
        found = self._accounts.statuses
        accounts = () if self.inventory is None else self.inventory.accounts
        return tuple(
            _at_its_place(found[account.account_id], account)
            for account in accounts
            if account.account_id in found and (self._selected is None or account.account_id in self._selected)
        )

    @property
    def read(self) -> int:
        """Number of accounts that have a status."""
        return len(self._accounts.statuses)

    def _begin(self) -> None:
        """Feed the accounts of an earlier inventory, if it has everything that the request names."""
        known, selected = None if self.request.refresh else self.listing.known, None
        if known is not None:
            with suppress(InputError):
                selected = select_accounts(self.request.selection, known, self.tools.reader).included
        if known is None or selected is None:
            self.progress.start("Reading accounts", None)
            return
        self._known = known
        self._expect(selected)
        self._feed(selected)

    def _expect(self, selected: tuple[Account, ...]) -> None:
        self.progress.start("Reading accounts", len(selected))
        self.job.set_total(len(selected))

    def _is_over(self) -> bool:
        if self.is_interrupted:
            return self.stop.asked_twice() or not self._accounts.is_in_flight
        if self.inventory is None and self.listing.is_done:
            self._take_inventory(self.reading.keep(self.listing))
            self.is_inventory_complete = True
        if not self._accounts.is_idle:
            return False
        known = self._known
        if self.inventory is None and known is not None and not self._is_worth_waiting(known):
            # Use the earlier inventory, updated with the accounts that were listed so far.
            merged = self.listing.merge(known)
            if merged.accounts != known.accounts:
                self.reading.store.save(merged)
            self._take_inventory(merged)
        return self.inventory is not None and self._accounts.is_idle

    def _is_worth_waiting(self, known: Inventory) -> bool:
        passed = self.tools.clock.monotonic() - self._began_at
        pages_left = max(0, -(-len(known.accounts) // PAGE_SIZE) - self.listing.pages)
        return self.listing.pages > 0 and passed / self.listing.pages * pages_left <= WORTH_WAITING_SECONDS

    def _take_inventory(self, inventory: Inventory) -> None:
        self.inventory = inventory
        selected = select_accounts(self.request.selection, inventory, self.tools.reader).included
        self._selected = frozenset(account.account_id for account in selected)
        if not self._fed:
            self._expect(selected)
        self._feed(selected)
        self.progress.set_total(len(selected))
        self.job.set_total(len(selected))

    def _take_page(self, accounts: tuple[Account, ...]) -> None:
        if not self.request.selection.needs_whole_inventory and not self.is_interrupted:
            self._feed(accounts)

    def _feed(self, accounts: Iterable[Account]) -> None:
        news = [account for account in accounts if self._fed.get(account.account_id) is not account.state]
        self._fed |= {account.account_id: account.state for account in news}
        management_account_id = self.reading.organization.management_account_id
        delegates = self.listing.delegated_administrator_ids or frozenset()
        for account in news:
            if account.account_id in self.earlier:
                self._accounts.note(replace(self.earlier[account.account_id], account=account))
        self._accounts.feed(
            (account, role_of(account.account_id, management_account_id, delegates))
            for account in news
            if account.account_id not in self.earlier
        )

    def _take_status(self, status: AccountStatus) -> None:
        self.job.advance(
            present=int(status.status is Status.PRESENT),
            unknown=int(counted_status(status) is Status.UNKNOWN),
            unread=int(status.is_unread),
        )
        if not self.request.selection.statuses or status.status in self.request.selection.statuses:
            self._emit(status)

    def _emit(self, status: AccountStatus) -> None:
        """Pass the status on, or keep it until the name of its unit or of the blocking policy is known."""
        if self.emit is None:
            return
        if lacks_policy(status) and not self._are_policies_named:
            self._blocked.append(status.account.account_id)
            return
        ou_id = find_unnamed(status.account, self.listing.units)
        if ou_id is None:
            self.emit(_at_its_place(status, add_place_names(status.account, self.listing.units)))
        else:
            self._unnamed.setdefault(ou_id, []).append(status)

    def _find_blocking_policies(self) -> None:
        """Find the blocking policies that AWS didn't name; otherwise no policies are read."""
        blocked = [status.account.account_id for status in self.statuses if lacks_policy(status)]
        if self.inventory is not None and blocked and not self.is_interrupted:
            self.progress.remark("Reading policies to find those that block root sessions.")
            kept = tuple(self.tools.store.find_statuses(blocked).values())
            named = BlockingPolicyFinder(self.tools.policies, self.inventory, self.stop).explain_statuses(kept)
            self.tools.store.save_statuses(named)
            for status in named:
                self._accounts.statuses[status.account.account_id] = self._accounts.evaluate_kept(status)
        self._are_policies_named = True
        for account_id in self._blocked:
            self._emit(self._accounts.statuses[account_id])

    def _emit_named(self, units: tuple[OrganizationalUnit, ...]) -> None:
        for unit in units:
            for status in self._unnamed.pop(unit.ou_id, ()):
                self._emit(status)


def _at_its_place(status: AccountStatus, account: Account) -> AccountStatus:
    return status if status.account == account else replace(status, account=account)


_WORTH_ANOTHER_TRY = frozenset({StatusReason.ERROR, StatusReason.THROTTLED})
"""Why a resumed audit reads an account again; a denial would only be repeated."""


def _is_done(status: AccountStatus, since: datetime) -> bool:
    """Whether the account was read, or an attempt failed, since the job began."""
    tried_at = status.attempted.observed_at
    return tried_at is not None and tried_at >= since


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit."""

    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    started_at: datetime
    ended_at: datetime
    accounts: tuple[AccountStatus, ...]
    """The selected accounts, in the order of the inventory."""
    drift: SetupDrift
    """The differences from the accepted set-up."""
    is_inventory_complete: bool = True
    """Whether this audit listed the accounts to the end; otherwise the inventory is of ``inventory.listed_at``."""

    @property
    def head(self) -> AuditHead:
        """The report without its accounts."""
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
    """An audit that was asked to stop; the statuses that it read are saved."""

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
    history: AuditHistory
    rereads: Callable[[Progress], AuditRereads] | None
    """Makes what counts the readings of an audit as re-reads after recovery windows; ``None``: they don't count."""

    def run(
        self,
        progress: Progress,
        request: AuditRequest = WHOLE_AUDIT,
        *,
        stop: StopSignal | None = None,
        emit: Emit | None = None,
    ) -> AuditReport | AuditInterrupted:
        """Audit the selected accounts as a job. The failure of an account is its status.

        :param emit: receives each selected account's status.
        :raises InputError: if the selection is wrong; no root session was opened.
        :raises OrganizationIncompleteError: if the listing isn't complete; the statuses read so far are saved.
        :raises LedgerUnavailableError: if the ledger can't be written; no further root session was opened.
        :raises AwsCredentialsError: if the operator's own credentials expired.
        :raises RootSessionsDeniedError: if AWS allows the caller's account no root session, or denied the first.
        :raises RootAccessOffError: if trusted access or the feature is off and an account needs a root session.
        """
        require_request(request.selection)
        job = self.jobs.begin(JobKind.AUDIT, to_json_record(request))
        try:
            return self._perform(job, request, {}, progress, stop, emit)
        except (InputError, RootAccessOffError, RootSessionsDeniedError):
            # A mistake in the arguments isn't work that failed, and an audit that was refused has nothing to resume.
            with suppress(DatabaseError, JobConflictError):
                job.discard()
            raise

    def resume(
        self,
        job_id: str,
        progress: Progress,
        *,
        retry_failed: bool = False,
        stop: StopSignal | None = None,
        emit: Emit | None = None,
    ) -> AuditReport | AuditInterrupted:
        """Resume an interrupted audit; accounts that it has read aren't read again.

        :param retry_failed: whether to read unknown accounts again, even if AWS denied it.
        :raises InputError: if there is no such job.
        :raises JobConflictError: if the job is running or has ended.
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
        """Continue a job that this process has taken over; it may also not have been begun yet."""
        job.count(JobProgress())
        request = parse_facts(AuditRequest, job.job.parameters)
        # The statuses that were read since the job began and needn't be read again.
        earlier = {
            account_id: status
            for account_id, status in self.tools.store.list_statuses().items()
            if _is_done(status, job.job.created_at)
            and status.role is not AccountRole.MANAGEMENT
            and status.attempted.reason not in _WORTH_ANOTHER_TRY
            and not (request.details and status.status is Status.PRESENT and status.credentials is None)
            and not (retry_failed and status.is_unread)
        }
        return self._perform(job, request, earlier, progress, stop, emit)

    def _perform(
        self,
        job: RunningJob,
        request: AuditRequest,
        earlier: Mapping[AccountId, AccountStatus],
        progress: Progress,
        stop: StopSignal | None,
        emit: Emit | None,
    ) -> AuditReport | AuditInterrupted:
        started_at = self.tools.clock.now()
        run = AuditRun(
            reading=self.inventory,
            drift_reader=self.drift,
            tools=self.tools,
            request=request,
            progress=progress,
            stop=stop or NullStopSignal(self.tools.clock),
            job=job,
            rereads=None if self.rereads is None else self.rereads(progress),
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
        wanted = run.request.selection.statuses
        accounts = tuple(status for status in run.statuses if not wanted or status.status in wanted)
        ended_at, left = self.tools.clock.now(), count_root_logins_left(run.statuses)
        # Under the job's id, so that an audit that is resumed after this is saved once.
        audit = KeptAudit(
            audit_id=run.job.job_id,
            started_at=started_at,
            ended_at=ended_at,
            endpoint=self.tools.reader.endpoint.label,
            is_complete=replace(run.request.selection, statuses=EVERYTHING.statuses) == EVERYTHING,
            requested_by=run.job.job.created_by,
            summary=count_statuses(run.statuses),
            left_known=left.known,
            left_unknown=left.unknown,
            left_unread=left.unread,
        )
        self.history.add(audit, run.statuses)
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


@contextmanager
def _resumable_on_failure(job: RunningJob) -> Iterator[None]:
    """End the job as interrupted, so that it can be resumed, or as cancelled if its request is wrong.

    A job that was lost belongs to another process. A worker ends its jobs itself after a wrong request.
    """
    try:
        yield
    except JobLostError:
        raise
    except (RootkeeperError, KeyboardInterrupt) as error:
        is_wrong = isinstance(error, InputError)
        if is_wrong and job.job.is_of_server:
            raise
        state = JobState.CANCELLED if is_wrong else JobState.INTERRUPTED
        remark = error.message if isinstance(error, RootkeeperError) else "Interrupted."
        with suppress(DatabaseError, JobConflictError):
            job.end(state, remark)
        raise
