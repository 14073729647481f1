"""A deletion's plan and results in words."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from rootkeeper.changes.removal_rules import (
    ALL_KINDS,
    AccountDeletion,
    KindOutcome,
    KindReason,
    KindResult,
    plan_deletion,
)
from rootkeeper.cli.rendering.audits import MARKS
from rootkeeper.cli.rendering.deletions import (
    OutcomeWord,
    choose_outcome_word,
    choose_planned_word,
    deletion_listing,
    deletion_record,
    plan_listing,
    planned_record,
    remark_unknown,
    render_calls,
    render_last_use,
    render_remark,
    render_results,
    render_totals,
)
from rootkeeper.cli.rendering.listings import render_csv
from rootkeeper.cli.terminal import Terminal
from rootkeeper.deletion.execution import describe_not_begun, describe_skipped
from rootkeeper.deletion.rules import DeletionPlan, PlannedAccount
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import CredentialKind
from tests.unit.cli.rendering import samples
from tests.unit.database.samples import REPOSITORY


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


def test_the_last_use_is_reported_with_its_date() -> None:
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


HELD = planned(Skip(SkipReason.RECENTLY_USED, "Used lately."))
KEPT = planned(Skip(SkipReason.FAILSAFE, "It is the failsafe."))
UNREAD = planned(Skip(SkipReason.UNKNOWN, "Denied."))


DENIED = "iam:GetAccountSummary for 444455556666 was denied."


@pytest.mark.parametrize(
    ("account", "remark", "is_blocked"),
    [
        (planned(Skip(SkipReason.UNKNOWN, f"{DENIED} Blocked by p-abcdefgh12.")), "Blocked by p-abcdefgh12", True),
        (planned(Skip(SkipReason.UNKNOWN, DENIED)), "Unknown", False),
        (planned(Skip(SkipReason.EXCEPTION, "Kept; see policy p-abcdefgh12.")), "Kept", False),
        (planned(), "", False),
    ],
)
def test_remarks_on_blocked_accounts_name_the_policy_and_the_preflight(
    account: PlannedAccount, remark: str, is_blocked: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render_remark(account).startswith(remark)
    remark_unknown([account, planned()], Terminal({}))
    assert ("rootkeeper preflight 444455556666\n" in capsys.readouterr().err) == is_blocked


def test_a_result_that_a_policy_blocked_names_the_preflight_too(capsys: pytest.CaptureFixture[str]) -> None:
    failed = KindResult(CredentialKind.PASSWORD, KindOutcome.FAILED, KindReason.BLOCKED_BY_POLICY, "Denied.")
    account = AccountDeletion(AccountId("444455556666"), "Shop", "Root/Prod", kinds=(failed,))
    remark_unknown(iter([account]), Terminal({}))
    assert "rootkeeper preflight 444455556666\n" in capsys.readouterr().err


def test_a_table_of_a_plan_leaves_out_accounts_with_nothing_to_delete_and_data_has_all_of_them() -> None:
    listing = plan_listing(plan(planned(), CLEAN, HELD), samples.NOW)
    assert listing.rows == [planned(), HELD]
    assert listing.rest == "Already absent: 1 account, not shown here."
    assert len(listing.records) == 3


def test_a_table_of_results_leaves_out_the_same_accounts() -> None:
    listing = deletion_listing([describe_skipped(one, one.skip) for one in (CLEAN, HELD, CLEAN) if one.skip])
    assert [account.skip for account in listing.rows or ()] == [HELD.skip]
    assert (listing.rest, len(listing.records)) == ("Already absent: 2 accounts, not shown here.", 3)


def test_a_plan_and_its_results_have_one_word_for_each_fact() -> None:
    words = [
        (choose_planned_word(one), choose_outcome_word(describe_skipped(one, one.skip)))
        for one in (CLEAN, HELD, KEPT, UNREAD)
        if one.skip
    ]
    assert words == [("Already absent",) * 2, ("Held back",) * 2, ("Skipped",) * 2, ("Unknown",) * 2]
    used = Skip(SkipReason.RECENTLY_USED, "Used since.")
    assert choose_outcome_word(describe_skipped(planned(), used)) is OutcomeWord.HELD_BACK
    changed = Skip(SkipReason.CHANGED_SINCE_PLAN, "A key is new.")
    assert choose_outcome_word(describe_skipped(planned(), changed)) is OutcomeWord.FAILED
    assert choose_planned_word(planned()) is None
    assert choose_outcome_word(describe_not_begun(planned())) is OutcomeWord.NOT_BEGUN


def test_the_glossary_explains_each_word_of_a_fact() -> None:
    glossary = (REPOSITORY / "docs/dev/glossary.md").read_text(encoding="utf-8")
    _, _, table = glossary.partition("## One word for each fact")
    explained = re.findall(r"^\| ([A-Z][a-z ]+?) \|", table, re.MULTILINE)[1:]
    statuses = [mark.words for mark in MARKS.values()]
    assert sorted(explained) == sorted({*statuses, *OutcomeWord})


def test_results_tell_each_kind_apart() -> None:
    kinds = (
        KindResult(CredentialKind.ACCESS_KEYS, KindOutcome.DELETED),
        KindResult(CredentialKind.SIGNING_CERTIFICATES, KindOutcome.ALREADY_ABSENT),
        KindResult(CredentialKind.PASSWORD, KindOutcome.FAILED, KindReason.STILL_PRESENT, "A re-read shows it."),
        KindResult(CredentialKind.MFA_DEVICES, KindOutcome.SKIPPED, KindReason.GUARDS_SOMETHING, "It guards it."),
    )
    said = render_results(AccountDeletion(AccountId("444455556666"), "Shop", "Root/Prod", kinds))
    assert said == (
        "Deleted: access keys; Failed: password (A re-read shows it.); Skipped: MFA devices (It guards it.)"
    )


DENIAL = "sts:AssumeRoot for 444455556666 was denied: " + "a long explanation " * 20


def failed(*details: str | None) -> AccountDeletion:
    kinds = tuple(
        KindResult(kind, KindOutcome.FAILED if detail else KindOutcome.DELETED, None, detail)
        for kind, detail in zip(CredentialKind, details, strict=True)
    )
    return AccountDeletion(AccountId("444455556666"), "Shop", "Root/Prod", kinds)


@pytest.mark.parametrize(
    "account",
    [
        failed(DENIAL, DENIAL, DENIAL, DENIAL),
        failed(None, DENIAL, DENIAL, None),
        describe_skipped(planned(), Skip(SkipReason.UNKNOWN, DENIAL)),
    ],
    ids=["every kind", "some kinds", "skipped"],
)
def test_a_denial_is_once_in_an_accounts_row_and_in_the_table(account: AccountDeletion) -> None:
    record = deletion_record(account)
    assert record["detail"] == DENIAL
    row = render_csv([record])
    assert row.count(DENIAL) == 1
    outcomes = [one.split(",") for one in row.splitlines()]
    assert set(outcomes[1]) >= {one.outcome.value for one in account.kinds}
    assert render_results(account).count(DENIAL) <= 1


def test_a_detail_of_one_kind_stays_with_it() -> None:
    several, alone = failed("one", "two", "one", "three"), failed(None, "alone", None, None)
    for account, of_account, of_kinds in (
        (several, "one", [None, "two", None, "three"]),
        (alone, None, [None, "alone", None, None]),
    ):
        record = json.loads(json.dumps(deletion_record(account)))
        assert record["detail"] == of_account
        assert [one["detail"] for one in record["kinds"].values()] == of_kinds
