"""Attestations that a group reads a root e-mail address, one per address, in the database."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from rootkeeper.database import schema
from rootkeeper.database.engines import reading
from rootkeeper.database.schema import parse_row, to_row
from rootkeeper.ledger.writer import OrganizationStore, WriteTransaction
from rootkeeper.root_emails.rules import EmailAttestation

_columns = schema.email_attestations.c


class EmailAttestationStore(OrganizationStore):
    """The attestations of one organization, ended ones included.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, attestation: EmailAttestation) -> None:
        """Keep it; a later one for the same address replaces it."""

        def work(transaction: WriteTransaction) -> None:
            transaction.connection.execute(
                delete(schema.email_attestations).where(
                    _columns.organization_id == self._organization_id, _columns.address == attestation.address
                )
            )
            row = {"organization_id": self._organization_id, **to_row(attestation)}
            transaction.connection.execute(insert(schema.email_attestations).values(row))

        self._commits.run(work)

    def list_attestations(self) -> tuple[EmailAttestation, ...]:
        """By address."""
        statement = (
            select(schema.email_attestations)
            .where(_columns.organization_id == self._organization_id)
            .order_by(_columns.address)
        )
        with reading(self._store) as connection:
            return tuple(parse_row(EmailAttestation, row) for row in connection.execute(statement))
