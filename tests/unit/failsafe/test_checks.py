"""Verdicts of checks, and what makes an answer bad."""

from __future__ import annotations

import pytest

from rootkeeper.failsafe.rules import Check, CheckVerdict, count_checks, failed, has_bad_checks, passed, unknown, unread
from rootkeeper.organization.statuses import FailOn

GOOD, BAD, OPEN = passed("a", "so"), failed("b", "not so", "fix it"), unknown("c", "not readable")


@pytest.mark.parametrize(
    ("checks", "fail_on", "is_bad"),
    [
        ([GOOD], {FailOn.PRESENT, FailOn.UNKNOWN}, False),
        ([GOOD, BAD], {FailOn.PRESENT}, True),
        ([GOOD, BAD], {FailOn.UNKNOWN}, False),
        ([GOOD, OPEN], {FailOn.UNKNOWN}, True),
        ([GOOD, OPEN], {FailOn.PRESENT}, False),
        ([GOOD, BAD, OPEN], {FailOn.NONE}, False),
        ([], {FailOn.PRESENT, FailOn.UNKNOWN}, False),
    ],
)
def test_what_fail_on_names_makes_the_answer_bad(checks: list[Check], fail_on: set[FailOn], is_bad: bool) -> None:
    assert has_bad_checks(checks, frozenset(fail_on)) is is_bad


def test_what_a_caller_cannot_read_is_unknown_and_says_who_could() -> None:
    check = unread("iam_identities", "an identity of account 111122223333")
    assert (check.verdict, check.evidence) == (CheckVerdict.UNKNOWN, "needs an identity of account 111122223333")


def test_every_verdict_is_counted() -> None:
    assert count_checks([GOOD, BAD, OPEN, OPEN]) == {
        "checks": 4,
        "fail": 1,
        "not_applicable": 0,
        "pass": 1,
        "unknown": 2,
    }
