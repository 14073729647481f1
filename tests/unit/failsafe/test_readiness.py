"""The verdict on emergency access: what wasn't checked or read is unknown, and a failure comes before an unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.failsafe.confirmations import KnownFailsafes, describe_failsafes
from rootkeeper.failsafe.readiness import CheckedFailsafes, evaluate_emergency_access, parse_checked
from rootkeeper.failsafe.rules import CheckVerdict, Drill, DrillOutcome
from rootkeeper.organization.accounts import AccountId
from tests.fakes.api_services import PAYMENTS_ID, make_inventory
from tests.fakes.clock import START

OTHER_ID = AccountId("333344445555")
DRILL = Drill(PAYMENTS_ID, START - timedelta(days=3), "Ana", DrillOutcome.PASSED, "ana", START)
OUTCOME: dict[str, Any] = {
    "observed_at": "2026-01-15T08:00:00Z",
    "failsafe_account_ids": [PAYMENTS_ID],
    "checks": [
        {"check": "mfa_devices", "verdict": "pass", "evidence": "2 MFA devices.", "account_id": PAYMENTS_ID},
        {"check": "drill", "verdict": "fail", "evidence": "No drill then.", "account_id": PAYMENTS_ID},
    ],
}


def know(*drills: Drill, delegates: frozenset[AccountId] | None = frozenset({PAYMENTS_ID})) -> KnownFailsafes:
    return describe_failsafes(replace(make_inventory(), delegated_administrator_ids=delegates), drills, (), START)


def checked(verdict: str = "pass", **changes: Any) -> CheckedFailsafes:
    first, drill = OUTCOME["checks"]
    found = parse_checked({**OUTCOME, "checks": [{**first, "verdict": verdict}, drill], **changes})
    assert found is not None
    return found


def test_a_passed_check_and_a_drill_since_then_are_in_order() -> None:
    found = evaluate_emergency_access(know(DRILL), checked(), START)
    assert (found.verdict, found.reasons) == (CheckVerdict.PASS, ())
    assert found.checked_at is not None


@pytest.mark.parametrize(
    ("known", "last", "verdict", "reason"),
    [
        (know(DRILL), None, CheckVerdict.UNKNOWN, "The failsafe wasn't checked yet."),
        (know(DRILL), checked("unknown"), CheckVerdict.UNKNOWN, "2 MFA devices."),
        (know(DRILL), checked("fail"), CheckVerdict.FAIL, "2 MFA devices."),
        (know(), checked("unknown"), CheckVerdict.FAIL, f"No drill of {PAYMENTS_ID} is recorded."),
        (
            know(DRILL),
            checked(failsafe_account_ids=[OTHER_ID]),
            CheckVerdict.UNKNOWN,
            f"{PAYMENTS_ID} wasn't checked since it became a failsafe.",
        ),
        (
            know(DRILL),
            checked(observed_at="2026-01-01T08:00:00Z"),
            CheckVerdict.UNKNOWN,
            "The last check is older than 7 days: 2026-01-01T08:00:00Z.",
        ),
        (
            know(DRILL, delegates=None),
            checked(),
            CheckVerdict.UNKNOWN,
            "The delegated administrators for IAM couldn't be read in the last listing.",
        ),
        (
            know(DRILL, delegates=frozenset()),
            checked(),
            CheckVerdict.FAIL,
            "No failsafe: no delegated administrator for IAM is registered.",
        ),
    ],
)
def test_what_is_not_in_order_or_not_known_says_why(
    known: KnownFailsafes, last: CheckedFailsafes | None, verdict: CheckVerdict, reason: str
) -> None:
    found = evaluate_emergency_access(known, last, START)
    assert (found.verdict, found.reasons) == (verdict, (reason,))


def test_the_checks_of_an_account_that_is_no_failsafe_any_more_count_for_nothing() -> None:
    others = [{"check": "mfa_devices", "verdict": "fail", "evidence": "No MFA device.", "account_id": OTHER_ID}]
    last = checked(checks=others, failsafe_account_ids=[OTHER_ID, PAYMENTS_ID])
    assert evaluate_emergency_access(know(DRILL), last, START).verdict is CheckVerdict.PASS


def test_a_job_that_failed_is_no_check() -> None:
    assert parse_checked({"problem": {"code": "aws.denied"}}) is None
