"""The credential report tells of the root user and of each IAM user."""

from __future__ import annotations

import csv
import io
from typing import Any

from tests.sandbox.calling import START, Stage

OBSERVED_AFTER_RECOVERY = {
    "password_enabled": "true",
    "password_last_used": "no_information",
    "password_next_rotation": "not_supported",
    "mfa_active": "false",
    "access_key_1_active": "false",
    "access_key_1_last_used_date": "N/A",
    "cert_1_active": "false",
}
"""A captured root row right after CreateLoginProfile (aws-facts D)."""


def read_report(stage: Stage, caller: Any) -> dict[str, dict[str, str]]:
    assert stage.call(caller, "iam", "GenerateCredentialReport")["State"] == "COMPLETE"
    answer = stage.call(caller, "iam", "GetCredentialReport")
    assert answer["ReportFormat"] == "text/csv"
    assert answer["GeneratedTime"] == START
    return {row["user"]: row for row in csv.DictReader(io.StringIO(answer["Content"]))}


def test_the_management_accounts_root_user_has_its_row() -> None:
    rows = read_report(Stage(), "management-admin")
    root = rows["<root_account>"]
    assert root["arn"] == "arn:aws:iam::111122223333:root"
    assert root["mfa_active"] == root["password_enabled"] == root["access_key_1_active"] == "true"
    assert root["password_last_used"].startswith("2026-")


def test_a_user_without_a_password_has_none_of_its_dates() -> None:
    observer = read_report(Stage(), "management-admin")["observer"]
    assert observer["password_enabled"] == "false"
    assert observer["password_last_used"] == "N/A"
    assert observer["access_key_1_active"] == "true"


def test_recovery_that_is_only_allowed_counts_as_a_password_that_nobody_used() -> None:
    stage = Stage()
    stage.world.put_root_user("222233334444", {"recovery_allowed": True})
    row = read_report(stage, "delegated-admin")["<root_account>"]
    assert {column: row[column] for column in OBSERVED_AFTER_RECOVERY} == OBSERVED_AFTER_RECOVERY
