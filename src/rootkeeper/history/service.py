"""What was: one account's past, and what changed between two audits. Works without AWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.errors import InputError, NotFoundError
from rootkeeper.history.rules import AuditDifference, TimelineEntry, compare_audits, compile_timeline
from rootkeeper.inventory.rules import KeptAudit
from rootkeeper.inventory.store import AuditHistory, InventoryStore
from rootkeeper.ledger.store import LedgerReader
from rootkeeper.organization.accounts import AccountId, Inventory, parse_account_id
from rootkeeper.organization.statuses import AccountStatus
from rootkeeper.watching.store import WatchedEventReader
from rootkeeper.windows.store import RecoveryWindows


@dataclass(frozen=True, slots=True)
class AccountHistory:
    """One account's past."""

    account_id: AccountId
    name: str | None
    """``None`` for an account that no inventory knows any more."""
    audits: int
    """How many kept audits have it."""
    last_read_at: datetime | None
    entries: tuple[TimelineEntry, ...]


@dataclass(frozen=True, slots=True)
class ComparedAudits:
    """Two audits, and what changed from the first to the second."""

    older: KeptAudit
    newer: KeptAudit
    difference: AuditDifference


@dataclass(frozen=True, slots=True)
class HistoryReader:
    """Reads the past of one organization."""

    organization_id: str
    history: AuditHistory
    store: InventoryStore
    windows: RecoveryWindows
    events: WatchedEventReader
    ledger: LedgerReader

    def read_account(
        self, id_or_name: str, start: datetime | None = None, end: datetime | None = None
    ) -> AccountHistory:
        """An account's time line, or the part of it between two moments, both included.

        :raises InputError: if no such account is known, or several bear that name.
        :raises DatabaseError: if the database can't be read.
        """
        inventory = self.store.find_last()
        account_id = self._find_account(id_or_name, inventory)
        kept = self.history.list_account(account_id)
        entries = compile_timeline(
            reversed(kept),
            (one for one in self.ledger.list_entries(account_id=account_id) if self._is_own(one.organization_id)),
            self.windows.list_of_account(account_id),
            self.events.list_of_account(account_id),
        )
        name = _find_name(account_id, inventory) or (kept[0].status.account.name if kept else None)
        if not entries and name is None:
            raise NotFoundError(f"Nothing is known of account {account_id}.", hint="Read it first: rootkeeper audit")
        within = tuple(one for one in entries if (start is None or start <= one.at) and (end is None or one.at <= end))
        last_read_at = max((at for one in kept if (at := one.status.observed_at) is not None), default=None)
        return AccountHistory(account_id, name, len(kept), last_read_at, within)

    def list_audits(self) -> tuple[KeptAudit, ...]:
        """Those that are kept, the newest first."""
        return self.history.list_audits()

    def compare(self, older: str | None, newer: str | None, find_moment: Callable[[str], datetime]) -> ComparedAudits:
        """What changed between two audits: by default the last two of the whole organization.

        :param older: the audit's id, or a date: then the last one of the whole organization that had ended by then.
        :param find_moment: reads a date.
        :raises InputError: if there is none, or it is neither an id nor a date.
        :raises DatabaseError: if the database can't be read.
        """
        audits = self.list_audits()
        complete = [audit for audit in audits if audit.is_complete]
        second = self._choose(newer, audits, find_moment) if newer is not None else _take_newest(complete)
        if older is not None:
            first = self._choose(older, audits, find_moment)
        else:
            first = _take_newest([audit for audit in complete if audit.ended_at < second.ended_at])
        if first.ended_at > second.ended_at:
            first, second = second, first
        if first.audit_id == second.audit_id:
            raise InputError(
                f"Both are audit {first.audit_id}: nothing is compared.", hint="See them all: rootkeeper diff --list"
            )
        difference = compare_audits(
            self._list_statuses(first),
            self._list_statuses(second),
            are_complete=first.is_complete and second.is_complete,
        )
        return ComparedAudits(first, second, difference)

    def _choose(self, text: str, audits: tuple[KeptAudit, ...], find_moment: Callable[[str], datetime]) -> KeptAudit:
        named = [audit for audit in audits if audit.audit_id == text]
        if named:
            return named[0]
        moment = find_moment(text)
        return _take_newest([audit for audit in audits if audit.is_complete and audit.ended_at <= moment])

    def _list_statuses(self, audit: KeptAudit) -> dict[AccountId, AccountStatus]:
        found = self.history.list_statuses(audit.audit_id)
        counted = audit.summary.get("accounts", 0)
        if len(found) < counted:
            kept = f"{len(found)} of its {counted} accounts" if found else "only its counts"
            raise InputError(
                f"Of audit {audit.audit_id} {kept} are kept.",
                hint="The others were forgotten, or an earlier version of Rootkeeper made it.",
            )
        return found

    def _find_account(self, id_or_name: str, inventory: Inventory | None) -> AccountId:
        if id_or_name.isdigit():
            return parse_account_id(id_or_name)
        accounts = () if inventory is None else inventory.accounts
        named = [account.account_id for account in accounts if account.name == id_or_name]
        if len(named) == 1:
            return named[0]
        what = f"{len(named)} accounts have the name" if named else "No account is known by the name"
        raise InputError(f"{what} {id_or_name!r}.", hint="Give its id: 12 digits.")

    def _is_own(self, organization_id: str) -> bool:
        return organization_id == self.organization_id


def _take_newest(audits: list[KeptAudit]) -> KeptAudit:
    if not audits:
        raise InputError(
            "There is no such audit of the whole organization to compare.",
            hint="See those that are kept: rootkeeper diff --list. Make one: rootkeeper audit",
        )
    return audits[0]


def _find_name(account_id: AccountId, inventory: Inventory | None) -> str | None:
    accounts = () if inventory is None else inventory.accounts
    return next((account.name for account in accounts if account.account_id == account_id), None)
