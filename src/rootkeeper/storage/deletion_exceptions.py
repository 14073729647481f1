"""Exceptions from deletion in the database, one per account."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select

from rootkeeper.domain.deletion_exceptions import DeletionException
from rootkeeper.domain.organizations import AccountId
from rootkeeper.storage import schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.reading import glancing
from rootkeeper.storage.transactions import WriteTransaction

_columns = schema.deletion_exceptions.c
_SELECT_ALL = (
    select(schema.deletion_exceptions)
    .where(_columns.organization_id == bindparam("of_organization"))
    .order_by(_columns.account_id)
)
"""Built once: it is read before each deletion."""


class SqlDeletionExceptions:
    """The exceptions of one organization; implements the port DeletionExceptions."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def add(self, exception: DeletionException) -> None:
        def work(transaction: WriteTransaction) -> None:
            self._delete(transaction, exception.account_id)
            transaction.connection.execute(
                insert(schema.deletion_exceptions).values(
                    organization_id=self._organization_id,
                    account_id=exception.account_id,
                    owner=exception.owner,
                    reason=exception.reason,
                    until=exception.until,
                    added_by=exception.added_by,
                    added_at=exception.added_at,
                )
            )

        self._commits.run(work)

    def remove(self, account_id: AccountId) -> bool:
        return self._commits.run(lambda transaction: self._delete(transaction, account_id))

    def list_exceptions(self) -> tuple[DeletionException, ...]:
        """By account id."""
        with glancing(self._store) as connection:
            rows = connection.execute(_SELECT_ALL, {"of_organization": self._organization_id})
            return tuple(
                DeletionException(
                    account_id=AccountId(row.account_id),
                    owner=row.owner,
                    reason=row.reason,
                    until=row.until,
                    added_by=row.added_by,
                    added_at=row.added_at,
                )
                for row in rows
            )

    def _delete(self, transaction: WriteTransaction, account_id: AccountId) -> bool:
        statement = delete(schema.deletion_exceptions).where(
            _columns.organization_id == self._organization_id, _columns.account_id == account_id
        )
        return transaction.connection.execute(statement).rowcount > 0
