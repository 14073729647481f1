"""Reads an account's past, and compares two audits. Makes no AWS call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.errors import Hint, InputError, NotFoundError
from rootkeeper.history.rules import AuditDifference, TimelineEntry, compare_audits, compile_timeline
from rootkeeper.inventory.store import AuditHistory, InventoryStore
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.organization.accounts import AccountId, Inventory, parse_account_id
from rootkeeper.organization.statuses import AccountStatus, KeptAudit
from rootkeeper.shapes import Count
from rootkeeper.watching.store import WatchedEventReader
from rootkeeper.windows.store import RecoveryWindowStore


@dataclass(frozen=True, slots=True)
class AccountHistory:
    """An account's past."""

    account_id: AccountId
    name: str | None
    """``None`` if no listing contains the account any more."""
    audits: Count
    """How many kept audits have it."""
    last_read_at: datetime | None
    entries: tuple[TimelineEntry, ...]


@dataclass(frozen=True, slots=True)
class ComparedAudits:
    """Two audits, and the changes from the first to the second."""

    older: KeptAudit
    newer: KeptAudit
    difference: AuditDifference


@dataclass(frozen=True, slots=True)
class HistoryReader:
    """Reads the past of an organization."""

    organization_id: str
    history: AuditHistory
    store: InventoryStore
    windows: RecoveryWindowStore
    events: WatchedEventReader
    ledger: LedgerReader

    def read_account(
        self, id_or_name: str, start: datetime | None = None, end: datetime | None = None
    ) -> AccountHistory:
        """Read an account's time line, or the part of it between two moments, both included.

        :raises InputError: if no such account is known, or several have that name.
        :raises DatabaseError: if the database can't be read.
        """
        inventory = self.store.find_last()
        account_id = self._find_account(id_or_name, inventory)
        kept = self.history.list_account(account_id)
        entries = compile_timeline(
            reversed(kept),
            (
                entry
                for entry in self.ledger.list_entries(account_id=account_id)
                if entry.organization_id == self.organization_id
            ),
            self.windows.list_of_account(account_id),
            self.events.list_of_account(account_id),
        )
        listed = () if inventory is None else inventory.accounts
        name = next((account.name for account in listed if account.account_id == account_id), None)
        name = name or (kept[0].status.account.name if kept else None)
        if not entries and name is None:
            raise NotFoundError(
                f"The database has no record of account {account_id}.",
                hint=Hint("Audit the account first.", "history.audit"),
            )
        within = tuple(
            entry for entry in entries if (start is None or start <= entry.at) and (end is None or entry.at <= end)
        )
        last_read_at = max((at for status in kept if (at := status.status.observed_at) is not None), default=None)
        return AccountHistory(account_id, name, len(kept), last_read_at, within)

    def compare(self, older: str | None, newer: str | None, find_moment: Callable[[str], datetime]) -> ComparedAudits:
        """Compare two audits: by default the last two of the whole organization.

        :param older: the audit's id, or a date: then the last audit of the whole organization that ended by that date.
        :param find_moment: parses a date.
        :raises InputError: if there is no such audit, or a text is neither an id nor a date.
        :raises DatabaseError: if the database can't be read.
        """
        audits = self.history.list_audits()
        complete = [audit for audit in audits if audit.is_complete]
        if older is None and newer is None and len(complete) < 2:
            counted = "only one is" if complete else "none is"
            raise InputError(
                f"A comparison needs two audits of the whole organization; {counted} stored.",
                hint=Hint("Audit the whole organization again, then compare.", "history.audit_again"),
            )
        second = _require_newest(complete, "is stored") if newer is None else self._choose(newer, audits, find_moment)
        if older is not None:
            first = self._choose(older, audits, find_moment)
        else:
            before = [audit for audit in complete if audit.ended_at < second.ended_at]
            first = _require_newest(before, f"ended before audit {second.audit_id}")
        if first.ended_at > second.ended_at:
            first, second = second, first
        if first.audit_id == second.audit_id:
            raise InputError(f"Both are audit {first.audit_id}; a comparison needs two audits.", hint=_LIST_AUDITS)
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
        ended = [audit for audit in audits if audit.is_complete and audit.ended_at <= moment]
        return _require_newest(ended, f"ended by {moment:%Y-%m-%d %H:%M:%S UTC}")

    def _list_statuses(self, audit: KeptAudit) -> dict[AccountId, AccountStatus]:
        found = self.history.list_statuses(audit.audit_id)
        counted = audit.summary.get("accounts", 0)
        if len(found) < counted:
            kept = f"{len(found)} of its {counted} accounts are" if found else "only its counts are"
            raise InputError(
                f"Audit {audit.audit_id} can't be compared: {kept} stored.",
                hint="Older results are deleted after the retention time. Choose a newer audit.",
            )
        return found

    def _find_account(self, id_or_name: str, inventory: Inventory | None) -> AccountId:
        if id_or_name.isdigit():
            return parse_account_id(id_or_name)
        accounts = () if inventory is None else inventory.accounts
        named = [account.account_id for account in accounts if account.name == id_or_name]
        if len(named) == 1:
            return named[0]
        what = f"{len(named)} accounts have" if named else "No account in the inventory has"
        raise InputError(f"{what} the name {id_or_name!r}.", hint="Give its id: 12 digits.")


_LIST_AUDITS = Hint("List the stored audits and choose two of them.", "history.list_audits")


def _require_newest(audits: list[KeptAudit], condition: str) -> KeptAudit:
    if not audits:
        raise InputError(f"No audit of the whole organization {condition}.", hint=_LIST_AUDITS)
    return audits[0]
