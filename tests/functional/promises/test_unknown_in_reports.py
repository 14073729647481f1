"""P06 in reports: what couldn't be read is unknown in every format, and never a pass."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.functional.promises.stage import CLEAN, Stage, assert_clean_ending

REPORT = ("report", "--from", "1d")
KINDS = ("password", "access_keys", "signing_certificates", "mfa_devices")
DENIED = {"code": "AccessDenied", "status": 403, "message": "You may not."}


def deny(stage: Stage, service: str, operation: str) -> None:
    stage.sandbox.control("POST", "faults", {"service": service, "operation": operation, "error": DENIED})


def read_json(stage: Stage) -> dict[str, Any]:
    run = stage.run(*REPORT, "-o", "json")
    assert_clean_ending(run, 1)
    document: dict[str, Any] = json.loads(run.stdout)
    return document


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("service", "operation"), [("sts", "AssumeRoot"), ("iam", "GetAccountSummary")])
def test_p06_an_account_that_couldnt_be_read_is_unknown_in_every_format(
    stage: Stage, service: str, operation: str
) -> None:
    deny(stage, service, operation)
    assert_clean_ending(stage.run("audit", CLEAN), 1)
    stage.sandbox.control("DELETE", "faults")
    document = read_json(stage)
    account = next(one for one in document["accounts"] if one["account_id"] == CLEAN)
    assert account["no_root_credentials"] == account["status"] == "unknown"
    assert {kind["present"] for kind in account["credentials"].values()} == {None}
    assert document["verdicts"]["no_root_credentials"]["verdict"] != "pass"
    assert CLEAN in {gap["account_id"] for gap in document["gaps"]}
    rows = [row for row in read_csv(stage) if row["account_id"] == CLEAN and row["section"] == "account"]
    assert {row["value"] for row in rows if row["item"] in {*KINDS, "no_root_credentials", "status"}} == {"unknown"}
    line = next(line for line in show(stage, "markdown").splitlines() if line.startswith(f"| {CLEAN} |"))
    assert "| none |" not in line
    assert "| unknown | unknown | unknown | unknown | Unknown |" in line
    html = show(stage, "html")
    row = html[html.rindex("<tr>", 0, html.rindex(CLEAN)) : html.index("</tr>", html.rindex(CLEAN))]
    assert row.count('<td class="kind-unknown">unknown</td>') == len(KINDS)
    assert "none</td>" not in row


def read_csv(stage: Stage) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(show(stage, "csv"))))


def show(stage: Stage, name: str) -> str:
    run = stage.run(*REPORT, "--format", name)
    assert_clean_ending(run, 1)
    return run.stdout


@pytest.mark.timeout(900)
def test_p06_a_set_up_that_couldnt_be_read_is_unknown_and_so_is_its_drift(stage: Stage) -> None:
    assert_clean_ending(stage.run("status", "--accept", "--yes"), 0)
    assert_clean_ending(stage.run("audit", CLEAN, "--fail-on", "none"), 0)
    for service, operation in (
        ("iam", "ListOrganizationsFeatures"),
        ("organizations", "ListAWSServiceAccessForOrganization"),
        ("organizations", "ListDelegatedAdministrators"),
        ("organizations", "ListPolicies"),
        ("organizations", "ListTargetsForPolicy"),
        ("organizations", "DescribePolicy"),
    ):
        deny(stage, service, operation)
        run = stage.run("status", "-o", "json", "--fail-on", "unknown")
        stage.sandbox.control("DELETE", "faults")
        assert_clean_ending(run, 1)
        status = json.loads(run.stdout)
        if operation == "ListAWSServiceAccessForOrganization":
            assert status["trusted_access"] is True  # the features tell it too
            assert status["drift"]["unknown"] == status["drift"]["differences"] == []
            continue
        assert status["drift"]["unknown"], operation
        report = read_json(stage)
        assert report["drift"]["unknown"] == status["drift"]["unknown"]
        assert "drift" in {gap["subject"] for gap in report["gaps"]}
        is_unread = operation in ("ListDelegatedAdministrators", "ListOrganizationsFeatures")
        expected = "unknown" if is_unread else "manual"  # a person must judge the delegated administrator
        assert report["verdicts"]["centralized"]["verdict"] == expected, operation


def test_p06_nothing_that_was_read_before_the_period_or_after_it_is_a_pass(stage: Stage) -> None:
    assert_clean_ending(stage.run("audit", "--fail-on", "none"), 0)
    assert_clean_ending(stage.run("status"), 0, 1)
    for period in (("--from", "2020-01-01", "--to", "2020-12-31"), ("--from", "2090-01-01", "--to", "2100-01-01")):
        run = stage.run("report", *period, "-o", "json")
        assert_clean_ending(run, 1)
        document = json.loads(run.stdout)
        verdicts = {name: assessment["verdict"] for name, assessment in document["verdicts"].items()}
        assert verdicts == dict.fromkeys(
            ("centralized", "no_root_credentials", "no_root_credentials_in_period"), "unknown"
        )
        assert "pass" not in {account["no_root_credentials"] for account in document["accounts"]}
