"""The service control policies deny what they should, judged by the sandbox's evaluator, and fit AWS's limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shipped_policies.documents import SERVICE_CONTROL_POLICY_CHARACTERS, measure_guardrail
from rootkeeper.shipped_policies.rules import DEFAULT_CAP, make_delegate_cap, make_deny_long_term_root
from rootkeeper_sandbox.authorization.conditions import AccessRequest
from rootkeeper_sandbox.authorization.documents import PolicyKind, compile_policy

FAILSAFE, OPEN, MEMBER = (AccountId(text) for text in ("222233334444", "333344445555", "444455556666"))


def denies(content: Any, action: str, context: dict[str, str], resource: str = "*") -> bool:
    request = AccessRequest(
        action=action.lower(),
        resource=resource,
        context={name.lower(): value for name, value in context.items()},
        principal_arns=frozenset(),
    )
    return bool(compile_policy(json.dumps(content), PolicyKind.IDENTITY).denies(request))


def root_of(account_id: str, partition: str = "aws", **more: str) -> dict[str, str]:
    return {
        "aws:PrincipalArn": f"arn:{partition}:iam::{account_id}:root",
        "aws:PrincipalAccount": account_id,
        **{name.replace("_", ":", 1): value for name, value in more.items()},
    }


def deny_root() -> Any:
    return make_deny_long_term_root("aws", [FAILSAFE], [OPEN]).content


@pytest.mark.parametrize(
    ("who", "context", "is_denied"),
    [
        ("the root user who signed in", root_of(MEMBER), True),
        ("a root session", root_of(MEMBER, aws_AssumedRoot="true"), False),
        ("the failsafe's root user", root_of(FAILSAFE), False),
        ("the root user of an account with an open window", root_of(OPEN), False),
        (
            "a user",
            {"aws:PrincipalArn": f"arn:aws:iam::{MEMBER}:user/ana", "aws:PrincipalAccount": MEMBER},
            False,
        ),
        (
            "a role that is called root",
            {"aws:PrincipalArn": f"arn:aws:iam::{MEMBER}:role/root", "aws:PrincipalAccount": MEMBER},
            False,
        ),
    ],
)
def test_long_term_root_alone_is_denied(who: str, context: dict[str, str], is_denied: bool) -> None:
    assert denies(deny_root(), "s3:ListAllMyBuckets", context) is is_denied, who


def test_without_an_exempted_principal_every_long_term_root_is_denied() -> None:
    content = make_deny_long_term_root("aws", [], []).content
    assert "StringNotEquals" not in json.dumps(content)
    assert denies(content, "iam:GetUser", root_of(FAILSAFE))
    assert not denies(content, "iam:GetUser", root_of(FAILSAFE, aws_AssumedRoot="true"))


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_the_denial_fits_the_partition(partition: str) -> None:
    content = make_deny_long_term_root(partition, [], []).content
    assert denies(content, "iam:GetUser", root_of(MEMBER, partition))


@pytest.mark.parametrize("task", TaskPolicy)
def test_the_delegate_opens_sessions_for_the_agreed_tasks_alone(task: TaskPolicy) -> None:
    content = make_delegate_cap("aws", [FAILSAFE]).content
    context = {"aws:PrincipalAccount": FAILSAFE, "sts:TaskPolicyArn": task.arn("aws")}
    assert denies(content, "sts:AssumeRoot", context, f"arn:aws:iam::{MEMBER}:root") is (task not in DEFAULT_CAP)


def test_the_cap_lets_the_failsafe_be_the_way_back_in() -> None:
    assert set(DEFAULT_CAP) == {TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE}


def test_the_cap_says_nothing_of_any_other_call() -> None:
    content = make_delegate_cap("aws", [FAILSAFE], [TaskPolicy.AUDIT]).content
    assert not denies(content, "sts:AssumeRole", {"aws:PrincipalAccount": FAILSAFE})


def test_the_cap_is_meant_for_the_delegated_administrators() -> None:
    assert make_delegate_cap("aws", [MEMBER, FAILSAFE]).attach_to == (FAILSAFE, MEMBER)


def test_hundreds_of_open_windows_fit() -> None:
    many = [AccountId(f"{number:012}") for number in range(300)]
    guardrail = make_deny_long_term_root("aws", [FAILSAFE], many)
    assert measure_guardrail(guardrail.content) <= SERVICE_CONTROL_POLICY_CHARACTERS


def test_more_than_a_policy_can_name_is_refused() -> None:
    many = [AccountId(f"{number:012}") for number in range(1000)]
    with pytest.raises(InputError, match="The service control policy would have") as caught:
        make_deny_long_term_root("aws", [FAILSAFE], many)
    assert "Close recovery windows" in (caught.value.hint or "")
