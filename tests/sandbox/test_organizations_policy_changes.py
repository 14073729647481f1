"""Service and resource control policies as administrators change them, with their limits. Source: aws-facts F2."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rootkeeper_sandbox.authorization.authorizer import find_denial
from rootkeeper_sandbox.codec.errors import RefusalError
from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.services.registry import SERVICES
from tests.sandbox.calling import ORGANIZATION_ROOT_ID, Stage

MEMBER = "888899990000"
SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
FULL, RCP_FULL = "p-FullAWSAccess", "p-RCPFullAWSAccess"
DENY: dict[str, Any] = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}


@pytest.fixture
def stage() -> Stage:
    return Stage()


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "organizations", operation, **parameters)


def refusal(stage: Stage, operation: str, **parameters: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        ask(stage, operation, **parameters)
    assert caught.value.status == 400
    reason = caught.value.fields.get("Reason")
    return f"{caught.value.code} {reason}" if reason else caught.value.code


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements or [DENY])})


def parameters(name: str = "New", kind: str = SCP, content: str | None = None) -> dict[str, Any]:
    if content is None:
        content = document(DENY | {"Principal": "*"}) if kind == RCP else document()
    return {"Name": name, "Type": kind, "Content": content, "Description": "Made by a test"}


def create(stage: Stage, name: str = "New", kind: str = SCP) -> str:
    policy = ask(stage, "CreatePolicy", **parameters(name, kind))["Policy"]
    return str(policy["PolicySummary"]["Id"])


def enable_rcps(stage: Stage) -> None:
    ask(stage, "EnablePolicyType", RootId=ORGANIZATION_ROOT_ID, PolicyType=RCP)


def attached(stage: Stage, target_id: str = MEMBER, kind: str = SCP) -> list[str]:
    policies = ask(stage, "ListPoliciesForTarget", TargetId=target_id, Filter=kind)["Policies"]
    return [policy["Name"] for policy in policies]


def test_a_policy_lives_from_its_creation_to_its_deletion(stage: Stage) -> None:
    made = ask(stage, "CreatePolicy", **parameters(), Tags=[{"Key": "team", "Value": "red"}])["Policy"]
    policy_id = made["PolicySummary"]["Id"]
    assert made["PolicySummary"] | {"Id": "", "Arn": ""} == {
        "Id": "",
        "Arn": "",
        "Name": "New",
        "Description": "Made by a test",
        "Type": SCP,
        "AwsManaged": False,
    }
    assert made["Content"] == document()
    assert ask(stage, "DescribePolicy", PolicyId=policy_id)["Policy"] == made
    assert "New" in {one["Name"] for one in ask(stage, "ListPolicies", Filter=SCP)["Policies"]}
    assert attached(stage) == ["FullAWSAccess"]
    ask(stage, "AttachPolicy", PolicyId=policy_id, TargetId=MEMBER)
    assert attached(stage) == ["FullAWSAccess", "New"]
    assert refusal(stage, "DeletePolicy", PolicyId=policy_id) == "PolicyInUseException"
    ask(stage, "DetachPolicy", PolicyId=policy_id, TargetId=MEMBER)
    ask(stage, "DeletePolicy", PolicyId=policy_id)
    for operation in ("DescribePolicy", "DeletePolicy", "UpdatePolicy"):
        assert refusal(stage, operation, PolicyId=policy_id) == "PolicyNotFoundException"
    assert refusal(stage, "AttachPolicy", PolicyId=policy_id, TargetId=MEMBER) == "PolicyNotFoundException"


def test_an_updated_policy_works_at_once_wherever_it_is_attached(stage: Stage) -> None:
    policy_id = create(stage)
    ask(stage, "AttachPolicy", PolicyId=policy_id, TargetId=MEMBER)
    changed = document(DENY | {"Action": "sqs:*"})
    updated = ask(stage, "UpdatePolicy", PolicyId=policy_id, Name="Newer", Content=changed)["Policy"]
    assert (updated["PolicySummary"]["Name"], updated["PolicySummary"]["Description"]) == ("Newer", "Made by a test")
    assert stage.world.service_control_policies(MEMBER)[-1][-1].document == changed
    same = ask(stage, "UpdatePolicy", PolicyId=policy_id, Name="Newer")["Policy"]
    assert same == updated


def test_names_are_unique_within_a_type(stage: Stage) -> None:
    policy_id = create(stage)
    assert refusal(stage, "CreatePolicy", **parameters("New")) == "DuplicatePolicyException"
    assert refusal(stage, "UpdatePolicy", PolicyId=policy_id, Name="DenyRootUser") == "DuplicatePolicyException"
    assert create(stage, "New", RCP)


@pytest.mark.parametrize(("kind", "characters"), [(SCP, 10_240), (RCP, 5_120)])
def test_a_policy_may_be_as_long_as_its_type_allows(stage: Stage, kind: str, characters: int) -> None:
    content = parameters(kind=kind)["Content"]
    longest = content + " " * (characters - len(content))
    made = ask(stage, "CreatePolicy", **parameters(kind=kind, content=longest))["Policy"]
    policy_id = made["PolicySummary"]["Id"]
    limit = "ConstraintViolationException POLICY_CONTENT_LIMIT_EXCEEDED"
    assert refusal(stage, "CreatePolicy", **parameters("Longer", kind, longest + " ")) == limit
    assert refusal(stage, "UpdatePolicy", PolicyId=policy_id, Content=longest + " ") == limit


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        document(DENY | {"Principal": "*"}),
        document(DENY | {"Effect": "Forbid"}),
        document(DENY | {"Action": "everything"}),
        document(DENY | {"Condition": {"StringLooksLike": {"aws:PrincipalArn": "x"}}}),
        json.dumps({"Version": "2020-01-01", "Statement": []}),
    ],
)
def test_what_is_no_service_control_policy_is_malformed(stage: Stage, content: str) -> None:
    assert refusal(stage, "CreatePolicy", **parameters(content=content)) == "MalformedPolicyDocumentException"
    policy_id = create(stage)
    assert refusal(stage, "UpdatePolicy", PolicyId=policy_id, Content=content) == "MalformedPolicyDocumentException"


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
        {"Principal": None},
        {"Action": "*"},
        {"Action": ["s3:*", "*"]},
        {"Action": None, "NotAction": "s3:*"},
    ],
)
def test_what_is_no_resource_control_policy_is_malformed(stage: Stage, changes: dict[str, Any]) -> None:
    statement = DENY | {"Principal": "*"} | changes
    statement = {name: value for name, value in statement.items() if value is not None}
    found = refusal(stage, "CreatePolicy", **parameters(kind=RCP, content=document(statement)))
    assert found == "MalformedPolicyDocumentException"


def test_a_policy_is_attached_once_and_ten_at_most(stage: Stage) -> None:
    for number in range(9):
        ask(stage, "AttachPolicy", PolicyId=create(stage, f"Policy {number}"), TargetId=MEMBER)
    one_more = create(stage, "One more")
    found = refusal(stage, "AttachPolicy", PolicyId=one_more, TargetId=MEMBER)
    assert found == "ConstraintViolationException MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    found = refusal(stage, "AttachPolicy", PolicyId=FULL, TargetId=MEMBER)
    assert found == "DuplicatePolicyAttachmentException"
    ask(stage, "AttachPolicy", PolicyId=one_more, TargetId=ORGANIZATION_ROOT_ID)
    assert len(attached(stage)) == 10


def test_five_resource_control_policies_at_most(stage: Stage) -> None:
    enable_rcps(stage)
    for number in range(4):
        ask(stage, "AttachPolicy", PolicyId=create(stage, f"Policy {number}", RCP), TargetId=MEMBER)
    found = refusal(stage, "AttachPolicy", PolicyId=create(stage, "One more", RCP), TargetId=MEMBER)
    assert found == "ConstraintViolationException MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


def test_one_service_control_policy_stays_everywhere(stage: Stage) -> None:
    found = refusal(stage, "DetachPolicy", PolicyId=FULL, TargetId=MEMBER)
    assert found == "ConstraintViolationException MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    policy_id = create(stage)
    found = refusal(stage, "DetachPolicy", PolicyId=policy_id, TargetId=MEMBER)
    assert found == "PolicyNotAttachedException"
    ask(stage, "AttachPolicy", PolicyId=policy_id, TargetId=MEMBER)
    ask(stage, "DetachPolicy", PolicyId=FULL, TargetId=MEMBER)
    assert attached(stage) == ["New"]


def test_an_account_without_an_allowing_policy_can_do_nothing(stage: Stage) -> None:
    policy_id = create(stage)
    ask(stage, "AttachPolicy", PolicyId=policy_id, TargetId=MEMBER)
    ask(stage, "DetachPolicy", PolicyId=FULL, TargetId=MEMBER)
    level = stage.world.service_control_policies(MEMBER)[-1]
    assert [policy.name for policy in level] == ["New"]


def test_aws_s_own_policies_cannot_be_changed_and_the_resource_kind_not_be_detached(stage: Stage) -> None:
    enable_rcps(stage)
    for policy_id in (FULL, RCP_FULL):
        assert refusal(stage, "UpdatePolicy", PolicyId=policy_id, Name="X") == "InvalidInputException IMMUTABLE_POLICY"
        assert refusal(stage, "DeletePolicy", PolicyId=policy_id) == "InvalidInputException IMMUTABLE_POLICY"
    found = refusal(stage, "DetachPolicy", PolicyId=RCP_FULL, TargetId=MEMBER)
    assert found == "InvalidInputException NON_DETACHABLE_POLICY"


def test_targets_that_are_not_there_are_not_found(stage: Stage) -> None:
    for operation in ("AttachPolicy", "DetachPolicy"):
        assert refusal(stage, operation, PolicyId=FULL, TargetId="123456789012") == "TargetNotFoundException"


def test_a_policy_type_that_comes_on_has_aws_s_own_policy_everywhere(stage: Stage) -> None:
    policy_id = create(stage, "Perimeter", RCP)
    attach = {"PolicyId": policy_id, "TargetId": MEMBER}
    assert refusal(stage, "AttachPolicy", **attach) == "PolicyTypeNotEnabledException"
    assert [one["Name"] for one in ask(stage, "ListPolicies", Filter=RCP)["Policies"]] == ["Perimeter"]
    root = ask(stage, "EnablePolicyType", RootId=ORGANIZATION_ROOT_ID, PolicyType=RCP)["Root"]
    assert {one["Type"] for one in root["PolicyTypes"]} == {SCP, RCP}
    assert attached(stage, kind=RCP) == ["RCPFullAWSAccess"]
    ask(stage, "AttachPolicy", **attach)
    again = {"RootId": ORGANIZATION_ROOT_ID, "PolicyType": RCP}
    assert refusal(stage, "EnablePolicyType", **again) == "PolicyTypeAlreadyEnabledException"


def test_a_policy_type_that_goes_off_detaches_all_its_policies(stage: Stage) -> None:
    policy_id = create(stage)
    ask(stage, "AttachPolicy", PolicyId=policy_id, TargetId=MEMBER)
    scps = {"RootId": ORGANIZATION_ROOT_ID, "PolicyType": SCP}
    root = ask(stage, "DisablePolicyType", **scps)["Root"]
    assert root["PolicyTypes"] == []
    assert attached(stage) == []
    assert stage.world.service_control_policies(MEMBER) == ()
    assert refusal(stage, "DisablePolicyType", **scps) == "PolicyTypeNotEnabledException"
    ask(stage, "EnablePolicyType", **scps)
    assert attached(stage) == ["FullAWSAccess"]
    ask(stage, "DeletePolicy", PolicyId=policy_id)


def test_types_that_are_not_served_say_so(stage: Stage) -> None:
    enable = {"RootId": ORGANIZATION_ROOT_ID, "PolicyType": "TAG_POLICY"}
    for operation, given in (
        ("CreatePolicy", parameters(kind="TAG_POLICY")),
        ("EnablePolicyType", enable),
        ("DisablePolicyType", enable),
    ):
        with pytest.raises(RefusalError, match="The sandbox does not serve policies of the type TAG_POLICY"):
            ask(stage, operation, **given)


def test_types_are_not_available_without_all_features_and_other_roots_not_found(stage: Stage) -> None:
    enable = {"RootId": "r-none", "PolicyType": RCP}
    assert refusal(stage, "EnablePolicyType", **enable) == "RootNotFoundException"
    assert refusal(stage, "DisablePolicyType", **enable | {"PolicyType": SCP}) == "RootNotFoundException"
    stage.world.organization.has_all_features = False
    assert refusal(stage, "CreatePolicy", **parameters()) == "PolicyTypeNotAvailableForOrganizationException"


def test_no_account_has_an_effective_policy(stage: Stage) -> None:
    for target in ({}, {"TargetId": MEMBER}):
        assert refusal(stage, "DescribeEffectivePolicy", PolicyType="TAG_POLICY", **target) == (
            "EffectivePolicyNotFoundException"
        )
    unknown = {"PolicyType": "TAG_POLICY", "TargetId": "999999999999"}
    assert refusal(stage, "DescribeEffectivePolicy", **unknown) == "TargetNotFoundException"


@pytest.mark.parametrize(
    ("target", "code"), [({}, "EffectivePolicyNotFoundException"), ({"TargetId": MEMBER}, "AccessDeniedException")]
)
def test_members_ask_for_their_own_effective_policy_alone(stage: Stage, target: dict[str, str], code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        stage.call("member-admin", "organizations", "DescribeEffectivePolicy", PolicyType="TAG_POLICY", **target)
    assert caught.value.code == code


def test_there_is_no_resource_policy(stage: Stage) -> None:
    assert refusal(stage, "DescribeResourcePolicy") == "ResourcePolicyNotFoundException"
    with pytest.raises(ServiceError) as caught:
        stage.call("member-admin", "organizations", "DescribeResourcePolicy")
    assert caught.value.code == "AccessDeniedException"


def test_reading_an_effective_policy_needs_its_own_permission(stage: Stage) -> None:
    served = SERVICES["organizations"]["DescribeEffectivePolicy"]
    call = stage.make_call("observer", "organizations", "DescribeEffectivePolicy", PolicyType="TAG_POLICY")
    assert find_denial(call, served, "organizations:DescribeEffectivePolicy") is not None
    assert served.resource(call).endswith("/111122223333")
