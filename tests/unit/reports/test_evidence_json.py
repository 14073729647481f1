"""Evidence as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from rootkeeper.evidence.rules import LedgerHistory, Period
from rootkeeper.evidence.service import EvidenceReport
from tests.architecture.source_files import REPOSITORY
from tests.examples import examples
from tests.fakes.evidence import END, PERIOD, START, make_facts, make_hostile_facts, make_report, render_as
from tests.fakes.hostile_texts import hostile_texts

SCHEMA = json.loads((REPOSITORY / "docs" / "reference" / "report.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def read(report: EvidenceReport) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render_as("json", report))
    assert [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)] == []
    return document


def test_the_sample_fits_the_schema_and_holds_everything() -> None:
    document = read(make_report())
    assert document["verdicts"]["centralized"]["verdict"] == "pass"
    assert document["verdicts"]["no_root_credentials"]["verdict"] == "fail"
    assert document["sandbox"] is True
    assert document["period"] == {"from": "2026-08-01T00:00:00Z", "to": "2026-10-31T23:59:59Z", "stale_after": "30d"}
    assert [len(document[name]) for name in ("kept_logins", "windows", "deletions", "gaps")] == [2, 2, 3, 5]
    assert document["ledger"]["head_hash"] == make_facts().ledger.head_hash


def test_every_kind_of_every_account_has_its_value_time_and_method() -> None:
    for account in read(make_report())["accounts"]:
        for kind in account["credentials"].values():
            assert (kind["present"] is None) == (kind["read_at"] is None) == (kind["method"] is None)


@pytest.mark.parametrize(
    "report",
    [
        make_report(replace(make_facts(), setup=None, accepted=None, windows=(), history=LedgerHistory(), statuses={})),
        make_report(period=Period(START.replace(year=2020), END.replace(year=2020))),
        make_report(period=replace(PERIOD, end=END.replace(year=2030))),
    ],
    ids=["nothing known", "long ago", "in the future"],
)
def test_reports_of_which_little_is_known_fit_the_schema_too(report: EvidenceReport) -> None:
    document = read(report)
    assert document["verdicts"]["no_root_credentials"]["verdict"] == "unknown"
    assert document["gaps"]


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_as("json", make_report()) == render_as("json", make_report())


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=examples(50))
@given(hostile_texts)
def test_hostile_text_reads_back_as_it_was(text: str) -> None:
    document = read(make_report(make_hostile_facts(text)))
    assert {account["name"] for account in document["accounts"]} == {text}
    assert document["windows"][0]["reason"] == document["exceptions"][0]["owner"] == text
