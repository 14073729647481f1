"""What came of an opening, for every answer and every re-read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.errors import AwsAccessDeniedError
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.windows.changes import RecoveryAllowance, get_outcome
from rootkeeper.windows.rules import (
    CreateLoginProfileAnswer,
    OpeningReread,
    OpenOutcome,
    classify_opening,
)
from tests.fakes.organization import FakeOrganization
from tests.fakes.stores import InMemoryLedger, InMemoryLocks

ACCOUNT = AccountId("222233334444")
STARTED_AT = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
OURS = OpeningReread(was_read=True, login_profile=LoginProfile(STARTED_AT, None))
OLD = OpeningReread(was_read=True, login_profile=LoginProfile(STARTED_AT - timedelta(days=1), None))
NONE = OpeningReread(was_read=True)
UNREAD = OpeningReread(was_read=False)


@pytest.mark.parametrize(
    ("answer", "reread", "outcome"),
    [
        (CreateLoginProfileAnswer.CREATED, OURS, OpenOutcome.OPEN),
        (CreateLoginProfileAnswer.CREATED, NONE, OpenOutcome.UNKNOWN),
        (CreateLoginProfileAnswer.CREATED, UNREAD, OpenOutcome.UNKNOWN),
        (CreateLoginProfileAnswer.REFUSED, OURS, OpenOutcome.FOREIGN),
        (CreateLoginProfileAnswer.REFUSED, OLD, OpenOutcome.FOREIGN),
        (CreateLoginProfileAnswer.REFUSED, NONE, OpenOutcome.CANCELLED),
        (CreateLoginProfileAnswer.REFUSED, UNREAD, OpenOutcome.CANCELLED),
        (CreateLoginProfileAnswer.UNCLEAR, OURS, OpenOutcome.OPEN),
        (CreateLoginProfileAnswer.UNCLEAR, OLD, OpenOutcome.FOREIGN),
        (CreateLoginProfileAnswer.UNCLEAR, NONE, OpenOutcome.CANCELLED),
        (CreateLoginProfileAnswer.UNCLEAR, UNREAD, OpenOutcome.UNKNOWN),
    ],
)
def test_answer_and_reread_decide_what_came_of_an_opening(
    answer: CreateLoginProfileAnswer, reread: OpeningReread, outcome: OpenOutcome
) -> None:
    assert classify_opening(answer, reread, STARTED_AT) is outcome


@given(st.sampled_from(sorted(CreateLoginProfileAnswer)), st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_a_profile_that_is_shown_is_never_called_nothing(answer: CreateLoginProfileAnswer, age: timedelta) -> None:
    reread = OpeningReread(was_read=True, login_profile=LoginProfile(STARTED_AT + age, None))

    assert classify_opening(answer, reread, STARTED_AT) in {OpenOutcome.OPEN, OpenOutcome.FOREIGN}


def allowance() -> RecoveryAllowance:
    organization = FakeOrganization()
    ledger = InMemoryLedger(organization.clock, InMemoryLocks())
    return RecoveryAllowance(AccountSessions(organization, ledger, organization.clock, ACCOUNT), STARTED_AT)


@pytest.mark.parametrize(
    ("shown", "result"),
    [
        (OURS.login_profile, Result.DONE),
        (OLD.login_profile, Result.FAILED),
        (None, Result.FAILED),
    ],
)
def test_the_opening_of_a_dead_process_is_decided_by_the_create_date_alone(
    shown: LoginProfile | None, result: Result
) -> None:
    assert allowance().evaluate(shown, None).result is result


def test_the_opening_of_a_dead_process_that_cannot_be_read_stays_open() -> None:
    evaluation = allowance().evaluate_unread(AwsAccessDeniedError("denied"), None)
    assert evaluation.result is None
    assert get_outcome(evaluation) is OpenOutcome.UNKNOWN
