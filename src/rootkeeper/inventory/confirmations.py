"""The confirmations of delegated administrator accounts, in the database: every one, so that reports can look back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select

from rootkeeper.database import schema
from rootkeeper.database.engines import reading
from rootkeeper.database.schema import parse_row, to_row
from rootkeeper.ledger.writer import ChangedPart, OrganizationStore, WriteTransaction
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.confirmations import Claim, Confirmation, find_in_force

_columns = schema.failsafe_confirmations.c


class ConfirmationStore(OrganizationStore):
    """The confirmations of one organization, ended ones included.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, confirmation: Confirmation) -> None:
        """Store a confirmation; its fact must be in the ledger already."""
        row = {"organization_id": self._organization_id, **to_row(confirmation)}

        def work(transaction: WriteTransaction) -> None:
            transaction.connection.execute(insert(schema.failsafe_confirmations).values(row))
            transaction.note_change(self._organization_id, ChangedPart.STATUSES)

        self._commits.run(work)

    def list_confirmations(self, *, in_sandbox: bool) -> tuple[Confirmation, ...]:
        """List them in the order of recording: those of a sandbox, or those of AWS."""
        statement = (
            select(schema.failsafe_confirmations)
            .where(_columns.organization_id == self._organization_id)
            .order_by(_columns.recorded_at)
        )
        with reading(self._store) as connection:
            found = [parse_row(Confirmation, row) for row in connection.execute(statement)]
        return tuple(one for one in found if (one.endpoint != "AWS") is in_sandbox)

    def list_confirmed(self, *, in_sandbox: bool, at: datetime) -> frozenset[AccountId]:
        """List the accounts whose root login is confirmed, at ``at``, as kept on purpose."""
        return frozenset(find_in_force(self.list_confirmations(in_sandbox=in_sandbox), Claim.KEPT, at))
