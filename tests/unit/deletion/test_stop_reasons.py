"""What lets a run begin no further account, and what ends it at once."""

from __future__ import annotations

import pytest

from rootkeeper.changes.removal_rules import AccountDeletion, KindOutcome, KindResult
from rootkeeper.deletion.execution import DeletedTarget, StopReasons
from rootkeeper.errors import LedgerUnavailableError
from rootkeeper.jobs.rules import JobKind
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import CredentialKind
from tests.fakes.desk import Desk
from tests.fakes.jobs import StopAt

ACCOUNT_ID = AccountId("111122223333")


def make_reasons(desk: Desk, allowed: int | None = None) -> StopReasons:
    return StopReasons(StopAt(desk.clock), desk.job_service.begin(JobKind.DELETION, {}), allowed)


def target(outcome: KindOutcome, obstacle: LedgerUnavailableError | None = None) -> DeletedTarget:
    kinds = (KindResult(CredentialKind.PASSWORD, outcome),)
    return DeletedTarget(AccountDeletion(ACCOUNT_ID, "Shop", "Root", kinds), obstacle=obstacle, has_sent_changes=True)


def test_without_a_reason_a_run_continues() -> None:
    reasons = make_reasons(Desk())
    reasons.evaluate(target(KindOutcome.FAILED))
    assert not reasons.is_stopping
    assert not reasons.is_broken_off
    assert reasons.explain() is None
    assert reasons.has_sent_changes
    assert reasons.failures == 1


def judge(reasons: StopReasons) -> tuple[bool, bool]:
    """Whether no account may be begun, and whether nothing may be sent."""
    return reasons.is_stopping, reasons.is_broken_off


def test_as_many_failures_as_are_allowed_stop_the_run() -> None:
    reasons = make_reasons(Desk(), allowed=2)
    for outcome in (KindOutcome.DELETED, KindOutcome.FAILED, KindOutcome.ALREADY_ABSENT):
        reasons.evaluate(target(outcome))
    assert judge(reasons) == (False, False)
    reasons.evaluate(target(KindOutcome.FAILED))
    assert judge(reasons) == (True, False)
    assert reasons.explain() == "2 accounts failed; the limit is 2."


def test_the_first_obstacle_ends_everything_and_counts() -> None:
    reasons = make_reasons(Desk())
    reasons.evaluate(target(KindOutcome.FAILED, LedgerUnavailableError("disk full")))
    reasons.note_obstacle(LedgerUnavailableError("still full"))
    assert reasons.is_stopping
    assert reasons.is_broken_off
    assert reasons.explain() == "disk full"


@pytest.mark.parametrize(("asked", "is_broken_off"), [(1, False), (2, True)])
def test_asked_once_ends_the_beginning_asked_twice_the_sending(asked: int, is_broken_off: bool) -> None:
    desk = Desk()
    job = desk.job_service.begin(JobKind.DELETION, {})
    reasons = StopReasons(StopAt(desk.clock, asked), job)
    assert reasons.is_stopping
    assert reasons.is_broken_off is is_broken_off
    assert reasons.explain() == "The run was interrupted."


def test_a_job_that_was_cancelled_begins_nothing_more() -> None:
    desk = Desk()
    reasons = make_reasons(desk)
    desk.jobs.cancel(reasons.job.job_id, "Cancelled by ana.")
    assert judge(reasons) == (False, False)
    reasons.job.record({ACCOUNT_ID: {}})
    assert judge(reasons) == (True, False)
    assert reasons.explain() == "The job was cancelled."
