"""Sending findings, objects and files: intents before, outcomes after, and no success without a re-read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.changes.rules import Answer
from rootkeeper.delivery.changes import DocumentDelivery
from rootkeeper.delivery.planning import DeliveryPlan, DeliveryPlanner
from rootkeeper.delivery.records import deliveries_to_record
from rootkeeper.delivery.rules import DeliveryResult
from rootkeeper.delivery.service import ReportSender
from rootkeeper.delivery.targets import DeliveryRequest
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsError,
    AwsThrottledError,
    AwsUnclearError,
    AwsUnreachableError,
    InputError,
    LedgerUnavailableError,
    RunStoppedError,
)
from rootkeeper.evidence.rules import Period
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Action, Phase, Result
from rootkeeper.organization.accounts import AccountId, Caller, Endpoint
from rootkeeper.organization.progress import ServerStopSignal
from rootkeeper.organization.statuses import Status
from tests.fakes.clock import FakeClock
from tests.fakes.evidence import END, ENDPOINT, FAILSAFE, NOTHING, PRESENT, START, make_facts, make_report
from tests.fakes.report_places import FakeReportBuckets, FakeSecurityHub
from tests.fakes.stores import InMemoryLedger, RecordedProgress

PRODUCT = f"arn:aws:securityhub:eu-central-1:{FAILSAFE}:product/{FAILSAFE}/default"
CALLER = Caller(FAILSAFE, f"arn:aws:iam::{FAILSAFE}:user/report", "aws")


@dataclass
class Compiled:
    """Implements what a plan needs of EvidenceCompiler."""

    report: EvidenceReport

    def compile(self, period: Period) -> EvidenceReport:
        return replace(self.report, period=period)


@dataclass
class Desk:
    """A sender with places in memory."""

    batch_size: int = 100
    hub: FakeSecurityHub = field(default_factory=FakeSecurityHub)
    buckets: FakeReportBuckets = field(default_factory=FakeReportBuckets)
    clock: FakeClock = field(default_factory=FakeClock)
    progress: RecordedProgress = field(default_factory=RecordedProgress)
    report: EvidenceReport = field(default_factory=make_report)
    endpoint: Endpoint = field(default_factory=lambda: Endpoint(ENDPOINT))

    def __post_init__(self) -> None:
        self.ledger = InMemoryLedger(self.clock)
        self.sender = ReportSender(self.hub, self.buckets, self.ledger, self.clock, (1.0, 2.0), self.batch_size)

    def plan(self, to: str = "securityhub:eu-central-1", **request: Any) -> DeliveryPlan:
        planner = DeliveryPlanner(
            Compiled(self.report),  # type: ignore[arg-type]  # it has what is used
            self.clock,
            lambda: CALLER,
            self.endpoint,
            "us-east-1",
            END - START,
            timedelta(days=30),
            (),
        )
        wanted: dict[str, Any] = {"to": to, "start": START, "end": END} | request
        (plan,) = planner.plan(DeliveryRequest(**wanted))
        return plan

    def send(self, to: str = "securityhub:eu-central-1", **request: Any) -> DeliveryResult:
        return self.sender.send(self.plan(to, **request), self.progress)

    def find_status(self, account_id: AccountId) -> str:
        """Of the account's finding about root user credentials."""
        (found,) = [
            one["Compliance"]["Status"]
            for one in self.hub.shown.values()
            if one["Resources"][0]["Id"].endswith(account_id) and one["GeneratorId"].endswith("root-user-credentials")
        ]
        return str(found)

    @property
    def ids(self) -> list[str]:
        """Of all findings, in order."""
        return [one for batch in self.hub.batches for one in batch]


@pytest.fixture
def desk() -> Desk:
    """Batches of four, so that a small report has several."""
    return Desk(batch_size=4)


def acting(error: AwsError) -> AwsError:
    """The same error, after the call has acted."""
    error.acts = True  # type: ignore[attr-defined]  # the fake looks for it
    return error


@pytest.mark.parametrize(("request_seconds", "expected"), [(None, 30), (86_400, 1)])
def test_a_reading_is_stale_by_the_setting_unless_the_request_says_otherwise(
    request_seconds: int | None, expected: int
) -> None:
    plan = Desk().plan("file:/x/report.json", stale_after_seconds=request_seconds)
    assert plan.evidence.period.stale_after == timedelta(days=expected)


def test_all_findings_arrive_in_batches_with_an_intent_and_an_outcome_each(desk: Desk) -> None:
    plan = desk.plan()
    result = desk.sender.send(plan, desk.progress)
    assert (result.result, result.failed) == (Result.DONE, ())
    assert result.arrived == result.findings == plan.finding_count == len(set(desk.ids)) > 8
    assert result.batches == len(desk.hub.batches) > 2
    assert [len(batch) for batch in desk.hub.batches][:-1] == [4] * (result.batches - 1)
    assert len(desk.ledger.intents) == result.batches
    assert desk.ledger.results_of(Action.FINDINGS_IMPORT) == [Result.DONE] * result.batches
    assert desk.ledger.open_intents == []
    first = desk.ledger.intents[0].parameters
    assert (first["product_arn"], first["batch"], first["findings"]) == (PRODUCT, 1, 4)


def test_findings_are_of_the_sending_account_and_about_their_own(desk: Desk) -> None:
    desk.send()
    found = list(desk.hub.shown.values())
    assert {(one["AwsAccountId"], one["ProductArn"]) for one in found} == {(FAILSAFE, PRODUCT)}
    assert f"AWS::::Account:{PRESENT}" in {one["Resources"][0]["Id"] for one in found}


def test_no_unknown_arrives_as_passed(desk: Desk) -> None:
    plan = desk.plan()
    desk.sender.send(plan, desk.progress)
    assert plan.findings is not None
    verdicts = [one.verdict for one in plan.findings.findings]
    statuses = [one["Compliance"]["Status"] for one in desk.hub.shown.values()]
    assert Verdict.UNKNOWN in verdicts
    assert statuses.count("PASSED") == verdicts.count(Verdict.PASS)


def test_the_intent_is_in_the_ledger_before_its_call_and_without_it_nothing_is_sent(desk: Desk) -> None:
    seen: list[int] = []
    desk.hub.before_import = lambda: seen.append(len(desk.ledger.open_intents))
    desk.send()
    assert seen == [1] * len(desk.hub.batches)
    desk.hub.batches.clear()
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        desk.send()
    assert desk.hub.batches == []


def test_a_ledger_that_fails_between_batches_stops_the_sending(desk: Desk) -> None:
    desk.ledger.fail_after = 3
    with pytest.raises(LedgerUnavailableError):
        desk.send()
    assert len(desk.hub.batches) == 2
    assert [entry.phase for entry in desk.ledger.entries] == [Phase.INTENT, Phase.OUTCOME, Phase.INTENT]


def test_a_partial_failure_names_account_and_code_and_the_rest_arrives(desk: Desk) -> None:
    desk.send()
    known = dict(desk.hub.shown)
    refused = next(one for one in known.values() if one["Resources"][0]["Id"].endswith(PRESENT))
    again = Desk(hub=FakeSecurityHub(rejects={refused["Id"]: ("InvalidInput", "It has no title.")}))
    result = again.send()
    assert result.result is Result.FAILED
    assert result.arrived == result.findings - 1
    (failure,) = result.failed
    assert (failure.account_id, failure.code, failure.detail) == (PRESENT, "InvalidInput", "It has no title.")
    outcome = again.ledger.entries[-1]
    assert (outcome.result, outcome.parameters["failed"]) == (
        Result.FAILED,
        [
            {
                "finding_id": refused["Id"],
                "account_id": PRESENT,
                "rule_id": "root-user-credentials",
                "code": "InvalidInput",
            }
        ],
    )
    assert again.clock.slept == []


def test_an_answer_of_success_without_the_finding_is_no_success(desk: Desk) -> None:
    desk.send()
    lost = desk.ids[1]
    again = Desk(hub=FakeSecurityHub(loses={lost}))
    result = again.send()
    assert result.result is Result.FAILED
    assert [(one.finding_id, one.code) for one in result.failed] == [(lost, "not_shown")]
    assert again.clock.slept == [1.0, 2.0]
    assert again.ledger.results_of(Action.FINDINGS_IMPORT) == [Result.FAILED]


def test_a_finding_that_is_shown_late_is_waited_for(desk: Desk) -> None:
    desk.hub.lag = 1
    result = desk.send()
    assert result.result is Result.DONE
    assert desk.clock.slept == [1.0] * result.batches


def test_only_findings_that_are_missing_are_read_again() -> None:
    desk = Desk()
    desk.send()
    refused, lost = desk.ids[0], desk.ids[1]
    again = Desk(hub=FakeSecurityHub(rejects={refused: ("InvalidInput", "It has no title.")}, loses={lost}))
    again.send()
    assert again.hub.reads[1:] == [again.ids[1:], [lost], [lost]]


def test_findings_that_were_shown_once_count_when_the_others_are_shown_later() -> None:
    @dataclass
    class SlowHub(FakeSecurityHub):
        def read_findings(self, region: str, product_arn: str, finding_ids: Sequence[str]) -> Mapping[str, Any]:
            shown = super().read_findings(region, product_arn, finding_ids)
            is_first = len(self.reads) == 2
            return {one: shown[one] for one in finding_ids[:3]} if is_first else shown

    desk = Desk(hub=SlowHub())
    result = desk.send()
    assert (result.result, result.arrived) == (Result.DONE, result.findings)
    assert desk.hub.reads[2] == desk.ids[3:]


def test_sent_again_nothing_is_doubled_and_a_fixed_finding_passes(desk: Desk) -> None:
    first = desk.send()
    ids = list(desk.hub.shown)
    again = desk.send()
    assert (again.result, list(desk.hub.shown)) == (Result.DONE, ids)
    assert again.findings == first.findings == len(ids)
    facts = make_facts()
    fixed = replace(facts.statuses[PRESENT], status=Status.NOT_PRESENT, summary=NOTHING, credentials=None)
    desk.report = make_report(replace(facts, statuses={**facts.statuses, PRESENT: fixed}))
    assert desk.find_status(PRESENT) == "FAILED"
    desk.send(end=END + timedelta(days=1))
    assert desk.find_status(PRESENT) == "PASSED"
    assert list(desk.hub.shown) == ids


def test_an_older_report_does_not_pass_for_the_newer_one(desk: Desk) -> None:
    desk.send()
    older = desk.send(end=END.replace(month=9, day=30))
    assert older.result is Result.FAILED
    assert {one.code for one in older.failed} == {"newer_exists"}
    assert desk.clock.slept == []


def test_a_killed_run_is_completed_by_the_next_one(desk: Desk) -> None:
    """The process ends between two batches, after a call whose answer never came."""

    def die() -> None:
        if len(desk.hub.batches) == 2:
            raise KeyboardInterrupt

    desk.hub.before_import = die
    with pytest.raises(KeyboardInterrupt):
        desk.send()
    assert len(desk.hub.shown) == 8
    assert len(desk.ledger.open_intents) == 1
    desk.ledger.orphan_open_intents()
    desk.hub.before_import = lambda: None
    result = desk.send()
    assert (result.result, result.arrived) == (Result.DONE, result.findings)
    assert len(desk.hub.shown) == result.findings


@pytest.mark.parametrize("error", [AwsUnclearError("No clear answer."), AwsUnreachableError("No answer.")])
def test_without_a_clear_answer_the_re_read_decides(desk: Desk, error: AwsError) -> None:
    desk.hub.import_errors = [acting(error)]
    assert desk.send().result is Result.DONE
    lost = Desk(hub=FakeSecurityHub(import_errors=[AwsUnclearError("No clear answer.")]))
    result = lost.send()
    assert result.result is Result.FAILED
    assert {one.code for one in result.failed} == {"not_shown"}
    assert lost.ledger.entries[1].parameters["answer"] == "aws.unclear"


def test_a_batch_that_cannot_be_read_again_is_unknown_and_stops_the_rest(desk: Desk) -> None:
    def blind() -> None:
        desk.hub.read_error = AwsAccessDeniedError("securityhub:GetFindings was denied.")

    desk.hub.before_import = blind
    result = desk.send()
    assert result.result is Result.UNKNOWN
    assert (result.batches, result.arrived, len(desk.hub.batches)) == (1, 0, 1)
    assert {one.code for one in result.failed} == {"not_read"}
    assert desk.ledger.results_of(Action.FINDINGS_IMPORT) == [Result.UNKNOWN]


def test_what_cannot_be_read_is_not_sent(desk: Desk) -> None:
    desk.hub.read_error = AwsAccessDeniedError("securityhub:GetFindings was denied.")
    with pytest.raises(AwsAccessDeniedError):
        desk.send()
    assert (desk.hub.batches, desk.ledger.entries) == ([], [])


def test_a_refused_first_batch_is_an_error_and_a_later_one_a_failure(desk: Desk) -> None:
    refusal = AwsAccessDeniedError("securityhub:BatchImportFindings was denied.")
    desk.hub.import_errors = [refusal]
    with pytest.raises(AwsAccessDeniedError):
        desk.send()
    assert desk.ledger.results_of(Action.FINDINGS_IMPORT) == [Result.FAILED]

    def refuse_later() -> None:
        desk.hub.import_errors = [refusal] if len(desk.hub.batches) == 1 else []

    desk.hub.before_import = refuse_later
    result = desk.send()
    assert (result.result, result.batches, result.arrived) == (Result.FAILED, 1, 4)
    assert "Batch 2 was refused" in result.explanation


def test_a_throttled_batch_is_sent_again_with_an_intent_of_its_own(desk: Desk) -> None:
    desk.hub.import_errors = [AwsThrottledError("Too Many Requests"), AwsThrottledError("Too Many Requests")]
    result = desk.send()
    assert result.result is Result.DONE
    assert len(desk.ledger.intents) == result.batches + 2
    assert desk.ledger.results_of(Action.FINDINGS_IMPORT)[:3] == [Result.FAILED, Result.FAILED, Result.DONE]


def test_a_batch_that_stays_throttled_is_given_up(desk: Desk) -> None:
    desk.hub.import_errors = [AwsThrottledError("Too Many Requests")] * 20
    with pytest.raises(AwsThrottledError):
        desk.send()
    assert desk.ledger.results_of(Action.FINDINGS_IMPORT) == [Result.FAILED] * 12
    assert desk.clock.slept == [5.0] * 11


def test_a_re_read_that_is_throttled_is_repeated(desk: Desk) -> None:
    def throttle() -> None:
        desk.hub.read_error = AwsThrottledError("Too Many Requests")

    desk.hub.before_import = throttle
    result = desk.send()
    assert (result.result, result.batches) == (Result.UNKNOWN, 1)
    assert desk.clock.slept == [1.0, 2.0]


def test_a_stop_is_heard_between_batches(desk: Desk) -> None:
    stop = ServerStopSignal()
    desk.hub.before_import = stop.ask
    with pytest.raises(RunStoppedError, match="Stopped between two batches: 4 of"):
        desk.sender.send(desk.plan(), desk.progress, stop)
    assert desk.ledger.open_intents == []


def test_a_report_about_a_sandbox_is_not_sent_to_aws_nor_the_other_way_round(desk: Desk) -> None:
    desk.endpoint = Endpoint("AWS")
    for place in ("securityhub", "s3://evidence"):
        with pytest.raises(InputError, match="Nothing was sent"):
            desk.plan(place)
    assert desk.plan("file:report.html").place.endswith("report.html")


def test_an_object_is_proven_by_the_checksum_that_s3_shows(desk: Desk) -> None:
    result = desk.send("s3://evidence/2026", format="html")
    (place,) = desk.buckets.objects
    assert place == ("evidence", "2026/rootkeeper-o-exampleorgid-20260801-20261031T235959Z.html")
    body = desk.buckets.objects[place]
    assert (result.result, result.sha256, result.size_bytes) == (
        Result.DONE,
        hashlib.sha256(body).hexdigest(),
        len(body),
    )
    assert desk.buckets.media_types[place[1]].startswith("text/html")
    assert desk.ledger.results_of(Action.REPORT_SEND) == [Result.DONE]
    assert desk.send("s3://evidence/2026", format="html").result is Result.DONE
    assert list(desk.buckets.objects) == [place]


@pytest.mark.parametrize(
    ("trouble", "result"),
    [
        ({"changes_what_it_gets": True}, Result.FAILED),
        ({"has_no_checksums": True}, Result.UNKNOWN),
        ({"read_error": AwsAccessDeniedError("s3:HeadObject was denied.")}, Result.UNKNOWN),
        ({"put_error": AwsUnclearError("No clear answer.")}, Result.FAILED),
        ({"put_error": acting(AwsUnclearError("No clear answer."))}, Result.DONE),
    ],
)
def test_an_object_that_is_not_proven_is_no_success(trouble: dict[str, Any], result: Result) -> None:
    desk = Desk(buckets=FakeReportBuckets(**trouble))
    assert desk.send("s3://evidence").result is result
    assert desk.ledger.results_of(Action.REPORT_SEND) == [result]


def test_a_refused_object_is_an_error_with_its_outcome(desk: Desk) -> None:
    desk.buckets.put_error = AwsAccessDeniedError("s3:PutObject was denied.")
    with pytest.raises(AwsAccessDeniedError):
        desk.send("s3://evidence")
    assert desk.ledger.results_of(Action.REPORT_SEND) == [Result.FAILED]


def test_a_file_is_written_whole_and_read_again(desk: Desk, tmp_path: Path) -> None:
    result = desk.send(f"file:{tmp_path}/")
    (written,) = tmp_path.iterdir()
    assert (result.result, result.place) == (Result.DONE, str(written))
    assert written.stat().st_mode & 0o777 == 0o600
    assert hashlib.sha256(written.read_bytes()).hexdigest() == result.sha256
    named = desk.send(f"file:{tmp_path}/evidence.csv")
    assert (named.format, named.place) == ("csv", str(tmp_path / "evidence.csv"))
    with pytest.raises(InputError, match="can't be written"):
        desk.send(f"file:{tmp_path}/missing/evidence.csv")
    assert desk.ledger.results_of(Action.REPORT_SEND) == [Result.DONE, Result.DONE, Result.FAILED]


def test_a_file_that_cannot_be_read_again_is_unknown(desk: Desk, tmp_path: Path) -> None:
    place = tmp_path / "evidence.csv"

    place.symlink_to(place)
    change = DocumentDelivery(desk.buckets, desk.plan(f"file:{place}"), "text/csv", b"", "")
    evaluation = change.evaluate(change.observe(), Answer())
    assert evaluation.result is None
    assert evaluation.explanation.startswith("The report was sent, but it can't be read again: ")


def test_one_place_that_is_refused_does_not_keep_the_report_from_the_others(desk: Desk) -> None:
    desk.buckets.put_error = AwsAccessDeniedError("s3:PutObject was denied.")
    results = desk.sender.send_all([desk.plan("s3://evidence"), desk.plan()], desk.progress)
    assert [one.result for one in results] == [Result.FAILED, Result.DONE]
    record = deliveries_to_record(results, "o-exampleorgid", ENDPOINT)
    assert record["deliveries"][0]["explanation"] == "s3:PutObject was denied."
    with pytest.raises(AwsAccessDeniedError):
        desk.sender.send_all([desk.plan("s3://evidence")], desk.progress)


def test_the_statement_says_what_goes_where(desk: Desk) -> None:
    plan = desk.plan()
    counts = ", ".join(f"{count} {verdict.value}" for verdict, count in sorted(plan.verdicts.items()))
    assert plan.describe()[0] == (
        f"Send {plan.finding_count} findings of the evidence report of 2026-08-01 00:00 to 2026-10-31 23:59 UTC to "
        f"Security Hub of account {FAILSAFE} in eu-central-1: {counts}."
    )
    assert AccountId(FAILSAFE) in desk.plan().place
    assert "as json, to s3://evidence/rootkeeper-" in desk.plan("s3://evidence").describe()[0]
