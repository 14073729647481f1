"""Saved views: addresses of console pages, with their filters, that a user keeps under names.

They contain no more than the address bar does, and change nothing in AWS, so the ledger doesn't record them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, insert, select

from rootkeeper.database import schema
from rootkeeper.database.schema import parse_row, to_row
from rootkeeper.errors import InputError, NotFoundError
from rootkeeper.ledger.writer import OrganizationStore, WriteTransaction

MOST_VIEWS = 50
"""Of a user."""

_views = schema.saved_views.c


@dataclass(frozen=True, slots=True)
class SavedView:
    """An address in the console under a name."""

    name: str
    address: str
    """Path and query of the page."""
    saved_at: datetime


class SavedViewStore(OrganizationStore):
    """The saved views of all users of an organization.

    :raises DatabaseError: if the database can't be read or written.
    """

    def list_views(self, identity_id: str) -> tuple[SavedView, ...]:
        """List the views of a user, by name."""
        statement = select(schema.saved_views).where(*self._of(identity_id)).order_by(_views.name)
        return tuple(parse_row(SavedView, row) for row in self._read(statement))

    def save(self, identity_id: str, view: SavedView) -> None:
        """Store a view; it replaces an earlier view of the same name.

        :raises InputError: if the user has too many views.
        """

        def work(transaction: WriteTransaction) -> None:
            connection = transaction.connection
            connection.execute(delete(schema.saved_views).where(*self._of(identity_id), _views.name == view.name))
            count = connection.execute(
                select(func.count()).select_from(schema.saved_views).where(*self._of(identity_id))
            ).scalar_one()
            if count >= MOST_VIEWS:
                raise InputError(f"You have {MOST_VIEWS} saved views already.", hint="Delete one of them first.")
            row = {"organization_id": self._organization_id, "identity_id": identity_id, **to_row(view)}
            connection.execute(insert(schema.saved_views).values(row))

        self._commits.run(work)

    def remove(self, identity_id: str, name: str) -> None:
        """:raises NotFoundError: if the user has no view of that name."""

        def work(transaction: WriteTransaction) -> bool:
            statement = delete(schema.saved_views).where(*self._of(identity_id), _views.name == name)
            return transaction.connection.execute(statement).rowcount > 0

        if not self._commits.run(work):
            raise NotFoundError(f"You have no saved view {name!r}.", hint="Reload the page for the current ones.")

    def _of(self, identity_id: str) -> tuple[ColumnElement[bool], ...]:
        return _views.organization_id == self._organization_id, _views.identity_id == identity_id
