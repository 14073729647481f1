from __future__ import annotations

import json

import pytest

from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.policy_language.documents import PolicyKind, PolicyLabel
from rootkeeper.policy_language.evaluation import OrganizationPolicy, PolicyListing, PolicyTree, build_tree

SCP, RCP = PolicyKind.SERVICE_CONTROL, PolicyKind.RESOURCE_CONTROL
ACCOUNT = Account(
    AccountId("444455556666"), "prod", "prod@example.com", AccountState.ACTIVE, ("r-exam", "ou-exam-1"), "Root/Prod"
)
FULL = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def make(policy_id: str, *targets: str, content: str | None = FULL, kind: PolicyKind = SCP) -> OrganizationPolicy:
    return OrganizationPolicy(PolicyLabel(policy_id, policy_id), kind, content, frozenset(targets))


def build(*policies: OrganizationPolicy, enabled: frozenset[PolicyKind] = frozenset({SCP})) -> PolicyTree:
    return build_tree(PolicyListing(policies, enabled))


def test_an_account_is_under_the_policies_of_its_units_and_its_own() -> None:
    tree = build(
        make("p-root", "r-exam"),
        make("p-unit", "ou-exam-1", "ou-exam-2"),
        make("p-own", "444455556666"),
        make("p-other", "ou-exam-2"),
    )
    placed = tree.over(ACCOUNT, SCP)
    assert placed.places == (
        ("r-exam", frozenset({"p-root"})),
        ("ou-exam-1", frozenset({"p-unit"})),
        ("444455556666", frozenset({"p-own"})),
    )
    assert placed.policy_ids == {"p-root", "p-unit", "p-own"}
    assert list(placed.places_of("p-unit")) == ["ou-exam-1"]
    assert placed.attached_to("r-exam") == {"p-root"}
    assert placed.attached_to("ou-exam-2") == placed.attached_to(None) == frozenset()
    assert list(placed.places_with(frozenset({"p-own"}))) == ["444455556666"]
    assert [level.target_id for level in tree.levels(placed)] == ["r-exam", "ou-exam-1", "444455556666"]
    assert [policy.label.policy_id for policy in tree.levels(placed)[1].policies] == ["p-unit"]


def test_a_kind_that_isnt_enabled_restricts_nothing() -> None:
    tree = build(make("p-rcp", "r-exam", kind=RCP))
    assert tree.over(ACCOUNT, RCP).places == ()
    assert tree.over(ACCOUNT, RCP).policy_ids == frozenset()


def test_the_resource_policy_of_aws_is_everywhere() -> None:
    everywhere = OrganizationPolicy(
        PolicyLabel("p-RCPFullAWSAccess", "x"), RCP, FULL, frozenset(), is_everywhere=True, is_aws_managed=True
    )
    placed = build(everywhere, enabled=frozenset({RCP})).over(ACCOUNT, RCP)
    assert placed.signature == {frozenset({"p-RCPFullAWSAccess"})}


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "p-bad couldn't be read"), ("{", "p-bad can't be parsed: it isn't JSON")]
)
def test_a_policy_that_isnt_understood_stays_with_its_name(content: str | None, problem: str) -> None:
    tree = build(make("p-bad", "r-exam", content=content), make("p-good", "r-exam"))
    placed = tree.over(ACCOUNT, SCP)
    (unread,) = tree.list_unread(placed)
    assert unread.label.policy_id == "p-bad"
    assert problem in unread.problem
    assert [policy.label.policy_id for policy in tree.levels(placed)[0].policies] == ["p-good"]
    assert tree.find_policy("p-bad") is None
    assert tree.describe("p-bad").content == content
