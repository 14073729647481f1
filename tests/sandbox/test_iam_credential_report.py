"""The credential report is generated, then read. It has a row for the root user and for each IAM user."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from rootkeeper_sandbox.exchange import ServiceError
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


def test_recovery_that_is_only_allowed_counts_as_a_password_that_no_one_used() -> None:
    stage = Stage()
    stage.world.put_root_user("222233334444", {"recovery_allowed": True})
    row = read_report(stage, "delegated-admin")["<root_account>"]
    assert {column: row[column] for column in OBSERVED_AFTER_RECOVERY} == OBSERVED_AFTER_RECOVERY


def read_refusal(stage: Stage) -> tuple[str, int]:
    with pytest.raises(ServiceError) as refused:
        stage.call("management-admin", "iam", "GetCredentialReport")
    return refused.value.code, refused.value.status


def test_there_is_none_before_it_is_made_and_none_four_hours_later() -> None:
    stage = Stage()
    assert read_refusal(stage) == ("ReportNotPresent", 410)
    stage.call("delegated-admin", "iam", "GenerateCredentialReport")
    assert read_refusal(stage) == ("ReportNotPresent", 410)
    read_report(stage, "management-admin")
    stage.advance(4 * 3600 - 1)
    stage.call("management-admin", "iam", "GetCredentialReport")
    stage.advance(1)
    assert read_refusal(stage) == ("ReportExpired", 410)


def test_it_is_as_old_as_its_making() -> None:
    stage = Stage()
    read_report(stage, "management-admin")
    stage.world.put_root_user("111122223333", {})
    stage.advance(60)
    answer = stage.call("management-admin", "iam", "GetCredentialReport")
    assert answer["GeneratedTime"] == START
    root = next(row for row in csv.DictReader(io.StringIO(answer["Content"])) if row["user"] == "<root_account>")
    assert root["password_enabled"] == "true"


def test_its_times_carry_an_offset() -> None:
    root = read_report(Stage(), "management-admin")["<root_account>"]
    for column in ("user_creation_time", "password_last_used", "password_last_changed", "access_key_1_last_rotated"):
        assert root[column].endswith("+00:00"), column
        assert "." not in root[column]


@pytest.mark.parametrize("was_used", [True, False])
def test_the_last_use_of_a_root_users_password_stays_after_its_deletion(was_used: bool) -> None:
    stage = Stage()
    stage.switch_on("RootCredentialsManagement")
    used = {"password_last_used_at": "2026-06-01T00:00:00Z"} if was_used else {}
    stage.world.put_root_user("222233334444", {"password": True} | used)
    session = stage.root_session("222233334444", "IAMDeleteRootUserCredentials")
    stage.call(session, "iam", "DeleteLoginProfile")
    row = read_report(stage, "delegated-admin")["<root_account>"]
    assert row["password_enabled"] == "false"
    assert row["password_last_used"] == ("2026-06-01T00:00:00+00:00" if was_used else "no_information")
