"""Who may request and approve for which account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.approvals.rules import ApprovalPolicy, NameRule, parse_name_rule
from rootkeeper.errors import PermissionDeniedError, SettingsError
from rootkeeper.organization.accounts import Account, AccountId, AccountState

ACCOUNT = Account(
    AccountId("444455556666"),
    "shop",
    "shop@example.com",
    AccountState.ACTIVE,
    ("r-exam", "ou-exam-workload", "ou-exam-prod0000"),
    "Root/Workloads/Prod",
)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("alice", NameRule("alice")),
        ("  alice ", NameRule("alice")),
        ("alice in Root/Workloads/Prod", NameRule("alice", "Root/Workloads/Prod")),
        ("alice  in  ou-exam-prod0000", NameRule("alice", "ou-exam-prod0000")),
        ("alice in /Workloads/", NameRule("alice", "Workloads")),
        ("on call in Made in Italy", NameRule("on call", "Made in Italy")),
        ("inigo", NameRule("inigo")),
    ],
)
def test_a_rule_names_a_user_and_perhaps_a_unit(text: str, rule: NameRule) -> None:
    assert parse_name_rule(text, "windows.approvers") == rule


@pytest.mark.parametrize("text", ["", "  ", "alice in", "alice in /", " in Root", "in Root/Prod", "in"])
def test_half_a_rule_is_refused_with_the_settings_name(text: str) -> None:
    with pytest.raises(SettingsError, match=r"windows\.approvers") as caught:
        parse_name_rule(text, "windows.approvers")
    assert "NAME in OU" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("unit", "covers"),
    [
        (None, True),
        ("r-exam", True),
        ("ou-exam-workload", True),
        ("ou-exam-prod0000", True),
        ("ou-exam-other000", False),
        ("Root", True),
        ("Root/Workloads", True),
        ("Root/Workloads/Prod", True),
        ("Workloads", True),
        ("Workloads/Prod", True),
        ("Prod", False),
        ("Root/Work", False),
        ("Root/Workloads/Prod/Deeper", False),
        ("root/workloads", False),
    ],
)
def test_a_rule_covers_everything_below_its_unit_by_id_or_path(unit: str | None, covers: bool) -> None:
    assert NameRule("alice", unit).covers("alice", ACCOUNT) is covers


def test_an_account_whose_place_is_not_known_is_below_no_unit() -> None:
    lost = Account(ACCOUNT.account_id, "shop", "", AccountState.UNKNOWN, (), "")

    assert not NameRule("alice", "Root").covers("alice", lost)
    assert NameRule("alice").covers("alice", lost)


def test_names_are_compared_regardless_of_their_case() -> None:
    assert NameRule("Alice").covers("aLICE", ACCOUNT)
    assert not NameRule("alice").covers("bob", ACCOUNT)


def test_without_rules_everyone_may() -> None:
    policy = ApprovalPolicy()

    policy.require_requester("anyone", ACCOUNT)
    policy.require_approver("anyone", ACCOUNT)


def test_a_user_who_is_not_named_learns_whom_to_ask() -> None:
    policy = ApprovalPolicy(
        requesters=(NameRule("alice", "Workloads"), NameRule("carol", "Sandbox")), approvers=(NameRule("dora", "X"),)
    )

    policy.require_requester("alice", ACCOUNT)
    with pytest.raises(PermissionDeniedError, match="bob may not request") as caught:
        policy.require_requester("bob", ACCOUNT)
    assert "Ask alice" in (caught.value.hint or "")
    assert "carol" not in (caught.value.hint or "")
    with pytest.raises(PermissionDeniedError, match="444455556666") as refused:
        policy.require_approver("alice", ACCOUNT)
    assert "No one else is named" in (refused.value.hint or "")


@given(st.text(max_size=30))
def test_any_text_is_a_rule_or_a_settings_error(text: str) -> None:
    try:
        rule = parse_name_rule(text, "windows.requesters")
    except SettingsError:
        return
    assert rule.name.strip()
    assert rule.unit is None or rule.unit
