"""What is forgotten, and when."""

from __future__ import annotations

from datetime import timedelta

from rootkeeper.worker.service import ENGINE_KEEPS, PERIOD_SECONDS, EngineCleaner, RetentionCleaner
from tests.fakes.clock import START, FakeClock
from tests.fakes.engines import InMemoryEngine
from tests.fakes.histories import FakeRetention, InMemoryHistory


def test_each_kind_is_forgotten_at_its_own_age() -> None:
    history, retention = InMemoryHistory(), FakeRetention()
    forgotten = RetentionCleaner(history, retention, FakeClock(), timedelta(days=400)).tick()
    assert history.forgotten_before == [START - timedelta(days=400)]
    assert retention.sign_ins_before == [START]
    assert retention.notifications_before == [START - timedelta(days=90)]
    assert forgotten == (0, 2, 3)


def test_the_engine_forgets_once_an_hour() -> None:
    engine, clock = InMemoryEngine(), FakeClock()
    retention_cleaner = EngineCleaner(engine, clock)
    assert [retention_cleaner.tick(), retention_cleaner.tick()] == [1, 0]
    clock.advance(PERIOD_SECONDS)
    assert retention_cleaner.tick() == 1
    assert engine.forgotten_before == [START - ENGINE_KEEPS, clock.now() - ENGINE_KEEPS]
