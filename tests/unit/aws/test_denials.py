from __future__ import annotations

import pytest

from rootkeeper.aws.errors import is_feature_off, parse_denial, shorten_denial
from rootkeeper.errors import DenialCause

USER = "User: arn:aws:iam::111122223333:root is not authorized to perform: iam:GetAccountSummary on resource: *"
SCP = "arn:aws:organizations::111122223333:policy/o-exampleorgid/service_control_policy/p-examplescp"
TAIL = (
    " Go to https://us-east-1.console.aws.amazon.com/iam/home?region=us-east-1#/authorization-details/p-notapolicy1"
    " for complete details, or call the GetRequestAuthorizationDetails API with the following authorization id: 1."
)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("with an explicit deny in an identity-based policy", DenialCause.IDENTITY_POLICY),
        (
            "because no identity-based policy allows the iam:GetAccountSummary action",
            DenialCause.IDENTITY_POLICY,
        ),
        ("with an explicit deny in a service control policy", DenialCause.SERVICE_CONTROL_POLICY),
        (
            "because no service control policy allows the iam:GetAccountSummary action",
            DenialCause.SERVICE_CONTROL_POLICY,
        ),
        ("with an explicit deny in a resource control policy", DenialCause.RESOURCE_CONTROL_POLICY),
        ("with an explicit deny in a session policy", DenialCause.SESSION_POLICY),
        ("because no session policy allows the iam:GetAccountSummary action", DenialCause.SESSION_POLICY),
        ("with an explicit deny in a permissions boundary", DenialCause.PERMISSIONS_BOUNDARY),
        ("because no permissions boundary allows the s3:PutBucketPolicy action", DenialCause.PERMISSIONS_BOUNDARY),
        ("with an explicit deny in a resource-based policy", DenialCause.RESOURCE_POLICY),
        ("because no VPC endpoint policy allows the s3:PutBucketPolicy action", DenialCause.VPC_ENDPOINT_POLICY),
        ("Context: a service control policy explicitly denies the action", DenialCause.SERVICE_CONTROL_POLICY),
        ("", None),
        ("because of the weather", None),
    ],
)
def test_the_cause_is_what_aws_names(reason: str, cause: DenialCause | None) -> None:
    assert parse_denial(f"{USER} {reason}").cause is cause
    assert parse_denial(f"{USER} {reason}{TAIL}").cause is cause


def test_the_policy_is_named_where_aws_names_it() -> None:
    denial = parse_denial(f"{USER} with an explicit deny in a service control policy: {SCP}{TAIL}")
    assert denial.policy_id == "p-examplescp"


def test_no_policy_is_read_from_what_is_before_the_cause() -> None:
    text = "User: arn:aws:iam::111122223333:user/p-examplename is not authorized to perform: iam:GetUser on resource: *"
    assert parse_denial(f"{text} with an explicit deny in a service control policy").policy_id is None
    assert parse_denial(text).policy_id is None


def test_the_console_link_is_neither_a_policy_nor_shown() -> None:
    text = f"{USER} with an explicit deny in a session policy"
    assert shorten_denial(text + TAIL) == text
    assert parse_denial(shorten_denial(text + TAIL)).policy_id is None


@pytest.mark.parametrize(
    ("message", "is_off"),
    [
        ("Root sessions feature is not enabled for your AWS Organization.", True),
        ("Root credentials management feature is not enabled for your AWS Organization.", True),
        ("Service not enabled for AWS Organizations.", True),
        ("Service not enabled for AWS Organizations." + TAIL, True),
        (USER, False),
        ("", False),
    ],
)
def test_a_feature_that_is_off_is_distinguished_from_a_missing_permission(message: str, is_off: bool) -> None:
    assert is_feature_off(message) is is_off
