from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.policy_language.conditions import EvaluationContext, known_values
from rootkeeper.policy_language.documents import AccessRequest, Policy, PolicyKind, PolicyLabel, parse_policy
from rootkeeper.policy_language.evaluation import (
    AccessVerdict,
    ApplicablePolicies,
    Decision,
    PolicyLevel,
    evaluate,
    merge,
)
from rootkeeper.policy_language.patterns import known_text

ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "*", "Resource": "*"}
PERHAPS = DENY | {"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-example"}}}
MARY = "arn:aws:iam::111122223333:user/mary"


def policy(name: str, *statements: Mapping[str, object], kind: PolicyKind = PolicyKind.SERVICE_CONTROL) -> Policy:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return parse_policy(text, PolicyLabel(f"p-{name}", name), kind)


def ask(applicable: ApplicablePolicies, task_policy: TaskPolicy = TaskPolicy.AUDIT) -> Decision:
    values = {"aws:PrincipalArn": MARY, "sts:TaskPolicyArn": task_policy.arn("aws")}
    resource = known_text("arn:aws:iam::444455556666:root")
    return evaluate(AccessRequest("sts:AssumeRoot", resource, EvaluationContext(known_values(values))), applicable)


FULL = policy("FullAWSAccess", ALLOW)


def test_every_level_must_allow() -> None:
    levels = [PolicyLevel("r-exam", (FULL,)), PolicyLevel("ou-exam-1", (policy("List", ALLOW | {"Action": "s3:*"}),))]
    decision = ask(ApplicablePolicies(levels, identity_policies=None))
    assert decision.verdict is AccessVerdict.BLOCKED
    (missing,) = decision.denials
    assert (missing.is_explicit, missing.target_id, missing.policy) == (False, "ou-exam-1", None)


def test_any_deny_wins_and_all_are_named_once() -> None:
    first, second = policy("First", ALLOW, DENY), policy("Second", DENY | {"Sid": "Two"})
    levels = [PolicyLevel("r-exam", (FULL, first)), PolicyLevel("ou-exam-1", (FULL, first, second))]
    decision = ask(ApplicablePolicies(levels, identity_policies=None))
    named = [(denial.policy, denial.statement.label) for denial in decision.denials if denial.statement]
    assert named == [(first.label, "statement 2"), (second.label, "Two")]


def test_what_cant_be_known_depends_and_never_allows() -> None:
    decision = ask(
        ApplicablePolicies([PolicyLevel("r-exam", (FULL, policy("Perhaps", PERHAPS)))], identity_policies=None)
    )
    assert (decision.verdict, decision.conditions) == (AccessVerdict.DEPENDS, ("aws:SourceVpc",))


def test_a_certain_deny_decides_beside_an_open_one() -> None:
    level = PolicyLevel("r-exam", (FULL, policy("Perhaps", PERHAPS), policy("Surely", DENY)))
    decision = ask(ApplicablePolicies([level], identity_policies=None))
    assert decision.verdict is AccessVerdict.BLOCKED
    assert [denial.policy.name for denial in decision.denials if denial.policy] == ["Surely"]
    assert decision.conditions == ()


@pytest.mark.parametrize(
    ("statement", "task_policy", "verdict"),
    [
        (ALLOW, TaskPolicy.AUDIT, AccessVerdict.ALLOWED),
        (ALLOW | {"Action": "sts:AssumeRole"}, TaskPolicy.AUDIT, AccessVerdict.BLOCKED),
        (ALLOW | {"Resource": "arn:aws:iam::999988887777:root"}, TaskPolicy.AUDIT, AccessVerdict.BLOCKED),
        (
            ALLOW | {"Condition": {"ArnEquals": {"sts:TaskPolicyArn": TaskPolicy.AUDIT.arn("aws")}}},
            TaskPolicy.AUDIT,
            AccessVerdict.ALLOWED,
        ),
        (
            ALLOW | {"Condition": {"ArnEquals": {"sts:TaskPolicyArn": TaskPolicy.AUDIT.arn("aws")}}},
            TaskPolicy.DELETE,
            AccessVerdict.BLOCKED,
        ),
        (
            ALLOW | {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
            TaskPolicy.AUDIT,
            AccessVerdict.DEPENDS,
        ),
    ],
)
def test_identity_policies_say_who_may_assume_root(
    statement: Mapping[str, object], task_policy: TaskPolicy, verdict: AccessVerdict
) -> None:
    applicable = ApplicablePolicies(identity_policies=(policy("Admin", statement, kind=PolicyKind.IDENTITY),))
    assert ask(applicable, task_policy).verdict is verdict


def test_a_boundary_must_allow_too() -> None:
    admin = policy("Admin", ALLOW, kind=PolicyKind.IDENTITY)
    boundary = policy("Boundary", ALLOW | {"Action": "s3:*"}, kind=PolicyKind.IDENTITY)
    decision = ask(ApplicablePolicies(identity_policies=(admin,), boundary=boundary))
    assert decision.verdict is AccessVerdict.BLOCKED
    assert [denial.policy for denial in decision.denials] == [boundary.label]


def test_without_any_identity_policy_nothing_is_allowed_but_to_root() -> None:
    assert ask(ApplicablePolicies()).verdict is AccessVerdict.BLOCKED
    assert ask(ApplicablePolicies(identity_policies=None)).verdict is AccessVerdict.ALLOWED


def test_a_task_is_blocked_when_any_of_its_requests_is() -> None:
    allowed = Decision(AccessVerdict.ALLOWED)
    blocked = ask(ApplicablePolicies([PolicyLevel("r-exam", (FULL, policy("No", DENY)))], identity_policies=None))
    perhaps = ask(
        ApplicablePolicies([PolicyLevel("r-exam", (FULL, policy("Perhaps", PERHAPS)))], identity_policies=None)
    )
    assert merge([allowed, blocked, perhaps, blocked]) == blocked
    assert merge([allowed, perhaps]) == perhaps
    assert merge([allowed, allowed]) == allowed
