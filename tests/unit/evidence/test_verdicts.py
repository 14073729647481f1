"""The two verdicts, that never become one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.evidence.records import render_verdict
from rootkeeper.evidence.rules import (
    AccountEvidence,
    AccountFacts,
    evaluate_account,
    evaluate_centralized_access,
    evaluate_no_root_credentials,
)
from rootkeeper.findings.rules import Verdict
from rootkeeper.organization.accounts import AccountId, AccountState, Feature
from rootkeeper.organization.confirmations import Confirmation
from rootkeeper.organization.statuses import AccountRole, Status
from rootkeeper.setup.rules import SetupState
from tests.fakes.evidence import (
    CHECKED,
    CLEAN,
    END,
    FAILSAFE,
    GUARDED,
    KEYS,
    NOTHING,
    PERIOD,
    PURPOSE,
    READ,
    START,
    list_accounts,
    make_account,
    make_inventory,
    make_state,
    make_status,
)

ACCOUNT = make_account(CLEAN, "Shop Prod")


def evidence(
    status: Status | None,
    summary: object = None,
    role: AccountRole = AccountRole.MEMBER,
    confirmation: Confirmation | None = None,
) -> AccountEvidence:
    last = None if status is None else make_status(ACCOUNT, status, summary, role=role)  # type: ignore[arg-type]  # a table of cases
    facts = AccountFacts(ACCOUNT, role, "aws", last, (), None, READ, confirmation=confirmation)
    return evaluate_account(facts, PERIOD)


CLEAN_ACCOUNT = evidence(Status.NOT_PRESENT, NOTHING)
PRESENT_ACCOUNT = evidence(Status.PRESENT, KEYS)
UNKNOWN_ACCOUNT = evidence(None)
KEPT_ACCOUNT = evidence(Status.PRESENT, GUARDED, AccountRole.FAILSAFE, CHECKED)
OPEN_ACCOUNT = evidence(Status.RECOVERY_OPEN, GUARDED)
CLOSED_ACCOUNT = evaluate_account(
    AccountFacts(replace(ACCOUNT, state=AccountState.CLOSED), AccountRole.MEMBER, "aws", None, (), None, READ), PERIOD
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
    assessment = evaluate_no_root_credentials(accounts, READ, PERIOD)
    assert assessment.verdict is verdict
    assert assessment.reasons


def test_a_list_of_accounts_from_before_the_period_proves_nothing() -> None:
    assessment = evaluate_no_root_credentials([CLEAN_ACCOUNT], START - timedelta(days=1), PERIOD)
    assert assessment.verdict is Verdict.UNKNOWN
    assert any("list of accounts" in reason for reason in assessment.reasons)
    assert evaluate_no_root_credentials([CLEAN_ACCOUNT], END + timedelta(days=1), PERIOD).verdict is Verdict.PASS


def test_the_reasons_count_what_is_behind_the_verdict() -> None:
    reasons = evaluate_no_root_credentials([PRESENT_ACCOUNT, OPEN_ACCOUNT, KEPT_ACCOUNT], READ, PERIOD).reasons
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
    assessment = evaluate_centralized_access(state, "Never read.", make_inventory(), {FAILSAFE: PURPOSE})
    assert assessment.verdict is verdict
    assert assessment.reasons


def test_centralized_does_not_apply_to_china() -> None:
    inventory = make_inventory()
    china = replace(inventory, organization=replace(inventory.organization, partition="aws-cn"))
    assert evaluate_centralized_access(make_state(), None, china, {}).verdict is Verdict.NOT_APPLICABLE


def test_p30_whether_the_delegated_administrator_runs_workloads_is_manual_with_the_facts() -> None:
    account = replace(list_accounts()[1], name="Shop Prod", ou_path="Root/Workloads/Prod", tags={"env": "prod"})
    inventory = make_inventory((list_accounts()[0], account))
    assessment = evaluate_centralized_access(make_state(), None, inventory, {})
    assert assessment.verdict is Verdict.MANUAL
    assert assessment.attestations == ()
    for fact in (FAILSAFE, "Shop Prod", "Root/Workloads/Prod", "env=prod", "No attestation is in force"):
        assert fact in assessment.reasons[-1]


def test_an_attestation_with_owner_reason_and_end_makes_it_a_pass() -> None:
    assessment = evaluate_centralized_access(make_state(), None, make_inventory(), {FAILSAFE: PURPOSE})
    assert (assessment.verdict, assessment.attestations) == (Verdict.PASS, (PURPOSE,))
    for words in ("Head of Security", "Only security tools run there", "2027-01-31", "Security"):
        assert words in assessment.reasons[-1]
    assert render_verdict(assessment) == "Pass (attested)"


def test_p30_one_attested_delegated_administrator_does_not_speak_for_another() -> None:
    state = make_state(delegates=(FAILSAFE, CLEAN))
    assessment = evaluate_centralized_access(state, None, make_inventory(), {FAILSAFE: PURPOSE})
    assert assessment.verdict is Verdict.MANUAL


@pytest.mark.parametrize(("delegates", "verdict"), [((), Verdict.PASS), (None, Verdict.UNKNOWN)])
def test_without_a_delegated_administrator_nothing_is_to_be_judged_and_unread_ones_are_unknown(
    delegates: tuple[AccountId, ...] | None, verdict: Verdict
) -> None:
    assessment = evaluate_centralized_access(make_state(delegates=delegates), None, make_inventory(), {})
    assert assessment.verdict is verdict
    assert render_verdict(assessment) == verdict.value.capitalize()


def test_present_root_credentials_of_a_delegated_administrator_fail_until_it_is_confirmed() -> None:
    unconfirmed = evidence(Status.PRESENT, GUARDED, AccountRole.FAILSAFE)
    assert unconfirmed.verdict is Verdict.FAIL
    assessment = evaluate_no_root_credentials([CLEAN_ACCOUNT, unconfirmed], READ, PERIOD)
    assert assessment.verdict is Verdict.FAIL
    assert assessment.reasons[:2] == (
        "1 account with root user credentials.",
        "1 of them a delegated administrator that isn't a confirmed failsafe in order.",
    )


@pytest.mark.parametrize("role", [AccountRole.FAILSAFE, AccountRole.MEMBER])
def test_a_confirmation_excuses_neither_an_access_key_nor_an_ordinary_account(role: AccountRole) -> None:
    summary = KEYS if role is AccountRole.FAILSAFE else GUARDED
    assert evidence(Status.PRESENT, summary, role, CHECKED).verdict is Verdict.FAIL


def test_the_reasons_name_what_confirms_each_kept_login() -> None:
    reasons = evaluate_no_root_credentials([CLEAN_ACCOUNT, KEPT_ACCOUNT], READ, PERIOD).reasons
    assert reasons[-1] == f"{CLEAN}: {CHECKED.sentence}"
