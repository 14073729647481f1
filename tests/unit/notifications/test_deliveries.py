"""When a delivery is tried again, and which targets fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.notifications.rules import (
    Delivery,
    DeliveryState,
    Notification,
    NotificationEvent,
    Severity,
    find_failing,
    plan_next_attempt,
)
from tests.fakes.clock import START

TEST = Notification(NotificationEvent.NOTIFICATION_TEST, Severity.INFO, "t", "b", START, "o-exampleorgid", "AWS")
WAITING = Delivery("n-1", TEST, "chat", DeliveryState.WAITING, 0, START, START)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 10), (2, 60), (3, 300), (4, 1800), (5, 7200), (6, 7200), (50, 7200)]
)
def test_each_attempt_is_further_off(attempts: int, seconds: int) -> None:
    now = START + timedelta(hours=1)
    assert plan_next_attempt(attempts, START, now) == now + timedelta(seconds=seconds)


def test_after_a_day_it_is_given_up() -> None:
    assert plan_next_attempt(9, START, START + timedelta(hours=24)) is None
    assert plan_next_attempt(9, START, START + timedelta(hours=23, minutes=59)) is not None


def test_a_target_fails_if_its_latest_attempt_did() -> None:
    failed = replace(WAITING, attempts=1, next_attempt_at=START + timedelta(seconds=70), failure="500")
    delivered = replace(
        WAITING,
        state=DeliveryState.DELIVERED,
        attempts=1,
        next_attempt_at=None,
        delivered_at=START + timedelta(seconds=90),
    )
    assert find_failing([WAITING]) == {}
    assert find_failing([failed, replace(failed, target="mail", failure=None)]) == {"chat": "500"}
    assert find_failing([failed, delivered]) == find_failing([delivered, failed]) == {}
    later = replace(failed, attempts=1, next_attempt_at=START + timedelta(seconds=110), failure="502")
    assert find_failing([failed, delivered, later]) == {"chat": "502"}


def test_a_target_whose_message_was_given_up_fails_until_another_arrives() -> None:
    given_up = replace(WAITING, state=DeliveryState.GIVEN_UP, attempts=14, next_attempt_at=None, failure="500")
    assert find_failing([given_up]) == {"chat": "500"}
    arrived = replace(given_up, state=DeliveryState.DELIVERED, delivered_at=START + timedelta(hours=25), failure=None)
    assert find_failing([given_up, arrived]) == {}
