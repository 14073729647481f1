"""The contract of EmailAttestationStore, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.ledger.database import open_database
from rootkeeper.root_emails.rules import EmailAttestation
from rootkeeper.root_emails.statements import EmailAttestationStore
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.clock import START
from tests.fakes.stores import InMemoryEmailAttestations

ATTESTATION = EmailAttestation("aws@example.com", "Nikki Wolf", START + timedelta(days=90), "operator", START)


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def attestations(request: pytest.FixtureRequest) -> Iterator[EmailAttestationStore]:
    if request.param == "fake":
        yield InMemoryEmailAttestations()
        return
    with open_database(find_url(request.param, request)) as database:
        yield database.get_store(EmailAttestationStore, ORGANIZATION_ID)


def test_attestations_are_listed_by_address_and_replaced(attestations: EmailAttestationStore) -> None:
    other = replace(ATTESTATION, address="aaa@example.com", until=START - timedelta(days=1))
    for one in (ATTESTATION, other):
        attestations.add(one)
    assert attestations.list_attestations() == (other, ATTESTATION)
    longer = replace(ATTESTATION, until=START + timedelta(days=180))
    attestations.add(longer)
    assert attestations.list_attestations() == (other, longer)
