"""Policies that would make a recovery fail or useless stop it before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rootkeeper.errors import AwsAccessDeniedError, AwsCredentialsError, AwsUnreachableError, DenialCause
from rootkeeper.organization.accounts import AccountId
from rootkeeper.policy_language.documents import PolicyKind
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import ORGANIZATION_ROOT, FakeOrganization
from tests.fakes.policies import DENY_ROOT

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def operator() -> Operator:
    organization = FakeOrganization(FakeClock())
    organization.add_account(ACCOUNT, "workload")
    return Operator(organization, FakeDatabase(organization.clock))


def plan(operator: Operator) -> tuple[str, ...]:
    """The remarks of a plan."""
    request = operator.request(ACCOUNT, 3600, "billing")
    return operator.planning.plan(operator.inventory(), request).remarks


def deny(*actions: str, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    statement = {
        "Sid": "Guard",
        "Effect": "Deny",
        "Action": list(actions),
        "Resource": "*",
        "Condition": condition or {},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    ("document", "what"),
    [
        (DENY_ROOT, "allowing password recovery"),
        (deny("iam:CreateLoginProfile"), "allowing password recovery"),
        (deny("iam:DeleteLoginProfile"), "deleting the credentials at the window's end"),
        (deny("s3:PutBucketPolicy"), "what the root user can do after its sign-in"),
        (deny("*", condition={"Null": {"aws:AssumedRoot": "true"}}), "what the root user can do after its sign-in"),
    ],
)
def test_p18_a_policy_that_blocks_is_named_and_nothing_is_opened(
    document: Mapping[str, Any], what: str, operator: Operator
) -> None:
    operator.policies.attach("p-guard", document, ORGANIZATION_ROOT)
    with pytest.raises(AwsAccessDeniedError, match=what) as raised:
        plan(operator)
    assert "p-guard (Guard)" in raised.value.message
    assert (raised.value.policy_id, raised.value.denied_by) == ("p-guard", DenialCause.SERVICE_CONTROL_POLICY)
    assert "+++ b/p-guard (Guard)" in (raised.value.hint or "")
    assert "AssumeRoot" not in operator.organization.operations()
    assert operator.database.windows == {}


def test_p18_a_resource_control_policy_that_makes_a_recovery_useless_is_named_as_one(operator: Operator) -> None:
    document = deny("s3:PutBucketPolicy")
    document["Statement"][0]["Principal"] = "*"
    operator.policies.attach("p-seal", document, ORGANIZATION_ROOT, kind=PolicyKind.RESOURCE_CONTROL)
    with pytest.raises(AwsAccessDeniedError, match=r"p-seal \(Seal\)") as raised:
        plan(operator)
    assert raised.value.denied_by is DenialCause.RESOURCE_CONTROL_POLICY


def test_p18_a_place_where_nothing_allows_is_named(operator: Operator) -> None:
    operator.policies.detach_full_access(ACCOUNT)
    with pytest.raises(AwsAccessDeniedError, match=f"no policy that allows it, at {ACCOUNT}") as raised:
        plan(operator)
    assert raised.value.policy_id is None
    assert f"# Attach p-FullAWSAccess to {ACCOUNT}." in (raised.value.hint or "")


def test_the_edit_that_lifts_a_deny_and_the_one_that_restores_it_are_shown(operator: Operator) -> None:
    operator.policies.attach("p-guard", deny("*", condition={"Null": {"aws:AssumedRoot": "true"}}), ORGANIZATION_ROOT)
    with pytest.raises(AwsAccessDeniedError) as raised:
        plan(operator)
    lines = (raised.value.hint or "").splitlines()
    back = lines.index("Restore it after the window:")
    assert f'+          "aws:PrincipalAccount": "{ACCOUNT}"' in lines[:back]
    assert f'-          "aws:PrincipalAccount": "{ACCOUNT}"' in lines[back:]


def test_what_depends_is_remarked(operator: Operator) -> None:
    elsewhere = deny("iam:*", condition={"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}})
    operator.policies.attach("p-guard", elsewhere, ORGANIZATION_ROOT)
    remarks = [remark for remark in plan(operator) if remark.startswith("Policies and")]
    assert len(remarks) == 3
    assert all("aws:SourceIp" in remark for remark in remarks)


def test_policies_that_couldnt_be_read_are_remarked_and_never_passed_over(operator: Operator) -> None:
    operator.policies.problems[PolicyKind.SERVICE_CONTROL] = ("needs organizations:ListPolicies",)
    assert any("needs organizations:ListPolicies" in remark for remark in plan(operator))
    operator.policies.problems.clear()
    operator.policies.error = AwsUnreachableError("no answer")
    assert any("couldn't be read: no answer" in remark for remark in plan(operator))


def test_ended_credentials_are_reported(operator: Operator) -> None:
    operator.policies.error = AwsCredentialsError("ended")
    with pytest.raises(AwsCredentialsError):
        plan(operator)


def test_without_a_blocking_policy_nothing_is_said(operator: Operator) -> None:
    operator.policies.attach("p-other", deny("ec2:*"), ORGANIZATION_ROOT)
    assert not any("olic" in remark for remark in plan(operator))
