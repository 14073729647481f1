"""Adds, lists and removes exceptions from deletion; the database holds a single exception for each account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from rootkeeper.acting import Acting
from rootkeeper.database import schema
from rootkeeper.database.engines import glancing
from rootkeeper.database.schema import parse_row, to_row
from rootkeeper.errors import Hint, InputError
from rootkeeper.exceptions.rules import DeletionException, require_exception
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.writer import OrganizationStore, WriteTransaction
from rootkeeper.organization.accounts import Account, AccountId, Inventory
from rootkeeper.values import JsonValue

_columns = schema.deletion_exceptions.c

_SELECT_ALL = (
    select(schema.deletion_exceptions)
    .where(_columns.organization_id == bindparam("of_organization"))
    .order_by(_columns.account_id)
)
_SELECT_ONE = select(schema.deletion_exceptions).where(
    _columns.organization_id == bindparam("of_organization"), _columns.account_id == bindparam("of_account")
)
"""Built once, because it is read before each deletion."""


class DeletionExceptionStore(OrganizationStore):
    """The exceptions of an organization, ended exceptions included."""

    def add(self, exception: DeletionException) -> None:
        """Store an exception; it replaces an earlier exception of the same account."""

        def work(transaction: WriteTransaction) -> None:
            self._delete(transaction, exception.account_id)
            row = {"organization_id": self._organization_id, **to_row(exception)}
            transaction.connection.execute(insert(schema.deletion_exceptions).values(row))

        self._commits.run(work)

    def remove(self, account_id: AccountId) -> bool:
        """``False`` if there was none."""
        return self._commits.run(lambda transaction: self._delete(transaction, account_id))

    def list_exceptions(self) -> tuple[DeletionException, ...]:
        """By account id."""
        with glancing(self._store) as connection:
            rows = connection.execute(_SELECT_ALL, {"of_organization": self._organization_id})
            return tuple(parse_row(DeletionException, row) for row in rows)

    def find(self, account_id: AccountId) -> DeletionException | None:
        values = {"of_organization": self._organization_id, "of_account": account_id}
        with glancing(self._store) as connection:
            row = connection.execute(_SELECT_ONE, values).one_or_none()
            return None if row is None else parse_row(DeletionException, row)

    def _delete(self, transaction: WriteTransaction, account_id: AccountId) -> bool:
        statement = delete(schema.deletion_exceptions).where(
            _columns.organization_id == self._organization_id, _columns.account_id == account_id
        )
        return transaction.connection.execute(statement).rowcount > 0


@dataclass(frozen=True, slots=True)
class ExceptionService:
    """Adds, lists and removes exceptions; the ledger records each change before it is made."""

    acting: Acting

    def prepare(
        self, account: Account, inventory: Inventory, *, owner: str, reason: str, until: datetime
    ) -> DeletionException:
        """Make an exception for an account of the inventory, and check it. Nothing is recorded.

        :raises TargetRefusedError: if it is the management account.
        :raises InputError: if owner or reason is empty, or ``until`` isn't in the future.
        """
        now = self.acting.clock.now()
        recorded_by = self.acting.actor.name
        exception = DeletionException(account.account_id, owner.strip(), reason.strip(), until, recorded_by, now)
        return require_exception(exception, now, inventory.organization.management_account_id)

    def add(self, exception: DeletionException) -> DeletionException:
        """Add an exception that ``prepare`` made; it replaces an earlier exception of the account."""
        parameters = _describe(exception)
        self.acting.ledger.append_fact(Action.EXCEPTION_ADD, account_id=exception.account_id, parameters=parameters)
        self.acting.get_store(DeletionExceptionStore).add(exception)
        return exception

    def list_exceptions(self) -> tuple[DeletionException, ...]:
        """List exceptions: those in force first, by their end, then ended exceptions."""
        now = self.acting.clock.now()
        return tuple(
            sorted(
                self.acting.get_store(DeletionExceptionStore).list_exceptions(),
                key=lambda exception: (not exception.is_in_force(now), exception.until, exception.account_id),
            )
        )

    def remove(self, account_id: AccountId) -> DeletionException:
        """:raises InputError: if the account has none."""
        exception = self.acting.get_store(DeletionExceptionStore).find(account_id)
        if exception is None:
            raise InputError(
                f"Account {account_id} has no exception from deletion.",
                hint=Hint("List the exceptions.", "exception.list"),
            )
        self.acting.ledger.append_fact(Action.EXCEPTION_REMOVE, account_id=account_id, parameters=_describe(exception))
        self.acting.get_store(DeletionExceptionStore).remove(account_id)
        return exception


def _describe(exception: DeletionException) -> dict[str, JsonValue]:
    return {"owner": exception.owner, "reason": exception.reason, "until": exception.until.isoformat()}
