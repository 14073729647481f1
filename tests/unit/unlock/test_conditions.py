"""Single parts of conditions; whole statements stand in ``test_lockouts.py``."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper.unlock.rules import (
    FAILS,
    HOLDS,
    CallerMatch,
    OrdinaryCaller,
    combine,
    evaluate_conditions,
    evaluate_exceptions,
)
from tests.unit.aws.samples import ACCOUNT, BUCKET, ORGANIZATION, OTHER, OWN_ROOT, ROLE

CALLER = OrdinaryCaller.of(BUCKET, ORGANIZATION)
MAYBE = CallerMatch(None, conditions=("maybe",))


def test_one_part_that_does_not_hold_is_enough() -> None:
    assert combine([HOLDS, MAYBE, FAILS]) is FAILS
    assert combine([HOLDS, HOLDS]) is HOLDS
    assert combine([]) is HOLDS


def test_what_it_depends_on_is_gathered() -> None:
    found = combine([MAYBE, HOLDS, CallerMatch(None, exceptions=(ROLE,))])
    assert found == CallerMatch(None, exceptions=(ROLE,), conditions=("maybe",))


@pytest.mark.parametrize(
    ("operator", "key", "values", "holds"),
    [
        ("StringEquals", "aws:PrincipalAccount", ACCOUNT, True),
        ("StringEquals", "AWS:PRINCIPALACCOUNT", [OTHER, ACCOUNT], True),
        ("StringNotEquals", "aws:PrincipalAccount", [OTHER, ACCOUNT], False),
        ("StringLike", "aws:PrincipalOrgID", "o-*", True),
        ("StringEquals", "aws:PrincipalOrgID", "o-*", False),
        ("StringEqualsIgnoreCase", "aws:PrincipalOrgID", ORGANIZATION.upper(), True),
        ("Bool", "aws:SecureTransport", True, True),
        ("BoolIfExists", "aws:SecureTransport", "FALSE", False),
        ("NumericLessThan", "s3:TlsVersion", 1.2, False),
        ("NumericLessThanEquals", "s3:TlsVersion", "1.3", True),
        ("NumericGreaterThan", "s3:TlsVersion", "1.2", True),
        ("NumericGreaterThanEquals", "s3:TlsVersion", "1.4", False),
        ("NumericNotEquals", "s3:TlsVersion", "1.3", False),
        ("Null", "aws:PrincipalArn", "false", True),
        ("Null", "aws:PrincipalArn", True, False),
        ("Null", "aws:SourceVpce", "true", None),
        ("ForAllValues:StringEquals", "aws:CalledVia", "athena.amazonaws.com", True),
        ("ForAnyValue:StringEquals", "aws:CalledVia", "athena.amazonaws.com", False),
        ("ArnEqualsIfExists", "aws:SourceArn", "arn:aws:sns:*:*:*", True),
        ("ArnEquals", "aws:SourceArn", "arn:aws:sns:*:*:*", False),
        ("BinaryEquals", "aws:PrincipalAccount", ACCOUNT, None),
    ],
)
def test_a_condition_on_what_is_known_is_decided(operator: str, key: str, values: Any, holds: bool | None) -> None:
    assert evaluate_conditions({operator: {key: values}}, CALLER).holds is holds


def test_without_a_condition_everyone_is_taken_in() -> None:
    assert evaluate_conditions(None, CALLER) is HOLDS
    assert evaluate_conditions({}, CALLER) is HOLDS


def test_exceptions_count_only_if_they_may_be_a_principal_of_the_account() -> None:
    assert evaluate_exceptions([OWN_ROOT, f"arn:aws:iam::{OTHER}:role/a"], CALLER) is HOLDS
    assert evaluate_exceptions([ROLE, OWN_ROOT], CALLER) == CallerMatch(None, exceptions=(ROLE,))
    assert evaluate_exceptions(["*deploy*"], CALLER) == CallerMatch(None, exceptions=("*deploy*",))
    assert evaluate_exceptions([f"arn:aws:iam::{ACCOUNT}:user/*"], CALLER) is FAILS
