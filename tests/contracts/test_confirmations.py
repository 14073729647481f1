"""The contract of ConfirmationStore, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.inventory.store import ConfirmationStore, InventoryStore
from rootkeeper.ledger.database import open_database
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.confirmations import Claim, Confirmation, ConfirmationBasis
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.clock import START
from tests.fakes.stores import InMemoryConfirmations

FAILSAFE = AccountId("222233334444")
KEPT = Confirmation(
    FAILSAFE,
    Claim.KEPT,
    ConfirmationBasis.ATTESTATION,
    "Nikki Wolf",
    "Emergency access",
    START + timedelta(days=90),
    "operator",
    START,
    "AWS",
)


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def confirmations(request: pytest.FixtureRequest) -> Iterator[ConfirmationStore]:
    if request.param == "fake":
        yield InMemoryConfirmations()
        return
    with open_database(find_url(request.param, request)) as database:
        yield database.get_store(ConfirmationStore, ORGANIZATION_ID)


def test_every_confirmation_is_kept_in_the_order_of_recording(confirmations: ConfirmationStore) -> None:
    shorter = replace(KEPT, until=START + timedelta(days=1), recorded_at=START + timedelta(hours=1))
    for one in (KEPT, shorter):
        confirmations.add(one)
    assert confirmations.list_confirmations(in_sandbox=False) == (KEPT, shorter)


def test_a_confirmation_in_a_sandbox_does_not_count_for_aws(confirmations: ConfirmationStore) -> None:
    confirmations.add(replace(KEPT, endpoint="SANDBOX 127.0.0.1:4599"))
    assert confirmations.list_confirmed(in_sandbox=False, at=START) == frozenset()
    assert confirmations.list_confirmed(in_sandbox=True, at=START) == {FAILSAFE}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_confirmation_makes_a_server_read_the_statuses_again(kind: str, request: pytest.FixtureRequest) -> None:
    with open_database(find_url(kind, request)) as database:
        inventory = database.get_store(InventoryStore, ORGANIZATION_ID)
        before = inventory.find_revisions()
        database.get_store(ConfirmationStore, ORGANIZATION_ID).add(KEPT)
        assert inventory.find_revisions() != before
