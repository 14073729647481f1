"""ScoutSuite and org-formation, as their users run them, against the sandbox."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.foreign_clients import REGION, clean_environment
from tests.e2e.stage import Stage
from tests.e2e.tool_environments import find_programs
from tests.functional.administration import Administration

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(2400),
    pytest.mark.xdist_group("organization-tools"),
    pytest.mark.inputs("organization tools"),
]

MANAGEMENT = "111122223333"
TIMEOUT_SECONDS = 300
ROOT_RULES = {
    "iam-root-account-no-hardware-mfa",
    "iam-root-account-no-mfa",
    "iam-root-account-used-recently",
    "iam-root-account-with-active-certs",
    "iam-root-account-with-active-keys",
}
"""All rules of ScoutSuite about a root user."""


@pytest.fixture(scope="module")
def stage(stages: Any) -> Iterator[Stage]:
    with stages("--scenario", "demo", "--features", "all") as stage:
        yield stage


def run(stage: Stage, principal: str, folder: Path, program: Path, *arguments: str) -> str:
    """Run a program with the keys of a principal, and return what it printed."""
    environment = clean_environment(stage.url, stage.home) | stage.keys(principal).as_variables()
    finished = subprocess.run(
        [str(program), *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=TIMEOUT_SECONDS,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


@pytest.mark.parametrize(
    ("principal", "flagged"),
    [
        ("management-admin", {"iam-root-account-no-hardware-mfa", "iam-root-account-with-active-keys"}),
        ("member-admin", {"iam-root-account-no-hardware-mfa", "iam-root-account-no-mfa"}),
    ],
)
def test_scoutsuite_shows_an_accounts_root_user_as_it_is(
    stage: Stage, tmp_path: Path, principal: str, flagged: set[str]
) -> None:
    where = ("--no-browser", "--report-dir", str(tmp_path), "--report-name", "found")
    what = ("--services", "iam", "--regions", REGION)
    printed = run(stage, principal, tmp_path, find_programs("scoutsuite") / "scout", "aws", *where, *what)
    assert "ERROR" not in printed
    written = (tmp_path / "scoutsuite-results" / "scoutsuite_results_found.js").read_text()
    found = json.loads(written.partition("\n")[2])
    account_id = stage.account_id(principal)
    truth = stage.read_root_users()[account_id]
    assert found["account_id"] == account_id
    [row] = [one for one in found["services"]["iam"]["credential_reports"].values() if one["name"] == "<root_account>"]
    active_keys = sum(key["status"] == "Active" for key in truth["access_keys"])
    assert [row["access_key_1_active"], row["access_key_2_active"]].count("true") == active_keys
    assert row["mfa_active"] == str(bool(truth["mfa_devices"])).lower()
    assert row["cert_1_active"] == str(bool(truth["signing_certificates"])).lower()
    findings = found["services"]["iam"]["findings"]
    assert {name for name in findings if "root-account" in name} == ROOT_RULES
    assert {name for name in ROOT_RULES if findings[name]["flagged_items"]} == flagged


class TemplateLoader(yaml.SafeLoader):
    """Reads a template of org-formation, in which a reference stands for a name."""


TemplateLoader.add_constructor("!Ref", lambda _, node: node.value)


def list_references(properties: Mapping[str, Any], field: str) -> set[str]:
    """Names in a field: org-formation writes a single one without a list."""
    named = properties.get(field, [])
    return {named} if isinstance(named, str) else set(named)


def test_org_formation_writes_a_template_with_all_accounts_and_organizational_units(
    stage: Stage, tmp_path: Path
) -> None:
    program = find_programs("organization-formation") / "org-formation"
    printed = run(stage, "management-admin", tmp_path, program, "init", "organization.yml", "--region", REGION)
    written = yaml.load((tmp_path / "organization.yml").read_text(), TemplateLoader)["Organization"]  # noqa: S506 - a safe loader
    kinds: dict[str, dict[str, Any]] = {}
    for name, part in written.items():
        kinds.setdefault(part["Type"].rpartition("::")[2], {})[name] = part["Properties"]

    truth = stage.truth()
    # It leaves out suspended accounts, and says nothing of it.
    expected = [account for account in truth["accounts"] if account["state"] != "SUSPENDED"]
    accounts = kinds["MasterAccount"] | kinds["Account"]
    assert [account["AccountId"] for account in kinds["MasterAccount"].values()] == [MANAGEMENT], printed
    assert {(one["AccountId"], one["AccountName"], one["RootEmail"]) for one in accounts.values()} == {
        (account["account_id"], account["name"], account["email"]) for account in expected
    }

    units = kinds["OrganizationalUnit"]
    parents = {
        units[child]["OrganizationalUnitName"]: unit["OrganizationalUnitName"]
        for unit in units.values()
        for child in list_references(unit, "OrganizationalUnits")
    }
    names = {unit["ou_id"]: unit["name"] for unit in truth["organizational_units"]}
    assert {unit["OrganizationalUnitName"] for unit in units.values()} == set(names.values())
    assert parents == {
        unit["name"]: names[unit["parent_id"]] for unit in truth["organizational_units"] if unit["parent_id"] in names
    }
    assert {
        (accounts[member]["AccountId"], unit["OrganizationalUnitName"])
        for unit in units.values()
        for member in list_references(unit, "Accounts")
    } == {
        (account["account_id"], account["ou_path"].rpartition("/")[2])
        for account in expected
        if account["ou_path"] != "Root"
    }
    [policy] = kinds["ServiceControlPolicy"].items()
    assert [
        one["OrganizationalUnitName"]
        for one in units.values()
        if policy[0] in list_references(one, "ServiceControlPolicies")
    ] == ["Regulated"]
    assert Administration(stage.process).list_reports(f"organization-formation-{MANAGEMENT}") == ["state.json"]
