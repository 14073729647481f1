"""The whole job, lived with the AWS CLI: what an administrator types from AWS's own documents works here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.foreign_clients import AwsCommandLine, Keys
from tests.e2e.refusals import AUDIT, CREATE, DELETE, TASK_POLICY_PREFIX
from tests.e2e.stage import Stage, summarize
from tests.sandbox.findings import make_finding

pytestmark = [pytest.mark.long, pytest.mark.inputs("clients")]


@pytest.fixture
def stage(stages: Any) -> Iterator[Stage]:
    with stages("--scenario", "demo") as stage:
        yield stage


def open_root_session(stage: Stage, target: str, task: str) -> AwsCommandLine:
    """As an administrator does: assume-root, then the answer's keys."""
    answer = AwsCommandLine(stage.url, stage.home, stage.keys("delegated-admin")).run(
        "sts",
        "assume-root",
        "--target-principal",
        target,
        "--task-policy-arn",
        f"arn={TASK_POLICY_PREFIX}{task}",
        "--duration-seconds",
        "900",
    )
    assert answer.ok, answer.message
    keys = answer.output["Credentials"]
    assert keys["AccessKeyId"].startswith("ASIA")
    return AwsCommandLine(
        stage.url, stage.home, Keys(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    )


def read_summary(stage: Stage, target: str) -> dict[str, int]:
    answer = open_root_session(stage, target, AUDIT).run("iam", "get-account-summary")
    assert answer.ok, answer.message
    summary = answer.output["SummaryMap"]
    return {
        "password": summary["AccountPasswordPresent"],
        "access_keys": summary["AccountAccessKeysPresent"],
        "signing_certificates": summary["AccountSigningCertificatesPresent"],
        "mfa_devices": summary["AccountMFAEnabled"],
    }


def enable_and_delegate(stage: Stage, management: AwsCommandLine) -> None:
    principal = ("--service-principal", "iam.amazonaws.com")
    assert management.run("iam", "list-organizations-features").code == "ServiceAccessNotEnabledException"
    assert management.run("organizations", "enable-aws-service-access", *principal).ok
    assert management.run("iam", "enable-organizations-root-credentials-management").ok
    assert management.run("iam", "enable-organizations-root-sessions").ok
    delegate = stage.account_id("delegated-admin")
    assert management.run("organizations", "register-delegated-administrator", "--account-id", delegate, *principal).ok
    listed = management.run("iam", "list-organizations-features").output
    assert listed["OrganizationId"] == stage.truth()["organization_id"]
    assert set(listed["EnabledFeatures"]) == {"RootSessions", "RootCredentialsManagement"}


def find_fullest_account(stage: Stage) -> str:
    """A member account with as many kinds of credentials as the organization offers."""
    barred = stage.list_blocked_accounts() | {stage.account_id("delegated-admin")}
    accounts = [account for account in stage.find_accounts() if account["account_id"] not in barred]
    fullest: str = max(accounts, key=lambda account: sum(summarize(account["root_user"]).values()))["account_id"]
    return fullest


def delete_root_credentials(session: AwsCommandLine) -> None:
    """The commands of an administrator's runbook."""
    for key in session.run("iam", "list-access-keys").output["AccessKeyMetadata"]:
        assert session.run("iam", "delete-access-key", "--access-key-id", key["AccessKeyId"]).ok
    for certificate in session.run("iam", "list-signing-certificates").output["Certificates"]:
        certificate_id = certificate["CertificateId"]
        assert session.run("iam", "delete-signing-certificate", "--certificate-id", certificate_id).ok
    if session.run("iam", "get-login-profile").ok:
        assert session.run("iam", "delete-login-profile").ok
    for device in session.run("iam", "list-mfa-devices").output["MFADevices"]:
        assert session.run("iam", "deactivate-mfa-device", "--serial-number", device["SerialNumber"]).ok


def test_the_aws_command_line_lives_the_whole_job(stage: Stage) -> None:
    management = AwsCommandLine(stage.url, stage.home, stage.keys("management-admin"))
    enable_and_delegate(stage, management)
    target = find_fullest_account(stage)
    before = stage.read_root_users()

    assert read_summary(stage, target) == summarize(before[target])
    session = open_root_session(stage, target, DELETE)
    assert session.run("sts", "get-caller-identity").output["Arn"] == f"arn:aws:iam::{target}:root"
    delete_root_credentials(session)
    assert set(read_summary(stage, target).values()) == {0}
    after = stage.read_root_users()
    assert {account_id for account_id in after if after[account_id] != before[account_id]} == {target}

    creation = open_root_session(stage, target, CREATE)
    assert creation.run("iam", "get-login-profile").code == "NoSuchEntity"
    assert creation.run("iam", "create-login-profile").ok
    assert stage.read_root_users()[target]["recovery_allowed"] is True
    assert creation.run("iam", "create-login-profile").code == "EntityAlreadyExists"
    assert open_root_session(stage, target, DELETE).run("iam", "delete-login-profile").ok
    assert set(read_summary(stage, target).values()) == {0}


def test_the_aws_command_line_reads_what_tools_ask_for_first(stage: Stage) -> None:
    management = AwsCommandLine(stage.url, stage.home, stage.keys("management-admin"))
    user = ("--user-name", "management-admin")
    for command, member, expected in (
        (("iam", "list-account-aliases"), "AccountAliases", []),
        (("iam", "list-groups"), "Groups", []),
        (("iam", "list-groups-for-user", *user), "Groups", []),
        (("iam", "list-user-policies", *user), "PolicyNames", []),
        (("iam", "list-saml-providers"), "SAMLProviderList", []),
        (("iam", "list-server-certificates"), "ServerCertificateMetadataList", []),
        (("iam", "list-service-specific-credentials", *user), "ServiceSpecificCredentials", []),
    ):
        answer = management.run(*command)
        assert answer.ok, answer.message
        assert answer.output[member] == expected, command
    attached = management.run("iam", "list-attached-user-policies", *user).output["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AdministratorAccess"]
    assert management.run("iam", "get-account-password-policy").code == "NoSuchEntity"
    assert management.run("iam", "get-credential-report").code == "ReportNotPresent"
    assert management.run("iam", "generate-credential-report").output["State"] == "COMPLETE"
    assert management.run("iam", "get-credential-report").output["ReportFormat"] == "text/csv"
    regions = management.run("ec2", "describe-regions", "--filters", "Name=region-name,Values=eu-west-*").output
    assert [region["RegionName"] for region in regions["Regions"]] == ["eu-west-1", "eu-west-2", "eu-west-3"]


def test_the_aws_command_line_works_with_a_session_of_its_user_and_in_a_created_account(stage: Stage) -> None:
    management = AwsCommandLine(stage.url, stage.home, stage.keys("management-admin"))
    session = use(stage, management.run("sts", "get-session-token").output)
    assert session.run("sts", "get-caller-identity").output["Arn"] == stage.principal("management-admin").arn
    member = stage.account_id("member-admin")
    role = ("--role-arn", f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole", "--role-session-name", "tests")
    inside = use(stage, session.run("sts", "assume-role", *role).output)
    assert inside.run("iam", "get-account-summary").ok
    assert inside.run("sts", "get-caller-identity").output["Account"] == member


def use(stage: Stage, issued: dict[str, Any]) -> AwsCommandLine:
    keys = issued["Credentials"]
    return AwsCommandLine(
        stage.url, stage.home, Keys(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    )


def test_the_aws_command_line_pages_through_the_accounts(stage: Stage) -> None:
    management = AwsCommandLine(stage.url, stage.home, stage.keys("management-admin"))
    everything = management.run("organizations", "list-accounts").output["Accounts"]
    assert [account["Id"] for account in everything] == [account["account_id"] for account in stage.truth()["accounts"]]
    first = management.run("organizations", "list-accounts", "--no-paginate").output
    assert len(first["Accounts"]) == 20
    assert first["NextToken"]
    assert {"Id", "Arn", "Email", "Name", "Status", "State", "JoinedMethod", "JoinedTimestamp", "Paths"} == set(
        first["Accounts"][0]
    )


def test_findings_are_imported_updated_and_found_with_the_aws_cli(stage: Stage) -> None:
    """As a script that sends its own findings does."""
    management = AwsCommandLine(stage.url, stage.home, stage.keys("management-admin"))
    off = management.run("securityhub", "get-findings")
    assert off.code == "InvalidAccessException"
    assert management.run("securityhub", "enable-security-hub", "--no-enable-default-standards").ok
    assert management.run("securityhub", "describe-hub").output["HubArn"].endswith(":hub/default")
    finding = make_finding("one", Compliance={"Status": "FAILED"})
    fixed = finding | {"UpdatedAt": "2026-11-01T12:00:00Z", "Compliance": {"Status": "PASSED"}}
    for sent in (finding, fixed):
        findings = json.dumps([sent])
        imported = management.run("securityhub", "batch-import-findings", "--findings", findings)
        assert imported.output == {"FailedCount": 0, "SuccessCount": 1, "FailedFindings": []}
    filters = json.dumps({"Id": [{"Value": "one", "Comparison": "EQUALS"}]})
    (found,) = management.run("securityhub", "get-findings", "--filters", filters).output["Findings"]
    assert (found["Compliance"]["Status"], found["Workflow"]["Status"]) == ("PASSED", "NEW")
    foreign = json.dumps([finding | {"AwsAccountId": stage.account_id("delegated-admin")}])
    assert management.run("securityhub", "batch-import-findings", "--findings", foreign).code == "AccessDeniedException"
