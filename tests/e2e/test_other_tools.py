"""Prowler and Cloud Custodian, as their users run them, against the sandbox."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.foreign_clients import AwsCommandLine, clean_environment
from tests.e2e.stage import Stage, summarize
from tests.e2e.tool_environments import find_programs

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(2400),
    pytest.mark.xdist_group("other-tools"),
    pytest.mark.inputs("other tools"),
]

MANAGEMENT = "111122223333"
ACCESS_ROLE = "OrganizationAccountAccessRole"
TIMEOUT_SECONDS = 900
"""Both import hundreds of modules and pause between calls; on a busy machine that takes minutes."""

ROOT_CHECKS = (
    "iam_avoid_root_usage",
    "iam_no_root_access_key",
    "iam_root_credentials_management_enabled",
    "iam_root_hardware_mfa_enabled",
    "iam_root_mfa_enabled",
)
ORGANIZATION_CHECKS = (
    "organizations_account_part_of_organizations",
    "organizations_delegated_administrators",
    "organizations_opt_out_ai_services_policy",
    "organizations_scp_check_deny_regions",
    "organizations_tags_policies_enabled_and_attached",
)


@pytest.fixture(scope="module")
def stage(stages: Any) -> Iterator[Stage]:
    with stages("--scenario", "demo", "--features", "all") as stage:
        yield stage


def run(stage: Stage, program: Path, *arguments: str) -> str:
    """Run a program as the management account's administrator, and return what it printed."""
    environment = clean_environment(stage.url, stage.home) | stage.keys("management-admin").as_variables()
    finished = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, env=environment, timeout=TIMEOUT_SECONDS
    )
    assert finished.returncode in (0, 3), finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


def check_by_prowler(stage: Stage, folder: Path, *checks: str) -> Mapping[str, str]:
    """Return the verdict of each check. Prowler leaves out a check that fails with an error of its own."""
    output = ("-M", "json-ocsf", "-o", str(folder), "-F", "found", "--no-banner", "--no-color")
    printed = run(stage, find_programs("prowler") / "prowler", "aws", "--region", "us-east-1", *output, "-c", *checks)
    found = json.loads((folder / "found.ocsf.json").read_text())
    assert {one["cloud"]["account"]["uid"] for one in found} == {MANAGEMENT}, printed
    return {one["metadata"]["event_code"]: one["status_code"] for one in found}


def test_prowlers_root_and_organization_checks_have_the_verdicts_of_the_demo(stage: Stage, tmp_path: Path) -> None:
    verdicts = check_by_prowler(stage, tmp_path, *ROOT_CHECKS, *ORGANIZATION_CHECKS)
    assert verdicts == {
        "iam_avoid_root_usage": "PASS",
        "iam_no_root_access_key": "FAIL",
        "iam_root_credentials_management_enabled": "PASS",
        "iam_root_hardware_mfa_enabled": "FAIL",
        "iam_root_mfa_enabled": "PASS",
        "organizations_account_part_of_organizations": "PASS",
        "organizations_delegated_administrators": "PASS",
        "organizations_opt_out_ai_services_policy": "FAIL",
        "organizations_scp_check_deny_regions": "FAIL",
        "organizations_tags_policies_enabled_and_attached": "FAIL",
    }


def list_created_accounts(stage: Stage) -> list[str]:
    """The active member accounts that the organization created, as ListAccounts shows them."""
    administrator = AwsCommandLine(stage.url, stage.home, stage.keys("management-admin"))
    return [
        account["Id"]
        for account in administrator.run("organizations", "list-accounts").output["Accounts"]
        if account["Id"] != MANAGEMENT and account["JoinedMethod"] == "CREATED" and account["State"] == "ACTIVE"
    ]


def test_cloud_custodian_runs_through_the_organization_and_finds_the_root_keys(stage: Stage, tmp_path: Path) -> None:
    account_ids = list_created_accounts(stage)
    policy = {
        "name": "root-access-keys",
        "resource": "aws.account",
        "filters": [{"type": "iam-summary", "key": "AccountAccessKeysPresent", "op": "gt", "value": 0}],
    }
    accounts = [
        {"account_id": one, "name": one, "role": f"arn:aws:iam::{one}:role/{ACCESS_ROLE}", "regions": ["us-east-1"]}
        for one in account_ids
    ]
    policies, configuration, output = tmp_path / "policies.yml", tmp_path / "accounts.yml", tmp_path / "output"
    policies.write_text(json.dumps({"policies": [policy]}))
    configuration.write_text(json.dumps({"accounts": accounts}))
    printed = run(
        stage,
        find_programs("custodian") / "c7n-org",
        *("run", "-c", str(configuration), "-u", str(policies), "-s", str(output), "-r", "us-east-1"),
    )
    assert "Access denied" not in printed
    results = {path.parts[-4]: json.loads(path.read_text()) for path in output.glob("*/*/*/resources.json")}
    assert results.keys() == set(account_ids), printed
    root_users = stage.read_root_users()
    expected = {one for one in account_ids if summarize(root_users[one])["access_keys"]}
    assert expected
    assert {one for one, found in results.items() if found} == expected
