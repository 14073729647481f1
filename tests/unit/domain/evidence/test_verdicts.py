"""The two verdicts, that never become one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.domain.evidence.accounts import AccountEvidence, AccountFacts, judge_account
from rootkeeper.domain.evidence.periods import Verdict
from rootkeeper.domain.evidence.verdicts import judge_centralized, judge_no_root_credentials
from rootkeeper.domain.organizations import AccountState
from rootkeeper.domain.setup import Feature
from rootkeeper.domain.setup_drift import SetupState
from rootkeeper.domain.statuses import Role, Status
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


def evidence(status: Status | None, summary: object = None, role: Role = Role.MEMBER) -> AccountEvidence:
    last = None if status is None else make_status(ACCOUNT, status, summary, role=role)  # type: ignore[arg-type]  # a table of cases
    return judge_account(AccountFacts(ACCOUNT, role, "aws", last, (), None, READ), PERIOD)


CLEAN_ACCOUNT = evidence(Status.NOT_PRESENT, NOTHING)
PRESENT_ACCOUNT = evidence(Status.PRESENT, KEYS)
UNKNOWN_ACCOUNT = evidence(None)
KEPT_ACCOUNT = evidence(Status.PRESENT, GUARDED, Role.FAILSAFE)
OPEN_ACCOUNT = evidence(Status.RECOVERY_OPEN, GUARDED)
CLOSED_ACCOUNT = judge_account(
    AccountFacts(replace(ACCOUNT, state=AccountState.CLOSED), Role.MEMBER, "aws", None, (), None, READ), PERIOD
)


@pytest.mark.parametrize(
    ("accounts", "verdict"),
    [
        ([CLEAN_ACCOUNT], Verdict.PASS),
        ([CLEAN_ACCOUNT, KEPT_ACCOUNT, CLOSED_ACCOUNT], Verdict.PASS),
        ([CLEAN_ACCOUNT, UNKNOWN_ACCOUNT], Verdict.UNKNOWN),
        ([CLEAN_ACCOUNT, UNKNOWN_ACCOUNT, PRESENT_ACCOUNT], Verdict.FAIL),
        ([CLEAN_ACCOUNT, OPEN_ACCOUNT], Verdict.FAIL),
        ([CLOSED_ACCOUNT], Verdict.UNKNOWN),
        ([], Verdict.UNKNOWN),
    ],
)
def test_no_root_credentials_needs_every_account_read_and_empty(
    accounts: list[AccountEvidence], verdict: Verdict
) -> None:
    judgement = judge_no_root_credentials(accounts, READ, PERIOD)
    assert judgement.verdict is verdict
    assert judgement.reasons


def test_a_list_of_accounts_from_before_the_period_proves_nothing() -> None:
    judgement = judge_no_root_credentials([CLEAN_ACCOUNT], START - timedelta(days=1), PERIOD)
    assert judgement.verdict is Verdict.UNKNOWN
    assert any("list of accounts" in reason for reason in judgement.reasons)
    assert judge_no_root_credentials([CLEAN_ACCOUNT], END + timedelta(days=1), PERIOD).verdict is Verdict.PASS


def test_the_reasons_count_what_is_behind_the_verdict() -> None:
    reasons = judge_no_root_credentials([PRESENT_ACCOUNT, OPEN_ACCOUNT, KEPT_ACCOUNT], READ, PERIOD).reasons
    assert reasons[:2] == ("2 accounts with root user credentials.", "1 of them in a recovery window.")
    assert "1 account kept on purpose as a failsafe" in reasons[2]


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (make_state(), Verdict.PASS),
        (make_state(features=frozenset({Feature.ROOT_CREDENTIALS_MANAGEMENT})), Verdict.PASS),
        (make_state(features=frozenset({Feature.ROOT_SESSIONS})), Verdict.FAIL),
        (make_state(trusted_access=False, features=None), Verdict.FAIL),
        (make_state(features=None, unknown=("Denied.",)), Verdict.UNKNOWN),
        (make_state(trusted_access=None), Verdict.UNKNOWN),
        (None, Verdict.UNKNOWN),
    ],
)
def test_centralized_is_trusted_access_and_root_credentials_management(
    state: SetupState | None, verdict: Verdict
) -> None:
    judgement = judge_centralized(state, "Never read.", "aws")
    assert judgement.verdict is verdict
    assert judgement.reasons


def test_centralized_does_not_apply_to_china() -> None:
    assert judge_centralized(make_state(), None, "aws-cn").verdict is Verdict.NOT_APPLICABLE
