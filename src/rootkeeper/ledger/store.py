"""The append-only ledger in the database: appends through the process's only writer, and reads as a stream.

No privileged call is sent without an intent on disk, and each intent gets exactly one outcome.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, func, or_, select

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.errors import DatabaseError, Hint, InputError, LedgerUnavailableError, LockLostError
from rootkeeper.ledger.owners import AccountLock, Owner, UnregisteredOwner, find_owner, require_lock_held
from rootkeeper.ledger.rules import Action, Actor, Draft, Intent, LedgerEntry, Phase, Result, require_no_secrets
from rootkeeper.ledger.writer import GroupCommit, PrefetchRequest, WriteTransaction, parse_entry_row
from rootkeeper.organization.accounts import AccountId, Endpoint
from rootkeeper.values import JsonValue, canonical_json, render_time


class Ledger(Protocol):
    """Appends entries for an organization, endpoint and actor; safe to call from many threads.

    Every method that writes returns only when its entry is durable.

    :raises LedgerUnavailableError: if it can't be made durable; the privileged call must not leave.
    """

    def append_intent(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        lock: AccountLock | None = None,
    ) -> Intent:
        """Record an action before it is done.

        With ``lock``, the same transaction checks its fencing token.

        :raises LockLostError: if another owner has taken the lock since; nothing is recorded.
        """
        ...

    def append_outcome(
        self, intent: Intent, result: Result, details: Mapping[str, JsonValue] | None = None
    ) -> LedgerEntry:
        """Record the result of the action.

        :raises LockLostError: if another process has settled the intent already; there is never a second outcome.
        """
        ...

    def append_fact(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
    ) -> LedgerEntry:
        """Record something that needs no AWS call, as an outcome without an intent."""
        ...

    def list_orphans(self) -> tuple[LedgerEntry, ...]:
        """Intents of this organization without an outcome, of provably dead owners, oldest first."""
        ...

    def settle_orphan(self, entry: LedgerEntry, result: Result, details: Mapping[str, JsonValue]) -> bool:
        """Give an orphan its only outcome, found by a re-read; ``False`` if another process has settled it."""
        ...


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which entries are asked for; a field that is left out narrows nothing."""

    account_id: AccountId | None = None
    actor: str | None = None
    """Exactly that name."""
    actions: frozenset[Action] = frozenset()
    results: frozenset[Result] = frozenset()
    """Of outcomes; an intent has none."""
    reference: str | None = None
    """The id of a window, job or plan that the intent names."""
    start: datetime | None = None
    end: datetime | None = None
    """Both included."""


REFERENCES = ("window_id", "job_id", "plan_id")


_CHUNK_ROWS = 1_000


def stream_rows(
    connection: Connection,
    *,
    since_sequence: int = 0,
    account_id: AccountId | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int | None = None,
) -> Iterator[RowMapping]:
    """Rows of the entries after ``since_sequence``, a chunk at a time.

    Each chunk is a query of its own, so that a reader who doesn't read on leaves no cursor open on a server. A reading
    transaction sees a single moment all the same.
    """
    entries, last, left = schema.ledger_entries, since_sequence, limit
    while left is None or left > 0:
        size = _CHUNK_ROWS if left is None else min(left, _CHUNK_ROWS)
        statement = select(entries).where(entries.c.sequence > last, *_is_between(start, end))
        statement = statement.order_by(entries.c.sequence).limit(size)
        if account_id is not None:
            statement = statement.where(entries.c.account_id == account_id)
        rows = connection.execute(statement).mappings().all()
        yield from rows
        if len(rows) < size:
            return
        last = rows[-1]["sequence"]
        left = None if left is None else left - size


def _is_between(start: datetime | None, end: datetime | None) -> Iterator[ColumnElement[bool]]:
    """Times of entries are texts of one length, so they sort as the times do."""
    if start is not None:
        yield schema.ledger_entries.c.at >= render_time(start)
    if end is not None:
        yield schema.ledger_entries.c.at <= render_time(end)


def list_entries(
    store: Store,
    *,
    since_sequence: int = 0,
    account_id: AccountId | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int | None = None,
) -> Iterator[LedgerEntry]:
    """Entries after ``since_sequence``, streamed, as they are when the first entry is read.

    :param start: only entries from then on.
    :param end: only entries until then; both times are included.

    :raises DatabaseError: if the database can't be read, or a row was edited into something that is no entry.
    """
    with reading(store) as connection:
        rows = stream_rows(
            connection, since_sequence=since_sequence, account_id=account_id, start=start, end=end, limit=limit
        )
        for row in rows:
            yield _parse_row(row)


def list_latest(store: Store, wanted: LedgerFilter, *, before: int | None, limit: int) -> tuple[LedgerEntry, ...]:
    """The latest entries that fit, the newest first.

    :raises DatabaseError: if the database can't be read, or a row was edited into something that is no entry.
    """
    entries = schema.ledger_entries
    statement = select(entries).where(*_fits(wanted)).order_by(entries.c.sequence.desc()).limit(limit)
    if before is not None:
        statement = statement.where(entries.c.sequence < before)
    with reading(store) as connection:
        return tuple(_parse_row(row) for row in connection.execute(statement).mappings())


def count_entries(store: Store, wanted: LedgerFilter) -> int:
    """The number of entries that fit.

    :raises DatabaseError: if the database can't be read.
    """
    statement = select(func.count()).select_from(schema.ledger_entries).where(*_fits(wanted))
    with reading(store) as connection:
        return int(connection.execute(statement).scalar_one())


def _fits(wanted: LedgerFilter) -> Iterator[ColumnElement[bool]]:
    entries = schema.ledger_entries.c
    yield from _is_between(wanted.start, wanted.end)
    if wanted.account_id is not None:
        yield entries.account_id == wanted.account_id
    if wanted.actor is not None:
        yield entries.actor == wanted.actor
    if wanted.actions:
        yield entries.action.in_(sorted(wanted.actions))
    if wanted.results:
        yield entries.result.in_(sorted(wanted.results))
    if wanted.reference is not None:
        intents = schema.ledger_entries.alias()
        named = select(intents.c.sequence).where(_names(intents.c.parameters, wanted.reference))
        yield or_(_names(entries.parameters, wanted.reference), entries.intent_sequence.in_(named))


def _names(parameters: ColumnElement[str], reference: str) -> ColumnElement[bool]:
    """Parameters are canonical JSON, so a field with its value is a single text."""
    fields = (canonical_json({name: reference})[1:-1] for name in REFERENCES)
    return or_(*(parameters.contains(field, autoescape=True) for field in fields))


def _parse_row(row: RowMapping) -> LedgerEntry:
    try:
        return parse_entry_row(row)
    except ValueError as error:
        raise DatabaseError(
            f"Ledger entry {row['sequence']} was edited and can't be read.",
            hint=Hint("Verify the ledger.", "ledger.verify"),
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


T = TypeVar("T")


class EntryAuthor:
    """Drafts the entries of an organization, endpoint and actor, for both ledgers."""

    def __init__(
        self, organization_id: str, endpoint: Endpoint, actor: Actor, owner: Owner | UnregisteredOwner
    ) -> None:
        self._organization_id = organization_id
        self._endpoint = endpoint
        self._actor = actor
        self._owner = owner

    def _draft(
        self,
        action: Action,
        account_id: AccountId | None,
        parameters: Mapping[str, JsonValue] | None,
        phase: Phase,
        intent_sequence: int | None = None,
        result: Result | None = None,
    ) -> Draft:
        return Draft(
            at=self._owner.clock.now(),
            organization_id=self._organization_id,
            endpoint=self._endpoint.label,
            actor=self._actor,
            action=action,
            account_id=account_id,
            parameters=check_parameters(parameters),
            phase=phase,
            owner_id=self._owner.owner_id,
            intent_sequence=intent_sequence,
            result=result,
        )


class SqlLedger(EntryAuthor):
    """Implements ``Ledger`` in the database."""

    _owner: Owner

    def __init__(
        self, store: Store, commits: GroupCommit, organization_id: str, endpoint: Endpoint, actor: Actor, owner: Owner
    ) -> None:
        check_parameters({"organization_id": organization_id, "endpoint": endpoint.label, "actor": actor.name})
        if "\0" in organization_id + endpoint.label + actor.name:
            raise InputError("A name contains characters that can't be recorded.", hint="Use printable characters.")
        super().__init__(organization_id, endpoint, actor, owner)
        self._store = store
        self._commits = commits

    def append_intent(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        lock: AccountLock | None = None,
    ) -> Intent:
        """See the port.

        :raises ValueError: if a parameter is named like a secret, or has no canonical form.
        """
        draft, clock = self._draft(action, account_id, parameters, Phase.INTENT), self._owner.clock

        def append(transaction: WriteTransaction) -> Intent:
            if draft.owner_id != self._owner.owner_id:
                raise LockLostError(
                    "The database was unavailable, so this process continues as a new owner.", hint="Try again."
                )
            if lock is not None:
                self._owner.require_own(lock)
                require_lock_held(transaction, self._organization_id, lock)
            valid_until = self._owner.confirm_lease(transaction, must_have_lasted=lock is not None)
            entry = transaction.append(draft)
            return Intent(
                sequence=entry.sequence,
                action=action,
                account_id=account_id,
                valid_until=valid_until,
                parameters=entry.parameters,
                valid_until_at=clock.now() + timedelta(seconds=valid_until - clock.monotonic()),
            )

        needs = None if lock is None else PrefetchRequest(lock=(self._organization_id, lock.account_id))
        return self._run(append, needs)

    def append_outcome(
        self, intent: Intent, result: Result, details: Mapping[str, JsonValue] | None = None
    ) -> LedgerEntry:
        described = intent.describe_outcome(details)
        draft = self._draft(
            intent.action, intent.account_id, described, Phase.OUTCOME, intent_sequence=intent.sequence, result=result
        )

        def append(transaction: WriteTransaction) -> LedgerEntry:
            if not transaction.end_intent(intent.sequence):
                raise LockLostError(
                    f"Another process has settled intent {intent.sequence} already.",
                    hint=Hint("Look at the ledger's entries.", "ledger.list"),
                )
            return transaction.append(draft)

        return self._run(append, PrefetchRequest(ends_intent=intent.sequence))

    def append_fact(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
    ) -> LedgerEntry:
        draft = self.draft_fact(action, account_id, parameters)
        return self._commits.run_ledger_work(lambda transaction: transaction.append(draft))

    def draft_fact(
        self, action: Action, account_id: AccountId | None, parameters: Mapping[str, JsonValue] | None
    ) -> Draft:
        """A fact for a transaction that does more than append it."""
        return self._draft(action, account_id, parameters, Phase.OUTCOME, result=Result.DONE)

    def list_orphans(self) -> tuple[LedgerEntry, ...]:
        """See the port. An owner that this database doesn't know isn't provably dead.

        :raises DatabaseError: if the database can't be read.
        """
        now = self._owner.clock.now()
        with reading(self._store) as connection:
            entries = list_open_entries(connection, self._organization_id)
            owner_ids = {entry.owner_id for entry in entries}
            records = {owner_id: find_owner(connection, owner_id) for owner_id in owner_ids}
        dead = {owner_id for owner_id, record in records.items() if record is not None and record.is_dead(now)}
        return tuple(entry for entry in entries if entry.owner_id in dead)

    def settle_orphan(self, entry: LedgerEntry, result: Result, details: Mapping[str, JsonValue]) -> bool:
        """See the port; ``False`` also if its owner turns out to be alive."""
        draft = self._draft(
            entry.action, entry.account_id, details, Phase.OUTCOME, intent_sequence=entry.sequence, result=result
        )

        def settle(transaction: WriteTransaction) -> bool:
            record = find_owner(transaction.connection, entry.owner_id)
            if record is None or not record.is_dead(self._owner.clock.now()):
                return False
            if not transaction.end_intent(entry.sequence):
                return False
            transaction.append(draft)
            return True

        return self._commits.run_ledger_work(settle)

    def _run(self, work: Callable[[WriteTransaction], T], needs: PrefetchRequest | None) -> T:
        """After an error the entry may be written or not, so its owner must be replaced and the intent settled."""
        try:
            return self._commits.run_ledger_work(work, needs)
        except LedgerUnavailableError:
            self._owner.doubt()
            raise


def check_parameters(parameters: Mapping[str, JsonValue] | None) -> Mapping[str, JsonValue]:
    """Return an independent copy, as it will be read back.

    :raises ValueError: if a parameter is named like a secret, or has no canonical form.
    :raises InputError: if a text can't be encoded.
    """
    if not parameters:
        return {}
    require_no_secrets(parameters)
    try:
        return json.loads(canonical_json(parameters))  # type: ignore[no-any-return]  # an object, as a mapping went in
    except ValueError as error:
        if isinstance(error, UnicodeEncodeError) or isinstance(error.__cause__, UnicodeEncodeError):
            raise InputError("A text contains characters that can't be recorded.", hint="Use valid UTF-8.") from error
        raise
