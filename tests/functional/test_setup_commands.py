"""``rootkeeper status``, ``enable`` and ``disable`` as a user runs them."""

from __future__ import annotations

import boto3
import pytest

from tests.functional.conversation import converse
from tests.functional.running import Program
from tests.sandbox_process import SandboxProcess

MANAGEMENT, DELEGATE = "111122223333", "222233334444"


def test_status_says_what_is_missing_and_the_command_that_adds_it(program: Program, sandbox: SandboxProcess) -> None:
    run = program.run("status")
    assert run.status == 1, run.shown
    assert "o-exampleorgid" in run.stdout
    assert sandbox.endpoint_label in run.stdout
    assert "rootkeeper enable" in run.stdout
    assert program.run("status", "--fail-on", "none").status == 0


def test_status_reads_each_thing_once(enabled: Program, sandbox: SandboxProcess) -> None:
    before = len(sandbox.requests())
    assert enabled.run("status").status == 0
    operations = [request["operation"] for request in sandbox.requests()[before:]]
    assert "DescribeOrganization" in operations
    assert sorted(operations) == sorted(set(operations))


def test_status_is_good_once_everything_is_on(enabled: Program) -> None:
    run = enabled.run("status", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["complete"] is True
    assert run.json["missing"] == []
    assert run.json["delegated_administrators"] == [DELEGATE]
    assert run.json["caller"]["role"] == "management"


def test_status_names_the_regions_without_a_rule_on_strange_callers(enabled: Program, sandbox: SandboxProcess) -> None:
    before = enabled.run("status", "-o", "json")
    assert before.json["strange_caller_rules"]["uncovered"] == ["us-east-1"]
    assert before.json["strange_caller_rules"]["other_account_ids"] == [DELEGATE]
    admin = sandbox.principals()["management-admin"]
    session = boto3.Session(admin.access_key_id, admin.secret_access_key)
    for region in ("us-east-1", *before.json["strange_caller_rules"]["unread"]):
        if region != "eu-north-1":
            events = session.client("events", region_name=region, endpoint_url=sandbox.base_url)
            state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
            events.put_rule(Name="rootkeeper-strange-caller", EventPattern="{}", State=state)
    run = enabled.run("status")
    assert run.status == 0, run.shown
    assert f"{MANAGEMENT} has no rule rootkeeper-strange-caller that watches eu-north-1." in run.stdout
    assert f"The rules of {DELEGATE} can be read only with credentials of that account" in run.stdout


def test_status_answers_though_the_database_cannot_be_opened(enabled: Program) -> None:
    run = enabled.run("status", "-o", "json", ROOTKEEPER_DATABASE_URL="sqlite:////proc/rootkeeper.db")
    assert run.status == 1, run.shown
    assert run.json["complete"] is True
    assert "can't be read" in run.json["drift"]["unknown"][0]
    assert enabled.run("status", "--fail-on", "present", ROOTKEEPER_DATABASE_URL="sqlite:////proc/x.db").status == 0
    assert "can't be listed" in run.stderr


def test_enable_switches_everything_on_and_is_idempotent(program: Program, sandbox: SandboxProcess) -> None:
    first = program.run("enable", "--delegated-administrator", DELEGATE, "--yes", "-o", "json")
    assert first.status == 0, first.shown
    assert [step["outcome"] for step in first.json["steps"]] == ["changed"] * 4
    before = sandbox.last_request()
    second = program.run("enable", "--delegated-administrator", DELEGATE, "--yes", "-o", "json")
    assert second.status == 0, second.shown
    assert sandbox.operations(before, mutating=True) == []


def test_without_a_delegate_enable_ends_with_what_comes_next(program: Program) -> None:
    run = program.run("enable", "--yes")
    assert run.status == 0, run.shown
    assert "No failsafe. Next:" in run.stderr


def test_one_feature_can_be_switched_on_alone(program: Program, sandbox: SandboxProcess) -> None:
    program.run("enable", "--feature", "credentials", "--yes")
    assert sandbox.organization()["features"] == ["RootCredentialsManagement"]


@pytest.mark.parametrize(
    "arguments", [("enable", "--delegated-administrator", DELEGATE), ("disable", "--trusted-access")]
)
def test_a_dry_run_changes_nothing(enabled: Program, sandbox: SandboxProcess, arguments: tuple[str, ...]) -> None:
    truth, before = sandbox.organization(), sandbox.last_request()
    run = enabled.run(*arguments, "--dry-run")
    assert run.status == 0, run.shown
    assert sandbox.operations(before, mutating=True) == []
    assert sandbox.organization() == truth


def test_a_person_says_no_and_nothing_changes(program: Program, sandbox: SandboxProcess) -> None:
    truth = sandbox.organization()
    with converse(program, "enable") as conversation:
        conversation.wait_for("Continue? [y/N]")
        conversation.type("n")
        assert conversation.end() == 2
    for named in ("o-exampleorgid", "user/management-admin", sandbox.endpoint_label, "Nothing was done"):
        assert named in conversation.text
    assert sandbox.organization() == truth


def test_a_person_says_yes(program: Program, sandbox: SandboxProcess) -> None:
    with converse(program, "enable") as conversation:
        conversation.wait_for("Continue? [y/N]")
        conversation.type("y")
        assert conversation.end() == 0, conversation.text
    assert len(sandbox.organization()["features"]) == 2


def test_disable_is_the_way_back(enabled: Program, sandbox: SandboxProcess) -> None:
    run = enabled.run("disable", "--trusted-access", "--yes")
    assert run.status == 0, run.shown
    truth = sandbox.organization()
    assert truth["features"] == truth["trusted_services"] == truth["delegated_administrators"] == []


def test_disable_refuses_while_a_window_is_open(enabled: Program, sandbox: SandboxProcess) -> None:
    opened = enabled.run("recover", "Shop Test", "--reason", "x", "--leave-open", "--yes")
    assert opened.status == 0, opened.shown
    truth = sandbox.organization()
    run = enabled.run("disable", "--yes")
    assert run.status == 2, run.shown
    assert "window" in run.stderr
    assert sandbox.organization() == truth
