"""The routes of report formats, of reports in each of them, and of an audit's findings."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.audit.records import head_to_record
from rootkeeper.audit.rules import AuditHead
from rootkeeper.organization.statuses import AccountRole, AccountStatus, KeptAudit, RootCredentialsSummary, Status
from rootkeeper.reports.formats import FINDING_FORMATS, FORMATS, Format
from rootkeeper.settings.sections import HistorySettings
from rootkeeper.setup.rules import SetupDrift
from tests.fakes.api_services import ENDPOINT, PAYMENTS_ID, FakeServices, make_inventory
from tests.fakes.clock import START
from tests.functional.api.serving import ApiServer

PERIOD = "from=2026-01-01T00:00:00Z&to=2026-01-15T12:00:00Z"
AUDITOR = ServerRole.AUDITOR
PASSWORD = RootCredentialsSummary(
    has_password=True, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)


def keep_audit(services: FakeServices) -> None:
    """Keep an audit of every account, one after another not in the order of the tree."""
    ended_at = START + timedelta(hours=1)
    statuses = [
        AccountStatus(account, AccountRole.MEMBER, Status.PRESENT, summary=PASSWORD, observed_at=START)
        for account in reversed(make_inventory().accounts)
    ]
    services.history.add(KeptAudit("a-0", START, ended_at, ENDPOINT.label, True, "ana", {"accounts": 2}), statuses)


def test_the_formats_are_those_of_the_table(api: ApiServer) -> None:
    answer = api.get("/reports/formats", ServerRole.VIEWER)
    assert [(one["name"], one["suffix"], one["carries"]) for one in answer.json["formats"]] == [
        (one.name, one.suffix, one.carries.value) for one in FORMATS
    ]
    assert api.get("/reports/formats", None).status == 401


@pytest.mark.parametrize("chosen", FORMATS, ids=lambda one: one.name)
def test_a_report_in_each_format_has_its_media_type_and_file_name(api: ApiServer, chosen: Format) -> None:
    answer = api.get(f"/reports?{PERIOD}&format={chosen.name}", AUDITOR)
    assert (answer.status, answer.headers["content-type"]) == (200, chosen.media_type)
    name = f"rootkeeper-20260101-20260115{chosen.suffix}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert api.get(f"/reports?{PERIOD}&format={chosen.name}", AUDITOR).content == answer.content


def test_a_report_says_what_makes_its_answer_bad(api: ApiServer) -> None:
    assert api.get(f"/reports?{PERIOD}", AUDITOR).headers["rootkeeper-findings"] == "unknown, unread"


def test_a_reading_is_stale_by_the_setting_unless_the_request_says_otherwise(api: ApiServer) -> None:
    def read(query: str) -> str:
        return str(api.get(f"/reports?{PERIOD}&format=json{query}", AUDITOR).json["period"]["stale_after"])

    assert read("") == "30d"
    api.services.settings = replace(api.services.settings, history=HistorySettings(stale_after=timedelta(days=7)))
    assert (read(""), read("&stale_after_days=2")) == ("7d", "2d")
    assert api.get("/controls?framework=cis-7.0", AUDITOR).json["period"]["stale_after"] == "7d"
    assert api.get("/policy").json["retention"]["stale_after_seconds"] == 7 * 86_400


@pytest.mark.parametrize("chosen", FINDING_FORMATS, ids=lambda one: one.name)
def test_the_findings_of_an_audit_are_a_file(api: ApiServer, chosen: Format) -> None:
    keep_audit(api.services)
    answer = api.get(f"/audits/a-0/findings?format={chosen.name}", ServerRole.VIEWER)
    assert (answer.status, answer.headers["content-type"]) == (200, chosen.media_type)
    name = f"rootkeeper-audit-20260115-100000{chosen.suffix}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert PAYMENTS_ID.encode() in answer.content


def test_the_findings_of_an_audit_are_in_the_order_of_the_tree_with_its_drift(api: ApiServer) -> None:
    keep_audit(api.services)

    def read() -> list[dict[str, str]]:
        content = api.get("/audits/a-0/findings?format=findings-csv").content.decode()
        return list(csv.DictReader(io.StringIO(content)))

    ids = [account.account_id for account in make_inventory().accounts]
    assert [row["account_id"] for row in read()] == ids
    drift = SetupDrift(None, (), ())
    head = AuditHead("arn:aws:iam::111122223333:role/x", ENDPOINT.label, START, START, START, True, drift)
    job = api.services.add_job()
    keep = replace(api.services.history.get("a-0"), audit_id=job.job_id)
    api.services.history.add(keep, api.services.history.kept["a-0"][1])
    api.services.jobs.set_outcome(job, json.dumps(head_to_record(head)))
    content = api.get(f"/audits/{job.job_id}/findings?format=findings-jsonl").content
    rows = [json.loads(line) for line in content.splitlines()]
    assert [(row["rule"], row["verdict"]) for row in rows][len(ids) :] == [("set-up-drift", "not_applicable")]


@pytest.mark.parametrize("query", ["", "?format=html", "?format=", "?format=docx"])
def test_a_format_of_findings_must_be_named(api: ApiServer, query: str) -> None:
    keep_audit(api.services)
    answer = api.get(f"/audits/a-0/findings{query}")
    assert answer.status == 422
    if query:
        assert "findings-csv" in answer.json["hint"]


def test_an_audit_that_is_not_kept_has_no_findings(api: ApiServer) -> None:
    assert api.get("/audits/none/findings?format=findings-csv").code == "input.not_found"
    keep_audit(api.services)
    api.services.inventory_store.last = None
    assert api.get("/audits/a-0/findings?format=findings-csv").code == "input.not_found"
