"""Who may open root sessions, by policy: inline, attached, boundary, SCP, conditions, and roles on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from rootkeeper.aws.identities import PermissionSet
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.failsafe.breakglass_rules import (
    CallerAccountPolicies,
    CallerIdentity,
    PermissionResult,
    combine,
    evaluate_role_assumption,
    evaluate_root_permissions,
    evaluate_tasks,
    identity_of_permission_set,
    identity_of_role,
    identity_of_user,
    list_trusted,
)
from rootkeeper.guardrails.tasks import AccountPlace, Task, list_requests
from rootkeeper.organization.accounts import AccountId
from rootkeeper.policy_language.documents import PolicyKind, PolicyLabel, parse_policy
from rootkeeper.policy_language.evaluation import AccessVerdict, PolicyLevel
from tests.fakes.identities import allow, allow_tasks, make_role, make_user, policy, trust

ACCOUNT = AccountId("222233334444")
PLACE = AccountPlace(ACCOUNT, "o-exampleorgid", ("r-exam",), "aws")
MANAGEMENT = CallerAccountPolicies(PLACE, ())
ALLOWED, BLOCKED, DEPENDS, UNKNOWN = (
    AccessVerdict.ALLOWED,
    AccessVerdict.BLOCKED,
    AccessVerdict.DEPENDS,
    AccessVerdict.UNKNOWN,
)
DENY = allow("sts:AssumeRoot", effect="Deny")
MFA_ONLY: dict[str, Any] = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
POWER_USER = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}],
    }
)


def under(*documents: str) -> CallerAccountPolicies:
    """Under FullAWSAccess and these SCPs."""
    policies = tuple(
        parse_policy(text, PolicyLabel(f"p-{number}", ""), PolicyKind.SERVICE_CONTROL)
        for number, text in enumerate((allow("*"), *documents))
    )
    return CallerAccountPolicies(PLACE, (PolicyLevel("r-exam", policies),))


def audit(caller: CallerIdentity, caller_policies: CallerAccountPolicies = MANAGEMENT) -> PermissionResult:
    return evaluate_tasks(caller, caller_policies)[TaskPolicy.AUDIT]


@pytest.mark.parametrize(
    ("texts", "verdict"),
    [
        ([], BLOCKED),
        ([allow("*")], ALLOWED),
        ([allow("sts:*")], ALLOWED),
        ([allow("sts:AssumeRole")], BLOCKED),
        ([POWER_USER], ALLOWED),
        ([allow("sts:AssumeRoot", Resource="arn:aws:iam::*:root")], ALLOWED),
        ([allow("sts:AssumeRoot", Resource="arn:aws:iam::777788889999:root")], DEPENDS),
        ([allow("sts:AssumeRoot", Resource="arn:aws:iam::*:user/*")], BLOCKED),
        ([allow_tasks(TaskPolicy.AUDIT)], ALLOWED),
        ([allow_tasks(TaskPolicy.DELETE)], BLOCKED),
        ([allow("*"), DENY], BLOCKED),
        ([allow("sts:AssumeRoot", **MFA_ONLY)], DEPENDS),
        ([allow("sts:AssumeRoot", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})], DEPENDS),
        ([allow("sts:AssumeRoot", Condition={"StringEquals": {"aws:username": "ana"}})], ALLOWED),
        ([allow("sts:AssumeRoot", Condition={"StringEquals": {"aws:username": "li"}})], BLOCKED),
        ([allow("sts:AssumeRoot", Condition={"StringEquals": {"aws:PrincipalTag/team": "security"}})], ALLOWED),
        ([allow("sts:AssumeRoot", Condition={"StringEquals": {"aws:PrincipalTag/team": "shop"}})], BLOCKED),
        ([allow("sts:AssumeRoot", Condition={"StringEquals": {"aws:ResourceOrgID": "o-exampleorgid"}})], ALLOWED),
        ([allow("*"), None], UNKNOWN),
        ([None], UNKNOWN),
        ([None, DENY], BLOCKED),
        ([allow("*"), "{ not JSON"], UNKNOWN),
    ],
)
def test_a_users_policies_decide(texts: list[str | None], verdict: AccessVerdict) -> None:
    user = make_user(ACCOUNT, "ana", *texts, tags={"team": "security"})
    assert audit(identity_of_user(user)).verdict is verdict


@pytest.mark.parametrize(
    ("boundary", "verdict"),
    [(allow("sts:*"), ALLOWED), (allow("s3:*"), BLOCKED), (DENY, BLOCKED), ("{}", UNKNOWN)],
)
def test_a_boundary_must_allow_too(boundary: str, verdict: AccessVerdict) -> None:
    assert audit(identity_of_user(make_user(ACCOUNT, "ana", allow("*"), boundary=boundary))).verdict is verdict


@pytest.mark.parametrize(
    ("caller_policies", "verdict"),
    [
        (under(), ALLOWED),
        (under(DENY), BLOCKED),
        (
            under(
                allow(
                    "sts:AssumeRoot",
                    effect="Deny",
                    Condition={"ArnEquals": {"sts:TaskPolicyArn": [TaskPolicy.DELETE.arn("aws")]}},
                )
            ),
            ALLOWED,
        ),
        (CallerAccountPolicies(PLACE, (PolicyLevel("r-exam", ()),)), BLOCKED),
        (CallerAccountPolicies(PLACE, None), UNKNOWN),
    ],
    ids=["full access", "denied", "another task denied", "no allow at a level", "not read"],
)
def test_scps_over_a_delegated_administrator_decide_too(
    caller_policies: CallerAccountPolicies, verdict: AccessVerdict
) -> None:
    assert audit(identity_of_user(make_user(ACCOUNT, "ana", allow("*"))), caller_policies).verdict is verdict


@pytest.mark.parametrize(
    ("way", "verdict"),
    [({"has_mfa": True}, ALLOWED), ({"has_mfa": False}, BLOCKED), ({"is_long_term": True}, BLOCKED), ({}, DEPENDS)],
)
def test_mfa_counts_by_the_way_in_which_a_user_calls(way: dict[str, bool], verdict: AccessVerdict) -> None:
    user = make_user(ACCOUNT, "ana", allow("sts:AssumeRoot", **MFA_ONLY))
    assert audit(identity_of_user(user, **way)).verdict is verdict


def test_what_an_answer_hangs_on_is_named() -> None:
    user = make_user(ACCOUNT, "ana", allow("sts:AssumeRoot", **MFA_ONLY))
    assert audit(identity_of_user(user)).conditions == ("aws:MultiFactorAuthPresent",)
    assert audit(identity_of_user(make_user(ACCOUNT, "ana", None))).conditions == ("the policy policy-0",)


def test_a_permission_sets_customer_managed_policy_leaves_the_answer_open() -> None:
    policies = (policy(allow("s3:*")), policy(None, "WorkloadOperatorExtras"))
    permission_set = PermissionSet(ACCOUNT, "arn:aws:sso:::permissionSet/x", "Operator", policies, None, ())
    found = audit(identity_of_permission_set(permission_set, "aws"))
    assert (found.verdict, found.conditions) == (UNKNOWN, ("the policy WorkloadOperatorExtras",))


ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/opener"
MAY_ASSUME = allow("sts:AssumeRole", Resource=ROLE_ARN)
USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/ana"
ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
OTHER_ARN = "arn:aws:iam::999999999999:root"


@pytest.mark.parametrize(
    ("trusts", "texts", "verdict"),
    [
        (trust({"AWS": USER_ARN}), [], ALLOWED),
        (trust({"AWS": USER_ARN}), [allow("sts:AssumeRole", effect="Deny")], BLOCKED),
        (trust({"AWS": ROOT_ARN}), [], BLOCKED),
        (trust({"AWS": ROOT_ARN}), [MAY_ASSUME], ALLOWED),
        (trust({"AWS": str(ACCOUNT)}), [MAY_ASSUME], ALLOWED),
        (trust({"AWS": "*"}), [MAY_ASSUME], ALLOWED),
        (trust("*"), [MAY_ASSUME], ALLOWED),
        (trust({"AWS": [OTHER_ARN, USER_ARN]}), [], ALLOWED),
        (trust({"AWS": OTHER_ARN}), [MAY_ASSUME], BLOCKED),
        (trust({"Service": "ec2.amazonaws.com"}), [MAY_ASSUME], BLOCKED),
        (trust({"AWS": USER_ARN}, Action="sts:AssumeRoleWithSAML"), [], BLOCKED),
        (trust({"AWS": USER_ARN}, **MFA_ONLY), [], ALLOWED),
        (trust({"AWS": USER_ARN}, Condition={"StringEquals": {"sts:ExternalId": "x"}}), [], DEPENDS),
        (trust({"AWS": USER_ARN}), [None], UNKNOWN),
        (None, [MAY_ASSUME], UNKNOWN),
        ("{}", [MAY_ASSUME], UNKNOWN),
        ('{"Statement": "x"}', [MAY_ASSUME], UNKNOWN),
        (trust("x").replace('"Principal"', '"NotPrincipal"'), [MAY_ASSUME], UNKNOWN),
    ],
)
def test_a_user_assumes_a_role_if_trust_and_its_own_policies_let_it(
    trusts: str | None, texts: list[str | None], verdict: AccessVerdict
) -> None:
    caller = identity_of_user(make_user(ACCOUNT, "ana", *texts), has_mfa=True)
    assert evaluate_role_assumption(caller, make_role(ACCOUNT, "opener", trusts), MANAGEMENT).verdict is verdict


def test_a_role_that_asks_for_mfa_is_closed_to_a_user_without() -> None:
    role = make_role(ACCOUNT, "opener", trust({"AWS": USER_ARN}, **MFA_ONLY))
    caller = identity_of_user(make_user(ACCOUNT, "ana"), has_mfa=False, is_long_term=True)
    assert evaluate_role_assumption(caller, role, MANAGEMENT).verdict is BLOCKED


def test_a_deny_of_the_trust_policy_wins() -> None:
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": ROOT_ARN}, "Action": "sts:AssumeRole"},
        {"Effect": "Deny", "Principal": {"AWS": USER_ARN}, "Action": "sts:*"},
    ]
    role = make_role(ACCOUNT, "opener", json.dumps({"Version": "2012-10-17", "Statement": statements}))
    caller = identity_of_user(make_user(ACCOUNT, "ana", allow("*")), has_mfa=True)
    assert evaluate_role_assumption(caller, role, MANAGEMENT).verdict is BLOCKED


def test_a_roles_session_is_not_known_to_have_mfa() -> None:
    role = make_role(ACCOUNT, "opener", trust("*"), allow("sts:AssumeRoot", **MFA_ONLY))
    assert audit(identity_of_role(role)).verdict is DEPENDS


@pytest.mark.parametrize(
    ("trusts", "named"),
    [
        (trust({"AWS": [USER_ARN, ROOT_ARN]}), (USER_ARN, ROOT_ARN)),
        (trust("*"), ("everyone",)),
        (
            trust({"Federated": "arn:aws:iam::222233334444:saml-provider/x"}),
            ("arn:aws:iam::222233334444:saml-provider/x",),
        ),
        (None, ()),
        ("[]", ()),
    ],
)
def test_whom_a_role_trusts_is_reported(trusts: str | None, named: tuple[str, ...]) -> None:
    assert list_trusted(make_role(ACCOUNT, "opener", trusts)) == named


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([ALLOWED, ALLOWED], ALLOWED),
        ([ALLOWED, DEPENDS], DEPENDS),
        ([DEPENDS, UNKNOWN], UNKNOWN),
        ([UNKNOWN, BLOCKED, ALLOWED], BLOCKED),
    ],
)
def test_of_several_permissions_the_worst_counts(verdicts: Sequence[AccessVerdict], worst: AccessVerdict) -> None:
    assert combine(PermissionResult(verdict) for verdict in verdicts).verdict is worst


DENY_ROOT: dict[str, Any] = {"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}}
EXEMPTED: dict[str, Any] = {
    "Condition": DENY_ROOT["Condition"] | {"StringNotEquals": {"aws:PrincipalAccount": str(ACCOUNT)}}
}


@pytest.mark.parametrize(
    ("caller_policies", "verdict"),
    [
        (under(), ALLOWED),
        (under(allow("*", effect="Deny", **DENY_ROOT)), BLOCKED),
        (under(allow("*", effect="Deny", **EXEMPTED)), ALLOWED),
        (CallerAccountPolicies(PLACE, None), UNKNOWN),
    ],
)
def test_only_scps_stop_a_root_user(caller_policies: CallerAccountPolicies, verdict: AccessVerdict) -> None:
    assert (
        evaluate_root_permissions(list_requests(Task.ROOT_USER_SIGN_IN, PLACE), caller_policies.levels).verdict
        is verdict
    )
