from __future__ import annotations

import pytest

from rootkeeper.guardrails.records import row_to_record
from rootkeeper.guardrails.rules import BlockingPolicy, PreflightRow, count_verdicts, has_blocked
from rootkeeper.guardrails.tasks import Task
from rootkeeper.policy_language.evaluation import AccessVerdict
from tests.unit.guardrails.preflight_scenes import make_account

ACCOUNT = make_account("444455556666")
POLICY = BlockingPolicy("p-1", "Guard", "Sid", "ou-1")


def row(verdict: AccessVerdict, *policies: BlockingPolicy, conditions: tuple[str, ...] = ()) -> PreflightRow:
    return PreflightRow(ACCOUNT, Task.AUDIT, verdict, policies, conditions)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (row(AccessVerdict.ALLOWED), ""),
        (row(AccessVerdict.BLOCKED, POLICY), "Blocked by p-1 (Guard), Sid, at ou-1."),
        (
            row(AccessVerdict.BLOCKED, BlockingPolicy(None, None, None, "ou-1")),
            "Blocked by no policy that allows it, at ou-1.",
        ),
        (
            row(AccessVerdict.BLOCKED, BlockingPolicy("p-1", "List", None, "ou-1")),
            "Blocked by p-1 (List), no Allow, at ou-1.",
        ),
        (
            row(AccessVerdict.DEPENDS, POLICY, conditions=("aws:SourceIp",)),
            "Depends on aws:SourceIp: p-1 (Guard), Sid, at ou-1.",
        ),
        (row(AccessVerdict.DEPENDS, conditions=("who calls",)), "Depends on who calls."),
        (
            row(AccessVerdict.UNKNOWN, conditions=("needs organizations:ListPolicies",)),
            "Unknown: needs organizations:ListPolicies.",
        ),
    ],
)
def test_a_row_explains_itself(found: PreflightRow, expected: str) -> None:
    assert found.explanation == expected


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (AccessVerdict.ALLOWED, False),
        (AccessVerdict.DEPENDS, False),
        (AccessVerdict.BLOCKED, True),
        (AccessVerdict.UNKNOWN, True),
    ],
)
def test_p06_what_is_blocked_or_unknown_is_a_bad_answer(verdict: AccessVerdict, expected: bool) -> None:
    assert has_blocked([row(AccessVerdict.ALLOWED), row(verdict)]) is expected


def test_every_verdict_is_counted() -> None:
    counts = count_verdicts([row(AccessVerdict.BLOCKED), row(AccessVerdict.BLOCKED), row(AccessVerdict.ALLOWED)])
    assert counts == {"allowed": 1, "blocked": 2, "depends": 0, "unknown": 0, "denied": 0}


def sign_in(verdict: AccessVerdict) -> PreflightRow:
    return PreflightRow(ACCOUNT, Task.ROOT_USER_SIGN_IN, verdict, (POLICY,), fix="exempt it")


def test_a_denial_of_long_term_root_is_intended_and_no_bad_answer() -> None:
    denied = sign_in(AccessVerdict.BLOCKED)
    assert denied.is_intended
    assert not has_blocked([denied])
    assert count_verdicts([denied])["denied"] == 1
    assert count_verdicts([denied])["blocked"] == 0
    assert row_to_record(denied)["intended"]
    assert row_to_record(denied)["fix"] is None


@pytest.mark.parametrize("found", [sign_in(AccessVerdict.UNKNOWN), row(AccessVerdict.BLOCKED, POLICY)])
def test_p06_no_other_row_is_intended(found: PreflightRow) -> None:
    assert not found.is_intended
    assert has_blocked([found])
