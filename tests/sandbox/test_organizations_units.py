"""Organizational units as administrators change them. Source: aws-facts F2 and the model."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from tests.sandbox.calling import ORGANIZATION_ROOT_ID, Stage

MEMBER = "888899990000"


@pytest.fixture
def stage() -> Stage:
    return Stage()


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "organizations", operation, **parameters)


def create(stage: Stage, name: str, parent_id: str = ORGANIZATION_ROOT_ID, **parameters: Any) -> str:
    answer = ask(stage, "CreateOrganizationalUnit", ParentId=parent_id, Name=name, **parameters)
    return str(answer["OrganizationalUnit"]["Id"])


def refusal(stage: Stage, operation: str, **parameters: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        ask(stage, operation, **parameters)
    reason = caught.value.fields.get("Reason")
    return f"{caught.value.code} {reason}" if reason else caught.value.code


def paths(stage: Stage) -> dict[str, str]:
    return {one["ou_path"]: one["ou_id"] for one in stage.world.describe()["organizational_units"]}


def test_a_unit_is_made_named_filled_emptied_and_deleted(stage: Stage) -> None:
    ou_id = create(stage, "New", Tags=[{"Key": "team", "Value": "red"}])
    assert re.fullmatch(r"ou-demo-[a-z0-9]{8}", ou_id)
    assert ask(stage, "ListTagsForResource", ResourceId=ou_id)["Tags"] == [{"Key": "team", "Value": "red"}]
    renamed = ask(stage, "UpdateOrganizationalUnit", OrganizationalUnitId=ou_id, Name="Newer")["OrganizationalUnit"]
    assert (renamed["Id"], renamed["Name"]) == (ou_id, "Newer")
    assert paths(stage)["Root/Newer"] == ou_id
    source = paths(stage)["Root/Workloads/Prod"]
    ask(stage, "MoveAccount", AccountId=MEMBER, SourceParentId=source, DestinationParentId=ou_id)
    delete = "DeleteOrganizationalUnit"
    assert refusal(stage, delete, OrganizationalUnitId=ou_id) == "OrganizationalUnitNotEmptyException"
    ask(stage, "MoveAccount", AccountId=MEMBER, SourceParentId=ou_id, DestinationParentId=source)
    ask(stage, delete, OrganizationalUnitId=ou_id)
    assert "Root/Newer" not in paths(stage)
    assert refusal(stage, delete, OrganizationalUnitId=ou_id) == "OrganizationalUnitNotFoundException"


def test_a_unit_with_units_below_is_not_deleted(stage: Stage) -> None:
    ou_id = create(stage, "Upper")
    below = create(stage, "Lower", ou_id)
    delete = "DeleteOrganizationalUnit"
    assert refusal(stage, delete, OrganizationalUnitId=ou_id) == "OrganizationalUnitNotEmptyException"
    ask(stage, delete, OrganizationalUnitId=below)
    ask(stage, delete, OrganizationalUnitId=ou_id)


def test_a_new_unit_has_aws_s_own_policy_and_loses_the_others_with_its_end(stage: Stage) -> None:
    ou_id = create(stage, "New")
    policy_id = next(one["policy_id"] for one in stage.world.describe()["policies"] if one["name"] == "DenyRootUser")
    ask(stage, "AttachPolicy", PolicyId=policy_id, TargetId=ou_id)
    listed = ask(stage, "ListPoliciesForTarget", TargetId=ou_id, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    assert [one["Name"] for one in listed] == ["FullAWSAccess", "DenyRootUser"]
    ask(stage, "DeleteOrganizationalUnit", OrganizationalUnitId=ou_id)
    targets = ask(stage, "ListTargetsForPolicy", PolicyId=policy_id)["Targets"]
    assert ou_id not in {one["TargetId"] for one in targets}


def test_names_are_unique_under_one_parent_only(stage: Stage) -> None:
    ou_id = create(stage, "Security", paths(stage)["Root/Workloads"])
    duplicate = {"ParentId": ORGANIZATION_ROOT_ID, "Name": "Security"}
    assert refusal(stage, "CreateOrganizationalUnit", **duplicate) == "DuplicateOrganizationalUnitException"
    renamed = {"OrganizationalUnitId": ou_id, "Name": "Prod"}
    assert refusal(stage, "UpdateOrganizationalUnit", **renamed) == "DuplicateOrganizationalUnitException"
    same = ask(stage, "UpdateOrganizationalUnit", OrganizationalUnitId=ou_id, Name="Security")
    assert same["OrganizationalUnit"]["Name"] == "Security"


def test_a_unit_of_a_name_that_was_used_before_is_another_one(stage: Stage) -> None:
    first = create(stage, "Again")
    ask(stage, "DeleteOrganizationalUnit", OrganizationalUnitId=first)
    stage.advance(1)
    assert create(stage, "Again") != first


def test_units_go_five_levels_deep(stage: Stage) -> None:
    parent_id = ORGANIZATION_ROOT_ID
    for level in range(5):
        parent_id = create(stage, f"Level {level}", parent_id)
    found = refusal(stage, "CreateOrganizationalUnit", ParentId=parent_id, Name="Too deep")
    assert found == "ConstraintViolationException OU_DEPTH_LIMIT_EXCEEDED"


def test_there_are_two_thousand_units_at_most(stage: Stage) -> None:
    for number in range(2000 - len(paths(stage))):
        create(stage, f"Unit {number}")
    found = refusal(stage, "CreateOrganizationalUnit", ParentId=ORGANIZATION_ROOT_ID, Name="One more")
    assert found == "ConstraintViolationException OU_NUMBER_LIMIT_EXCEEDED"


def test_a_parent_that_is_not_there_is_not_found(stage: Stage) -> None:
    found = refusal(stage, "CreateOrganizationalUnit", ParentId="ou-demo-exampleou", Name="Lost")
    assert found == "ParentNotFoundException"
