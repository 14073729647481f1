"""The numbers of an organization, and when they make the answer of a command bad."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rootkeeper.errors import AwsError
from rootkeeper.findings.rules import Verdict
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    FailOn,
    KeptAudit,
    RootCredentialsSummary,
    evaluate_failure,
    evaluate_found,
)
from rootkeeper.organizations.orders import OrganizationSort
from rootkeeper.organizations.rules import (
    KnownOrganization,
    OrganizationNumbers,
    count_organization,
    has_findings,
    sort_organizations,
)

NOW = datetime(2026, 1, 15, tzinfo=UTC)
ACCOUNT = Account(AccountId("444455556666"), "prod", "prod@example.com", AccountState.ACTIVE, ("r-exam",), "Root")
GOOD = OrganizationNumbers(
    accounts=1,
    root_logins_left=0,
    unknown=0,
    unread=0,
    open_windows=0,
    failed_closings=0,
    reviews_due=0,
    failing_controls=0,
    unknown_controls=0,
    trend=None,
    compared_at=None,
    last_complete_audit_at=NOW,
)
KNOWN = KnownOrganization("shop", "o-shopshop01", None, "/data/rootkeeper.db", GOOD, None)
ALL = frozenset({FailOn.PRESENT, FailOn.UNKNOWN, FailOn.UNREAD})


def status_of(*, has_password: bool) -> AccountStatus:
    summary = RootCredentialsSummary(has_password, False, False, False)
    return evaluate_found(ACCOUNT, AccountRole.MEMBER, summary, observed_at=NOW, has_open_window=False)


def audit_of(days_ago: float, left_known: int | None, left_unknown: int = 0, *, is_complete: bool = True) -> KeptAudit:
    at = NOW - timedelta(days=days_ago)
    return KeptAudit("j-1", at, at, "AWS", is_complete, "ana", {}, left_known, left_unknown, 0)


def count(*audits: KeptAudit, left: int = 0, verdicts: Collection[Verdict] | None = ()) -> OrganizationNumbers:
    statuses = [status_of(has_password=True)] * left + [status_of(has_password=False)]
    return count_organization(statuses, [], [], audits, verdicts, NOW)


def test_a_root_login_is_counted_as_every_other_view_counts_it() -> None:
    numbers = count(left=1)
    assert (numbers.accounts, numbers.root_logins_left, numbers.unknown) == (2, 1, 0)
    assert numbers.last_complete_audit_at is None


def test_only_failing_controls_fail_and_unknown_ones_are_neither_failing_nor_good() -> None:
    numbers = count(verdicts=[Verdict.FAIL, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.PASS, Verdict.MANUAL])
    assert (numbers.failing_controls, numbers.unknown_controls) == (1, 2)
    unjudged = count(verdicts=None)
    assert (unjudged.failing_controls, unjudged.unknown_controls) == (None, None)


@pytest.mark.parametrize(
    ("audits", "left", "trend", "days"),
    [
        ([], 1, None, None),
        ([audit_of(1, 9)], 1, None, None),
        ([audit_of(38, 9)], 1, None, None),
        ([audit_of(22, 9)], 1, None, None),
        ([audit_of(30, None)], 1, None, None),
        ([audit_of(30, 9, is_complete=False)], 1, None, None),
        ([audit_of(30, 9)], 1, -8, 30),
        ([audit_of(30, 0)], 1, 1, 30),
        ([audit_of(30, 1)], 1, 0, 30),
        ([audit_of(1, 1), audit_of(27, 5), audit_of(32, 7), audit_of(36, 8)], 1, -6, 32),
    ],
)
def test_the_trend_compares_with_the_counted_audit_nearest_to_30_days_ago(
    audits: list[KeptAudit], left: int, trend: int | None, days: int | None
) -> None:
    numbers = count(*audits, left=left)
    assert numbers.trend == trend
    assert numbers.compared_at == (None if days is None else NOW - timedelta(days=days))


def test_fewer_root_logins_beside_more_unknown_accounts_are_no_trend() -> None:
    unknown = evaluate_failure(ACCOUNT, AccountRole.MEMBER, AwsError("AWS refused."), observed_at=NOW)
    statuses = [status_of(has_password=True), unknown]
    for before, trend in ((audit_of(30, 5, 0), None), (audit_of(30, 5, 1), -4), (audit_of(30, 0, 0), 1)):
        numbers = count_organization(statuses, [], [], [before], (), NOW)
        assert (numbers.unknown, numbers.trend, numbers.compared_at) == (1, trend, before.ended_at)


def named(name: str, **numbers: Any) -> KnownOrganization:
    return replace(KNOWN, name=name, numbers=replace(GOOD, **numbers))


UNREAD = replace(KNOWN, name="unread", numbers=None, problem="Its database can't be read.")


def order_of(known: Collection[KnownOrganization], order: OrganizationSort | None = None) -> list[str]:
    return [one.name for one in sort_organizations(known, order)]


def test_failed_closings_are_above_all_then_the_unknown_then_those_with_most_to_do() -> None:
    known = [
        named("good"),
        named("also-good", open_windows=3),
        named("some", unknown=1, reviews_due=1, failing_controls=1),
        named("many", root_logins_left=50),
        UNREAD,
        named("failed", failed_closings=1),
    ]
    assert order_of(known) == ["failed", "unread", "many", "some", "also-good", "good"]


@pytest.mark.parametrize(
    ("order", "member"),
    [
        (OrganizationSort.LEFT, "root_logins_left"),
        (OrganizationSort.UNKNOWN, "unknown"),
        (OrganizationSort.WINDOWS, "open_windows"),
        (OrganizationSort.FAILED, "failed_closings"),
        (OrganizationSort.REVIEWS, "reviews_due"),
        (OrganizationSort.CONTROLS, "failing_controls"),
        (OrganizationSort.TREND, "trend"),
    ],
)
def test_a_number_sorts_the_highest_first_and_the_unknown_before_it(order: OrganizationSort, member: str) -> None:
    known = [named("c", **{member: 1}), named("b", **{member: 1}), named("a", **{member: 0}), named("z", **{member: 9})]
    assert order_of([*known, UNREAD], order) == ["unread", "z", "b", "c", "a"]


def test_an_organization_without_a_trend_is_last_and_names_sort_by_letters() -> None:
    known = [named("a"), named("b", trend=-5), named("c", trend=2), UNREAD]
    assert order_of(known, OrganizationSort.TREND) == ["unread", "c", "b", "a"]
    assert order_of(known, OrganizationSort.NAME) == ["a", "b", "c", "unread"]


def test_nothing_is_found_where_all_is_known_and_good() -> None:
    assert not has_findings([KNOWN], ALL)
    assert not has_findings([replace(KNOWN, numbers=replace(GOOD, open_windows=1))], ALL)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (replace(KNOWN, numbers=replace(GOOD, root_logins_left=1)), {FailOn.PRESENT}),
        (replace(KNOWN, numbers=replace(GOOD, failed_closings=1)), {FailOn.PRESENT}),
        (replace(KNOWN, numbers=replace(GOOD, reviews_due=1)), {FailOn.PRESENT}),
        (replace(KNOWN, numbers=replace(GOOD, unknown=1)), {FailOn.UNKNOWN}),
        (replace(KNOWN, numbers=replace(GOOD, accounts=0)), {FailOn.UNKNOWN}),
        (replace(KNOWN, numbers=replace(GOOD, unread=1)), {FailOn.UNREAD}),
        (replace(KNOWN, problem="The audit failed."), {FailOn.UNREAD}),
        (replace(KNOWN, numbers=None), {FailOn.UNKNOWN, FailOn.UNREAD}),
    ],
)
def test_each_finding_counts_for_what_it_is_and_for_nothing_else(known: KnownOrganization, found: set[FailOn]) -> None:
    assert {one for one in ALL if has_findings([KNOWN, known], frozenset({one}))} == found
