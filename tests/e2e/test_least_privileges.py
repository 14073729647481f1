"""The policies of the README are enough for what they are meant for, and grant nothing that isn't used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.foreign_clients import Keys
from tests.e2e.product import Rootkeeper
from tests.e2e.stage import Stage
from tests.e2e.test_product_and_javascript import find_deletable_account
from tests.sandbox.clients import Caller

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)
NEEDED_ONLY_WHERE_ACCOUNTS_TELL_NO_PATH = {"organizations:ListAccountsForParent"}


def read_policies() -> dict[str, dict[str, Any]]:
    """The README's policies by the ``Sid`` of their last statement."""
    documents = [json.loads(block) for block in BLOCK.findall(README.read_text())]
    return {document["Statement"][-1]["Sid"]: document for document in documents}


SEE = "AuditRootUserCredentials"
DELETE = "DeleteRootUserCredentials"
RECOVER = "AllowPasswordRecovery"
SET_UP = "SetUpCentralizedRootAccess"


@pytest.fixture
def stage(stages: Any) -> Iterator[Stage]:
    with stages("--scenario", "demo") as stage:
        yield stage


class Desk:
    """Makes users in the management account and hands each the command line with their keys."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._stage = stage
        self._folder = folder
        keys = stage.keys("management-admin")
        self._administrator = Caller(stage.url, keys.access_key_id, keys.secret_access_key)
        self.chief = Rootkeeper(stage.url, folder, keys)

    def hire(self, name: str, *policy_names: str) -> Rootkeeper:
        policies = read_policies()
        self._administrator.call("iam", "CreateUser", UserName=name)
        for policy_name in policy_names:
            document = json.dumps(policies[policy_name])
            self._administrator.call(
                "iam", "PutUserPolicy", UserName=name, PolicyName=policy_name, PolicyDocument=document
            )
        key = self._administrator.call("iam", "CreateAccessKey", UserName=name)["AccessKey"]
        return Rootkeeper(self._stage.url, self._folder, Keys(key["AccessKeyId"], key["SecretAccessKey"]))

    def enable(self) -> None:
        self.chief.run("enable", "--delegated-administrator", self._stage.account_id("delegated-admin"), "--yes")

    def list_actions(self, name: str) -> set[str]:
        """What a user called, as IAM names it."""
        return {
            f"{request['service']}:{request['operation']}"
            for request in self._stage.process.requests()
            if str(request["principal_arn"]).endswith(f":user/{name}")
        }


@pytest.fixture
def desk(stage: Stage, tmp_path: Path) -> Desk:
    return Desk(stage, tmp_path)


def list_granted(policy_name: str) -> set[str]:
    granted: set[str] = set()
    for statement in read_policies()[policy_name]["Statement"]:
        actions = statement["Action"]
        granted |= {actions} if isinstance(actions, str) else set(actions)
    return granted


def test_p17_every_job_has_its_policy_in_the_readme() -> None:
    assert set(read_policies()) == {SEE, DELETE, RECOVER, SET_UP}


def test_p17_every_root_session_is_pinned_to_one_task() -> None:
    statements = [statement for policy in read_policies().values() for statement in policy["Statement"]]
    pinned = [statement for statement in statements if statement["Action"] == "sts:AssumeRoot"]
    assert len(pinned) == 3
    for statement in pinned:
        assert statement["Resource"] == "arn:aws:iam::*:root"
        assert isinstance(statement["Condition"]["ArnEquals"]["sts:TaskPolicyArn"], str)


def test_p17_the_reading_policy_is_enough_to_see_and_grants_no_more(desk: Desk, stage: Stage) -> None:
    desk.enable()
    bare = find_deletable_account(stage)
    assert desk.chief.run("delete", bare, "--yes").exit_status == 0
    viewer = desk.hire("viewer", SEE)
    assert viewer.run("status").exit_status == 0
    audit = viewer.run("audit", "-o", "json")
    expected = desk.chief.run("audit", "-o", "json").document["summary"]
    assert audit.document["summary"] == expected
    assert viewer.run("plan", "--tag", "env=prod", "--out", "plan.json").exit_status in {0, 1, 2}
    assert viewer.run("delete", "--all", "--dry-run").exit_status in {0, 1}
    assert viewer.run("recover", bare, "--reason", "A drill", "--dry-run").exit_status == 0
    unused = list_granted(SEE) - desk.list_actions("viewer")
    assert unused == NEEDED_ONLY_WHERE_ACCOUNTS_TELL_NO_PATH


def test_p17_with_the_reading_policy_alone_nothing_can_be_deleted(desk: Desk, stage: Stage) -> None:
    desk.enable()
    viewer = desk.hire("viewer", SEE)
    before = stage.read_root_users()
    finished = viewer.run("delete", find_deletable_account(stage), "--yes")
    assert finished.exit_status == 4, finished.stderr
    assert stage.read_root_users() == before


def test_p17_the_deleting_policy_is_enough_to_delete(desk: Desk, stage: Stage) -> None:
    desk.enable()
    operator = desk.hire("operator", SEE, DELETE)
    target = find_deletable_account(stage)
    finished = operator.run("delete", target, "--yes")
    assert finished.exit_status == 0, finished.stderr
    opened = operator.run("recover", target, "--reason", "A drill", "--for", "10s", "--yes")
    assert opened.exit_status in {3, 4}
    assert stage.read_root_users()[target]["recovery_allowed"] is False


def test_p17_the_recovering_policy_is_enough_to_open_and_to_close(desk: Desk, stage: Stage) -> None:
    desk.enable()
    operator = desk.hire("operator", SEE, DELETE, RECOVER)
    target = find_deletable_account(stage)
    assert operator.run("delete", target, "--yes").exit_status == 0
    opened = operator.run("recover", target, "--reason", "A drill", "--for", "1h", "--leave-open", "--yes")
    assert opened.exit_status == 0, opened.stderr
    assert operator.run("windows", "close", target, "--yes").exit_status == 0
    assert list_granted(DELETE) <= desk.list_actions("operator")


def test_p17_the_set_up_policy_is_enough_to_enable_and_to_disable(desk: Desk, stage: Stage) -> None:
    architect = desk.hire("architect", SEE, SET_UP)
    enabled = architect.run("enable", "--delegated-administrator", stage.account_id("delegated-admin"), "--yes")
    assert enabled.exit_status == 0, enabled.stderr
    disabled = architect.run("disable", "--trusted-access", "--yes")
    assert disabled.exit_status == 0, disabled.stderr
    assert list_granted(SET_UP) <= desk.list_actions("architect")
