"""Every format of evidence has the changes within the period, and the days without a complete audit."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import timedelta
from zipfile import ZipFile

import pytest

from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import KeptReading
from rootkeeper.reports.formats import FINDING_FORMATS, get_format
from rootkeeper.reports.pdf import describe_document
from tests.fakes.evidence import (
    CLEAN,
    MANAGEMENT,
    NOTHING,
    START,
    make_facts,
    make_report,
    make_window,
    render_as,
)
from tests.functional.published_schemas import require_fits
from tests.official_schemas import require_oscal

LEFT = AccountId("123456789012")
PASSWORD = replace(NOTHING, has_password=True)
SHOWN = (CLEAN, LEFT, "unexplained", "w-33334410", "j-9", "ledger entry 13")


def read(account_id: AccountId, day: int, *, has_password: bool) -> KeptReading:
    summary = PASSWORD if has_password else NOTHING
    return KeptReading(account_id, f"j-{day}", START + timedelta(days=day), summary)


def make_changed_report() -> EvidenceReport:
    """A password within a window, another one before its deletion, and one of an account that has left."""
    facts = make_facts()
    readings = [
        *(read(LEFT, day, has_password=day > 1) for day in (1, 2)),
        *(read(CLEAN, day, has_password=day in {9, 48}) for day in (1, 9, 12, 48, 60)),
    ]
    window = make_window(CLEAN, requested_at=START + timedelta(days=8.9), closed_at=START + timedelta(days=10))
    window = replace(window, window_id="w-33334410", approved_by=("john@example.com",))
    window = replace(window, expires_at=window.requested_at + timedelta(hours=1))
    audited_at = (START + timedelta(days=30.1), START + timedelta(days=80.1))
    return make_report(replace(facts, readings=readings, windows=(window,), audited_at=audited_at))


@pytest.mark.parametrize("name", ["html", "markdown", "csv", "json", "oscal"])
def test_a_text_names_account_audit_window_deletion_and_what_is_unexplained(name: str) -> None:
    text = render_as(name, make_changed_report())
    for shown in SHOWN:
        aliases = {"unexplained": 'unexplained|No recovery window explains it|"explained": false'}
        assert re.search(aliases.get(shown, re.escape(shown)), text), shown
    for days in ("49", "30"):
        assert re.search(rf"\b{days}\b", text), "days without an audit"


def test_json_has_a_record_of_each_change_and_gap() -> None:
    document = json.loads(render_as("json", make_changed_report()))
    require_fits(document, "report")
    found = {(one["account_id"], one["from"][:10], one["kind"]): one for one in document["changes"]}
    explained = found[CLEAN, "2026-08-10", "password"]
    assert (explained["explained"], explained["window_id"], explained["audit_ids"]) == (True, "w-33334410", ["j-9"])
    removed = found[CLEAN, "2026-09-18", "password"]
    assert (removed["explained"], removed["deletion"], removed["deleted_for"]) == (False, 13, "plan-1a2b3c")
    assert found[LEFT, "2026-08-03", "password"]["until"] is None
    assert [one["days"] for one in document["days_without_audit"]] == [49, 30, 11]
    assert document["verdicts"]["no_root_credentials_in_period"]["verdict"] == "fail"


def test_the_pdf_has_a_table_of_changes_and_one_of_days() -> None:
    blocks = describe_document(make_changed_report())["blocks"]
    titles = [block["text"] for block in blocks if block["kind"] == "heading"]
    assert {"Changes within the period", "Days without a complete audit"} <= set(titles)
    cells = json.dumps([block["rows"] for block in blocks if block["kind"] == "table"])
    assert all(shown in cells for shown in SHOWN)
    assert b"".join(get_format("pdf").render(make_changed_report())).startswith(b"%PDF")


def test_the_package_has_them_in_its_report() -> None:
    report = make_changed_report()
    package = b"".join(get_format("package").render(report))
    with ZipFile(io.BytesIO(package)) as archive:
        packed = json.loads(archive.read("report.json"))
    assert packed["changes"] == json.loads(render_as("json", report))["changes"]


def test_oscal_has_an_observation_for_each_change_and_knows_its_account() -> None:
    report = make_changed_report()
    document = json.loads(render_as("oscal", report))
    require_oscal(document)
    (result,) = document["assessment-results"]["results"]
    historic = [one for one in result["observations"] if one.get("types") == ["historic"]]
    assert len(historic) == len(report.changes)
    items = {one["uuid"] for one in result["local-definitions"]["inventory-items"]}
    assert {one["subjects"][0]["subject-uuid"] for one in historic} <= items
    assert "49 from 2026-08-31 to 2026-10-20" in result["remarks"]


@pytest.mark.parametrize("name", [one.name for one in FINDING_FORMATS if one.name in {"ocsf", "asff", "sarif"}])
def test_findings_for_other_tools_stay_states_of_now(name: str) -> None:
    text = render_as(name, make_changed_report())
    assert MANAGEMENT in text
    assert "unexplained" not in text
    assert LEFT not in text
