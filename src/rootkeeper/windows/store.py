"""Recovery windows in the database. Every change names the state that it expects, so that no step is taken twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, select, update

from rootkeeper.database import schema
from rootkeeper.database.engines import glancing
from rootkeeper.database.problems import RESTORE
from rootkeeper.database.schema import parse_row, to_row
from rootkeeper.errors import DatabaseError, Hint, NotFoundError, WindowConflictError
from rootkeeper.ledger.writer import ChangedPart, OrganizationStore, WriteTransaction
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.rules import (
    FINAL_STATES,
    OWING_STATES,
    WAITING_STATES,
    RecoveryWindow,
    WindowState,
    describe_blocking_window,
)

_windows = schema.recovery_windows.c

_IS_UNFINISHED = _windows.unfinished_account_id > ""
"""Not written as ``IS NOT NULL``, so that SQLite uses only the index, independent of the number of ended windows."""

_IS_WINDOW = (_windows.organization_id == bindparam("of_organization")) & (_windows.window_id == bindparam("of_window"))
_SELECT_WINDOW = select(schema.recovery_windows).where(_IS_WINDOW)

_SELECT_UNFINISHED = (
    select(schema.recovery_windows)
    .where(_windows.organization_id == bindparam("of_organization"), _IS_UNFINISHED)
    .order_by(_windows.requested_at.desc(), _windows.window_id)
)

_SELECT_UNFINISHED_ONE = select(schema.recovery_windows).where(
    _windows.organization_id == bindparam("of_organization"), _windows.unfinished_account_id == bindparam("of_account")
)

_REPLACE = update(schema.recovery_windows).where(_IS_WINDOW)
"""Built once, because building a statement takes longer than running it."""


class RecoveryWindowStore(OrganizationStore):
    """The windows of an organization.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, window: RecoveryWindow) -> None:
        """:raises WindowConflictError: if the account has an unfinished window."""
        row = self._row_of(window)

        def work(transaction: WriteTransaction) -> None:
            unfinished = self._find_unfinished(transaction.connection, window.account_id)
            if unfinished is not None:
                raise _not_alone(unfinished)
            transaction.connection.execute(insert(schema.recovery_windows).values(row))
            self._note_change(transaction)

        self._commits.run(work)

    def change(self, window: RecoveryWindow, expected: WindowState) -> None:
        """:raises WindowConflictError: if the window of that id isn't in state ``expected`` any more."""

        def work(transaction: WriteTransaction) -> None:
            found = self._find(transaction.connection, window.window_id)
            if found is None or found.state is not expected:
                state = "gone" if found is None else found.state.value
                raise WindowConflictError(
                    f"Window {window.window_id} isn't {expected} any more: it is {state}.",
                    hint=Hint("Look at the window.", "window.show", window_id=window.window_id),
                )
            self._replace(transaction.connection, window)
            self._note_change(transaction)

        self._commits.run(work)

    def update(self, window_id: str, step: Callable[[RecoveryWindow], RecoveryWindow]) -> RecoveryWindow:
        """Apply ``step`` to the current window in one transaction, and return the result.

        ``step`` is pure; an error that it raises leaves the window unchanged. Concurrent processes see each other's
        changes.

        :raises InputError: if there is no such window.
        """

        def work(transaction: WriteTransaction) -> RecoveryWindow:
            found = self._find(transaction.connection, window_id)
            if found is None:
                raise _no_window(window_id)
            stepped = step(found)
            if found.state in FINAL_STATES and stepped.state not in FINAL_STATES:
                # A closed window isn't reopened beside a newer unfinished window: closing that covers the account.
                other = self._find_unfinished(transaction.connection, stepped.account_id)
                if other is not None and other.window_id != window_id:
                    raise _not_alone(other)
            self._replace(transaction.connection, stepped)
            self._note_change(transaction)
            return stepped

        return self._commits.run(work)

    def get(self, window_id_or_account_id: str) -> RecoveryWindow:
        """Return the window with that id, or the account's latest window.

        :raises InputError: if there is none.
        """
        with glancing(self._store) as connection:
            found = self._find(connection, window_id_or_account_id)
        if found is not None:
            return found
        of_account = self.list_of_account(AccountId(window_id_or_account_id))
        if not of_account:
            raise _no_window(window_id_or_account_id)
        return of_account[0]

    def find_unfinished(self, account_id: AccountId) -> RecoveryWindow | None:
        """Find the account's unfinished window, in a database that has the ledger entries that this process knows."""
        with glancing(self._store) as connection:
            found = self._find_unfinished(connection, account_id)
        self._commits.require_known_ledger()
        return found

    def list_windows(self, *, unfinished_only: bool = False) -> tuple[RecoveryWindow, ...]:
        """List windows, the newest first.

        A server closes the unfinished windows, so their list requires the ledger entries that this process knows.
        """
        if not unfinished_only:
            return self._list(order=(_windows.requested_at.desc(),))
        with glancing(self._store) as connection:
            rows = connection.execute(_SELECT_UNFINISHED, {"of_organization": self._organization_id})
            found = tuple(parse_window(row) for row in rows)
        self._commits.require_known_ledger()
        return found

    def list_of_account(self, account_id: AccountId) -> tuple[RecoveryWindow, ...]:
        """List the windows of an account, the newest first."""
        return self._list(_windows.account_id == account_id, order=(_windows.requested_at.desc(),))

    def list_lapsing(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """List windows that have waited too long for approval or activation, the longest first."""
        return self._list(
            _IS_UNFINISHED, _is_in(WAITING_STATES), _windows.lapses_at <= now, order=(_windows.lapses_at,)
        )

    def list_reviews_due(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """List emergency windows with an overdue review, the most overdue first."""
        return self._list(
            _windows.opened_at.is_not(None),
            _windows.reviewed_by.is_(None),
            _windows.review_due_at <= now,
            order=(_windows.review_due_at,),
        )

    def list_rereads_due(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """List closed windows with a due re-read, the most overdue first."""
        return self._list(
            _is_in({WindowState.CLOSED_VERIFIED}), _windows.next_reread_at <= now, order=(_windows.next_reread_at,)
        )

    def list_closed(self, since: datetime) -> tuple[RecoveryWindow, ...]:
        """List closed windows that were closed since then or owe a re-read, the newest first."""
        is_owing = _windows.next_reread_at.is_not(None) | _windows.reread_owed_at.is_not(None)
        return self._list(
            _is_in({WindowState.CLOSED_VERIFIED}),
            (_windows.closed_at >= since) | is_owing,
            order=(_windows.requested_at.desc(),),
        )

    def list_overdue(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """List windows that must be closed and are past their end, the most overdue first."""
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
            return tuple(parse_window(row) for row in connection.execute(statement))

    def _note_change(self, transaction: WriteTransaction) -> None:
        transaction.note_change(self._organization_id, ChangedPart.WINDOWS)

    def _row_of(self, window: RecoveryWindow) -> dict[str, Any]:
        if window.organization_id != self._organization_id:
            raise ValueError(f"Window {window.window_id} belongs to {window.organization_id}.")
        unfinished_account_id = None if window.state in FINAL_STATES else window.account_id
        return {**to_row(window), "unfinished_account_id": unfinished_account_id}

    def _replace(self, connection: Connection, window: RecoveryWindow) -> None:
        row = self._row_of(window)
        connection.execute(_REPLACE, {**row, "of_organization": row["organization_id"], "of_window": row["window_id"]})

    def _find(self, connection: Connection, window_id: str) -> RecoveryWindow | None:
        values = {"of_organization": self._organization_id, "of_window": window_id}
        row = connection.execute(_SELECT_WINDOW, values).one_or_none()
        return None if row is None else parse_window(row)

    def _find_unfinished(self, connection: Connection, account_id: AccountId) -> RecoveryWindow | None:
        values = {"of_organization": self._organization_id, "of_account": account_id}
        row = connection.execute(_SELECT_UNFINISHED_ONE, values).one_or_none()
        return None if row is None else parse_window(row)


def parse_window(row: Row[Any]) -> RecoveryWindow:
    """:raises DatabaseError: if the row is damaged."""
    try:
        return parse_row(RecoveryWindow, row)
    except (ValueError, KeyError, TypeError) as error:
        raise DatabaseError(
            f"The database has a damaged row of recovery window {row.window_id}.", hint=RESTORE
        ) from error


def _is_in(states: Collection[WindowState]) -> ColumnElement[bool]:
    return _windows.state.in_(sorted(state.value for state in states))


def _no_window(name: str) -> NotFoundError:
    return NotFoundError(
        f"There is no recovery window {name!r}, nor one of such an account.",
        hint=Hint("List the windows.", "window.list"),
    )


def _not_alone(other: RecoveryWindow) -> WindowConflictError:
    return WindowConflictError(
        f"Account {other.account_id} has an unfinished recovery window: {other.window_id}, {other.state}.",
        hint=describe_blocking_window(other.window_id, other.state),
    )
