"""``rootkeeper report send``: findings in Security Hub, objects and files, proven by what the sandbox then shows."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.functional.administration import open_client
from tests.functional.running import Program, Run
from tests.sandbox_process import SandboxProcess

BUCKET = "amzn-s3-demo-evidence"
HUB = ("report", "send", "--to", "securityhub")
BARE = "800090001000"


@pytest.fixture
def audited(enabled: Program) -> Program:
    """With one audit in its database."""
    assert enabled.run("audit", "--fail-on", "none").status == 0
    return enabled


@pytest.fixture
def hub(sandbox: SandboxProcess) -> Any:
    """Security Hub of the management account, switched on."""
    client = open_client("securityhub", sandbox.base_url, sandbox.principals()["management-admin"])
    with suppress(client.exceptions.InvalidAccessException):
        client.disable_security_hub()
    client.enable_security_hub(EnableDefaultStandards=False)
    return client


def list_findings(hub: Any) -> dict[str, Any]:
    """All findings by id, which no two have."""
    pages = hub.get_paginator("get_findings").paginate(Filters={})
    found = [finding for page in pages for finding in page["Findings"]]
    assert len({one["Id"] for one in found}) == len(found)
    return {one["Id"]: one for one in found}


def send(program: Program, *arguments: str | Path, **environment: str) -> Run:
    return program.run("report", "send", *arguments, "--yes", "-o", "json", **environment)


def list_entries(program: Program, action: str) -> list[dict[str, Any]]:
    run = program.run("ledger", "list", "-o", "json")
    return [entry for entry in run.json["entries"] if entry["action"] == action]


def test_findings_arrive_and_are_updated_without_doubles(audited: Program, sandbox: SandboxProcess, hub: Any) -> None:
    first = send(audited, "--to", "securityhub")
    assert first.status == 0, first.shown
    (delivery,) = first.json["deliveries"]
    shown = list_findings(hub)
    assert (delivery["result"], delivery["arrived"], delivery["failed"]) == ("done", len(shown), [])
    assert delivery["findings"] == len(shown) > 10
    assert {one["AwsAccountId"] for one in shown.values()} == {"111122223333"}
    ours = next(
        one
        for one in shown.values()
        if one["Resources"][0]["Id"].endswith(BARE) and one["GeneratorId"].endswith("root-user-credentials")
    )
    assert ours["Compliance"]["Status"] == "FAILED"
    assert all(one["Title"].startswith("SANDBOX") for one in shown.values())

    while datetime.now(UTC) < datetime.fromisoformat(ours["UpdatedAt"]):  # an update must be of a later second
        time.sleep(0.05)
    sandbox.put_root_user(BARE, {})
    assert audited.run("audit", BARE, "--fail-on", "none").status == 0
    again = send(audited, "--to", "securityhub")
    assert again.status == 0, again.shown
    fixed = list_findings(hub)
    assert fixed.keys() == shown.keys()
    assert fixed[ours["Id"]]["Compliance"]["Status"] == "PASSED"
    entries = list_entries(audited, "findings:import")
    assert [entry["result"] for entry in entries] == [None, "done", None, "done"]


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(
    audited: Program, sandbox: SandboxProcess, hub: Any
) -> None:
    since = sandbox.last_request()
    run = audited.run(*HUB, "--dry-run")
    assert run.status == 0, run.shown
    assert "to Security Hub of account 111122223333 in us-east-1" in run.stderr
    assert sandbox.operations(since, mutating=True) == []
    assert list_findings(hub) == {}


def test_security_hub_that_is_off_is_said_before_anything_is_sent(audited: Program, hub: Any) -> None:
    hub.disable_security_hub()
    run = send(audited, "--to", "securityhub")
    assert run.status == 3, run.shown
    assert "is not subscribed to AWS Security Hub" in run.stderr
    assert "Enable Security Hub in this account and Region" in run.stderr
    assert list_entries(audited, "findings:import") == []


def test_an_answer_of_success_that_is_a_lie_is_no_success(audited: Program, sandbox: SandboxProcess, hub: Any) -> None:
    sandbox.faults(operation="BatchImportFindings", lie=True)
    run = send(audited, "--to", "securityhub")
    assert run.status == 4, run.shown
    (delivery,) = run.json["deliveries"]
    assert (delivery["result"], delivery["arrived"]) == ("failed", 0)
    assert {one["code"] for one in delivery["failed"]} == {"not_shown"}
    assert BARE in {one["account_id"] for one in delivery["failed"]}
    assert list_findings(hub) == {}
    sandbox.clear_faults()
    assert send(audited, "--to", "securityhub").status == 0


def test_a_report_is_an_object_with_its_checksum(audited: Program, sandbox: SandboxProcess) -> None:
    s3 = open_client("s3", sandbox.base_url, sandbox.principals()["management-admin"])
    s3.create_bucket(Bucket=BUCKET)
    run = send(audited, "--to", f"s3://{BUCKET}/2026", "--format", "csv")
    assert run.status == 0, run.shown
    (delivery,) = run.json["deliveries"]
    key = delivery["place"].removeprefix(f"s3://{BUCKET}/")
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert key.startswith("2026/rootkeeper-o-exampleorgid-")
    assert delivery["sha256"] == hashlib.sha256(body).hexdigest()
    assert [entry["result"] for entry in list_entries(audited, "report:send")] == [None, "done"]
    sandbox.faults(operation="PutObject", lie=True)
    lied = send(audited, "--to", f"s3://{BUCKET}/2027", "--format", "csv")
    assert (lied.status, lied.json["deliveries"][0]["result"]) == (4, "failed")
    assert send(audited, "--to", "s3://amzn-s3-demo-nowhere").status == 3


def test_a_report_is_a_file_as_report_writes_it(audited: Program, tmp_path: Path) -> None:
    out = tmp_path / "evidence.json"
    run = send(audited, "--to", f"file:{out}")
    assert run.status == 0, run.shown
    assert json.loads(out.read_text())["organization_id"] == "o-exampleorgid"
    table = audited.run("report", "send", "--to", f"file:{tmp_path}/", "--yes")
    assert table.status == 0, table.shown
    assert "as a re-read of its SHA-256 shows" in table.stderr


def test_wrong_places_and_formats_are_refused_before_anything_else(audited: Program, sandbox: SandboxProcess) -> None:
    since = sandbox.last_request()
    for arguments in (
        ("--to", "nowhere"),
        ("--to", "securityhub", "--format", "html"),
        ("--to", "s3://A"),
        ("--format", "html"),
    ):
        run = send(audited, *arguments, ROOTKEEPER_DELIVERY_TARGETS="securityhub")
        assert run.status == 2, run.shown
    assert sandbox.operations(since) == []
    unnamed = send(audited)
    assert unnamed.status == 2
    assert "delivery.targets" in unnamed.stderr
