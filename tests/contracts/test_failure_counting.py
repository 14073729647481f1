"""The contract of FailureCounter, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from rootkeeper.access.counts import FailureCounter
from rootkeeper.access.rules import AttemptLimit
from rootkeeper.ledger.database import open_database
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.clock import FakeClock
from tests.fakes.failures import InMemoryFailures

ANA = AttemptLimit("name ana", 2, timedelta(minutes=5))
BEN = AttemptLimit("name ben", 2, timedelta(minutes=5))
HERE = AttemptLimit("address 192.0.2.7", 3, timedelta(minutes=5))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def failures(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[FailureCounter]:
    if request.param == "fake":
        yield InMemoryFailures(clock)
        return
    with open_database(find_url(request.param, request)) as database:
        yield FailureCounter(database.store, database.commits, ORGANIZATION_ID, clock)


def test_an_attempt_waits_once_too_many_failed(failures: FailureCounter) -> None:
    assert failures.begin_attempt([ANA])
    assert failures.begin_attempt([ANA])
    assert failures.begin_attempt([ANA]) is None
    assert failures.begin_attempt([BEN])


def test_one_reached_limit_is_enough_and_then_nothing_is_counted(failures: FailureCounter) -> None:
    for _ in range(5):
        failures.begin_attempt([ANA, HERE])
    assert failures.begin_attempt([BEN, HERE])
    assert failures.begin_attempt([BEN, HERE]) is None


def test_what_succeeded_doesnt_count(failures: FailureCounter) -> None:
    for _ in range(5):
        attempt = failures.begin_attempt([ANA, HERE])
        assert attempt is not None
        failures.remove_attempt(attempt)
    failures.remove_attempt("f-unknown")
    assert failures.begin_attempt([ANA, HERE])


def test_a_failure_is_forgotten_in_time(failures: FailureCounter, clock: FakeClock) -> None:
    failures.begin_attempt([ANA])
    clock.advance(60)
    failures.begin_attempt([ANA])
    clock.advance(239)
    assert failures.begin_attempt([ANA]) is None
    clock.advance(1)
    assert failures.begin_attempt([ANA])
    assert failures.begin_attempt([ANA]) is None


def test_a_growing_delay_follows_the_last_allowed_failure(failures: FailureCounter, clock: FakeClock) -> None:
    delays = (timedelta(seconds=5), timedelta(seconds=10))
    eve = AttemptLimit("name eve", 2, timedelta(minutes=5), delays)
    assert failures.find_wait_seconds([eve]) == 0
    assert failures.begin_attempt([eve])
    assert failures.begin_attempt([eve])
    for delay in (5, 10, 10):
        assert failures.begin_attempt([eve]) is None
        assert failures.find_wait_seconds([eve, BEN]) == delay
        clock.advance(delay - 1)
        assert failures.begin_attempt([eve]) is None
        clock.advance(1)
        assert failures.begin_attempt([eve])
    clock.advance(300)
    assert failures.begin_attempt([eve])


def test_attempts_at_once_are_counted_as_if_one_came_after_the_other(failures: FailureCounter) -> None:
    with ThreadPoolExecutor(8) as people:
        begun = list(people.map(lambda _: failures.begin_attempt([ANA]), range(8)))
    assert len({attempt for attempt in begun if attempt}) == 2
