"""A server verifies its ledger again and again; a failure is reported when it begins and ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from rootkeeper.ledger.rolling import RoundResult
from rootkeeper.ledger.writer import Head
from rootkeeper.notifications.rules import Notification, NotificationEvent, Severity
from rootkeeper.worker.health import VERIFICATION_SECONDS, LedgerMonitor
from tests.fakes.clock import FakeClock


@dataclass
class ScriptedVerification:
    """Ends a round at each step, with the next result."""

    problems: list[str | None]
    steps: int = 0

    def step(self) -> RoundResult | None:
        self.steps += 1
        return RoundResult(Head(7, "f" * 64), self.problems.pop(0)) if self.problems else None


@dataclass
class Reported:
    notifications: list[Notification] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def notify(self, notification: Notification) -> None:
        self.notifications.append(notification)


def make(*problems: str | None) -> tuple[Reported, ScriptedVerification, FakeClock, LedgerMonitor]:
    reported, verification, clock = Reported(), ScriptedVerification(list(problems)), FakeClock()
    monitor = LedgerMonitor(reported, clock, "o-exampleorgid", "AWS", reported.remarks.append, verification.step)
    return reported, verification, clock, monitor


def find_state(monitor: LedgerMonitor) -> tuple[str | None, int | None]:
    return monitor.failure, monitor.verified_sequence


def run_rounds(clock: FakeClock, monitor: LedgerMonitor, count: int) -> None:
    for _ in range(count):
        clock.sleep(VERIFICATION_SECONDS + 1)
        monitor.turn()


def test_p20_a_broken_ledger_is_an_alert_and_one_critical_notification_until_it_is_intact() -> None:
    reported, _, clock, monitor = make(None, "Entry 7 was edited.", "Entry 7 was edited.", None, "Entry 8 was edited.")
    assert find_state(monitor) == (None, None)
    assert monitor.verified_at is None
    run_rounds(clock, monitor, 1)
    assert find_state(monitor) == (None, 7)
    verified_at = clock.now()
    assert monitor.verified_at == verified_at
    assert reported.remarks == []
    run_rounds(clock, monitor, 2)
    assert find_state(monitor) == ("Entry 7 was edited.", 7)
    assert monitor.verified_at == verified_at, "a round with a problem verifies nothing"
    assert reported.remarks == ["ALERT: The ledger failed its verification. Entry 7 was edited."]
    (notification,) = reported.notifications
    assert (notification.event, notification.severity) == (NotificationEvent.LEDGER_BROKEN, Severity.CRITICAL)
    assert "Entry 7 was edited." in notification.body
    assert "verify the ledger" in notification.body
    run_rounds(clock, monitor, 1)
    assert find_state(monitor) == (None, 7)
    assert reported.remarks[-1] == "The ledger is intact again."
    run_rounds(clock, monitor, 1)
    assert len(reported.notifications) == 2


def test_a_round_waits_after_the_one_before_it_and_its_steps_dont() -> None:
    _, verification, clock, monitor = make(None)
    run_rounds(clock, monitor, 1)
    monitor.turn()
    assert verification.steps == 1, "it begins no round right after the last one"
    clock.sleep(VERIFICATION_SECONDS + 1)
    for _ in range(3):
        monitor.turn()
    assert verification.steps == 4
