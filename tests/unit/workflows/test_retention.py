"""What is forgotten, and when."""

from __future__ import annotations

from datetime import timedelta

from rootkeeper.workflows.retention import Forgetting, Forgotten
from tests.fakes.clock import START, FakeClock
from tests.fakes.histories import FakeRetention, InMemoryHistory


def test_each_kind_is_forgotten_at_its_own_age() -> None:
    history, retention = InMemoryHistory(), FakeRetention()
    forgotten = Forgetting(history, retention, FakeClock(), timedelta(days=400)).tick()
    assert history.forgotten_before == [START - timedelta(days=400)]
    assert retention.sign_ins_before == [START]
    assert retention.notifications_before == [START - timedelta(days=90)]
    assert forgotten == Forgotten(audits=0, sign_ins=2, notifications=3)
