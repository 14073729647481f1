"""The contract of SignInStartStore, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from rootkeeper.access.factor_store import SignInStart, SignInStartStore
from rootkeeper.ledger.database import open_database
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.clock import START, FakeClock
from tests.fakes.provider_desk import InMemoryStarts

BEGUN = SignInStart(START, START + timedelta(minutes=10), "/accounts?x=1", None)
CONFIRMING = SignInStart(START, START + timedelta(minutes=10), "/", "s-1")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def starts(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[SignInStartStore]:
    if request.param == "fake":
        yield InMemoryStarts(clock)
        return
    with open_database(find_url(request.param, request)) as database:
        yield SignInStartStore(database.commits, ORGANIZATION_ID, clock)


def test_a_start_is_taken_once_by_its_secret_alone(starts: SignInStartStore) -> None:
    starts.keep("one", BEGUN)
    starts.keep("two", CONFIRMING)
    assert starts.take("three") is None
    assert starts.take("two") == CONFIRMING
    assert starts.take("two") is None
    assert starts.take("one") == BEGUN


def test_a_start_ends(starts: SignInStartStore, clock: FakeClock) -> None:
    starts.keep("one", BEGUN)
    starts.keep("two", BEGUN)
    clock.advance(599)
    assert starts.take("one") == BEGUN
    clock.advance(1)
    assert starts.take("two") is None
