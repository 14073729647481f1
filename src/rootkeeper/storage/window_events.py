"""Watched events in the database: each is judged and kept in one transaction, with its fact in the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from rootkeeper.domain.ledger import Action, JsonValue, render_time
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.window_events import EventVerdict, WatchedEvent
from rootkeeper.ports.window_events import EventEvaluator
from rootkeeper.storage import schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.ledger import SqlLedger
from rootkeeper.storage.owners import Owner
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import WriteTransaction

_events = schema.window_events.c


class SqlWatchedEvents:
    """Reads the watched events of one organization."""

    def __init__(self, store: Store, organization_id: str) -> None:
        self._store = store
        self._organization_id = organization_id

    def list_of_window(self, window_id: str) -> tuple[WatchedEvent, ...]:
        return self._list(self._select().where(_events.window_id == window_id))

    def list_of_account(self, account_id: AccountId) -> tuple[WatchedEvent, ...]:
        return self._list(self._select().where(_events.account_id == account_id))

    def _select(self) -> Select[Any]:
        return (
            select(schema.window_events)
            .where(_events.organization_id == self._organization_id)
            .order_by(_events.at, _events.event_id)
        )

    def _list(self, statement: Select[Any]) -> tuple[WatchedEvent, ...]:
        with reading(self._store) as connection:
            return tuple(_parse_row(row) for row in connection.execute(statement))


class SqlWindowEvents(SqlWatchedEvents):
    """Keeps them, too; implements the port WindowEvents."""

    def __init__(
        self, store: Store, commits: GroupCommit, organization_id: str, ledger: SqlLedger, owner: Owner
    ) -> None:
        super().__init__(store, organization_id)
        self._commits = commits
        self._ledger = ledger
        self._owner = owner

    def record(self, event_id: str, account_id: AccountId, evaluator: EventEvaluator) -> WatchedEvent:
        def work(transaction: WriteTransaction) -> WatchedEvent:
            known = self._find(transaction.connection, event_id)
            if known is not None:
                return known
            event = evaluator(self._list_sign_ins(transaction.connection, account_id))
            if event.verdict is not EventVerdict.UNRELATED:
                transaction.connection.execute(insert(schema.window_events).values(self._row_of(event)))
                if event.window_id is not None:
                    transaction.append(self._ledger.draft_fact(Action.WINDOW_EVENT, account_id, describe_fact(event)))
            return event

        return self._commits.run_ledger_work(work)

    def _find(self, connection: Connection, event_id: str) -> WatchedEvent | None:
        row = connection.execute(self._select().where(_events.event_id == event_id)).one_or_none()
        return None if row is None else _parse_row(row)

    def _list_sign_ins(self, connection: Connection, account_id: AccountId) -> tuple[WatchedEvent, ...]:
        """There are few of them, however many other events an account has."""
        statement = self._select().where(_events.account_id == account_id, _events.has_mfa.is_not(None))
        rows = connection.execute(statement)
        return tuple(_parse_row(row) for row in rows)

    def _row_of(self, event: WatchedEvent) -> dict[str, Any]:
        return {
            "organization_id": self._organization_id,
            "event_id": event.event_id,
            "window_id": event.window_id,
            "account_id": event.account_id,
            "at": event.at,
            "name": event.name,
            "verdict": event.verdict.value,
            "explanation": event.explanation,
            "recorded_at": self._owner.clock.now(),
            "has_mfa": event.has_mfa,
        }


def describe_fact(event: WatchedEvent) -> dict[str, JsonValue]:
    """The event as the ledger tells of it."""
    return {
        "window_id": event.window_id,
        "event_id": event.event_id,
        "event_name": event.name,
        "event_at": render_time(event.at),
        "verdict": event.verdict.value,
        "explanation": event.explanation,
    }


def _parse_row(row: Row[Any]) -> WatchedEvent:
    return WatchedEvent(
        event_id=row.event_id,
        account_id=AccountId(row.account_id),
        at=row.at,
        name=row.name,
        verdict=EventVerdict(row.verdict),
        explanation=row.explanation,
        window_id=row.window_id,
        has_mfa=row.has_mfa,
    )
