"""Each shipped role, as the product prints it, is enough for the jobs that it is meant for and for no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.foreign_clients import Keys
from tests.e2e.product import Rootkeeper
from tests.e2e.stage import Stage
from tests.e2e.test_product_and_javascript import find_deletable_account
from tests.sandbox.clients import Caller

LOCKED_BUCKET = ("888899990000", "amzn-s3-demo-orders-invoices")


@pytest.fixture
def stage(stages: Any) -> Iterator[Stage]:
    with stages("--scenario", "demo") as stage:
        yield stage


@dataclass(frozen=True, slots=True)
class Desk:
    """Makes users in the management account and hands each the command line with their keys."""

    stage: Stage
    folder: Path

    @property
    def chief(self) -> Rootkeeper:
        return Rootkeeper(self.stage.url, self.folder, self.stage.keys("management-admin"))

    def enable(self) -> None:
        delegate = self.stage.account_id("delegated-admin")
        enabled = self.chief.run("enable", "--delegated-administrator", delegate, "--yes")
        assert enabled.exit_status == 0, enabled.stderr

    def hire(self, role: str) -> Rootkeeper:
        """A user who may do what the role may, and nothing else."""
        printed = self.chief.run("policies", "roles", "--role", role, "--document", "permissions")
        assert printed.exit_status == 0, printed.stderr
        keys = self.stage.keys("management-admin")
        administrator = Caller(self.stage.url, keys.access_key_id, keys.secret_access_key)
        administrator.call("iam", "CreateUser", UserName=role)
        administrator.call("iam", "PutUserPolicy", UserName=role, PolicyName="given", PolicyDocument=printed.stdout)
        key = administrator.call("iam", "CreateAccessKey", UserName=role)["AccessKey"]
        return Rootkeeper(self.stage.url, self.folder, Keys(key["AccessKeyId"], key["SecretAccessKey"]))


@pytest.fixture
def desk(stage: Stage, tmp_path: Path) -> Desk:
    return Desk(stage, tmp_path)


def test_p17_the_auditing_role_sees_all_that_an_administrator_sees_and_rehearses(desk: Desk, stage: Stage) -> None:
    desk.enable()
    bare = find_deletable_account(stage)
    assert desk.chief.run("delete", bare, "--yes").exit_status == 0
    auditor = desk.hire("audit")
    assert auditor.run("status").exit_status == desk.chief.run("status").exit_status
    expected = desk.chief.run("audit", "-o", "json").document["summary"]
    assert auditor.run("audit", "-o", "json").document["summary"] == expected
    assert auditor.run("plan", "--tag", "env=prod", "--out", "plan.json").exit_status in {0, 1, 2}
    assert auditor.run("delete", "--all", "--dry-run").exit_status in {0, 1}
    assert auditor.run("recover", bare, "--reason", "A drill", "--dry-run").exit_status == 0


def test_p17_with_the_auditing_role_nothing_can_be_deleted_recovered_or_unlocked(desk: Desk, stage: Stage) -> None:
    desk.enable()
    auditor = desk.hire("audit")
    before = stage.truth()
    target = find_deletable_account(stage)
    for words in (
        ("delete", target, "--yes"),
        ("recover", target, "--reason", "A drill", "--leave-open", "--yes"),
        ("unlock", "s3", *LOCKED_BUCKET, "--remove", "--yes"),
        ("disable", "--yes"),
    ):
        finished = auditor.run(*words)
        assert finished.exit_status in {1, 2, 3, 4}, words
    assert stage.truth() == before


def test_p17_the_deleting_role_deletes_and_recovers_nothing(desk: Desk, stage: Stage) -> None:
    desk.enable()
    operator = desk.hire("delete")
    target = find_deletable_account(stage)
    finished = operator.run("delete", target, "--yes")
    assert finished.exit_status == 0, finished.stderr
    opened = operator.run("recover", target, "--reason", "A drill", "--for", "10s", "--yes")
    assert opened.exit_status in {3, 4}
    assert stage.read_root_users()[target]["recovery_allowed"] is False


@pytest.mark.long
def test_p17_the_recovering_role_opens_and_closes(desk: Desk, stage: Stage) -> None:
    desk.enable()
    target = find_deletable_account(stage)
    assert desk.chief.run("delete", target, "--yes").exit_status == 0
    operator = desk.hire("recover")
    opened = operator.run("recover", target, "--reason", "A drill", "--for", "1h", "--leave-open", "--yes")
    assert opened.exit_status == 0, opened.stderr
    closed = operator.run("windows", "close", target, "--yes")
    assert closed.exit_status == 0, closed.stderr


@pytest.mark.long
def test_p17_the_unlocking_role_unlocks_and_deletes_nothing(desk: Desk, stage: Stage) -> None:
    desk.enable()
    operator = desk.hire("unlock")
    unlocked = operator.run("unlock", "s3", *LOCKED_BUCKET, "--remove", "--yes")
    assert unlocked.exit_status == 0, unlocked.stderr
    before = stage.read_root_users()
    assert operator.run("delete", find_deletable_account(stage), "--yes").exit_status in {1, 3, 4}
    assert stage.read_root_users() == before


def test_p17_the_set_up_role_enables_and_disables(desk: Desk, stage: Stage) -> None:
    architect = desk.hire("set-up")
    enabled = architect.run("enable", "--delegated-administrator", stage.account_id("delegated-admin"), "--yes")
    assert enabled.exit_status == 0, enabled.stderr
    disabled = architect.run("disable", "--trusted-access", "--yes")
    assert disabled.exit_status == 0, disabled.stderr
    assert stage.truth()["features"] == []
