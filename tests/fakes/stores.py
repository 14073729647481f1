"""What the product remembers, in memory: ledger, locks, inventory, windows, exceptions, progress.

The ledger keeps the promise that matters to a use case: it refuses when it can't be written, it checks the fencing
token, and it gives no intent a second outcome.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from rootkeeper.access.views import SavedView, SavedViewStore
from rootkeeper.errors import (
    AccountBusyError,
    LedgerUnavailableError,
    LockLostError,
    NotFoundError,
    WindowConflictError,
)
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.inventory.store import ConfirmationStore, InventoryStore
from rootkeeper.ledger.owners import AccountLock, AccountLocks
from rootkeeper.ledger.rules import (
    GENESIS_HASH,
    Action,
    Actor,
    ActorKind,
    Intent,
    LedgerEntry,
    LedgerVerification,
    Phase,
    Result,
    require_no_secrets,
)
from rootkeeper.ledger.store import SqlLedger
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.ledger.writer import Revisions
from rootkeeper.organization.accounts import Account, AccountId, Inventory
from rootkeeper.organization.confirmations import Confirmation
from rootkeeper.organization.statuses import AccountStatus, keep_details
from rootkeeper.root_emails.rules import EmailAttestation
from rootkeeper.root_emails.statements import EmailAttestationStore
from rootkeeper.settings.edits import EditableSetting, Edits, SettingEdit
from rootkeeper.settings.store import SettingChange, SettingEditStore
from rootkeeper.values import JsonValue
from rootkeeper.windows.approvals import is_lapsing
from rootkeeper.windows.rules import FINAL_STATES, RecoveryWindow, WindowState
from rootkeeper.windows.store import RecoveryWindowStore
from tests.fakes.clock import FakeClock
from tests.fakes.histories import InMemoryHistory

OWNER = "owner-1"
LEASE_SECONDS = 30.0
OPERATOR = Actor("operator", ActorKind.SELF_ASSERTED)


@dataclass(slots=True)
class InMemoryLocks(AccountLocks):
    """Implements AccountLocks; ``take_over`` is what another owner does when this one's lease ran out."""

    held: dict[AccountId, AccountLock] = field(default_factory=dict)
    tokens: dict[AccountId, int] = field(default_factory=dict)
    purposes: list[tuple[AccountId, str]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def hold(self, account_id: AccountId, purpose: str, wait_seconds: float = 0) -> Iterator[AccountLock]:
        lock = self._take(account_id, OWNER, purpose)
        try:
            yield lock
        finally:
            with self._guard:
                if self.held.get(account_id) == lock:
                    del self.held[account_id]

    def list_held(self, account_ids: Collection[AccountId]) -> frozenset[AccountId]:
        return frozenset(account_ids) & self.held.keys()

    def take_over(self, account_id: AccountId, owner_id: str = "owner-2") -> AccountLock:
        with self._guard:
            self.held.pop(account_id, None)
        return self._take(account_id, owner_id, "taking over")

    def is_current(self, lock: AccountLock) -> bool:
        return self.held.get(lock.account_id) == lock

    def _take(self, account_id: AccountId, owner_id: str, purpose: str) -> AccountLock:
        with self._guard:
            if account_id in self.held:
                raise AccountBusyError(f"{account_id} is held by {self.held[account_id].owner_id}.")
            self.purposes.append((account_id, purpose))
            self.tokens[account_id] = self.tokens.get(account_id, 0) + 1
            self.held[account_id] = AccountLock(account_id, owner_id, self.tokens[account_id])
            return self.held[account_id]


@dataclass(slots=True)
class InMemoryLedger(LedgerReader):
    """Implements Ledger. ``note`` hears of every append, so that a test sees its order among the calls."""

    clock: FakeClock
    locks: InMemoryLocks = field(default_factory=InMemoryLocks)
    entries: list[LedgerEntry] = field(default_factory=list)
    fail_after: int | None = None
    """How many more appends succeed; ``None``: all."""
    note: Callable[[str, LedgerEntry], None] | None = None
    orphans: list[LedgerEntry] = field(default_factory=list)
    problem: str | None = None
    """What a verification finds at its first entry."""
    _guard: threading.RLock = field(default_factory=threading.RLock)

    def append_intent(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        lock: AccountLock | None = None,
    ) -> Intent:
        with self._guard:
            if lock is not None and not self.locks.is_current(lock):
                raise LockLostError(f"The lock on {lock.account_id} was taken over.")
            entry = self._append(action, account_id, parameters or {}, Phase.INTENT, None, None)
        valid_until = self.clock.monotonic() + LEASE_SECONDS
        return Intent(entry.sequence, action, account_id, valid_until, parameters or {})

    def append_outcome(
        self, intent: Intent, result: Result, details: Mapping[str, JsonValue] | None = None
    ) -> LedgerEntry:
        with self._guard:
            if any(entry.intent_sequence == intent.sequence for entry in self.entries):
                raise LockLostError(f"Intent {intent.sequence} was settled by another process.")
            return self._append(intent.action, intent.account_id, details or {}, Phase.OUTCOME, intent.sequence, result)

    def append_fact(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
    ) -> LedgerEntry:
        with self._guard:
            return self._append(action, account_id, parameters or {}, Phase.OUTCOME, None, Result.DONE)

    def list_orphans(self) -> tuple[LedgerEntry, ...]:
        settled = {entry.intent_sequence for entry in self.entries}
        return tuple(entry for entry in self.orphans if entry.sequence not in settled)

    def settle_orphan(self, entry: LedgerEntry, result: Result, details: Mapping[str, JsonValue]) -> bool:
        with self._guard:
            if entry not in self.list_orphans():
                return False
            self._append(entry.action, entry.account_id, details, Phase.OUTCOME, entry.sequence, result)
            return True

    def list_entries(
        self,
        *,
        since_sequence: int = 0,
        account_id: AccountId | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[LedgerEntry]:
        """As a LedgerReader does."""
        found = [
            entry
            for entry in self.entries
            if account_id in (None, entry.account_id)
            and (start is None or entry.at >= start)
            and (end is None or entry.at <= end)
        ]
        return iter([entry for entry in found if entry.sequence > since_sequence][:limit])

    def list_open_intents(self) -> tuple[LedgerEntry, ...]:
        return tuple(self.open_intents)

    def verify(self, *, must_have_copies: bool = True) -> LedgerVerification:
        bad = None if self.problem is None else 1
        return LedgerVerification(len(self.entries), len(self.entries), GENESIS_HASH, bad, self.problem, None)

    # What a test looks at.

    @property
    def intents(self) -> list[LedgerEntry]:
        return [entry for entry in self.entries if entry.phase is Phase.INTENT]

    @property
    def open_intents(self) -> list[LedgerEntry]:
        settled = {entry.intent_sequence for entry in self.entries}
        return [entry for entry in self.intents if entry.sequence not in settled]

    def outcome_of(self, intent: LedgerEntry) -> LedgerEntry:
        return next(entry for entry in self.entries if entry.intent_sequence == intent.sequence)

    def results_of(self, action: Action) -> list[Result | None]:
        return [entry.result for entry in self.entries if entry.phase is Phase.OUTCOME and entry.action is action]

    def list_audited(self) -> list[list[AccountId]]:
        """The accounts that each audit's intent names."""
        named = [entry.parameters["account_ids"] for entry in self.intents if entry.action is Action.ACCOUNTS_AUDIT]
        return [[AccountId(str(one)) for one in accounts] for accounts in named if isinstance(accounts, list)]

    def orphan_open_intents(self) -> None:
        """What the death of the process leaves behind."""
        self.orphans.extend(self.open_intents)

    def _append(
        self,
        action: Action,
        account_id: AccountId | None,
        parameters: Mapping[str, JsonValue],
        phase: Phase,
        intent_sequence: int | None,
        result: Result | None,
    ) -> LedgerEntry:
        if self.fail_after is not None:
            if self.fail_after <= 0:
                raise LedgerUnavailableError("The ledger can't be written: no space left on device.")
            self.fail_after -= 1
        require_no_secrets(dict(parameters))
        entry = LedgerEntry(
            sequence=len(self.entries) + 1,
            at=self.clock.now(),
            organization_id="o-exampleorgid",
            endpoint="SANDBOX 127.0.0.1:4599",
            actor=OPERATOR,
            action=action,
            account_id=account_id,
            parameters=dict(parameters),
            phase=phase,
            owner_id=OWNER,
            intent_sequence=intent_sequence,
            result=result,
            previous_hash=GENESIS_HASH,
            entry_hash=GENESIS_HASH,
        )
        self.entries.append(entry)
        if self.note is not None:
            self.note(phase.value, entry)
        return entry


@dataclass(slots=True)
class InMemoryInventory(InventoryStore):
    """Implements InventoryStore."""

    last: Inventory | None = None
    statuses: dict[AccountId, AccountStatus] = field(default_factory=dict)
    history: InMemoryHistory = field(default_factory=InMemoryHistory)
    saved: int = 0
    saved_inventories: int = 0
    count_window_changes: Callable[[], int] = lambda: 0

    def find_last(self) -> Inventory | None:
        return self.last

    def save(self, inventory: Inventory) -> None:
        self.last = inventory
        self.saved_inventories += 1

    def has_audits(self) -> bool:
        return bool(self.history.audits)

    def save_statuses(self, statuses: Sequence[AccountStatus]) -> None:
        for status in statuses:
            account_id = status.account.account_id
            self.statuses[account_id] = keep_details(self.statuses.get(account_id), status)
        self.saved += 1

    def find_revisions(self) -> Revisions:
        return Revisions(self.saved_inventories, self.saved, self.count_window_changes())

    def find_statuses(self, account_ids: Collection[AccountId]) -> dict[AccountId, AccountStatus]:
        return {account_id: one for account_id, one in self.statuses.items() if account_id in account_ids}

    def list_brief_statuses(self, accounts: Mapping[AccountId, Account]) -> dict[AccountId, AccountStatus]:
        return {
            account_id: replace(status, account=accounts[account_id])
            for account_id, status in self.statuses.items()
            if account_id in accounts
        }

    def list_statuses(self) -> dict[AccountId, AccountStatus]:
        accounts = {} if self.last is None else {one.account_id: one for one in self.last.accounts}
        return {
            account_id: replace(status, account=accounts.get(account_id, status.account))
            for account_id, status in self.statuses.items()
        }


@dataclass(slots=True)
class InMemoryWindows(RecoveryWindowStore):
    """Implements RecoveryWindowStore."""

    kept: dict[str, RecoveryWindow] = field(default_factory=dict)

    def add(self, window: RecoveryWindow) -> None:
        existing = self.find_unfinished(window.account_id)
        if existing is not None:
            raise WindowConflictError(f"{window.account_id} has the window {existing.window_id}.")
        self.kept[window.window_id] = window

    def change(self, window: RecoveryWindow, expected: WindowState) -> None:
        if self.kept[window.window_id].state is not expected:
            raise WindowConflictError(f"Window {window.window_id} has moved on.")
        self.kept[window.window_id] = window

    def update(self, window_id: str, step: Callable[[RecoveryWindow], RecoveryWindow]) -> RecoveryWindow:
        stepped = step(self.get(window_id))
        other = None if stepped.state in FINAL_STATES else self.find_unfinished(stepped.account_id)
        if other is not None and other.window_id != window_id:
            raise WindowConflictError(f"{stepped.account_id} has the window {other.window_id}.")
        self.kept[window_id] = stepped
        return stepped

    def list_of_account(self, account_id: AccountId) -> tuple[RecoveryWindow, ...]:
        return tuple(window for window in self.list_windows() if window.account_id == account_id)

    def list_lapsing(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        lapsing = [window for window in self.list_windows() if is_lapsing(window, now)]
        return tuple(sorted(lapsing, key=lambda window: window.lapses_at or now))

    def list_reviews_due(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        due = [
            one
            for one in self.list_windows()
            if one.opened_at is not None
            and one.reviewed_by is None
            and one.review_due_at is not None
            and one.review_due_at <= now
        ]
        return tuple(sorted(due, key=lambda window: window.review_due_at or now))

    def list_rereads_due(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        due = [
            one
            for one in self.list_windows()
            if one.state is WindowState.CLOSED_VERIFIED and one.next_reread_at is not None and one.next_reread_at <= now
        ]
        return tuple(sorted(due, key=lambda window: window.next_reread_at or now))

    def list_closed(self, since: datetime) -> tuple[RecoveryWindow, ...]:
        return tuple(
            one
            for one in self.list_windows()
            if one.state is WindowState.CLOSED_VERIFIED
            and ((one.closed_at is not None and one.closed_at >= since) or one.reread_due_at is not None)
        )

    def get(self, window_id_or_account_id: str) -> RecoveryWindow:
        for window in self.list_windows():
            if window_id_or_account_id in (window.window_id, window.account_id):
                return window
        raise NotFoundError(f"There is no window {window_id_or_account_id}.")

    def find_unfinished(self, account_id: AccountId) -> RecoveryWindow | None:
        return next((one for one in self.list_windows(unfinished_only=True) if one.account_id == account_id), None)

    def list_windows(self, *, unfinished_only: bool = False) -> tuple[RecoveryWindow, ...]:
        newest_first = sorted(self.kept.values(), key=lambda window: window.requested_at, reverse=True)
        return tuple(one for one in newest_first if not (unfinished_only and one.state in FINAL_STATES))

    def list_overdue(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        overdue = [window for window in self.list_windows() if window.is_overdue(now)]
        return tuple(sorted(overdue, key=lambda window: window.expires_at or now))


@dataclass(slots=True)
class InMemoryExceptions(DeletionExceptionStore):
    """Implements DeletionExceptionStore."""

    kept: dict[AccountId, DeletionException] = field(default_factory=dict)

    def add(self, exception: DeletionException) -> None:
        self.kept[exception.account_id] = exception

    def remove(self, account_id: AccountId) -> bool:
        return self.kept.pop(account_id, None) is not None

    def find(self, account_id: AccountId) -> DeletionException | None:
        return self.kept.get(account_id)

    def list_exceptions(self) -> tuple[DeletionException, ...]:
        return tuple(self.kept.values())


@dataclass(slots=True)
class InMemoryEmailAttestations(EmailAttestationStore):
    """Implements EmailAttestationStore."""

    kept: dict[str, EmailAttestation] = field(default_factory=dict)

    def add(self, attestation: EmailAttestation) -> None:
        self.kept[attestation.address] = attestation

    def list_attestations(self) -> tuple[EmailAttestation, ...]:
        return tuple(self.kept[address] for address in sorted(self.kept))


@dataclass(slots=True)
class InMemoryConfirmations(ConfirmationStore):
    """Implements ConfirmationStore."""

    kept: list[Confirmation] = field(default_factory=list)

    def add(self, confirmation: Confirmation) -> None:
        self.kept.append(confirmation)

    def list_confirmations(self, *, in_sandbox: bool) -> tuple[Confirmation, ...]:
        return tuple(one for one in self.kept if (one.endpoint != "AWS") is in_sandbox)


class InMemorySettingEdits(SettingEditStore):
    """Implements SettingEditStore: the ledger's entry comes before the change."""

    def __init__(self) -> None:
        self.kept: dict[EditableSetting, SettingEdit] = {}

    def list_edits(self) -> tuple[SettingEdit, ...]:
        return tuple(self.kept.values())

    def change(self, plan: Callable[[Edits], SettingChange], ledger: SqlLedger) -> None:
        change = plan(dict(self.kept))
        ledger.append_fact(Action.SETTING_CHANGE, parameters=change.described)
        self.kept.pop(change.name, None)
        if change.edit is not None:
            self.kept[change.name] = change.edit


@dataclass
class InMemorySavedViews(SavedViewStore):
    """Implements SavedViewStore."""

    kept: dict[tuple[str, str], SavedView] = field(default_factory=dict)

    def list_views(self, identity_id: str) -> tuple[SavedView, ...]:
        return tuple(view for (owner, _), view in sorted(self.kept.items()) if owner == identity_id)

    def save(self, identity_id: str, view: SavedView) -> None:
        self.kept[identity_id, view.name] = view

    def remove(self, identity_id: str, name: str) -> None:
        if self.kept.pop((identity_id, name), None) is None:
            raise NotFoundError(f"You have no saved view {name!r}.")


@dataclass(slots=True)
class RecordedProgress:
    """Implements Progress: keeps what was reported."""

    remarks: list[str] = field(default_factory=list)
    advanced: int = 0
    present: int = 0
    unknown: int = 0
    totals: list[int | None] = field(default_factory=list)
    listed: list[int] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def start(self, label: str, total: int | None) -> None:
        self.totals.append(total)

    def set_total(self, total: int) -> None:
        self.totals.append(total)

    def set_listed(self, count: int) -> None:
        self.listed.append(count)

    def advance(self, *, present: int = 0, unknown: int = 0, unread: int = 0) -> None:
        with self._guard:
            self.advanced += 1
            self.present += present
            self.unknown += unknown

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def finish(self) -> None:
        return


def make_window(account_id: AccountId, now: datetime, state: WindowState = WindowState.OPEN) -> RecoveryWindow:
    """A window of four hours that was requested now."""
    window = RecoveryWindow(
        window_id=f"w-{account_id}",
        organization_id="o-exampleorgid",
        account_id=account_id,
        state=state,
        reason="restore a bucket",
        ticket="INC-1",
        requested_by="operator",
        requested_at=now,
        duration_seconds=4 * 3600,
    )
    return replace(window, expires_at=window.requested_at)
