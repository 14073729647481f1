"""The contracts of SecurityHubFindings and ReportBuckets, tried on the fakes and on the real adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from rootkeeper.aws.report_places import ReportBuckets, SecurityHubFindings
from rootkeeper.aws.rules import RejectedFinding
from rootkeeper.errors import AwsRejectedError
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from rootkeeper.reports.asff import SecurityHub, to_finding
from tests.contracts.subjects import MANAGEMENT, FakeSubject, SandboxSubject, Subject
from tests.fakes.clock import FakeClock
from tests.fakes.evidence import make_report
from tests.fakes.intents import make_intent
from tests.fakes.report_places import FakeReportBuckets, FakeSecurityHub
from tests.functional.administration import Administration, open_client

REGION, BUCKET = "us-east-1", "amzn-s3-demo-reports"
HUB = SecurityHub(AccountId(MANAGEMENT), REGION)


@dataclass
class Places:
    """One implementation of each."""

    hub: SecurityHubFindings
    buckets: ReportBuckets
    clock: FakeClock

    def send(self, *findings: Any) -> tuple[RejectedFinding, ...]:
        return self.hub.import_findings(REGION, findings, make_intent(self.clock, Action.FINDINGS_IMPORT))

    def put(self, key: str, body: bytes) -> None:
        intent = make_intent(self.clock, Action.REPORT_SEND)
        self.buckets.put_report(BUCKET, key, body, "application/json", intent)

    def read(self, *finding_ids: str) -> Any:
        return self.hub.read_findings(REGION, HUB.product_arn, finding_ids)


@pytest.fixture
def places(subject: Subject) -> Places:
    if isinstance(subject, FakeSubject):
        return Places(FakeSecurityHub(), FakeReportBuckets(), FakeClock())
    assert isinstance(subject, SandboxSubject)
    Administration(subject.sandbox).make_places_for_reports(BUCKET)
    return Places(subject.organization, subject.organization, subject.clock)


def make_findings() -> list[dict[str, Any]]:
    from rootkeeper.evidence.findings import list_findings

    report = list_findings(make_report())
    return [to_finding(report, one, HUB) for one in report.findings]


def test_findings_that_our_format_makes_are_taken_and_shown(places: Places) -> None:
    findings = make_findings()
    assert places.send(*findings) == ()
    shown = places.read(*(one["Id"] for one in findings), "another")
    assert shown.keys() == {one["Id"] for one in findings}
    for sent in findings:
        found = shown[sent["Id"]]
        assert found["UpdatedAt"] == sent["UpdatedAt"]
        assert found["Compliance"]["Status"] == sent["Compliance"]["Status"]
        assert found["RecordState"] == sent["RecordState"]
        assert found["FindingProviderFields"]["Severity"]["Label"] == sent["FindingProviderFields"]["Severity"]["Label"]


def test_a_newer_finding_replaces_and_an_older_one_does_not(places: Places) -> None:
    finding = make_findings()[0]
    places.send(finding)
    for updated_at, status, shown in (
        ("2027-01-01T00:00:00Z", "PASSED", "PASSED"),
        ("2026-01-01T00:00:00Z", "FAILED", "PASSED"),
    ):
        places.send(finding | {"UpdatedAt": updated_at, "Compliance": {"Status": status}})
        assert places.read(finding["Id"])[finding["Id"]]["Compliance"]["Status"] == shown


def test_a_finding_of_another_product_is_not_read(places: Places) -> None:
    finding = make_findings()[0]
    places.send(finding)
    assert places.hub.read_findings(REGION, "arn:aws:securityhub:other", [finding["Id"]]) == {}


def test_an_object_is_known_by_its_sha256(places: Places) -> None:
    assert places.buckets.read_sha256(BUCKET, "a/report.json") is None
    places.put("a/report.json", b"{}")
    first = places.buckets.read_sha256(BUCKET, "a/report.json")
    assert first == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    places.put("a/report.json", b"[]")
    assert places.buckets.read_sha256(BUCKET, "a/report.json") not in (None, "", first)


def test_a_finding_that_breaks_the_format_is_named_and_the_others_are_taken(subject: Subject, places: Places) -> None:
    first, second, *_ = make_findings()
    if isinstance(subject, FakeSubject):
        assert isinstance(places.hub, FakeSecurityHub)
        places.hub.rejects = {first["Id"]: ("InvalidInput", "Finding does not adhere to Amazon Finding Format.")}
    (rejected,) = places.send(first | {"Title": "x" * 300}, second)
    assert (rejected.finding_id, rejected.code) == (first["Id"], "InvalidInput")
    assert rejected.message.startswith("Finding does not adhere to Amazon Finding Format.")
    assert places.read(first["Id"], second["Id"]).keys() == {second["Id"]}


def test_an_object_without_a_sha256_of_s3_proves_nothing(subject: Subject, places: Places) -> None:
    if not isinstance(subject, SandboxSubject):
        assert isinstance(places.buckets, FakeReportBuckets)
        places.buckets.has_no_checksums = True
        places.put("plain", b"{}")
    else:
        s3 = open_client("s3", subject.sandbox.base_url, subject.sandbox.principals()["management-admin"])
        s3.put_object(Bucket=BUCKET, Key="plain", Body=b"{}")
    assert places.buckets.read_sha256(BUCKET, "plain") == ""


def test_a_batch_for_a_hub_that_is_off_is_refused(subject: Subject, places: Places) -> None:
    finding = make_findings()[0]
    if isinstance(subject, SandboxSubject):
        hub = open_client("securityhub", subject.sandbox.base_url, subject.sandbox.principals()["management-admin"])
        hub.disable_security_hub()
    else:
        assert isinstance(places.hub, FakeSecurityHub)
        places.hub.import_errors = [AwsRejectedError("It is off.", aws_code="InvalidAccessException")]
    with pytest.raises(AwsRejectedError) as caught:
        places.send(finding)
    assert caught.value.aws_code == "InvalidAccessException"
