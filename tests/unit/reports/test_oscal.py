"""The evidence report as OSCAL assessment results."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rootkeeper.controls.assessment import AssessedReport, assess_report
from rootkeeper.controls.control_map import choose_frameworks, load_frameworks
from rootkeeper.controls.rules import Control
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import Verdict
from rootkeeper.reports.oscal import find_target, render
from tests.examples import examples
from tests.fakes.evidence import BLOCKED, CLEAN, make_facts, make_hostile_facts, make_report
from tests.fakes.hostile_texts import HOSTILE_TEXTS, hostile_texts
from tests.official_schemas import require_oscal


def read(report: EvidenceReport) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(b"".join(render(report)))
    return document


def read_result(report: EvidenceReport) -> dict[str, Any]:
    (result,) = read(report)["assessment-results"]["results"]
    assert isinstance(result, dict)
    return result


@cache
def assess() -> AssessedReport:
    return assess_report(make_report(), load_frameworks())


def assess_few(report: EvidenceReport) -> AssessedReport:
    return assess_report(report, choose_frameworks(["cis-7.0"]))


def with_verdicts(*verdicts: Verdict) -> AssessedReport:
    """The report with these verdicts on its first controls, and on no others."""
    report = assess()
    changed = zip(report.assessments, verdicts, strict=False)
    return replace(report, assessments=tuple(replace(one, verdict=verdict) for one, verdict in changed))


def list_uuids(value: object, *, is_reference: bool) -> Iterator[str]:
    """Every UUID that the document gives to a part, or refers to."""
    if isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, str) and (name.endswith("-uuid") if is_reference else name == "uuid"):
                yield one
            yield from list_uuids(one, is_reference=is_reference)
    elif isinstance(value, list):
        for one in value:
            yield from list_uuids(one, is_reference=is_reference)


def get_properties(part: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in part["props"]}


def test_the_schema_of_nist_accepts_the_document() -> None:
    require_oscal(read(make_report()))


@pytest.mark.parametrize(
    "damage",
    [
        lambda results: results.update(verdict="pass"),
        lambda results: results["results"][0]["findings"][0].update(verdict="pass"),
        lambda results: results.pop("metadata"),
        lambda results: results["results"][0]["findings"][0].pop("target"),
        lambda results: results["results"][0]["findings"][0]["target"]["status"].update(state="passed"),
        lambda results: results["results"][0]["observations"][0].update(methods=[""]),
    ],
    ids=["unknown", "unknown, within", "missing", "missing, within", "no such value, within", "no token"],
)
def test_the_schema_refuses_what_it_does_not_know(damage: Callable[[dict[str, Any]], object]) -> None:
    document = read(assess_few(make_report()))
    require_oscal(document)
    damage(document["assessment-results"])
    with pytest.raises(AssertionError):
        require_oscal(document)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_the_schema_accepts_the_document_with_any_text_of_people(text: str) -> None:
    require_oscal(read(assess_few(make_report(make_hostile_facts(text)))))


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(hostile_texts)
def test_no_markup_of_others_reaches_the_document(text: str) -> None:
    """Titles and descriptions of OSCAL are markup."""
    content = b"".join(render(assess_few(make_report(make_hostile_facts(f"<b>{text}</b>\u202e"))))).decode()
    assert "\u202e" not in content
    for part in list_marked_up(json.loads(content)):
        assert "<" not in part


def list_marked_up(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            if name in {"title", "description", "remarks", "statement", "prose"}:
                yield one
            yield from list_marked_up(one)
    elif isinstance(value, list):
        for one in value:
            yield from list_marked_up(one)


def test_every_reference_is_to_a_part_of_the_document_and_each_part_has_its_own_uuid() -> None:
    document = read(make_report())
    given_uuids = list(list_uuids(document, is_reference=False))
    assert len(given_uuids) == len(set(given_uuids))
    assert set(list_uuids(document, is_reference=True)) <= set(given_uuids)
    assert document["assessment-results"]["import-ap"]["href"].removeprefix("#") in given_uuids


@settings(max_examples=examples(30))
@given(st.lists(st.sampled_from(Verdict), min_size=1, max_size=12))
def test_p06_only_a_pass_is_satisfied(verdicts: list[Verdict]) -> None:
    findings = read_result(with_verdicts(*verdicts)).get("findings", [])
    applicable = [one for one in verdicts if one is not Verdict.NOT_APPLICABLE]
    assert [get_properties(one)["verdict"] for one in findings] == applicable
    for verdict, finding in zip(applicable, findings, strict=True):
        status = finding["target"]["status"]
        assert (status["state"] == "satisfied") is (verdict is Verdict.PASS)
        assert (status["reason"] == "pass") is (verdict is Verdict.PASS)
        assert (status["reason"] == "fail") is (verdict is Verdict.FAIL)


def test_every_control_of_the_map_is_reviewed_and_its_finding_has_the_strength_and_source_of_its_mapping() -> None:
    report, result = assess(), read_result(make_report())
    selected = [
        statement
        for selection in result["reviewed-controls"]["control-selections"]
        for control in selection["include-controls"]
        for statement in control["statement-ids"]
    ]
    assert sorted(selected) == sorted(find_target(one.control)[1] for one in report.assessments)
    findings = {one["target"]["target-id"]: one for one in result["findings"]}
    for assessment in report.assessments:
        if assessment.verdict is Verdict.NOT_APPLICABLE:
            continue
        checks = [one for one in findings[find_target(assessment.control)[1]]["props"] if one["name"] == "check"]
        assert [(one["value"], one["class"]) for one in checks] == [
            (mapping.check.value, mapping.showing.value) for mapping in assessment.control.checks
        ]
        for shown, mapping in zip(checks, assessment.control.checks, strict=True):
            assert f"{mapping.strength.value}. Source: {mapping.source}." in shown["remarks"]


def test_a_failing_check_is_a_risk_of_the_controls_that_fail_by_it() -> None:
    result = read_result(make_report())
    risks = {one["uuid"]: one for one in result["risks"]}
    related = set()
    for finding in result["findings"]:
        failed = {one["risk-uuid"] for one in finding.get("related-risks", [])}
        related |= failed
        assert bool(failed) is (finding["target"]["status"]["reason"] == "fail"), finding["title"]
    assert related == set(risks)
    assert {one["status"] for one in risks.values()} == {"open"}


def test_an_account_has_an_observation_with_method_time_and_what_was_found() -> None:
    result = read_result(make_report())
    items = {get_properties(one)["asset-id"]: one["uuid"] for one in result["local-definitions"]["inventory-items"]}
    observations = {
        one["subjects"][0]["subject-uuid"]: one
        for one in result["observations"]
        if one["methods"] != ["EXAMINE"] and "types" not in one
    }
    clean, blocked = observations[items[CLEAN]], observations[items[BLOCKED]]
    assert (clean["methods"], clean["collected"]) == (["TEST"], "2026-10-30T08:15:00Z")
    assert get_properties(clean)["password"] == "none"
    assert "AssumeRoot" in clean["relevant-evidence"][0]["description"]
    assert (blocked["methods"], get_properties(blocked)["password"]) == (["UNKNOWN"], "unknown")
    assert get_properties(blocked)["verdict"] == "unknown"
    assert "relevant-evidence" not in blocked


def test_the_subjects_of_a_check_are_the_accounts_that_do_not_pass() -> None:
    result = read_result(make_report())
    checks = [one for one in result["observations"] if one["methods"] == ["EXAMINE"]]
    assert checks
    for check in checks:
        verdicts = {get_properties(one)["verdict"] for one in check.get("subjects", [])}
        assert verdicts.isdisjoint({"not_applicable", "pass"})
        counted = sum(
            int(value)
            for name, value in get_properties(check).items()
            if name in {f"accounts-{one}" for one in verdicts}
        )
        assert counted == len(check.get("subjects", []))


def test_the_same_report_gives_the_same_bytes_and_a_later_one_the_same_uuids_of_findings_and_accounts() -> None:
    facts = make_facts()
    assert b"".join(render(make_report(facts))) == b"".join(render(make_report(facts)))
    report = make_report(facts)
    later = replace(report, period=replace(report.period, end=report.period.end.replace(month=11, day=1)))
    before, after = read_result(report), read_result(later)
    for part in ("findings", "risks"):
        assert [one["uuid"] for one in before[part]] == [one["uuid"] for one in after[part]]
    assert list(list_uuids(before["local-definitions"], is_reference=False)) == list(
        list_uuids(after["local-definitions"], is_reference=False)
    )
    assert before["uuid"] != after["uuid"]


def test_a_report_made_for_one_framework_has_no_other() -> None:
    chosen = choose_frameworks([load_frameworks()[0].framework_id])
    result = read_result(assess_report(make_report(), chosen))
    assert len(result["reviewed-controls"]["control-selections"]) == 1
    assert {get_properties(one)["framework"] for one in result["findings"]} == {chosen[0].framework_id}


def test_a_sandbox_is_named_in_the_title() -> None:
    title = read(make_report())["assessment-results"]["metadata"]["title"]
    assert title.startswith("SANDBOX 127.0.0.1:4599: ")


@pytest.mark.parametrize(
    ("framework_id", "control_id", "expected"),
    [
        ("nist-800-53-r5", "AC-6", ("ac-6", "ac-6_smt")),
        ("nist-800-53-r5", "AC-6(2)", ("ac-6.2", "ac-6.2_smt")),
        ("nist-800-53-r5", "CM-6a", ("cm-6", "cm-6_smt.a")),
        ("cis-7.0", "2.1.1", ("cis-7.0_2.1.1", "cis-7.0_2.1.1_smt")),
        ("iso-27001-2022", "A.8.2 (b)", ("iso-27001-2022_A.8.2-b-", "iso-27001-2022_A.8.2-b-_smt")),
    ],
)
def test_controls_of_nist_have_the_ids_of_its_catalog(
    framework_id: str, control_id: str, expected: tuple[str, str]
) -> None:
    assert find_target(Control(framework_id, control_id, "", "", ())) == expected
