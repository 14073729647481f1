from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.errors import AwsUnreachableError, ClockWrongError
from rootkeeper.windows.checks import require_correct_clock
from tests.fakes.organization import FakeOrganization


@pytest.mark.parametrize("offset", [None, timedelta(), timedelta(minutes=5), timedelta(minutes=-5)])
def test_a_clock_that_is_at_most_five_minutes_off_is_right_enough(offset: timedelta | None) -> None:
    organization = FakeOrganization()
    organization.clock_offset = offset
    require_correct_clock(organization)


@pytest.mark.parametrize(
    ("offset", "words"),
    [(timedelta(minutes=5, seconds=1), "5 minutes ahead of"), (timedelta(hours=-2), "120 minutes behind")],
)
def test_a_clock_that_is_more_than_five_minutes_off_is_named_with_a_way_out(offset: timedelta, words: str) -> None:
    organization = FakeOrganization()
    organization.clock_offset = offset
    with pytest.raises(ClockWrongError, match=words) as caught:
        require_correct_clock(organization)
    assert caught.value.hint


def test_aws_that_cannot_be_asked_is_an_error() -> None:
    organization = FakeOrganization()
    organization.fail("GetCallerIdentity", AwsUnreachableError("No answer."))
    with pytest.raises(AwsUnreachableError):
        require_correct_clock(organization)
