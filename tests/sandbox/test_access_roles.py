"""The role by which the management account administers the accounts that its organization created."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from tests.sandbox.calling import Stage

ROLE = "OrganizationAccountAccessRole"
DEMO: dict[str, Any] = {"scenario": "demo"}
GENERATED: dict[str, Any] = {"accounts": 12}


def assume(stage: Stage, account_id: str) -> Any:
    arn = f"arn:aws:iam::{account_id}:role/{ROLE}"
    answer = stage.call("management-admin", "sts", "AssumeRole", RoleArn=arn, RoleSessionName="tests")
    return stage.principal_of(answer["Credentials"]["AccessKeyId"])


@pytest.mark.parametrize("arguments", [DEMO, GENERATED, {"scenario": "small-start"}])
def test_every_created_member_account_can_be_entered_and_no_other(arguments: dict[str, Any]) -> None:
    stage = Stage(**arguments)
    management_id = stage.world.management_account_id
    entered = set()
    for account_id in stage.world.organization.accounts:
        try:
            session = assume(stage, account_id)
        except ServiceError:
            continue
        assert session.arn == f"arn:aws:sts::{account_id}:assumed-role/{ROLE}/tests"
        entered.add(account_id)
    created = {
        account_id
        for account_id, account in stage.world.organization.accounts.items()
        if account.joined_method == "CREATED" and account_id != management_id
    }
    assert created
    assert entered == created


@pytest.mark.parametrize("arguments", [DEMO, GENERATED])
def test_it_is_among_the_accounts_roles(arguments: dict[str, Any]) -> None:
    """Before anything asked for it, and after."""
    stage = Stage(**arguments)
    account = next(
        one
        for one in stage.world.organization.accounts.values()
        if one.management_root_arn and one.existing_identities is None
    )
    session = assume(Stage(**arguments), account.account_id)
    assert stage.call(session, "iam", "GetAccountSummary")["SummaryMap"]["Roles"] == 1
    assert [one["RoleName"] for one in stage.call(session, "iam", "ListRoles")["Roles"]] == [ROLE]
    details = stage.call(session, "iam", "GetAccountAuthorizationDetails")["RoleDetailList"]
    assert [one["PolicyName"] for one in details[0]["AttachedManagedPolicies"]] == ["AdministratorAccess"]
    assert stage.call(session, "iam", "GetAccountSummary")["SummaryMap"]["Roles"] == 1


def test_it_stays_deleted() -> None:
    stage = Stage(**GENERATED)
    account = next(one for one in stage.world.organization.accounts.values() if one.management_root_arn)
    session = assume(stage, account.account_id)
    policy = {"RoleName": ROLE, "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    stage.call(session, "iam", "DetachRolePolicy", **policy)
    stage.call(session, "iam", "DeleteRole", RoleName=ROLE)
    with pytest.raises(ServiceError, match="not authorized"):
        assume(stage, account.account_id)
    assert stage.call(session, "iam", "GetAccountSummary")["SummaryMap"]["Roles"] == 0


def test_a_scenario_file_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        f"""
scenario: 1
accounts:
  - {{id: "111111111111", name: Management, email: m@example.com, management: true}}
  - {{id: "222222222222", name: Member, email: n@example.com}}
roles:
  - {{name: {ROLE}, account: "222222222222", trusted_accounts: ["222222222222"]}}
"""
    )
    stage = Stage(scenario=str(path))
    with pytest.raises(ServiceError, match="not authorized"):
        assume(stage, "222222222222")
