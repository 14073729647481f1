from __future__ import annotations

import pytest

from rootkeeper.policy_language.conditions import NO, YES, TruthValue, all_of, any_of, open_question, truth_value_of

OPEN = open_question("aws:SourceIp")


@pytest.mark.parametrize(
    ("truths", "expected"),
    [
        ([], YES),
        ([YES, YES], YES),
        ([YES, NO], NO),
        ([OPEN, NO], NO),
        ([OPEN, YES], OPEN),
        ([OPEN, open_question("aws:PrincipalTag/a")], open_question("aws:SourceIp", "aws:PrincipalTag/a")),
    ],
)
def test_all_of_is_no_as_soon_as_one_is(truths: list[TruthValue], expected: TruthValue) -> None:
    assert all_of(truths) == expected


@pytest.mark.parametrize(
    ("truths", "expected"),
    [([], NO), ([NO, NO], NO), ([OPEN, YES], YES), ([OPEN, NO], OPEN)],
)
def test_any_of_is_yes_as_soon_as_one_is(truths: list[TruthValue], expected: TruthValue) -> None:
    assert any_of(truths) == expected


def test_an_open_question_stays_open_when_it_is_turned_round() -> None:
    assert OPEN.negated() is OPEN
    assert YES.negated() == NO
    assert NO.negated() == YES


def test_a_value_that_is_missing_is_an_open_question() -> None:
    assert truth_value_of(None, "aws:SourceIp") == OPEN
    assert truth_value_of(True, "aws:SourceIp") is YES
