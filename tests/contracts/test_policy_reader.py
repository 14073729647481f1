"""The contract of PolicyReader."""

from __future__ import annotations

import json

import pytest

from rootkeeper.aws.gateway import AwsGateway
from rootkeeper.aws.policies import PolicyReader
from rootkeeper.organization.accounts import Account, AccountId
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.policy_language.evaluation import PolicyListing, build_tree
from tests.contracts.subjects import BLOCKED, MEMBER, Subject
from tests.fakes.policies import DENY_ROOT, FakePolicies

SCP = PolicyKind.SERVICE_CONTROL
FULL_ACCESS = "p-FullAWSAccess"


def find_account(subject: Subject, account_id: AccountId) -> Account:
    accounts = [account for page in subject.organization.list_account_pages() for account in page]
    return next(account for account in accounts if account.account_id == account_id)


@pytest.fixture
def reader(subject: Subject) -> PolicyReader:
    """A policy that denies root is attached to the unit of the blocked account, as in the sandbox."""
    if isinstance(subject.organization, AwsGateway):
        return subject.organization
    policies = FakePolicies(subject.organization)
    policies.attach("p-examplescp", DENY_ROOT, find_account(subject, BLOCKED).ou_ids[-1])
    return policies


def list_denying(listing: PolicyListing, account: Account) -> list[tuple[str, str]]:
    """Places over an account, with the names of the policies attached there that deny."""
    tree = build_tree(listing)
    return [
        (target_id, policy_id)
        for target_id, policy_ids in tree.over(account, SCP).places
        for policy_id in sorted(policy_ids)
        if '"Deny"' in (tree.describe(policy_id).content or "").replace(" ", "")
    ]


def test_a_listing_shows_which_policies_apply_to_an_account_and_where_they_are_attached(
    subject: Subject, reader: PolicyReader
) -> None:
    listing = reader.list_policies()
    account = find_account(subject, BLOCKED)
    assert listing.problems == {}
    assert SCP in listing.enabled_kinds
    places = build_tree(listing).over(account, SCP).places
    assert [target_id for target_id, _ in places] == [*account.ou_ids, BLOCKED]
    assert all(FULL_ACCESS in policy_ids for _, policy_ids in places)
    assert account.ou_ids[-1] in {target_id for target_id, _ in list_denying(listing, account)}
    assert all(json.loads(policy.content or "")["Statement"] for policy in listing.policies)


def test_full_access_alone_is_taken_to_be_everywhere(subject: Subject, reader: PolicyReader) -> None:
    whole, quick = reader.list_policies(), reader.list_policies_under_full_access()
    whole_access, quick_access = (
        next(policy for policy in listing.policies if policy.label.policy_id == FULL_ACCESS)
        for listing in (whole, quick)
    )
    assert (whole_access.is_everywhere, quick_access.is_everywhere) == (False, True)
    assert whole_access.is_aws_managed
    assert quick_access.target_ids == frozenset()
    assert set(whole.policies) - {whole_access} == set(quick.policies) - {quick_access}
    account = find_account(subject, BLOCKED)
    assert list_denying(quick, account) == list_denying(whole, account) != []


def test_a_reading_of_some_targets_shows_nothing_of_others(subject: Subject, reader: PolicyReader) -> None:
    account, other = find_account(subject, BLOCKED), find_account(subject, MEMBER)
    targets = {*account.ou_ids, BLOCKED}
    listing = reader.list_policies_over(targets)
    assert all(policy.is_everywhere or policy.target_ids <= targets for policy in listing.policies)
    assert build_tree(listing).over(account, SCP) == build_tree(reader.list_policies()).over(account, SCP)
    assert build_tree(listing).over(other, SCP).places[-1] == (MEMBER, frozenset())
