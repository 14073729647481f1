"""What is counted is bounded, shared by servers, and names no one."""

from __future__ import annotations

from datetime import timedelta

from rootkeeper.access.counts import FailureCounter
from rootkeeper.access.rules import AttemptLimit, hash_text
from rootkeeper.ledger.database import Database, open_database
from tests.fakes.clock import FakeClock
from tests.unit.database.samples import ORGANIZATION_ID, Stage


def limit(key: str, most: int = 1) -> AttemptLimit:
    return AttemptLimit(key, most, timedelta(minutes=5))


def test_servers_on_one_database_count_together(stage: Stage, database: Database) -> None:
    clock = FakeClock()
    with open_database(stage.url) as another:
        assert FailureCounter(another.store, another.commits, ORGANIZATION_ID, clock).begin_attempt([limit("name ana")])
    assert (
        FailureCounter(database.store, database.commits, ORGANIZATION_ID, clock).begin_attempt([limit("name ana")])
        is None
    )
    assert FailureCounter(database.store, database.commits, "o-otherorgid00", clock).begin_attempt([limit("name ana")])


def test_a_key_is_kept_as_a_hash_alone(stage: Stage, database: Database) -> None:
    FailureCounter(database.store, database.commits, ORGANIZATION_ID, FakeClock()).begin_attempt(
        [limit("name hunter2")]
    )
    assert stage.query("SELECT key_hash FROM failed_attempts") == [(hash_text("name hunter2"),)]


def test_what_ended_goes_with_the_next_attempt(stage: Stage, database: Database) -> None:
    clock = FakeClock()
    counts = FailureCounter(database.store, database.commits, ORGANIZATION_ID, clock)
    for number in range(10):
        counts.begin_attempt([limit(f"name {number}")])
    clock.advance(300)
    counts.begin_attempt([limit("name ana")])
    assert len(stage.query("SELECT key_hash FROM failed_attempts")) == 1


def test_of_too_many_the_oldest_are_forgotten(stage: Stage, database: Database) -> None:
    clock = FakeClock()
    counts = FailureCounter(database.store, database.commits, ORGANIZATION_ID, clock, most_kept=4)
    for number in range(6):
        clock.advance(1)
        counts.begin_attempt([limit(f"name {number}")])
    kept = {row[0] for row in stage.query("SELECT key_hash FROM failed_attempts")}
    assert kept == {hash_text(f"name {number}") for number in range(2, 6)}
