"""What comes of jobs of every kind, on the real server over the sandbox: all answers about each fit the document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.jobs.rules import JobKind
from rootkeeper.ledger.database import open_database
from rootkeeper.worker.schedules import ScheduleKind, ScheduleStore, parse_schedules
from tests.api_conformance import DOCUMENT, list_misfits
from tests.functional.administration import Administration
from tests.functional.api.test_real_server import SECONDS
from tests.functional.running import LONG_LEASE, Program, Runner
from tests.ledger_tampering import edited_entry
from tests.sandbox_process import SandboxProcess
from tests.server_process import Answer, ServerProcess

pytestmark = pytest.mark.xdist_group("job outcomes")

MANAGEMENT = "111122223333"
WEB, BILLING, DATA = "800090001000", "700080009000", "900010002000"
"""One with credentials of every kind, one with a key and a certificate among them, and one with a certificate."""
WAREHOUSE, ORDERS_TEST = "100020003000", "600070008000"
"""Those whose root users have nothing of the last months but old keys."""
ORDERS, BUCKET, QUEUE = "888899990000", "amzn-s3-demo-orders-invoices", "orders-incoming"
PAYMENTS_EU = "300040005000"
REPORTS = "amzn-s3-demo-reports"
NOWHERE = {"selection": {"organizational_units": ["Root/Nowhere"]}}
OVER = {"done", "failed", "cancelled"}
FAR_HOUR = (datetime.now(UTC) + timedelta(hours=12)).hour
"""No schedule comes due by itself while the tests run, or there would be one job more."""
CHECKS = (f"0 {FAR_HOUR} * * * UTC", f"10 {FAR_HOUR} * * * UTC")
REPORTING = f"20 {FAR_HOUR} * * * UTC"
"""A run of each is made up for in a test."""
REFUSAL = {"code": "AccessDenied", "status": 403, "message": "Not today."}


@dataclass
class Works:
    """A server, the sandbox behind it, and which shapes of outcomes each kind of job had so far."""

    sandbox: SandboxProcess
    server: ServerProcess
    program: Program
    database: Path
    met: dict[JobKind, set[str]] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        return self.server.ask(method, f"/api/v1{path}", body, name="ana")

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.body

    def begin(self, path: str, body: object) -> str:
        """Have it done; the job's id."""
        taken = self.ask("POST", path, body)
        assert taken.status == 202, taken
        return str(taken.body["job_id"])

    def follow(self, job_id: str) -> dict[str, Any]:
        """The job once it is over."""
        self.server.wait_until(lambda: self.get(f"/jobs/{job_id}")["state"] in OVER, SECONDS)
        job: dict[str, Any] = self.get(f"/jobs/{job_id}")
        return job

    def read(self, job_id: str, shape: str) -> Any:
        """All that is answered about a job, of which the outcome has that shape and no other; the outcome."""
        kind = JobKind(self.get(f"/jobs/{job_id}")["kind"])
        outcome = self.get(f"/jobs/{job_id}/outcome")
        fitting = [one for one in list_shapes() if not list_misfits({"$ref": f"#/components/schemas/{one}"}, outcome)]
        assert fitting == [shape], outcome
        is_deletion = kind is JobKind.DELETION
        assert self.ask("GET", f"/jobs/{job_id}/document").status == (200 if is_deletion else 404)
        assert is_deletion or self.get(f"/jobs/{job_id}/results")["results"] == []
        self.met.setdefault(kind, set()).add(shape)
        return outcome

    def live(self, path: str, body: object, shape: str, state: str = "done") -> Any:
        """Have something done to that end; the outcome."""
        job = self.follow(self.begin(path, body))
        assert job["state"] == state, job
        return self.read(job["job_id"], shape)

    def list_results(self, job_id: str) -> dict[str, Any]:
        """What came of each account of a deletion, page by page."""
        results: dict[str, Any] = {}
        after: str | None = ""
        while after is not None:
            page = self.get(f"/jobs/{job_id}/results?limit=1&after={after}")
            results |= {one["account_id"]: one for one in page["results"]}
            after = page["next"]
        assert page["total"] == len(results)
        return results


def list_shapes() -> list[str]:
    """Of all that a job's outcome may be."""
    answer = DOCUMENT["paths"]["/api/v1/jobs/{job_id}/outcome"]["get"]["responses"]["200"]
    return [one["$ref"].rpartition("/")[2] for one in answer["content"]["application/json"]["schema"]["anyOf"]]


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory, runner: Runner) -> Iterator[Works]:
    folder = tmp_path_factory.mktemp("outcomes")
    database = folder / "rootkeeper.db"
    with SandboxProcess.start("--scenario", "demo") as sandbox:
        Administration(sandbox).set_up()
        Administration(sandbox).trust_account_management()
        environment = sandbox.environment() | {
            "HOME": str(folder),
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{database}",
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
            "ROOTKEEPER_SCHEDULES_DRIFT_CHECKS": ", ".join(CHECKS),
            "ROOTKEEPER_SCHEDULES_REPORTS": REPORTING,
            "ROOTKEEPER_DELIVERY_TARGETS": f"securityhub, s3://{REPORTS}/evidence csv",
            "XDG_STATE_HOME": str(folder / "state"),
        }
        with ServerProcess.start(environment) as server:
            server.token("administrator", "ana")
            yield Works(sandbox, server, Program(environment, runner), database)


@contextmanager
def faulty(works: Works, **fault: object) -> Iterator[None]:
    """AWS answers in that way while the block runs: it denies the call unless said otherwise."""
    works.sandbox.faults(**({} if "lie" in fault else {"error": REFUSAL}), **fault)
    try:
        yield
    finally:
        works.sandbox.clear_faults()


def live_audits(works: Works) -> None:
    found = works.live("/audits", {"details": True}, "FinishedAudit")
    assert found["is_inventory_complete"]
    refused = works.live("/audits", NOWHERE, "FailedOutcome", "cancelled")
    assert "Root/Nowhere" in refused["problem"]["detail"]


def live_plans(works: Works) -> None:
    plan = works.live("/plans", {"selection": {"everything": True}}, "PlanRecord")
    reasons = {one["reason"] for one in plan["accounts"]}
    assert {None, "failsafe", "management_account", "not_active", "recently_used", "unknown"} <= reasons
    named = {"selection": {"accounts": [MANAGEMENT]}}
    refused = works.live("/plans", named, "FailedOutcome", "cancelled")
    assert MANAGEMENT in refused["problem"]["detail"]


def live_deletions(works: Works) -> None:
    live_deletion_of_which_one_account_fails(works)
    live_deletion_that_is_cancelled(works)
    plan = make_plan(works, PAYMENTS_EU)
    with faulty(works, operation="ListDelegatedAdministrators"):
        refused = works.live("/deletions", {"plan_id": plan["plan_id"]}, "FailedOutcome", "failed")
    assert refused["problem"]["code"] == "aws.access_denied"


def live_deletion_of_which_one_account_fails(works: Works) -> None:
    plan = make_plan(works, WEB, BILLING, DATA)
    exception = {"account": DATA, "owner": "Ana", "reason": "a move", "until": "2099-01-01T00:00:00Z"}
    assert works.ask("POST", "/exceptions", exception).status == 200
    with faulty(works, operation="DeleteAccessKey", account_id=BILLING):
        job = works.follow(works.begin("/deletions", {"plan_id": plan["plan_id"]}))
    assert job["state"] == "failed", job
    read_ended(works, job["job_id"])
    assert works.get(f"/jobs/{job['job_id']}/document") == plan
    results = works.list_results(job["job_id"])
    assert {one["outcome"] for one in results[WEB]["kinds"]} == {"deleted"}
    failed = next(one for one in results[BILLING]["kinds"] if one["kind"] == "access_keys")
    assert (failed["outcome"], failed["reason"]) == ("failed", "blocked_by_policy")
    assert results[DATA]["skip"]["reason"] == "exception"
    assert [results[one]["status"] for one in (WEB, BILLING)] == ["not_present", "present"]


def live_deletion_that_is_cancelled(works: Works) -> None:
    waves = {"canary": 1, "pause_seconds": 3600}
    job_id = works.begin("/deletions", {"plan_id": make_plan(works, WAREHOUSE, ORDERS_TEST)["plan_id"], "waves": waves})
    works.server.wait_until(lambda: len(works.list_results(job_id)) == 1, SECONDS)
    works.read(job_id, "UnfinishedDeletion")
    assert works.ask("POST", f"/jobs/{job_id}/cancel", {}).status == 202
    assert works.follow(job_id)["state"] == "cancelled"
    read_ended(works, job_id)


def read_ended(works: Works, job_id: str) -> None:
    """The outcome has the end a moment after the job has."""
    works.server.wait_until(lambda: "ended_at" in works.get(f"/jobs/{job_id}/outcome"), SECONDS)
    works.read(job_id, "FinishedDeletion")


def make_plan(works: Works, *account_ids: str) -> Any:
    plan = works.live("/plans", {"selection": {"accounts": account_ids}}, "PlanRecord")
    assert {one["account_id"] for one in plan["accounts"] if one["calls"]} == set(account_ids)
    return plan


def live_drift_checks(works: Works) -> None:
    assert check_setup(works, CHECKS[0])["accepted_at"] is None
    accepted = works.program.run("status", "--accept", "--yes")
    assert accepted.status == 0, accepted.shown
    deny = {"Version": "2012-10-17", "Statement": []}
    works.sandbox.create_policy({"name": "New", "type": "SERVICE_CONTROL_POLICY", "content": deny, "targets": [DATA]})
    found = check_setup(works, CHECKS[1])
    assert [one["part"] for one in found["differences"]] == ["guardrail"]
    audited = works.live("/audits", {"selection": {"accounts": [DATA]}}, "FinishedAudit")
    assert audited["drift"]["differences"] == found["differences"]
    assert audited["drift"]["accepted"]["accepted_by"] == found["accepted_by"]


def check_setup(works: Works, expression: str) -> Any:
    return make_up(works, ScheduleKind.DRIFT_CHECKS, expression, JobKind.DRIFT_CHECK, "DriftRecord")


def make_up(works: Works, scheduled: ScheduleKind, expression: str, kind: JobKind, shape: str) -> Any:
    """As if no server had run when it was due; what came of the job that is made up for."""
    (schedule,) = parse_schedules({scheduled: [expression]})
    known = {one["job_id"] for one in works.get(f"/jobs?kind={kind.value}")["jobs"]}
    with open_database(works.program.environment["ROOTKEEPER_DATABASE_URL"]) as database:
        (organization_id,) = database.list_organization_ids()
        store = ScheduleStore(database.store, database.commits, organization_id)
        works.server.wait_until(lambda: store.find_last_run(schedule.schedule_id) is not None)
        last = store.find_last_run(schedule.schedule_id)
        assert last is not None
        store.settle(schedule.schedule_id, last - timedelta(days=1), last)
    works.server.wait_until(lambda: len(works.get(f"/jobs?kind={kind.value}")["jobs"]) > len(known))
    (job_id,) = {one["job_id"] for one in works.get(f"/jobs?kind={kind.value}")["jobs"]} - known
    job = works.follow(job_id)
    assert job["state"] == "done", job
    return works.read(job_id, shape)


def live_ledger_verifications(works: Works) -> None:
    intact = works.live("/ledger/verifications", {}, "LedgerVerificationRecord")
    assert (intact["is_intact"], intact["findings"]) == (True, [])
    with edited_entry(works.database, 1):
        found = works.live("/ledger/verifications", {}, "LedgerVerificationRecord", "failed")
    assert (found["is_intact"], [one["seq"] for one in found["findings"]]) == (False, [1])


def live_failsafe_checks(works: Works) -> None:
    found = works.live("/failsafe-checks", {}, "FailsafeOutcome")
    assert found["failsafe_account_ids"]
    assert found["summary"]["checks"] == len(found["checks"])
    assert any(one["hint_code"] == "failsafe.drill" for one in found["checks"])


def live_breakglass_checks(works: Works) -> None:
    found = works.live("/breakglass-checks", {}, "BreakglassOutcome")
    assert {one["check"] for one in found["checks"]} >= {"permission_sets", "way_in"}
    assert found["openers"]


def live_preflights(works: Works) -> None:
    found = works.live("/preflights", {}, "PreflightRecord")
    assert {one["verdict"] for one in found["rows"]} >= {"allowed", "blocked"}
    assert any(one["policies"] and one["fix"] for one in found["rows"])
    refused = works.live("/preflights", NOWHERE, "FailedOutcome", "cancelled")
    assert "Root/Nowhere" in refused["problem"]["detail"]


def live_deliveries(works: Works) -> None:
    works.live("/audits", {"selection": {"accounts": [DATA]}}, "FinishedAudit")
    off = works.live("/report-deliveries", {"to": "securityhub"}, "FailedOutcome", "failed")
    assert "is not subscribed" in off["problem"]["detail"]
    Administration(works.sandbox).make_places_for_reports(REPORTS)
    everywhere = works.live("/report-deliveries", {}, "DeliveriesDocument")
    assert [one["target"] for one in everywhere["deliveries"]] == ["securityhub", f"s3://{REPORTS}/evidence/"]
    assert {one["result"] for one in everywhere["deliveries"]} == {"done"}
    scheduled = make_up(works, ScheduleKind.REPORTS, REPORTING, JobKind.REPORT_DELIVERY, "DeliveriesDocument")
    assert {one["result"] for one in scheduled["deliveries"]} == {"done"}
    earlier = {"to": "securityhub", "end": "2026-01-01T00:00:00Z"}
    failed = works.live("/report-deliveries", earlier, "DeliveriesDocument", "failed")
    assert {one["code"] for one in failed["deliveries"][0]["failed"]} == {"newer_exists"}
    elsewhere = works.ask("POST", "/report-deliveries", {"to": f"s3://{REPORTS}/elsewhere"})
    assert (elsewhere.status, elsewhere.body["code"]) == (403, "access.denied")


def live_unlocks(works: Works) -> None:
    live_listings(works)
    live_changes_of_a_bucket(works)
    live_changes_of_a_queue(works)


def live_listings(works: Works) -> None:
    (bucket,) = works.live("/unlocks", {"account": ORDERS, "kind": "s3"}, "BucketListing")["buckets"]
    assert (bucket["name"], bucket["locking_statements"]) == (BUCKET, ["OnlyTheDeployment"])
    assert works.live("/unlocks", {"account": DATA, "kind": "s3"}, "BucketListing")["buckets"] == []
    queues = {"account": ORDERS, "kind": "sqs", "regions": ["us-east-1", "eu-west-1"]}
    (queue,) = works.live("/unlocks", queues, "QueueListing")["queues"]
    assert queue["name"] == QUEUE
    with faulty(works, operation="ListQueues", times=1):
        (unread,) = works.live("/unlocks", queues, "QueueListing")["unread_regions"]
    assert unread["region"] in queues["regions"]
    refused = works.live("/unlocks", {"account": MANAGEMENT, "kind": "s3"}, "FailedOutcome", "cancelled")
    assert MANAGEMENT in refused["problem"]["detail"]


def live_changes_of_a_bucket(works: Works) -> None:
    bucket = {"account": ORDERS, "kind": "s3", "resource": BUCKET}
    shown = works.live("/unlocks", bucket, "ShownPolicyRecord")
    assert shown["locking_statements"]
    wrong = bucket | {"change": "remove", "shown_sha256": "0" * 64}
    works.live("/unlocks", wrong, "FailedOutcome", "failed")
    removal = bucket | {"change": "remove", "shown_sha256": shown["sha256"]}
    with faulty(works, operation="DeleteBucketPolicy"):
        works.live("/unlocks", removal, "FailedOutcome", "failed")
    with faulty(works, operation="DeleteBucketPolicy", lie=True):
        unchanged = works.live("/unlocks", removal, "ChangedPolicyRecord", "failed")
    assert (unchanged["result"], unchanged["verdict_after"]) == ("failed", shown["verdict"])
    done = works.live("/unlocks", removal, "ChangedPolicyRecord")
    assert (done["result"], done["saved"]["sha256"]) == ("done", shown["sha256"])
    assert works.live("/unlocks", bucket, "ShownPolicyRecord")["policy"] is None
    assert works.live("/unlocks", removal, "ChangedPolicyRecord")["result"] == "unchanged"
    restored = bucket | {"change": "restore", "policy": shown["policy_text"]}
    assert works.live("/unlocks", restored, "ChangedPolicyRecord")["saved"] is None


def live_changes_of_a_queue(works: Works) -> None:
    queue = {"account": ORDERS, "kind": "sqs", "resource": QUEUE, "regions": ["us-east-1"]}
    shown = works.live("/unlocks", queue, "ShownPolicyRecord")
    corrected = queue | {"change": "corrected", "shown_sha256": shown["sha256"]}
    assert works.live("/unlocks", corrected, "ChangedPolicyRecord")["result"] == "done"


LIVES: Mapping[JobKind, tuple[Callable[[Works], None], set[str]]] = {
    JobKind.AUDIT: (live_audits, {"FinishedAudit", "FailedOutcome"}),
    JobKind.BREAKGLASS_CHECK: (live_breakglass_checks, {"BreakglassOutcome"}),
    JobKind.DELETION: (live_deletions, {"UnfinishedDeletion", "FinishedDeletion", "FailedOutcome"}),
    JobKind.DRIFT_CHECK: (live_drift_checks, {"DriftRecord"}),
    JobKind.FAILSAFE_CHECK: (live_failsafe_checks, {"FailsafeOutcome"}),
    JobKind.LEDGER_VERIFICATION: (live_ledger_verifications, {"LedgerVerificationRecord"}),
    JobKind.PLAN: (live_plans, {"PlanRecord", "FailedOutcome"}),
    JobKind.PREFLIGHT: (live_preflights, {"FailedOutcome", "PreflightRecord"}),
    JobKind.REPORT_DELIVERY: (live_deliveries, {"DeliveriesDocument", "FailedOutcome"}),
    JobKind.UNLOCK: (
        live_unlocks,
        {"BucketListing", "ChangedPolicyRecord", "FailedOutcome", "QueueListing", "ShownPolicyRecord"},
    ),
}
"""What jobs of each kind live through, and the shapes of outcomes that they meet."""
QUICK = {JobKind.AUDIT, JobKind.DELETION}
"""Tried in the quick suite too."""


def test_every_kind_of_job_and_every_shape_of_outcome_is_tried() -> None:
    assert set(LIVES) == set(JobKind)
    assert set().union(*(shapes for _, shapes in LIVES.values())) == set(list_shapes())


@pytest.mark.parametrize("kind", [pytest.param(one, marks=[] if one in QUICK else pytest.mark.long) for one in LIVES])
def test_what_is_answered_about_a_job_is_what_the_document_describes(works: Works, kind: JobKind) -> None:
    live, shapes = LIVES[kind]
    live(works)
    assert works.met[kind] == shapes
