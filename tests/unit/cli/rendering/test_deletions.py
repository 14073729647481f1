"""A deletion's plan and results in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.cli.rendering.deletions import (
    planned_record,
    render_calls,
    render_last_use,
    render_remark,
    render_results,
    render_totals,
    without_clean_accounts,
)
from rootkeeper.deletion.rules import DeletionPlan, PlannedAccount
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import CredentialKind
from rootkeeper.removal.rules import ALL_KINDS, AccountDeletion, KindOutcome, KindReason, KindResult, plan_deletion
from tests.unit.cli.rendering import samples


def planned(skip: Skip | None = None, allowed_use: str | None = None) -> PlannedAccount:
    found = samples.credentials()
    return PlannedAccount(
        AccountId("444455556666"),
        "Shop",
        "Root/Prod",
        AccountState.ACTIVE,
        found,
        samples.NOW,
        () if skip else plan_deletion(found),
        skip,
        allowed_use,
    )


def plan(*accounts: PlannedAccount) -> DeletionPlan:
    return DeletionPlan(
        "plan-1",
        "o-exampleorgid",
        "AWS",
        "ana",
        "arn",
        samples.NOW,
        samples.NOW,
        samples.NOW + timedelta(hours=24),
        "--all",
        ALL_KINDS,
        frozenset(),
        accounts,
    )


CLEAN = planned(Skip(SkipReason.NOTHING_TO_DELETE, "No root user credentials."))


def test_what_goes_is_counted_by_kind() -> None:
    assert render_calls(planned()) == "1 access key, 1 signing certificate, password, 1 MFA device"
    assert planned_record(planned())["delete"] == dict.fromkeys(
        ("access_keys", "signing_certificates", "password", "mfa_devices"), 1
    )


def test_the_last_use_is_told_with_its_date() -> None:
    assert render_last_use(planned(), samples.NOW) == "2026-11-22 (3 days ago)"


def test_totals_are_one_sentence_part() -> None:
    assert render_totals(plan(planned(), planned())) == (
        "2 access keys, 2 signing certificates, 2 passwords and 2 MFA devices"
    )
    assert render_totals(plan()) == ""


@pytest.mark.parametrize(
    ("account", "remark"),
    [
        (planned(), ""),
        (planned(allowed_use="rotated"), "Recently used; allowed: rotated"),
        (planned(Skip(SkipReason.FAILSAFE, "It is the failsafe.")), "It is the failsafe."),
        (planned(Skip(SkipReason.UNKNOWN, "A long story.")), "Unknown, see below."),
    ],
)
def test_a_remark_says_why(account: PlannedAccount, remark: str) -> None:
    assert render_remark(account) == remark


def test_a_question_shows_only_accounts_that_somebody_should_look_at() -> None:
    held = planned(Skip(SkipReason.RECENTLY_USED, "Used lately."))
    assert without_clean_accounts(plan(planned(), CLEAN, held)).accounts == (planned(), held)


def test_results_tell_each_kind_apart() -> None:
    kinds = (
        KindResult(CredentialKind.ACCESS_KEYS, KindOutcome.DELETED),
        KindResult(CredentialKind.SIGNING_CERTIFICATES, KindOutcome.ALREADY_ABSENT),
        KindResult(CredentialKind.PASSWORD, KindOutcome.FAILED, KindReason.STILL_PRESENT, "A re-read shows it."),
        KindResult(CredentialKind.MFA_DEVICES, KindOutcome.SKIPPED, KindReason.GUARDS_SOMETHING, "It guards it."),
    )
    said = render_results(AccountDeletion(AccountId("444455556666"), "Shop", "Root/Prod", kinds))
    assert said == (
        "deleted: access keys; failed: password (A re-read shows it.); left alone: MFA devices (It guards it.)"
    )
