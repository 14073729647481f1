"""Controls in the formats of the evidence report."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from rootkeeper.controls.assessment import AssessedReport, assess_report
from rootkeeper.controls.control_map import choose_frameworks
from rootkeeper.controls.rules import ControlAttestation, describe_attestation
from rootkeeper.evidence.service import EvidenceFacts
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Action, ActorKind, Phase, Result
from tests.fakes.evidence import END, OPERATOR, READ, make_entry, make_facts, make_hostile_facts, make_report, render_as
from tests.fakes.hostile_texts import HOSTILE_TEXTS
from tests.functional.published_schemas import require_fits

FORMATS = ("html", "csv", "json", "markdown")


def attest(facts: EvidenceFacts, text: str = "Reviewed each month") -> EvidenceFacts:
    """Attest control 5.3 with a text of a person."""
    until = END + timedelta(days=90)
    attestation = ControlAttestation("cis-7.0/5.3", text, text, until, "olga", ActorKind.SIGNED_IN, READ)
    entry = make_entry(
        41,
        Action.CONTROL_ATTEST,
        actor=replace(OPERATOR, name=text),
        parameters=describe_attestation(attestation),
        phase=Phase.OUTCOME,
        result=Result.DONE,
        entry_hash="ab" * 32,
    )
    return replace(facts, history=replace(facts.history, control_attestations=(entry,)))


def assess(facts: EvidenceFacts | None = None, *frameworks: str) -> AssessedReport:
    return assess_report(make_report(facts), choose_frameworks(frameworks or ("cis-7.0", "soc-2")))


def test_json_has_the_controls_and_the_accounts_behind_them() -> None:
    document = json.loads(render_as("json", assess(attest(make_facts()))))
    require_fits(document, "report")
    assert [one["framework_id"] for one in document["frameworks"]] == ["cis-7.0", "soc-2"]
    controls = {one["control"]: one for one in document["controls"]}
    assert controls["cis-7.0/2.4"]["verdict"] == "fail"
    assert controls["cis-7.0/2.4"]["checks"][0]["accounts"]["fail"] == 2, "one at the end, one within the period"
    assert controls["cis-7.0/5.3"]["attested"]
    assert controls["cis-7.0/5.3"]["attestation"]["ledger_sequence"] == 41
    keys = [one for one in document["control_accounts"] if one["check"] == "no_root_key"]
    assert {one["verdict"] for one in keys} == {"fail", "unknown"}


def test_a_report_without_frameworks_has_no_controls() -> None:
    document = json.loads(render_as("json", make_report()))
    require_fits(document, "report")
    assert (document["frameworks"], document["controls"], document["control_accounts"]) == ([], [], [])
    assert "## Controls" not in render_as("markdown", make_report())
    assert 'id="controls"' not in render_as("html", make_report())


def test_csv_has_a_row_for_each_control_check_and_account() -> None:
    rows = list(csv.DictReader(io.StringIO(render_as("csv", assess(attest(make_facts()))))))
    controls = {row["item"]: row for row in rows if row["section"] == "control"}
    assert controls["cis-7.0/2.4"]["value"] == "fail"
    assert controls["cis-7.0/5.3"]["value"] == "pass (attested)"
    checks = {row["item"]: row for row in rows if row["section"] == "control_check"}
    assert checks["cis-7.0/2.4 no_root_key"]["method"] == "direct; direct: prowler@3e000faa:cis_7.0_aws.json, 2.4"
    accounts = [row for row in rows if row["section"] == "control_account" and row["item"] == "no_root_key"]
    assert {row["value"] for row in accounts} == {"fail", "unknown"}


def test_markdown_names_the_source_of_each_mapping() -> None:
    text = render_as("markdown", assess(attest(make_facts())))
    assert "## Controls" in text
    assert "| cis-7.0/5.3 | Uses of the root user are monitored | Pass (attested) |" in text
    assert "shows the control; the framework's text, prowler@3e000faa:cis_7.0_aws.json" in text
    assert "another tool's mapping, steampipe-mod-aws-compliance@a1d0b446" in text


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_shows_controls_by_framework_with_the_accounts_behind_them() -> None:
    words = " ".join(Page(render_as("html", assess(attest(make_facts())))).words)
    for said in (
        "CIS AWS Foundations Benchmark 7.0",
        "SOC 2 TSC 2017",
        "Pass (attested)",
        "Accounts behind the verdicts",
    ):
        assert said in words


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_what_people_write_changes_nothing_in_any_format(text: str) -> None:
    plain, hostile = (assess(attest(make_hostile_facts(one), one)) for one in ("plain", text))
    assert Page(render_as("html", hostile)).tags == Page(render_as("html", plain)).tags
    rows = list(csv.reader(io.StringIO(render_as("csv", hostile))))
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "-", "@"))]
    json.loads(render_as("json", hostile))


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_report_gives_the_same_bytes(name: str) -> None:
    assert render_as(name, assess()) == render_as(name, assess())


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_shows_an_unknown_or_manual_control_as_passed(name: str) -> None:
    report = assess()
    open_verdicts = tuple(
        replace(one, verdict=verdict) for one in report.assessments for verdict in (Verdict.UNKNOWN, Verdict.MANUAL)
    )
    text = render_as(name, replace(report, assessments=tuple(replace(one, checks=()) for one in open_verdicts)))
    if name == "json":
        assert {one["verdict"] for one in json.loads(text)["controls"]} == {"unknown", "manual"}
    elif name == "csv":
        rows = csv.DictReader(io.StringIO(text))
        assert {row["value"] for row in rows if row["section"] == "control"} == {"unknown", "manual"}
    elif name == "markdown":
        rows_of_controls = [line for line in text.splitlines() if line.startswith(("| cis-7.0/", "| soc-2/"))]
        assert len(rows_of_controls) == len(open_verdicts)
        assert not [line for line in rows_of_controls if "| Pass" in line]
    else:
        section = text.partition('id="controls"')[2].partition("</section>")[0]
        assert section.count("badge unknown") + section.count("badge manual") >= len(open_verdicts)
        assert 'class="badge pass"' not in section
