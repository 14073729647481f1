"""A server's AWS power is tried again and again; a change of it is told once."""

from __future__ import annotations

from dataclasses import dataclass, field

from rootkeeper.domain.notifications import Notification, NotificationEvent, Severity
from rootkeeper.errors import AwsCredentialsError
from rootkeeper.workflows.credentials_renewal import RENEWAL_SECONDS, RETRY_SECONDS, CredentialsRenewal
from tests.fakes.clock import FakeClock

EXPIRED = "The security token has expired."


@dataclass
class Power:
    """Answers as it was told to."""

    failures: tuple[str, ...] = ()
    error: AwsCredentialsError | None = None
    told: list[Notification] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def renew(self) -> tuple[str, ...]:
        if self.error is not None:
            raise self.error
        return self.failures

    def notify(self, notification: Notification) -> None:
        self.told.append(notification)


def make(power: Power) -> CredentialsRenewal:
    return CredentialsRenewal(
        power.renew, power, FakeClock(), "o-exampleorgid", "SANDBOX 127.0.0.1:4599", power.warned.append
    )


def test_good_credentials_are_not_told() -> None:
    power = Power()
    renewal = make(power)
    tried = [renewal.was_tried]
    renewal.turn()
    assert [*tried, renewal.was_tried] == [False, True]
    assert (renewal.failures, power.told, power.warned) == ((), [], [])


def test_a_failure_is_told_once_critically_and_its_end_once() -> None:
    power = Power(failures=(EXPIRED,))
    renewal = make(power)
    renewal.turn()
    renewal.turn()
    power.failures = ()
    renewal.turn()
    renewal.turn()
    assert [(one.event, one.severity) for one in power.told] == [
        (NotificationEvent.AWS_CREDENTIALS_FAILED, Severity.CRITICAL),
        (NotificationEvent.AWS_CREDENTIALS_RESTORED, Severity.INFO),
    ]
    assert EXPIRED in power.told[0].body
    assert power.warned == [EXPIRED, EXPIRED]


def test_credentials_that_cannot_be_had_at_all_are_a_failure_too() -> None:
    power = Power(error=AwsCredentialsError(EXPIRED))
    renewal = make(power)
    renewal.turn()
    assert renewal.failures == (EXPIRED,)
    assert len(power.told) == 1


def test_a_failure_that_comes_again_is_told_again() -> None:
    power = Power()
    renewal = make(power)
    for failures in ((EXPIRED,), (), (EXPIRED,)):
        power.failures = failures
        renewal.turn()
    assert [one.severity for one in power.told] == [Severity.CRITICAL, Severity.INFO, Severity.CRITICAL]


def test_it_is_tried_every_five_minutes_and_sooner_after_a_failure() -> None:
    power, clock = Power(), FakeClock()
    renewal = CredentialsRenewal(power.renew, power, clock, "o-exampleorgid", "AWS")
    assert RENEWAL_SECONDS == 300
    assert [renewal.tick(), renewal.tick()] == [True, False]
    clock.advance(RENEWAL_SECONDS)
    power.failures = (EXPIRED,)
    assert [renewal.tick(), renewal.tick()] == [True, False]
    clock.advance(RETRY_SECONDS)
    assert renewal.tick()


def test_what_may_have_failed_for_want_of_credentials_lets_them_be_tried_at_once_but_not_again_and_again() -> None:
    power = Power()
    renewal = make(power)
    assert renewal.tick()
    assert not renewal.tick()
    power.failures = (EXPIRED,)
    renewal.hurry()
    assert renewal.tick()
    assert renewal.failures == (EXPIRED,)
    renewal.hurry()
    assert not renewal.tick()
