"""Places and formats of reports, requests, and the settings that name places."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rootkeeper.delivery.rules import split_batches
from rootkeeper.delivery.targets import (
    ConfiguredTarget,
    DeliveryRequest,
    DeliveryTarget,
    TargetKind,
    choose_sent_format,
    choose_targets,
    name_report,
    parse_configured_targets,
    parse_request,
    parse_target,
)
from rootkeeper.errors import InputError, PermissionDeniedError, SettingsError
from rootkeeper.evidence.rules import Period
from rootkeeper.reports.formats import get_format
from rootkeeper.shapes import to_json_record

HUB = DeliveryTarget(TargetKind.SECURITY_HUB)
BUCKET = DeliveryTarget(TargetKind.BUCKET, bucket="evidence", prefix="2026/")
PERIOD = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("securityhub", HUB),
        ("securityhub:eu-central-1", DeliveryTarget(TargetKind.SECURITY_HUB, region="eu-central-1")),
        ("securityhub:us-gov-west-1", DeliveryTarget(TargetKind.SECURITY_HUB, region="us-gov-west-1")),
        ("s3://evidence/2026", BUCKET),
        ("s3://evidence", DeliveryTarget(TargetKind.BUCKET, bucket="evidence")),
        ("file:/var/evidence/", DeliveryTarget(TargetKind.FILE, path="/var/evidence/")),
        ("file:a report.html", DeliveryTarget(TargetKind.FILE, path="a report.html")),
    ],
)
def test_a_place_is_parsed_and_written_again(text: str, target: DeliveryTarget) -> None:
    assert parse_target(text) == target
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    "text",
    ["", "file:", "securityhub:", "securityhub:nowhere", "s3://", "s3://A", "https://example.com", "evidence.html"],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="isn't a place for reports"):
        parse_target(text)


def test_the_format_follows_from_the_place_or_is_named() -> None:
    assert choose_sent_format(HUB, None) is None
    assert choose_sent_format(HUB, "asff") is None
    assert choose_sent_format(BUCKET, None) == get_format("json")
    assert choose_sent_format(BUCKET, "html") == get_format("html")
    assert choose_sent_format(parse_target("file:/tmp/report.csv"), None) == get_format("csv")
    assert choose_sent_format(parse_target("file:/tmp/"), None) == get_format("json")


@pytest.mark.parametrize(
    ("text", "name"), [("securityhub", "html"), ("s3://evidence", "docx"), ("file:/tmp/report.docx", None)]
)
def test_a_format_that_does_not_fit_is_an_error(text: str, name: str | None) -> None:
    with pytest.raises(InputError):
        choose_sent_format(parse_target(text), name)


def test_the_settings_name_places_with_their_formats() -> None:
    found = parse_configured_targets(
        ["securityhub", "s3://evidence/2026 html", "file:/var/my evidence/ csv", "securityhub"]
    )
    assert found == (
        ConfiguredTarget(HUB),
        ConfiguredTarget(BUCKET, "html"),
        ConfiguredTarget(DeliveryTarget(TargetKind.FILE, path="/var/my evidence/"), "csv"),
    )


@pytest.mark.parametrize("text", ["securityhub html", "s3://evidence docx", "nowhere", "ftp://a json"])
def test_a_place_of_the_settings_that_cannot_be_used_is_an_error_at_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match=r"delivery\.targets"):
        parse_configured_targets([text])


def test_a_server_sends_to_the_places_of_its_settings_alone() -> None:
    configured = (ConfiguredTarget(HUB), ConfiguredTarget(BUCKET, "html"))
    assert choose_targets(DeliveryRequest(), configured, only_configured=True) == configured
    chosen = choose_targets(DeliveryRequest("s3://evidence/2026"), configured, only_configured=True)
    assert chosen == (ConfiguredTarget(BUCKET, "html"),)
    chosen = choose_targets(DeliveryRequest("s3://evidence/2026", "csv"), configured, only_configured=True)
    assert chosen == (ConfiguredTarget(BUCKET, "csv"),)
    for elsewhere in ("s3://evidence", "s3://other/2026", "file:/etc/passwd", "securityhub:eu-central-1"):
        with pytest.raises(PermissionDeniedError, match="doesn't send reports to"):
            choose_targets(DeliveryRequest(elsewhere), configured, only_configured=True)
    free = choose_targets(DeliveryRequest("file:/tmp/a.html"), configured, only_configured=False)
    assert free == (ConfiguredTarget(DeliveryTarget(TargetKind.FILE, path="/tmp/a.html")),)  # noqa: S108 - never written
    with pytest.raises(InputError, match="name no place"):
        choose_targets(DeliveryRequest(), (), only_configured=False)


def test_a_request_keeps_its_fields_as_a_jobs_parameters() -> None:
    request = DeliveryRequest("securityhub", None, PERIOD.start, PERIOD.end, 86_400)
    assert parse_request(to_json_record(request)) == request
    assert parse_request({}) == DeliveryRequest()


@pytest.mark.parametrize(
    "record",
    [
        {"where": "securityhub"},
        {"to": 1},
        {"to": "nowhere"},
        {"to": "securityhub", "format": "html"},
        {"format": "html"},
        {"start": "yesterday"},
        {"end": "2026-10-01T00:00:00"},
        {"stale_after_seconds": 0},
        {"stale_after_seconds": True},
    ],
)
def test_a_wrong_request_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        parse_request(record)


def test_a_report_has_one_name_for_its_organization_period_and_format() -> None:
    name = name_report("o-exampleorgid", PERIOD, get_format("html"))
    assert name == "rootkeeper-o-exampleorgid-20261001-20261031T235959Z.html"


def test_findings_are_cut_into_batches_of_a_hundred() -> None:
    assert [len(batch) for batch in split_batches(({"Id": one} for one in range(250)), 100)] == [100, 100, 50]
    assert list(split_batches([], 100)) == []
