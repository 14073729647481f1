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
        intents = schema.open_intents.c
        found = self.connection.execute(select(intents.sequence).where(intents.sequence.in_(sequences)))
        self._looked_up.update(sequences)
        self._open.update(found.scalars())

    def look_up_locks(self, organization_id: str, account_ids: Iterable[str]) -> None:
        """Read at once who holds these accounts' locks, for the fencing checks that follow."""
        locks, wanted = schema.account_locks.c, set(account_ids)
        found = self.connection.execute(
            select(locks.account_id, locks.owner_id, locks.fencing_token).where(
                locks.organization_id == organization_id, locks.account_id.in_(wanted)
            )
        )
        self._holders.update(dict.fromkeys(((organization_id, account_id) for account_id in wanted), None))
        for row in found:
            self._holders[organization_id, row.account_id] = (row.owner_id, row.fencing_token)

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
            self.connection.execute(_DELETE_OPEN, [{"ended": sequence} for sequence in self._ended])
        if self._opened:
            self.connection.execute(insert(schema.open_intents), [_open_row(entry) for entry in self._opened.values()])
        self.connection.execute(
            update(schema.ledger_head).values(
                sequence=self.head.sequence,
                entry_hash=self.head.entry_hash,
                organization_id=self.head.organization_id,
            )
        )


_DELETE_OPEN = delete(schema.open_intents).where(schema.open_intents.c.sequence == bindparam("ended"))


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
