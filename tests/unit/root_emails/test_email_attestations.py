"""Attestations of root e-mail addresses in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rootkeeper.ledger.database import Database
from rootkeeper.root_emails.rules import EmailAttestation
from rootkeeper.root_emails.statements import EmailAttestationStore
from tests.unit.database.samples import NOW, ORGANIZATION_ID

ATTESTATION = EmailAttestation("aws@example.com", "Nikki Wolf", NOW + timedelta(days=90), "operator", NOW)


def test_an_attestation_is_read_as_it_was_added_and_the_later_one_replaces_it(database: Database) -> None:
    attestations = database.get_store(EmailAttestationStore, ORGANIZATION_ID)
    other = replace(ATTESTATION, address="aaa@example.com")
    attestations.add(ATTESTATION)
    attestations.add(other)
    assert attestations.list_attestations() == (other, ATTESTATION)
    longer = replace(ATTESTATION, until=NOW + timedelta(days=180), attested_by="Ana Carolina Silva")
    attestations.add(longer)
    assert attestations.list_attestations() == (other, longer)


def test_p21_the_attestations_of_another_organization_arent_seen(database: Database) -> None:
    database.get_store(EmailAttestationStore, ORGANIZATION_ID).add(ATTESTATION)
    elsewhere = database.get_store(EmailAttestationStore, "o-otherorgid00")
    assert elsewhere.list_attestations() == ()
    elsewhere.add(replace(ATTESTATION, attested_by="another user"))
    assert database.get_store(EmailAttestationStore, ORGANIZATION_ID).list_attestations() == (ATTESTATION,)
