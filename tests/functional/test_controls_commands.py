"""``rootkeeper controls`` as an auditor runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.functional.administration import Administration
from tests.functional.published_schemas import require_fits
from tests.functional.running import Program, Runner, open_program
from tests.sandbox_process import SandboxProcess

NO_AWS = {"AWS_ENDPOINT_URL": None, "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
ATTEST = ("controls", "attest", "cis-7.0/5.3", "--owner", "Ana", "--reason", "Alarms page the team", "--until", "30d")


@pytest.fixture(scope="module")
def audit(running_sandbox: SandboxProcess, runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that one audit leaves; not to be changed."""
    folder = tmp_path_factory.mktemp("audit")
    running_sandbox.reset()
    Administration(running_sandbox).set_up()
    assert open_program(running_sandbox, folder, runner).run("audit", "--fail-on", "none").status == 0
    return folder


@pytest.fixture
def audited(audit: Path, enabled: Program, tmp_path: Path) -> Program:
    """With one audit in its database."""
    shutil.copytree(audit, tmp_path, dirs_exist_ok=True)
    return enabled


def read_verdicts(program: Program) -> dict[str, str]:
    run = program.run("controls", "list", "--framework", "cis-7.0", "-o", "json", **NO_AWS)
    assert run.status == 1, run.shown
    require_fits(run.json, "controls")
    return {one["control"]: one["verdict"] for one in run.json["controls"]}


def test_an_attestation_makes_a_manual_control_pass_and_a_report_shows_it(audited: Program) -> None:
    before = read_verdicts(audited)
    assert (before["cis-7.0/2.4"], before["cis-7.0/5.3"]) == ("fail", "manual")
    dry = audited.run(*ATTEST, "--dry-run")
    assert dry.status == 0, dry.shown
    assert read_verdicts(audited) == before
    attested = audited.run(*ATTEST, "--yes", "-o", "json")
    assert attested.status == 0, attested.shown
    require_fits(attested.json, "control-attestations")
    assert attested.json["attestations"][0]["recorded_by_kind"] == "self_asserted"
    assert read_verdicts(audited) == {**before, "cis-7.0/5.3": "pass"}
    report = audited.run("report", "--from", "1d", "--framework", "cis-7.0", "--format", "json", **NO_AWS)
    require_fits(report.json, "report")
    assert [one["control"] for one in report.json["controls"] if one["attested"]] == ["cis-7.0/5.3"]
    entry = json.loads(audited.run("ledger", "list", "-o", "jsonl").stdout.splitlines()[-1])
    assert (entry["action"], entry["parameters"]["owner"]) == ("control:attest", "Ana")
    assert entry["entry_hash"] == attested.json["attestations"][0]["entry_hash"]


def test_a_control_is_shown_with_the_accounts_behind_it(audited: Program) -> None:
    run = audited.run("controls", "show", "cis-7.0/2.4", "-o", "json", **NO_AWS)
    assert run.status == 1, run.shown
    require_fits(run.json, "control")
    assert run.json["accounts"][0]["verdict"] == "fail"
    table = audited.run("controls", "show", "cis-7.0/2.4", **NO_AWS)
    assert run.json["accounts"][0]["account_id"] in table.stdout
    assert "the framework's text (prowler@3e000faa:cis_7.0_aws.json, 2.4)" in table.stdout
    assert "about a sandbox" in table.stderr


def test_a_missing_password_is_enough_only_while_root_credentials_management_is_on(
    audited: Program, running_sandbox: SandboxProcess
) -> None:
    def judge() -> dict[str, dict[str, str]]:
        run = audited.run("controls", "show", "cis-7.0/2.5", "-o", "json", **NO_AWS)
        return {one["account_id"]: one for one in run.json["accounts"]}

    without_password = [account_id for account_id, one in judge().items() if "AWS refuses to set one" in one["reason"]]
    assert without_password
    assert {judge()[account_id]["verdict"] for account_id in without_password} == {"pass"}
    Administration(running_sandbox).stop_managing_root_credentials()
    refused = audited.run("audit")
    assert "Root credentials management is off" in refused.stderr, refused.shown
    found = judge()
    assert {found[account_id]["verdict"] for account_id in without_password} == {"fail"}
    assert {"so a password may be set by e-mail" in found[one]["reason"] for one in without_password} == {True}


def test_frameworks_need_nothing_but_the_program(program: Program) -> None:
    run = program.run("controls", "frameworks", "-o", "json", **NO_AWS)
    assert run.status == 0, run.shown
    require_fits(run.json, "frameworks")
    assert "cis-7.0" in program.run("controls", "frameworks", **NO_AWS).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("controls", "list", "--framework", "cis-9.9"), "cis-7.0"),
        (("controls", "list"), "--framework"),
        (("controls", "show", "cis-7.0/99"), "FRAMEWORK/ID"),
        (("report", "--from", "1d", "--framework", "cis-9.9"), "cis-7.0"),
        ((*ATTEST[:2], "cis-7.0/2.1.1", *ATTEST[3:], "--yes"), "failsafe attest ACCOUNT --claim purpose"),
        ((*ATTEST[:-1], "2000-01-01", "--yes"), "Choose a later end"),
        (ATTEST, "--yes"),
    ],
)
def test_wrong_usage_says_what_to_do(audited: Program, arguments: tuple[str, ...], said: str) -> None:
    run = audited.run(*arguments)
    assert run.status == 2, run.shown
    assert said in run.stderr
