"""What makes an answer a bad one."""

from __future__ import annotations

import pytest

from rootkeeper.cli.options import FailOnOptions, PlanFailOnOptions
from rootkeeper.errors import InputError
from rootkeeper.organization.statuses import FailOn


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, {FailOn.PRESENT, FailOn.UNKNOWN}),
        (["present"], {FailOn.PRESENT}),
        (["present, unknown"], {FailOn.PRESENT, FailOn.UNKNOWN}),
        (["present", "unknown"], {FailOn.PRESENT, FailOn.UNKNOWN}),
        (["none"], {FailOn.NONE}),
    ],
)
def test_words_may_be_joined_or_repeated(given: list[str] | None, meant: set[FailOn]) -> None:
    assert FailOnOptions(given).to_set() == meant


@pytest.mark.parametrize("given", [["all"], ["none,present"], [""], ["Present"]])
def test_anything_else_is_refused(given: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        FailOnOptions(given).to_set()
    assert raised.value.hint


def test_a_plan_is_good_when_it_is_written_unless_findings_are_named() -> None:
    assert PlanFailOnOptions().to_set() == {FailOn.NONE}
    assert PlanFailOnOptions(["unknown"]).to_set() == {FailOn.UNKNOWN}
