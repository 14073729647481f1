"""Recovery windows in the database. Every change names the state that it expects, so that no step is taken twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, select, update

from rootkeeper.domain.approvals import WAITING_STATES
from rootkeeper.domain.ledger import ActorKind, render_time
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.window_records import approval_from_record, approval_to_record
from rootkeeper.domain.windows import (
    FINAL_STATES,
    OWING_STATES,
    RecoveryWindow,
    WindowState,
    describe_blocking_window,
)
from rootkeeper.errors import NotFoundError, WindowConflictError
from rootkeeper.storage import schema
from rootkeeper.storage.account_revisions import ChangedPart
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.reading import glancing
from rootkeeper.storage.transactions import WriteTransaction

_windows = schema.recovery_windows.c

_IS_UNFINISHED = _windows.unfinished_account_id > ""
"""Written so, and not as ``IS NOT NULL``, since SQLite then finds them by the index alone, however many are over."""

_IS_WINDOW = (_windows.organization_id == bindparam("of_organization")) & (_windows.window_id == bindparam("of_window"))
_SELECT_WINDOW = select(schema.recovery_windows).where(_IS_WINDOW)
_SELECT_UNFINISHED = (
    select(schema.recovery_windows)
    .where(_windows.organization_id == bindparam("of_organization"), _IS_UNFINISHED)
    .order_by(_windows.requested_at.desc(), _windows.window_id)
)
_REPLACE = update(schema.recovery_windows).where(_IS_WINDOW)
"""Built once: building a statement takes longer than running it."""


class SqlRecoveryWindows:
    """The windows of one organization; implements the port RecoveryWindows."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def add(self, window: RecoveryWindow) -> None:
        row = self._row_of(window)

        def work(transaction: WriteTransaction) -> None:
            unfinished = self._find_unfinished(transaction.connection, window.account_id)
            if unfinished is not None:
                raise _not_alone(unfinished)
            transaction.connection.execute(insert(schema.recovery_windows).values(row))
            self._note_change(transaction)

        self._commits.run(work)

    def change(self, window: RecoveryWindow, expected: WindowState) -> None:
        def work(transaction: WriteTransaction) -> None:
            found = self._find(transaction.connection, window.window_id)
            if found is None or found.state is not expected:
                state = "gone" if found is None else found.state.value
                raise WindowConflictError(
                    f"Window {window.window_id} isn't {expected} any more: it is {state}.",
                    hint=f"Look at it: rootkeeper windows show {window.window_id}",
                )
            self._replace(transaction.connection, window)
            self._note_change(transaction)

        self._commits.run(work)

    def update(self, window_id: str, step: Callable[[RecoveryWindow], RecoveryWindow]) -> RecoveryWindow:
        def work(transaction: WriteTransaction) -> RecoveryWindow:
            found = self._find(transaction.connection, window_id)
            if found is None:
                raise _no_window(window_id)
            stepped = step(found)
            if found.state in FINAL_STATES:
                self._require_alone(transaction.connection, stepped)
            self._replace(transaction.connection, stepped)
            self._note_change(transaction)
            return stepped

        return self._commits.run(work)

    def get(self, window_id_or_account_id: str) -> RecoveryWindow:
        with glancing(self._store) as connection:
            found = self._find(connection, window_id_or_account_id) or self._find_latest(
                connection, window_id_or_account_id
            )
        if found is None:
            raise _no_window(window_id_or_account_id)
        return found

    def find_unfinished(self, account_id: AccountId) -> RecoveryWindow | None:
        with glancing(self._store) as connection:
            return self._find_unfinished(connection, account_id)

    def list_windows(self, *, unfinished_only: bool = False) -> tuple[RecoveryWindow, ...]:
        if not unfinished_only:
            return self._list(order=(_windows.requested_at.desc(),))
        with glancing(self._store) as connection:
            rows = connection.execute(_SELECT_UNFINISHED, {"of_organization": self._organization_id})
            return tuple(_parse_row(row) for row in rows)

    def list_of_account(self, account_id: AccountId) -> tuple[RecoveryWindow, ...]:
        return self._list(_windows.account_id == account_id, order=(_windows.requested_at.desc(),))

    def list_lapsing(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        return self._list(
            _IS_UNFINISHED, _is_in(WAITING_STATES), _windows.lapses_at <= now, order=(_windows.lapses_at,)
        )

    def list_reviews_due(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        return self._list(
            _windows.opened_at.is_not(None),
            _windows.reviewed_by.is_(None),
            _windows.review_due_at <= now,
            order=(_windows.review_due_at,),
        )

    def list_rereads_due(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        return self._list(
            _is_in({WindowState.CLOSED_VERIFIED}),
            _windows.next_reread_at <= now,
            order=(_windows.next_reread_at,),
        )

    def list_overdue(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        return self._list(
            _IS_UNFINISHED, _is_in(OWING_STATES), _windows.expires_at <= now, order=(_windows.expires_at,)
        )

    def _list(
        self, *conditions: ColumnElement[bool], order: Sequence[ColumnElement[Any]]
    ) -> tuple[RecoveryWindow, ...]:
        statement = (
            select(schema.recovery_windows)
            .where(_windows.organization_id == self._organization_id, *conditions)
            .order_by(*order, _windows.window_id)
        )
        with glancing(self._store) as connection:
            return tuple(_parse_row(row) for row in connection.execute(statement))

    def _note_change(self, transaction: WriteTransaction) -> None:
        transaction.note_change(self._organization_id, ChangedPart.WINDOWS)

    def _row_of(self, window: RecoveryWindow) -> dict[str, Any]:
        if window.organization_id != self._organization_id:
            raise ValueError(f"Window {window.window_id} belongs to {window.organization_id}.")
        return _row_of(window)

    def _replace(self, connection: Connection, window: RecoveryWindow) -> None:
        row = self._row_of(window)
        connection.execute(_REPLACE, {**row, "of_organization": row["organization_id"], "of_window": row["window_id"]})

    def _require_alone(self, connection: Connection, window: RecoveryWindow) -> None:
        """A closed window that is to be closed again gives way to a newer one, which owes the closing anyhow."""
        other = None if window.state in FINAL_STATES else self._find_unfinished(connection, window.account_id)
        if other is not None and other.window_id != window.window_id:
            raise _not_alone(other)

    def _find(self, connection: Connection, window_id: str) -> RecoveryWindow | None:
        values = {"of_organization": self._organization_id, "of_window": window_id}
        row = connection.execute(_SELECT_WINDOW, values).one_or_none()
        return None if row is None else _parse_row(row)

    def _find_latest(self, connection: Connection, account_id: str) -> RecoveryWindow | None:
        statement = (
            select(schema.recovery_windows)
            .where(_windows.organization_id == self._organization_id, _windows.account_id == account_id)
            .order_by(_windows.requested_at.desc(), _windows.window_id)
            .limit(1)
        )
        row = connection.execute(statement).one_or_none()
        return None if row is None else _parse_row(row)

    def _find_unfinished(self, connection: Connection, account_id: AccountId) -> RecoveryWindow | None:
        statement = select(schema.recovery_windows).where(
            _windows.organization_id == self._organization_id, _windows.unfinished_account_id == account_id
        )
        row = connection.execute(statement).one_or_none()
        return None if row is None else _parse_row(row)


def _is_in(states: Collection[WindowState]) -> ColumnElement[bool]:
    return _windows.state.in_(sorted(state.value for state in states))


def _no_window(name: str) -> NotFoundError:
    return NotFoundError(
        f"There is no recovery window {name!r}, nor one of such an account.", hint="List them: rootkeeper windows list"
    )


def _not_alone(other: RecoveryWindow) -> WindowConflictError:
    return WindowConflictError(
        f"Account {other.account_id} has a recovery window that isn't over: {other.window_id}, {other.state}.",
        hint=describe_blocking_window(other.window_id, other.state),
    )


def _row_of(window: RecoveryWindow) -> dict[str, Any]:
    return {
        "window_id": window.window_id,
        "organization_id": window.organization_id,
        "account_id": window.account_id,
        "unfinished_account_id": None if window.state in FINAL_STATES else window.account_id,
        "state": window.state.value,
        "reason": window.reason,
        "ticket": window.ticket,
        "requested_by": window.requested_by,
        "requested_at": window.requested_at,
        "duration_seconds": window.duration_seconds,
        "approved_by": list(window.approved_by),
        "opened_at": window.opened_at,
        "expires_at": window.expires_at,
        "closed_at": window.closed_at,
        "failure": window.failure,
        "requested_by_kind": window.requested_by_kind.value,
        "approvals_needed": window.approvals_needed,
        "approvals": [approval_to_record(approval, render_time) for approval in window.approvals],
        "lapses_at": window.lapses_at,
        "activated_by": window.activated_by,
        "closed_by": window.closed_by,
        "is_emergency": window.is_emergency,
        "review_due_at": window.review_due_at,
        "reviewed_by": window.reviewed_by,
        "is_drill": window.is_drill,
        "watched_by": window.watched_by,
        "failed_closings": window.failed_closings,
        "next_closing_at": window.next_closing_at,
        "rereads_done": window.rereads_done,
        "next_reread_at": window.next_reread_at,
    }


def _parse_row(row: Row[Any]) -> RecoveryWindow:
    return RecoveryWindow(
        window_id=row.window_id,
        organization_id=row.organization_id,
        account_id=AccountId(row.account_id),
        state=WindowState(row.state),
        reason=row.reason,
        ticket=row.ticket,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        duration_seconds=row.duration_seconds,
        approved_by=tuple(row.approved_by),
        opened_at=row.opened_at,
        expires_at=row.expires_at,
        closed_at=row.closed_at,
        failure=row.failure,
        requested_by_kind=ActorKind(row.requested_by_kind),
        approvals_needed=row.approvals_needed,
        approvals=tuple(approval_from_record(record) for record in row.approvals),
        lapses_at=row.lapses_at,
        activated_by=row.activated_by,
        closed_by=row.closed_by,
        is_emergency=row.is_emergency,
        review_due_at=row.review_due_at,
        reviewed_by=row.reviewed_by,
        is_drill=row.is_drill,
        watched_by=row.watched_by,
        failed_closings=row.failed_closings,
        next_closing_at=row.next_closing_at,
        rereads_done=row.rereads_done,
        next_reread_at=row.next_reread_at,
    )
