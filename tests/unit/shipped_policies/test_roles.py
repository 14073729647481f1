"""The roles are pinned to tasks, targets and MFA, and let a server in only in the name of a person."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rootkeeper.aws.rules import CredentialsLifetime, Lifetime, TaskPolicy
from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shipped_policies.documents import (
    INLINE_POLICY_CHARACTERS,
    MANAGED_POLICY_CHARACTERS,
    TRUST_POLICY_CHARACTERS,
    measure_iam_policy,
)
from rootkeeper.shipped_policies.rules import (
    SERVER_ROLES,
    RoleTargets,
    ShippedCallerRole,
    ShippedRole,
    find_max_session,
    make_role,
)
from rootkeeper.shipped_policies.trust import RoleTrust, parse_principal
from rootkeeper.windows.credentials import require_credentials_outlive

MANAGEMENT, FAILSAFE, MEMBER = (AccountId(text) for text in ("111122223333", "222233334444", "333344445555"))
SSO = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Incident_*"


def make(
    role: ShippedRole = ShippedRole.DELETE,
    targets: RoleTargets | None = None,
    people: tuple[str, ...] = (MANAGEMENT,),
    server: str | None = None,
    partition: str = "aws",
) -> ShippedCallerRole:
    trust = RoleTrust(
        tuple(parse_principal(text, partition, "The trusted principal") for text in people),
        None if server is None else parse_principal(server, partition, "The server's role"),
    )
    return make_role(role, targets or RoleTargets(partition), trust)


def find(document: Any, sid: str) -> dict[str, Any]:
    return next(statement for statement in document["Statement"] if statement["Sid"] == sid)


@pytest.mark.parametrize("role", [role for role in SERVER_ROLES if role is not ShippedRole.REPORT])
def test_root_sessions_are_pinned_to_tasks_and_targets(role: ShippedRole) -> None:
    statement = find(make(role).permission_policy, "OpenRootSessions")
    assert statement["Action"] == "sts:AssumeRoot"
    assert statement["Resource"] == ["arn:aws:iam::*:root"]
    (arns,) = statement["Condition"]["ArnEquals"].values()
    assert arns == [task.arn("aws") for task in make(role).grant.task_policies]


def test_targets_can_be_narrowed_to_accounts() -> None:
    statement = find(make(targets=RoleTargets("aws", (MEMBER,))).permission_policy, "OpenRootSessions")
    assert statement["Resource"] == [f"arn:aws:iam::{MEMBER}:root"]


def test_the_role_for_reports_opens_no_root_session_and_writes_to_its_own_hub_and_one_bucket() -> None:
    targets = RoleTargets("aws", role_account_id=FAILSAFE, report_place=("amzn-s3-demo-reports", "evidence/"))
    statements = make(ShippedRole.REPORT, targets).permission_policy["Statement"]
    allowed = {
        (tuple(one["Action"]), tuple([one["Resource"]] if one["Resource"] == "*" else one["Resource"]))
        for one in statements
    }
    hub = f"arn:aws:securityhub:*:{FAILSAFE}"
    assert {one["Effect"] for one in statements} == {"Allow"}
    assert allowed == {
        (("organizations:DescribeOrganization",), ("*",)),
        (("securityhub:BatchImportFindings",), (f"{hub}:product/{FAILSAFE}/default",)),
        (("securityhub:GetFindings",), (f"{hub}:hub/default",)),
        (("s3:GetObject", "s3:PutObject"), ("arn:aws:s3:::amzn-s3-demo-reports/evidence/*",)),
    }


def test_without_a_bucket_the_role_for_reports_reaches_none() -> None:
    statements = make(ShippedRole.REPORT).permission_policy["Statement"]
    assert "s3" not in {action.partition(":")[0] for one in statements for action in one["Action"]}


CHANGING = {TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE}


def list_allowed_tasks(role: ShippedRole, targets: RoleTargets, account_id: AccountId) -> set[TaskPolicy]:
    """The tasks that the role's policy allows in an account."""
    tasks: dict[str, set[TaskPolicy]] = {"Allow": set(), "Deny": set()}
    for statement in make(role, targets).permission_policy["Statement"]:
        arns = {"arn:aws:iam::*:root", f"arn:aws:iam::{account_id}:root"}
        if statement["Action"] == "sts:AssumeRoot" and arns & set(statement["Resource"]):
            (named,) = statement["Condition"]["ArnEquals"].values()
            tasks[statement["Effect"]] |= {TaskPolicy(arn.rpartition("/")[2]) for arn in named}
    return tasks["Allow"] - tasks["Deny"]


@pytest.mark.parametrize("role", SERVER_ROLES)
def test_no_role_of_a_server_changes_the_failsafes_root_credentials(role: ShippedRole) -> None:
    targets = RoleTargets("aws", (), (FAILSAFE,))
    assert not list_allowed_tasks(role, targets, FAILSAFE) & CHANGING
    assert list_allowed_tasks(role, targets, MEMBER) == set(make(role).grant.task_policies)


@pytest.mark.parametrize("role", [ShippedRole.DELETE, ShippedRole.RECOVER])
def test_the_failsafe_is_within_reach_of_both_roles_only_if_it_is_named(role: ShippedRole) -> None:
    targets = RoleTargets("aws", (FAILSAFE,), (FAILSAFE,))
    assert list_allowed_tasks(role, targets, FAILSAFE) == set(make(role).grant.task_policies)


def test_the_role_for_setting_up_changes_the_failsafes_root_credentials_and_no_others() -> None:
    targets = RoleTargets("aws", (), (FAILSAFE,))
    assert list_allowed_tasks(ShippedRole.SET_UP, targets, FAILSAFE) == {TaskPolicy.AUDIT, *CHANGING}
    assert list_allowed_tasks(ShippedRole.SET_UP, targets, MEMBER) == set()
    without = make(ShippedRole.SET_UP, RoleTargets("aws"))
    assert "AssumeRoot" not in json.dumps(without.permission_policy)


@pytest.mark.parametrize(
    ("hours", "seconds"), [(0.5, 3_600), (1, 4_500), (4, 15_300), (11.75, 43_200), (12, 43_200), (72, 43_200)]
)
@pytest.mark.parametrize("role", ShippedRole)
def test_a_session_lasts_for_the_longest_window_and_its_closing(role: ShippedRole, hours: float, seconds: int) -> None:
    longest = timedelta(hours=hours)
    opens_windows = role in {ShippedRole.RECOVER, ShippedRole.SET_UP}
    assert find_max_session(role, longest) == timedelta(seconds=seconds if opens_windows else 3_600)
    if opens_windows and longest + timedelta(minutes=15) <= timedelta(hours=12):
        now = datetime(2026, 11, 29, tzinfo=UTC)
        usable_until = now + find_max_session(role, longest) - timedelta(minutes=10)
        lifetime = CredentialsLifetime(Lifetime.ENDING, usable_until)
        require_credentials_outlive(lifetime, now + longest, now)


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_every_arn_is_of_the_organizations_partition(partition: str) -> None:
    role = make(targets=RoleTargets(partition, (MEMBER,), (FAILSAFE,)), people=(MANAGEMENT,), partition=partition)
    text = json.dumps([role.permission_policy, role.trust_policy])
    assert text.count("arn:") == text.count(f"arn:{partition}:")


def test_people_need_mfa_and_can_name_only_themselves() -> None:
    statement = find(make().trust_policy, "PeopleWithMfa")
    assert statement["Principal"] == {"AWS": [f"arn:aws:iam::{MANAGEMENT}:root"]}
    assert statement["Action"] == ["sts:AssumeRole", "sts:SetSourceIdentity"]
    assert statement["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
    assert statement["Condition"]["StringEquals"] == {"sts:RoleSessionName": "${aws:username}"}
    assert statement["Condition"]["StringEqualsIfExists"] == {"sts:SourceIdentity": "${aws:username}"}


def test_a_server_gets_in_only_with_a_source_identity() -> None:
    document = make(server="arn:aws:iam::222233334444:role/server").trust_policy
    statement = find(document, "ServerInTheNameOfAPerson")
    assert statement["Principal"] == {"AWS": ["arn:aws:iam::222233334444:role/server"]}
    assert "sts:SetSourceIdentity" in statement["Action"]
    assert statement["Condition"] == {
        "StringEquals": {"sts:RoleSessionName": "${sts:SourceIdentity}"},
        "StringLike": {"sts:SourceIdentity": "?*"},
    }


def test_without_a_server_only_people_get_in() -> None:
    assert [statement["Sid"] for statement in make().trust_policy["Statement"]] == ["PeopleWithMfa"]


def test_a_role_isnt_asked_for_mfa_which_its_session_can_never_show() -> None:
    document = make(people=("arn:aws:iam::111122223333:role/incident",)).trust_policy
    assert {json.dumps(one["Principal"]) for one in document["Statement"]} == {
        json.dumps({"AWS": ["arn:aws:iam::111122223333:role/incident"]})
    }
    assert "aws:MultiFactorAuthPresent" not in json.dumps(document)


def test_a_pattern_of_roles_is_a_condition_on_its_account() -> None:
    pattern = "arn:aws:iam::111122223333:role/incident-*"
    for statement in make(people=(pattern,)).trust_policy["Statement"]:
        assert statement["Principal"] == {"AWS": ["arn:aws:iam::111122223333:root"]}
        assert statement["Condition"]["ArnLike"] == {"aws:PrincipalArn": [pattern]}


@pytest.mark.parametrize("path", ["", "eu-west-1/", "*/"])
def test_a_permission_set_is_trusted_with_and_without_a_region_in_its_path(path: str) -> None:
    start = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/"
    named = f"{start}{path}AWSReservedSSO_Incident_0123456789abcdef"
    (statement,) = make(people=(named,)).trust_policy["Statement"]
    name = f"AWSReservedSSO_Incident_{'?' * 16}"
    assert statement["Condition"]["ArnLike"] == {"aws:PrincipalArn": [f"{start}*/{name}", f"{start}{name}"]}


def test_a_pattern_of_users_needs_mfa_too() -> None:
    pattern = "arn:aws:iam::111122223333:user/ops/*"
    (statement,) = make(people=(pattern,)).trust_policy["Statement"]
    assert statement["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
    assert statement["Condition"]["ArnLike"] == {"aws:PrincipalArn": [pattern]}


@pytest.mark.parametrize("role", ShippedRole)
def test_a_role_keeps_far_within_the_limits_of_iam(role: ShippedRole) -> None:
    made = make(
        role, RoleTargets("aws-us-gov", (), (FAILSAFE,)), (SSO.replace("aws:", "aws-us-gov:", 1),), None, "aws-us-gov"
    )
    assert measure_iam_policy(made.permission_policy) <= MANAGED_POLICY_CHARACTERS / 2 < INLINE_POLICY_CHARACTERS
    assert measure_iam_policy(made.trust_policy) <= TRUST_POLICY_CHARACTERS / 2


def test_more_targets_than_a_policy_can_name_are_refused() -> None:
    many = tuple(AccountId(f"{number:012}") for number in range(300))
    with pytest.raises(InputError, match="The permission policy would have") as caught:
        make(targets=RoleTargets("aws", many))
    assert "fewer accounts" in (caught.value.hint or "")


def test_more_principals_than_a_trust_policy_can_name_are_refused() -> None:
    with pytest.raises(InputError, match="The trust policy would have"):
        make(people=tuple(f"arn:aws:iam::111122223333:user/operator-{number}" for number in range(60)))


def test_the_order_in_which_things_are_named_doesnt_matter() -> None:
    one = make(targets=RoleTargets("aws", (MEMBER, MANAGEMENT)), people=(MANAGEMENT, FAILSAFE))
    other = make(targets=RoleTargets("aws", (MANAGEMENT, MEMBER, MEMBER)), people=(FAILSAFE, MANAGEMENT, FAILSAFE))
    assert (one.permission_policy, one.trust_policy) == (other.permission_policy, other.trust_policy)


def test_a_roles_arn_has_no_path_since_the_arn_of_its_sessions_wouldnt_tell_it() -> None:
    assert make().arn("aws", FAILSAFE) == "arn:aws:iam::222233334444:role/rootkeeper-delete"
