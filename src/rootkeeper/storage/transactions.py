"""A writing transaction: the one place where entries are chained to the head of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update

from rootkeeper.domain.ledger import (
    Action,
    Actor,
    ActorKind,
    JsonValue,
    LedgerEntry,
    Phase,
    Result,
    canonical_json,
    compute_entry_hash,
    render_time,
)
from rootkeeper.domain.organizations import AccountId
from rootkeeper.storage import schema
from rootkeeper.storage.account_revisions import ChangedPart, raise_revision


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of the ledger; of an empty one, sequence 0."""

    sequence: int
    entry_hash: str
    organization_id: str = ""


Holder = tuple[str | None, int]
"""A lock's owner and its fencing token."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that has no place in the chain yet."""

    at: datetime
    organization_id: str
    endpoint: str
    actor: Actor
    action: Action
    account_id: AccountId | None
    parameters: Mapping[str, JsonValue]
    phase: Phase
    owner_id: str
    intent_sequence: int | None = None
    result: Result | None = None


def draft_again(
    entry: LedgerEntry, at: datetime, parameters: Mapping[str, JsonValue], intent_sequence: int | None
) -> Draft:
    """An entry that another ledger has, to be chained to this one.

    :param parameters: its own, and where it came from.
    :param intent_sequence: of its intent here.
    """
    return Draft(
        at=at,
        organization_id=entry.organization_id,
        endpoint=entry.endpoint,
        actor=entry.actor,
        action=entry.action,
        account_id=entry.account_id,
        parameters=parameters,
        phase=entry.phase,
        owner_id=entry.owner_id,
        intent_sequence=intent_sequence,
        result=entry.result,
    )


class WriteTransaction:
    """What several units of work share until the commit. Entries are written together, by :meth:`flush`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._head: Head | None = None
        self._entries: list[LedgerEntry] = []
        self._opened: dict[int, LedgerEntry] = {}
        self._looked_up: set[int] = set()
        self._open: set[int] = set()
        self._ended: list[int] = []
        self.lease_ends: dict[str, datetime] = {}
        """Leases by owner, as far as they were read or renewed here."""
        self._holders: dict[tuple[str, str], Holder | None] = {}
        self._changed: set[tuple[str, ChangedPart]] = set()

    @property
    def head(self) -> Head:
        if self._head is None:
            self._head = read_head(self.connection, locks=True)
        return self._head

    @property
    def has_entries(self) -> bool:
        return bool(self._entries)

    @property
    def first_sequence(self) -> int:
        """Of the entries appended here; only where there are some."""
        return self._entries[0].sequence

    def append(self, draft: Draft) -> LedgerEntry:
        """Chain an entry to the head."""
        head = self.head
        unhashed = LedgerEntry(
            sequence=head.sequence + 1,
            at=draft.at,
            organization_id=draft.organization_id,
            endpoint=draft.endpoint,
            actor=draft.actor,
            action=draft.action,
            account_id=draft.account_id,
            parameters=draft.parameters,
            phase=draft.phase,
            owner_id=draft.owner_id,
            intent_sequence=draft.intent_sequence,
            result=draft.result,
            previous_hash=head.entry_hash,
            entry_hash="",
        )
        entry = replace(unhashed, entry_hash=compute_entry_hash(unhashed))
        self._head = Head(entry.sequence, entry.entry_hash, entry.organization_id)
        self._entries.append(entry)
        if entry.phase is Phase.INTENT:
            self._opened[entry.sequence] = entry
        return entry

    def look_up_intents(self, sequences: Sequence[int]) -> None:
        """Read at once which of these intents are open, for the outcomes that follow."""
        found = self.connection.execute(_SELECT_OPEN, {"of_sequences": list(sequences)})
        self._looked_up.update(sequences)
        self._open.update(found.scalars())

    def look_up_locks(self, organization_id: str, account_ids: Iterable[str]) -> None:
        """Read at once who holds these accounts' locks, and their leases, for the fencing checks that follow."""
        wanted = set(account_ids)
        values = {"of_organization": organization_id, "of_accounts": list(wanted)}
        found = self.connection.execute(_SELECT_HOLDERS, values)
        self._holders.update(dict.fromkeys(((organization_id, account_id) for account_id in wanted), None))
        for row in found:
            self._holders[organization_id, row.account_id] = (row.owner_id, row.fencing_token)
            if row.lease_until is not None:
                self.lease_ends.setdefault(row.owner_id, row.lease_until)

    def get_lock_holder(self, organization_id: str, account_id: str) -> Holder | None:
        """Who holds the account's lock as this transaction has left it; ``None`` if nobody ever did."""
        if (organization_id, account_id) not in self._holders:
            self.look_up_locks(organization_id, [account_id])
        return self._holders[organization_id, account_id]

    def note_lock_change(self, organization_id: str, account_id: str) -> None:
        """The lock's row was written: what was read of it is out of date."""
        self._holders.pop((organization_id, account_id), None)

    def forget_reads(self) -> None:
        """Something was rolled back or changed at large: what was read here is out of date."""
        self.lease_ends.clear()
        self._holders.clear()

    def note_change(self, organization_id: str, part: ChangedPart) -> None:
        """Something of an organization's accounts was written; :meth:`raise_revisions` counts it."""
        self._changed.add((organization_id, part))

    def raise_revisions(self) -> None:
        """Count what was changed. Last of all, so that every transaction locks these rows after all others."""
        for organization_id, part in sorted(self._changed):
            raise_revision(self.connection, organization_id, part)

    def end_intent(self, intent_sequence: int) -> bool:
        """Take an intent off the open ones, for its outcome is appended next; ``False`` if it isn't among them."""
        if intent_sequence in self._opened:
            del self._opened[intent_sequence]
            return True
        if intent_sequence not in self._looked_up:
            self.look_up_intents([intent_sequence])
        if intent_sequence not in self._open:
            return False
        self._open.remove(intent_sequence)
        self._ended.append(intent_sequence)
        return True

    def flush(self) -> None:
        """Write what was appended, and the head."""
        if not self._entries:
            return
        self.connection.execute(insert(schema.ledger_entries), [_entry_row(entry) for entry in self._entries])
        if self._ended:
            self.connection.execute(_DELETE_OPEN, {"ended": self._ended})
        if self._opened:
            self.connection.execute(insert(schema.open_intents), [_open_row(entry) for entry in self._opened.values()])
        head = {
            "last": self.head.sequence,
            "last_hash": self.head.entry_hash,
            "of_organization": self.head.organization_id,
        }
        self.connection.execute(_UPDATE_HEAD, head)


_locks = schema.account_locks.c
_SELECT_HOLDERS = (
    select(_locks.account_id, _locks.owner_id, _locks.fencing_token, schema.owners.c.lease_until)
    .outerjoin(schema.owners, schema.owners.c.owner_id == _locks.owner_id)
    .where(_locks.organization_id == bindparam("of_organization"))
    .where(_locks.account_id.in_(bindparam("of_accounts", expanding=True)))
)
_SELECT_OPEN = select(schema.open_intents.c.sequence).where(
    schema.open_intents.c.sequence.in_(bindparam("of_sequences", expanding=True))
)
_UPDATE_HEAD = update(schema.ledger_head).values(
    sequence=bindparam("last"), entry_hash=bindparam("last_hash"), organization_id=bindparam("of_organization")
)
_DELETE_OPEN = delete(schema.open_intents).where(schema.open_intents.c.sequence.in_(bindparam("ended", expanding=True)))


def read_head(connection: Connection, *, locks: bool = False) -> Head:
    """The head row.

    :param locks: keep it for this transaction on PostgreSQL, so that nobody else appends meanwhile; SQLite's writers
        are one at a time anyway.
    """
    row = connection.execute(_SELECT_HEAD.with_for_update() if locks else _SELECT_HEAD).one()
    return Head(sequence=row.sequence, entry_hash=row.entry_hash, organization_id=row.organization_id)


_SELECT_HEAD = select(
    schema.ledger_head.c.sequence, schema.ledger_head.c.entry_hash, schema.ledger_head.c.organization_id
)


def parse_entry_row(row: RowMapping) -> LedgerEntry:
    """An entry from its row.

    :raises ValueError: if the row was edited into something that is no entry.
    """
    result = row["result"]
    try:
        return LedgerEntry(
            sequence=row["sequence"],
            at=datetime.fromisoformat(row["at"]),
            organization_id=row["organization_id"],
            endpoint=row["endpoint"],
            actor=Actor(name=row["actor"], kind=ActorKind(row["actor_kind"]), caller_arn=row["caller_arn"]),
            action=Action(row["action"]),
            account_id=row["account_id"],
            parameters=json.loads(row["parameters"]),
            phase=Phase(row["phase"]),
            owner_id=row["owner_id"],
            intent_sequence=row["intent_sequence"],
            result=None if result is None else Result(result),
            previous_hash=row["previous_hash"],
            entry_hash=row["entry_hash"],
        )
    except TypeError as error:
        raise ValueError(f"Row {row['sequence']} is no ledger entry.") from error


def _entry_row(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": render_time(entry.at),
        "organization_id": entry.organization_id,
        "endpoint": entry.endpoint,
        "actor": entry.actor.name,
        "actor_kind": entry.actor.kind.value,
        "caller_arn": entry.actor.caller_arn,
        "action": entry.action.value,
        "account_id": entry.account_id,
        "parameters": canonical_json(entry.parameters),
        "phase": entry.phase.value,
        "owner_id": entry.owner_id,
        "intent_sequence": entry.intent_sequence,
        "result": None if entry.result is None else entry.result.value,
        "previous_hash": entry.previous_hash,
        "entry_hash": entry.entry_hash,
    }


def _open_row(entry: LedgerEntry) -> dict[str, Any]:
    return {"sequence": entry.sequence, "organization_id": entry.organization_id, "owner_id": entry.owner_id}
