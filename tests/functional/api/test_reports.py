"""The routes of report formats, of reports in each of them, and of an audit's findings."""

from __future__ import annotations

import csv
import io
import json
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.audit.records import head_to_record
from rootkeeper.audit.rules import AuditHead
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import AccountRole, AccountStatus, KeptAudit, RootCredentialsSummary, Status
from rootkeeper.reports.formats import FINDING_FORMATS, FORMATS, Format
from rootkeeper.settings.sections import HistorySettings
from rootkeeper.setup.rules import SetupDrift
from rootkeeper.worker.health import LedgerState
from tests.fakes.api_services import ENDPOINT, PAYMENTS_ID, FakeServices, make_inventory
from tests.fakes.clock import START
from tests.fakes.stores import InMemoryInventory
from tests.functional.api.serving import SECONDS, ApiServer

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


def test_coverage_shows_days_with_and_without_an_audit_of_all_accounts(api: ApiServer) -> None:
    for number, (day, is_complete) in enumerate(((2, True), (2, True), (3, True), (5, False), (7, True))):
        ended_at = datetime(2026, 1, day, 23, 30 + number, tzinfo=timezone(timedelta(hours=1)))
        api.services.history.add(KeptAudit(f"a-{number}", ended_at, ended_at, "AWS", is_complete, "ana", {}), [])
    api.services.ledger_state = LedgerState(True, 41, START)
    answer = api.get("/reports/coverage?from=2026-01-01T00:00:00Z&to=2026-01-09T23:59:59.999999Z", AUDITOR)
    assert answer.status == 200, answer.json
    assert answer.json["audited_days"] == [
        {"day": "2026-01-02", "audits": 2},
        {"day": "2026-01-03", "audits": 1},
        {"day": "2026-01-07", "audits": 1},
    ]
    assert [(gap["from"], gap["until"], gap["days"]) for gap in answer.json["days_without_audit"]] == [
        ("2026-01-03T22:32:00Z", "2026-01-07T22:34:00Z", 3),
        ("2026-01-07T22:34:00Z", "2026-01-09T23:59:59Z", 2),
        ("2026-01-01T00:00:00Z", "2026-01-02T22:30:00Z", 1),
    ]
    assert answer.json["ledger"] == {"is_intact": True, "verified_sequence": 41, "verified_at": "2026-01-15T09:00:00Z"}


def test_coverage_needs_a_period_in_order_and_the_permission_to_read_reports(api: ApiServer) -> None:
    wrong = api.get("/reports/coverage?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", AUDITOR)
    assert (wrong.status, wrong.code) == (422, "input.invalid")
    assert api.get("/reports/coverage", ServerRole.VIEWER).status == 403
    assert api.get("/reports/coverage", AUDITOR).json["audited_days"] == []


def test_a_report_says_what_makes_its_answer_bad(api: ApiServer) -> None:
    assert api.get(f"/reports?{PERIOD}", AUDITOR).headers["rootkeeper-findings"] == "unknown, unread"


@dataclass(slots=True)
class HeldInventory(InMemoryInventory):
    """Reads accounts only once it is let."""

    let: threading.Event = field(default_factory=threading.Event)
    reads: threading.Event = field(default_factory=threading.Event)

    def list_statuses(self) -> dict[AccountId, AccountStatus]:
        self.reads.set()
        assert self.let.wait(SECONDS)
        return InMemoryInventory.list_statuses(self)


def test_while_a_report_is_made_its_requester_sees_the_step(api: ApiServer) -> None:
    held = HeldInventory(make_inventory())
    api.services.inventory_store = held
    idle = {"schema_version": 1, "step": None, "written_bytes": 0}
    assert api.get("/reports/current", AUDITOR).json == idle
    sizes: list[int] = []
    reader = threading.Thread(target=lambda: sizes.append(len(api.get(f"/reports?{PERIOD}", AUDITOR).content)))
    reader.start()
    assert held.reads.wait(SECONDS)
    assert api.get("/reports/current", AUDITOR).json["step"] == "reading"
    assert api.get("/reports/current", ServerRole.ADMINISTRATOR).json == idle, "of another user"
    held.let.set()
    reader.join(SECONDS)
    assert sizes[0] > 0
    assert api.get("/reports/current", AUDITOR).json == idle


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
