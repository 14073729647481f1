"""The audit: the status of each account's root user credentials, by root sessions that can't change anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.ledger import Intent
from rootkeeper.domain.organizations import Account, AccountId, Caller, Endpoint, Inventory
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.selection import EVERYTHING, SelectionRequest, ensure_request
from rootkeeper.domain.setup import Feature, Setup
from rootkeeper.domain.statuses import (
    AccountStatus,
    Role,
    count_statuses,
    judge_failure,
    judge_found,
    judge_management,
    judge_without_reading,
    role_of,
)
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.domain.windows import OWING_STATES
from rootkeeper.errors import AwsAccessDeniedError, AwsCredentialsError, AwsError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.root_sessions import RootSession, RootSessions
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.audit_batches import AuditBatches, ReadingTarget
from rootkeeper.workflows.inventory import InventoryListing, InventoryReading
from rootkeeper.workflows.targets import select_accounts

FIRST_AUDIT_REMARK = (
    "First audit of this organization: it leaves two events per account in CloudTrail, and alarms on root activity"
    " will see them."
)
_READ_ELSEWHERE = "Read only from the management account."


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


@dataclass(frozen=True, slots=True)
class Audit:
    """Reads the status of accounts. Two calls per ACTIVE member account: sts:AssumeRoot, iam:GetAccountSummary."""

    inventory: InventoryReading
    sessions: RootSessions
    ledger: Ledger
    store: InventoryStore
    windows: RecoveryWindows
    clock: Clock
    workers: int = 64
    batch_size: int = 200

    def run(self, progress: Progress, request: SelectionRequest = EVERYTHING, *, details: bool = False) -> AuditReport:
        """Audit the selected accounts.

        One account's failure is its status. Remarks go to ``progress``: that a first audit reaches alarms, that the
        feature is off.

        :raises InputError: if the selection is wrong; no root session was opened.
        :raises OrganizationIncompleteError: if the listing isn't complete; what was read so far is remembered.
        :raises LedgerUnavailableError: if the ledger can't be written; no further root session was opened.
        :raises AwsCredentialsError: if the operator's own credentials ended.
        """
        ensure_request(request)
        started_at = self.clock.now()
        if not self.store.has_audits():
            progress.remark(FIRST_AUDIT_REMARK)
        listing = self.inventory.begin(progress)
        _remark_setup(listing.setup, progress)
        statuses, inventory = self._read_listing(listing, request, progress, details=details)
        found = tuple(statuses[one.account_id] for one in inventory.accounts if one.account_id in statuses)
        accounts = tuple(one for one in found if not request.statuses or one.status in request.statuses)
        ended_at = self.clock.now()
        self.store.record_audit(started_at, ended_at, count_statuses(accounts))
        return AuditReport(inventory, self._caller, self._reader.endpoint, started_at, ended_at, accounts)

    def read_accounts(
        self, accounts: Iterable[tuple[Account, Role]], progress: Progress, *, details: bool
    ) -> dict[AccountId, AccountStatus]:
        """The status of each of these accounts, as read now; they are remembered.

        :raises LedgerUnavailableError: if the ledger can't be written; no further root session was opened.
        """
        wanted = list(accounts)
        progress.start("Reading accounts", len(wanted))
        with self._batches(progress, details=details) as batches:
            self._feed(batches, wanted, self._list_open_windows(), progress)
            batches.finish()
        progress.finish()
        return batches.statuses

    @property
    def _reader(self) -> OrganizationReader:
        return self.inventory.reader

    @property
    def _caller(self) -> Caller:
        return self.inventory.caller

    def _read_listing(
        self, listing: InventoryListing, request: SelectionRequest, progress: Progress, *, details: bool
    ) -> tuple[Mapping[AccountId, AccountStatus], Inventory]:
        """Read while listing, where the request allows it; else list, select, read."""
        if request.needs_whole_inventory:
            for _ in listing.list_pages():
                pass
            inventory = listing.complete()
            selected = select_accounts(request, inventory, self._reader).included
            roles = [(account, self._role_of(account, listing)) for account in selected]
            return self.read_accounts(roles, progress, details=details), inventory
        windows = self._list_open_windows()
        progress.start("Reading accounts", None)
        with self._batches(progress, details=details) as batches:
            for page in listing.list_pages():
                self._feed(batches, [(one, self._role_of(one, listing)) for one in page], windows, progress)
            inventory = listing.complete()
            batches.finish()
        progress.finish()
        return batches.statuses, inventory

    def _batches(self, progress: Progress, *, details: bool) -> AuditBatches:
        return AuditBatches(
            read=lambda target, intent: self._read_account(target, intent, details=details),
            ledger=self.ledger,
            store=self.store,
            clock=self.clock,
            progress=progress,
            workers=self.workers,
            batch_size=self.batch_size,
        )

    def _role_of(self, account: Account, listing: InventoryListing) -> Role:
        management_account_id = self.inventory.organization.management_account_id
        return role_of(account.account_id, management_account_id, listing.delegated_administrator_ids or frozenset())

    def _list_open_windows(self) -> frozenset[AccountId]:
        unfinished = self.windows.list_windows(unfinished_only=True)
        return frozenset(window.account_id for window in unfinished if window.state in OWING_STATES)

    def _feed(
        self,
        batches: AuditBatches,
        accounts: Iterable[tuple[Account, Role]],
        windows: frozenset[AccountId],
        progress: Progress,
    ) -> None:
        targets, judged = [], []
        for account, role in accounts:
            status = judge_without_reading(account, role, self.inventory.organization.partition)
            if status is None:
                targets.append(ReadingTarget(account, role, account.account_id in windows))
            else:
                judged.append(self._read_management(account) if role is Role.MANAGEMENT else status)
        for status in judged:
            batches.statuses[status.account.account_id] = status
            progress.advance()
        self.store.save_statuses(judged)
        batches.add(targets)

    def _read_management(self, account: Account) -> AccountStatus:
        """The management account's own root user, where the caller is in it. One call: iam:GetAccountSummary."""
        if self._caller.account_id != account.account_id:
            return judge_management(account, None, None, _READ_ELSEWHERE)
        try:
            return judge_management(account, self._reader.read_own_root_summary(), self.clock.now())
        except AwsError as error:
            return judge_management(account, None, None, f"Couldn't be read: {error.message}")

    def _read_account(self, target: ReadingTarget, intent: Intent, *, details: bool) -> AccountStatus:
        account = target.account
        try:
            session = self.sessions.open(account.account_id, TaskPolicy.AUDIT, intent)
        except AwsCredentialsError:
            raise
        except AwsError as error:
            own = self._find_own_summary(account, error)
            if own is None:
                return judge_failure(account, target.role, error, observed_at=self.clock.now())
            return judge_found(
                account, target.role, own, observed_at=self.clock.now(), has_open_window=target.has_open_window
            )
        return self._read_session(target, session, details=details)

    def _find_own_summary(self, account: Account, error: AwsError) -> RootCredentialsSummary | None:
        """A caller that is in the account itself can read its root user without a root session."""
        if account.account_id != self._caller.account_id or not isinstance(error, AwsAccessDeniedError):
            return None
        try:
            return self._reader.read_own_root_summary()
        except AwsError:
            return None

    def _read_session(self, target: ReadingTarget, session: RootSession, *, details: bool) -> AccountStatus:
        try:
            summary = session.read_summary()
            credentials = session.read_credentials() if details and not summary.is_empty else None
        except AwsError as error:
            return judge_failure(
                target.account,
                target.role,
                error,
                observed_at=self.clock.now(),
                session_access_key_id=session.access_key_id,
            )
        return judge_found(
            target.account,
            target.role,
            summary,
            observed_at=self.clock.now(),
            has_open_window=target.has_open_window,
            credentials=credentials,
            session_access_key_id=session.access_key_id,
        )


def _remark_setup(setup: Setup, progress: Progress) -> None:
    """Say once what would else be said of every account."""
    if setup.delegated_administrators is None:
        progress.remark("Delegated administrators couldn't be read: the failsafe is shown as an ordinary member.")
    if setup.trusted_access is False:
        progress.remark("Trusted access for IAM is off, so no account can be read. Next: rootkeeper enable.")
    elif setup.features is not None and Feature.ROOT_CREDENTIALS_MANAGEMENT not in setup.features:
        progress.remark("Root credentials management is off, so no account can be read. Next: rootkeeper enable.")
