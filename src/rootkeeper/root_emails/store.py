"""Attestations that a group reads a root e-mail address, one per address, in the database."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.ledger.writer import GroupCommit, WriteTransaction
from rootkeeper.root_emails.rules import EmailAttestation

_columns = schema.email_attestations.c


class EmailAttestationStore:
    """The attestations of one organization, ended ones included.

    :raises DatabaseError: if the database can't be read or written.
    """

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def add(self, attestation: EmailAttestation) -> None:
        """Keep it; a later one for the same address replaces it."""

        def work(transaction: WriteTransaction) -> None:
            transaction.connection.execute(
                delete(schema.email_attestations).where(
                    _columns.organization_id == self._organization_id, _columns.address == attestation.address
                )
            )
            transaction.connection.execute(
                insert(schema.email_attestations).values(
                    organization_id=self._organization_id,
                    address=attestation.address,
                    attested_by=attestation.attested_by,
                    until=attestation.until,
                    recorded_by=attestation.recorded_by,
                    recorded_at=attestation.recorded_at,
                )
            )

        self._commits.run(work)

    def list_attestations(self) -> tuple[EmailAttestation, ...]:
        """By address."""
        statement = (
            select(schema.email_attestations)
            .where(_columns.organization_id == self._organization_id)
            .order_by(_columns.address)
        )
        with reading(self._store) as connection:
            return tuple(
                EmailAttestation(
                    address=row.address,
                    attested_by=row.attested_by,
                    until=row.until,
                    recorded_by=row.recorded_by,
                    recorded_at=row.recorded_at,
                )
                for row in connection.execute(statement)
            )
