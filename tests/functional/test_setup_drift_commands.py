"""``rootkeeper status --accept``, and drift as ``status`` shows it afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.functional.administration import Administration, open_client
from tests.functional.conversation import converse
from tests.functional.running import Program
from tests.sandbox_process import SandboxProcess

DELEGATE = "222233334444"


@pytest.fixture
def accepted(enabled: Program) -> Program:
    run = enabled.run("status", "--accept", "--yes")
    assert run.status == 0, run.shown
    return enabled


def client_of(sandbox: SandboxProcess, service: str, principal: str = "management-admin") -> Any:
    """Another client, that Rootkeeper knows nothing of."""
    return open_client(service, sandbox.base_url, sandbox.principals()[principal])


def list_differences(program: Program) -> dict[str, str]:
    run = program.run("status", "-o", "json", "--fail-on", "none")
    assert run.status == 0, run.shown
    return {one["subject"]: one["found"] for one in run.json["drift"]["differences"]}


def test_accepting_changes_nothing_in_aws_and_is_a_fact_in_the_ledger(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    truth, before = sandbox.organization(), sandbox.last_request()
    run = enabled.run("status", "--accept", "--yes", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["drift"]["accepted"]["ledger_sequence"] == 1
    assert sandbox.operations(before, mutating=True) == []
    assert sandbox.organization() == truth
    entries = enabled.run("ledger", "list", "-o", "json").json["entries"]
    assert [entry["action"] for entry in entries] == ["setup:accept"]
    assert [one["policy_id"][:2] for one in entries[0]["parameters"]["guardrails"]] == ["p-"]


def test_accepting_is_proposed_once_there_is_something_to_accept(program: Program, sandbox: SandboxProcess) -> None:
    assert "status --accept" not in program.run("status").stdout
    Administration(sandbox).set_up()
    assert "status --accept" in program.run("status").stdout
    program.run("status", "--accept", "--yes")
    assert "status --accept" not in program.run("status").stdout


def test_a_dry_run_shows_what_would_be_accepted_and_accepts_nothing(enabled: Program) -> None:
    run = enabled.run("status", "--accept", "--dry-run")
    assert run.status == 0, run.shown
    for shown in ("o-exampleorgid", "user/management-admin", "Trusted access for IAM: on", DELEGATE, "DenyRootUser"):
        assert shown in run.stderr
    assert enabled.run("status", "-o", "json").json["drift"]["accepted"] is None


def test_a_person_says_no_and_nothing_is_accepted(enabled: Program) -> None:
    with converse(enabled, "status", "--accept") as conversation:
        conversation.wait_for("Continue? [y/N]")
        conversation.type("n")
        assert conversation.end() == 2
    assert enabled.run("status", "-o", "json").json["drift"]["accepted"] is None


def test_yes_without_accept_is_wrong_usage(enabled: Program) -> None:
    run = enabled.run("status", "--yes")
    assert run.status == 2, run.shown
    assert "--accept" in run.stderr


def test_what_was_accepted_and_still_is_so_is_good(accepted: Program, sandbox: SandboxProcess) -> None:
    Administration(sandbox).watch_for_strangers()
    run = accepted.run("status", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["drift"]["unknown"] == run.json["drift"]["differences"] == []


def test_every_part_that_was_changed_elsewhere_is_drift(accepted: Program, sandbox: SandboxProcess) -> None:
    client_of(sandbox, "iam", "delegated-admin").disable_organizations_root_sessions()
    organizations = client_of(sandbox, "organizations")
    policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    own = next(policy["Id"] for policy in policies if not policy["AwsManaged"])
    organizations.update_policy(PolicyId=own, Content=json.dumps({"Version": "2012-10-17", "Statement": []}))
    organizations.deregister_delegated_administrator(AccountId=DELEGATE, ServicePrincipal="iam.amazonaws.com")
    run = accepted.run("status")
    assert run.status == 1, run.shown
    for shown in ("RootSessions: off; accepted was on", "possible cause: ", own, f"{DELEGATE}: not registered"):
        assert shown in run.stdout
    assert list_differences(accepted).keys() == {"RootSessions", DELEGATE, own}
    assert accepted.run("status", "--fail-on", "none").status == 0


def test_what_rootkeeper_did_itself_is_named_by_its_entry_and_accepting_ends_the_drift(accepted: Program) -> None:
    assert accepted.run("disable", "--feature", "sessions", "--yes").status == 0
    (difference,) = accepted.run("status", "-o", "json").json["drift"]["differences"]
    assert difference["could_be"][0].startswith("Rootkeeper itself: ledger entry 2, feature:disable")
    assert accepted.run("status", "--accept", "--yes").status == 0
    assert list_differences(accepted) == {}


def test_trusted_access_that_went_off_is_drift_and_the_features_are_unknown(
    accepted: Program, sandbox: SandboxProcess
) -> None:
    organizations = client_of(sandbox, "organizations")
    organizations.deregister_delegated_administrator(AccountId=DELEGATE, ServicePrincipal="iam.amazonaws.com")
    organizations.disable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    drift = accepted.run("status", "-o", "json").json["drift"]
    assert [one["part"] for one in drift["differences"]] == ["trusted_access", "delegated_administrator"]
    assert any("aws_service_access_principals" in cause for cause in drift["differences"][0]["could_be"])
    assert len(drift["unknown"]) == 1


def test_guardrails_that_the_caller_cant_read_are_unknown_and_never_no_drift(
    accepted: Program, sandbox: SandboxProcess
) -> None:
    sandbox.control("POST", "faults", {
        "service": "organizations",
        "operation": "DescribePolicy",
        "error": {"code": "AccessDeniedException", "status": 400, "message": "You don't have permissions."},
    })  # fmt: skip
    run = accepted.run("status", "-o", "json")
    sandbox.control("DELETE", "faults")
    assert run.status == 1, run.shown
    assert "organizations:DescribePolicy" in run.json["drift"]["unknown"][0]
    assert run.json["drift"]["differences"] == []


def test_every_audit_shows_drift_beside_its_answer_and_ends_as_it_would_without(
    accepted: Program, sandbox: SandboxProcess
) -> None:
    calm = accepted.run("audit", "Shop Test", "-o", "json")
    assert calm.json["drift"]["accepted"]["ledger_sequence"] == 1
    assert calm.json["drift"]["differences"] == calm.json["drift"]["unknown"] == []
    assert "Drift" not in calm.stderr
    organizations = client_of(sandbox, "organizations")
    client_of(sandbox, "iam", "delegated-admin").disable_organizations_root_sessions()
    policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    own = next(policy["Id"] for policy in policies if not policy["AwsManaged"])
    organizations.update_policy(PolicyId=own, Content=json.dumps({"Version": "2012-10-17", "Statement": []}))
    before = sandbox.last_request()
    run = accepted.run("audit", "Shop Test", "-o", "json")
    assert {one["subject"] for one in run.json["drift"]["differences"]} == {"RootSessions", own}
    assert run.status == calm.status
    for shown in ("Drift: The feature RootSessions: off", "possible cause: Terraform", own, "status --accept"):
        assert shown in run.stderr
    assert sandbox.operations(before, mutating=True) == []
    lines = accepted.run("audit", "Shop Test", "-o", "jsonl")
    assert "Drift: The feature RootSessions: off" in lines.stderr
    assert [json.loads(line)["name"] for line in lines.stdout.splitlines()] == ["Shop Test"]


def test_before_a_set_up_was_accepted_an_audit_reads_no_policy(enabled: Program, sandbox: SandboxProcess) -> None:
    before = sandbox.last_request()
    run = enabled.run("audit", "Shop Test", "-o", "json")
    assert run.json["drift"] == {"accepted": None, "differences": [], "unknown": []}
    assert not any("Polic" in operation for operation in sandbox.operations(before))


def test_guardrails_that_the_auditor_cant_read_are_reported_as_unknown(
    accepted: Program, sandbox: SandboxProcess
) -> None:
    sandbox.control("POST", "faults", {
        "service": "organizations",
        "operation": "ListPolicies",
        "error": {"code": "AccessDeniedException", "status": 400, "message": "You don't have permissions."},
    })  # fmt: skip
    run = accepted.run("audit", "Shop Test")
    sandbox.control("DELETE", "faults")
    assert "Drift unknown: Guardrails couldn't be compared. It needs organizations:ListPolicies" in run.stderr
