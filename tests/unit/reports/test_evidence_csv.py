"""Evidence as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.reports.evidence_data import COLUMNS
from tests.examples import examples
from tests.fakes.evidence import (
    BLOCKED,
    CLEAN,
    ENDPOINT,
    ORGANIZATION_ID,
    make_facts,
    make_hostile_facts,
    make_report,
    render_as,
)
from tests.fakes.hostile_texts import HOSTILE_TEXTS, hostile_texts

FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def read(report: EvidenceReport) -> list[dict[str, str]]:
    rows = list(csv.reader(io.StringIO(render_as("csv", report))))
    assert tuple(rows[0]) == COLUMNS
    assert {len(row) for row in rows} == {len(COLUMNS)}
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]


def find(rows: list[dict[str, str]], section: str, **wanted: str) -> list[dict[str, str]]:
    return [row for row in rows if row["section"] == section and wanted.items() <= row.items()]


def test_every_row_names_organization_endpoint_and_period() -> None:
    places = {(row["organization_id"], row["endpoint"], row["from"], row["to"]) for row in read(make_report())}
    assert places == {(ORGANIZATION_ID, ENDPOINT, "2026-08-01T00:00:00Z", "2026-10-31T23:59:59Z")}


def test_every_section_is_there() -> None:
    sections = {row["section"] for row in read(make_report())}
    assert sections == {
        "report",
        "verdict",
        "summary",
        "change",
        "days_without_audit",
        "gap",
        "management_account",
        "account",
        "kept_login",
        "window",
        "exception",
        "deletion",
        "setup",
        "drift",
        "ledger",
    }


def test_each_kind_has_its_value_time_and_method() -> None:
    (password,) = find(read(make_report()), "account", account_id=CLEAN, item="password")
    assert (password["value"], password["at"]) == ("absent", "2026-10-30T08:15:00Z")
    assert password["method"].startswith("sts:AssumeRoot")


def test_what_is_unknown_is_never_absent() -> None:
    rows = read(make_report())
    kinds = find(rows, "account", account_id=BLOCKED)
    assert {row["value"] for row in kinds if row["item"] in {"password", "access_keys", "mfa_devices"}} == {"unknown"}
    (verdict,) = find(rows, "account", account_id=BLOCKED, item="no_root_credentials")
    assert verdict["value"] == "unknown"
    nothing = read(make_report(replace(make_facts(), statuses={}, setup=None, windows=())))
    assert [row for row in nothing if row["section"] != "kept_login" and row["value"] in {"absent", "pass"}] == []


def test_an_unapproved_window_says_so() -> None:
    windows = find(read(make_report()), "window")
    assert "Approved by: unapproved" in windows[1]["detail"]
    assert "john@example.com" in windows[0]["detail"]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_no_cell_is_a_formula(text: str) -> None:
    ensure_harmless(text)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=examples(50), deadline=None)
@given(hostile_texts)
def test_no_cell_of_any_text_is_a_formula(text: str) -> None:
    ensure_harmless(text)


def ensure_harmless(text: str) -> None:
    rows = read(make_report(make_hostile_facts(text)))
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell.lstrip().startswith(FORMULA_STARTS)] == []
    assert len(rows) == len(read(make_report(make_hostile_facts("plain"))))
