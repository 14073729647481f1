"""Real Terraform is the judge of ``policies terraform``, and of what the sandbox answers it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.functional.administration import DELEGATE, open_client
from tests.functional.running import Program
from tests.functional.terraform import Terraform, find_plugins
from tests.sandbox_process import SandboxProcess

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("terraform"), pytest.mark.timeout(900)]

MANAGEMENT = "111122223333"
ROLES = [f"aws_iam_role.{name}" for name in ("audit", "delete", "recover", "report", "unlock")]
RESOURCES = Path(__file__).with_name("resources.tf")
NOT_THERE = {"NoSuchEntity", "NoSuchTagSet"}
"""What AWS answers Terraform, too, when it asks whether something is gone."""


@pytest.fixture(autouse=True)
def _plugins() -> Path:
    return find_plugins()


def start(folder: Path, sandbox: SandboxProcess, code: str, **variables: str) -> Terraform:
    """Let Terraform call as the management account's administrator, and with the profile ``delegate`` as the other."""
    delegate = sandbox.principals()["delegated-admin"]
    profiles = folder / "credentials"
    profiles.write_text(
        f"[delegate]\naws_access_key_id = {delegate.access_key_id}\n"
        f"aws_secret_access_key = {delegate.secret_access_key}\n"
    )
    given = {f"TF_VAR_{name}": value for name, value in variables.items()}
    own = {"AWS_SHARED_CREDENTIALS_FILE": str(profiles), "AWS_EC2_METADATA_DISABLED": "true"}
    return Terraform.start(folder / "terraform", code, sandbox.environment() | own | given)


def print_code(program: Program, *options: str) -> str:
    run = program.run("policies", "terraform", *options)
    assert run.status == 0, run.shown
    return run.stdout


def list_role_names(sandbox: SandboxProcess, principal: str) -> list[str]:
    roles = open_client("iam", sandbox.base_url, sandbox.principals()[principal]).list_roles()["Roles"]
    return [role["RoleName"] for role in roles if role["RoleName"].startswith("rootkeeper-")]


def list_event_targets(sandbox: SandboxProcess, account_id: str) -> dict[str, str]:
    """The ARN of the one target of each rule of EventBridge in an account."""
    administrator = {MANAGEMENT: "management-admin", DELEGATE: "delegated-admin"}[account_id]
    events = open_client("events", sandbox.base_url, sandbox.principals()[administrator])
    names = [rule["Name"] for rule in events.list_rules()["Rules"]]
    targets = {name: events.list_targets_by_rule(Rule=name)["Targets"] for name in names}
    return {name: one["Arn"] for name, (one,) in targets.items()}


def list_refusals(sandbox: SandboxProcess, since: int) -> set[str]:
    """The error codes that the sandbox answered, except for what isn't there."""
    return {one["error_code"] for one in sandbox.requests(since) if one["error_code"]} - NOT_THERE


def test_what_is_printed_is_applied_changed_and_destroyed(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    before, began = sandbox.organization(), sandbox.last_request()
    terraform = start(tmp_path, sandbox, print_code(enabled), roles_profile="delegate")
    terraform.apply()
    terraform.require_no_change()
    assert set(ROLES) < set(terraform.resources())
    assert len(list_role_names(sandbox, "delegated-admin")) == 5
    assert list_role_names(sandbox, "management-admin") == []
    terraform.write(print_code(enabled, "--trusted-principal", f"arn:aws:iam::{DELEGATE}:role/operators"))
    terraform.apply()
    terraform.require_no_change()
    terraform.destroy()
    assert list_role_names(sandbox, "delegated-admin") == []
    assert sandbox.organization() == before
    assert list_refusals(sandbox, began) == set()


def test_guardrails_and_rules_go_where_variables_say(enabled: Program, sandbox: SandboxProcess, tmp_path: Path) -> None:
    before = sandbox.organization()
    unit = before["organizational_units"][0]["ou_id"]
    given = {
        "deny_long_term_root_targets": json.dumps([unit]),
        "cap_targets": json.dumps([DELEGATE]),
        "alarm_topic_arn": f"arn:aws:sns:us-east-1:{MANAGEMENT}:alarms",
        "matching_queue_arn": f"arn:aws:sqs:us-east-1:{DELEGATE}:rootkeeper-root-events",
    }
    terraform = start(tmp_path, sandbox, print_code(enabled), roles_profile="delegate", **given)
    terraform.apply()
    terraform.require_no_change()
    targets = {one["name"]: one["targets"] for one in sandbox.organization()["policies"]}
    assert targets["rootkeeper-deny-long-term-root"] == [unit]
    assert targets["rootkeeper-cap-delegated-administrator"] == [DELEGATE]
    for account_id in (MANAGEMENT, DELEGATE):
        assert list_event_targets(sandbox, account_id) == {
            "rootkeeper-known-role": given["matching_queue_arn"],
            "rootkeeper-long-term-root": given["alarm_topic_arn"],
            "rootkeeper-root-session": given["matching_queue_arn"],
            "rootkeeper-strange-caller": given["alarm_topic_arn"],
        }
    # The sandbox has no CloudWatch; the provider accepts the metric filters and alarms.
    planned = terraform.run("plan", "-var", "trail_log_group_name=organization-trail")
    assert planned.count(" aws_cloudwatch_log_metric_filter.") == 4
    assert planned.count(" aws_cloudwatch_metric_alarm.") == 2
    terraform.destroy()
    assert list_event_targets(sandbox, DELEGATE) == {}
    assert sandbox.organization() == before


def test_the_features_are_turned_on_and_never_destroyed(
    program: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    organizations = open_client("organizations", sandbox.base_url, sandbox.principals()["management-admin"])
    organizations.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    given = {"manage_delegated_administrator": "true", "delegated_administrator_id": DELEGATE}
    terraform = start(tmp_path, sandbox, print_code(program), **given)
    terraform.apply()
    terraform.require_no_change()
    set_up = ["aws_iam_organizations_features.root_access", "aws_organizations_delegated_administrator.iam"]
    applied = terraform.resources()
    assert set(set_up) < set(applied)
    refused = terraform.run("destroy", "-auto-approve", statuses=(1,))
    assert "Instance cannot be destroyed" in refused
    assert terraform.resources() == applied
    for address in set_up:
        terraform.run("state", "rm", f"{address}[0]")
    terraform.destroy()
    truth = sandbox.organization()
    assert sorted(truth["features"]) == ["RootCredentialsManagement", "RootSessions"]
    assert [one["account_id"] for one in truth["delegated_administrators"]] == [DELEGATE]


def test_an_organization_that_has_all_is_imported_without_a_change(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """By the commands in the file's own comments."""
    code = print_code(enabled)
    given = {"manage_features": "true", "manage_delegated_administrator": "true", "roles_profile": "delegate"}
    terraform = start(tmp_path, sandbox, code, **given)
    organization_id = sandbox.organization()["organization_id"]
    features = ("aws_iam_organizations_features.root_access[0]", organization_id)
    delegate = ("aws_organizations_delegated_administrator.iam[0]", f"{DELEGATE}/iam.amazonaws.com")
    for address, resource_id in (features, delegate):
        assert f"#   terraform import '{address}' " in code
        terraform.run("import", address, resource_id)
    terraform.apply()
    terraform.require_no_change()


def test_the_sandbox_has_what_terraform_reads_of_its_resources(sandbox: SandboxProcess, tmp_path: Path) -> None:
    before, began = sandbox.organization(), sandbox.last_request()
    terraform = start(tmp_path, sandbox, RESOURCES.read_text())
    terraform.apply()
    terraform.require_no_change()
    terraform.destroy()
    assert sandbox.organization() == before
    assert {"MethodNotAllowed", "InvalidAction", "UnknownOperationException"}.isdisjoint(list_refusals(sandbox, began))
