"""A server's AWS credentials are tried again and again; a change of them is reported once."""

from __future__ import annotations

from dataclasses import dataclass, field

from rootkeeper.errors import AwsCredentialsError
from rootkeeper.notifications.rules import Notification, NotificationEvent, Severity
from rootkeeper.worker.health import RENEWAL_SECONDS, RETRY_SECONDS, CredentialsRenewer
from tests.fakes.clock import FakeClock

EXPIRED = "The security token has expired."


@dataclass
class Power:
    """Answers as the test sets it."""

    failures: tuple[str, ...] = ()
    error: AwsCredentialsError | None = None
    reported: list[Notification] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def renew(self) -> tuple[str, ...]:
        if self.error is not None:
            raise self.error
        return self.failures

    def notify(self, notification: Notification) -> None:
        self.reported.append(notification)


def make(gateway_pool: Power) -> CredentialsRenewer:
    return CredentialsRenewer(
        gateway_pool,
        FakeClock(),
        "o-exampleorgid",
        "SANDBOX 127.0.0.1:4599",
        gateway_pool.warned.append,
        gateway_pool.renew,
    )


def test_good_credentials_are_not_reported() -> None:
    gateway_pool = Power()
    renewal = make(gateway_pool)
    tried = [renewal.was_tried]
    renewal.turn()
    assert [*tried, renewal.was_tried] == [False, True]
    assert (renewal.failures, gateway_pool.reported, gateway_pool.warned) == ((), [], [])


def test_a_failure_is_reported_once_critically_and_its_end_once() -> None:
    gateway_pool = Power(failures=(EXPIRED,))
    renewal = make(gateway_pool)
    renewal.turn()
    renewal.turn()
    gateway_pool.failures = ()
    renewal.turn()
    renewal.turn()
    assert [(one.event, one.severity) for one in gateway_pool.reported] == [
        (NotificationEvent.AWS_CREDENTIALS_FAILED, Severity.CRITICAL),
        (NotificationEvent.AWS_CREDENTIALS_RESTORED, Severity.INFO),
    ]
    assert EXPIRED in gateway_pool.reported[0].body
    assert gateway_pool.warned == [EXPIRED, EXPIRED]


def test_credentials_that_cannot_be_had_at_all_are_a_failure_too() -> None:
    gateway_pool = Power(error=AwsCredentialsError(EXPIRED))
    renewal = make(gateway_pool)
    renewal.turn()
    assert renewal.failures == (EXPIRED,)
    assert len(gateway_pool.reported) == 1


def test_a_failure_that_comes_again_is_reported_again() -> None:
    gateway_pool = Power()
    renewal = make(gateway_pool)
    for failures in ((EXPIRED,), (), (EXPIRED,)):
        gateway_pool.failures = failures
        renewal.turn()
    assert [one.severity for one in gateway_pool.reported] == [Severity.CRITICAL, Severity.INFO, Severity.CRITICAL]


def test_it_is_tried_every_five_minutes_and_sooner_after_a_failure() -> None:
    gateway_pool, clock = Power(), FakeClock()
    renewal = CredentialsRenewer(
        gateway_pool, clock, "o-exampleorgid", "AWS", gateway_pool.warned.append, gateway_pool.renew
    )
    assert RENEWAL_SECONDS == 300
    assert [renewal.tick(), renewal.tick()] == [True, False]
    clock.advance(RENEWAL_SECONDS)
    gateway_pool.failures = (EXPIRED,)
    assert [renewal.tick(), renewal.tick()] == [True, False]
    clock.advance(RETRY_SECONDS)
    assert renewal.tick()


def test_what_may_have_failed_for_want_of_credentials_lets_them_be_tried_at_once_but_not_again_and_again() -> None:
    gateway_pool = Power()
    renewal = make(gateway_pool)
    assert renewal.tick()
    assert not renewal.tick()
    gateway_pool.failures = (EXPIRED,)
    renewal.retry_soon()
    assert renewal.tick()
    assert renewal.failures == (EXPIRED,)
    renewal.retry_soon()
    assert not renewal.tick()
