"""The preflight's word and the sandbox's deed are equal in every worked case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rootkeeper.aws.gateway import AwsGateway
from rootkeeper.guardrails.rules import PreflightRow
from rootkeeper.guardrails.tasks import Task
from rootkeeper.policy_language.evaluation import AccessVerdict
from tests.guardrails.staging import TRIED, Stage, judge
from tests.guardrails.worked_cases import Case, Expectation, list_cases

pytestmark = pytest.mark.xdist_group("guardrails")

CASES = list_cases()
FIXABLE = [case for case in CASES if any(expected.is_fixable for expected in case.expected.values())]


def name_cases(cases: Sequence[Case]) -> list[Any]:
    """As parameters; the quick suite tries every fourth for real, and holds both evaluators to all of them."""
    return [
        pytest.param(case, id=str(case), marks=[] if place % 4 == 0 else pytest.mark.long)
        for place, case in enumerate(cases)
    ]


@pytest.mark.parametrize("case", name_cases(CASES))
def test_word_and_deed_are_equal(case: Case, stage: Stage, gateway: AwsGateway) -> None:
    stage.play(case)
    since = stage.sandbox.last_request()
    rows = judge(gateway)
    called = stage.sandbox.operations(since)
    for task, expected in case.expected.items():
        ensure_word(rows[task], expected, stage)
        assert bool(stage.denied(task)) is expected.is_denied, task
    assert [call for call in called if call[0] == "AssumeRoot"] == []


@pytest.mark.parametrize("case", name_cases(FIXABLE))
def test_a_fix_that_is_made_lets_the_task_pass(case: Case, stage: Stage, gateway: AwsGateway) -> None:
    stage.play(case)
    fixes = {row.fix: task for task, row in judge(gateway).items() if row.verdict is AccessVerdict.BLOCKED}
    for number, (fix, task) in enumerate(fixes.items()):
        assert fix is not None, task
        if number:
            stage.play(case)
            fix = judge(gateway)[task].fix or ""  # ids of policies differ from one set-up to the next
        stage.apply_fix(fix)
        assert stage.denied(task) == []
        assert judge(gateway)[task].verdict is not AccessVerdict.BLOCKED


def test_every_task_is_tried() -> None:
    assert set(TRIED) == set(Task)


def ensure_word(row: PreflightRow, expected: Expectation, stage: Stage) -> None:
    assert row.verdict is expected.verdict, row
    assert row.conditions == expected.conditions, row
    if expected.by is not None:
        names = {place: name for name, place in stage.places.items()}
        assert {(one.name, one.sid, names[one.attached_to]) for one in row.policies} == expected.by
    if expected.is_fixable:
        assert row.fix is not None
        assert expected.fix_says in row.fix
    if expected.verdict is AccessVerdict.ALLOWED:
        assert row.policies == ()
        assert row.fix is None
