"""What makes an answer a bad one."""

from __future__ import annotations

import pytest

from rootkeeper.cli.options import FailOnOptions, PlanFailOnOptions, gate
from rootkeeper.cli.outputs import ExitStatus
from rootkeeper.errors import InputError
from rootkeeper.organization.statuses import FailOn


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, {FailOn.PRESENT, FailOn.UNKNOWN, FailOn.UNREAD}),
        (["present"], {FailOn.PRESENT, FailOn.UNREAD}),
        (["present, unknown"], {FailOn.PRESENT, FailOn.UNKNOWN, FailOn.UNREAD}),
        (["present", "unknown"], {FailOn.PRESENT, FailOn.UNKNOWN, FailOn.UNREAD}),
        (["unread"], {FailOn.UNREAD}),
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
    assert PlanFailOnOptions(["unknown"]).to_set() == {FailOn.UNKNOWN, FailOn.UNREAD}


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (set(), ExitStatus.GOOD),
        ({FailOn.PRESENT}, ExitStatus.BAD),
        ({FailOn.UNREAD}, ExitStatus.UNREAD),
        ({FailOn.PRESENT, FailOn.UNREAD}, ExitStatus.BAD),
        ({FailOn.UNKNOWN, FailOn.UNREAD}, ExitStatus.UNREAD),
    ],
)
def test_a_gate_ends_with_its_findings_or_else_with_what_was_not_read(found: set[FailOn], status: ExitStatus) -> None:
    assert gate(FailOnOptions(["present"]).to_set(), lambda fail_on: bool(found & fail_on)) is status
    assert gate(FailOnOptions(["none"]).to_set(), lambda fail_on: bool(found & fail_on)) is ExitStatus.GOOD
