"""The two verdicts, that never become one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.evidence.rules import (
    AccountEvidence,
    AccountFacts,
    ControlVerdict,
    evaluate_account,
    evaluate_centralized_access,
    evaluate_no_root_credentials,
)
from rootkeeper.organization.accounts import AccountState, Feature
from rootkeeper.organization.statuses import AccountRole, Status
from rootkeeper.setup.rules import SetupState
from tests.fakes.evidence import (
    CLEAN,
    END,
    GUARDED,
    KEYS,
    NOTHING,
    PERIOD,
    READ,
    START,
    make_account,
    make_state,
    make_status,
)

ACCOUNT = make_account(CLEAN, "Shop Prod")


def evidence(status: Status | None, summary: object = None, role: AccountRole = AccountRole.MEMBER) -> AccountEvidence:
    last = None if status is None else make_status(ACCOUNT, status, summary, role=role)  # type: ignore[arg-type]  # a table of cases
    return evaluate_account(AccountFacts(ACCOUNT, role, "aws", last, (), None, READ), PERIOD)


CLEAN_ACCOUNT = evidence(Status.NOT_PRESENT, NOTHING)
PRESENT_ACCOUNT = evidence(Status.PRESENT, KEYS)
UNKNOWN_ACCOUNT = evidence(None)
KEPT_ACCOUNT = evidence(Status.PRESENT, GUARDED, AccountRole.FAILSAFE)
OPEN_ACCOUNT = evidence(Status.RECOVERY_OPEN, GUARDED)
CLOSED_ACCOUNT = evaluate_account(
    AccountFacts(replace(ACCOUNT, state=AccountState.CLOSED), AccountRole.MEMBER, "aws", None, (), None, READ), PERIOD
)


@pytest.mark.parametrize(
    ("accounts", "verdict"),
    [
        ([CLEAN_ACCOUNT], ControlVerdict.PASS),
        ([CLEAN_ACCOUNT, KEPT_ACCOUNT, CLOSED_ACCOUNT], ControlVerdict.PASS),
        ([CLEAN_ACCOUNT, UNKNOWN_ACCOUNT], ControlVerdict.UNKNOWN),
        ([CLEAN_ACCOUNT, UNKNOWN_ACCOUNT, PRESENT_ACCOUNT], ControlVerdict.FAIL),
        ([CLEAN_ACCOUNT, OPEN_ACCOUNT], ControlVerdict.FAIL),
        ([CLOSED_ACCOUNT], ControlVerdict.UNKNOWN),
        ([], ControlVerdict.UNKNOWN),
    ],
)
def test_no_root_credentials_needs_every_account_read_and_empty(
    accounts: list[AccountEvidence], verdict: ControlVerdict
) -> None:
    assessment = evaluate_no_root_credentials(accounts, READ, PERIOD)
    assert assessment.verdict is verdict
    assert assessment.reasons


def test_a_list_of_accounts_from_before_the_period_proves_nothing() -> None:
    assessment = evaluate_no_root_credentials([CLEAN_ACCOUNT], START - timedelta(days=1), PERIOD)
    assert assessment.verdict is ControlVerdict.UNKNOWN
    assert any("list of accounts" in reason for reason in assessment.reasons)
    assert evaluate_no_root_credentials([CLEAN_ACCOUNT], END + timedelta(days=1), PERIOD).verdict is ControlVerdict.PASS


def test_the_reasons_count_what_is_behind_the_verdict() -> None:
    reasons = evaluate_no_root_credentials([PRESENT_ACCOUNT, OPEN_ACCOUNT, KEPT_ACCOUNT], READ, PERIOD).reasons
    assert reasons[:2] == ("2 accounts with root user credentials.", "1 of them in a recovery window.")
    assert "1 account kept on purpose as a failsafe" in reasons[2]


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (make_state(), ControlVerdict.PASS),
        (make_state(features=frozenset({Feature.ROOT_CREDENTIALS_MANAGEMENT})), ControlVerdict.PASS),
        (make_state(features=frozenset({Feature.ROOT_SESSIONS})), ControlVerdict.FAIL),
        (make_state(trusted_access=False, features=None), ControlVerdict.FAIL),
        (make_state(features=None, unknown=("Denied.",)), ControlVerdict.UNKNOWN),
        (make_state(trusted_access=None), ControlVerdict.UNKNOWN),
        (None, ControlVerdict.UNKNOWN),
    ],
)
def test_centralized_is_trusted_access_and_root_credentials_management(
    state: SetupState | None, verdict: ControlVerdict
) -> None:
    assessment = evaluate_centralized_access(state, "Never read.", "aws")
    assert assessment.verdict is verdict
    assert assessment.reasons


def test_centralized_does_not_apply_to_china() -> None:
    assert evaluate_centralized_access(make_state(), None, "aws-cn").verdict is ControlVerdict.NOT_APPLICABLE
