"""Who is left that can change a policy, statement by statement."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper.unlock.rules import LockoutVerdict, evaluate_policy
from tests.unit.aws.samples import (
    ACCOUNT,
    ALLOWS_READING,
    BUCKET,
    LOCKING,
    ORGANIZATION,
    OTHER,
    OWN_ROOT,
    QUEUE,
    ROLE,
    document,
    statement,
)

LOCKED: dict[str, dict[str, Any]] = {
    "everyone, everything": {},
    "a list with a star": {"Principal": {"AWS": ["arn:aws:iam::444455556666:root", "*"]}},
    "the account by its id": {"Principal": {"AWS": ACCOUNT}},
    "the account by its root's ARN": {"Principal": {"AWS": OWN_ROOT}},
    "all but principals of another account": {"Principal": None, "NotPrincipal": {"AWS": f"arn:aws:iam::{OTHER}:root"}},
    "all but a role that is deleted": {"Principal": None, "NotPrincipal": {"AWS": "AROADBQP57FF2AEXAMPLE"}},
    "all but the root user, who mostly can't sign in": {"Principal": None, "NotPrincipal": {"AWS": OWN_ROOT}},
    "no action is left out": {"Action": None, "NotAction": "s3:ListBucket"},
    "any action": {"Action": "*"},
    "both ways to change the policy": {"Action": ["s3:putbucketpolicy", "s3:Delete*"]},
    "wildcards in the resource": {"Resource": "arn:aws:s3:::amzn-*"},
    "another resource is left out": {"Resource": None, "NotResource": "arn:aws:s3:::another"},
    "a header that only objects have": {
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
    },
    "the absence of such a header": {"Condition": {"Null": {"s3:x-amz-server-side-encryption": "true"}}},
    "all but another organization": {"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-another00id"}}},
    "all but a role of another account": {
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/deployment"}},
    },
    "all but the account's root user": {"Condition": {"StringNotEquals": {"aws:PrincipalArn": OWN_ROOT}}},
    "all but root sessions": {"Condition": {"Null": {"aws:AssumedRoot": "true"}}},
    "all calls over TLS": {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    "calls that no service makes": {"Condition": {"StringNotEqualsIfExists": {"aws:SourceAccount": OTHER}}},
    "principals by any name": {"Condition": {"ArnLike": {"aws:PrincipalArn": "*"}}},
}
DEPENDS: dict[str, dict[str, Any]] = {
    "all but a role": {"Condition": {"StringNotEquals": {"aws:PrincipalArn": ROLE}}},
    "all but roles of one kind": {"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin-*"}}},
    "all but a role by NotPrincipal": {"Principal": None, "NotPrincipal": {"AWS": [ROLE, OWN_ROOT]}},
    "all but unique ids": {"Condition": {"StringNotLike": {"aws:userId": ["AROADBQP57FF2AEXAMPLE:*", ACCOUNT]}}},
    "all but a network": {"Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
    "all but an endpoint": {"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}},
    "a tag": {"Condition": {"StringNotEquals": {"aws:PrincipalTag/team": "storage"}}},
    "a date": {"Condition": {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}},
    "an operator that isn't known": {"Condition": {"StringSimilar": {"aws:PrincipalArn": ROLE}}},
    "a variable": {"Condition": {"StringNotEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}},
    "a Condition that can't be read": {"Condition": ["?"]},
    "operators without keys": {"Condition": {"Bool": "true"}},
    "a number that is none": {"Condition": {"NumericLessThan": {"s3:TlsVersion": "new"}}},
    "a canonical id": {
        "Principal": {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}
    },
}
OPEN: dict[str, dict[str, Any]] = {
    "an Allow": {"Effect": "Allow"},
    "without TLS": {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    "old TLS": {"Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    "without MFA": {"Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}},
    "other organizations": {"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}},
    "other accounts": {"Condition": {"StringNotEquals": {"aws:PrincipalAccount": [ACCOUNT, OTHER]}}},
    "another account alone": {"Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}},
    "one role alone": {"Principal": {"AWS": ROLE}},
    "a service": {"Principal": {"Service": "logging.s3.amazonaws.com"}},
    "a role that is deleted": {"Principal": {"AWS": "AROADBQP57FF2AEXAMPLE"}},
    "objects alone": {"Resource": f"{BUCKET.arn}/*"},
    "reading alone": {"Action": "s3:Get*"},
    "one of the two ways alone": {"Action": ["s3:PutBucketPolicy", "s3:GetObject"]},
    "another resource": {"Resource": "arn:aws:s3:::another"},
    "what changes a policy is left out": {"Action": None, "NotAction": ["s3:*BucketPolicy"]},
    "root users": {"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}},
    "a principal by name": {"Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}}},
    "all but roles of any name": {
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": [f"arn:aws:iam::{ACCOUNT}:role/*", "AROAEXAMPLE"]}},
    },
    "all but everyone": {"Principal": None, "NotPrincipal": "*"},
    "calls of services": {"Condition": {"StringEquals": {"aws:SourceAccount": OTHER}}},
    "services alone": {"Condition": {"Bool": {"aws:PrincipalIsAWSService": "true"}}},
    "root sessions alone": {"Condition": {"Bool": {"aws:AssumedRoot": "true"}}},
    "a role over an unknown network, that no one is on without TLS": {
        "Condition": {
            "StringNotEquals": {"aws:PrincipalArn": ROLE},
            "Bool": {"aws:SecureTransport": "false"},
        },
    },
    "a header of objects with a value": {"Condition": {"StringEquals": {"s3:x-amz-acl": "public-read"}}},
    "every value of a key that isn't there, negated": {
        "Condition": {"ForAnyValue:StringNotEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}},
    },
}


@pytest.mark.parametrize("elements", LOCKED.values(), ids=LOCKED)
def test_a_denial_that_no_ordinary_caller_gets_past_locks_everyone_out(elements: dict[str, Any]) -> None:
    lockout = evaluate_policy(document(statement(Sid="Deny", **elements)), BUCKET, ORGANIZATION)
    assert lockout.verdict is LockoutVerdict.LOCKED
    assert lockout.explanation == "Statement Deny denies everyone in the account."


@pytest.mark.parametrize("elements", DEPENDS.values(), ids=DEPENDS)
def test_a_denial_with_an_exception_depends_on_whether_the_excepted_principal_exists(elements: dict[str, Any]) -> None:
    lockout = evaluate_policy(document(statement(**elements)), BUCKET, ORGANIZATION)
    assert lockout.verdict is LockoutVerdict.DEPENDS
    (blamed,) = lockout.statements
    assert blamed.exceptions or blamed.conditions
    assert all(text in lockout.explanation for text in (*blamed.exceptions, *blamed.conditions))


@pytest.mark.parametrize("elements", OPEN.values(), ids=OPEN)
def test_a_denial_that_anyone_gets_past_locks_no_one_out(elements: dict[str, Any]) -> None:
    lockout = evaluate_policy(document(statement(**elements)), BUCKET, ORGANIZATION)
    assert (lockout.verdict, lockout.statements) == (LockoutVerdict.OPEN, ())


def test_no_policy_locks_no_one_out() -> None:
    assert evaluate_policy(None, BUCKET, ORGANIZATION).verdict is LockoutVerdict.NO_POLICY


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Statement": []}', '{"Statement": ["Deny"]}', "[" * 100_000])
def test_a_policy_that_cannot_be_read_is_unknown_and_never_open(text: str) -> None:
    lockout = evaluate_policy(text, BUCKET, ORGANIZATION)
    assert lockout.verdict is LockoutVerdict.UNKNOWN
    assert "amzn-s3-demo-bucket" in lockout.explanation


def test_the_statement_to_blame_is_named_by_its_sid_or_its_place() -> None:
    policy = document(ALLOWS_READING, statement(Sid="Everyone"), statement())
    lockout = evaluate_policy(policy, BUCKET, ORGANIZATION)
    assert [statement.name for statement in lockout.statements] == ["statement Everyone", "statement 3"]
    assert [statement.number for statement in lockout.statements] == [2, 3]


def test_two_statements_that_each_deny_one_way_lock_out_together() -> None:
    policy = document(
        statement(Sid="A", Action="s3:PutBucketPolicy"), statement(Sid="B", Action="s3:DeleteBucketPolicy")
    )
    lockout = evaluate_policy(policy, BUCKET, ORGANIZATION)
    assert lockout.verdict is LockoutVerdict.LOCKED
    assert len(lockout.statements) == 2


def test_one_way_that_depends_is_better_than_none() -> None:
    excepted = {"StringNotEquals": {"aws:PrincipalArn": ROLE}}
    policy = document(
        statement(Sid="A", Action="s3:PutBucketPolicy"),
        statement(Sid="B", Action="s3:DeleteBucketPolicy", Condition=excepted),
    )
    assert evaluate_policy(policy, BUCKET, ORGANIZATION).verdict is LockoutVerdict.DEPENDS


def test_a_statement_may_stand_without_its_list() -> None:
    assert evaluate_policy(
        '{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*"}}', BUCKET, ORGANIZATION
    ).verdict is (LockoutVerdict.LOCKED)


def test_a_queue_is_locked_by_the_denial_of_its_attributes() -> None:
    for action, verdict in (
        ("sqs:SetQueueAttributes", LockoutVerdict.LOCKED),
        ("sqs:SendMessage", LockoutVerdict.OPEN),
    ):
        policy = document(statement(QUEUE, Action=action, Resource=QUEUE.arn))
        assert evaluate_policy(policy, QUEUE, ORGANIZATION).verdict is verdict
    assert evaluate_policy(LOCKING, QUEUE, ORGANIZATION).verdict is LockoutVerdict.OPEN
