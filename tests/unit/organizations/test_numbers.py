"""The numbers of an organization, and when they make the answer of a command bad."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    FailOn,
    RootCredentialsSummary,
    evaluate_found,
)
from rootkeeper.organizations.rules import (
    KnownOrganization,
    OrganizationNumbers,
    count_organization,
    has_findings,
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
    last_complete_audit_at=NOW,
)
KNOWN = KnownOrganization("shop", "o-shopshop01", None, "/data/rootkeeper.db", GOOD, None)
ALL = frozenset({FailOn.PRESENT, FailOn.UNKNOWN, FailOn.UNREAD})


def status_of(*, has_password: bool) -> AccountStatus:
    summary = RootCredentialsSummary(has_password, False, False, False)
    return evaluate_found(ACCOUNT, AccountRole.MEMBER, summary, observed_at=NOW, has_open_window=False)


def test_a_root_login_is_counted_as_every_other_view_counts_it() -> None:
    numbers = count_organization([status_of(has_password=True), status_of(has_password=False)], [], [], None)
    assert (numbers.accounts, numbers.root_logins_left, numbers.unknown) == (2, 1, 0)
    assert numbers.last_complete_audit_at is None


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
