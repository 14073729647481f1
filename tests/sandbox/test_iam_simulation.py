"""SimulatePrincipalPolicy decides as a real call would be decided, without making it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from tests.sandbox.calling import Stage

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'
ROLE = "arn:aws:iam::111122223333:role/auditor"
TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
OTHER_TASK = "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"
MEMBER_ROOT = "arn:aws:iam::222233334444:root"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "organizations:List*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoot",
            "Resource": "arn:aws:iam::*:root",
            "Condition": {"ArnEquals": {"sts:TaskPolicyArn": TASK}},
        },
        {"Effect": "Deny", "Action": "organizations:ListRoots", "Resource": "*"},
    ],
}


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    ask(stage, "CreateRole", RoleName="auditor", AssumeRolePolicyDocument=TRUST)
    ask(stage, "PutRolePolicy", RoleName="auditor", PolicyName="own", PolicyDocument=json.dumps(POLICY))
    return stage


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "iam", operation, **parameters)


def decide(stage: Stage, *actions: str, **parameters: Any) -> list[str]:
    answer = ask(stage, "SimulatePrincipalPolicy", PolicySourceArn=ROLE, ActionNames=list(actions), **parameters)
    return [result["EvalDecision"] for result in answer["EvaluationResults"]]


def test_allowed_denied_and_not_mentioned_are_three_decisions(stage: Stage) -> None:
    actions = ("organizations:ListAccounts", "organizations:ListRoots", "organizations:DescribeOrganization")
    assert decide(stage, *actions) == ["allowed", "explicitDeny", "implicitDeny"]


def test_conditions_see_the_keys_that_are_given(stage: Stage) -> None:
    def try_task(*tasks: str) -> list[str]:
        entries = [{"ContextKeyName": "sts:TaskPolicyArn", "ContextKeyValues": list(tasks), "ContextKeyType": "string"}]
        return decide(stage, "sts:AssumeRoot", ResourceArns=[MEMBER_ROOT], ContextEntries=entries if tasks else [])

    assert try_task(TASK) == ["allowed"]
    assert try_task(OTHER_TASK) == ["implicitDeny"]
    assert try_task() == ["implicitDeny"]


def test_each_action_is_decided_on_each_resource(stage: Stage) -> None:
    answer = ask(
        stage,
        "SimulatePrincipalPolicy",
        PolicySourceArn=ROLE,
        ActionNames=["organizations:ListAccounts", "s3:GetObject"],
        ResourceArns=["*", MEMBER_ROOT],
    )
    found = [(one["EvalActionName"], one["EvalResourceName"]) for one in answer["EvaluationResults"]]
    assert found == [
        ("organizations:ListAccounts", "*"),
        ("organizations:ListAccounts", MEMBER_ROOT),
        ("s3:GetObject", "*"),
        ("s3:GetObject", MEMBER_ROOT),
    ]


def test_what_is_simulated_is_a_user_or_role_of_the_callers_account(stage: Stage) -> None:
    for arn, code in (
        ("arn:aws:iam::111122223333:root", "InvalidInput"),
        ("arn:aws:iam::111122223333:role/unknown", "NoSuchEntity"),
    ):
        with pytest.raises(ServiceError) as caught:
            ask(stage, "SimulatePrincipalPolicy", PolicySourceArn=arn, ActionNames=["s3:GetObject"])
        assert caught.value.code == code
