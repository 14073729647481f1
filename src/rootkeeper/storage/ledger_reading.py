"""Reading the ledger: entries as a stream, the latest ones, open intents. Works without AWS and on a read-only file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from rootkeeper.domain.ledger import LedgerEntry
from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import DatabaseError
from rootkeeper.ports.ledger import LedgerFilter
from rootkeeper.storage import schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import parse_entry_row

_CHUNK_ROWS = 1_000


def stream_rows(
    connection: Connection, *, since_sequence: int = 0, account_id: AccountId | None = None, limit: int | None = None
) -> Iterator[RowMapping]:
    """Rows of the entries after ``since_sequence``, a chunk at a time.

    Each chunk is a query of its own, so that a reader who doesn't read on leaves no cursor open on a server. A reading
    transaction sees one moment all the same.
    """
    last, left = since_sequence, limit
    while left is None or left > 0:
        size = _CHUNK_ROWS if left is None else min(left, _CHUNK_ROWS)
        rows = connection.execute(_select_rows(last, account_id, size)).mappings().all()
        yield from rows
        if len(rows) < size:
            return
        last = rows[-1]["sequence"]
        left = None if left is None else left - size


def _select_rows(since_sequence: int, account_id: AccountId | None, size: int) -> Select[Any]:
    entries = schema.ledger_entries
    statement = select(entries).where(entries.c.sequence > since_sequence).order_by(entries.c.sequence).limit(size)
    return statement if account_id is None else statement.where(entries.c.account_id == account_id)


def list_entries(
    store: Store, *, since_sequence: int = 0, account_id: AccountId | None = None, limit: int | None = None
) -> Iterator[LedgerEntry]:
    """Entries after ``since_sequence``, streamed, as they are at the first one.

    :raises DatabaseError: if the database can't be read, or a row was edited into something that is no entry.
    """
    with reading(store) as connection:
        for row in stream_rows(connection, since_sequence=since_sequence, account_id=account_id, limit=limit):
            yield _parse_row(row)


def list_latest(store: Store, wanted: LedgerFilter, *, before: int | None, limit: int) -> tuple[LedgerEntry, ...]:
    """The latest entries that fit, the newest first.

    :raises DatabaseError: if the database can't be read, or a row was edited into something that is no entry.
    """
    entries = schema.ledger_entries.c
    statement = select(schema.ledger_entries).order_by(entries.sequence.desc()).limit(limit)
    if before is not None:
        statement = statement.where(entries.sequence < before)
    if wanted.account_id is not None:
        statement = statement.where(entries.account_id == wanted.account_id)
    if wanted.actor is not None:
        statement = statement.where(entries.actor == wanted.actor)
    if wanted.actions:
        statement = statement.where(entries.action.in_(sorted(wanted.actions)))
    if wanted.results:
        statement = statement.where(entries.result.in_(sorted(wanted.results)))
    with reading(store) as connection:
        return tuple(_parse_row(row) for row in connection.execute(statement).mappings())


def _parse_row(row: RowMapping) -> LedgerEntry:
    try:
        return parse_entry_row(row)
    except ValueError as error:
        raise DatabaseError(
            f"Ledger entry {row['sequence']} was edited and can't be read.",
            hint="What happened is shown by: rootkeeper ledger verify",
        ) from error


def list_open_entries(connection: Connection, organization_id: str | None = None) -> tuple[LedgerEntry, ...]:
    """Intents without an outcome, oldest first."""
    entries, open_intents = schema.ledger_entries, schema.open_intents
    statement = (
        select(entries).join(open_intents, open_intents.c.sequence == entries.c.sequence).order_by(entries.c.sequence)
    )
    if organization_id is not None:
        statement = statement.where(open_intents.c.organization_id == organization_id)
    return tuple(_parse_row(row) for row in connection.execute(statement).mappings())


def find_entry_hash(connection: Connection, sequence: int) -> str | None:
    entries = schema.ledger_entries.c
    return connection.execute(select(entries.entry_hash).where(entries.sequence == sequence)).scalar_one_or_none()
