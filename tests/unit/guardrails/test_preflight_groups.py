from __future__ import annotations

import json

import pytest

from rootkeeper.guardrails.rules import distinguish, read_traits
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.policy_language.documents import PolicyKind, PolicyLabel, parse_policy


def account(account_id: str, *ou_ids: str) -> Account:
    return Account(AccountId(account_id), "a", "a@example.com", AccountState.ACTIVE, ou_ids, "Root")


FIRST, SECOND = account("444455556666", "r-exam", "ou-exam-1"), account("555566667777", "r-exam", "ou-exam-2")


def distinguishes(condition: object, resource: str = "*") -> bool:
    statement = {"Effect": "Deny", "Action": "*", "Resource": resource, "Condition": condition}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    traits = read_traits(parse_policy(text, PolicyLabel("p-1", ""), PolicyKind.SERVICE_CONTROL))
    return distinguish(FIRST, [traits]) != distinguish(SECOND, [traits])


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}},
        {"StringNotEquals": {"aws:PrincipalAccount": ["999988887777"]}},
        {"StringNotEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}},
        {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Admin2*"}},
        {"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}},
    ],
)
def test_accounts_that_a_policy_doesnt_name_share_an_answer(condition: object) -> None:
    assert not distinguishes(condition)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {"aws:PrincipalAccount": ["444455556666"]}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::4444*:root"}},
        {"StringLike": {"aws:PrincipalArn": "*6666:root"}},
        {"StringLike": {"aws:PrincipalArn": "*:iam::44445555666?:root"}},
        {"NumericLessThan": {"aws:PrincipalAccount": "500000000000"}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-exampleorgid/r-exam/ou-exam-1/*"}},
    ],
)
def test_accounts_that_a_policy_can_tell_apart_stand_alone(condition: object) -> None:
    assert distinguishes(condition)


def test_a_resource_can_name_an_account_too() -> None:
    assert distinguishes({}, "arn:aws:sqs:*:444455556666:*")
    assert not distinguishes({}, "arn:aws:s3:::logs-2026-*")


def test_without_policies_all_are_alike() -> None:
    assert distinguish(FIRST, []) == distinguish(SECOND, [])
