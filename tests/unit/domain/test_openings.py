"""What came of an opening, for every answer and every re-read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.domain.openings import Answer, OpeningOutcome, Reread, judge_leftover, judge_opening
from rootkeeper.domain.root_credentials import LoginProfile

STARTED_AT = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
OURS = Reread(was_read=True, login_profile=LoginProfile(STARTED_AT, None))
OLD = Reread(was_read=True, login_profile=LoginProfile(STARTED_AT - timedelta(days=1), None))
NONE = Reread(was_read=True)
UNREAD = Reread(was_read=False)


@pytest.mark.parametrize(
    ("answer", "reread", "outcome"),
    [
        (Answer.CREATED, OURS, OpeningOutcome.OPEN),
        (Answer.CREATED, NONE, OpeningOutcome.UNKNOWN),
        (Answer.CREATED, UNREAD, OpeningOutcome.UNKNOWN),
        (Answer.REFUSED, OURS, OpeningOutcome.FOREIGN),
        (Answer.REFUSED, OLD, OpeningOutcome.FOREIGN),
        (Answer.REFUSED, NONE, OpeningOutcome.CANCELLED),
        (Answer.REFUSED, UNREAD, OpeningOutcome.CANCELLED),
        (Answer.UNCLEAR, OURS, OpeningOutcome.OPEN),
        (Answer.UNCLEAR, OLD, OpeningOutcome.FOREIGN),
        (Answer.UNCLEAR, NONE, OpeningOutcome.CANCELLED),
        (Answer.UNCLEAR, UNREAD, OpeningOutcome.UNKNOWN),
    ],
)
def test_answer_and_reread_decide_what_came_of_an_opening(
    answer: Answer, reread: Reread, outcome: OpeningOutcome
) -> None:
    assert judge_opening(answer, reread, STARTED_AT) is outcome


@given(st.sampled_from(sorted(Answer)), st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_a_profile_that_is_shown_is_never_called_nothing(answer: Answer, age: timedelta) -> None:
    reread = Reread(was_read=True, login_profile=LoginProfile(STARTED_AT + age, None))

    assert judge_opening(answer, reread, STARTED_AT) in {OpeningOutcome.OPEN, OpeningOutcome.FOREIGN}


def test_what_a_dead_process_left_is_judged_by_the_create_date_alone() -> None:
    assert judge_leftover(OURS, STARTED_AT) is OpeningOutcome.OPEN
    assert judge_leftover(OLD, STARTED_AT) is OpeningOutcome.FOREIGN
    assert judge_leftover(NONE, STARTED_AT) is OpeningOutcome.CANCELLED
    assert judge_leftover(UNREAD, STARTED_AT) is OpeningOutcome.UNKNOWN
