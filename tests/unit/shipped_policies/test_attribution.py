"""No principal can put another person's name on a session of a shipped role; the sandbox's evaluator is the judge."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rootkeeper.shipped_policies.rules import RoleTargets, ShippedRole, make_role
from rootkeeper.shipped_policies.trust import RoleTrust, parse_principal
from rootkeeper_sandbox.authorization.authorizer import authorize
from rootkeeper_sandbox.exchange import Principal, ServiceError
from rootkeeper_sandbox.services.registry import SERVICES
from tests.sandbox.calling import Stage

HOME, MEMBER = "111122223333", "777788889999"
DELETE_ARN = f"arn:aws:iam::{HOME}:role/rootkeeper-delete"
RESERVED = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
PERMISSION_SET = f"arn:aws:iam::{HOME}:role{RESERVED}AWSReservedSSO_Incident_0123456789abcdef"
INCIDENT = f"arn:aws:iam::{HOME}:role/incident"
ANYONE = {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}
MAY_ASSUME = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"], "Resource": DELETE_ARN}


def write(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_stage(*, people: str | None = None, server: str | None = None) -> Stage:
    """Make the shipped delete role, which trusts one principal, and two roles that people assume first."""
    stage = Stage(features="all")
    trust = RoleTrust(
        () if people is None else (parse_principal(people, "aws", "The trusted principal"),),
        None if server is None else parse_principal(server, "aws", "The server's role"),
    )
    role = make_role(ShippedRole.DELETE, RoleTargets("aws"), trust)
    create(stage, role.name, "/", json.dumps(role.trust_policy), json.dumps(role.permission_policy))
    for arn in (PERMISSION_SET, INCIDENT):
        path, _, name = arn.partition(":role")[2].rpartition("/")
        create(stage, name, f"{path}/", write(ANYONE), write(MAY_ASSUME))
    return stage


def create(stage: Stage, name: str, path: str, trust_policy: str, permissions: str) -> None:
    admin = "management-admin"
    stage.call(admin, "iam", "CreateRole", RoleName=name, Path=path, AssumeRolePolicyDocument=trust_policy)
    stage.call(admin, "iam", "PutRolePolicy", RoleName=name, PolicyName="given", PolicyDocument=permissions)


def assume(stage: Stage, caller: str | Principal, role_arn: str, name: str, source: str | None = None) -> Principal:
    given = {} if source is None else {"SourceIdentity": source}
    answer = stage.call(caller, "sts", "AssumeRole", RoleArn=role_arn, RoleSessionName=name, **given)
    return stage.principal_of(answer["Credentials"]["AccessKeyId"])


def is_refused(stage: Stage, caller: str | Principal, name: str, source: str | None = None) -> bool:
    try:
        assume(stage, caller, DELETE_ARN, name, source)
    except ServiceError as error:
        return error.code == "AccessDenied"
    return False


@pytest.mark.parametrize("first", [PERMISSION_SET, INCIDENT])
def test_p31_a_session_named_for_one_person_cant_act_in_another_ones_name(first: str) -> None:
    stage = make_stage(people=first)
    ana = assume(stage, "management-admin", first, "ana")
    assert is_refused(stage, ana, "ana", "bob")
    assert is_refused(stage, ana, "bob", "bob")
    assert is_refused(stage, ana, "bob", "ana")
    assert is_refused(stage, ana, "bob")
    assert not is_refused(stage, ana, "ana")


def test_a_permission_sets_session_may_set_its_own_name() -> None:
    stage = make_stage(people=PERMISSION_SET)
    ana = assume(stage, "management-admin", PERMISSION_SET, "ana@example.com")
    assert assume(stage, ana, DELETE_ARN, "ana@example.com", "ana@example.com").source_identity == "ana@example.com"


def test_another_role_sets_no_source_identity_because_its_session_name_proves_nothing() -> None:
    stage = make_stage(people=INCIDENT)
    assert is_refused(stage, assume(stage, "management-admin", INCIDENT, "ana"), "ana", "ana")


def test_a_source_identity_of_the_identity_provider_is_kept_and_names_the_session() -> None:
    stage = make_stage(people=INCIDENT)
    session = assume(stage, "management-admin", INCIDENT, "laptop", "ana")
    assert is_refused(stage, session, "bob", "ana")
    assert is_refused(stage, session, "bob", "bob")
    assert assume(stage, session, DELETE_ARN, "ana", "ana").source_identity == "ana"


def test_a_server_names_session_and_source_identity_alike() -> None:
    stage = make_stage(server=f"arn:aws:iam::{HOME}:user/management-admin")
    assert is_refused(stage, "management-admin", "ana")
    assert is_refused(stage, "management-admin", "ana", "bob")
    assert not is_refused(stage, "management-admin", "bob", "bob")


def test_no_root_session_opens_under_a_name_that_isnt_the_sessions() -> None:
    """Even if the role trusts anyone under any name."""
    stage = Stage(features="all")
    role = make_role(ShippedRole.DELETE, RoleTargets("aws"), RoleTrust(()))
    create(stage, role.name, "/", write(ANYONE), json.dumps(role.permission_policy))
    task = {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}
    operation = SERVICES["sts"]["AssumeRoot"]
    posing = assume(stage, "management-admin", DELETE_ARN, "ana", "bob")
    with pytest.raises(ServiceError, match="not authorized"):
        authorize(stage.make_call(posing, "sts", "AssumeRoot", TargetPrincipal=MEMBER, TaskPolicyArn=task), operation)
    honest = assume(stage, "management-admin", DELETE_ARN, "bob", "bob")
    authorize(stage.make_call(honest, "sts", "AssumeRoot", TargetPrincipal=MEMBER, TaskPolicyArn=task), operation)
