"""What the routes answer: accounts, windows, jobs, audits, the ledger, identities."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.aws.rules import AwsWork
from rootkeeper.errors import AwsAccessDeniedError, PlanInvalidError
from rootkeeper.jobs.records import job_from_record
from rootkeeper.jobs.rules import JobKind, JobProgress, JobState, problem_to_record
from rootkeeper.ledger.rules import Action, ActorKind
from rootkeeper.organization.records import account_from_record
from rootkeeper.organization.statuses import AccountRole, AccountStatus, KeptAudit, RootCredentialsSummary, Status
from rootkeeper.server.job_streams import MOST_STREAMS_OF_PERSON
from rootkeeper.values import JsonValue
from rootkeeper.windows.records import window_from_record
from rootkeeper.windows.rules import WindowState
from tests.durations import Stopwatch
from tests.fakes.api_services import PAYMENTS_ID, FakeServices, make_account, make_inventory
from tests.fakes.clock import START
from tests.functional.api.browsers import PASSWORD as SIGN_IN_PASSWORD
from tests.functional.api.browsers import add_user
from tests.functional.api.serving import SECONDS, ApiServer

PASSWORD = RootCredentialsSummary(
    has_password=True, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)
REQUEST = {"account": "payments", "reason": "restore a bucket", "ticket": "INC-1", "duration": "2h"}


def present(services: FakeServices) -> AccountStatus:
    (payments,) = (one for one in make_inventory().accounts if one.account_id == PAYMENTS_ID)
    return AccountStatus(
        payments, AccountRole.MEMBER, Status.PRESENT, summary=PASSWORD, observed_at=services.clock.now()
    )


# Accounts.


def test_accounts_are_listed_with_their_last_reading(api: ApiServer) -> None:
    api.services.inventory_store.save_statuses([present(api.services)])
    answer = api.get("/accounts").json
    assert [one["status"] for one in answer["accounts"]] == ["not_applicable", "present"]
    assert account_from_record(answer["accounts"][1]) == present(api.services)
    assert (answer["summary"]["accounts"], answer["summary"]["present"], answer["total"]) == (2, 1, 2)
    assert answer["next"] is None
    assert answer["root_logins_left_to_secure"] == {
        "known": 1,
        "unknown": 1,
        "unread": 0,
        "headline": "Root logins left to secure: 1 known, 1 unknown, 0 unread",
    }
    assert answer["listed_at"] == "2026-01-15T09:00:00Z"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("ou=Workloads", ["payments"]),
        ("ou=r-1234", ["management", "payments"]),
        ("tag=team%3Dpayments", ["payments"]),
        ("status=present", ["payments"]),
        ("status=present&status=not_applicable", ["payments"]),
        ("status=present&status=unknown", ["management", "payments"]),
        ("q=PAYM", ["payments"]),
        ("q=33334", ["payments"]),
        ("q=nothing", []),
    ],
)
def test_accounts_can_be_narrowed(api: ApiServer, query: str, names: list[str]) -> None:
    api.services.inventory_store.save_statuses([present(api.services)])
    answer = api.get(f"/accounts?{query}").json
    assert [one["name"] for one in answer["accounts"]] == names
    assert answer["summary"]["accounts"] == len(names)


def test_many_accounts_come_in_pages_that_join_without_gaps(api: ApiServer) -> None:
    inventory = make_inventory()
    many = tuple(make_account(f"{number:012d}", f"name-{number}") for number in range(1, 8))
    api.services.inventory_store.save(replace(inventory, accounts=(*inventory.accounts, *many)))
    found: list[str] = []
    following: str | None = ""
    while following is not None:
        page = api.get(f"/accounts?limit=4{following}").json
        found += [one["account_id"] for one in page["accounts"]]
        following = None if page["next"] is None else f"&after={page['next']}"
    assert len(found) == len(set(found)) == 9


def test_pages_are_of_one_moment_and_the_first_one_is_of_now(api: ApiServer) -> None:
    first = api.get("/accounts?limit=1").json
    api.services.inventory_store.save(replace(make_inventory(), accounts=make_inventory().accounts[:1]))
    assert [one["name"] for one in api.get(f"/accounts?after={first['next']}").json["accounts"]] == ["payments"]
    assert api.get("/accounts").json["total"] == 1
    assert api.get("/accounts?after=222233334444").code == "input.invalid"


def test_an_organization_that_was_never_listed_has_no_accounts_and_says_so(api: ApiServer) -> None:
    api.services.inventory_store.last = None
    answer = api.get("/accounts").json
    assert (answer["accounts"], answer["listed_at"], answer["summary"]["accounts"]) == ([], None, 0)
    assert api.get("/organizations").json["organizations"][0]["organizational_units"] == []
    assert api.get(f"/accounts/{PAYMENTS_ID}").code == "input.not_found"


def test_one_account_is_shown_with_its_windows(api: ApiServer) -> None:
    window = api.post("/windows", REQUEST).json
    answer = api.get(f"/accounts/{PAYMENTS_ID}").json
    assert (answer["name"], answer["window_ids"]) == ("payments", [window["window_id"]])


def test_the_tree_of_units_is_shown(api: ApiServer) -> None:
    (organization,) = api.get("/organizations").json["organizations"]
    assert organization["organization_id"] == "o-exampleorgid"
    assert organization["organizational_units"][1] == {
        "ou_id": "ou-1234-abcdefgh",
        "name": "Workloads",
        "parent_id": "r-1234",
    }


# Windows.


def test_a_window_is_requested_by_the_holder_of_the_token_and_with_the_credentials_of_recovery(api: ApiServer) -> None:
    answer = api.post("/windows", REQUEST)
    assert answer.status == 201
    window = window_from_record(answer.json)
    assert (window.account_id, window.duration_seconds, window.requested_by) == (PAYMENTS_ID, 7200, "operator-token")
    (act, actor, work) = api.services.acts[-1]
    assert (act, actor.name, actor.kind, work) == ("request", "operator-token", ActorKind.TOKEN, AwsWork.RECOVER)
    assert api.get("/windows/" + window.window_id).json["state"] == "REQUESTED"
    assert api.get(f"/windows/{PAYMENTS_ID}").json["window_id"] == window.window_id


def test_a_request_is_checked_without_asking_anyone_for_anything(api: ApiServer) -> None:
    answer = api.post("/windows/check", REQUEST)
    assert answer.status == 200
    assert (answer.json["account_id"], answer.json["duration_seconds"]) == (PAYMENTS_ID, 7200)
    assert (answer.json["email"], answer.json["approvals_needed"]) == ("payments@example.com", 1)
    assert answer.json["present"]["password"] is False
    assert answer.json["remarks"] == ["1 person other than the requester must approve it before it can be opened."]
    assert api.services.windows.kept == {}
    (act, _, work) = api.services.acts[-1]
    assert (act, work) == ("plan", AwsWork.RECOVER)


def test_the_background_of_a_request_names_other_approvers_only_to_people_who_take_part(api: ApiServer) -> None:
    window_id = api.post("/windows", REQUEST).json["window_id"]
    assert api.get("/windows", ServerRole.ADMINISTRATOR).status == 200, "its token exists from now on"
    known = api.get(f"/windows/{window_id}/background", ServerRole.APPROVER)
    assert known.status == 200
    assert known.json["check"] is None, "this server doesn't record requests"
    assert known.json["of_account"] == known.json["of_requester"] == {"total": 0, "newest": []}
    assert "administrator-token" in known.json["approvers"]
    assert not {"approver-token", "operator-token", "viewer-token"} & set(known.json["approvers"])
    assert api.get(f"/windows/{window_id}/background", ServerRole.VIEWER).json["approvers"] is None


def test_what_speaks_against_a_request_is_reported_by_the_check_as_by_the_request(api: ApiServer) -> None:
    api.services.failure = AwsAccessDeniedError("Policy p-1 blocks it.", hint="Change the policy first.")
    answer = api.post("/windows/check", REQUEST)
    assert (answer.status, answer.code) == (502, AwsAccessDeniedError.code)
    assert answer.json["hint"] == "Change the policy first."


def test_a_young_listing_of_accounts_is_used_and_an_old_one_read_again(api: ApiServer) -> None:
    api.post("/windows", REQUEST)
    assert "read inventory" not in [act for act, _, _ in api.services.acts]
    api.services.clock.advance(301)
    api.post("/windows", REQUEST)
    assert "read inventory" in [act for act, _, _ in api.services.acts]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"account": "unknown"}, "input.invalid"),
        ({"account": "999988887777"}, "target.refused"),
        ({"duration": "never"}, "input.invalid"),
        ({"duration": "73h"}, "input.invalid"),
        ({"duration_seconds": 60}, "input.invalid"),
        ({"reason": " "}, "input.invalid"),
        ({"reason": "a\x00b"}, "input.invalid"),
        ({"colour": "blue"}, "input.invalid"),
    ],
)
def test_a_wrong_request_is_refused_and_nothing_asked_of_anyone(
    api: ApiServer, change: dict[str, Any], code: str
) -> None:
    answer = api.post("/windows", REQUEST | change)
    assert (answer.status, answer.code) == (422, code)
    assert api.services.windows.kept == {}


@pytest.mark.parametrize(
    ("what", "role", "body", "act", "work"),
    [
        ("approve", ServerRole.APPROVER, None, "approve None None", None),
        (
            "approve",
            ServerRole.APPROVER,
            {"account_id": PAYMENTS_ID, "duration": "2h"},
            f"approve {PAYMENTS_ID} 7200",
            None,
        ),
        ("deny", ServerRole.APPROVER, {"reason": "not now"}, "deny", None),
        ("cancel", ServerRole.OPERATOR, None, "cancel", None),
        ("extend", ServerRole.APPROVER, {"duration_seconds": 600}, "extend 600", AwsWork.RECOVER),
        ("review", ServerRole.APPROVER, None, "review", None),
        ("activate", ServerRole.OPERATOR, None, "activate", AwsWork.RECOVER),
        ("close", ServerRole.OPERATOR, None, "close", AwsWork.RECOVER),
    ],
)
def test_a_window_is_decided_on_in_the_name_of_its_caller(
    api: ApiServer, what: str, role: ServerRole, body: object, act: str, work: AwsWork | None
) -> None:
    window_id = api.post("/windows", REQUEST).json["window_id"]
    answer = api.post(f"/windows/{window_id}/{what}", body, role)
    assert answer.status == 200, answer
    assert api.services.acts[-1][0] == act
    assert api.services.acts[-1][1].name == f"{role.value}-token"
    assert api.services.acts[-1][2] is work
    assert answer.json["window_id"] == window_id


def test_deciding_works_without_any_body(api: ApiServer) -> None:
    window_id = api.post("/windows", REQUEST).json["window_id"]
    token = api.token(ServerRole.APPROVER)
    answer = api.send("POST", f"/api/v1/windows/{window_id}/approve", None, {"Authorization": f"Bearer {token}"})
    assert answer.status == 200


def test_what_came_of_opening_and_closing_is_reported(api: ApiServer) -> None:
    window_id = api.post("/windows", REQUEST).json["window_id"]
    opened = api.post(f"/windows/{window_id}/activate").json
    assert (opened["state"], opened["outcome"], opened["exit_status"]) == ("OPEN", "open", 0)
    closed = api.post(f"/windows/{window_id}/close").json
    assert (closed["state"], closed["outcome"], closed["is_closed"]) == ("CLOSED_VERIFIED", "closed", True)


def test_an_opening_that_aws_refused_is_a_problem_in_its_own_words(api: ApiServer) -> None:
    window_id = api.post("/windows", REQUEST).json["window_id"]
    api.services.failure = AwsAccessDeniedError("AWS refused CreateLoginProfile.", hint="Switch the feature on.")
    answer = api.post(f"/windows/{window_id}/activate")
    assert (answer.status, answer.code) == (502, "aws.access_denied")
    assert answer.json["hint"] == "Switch the feature on."


def test_windows_are_listed_in_pages_and_by_state_and_account(api: ApiServer) -> None:
    first = api.post("/windows", REQUEST).json["window_id"]
    api.post(f"/windows/{first}/deny", {"reason": "no"}, ServerRole.APPROVER)
    api.services.clock.advance(1)
    second = api.post("/windows", REQUEST).json["window_id"]
    page = api.get("/windows?limit=1").json
    assert [one["window_id"] for one in page["windows"]] == [second]
    assert [one["window_id"] for one in api.get(f"/windows?after={page['next']}").json["windows"]] == [first]
    assert [one["window_id"] for one in api.get("/windows?state=DENIED").json["windows"]] == [first]
    assert [one["window_id"] for one in api.get("/windows?unfinished=true").json["windows"]] == [second]
    assert len(api.get(f"/windows?account_id={PAYMENTS_ID}").json["windows"]) == 2
    assert api.get("/windows?account_id=111122223333").json["windows"] == []


def test_an_activation_continues_when_the_client_has_gone(api: ApiServer) -> None:
    window_id = api.post("/windows", REQUEST).json["window_id"]
    begun, continue_job = threading.Event(), threading.Event()
    update = api.services.windows.update

    def wait_and_update(*arguments: Any) -> Any:
        begun.set()
        assert continue_job.wait(SECONDS)
        return update(*arguments)

    object.__setattr__(api.services, "windows", _Slow(api.services.windows, wait_and_update))
    connection = HTTPConnection("127.0.0.1", api.port, timeout=SECONDS)
    headers = {"Authorization": f"Bearer {api.token(ServerRole.OPERATOR)}", "Content-Length": "0"}
    connection.request("POST", f"/api/v1/windows/{window_id}/activate", None, headers)
    assert begun.wait(SECONDS)
    connection.close()
    continue_job.set()
    end = threading.Event()
    for _ in range(100 * SECONDS):
        if api.services.windows.get(window_id).state is WindowState.OPEN:
            return
        end.wait(0.01)
    raise AssertionError("it didn't go on")


class _Slow:
    """Windows whose update waits."""

    def __init__(self, windows: Any, update: Any) -> None:
        self._windows = windows
        self.update = update

    def __getattr__(self, name: str) -> Any:
        return getattr(self._windows, name)


# The same request twice.


def test_a_request_that_comes_again_under_its_key_is_answered_as_before_and_done_once(api: ApiServer) -> None:
    first = api.post("/windows", REQUEST, Idempotency_Key="k-1")
    again = api.post("/windows", REQUEST, Idempotency_Key="k-1")
    assert (again.status, again.json) == (first.status, first.json)
    assert [act for act, _, _ in api.services.acts] == ["request"]
    assert api.post("/windows", REQUEST, Idempotency_Key="k-2").code == "window.conflict"


def test_a_key_serves_one_request_and_one_person(api: ApiServer) -> None:
    api.post("/windows", REQUEST, Idempotency_Key="k-1")
    other = api.post("/windows", REQUEST | {"reason": "another"}, Idempotency_Key="k-1")
    assert (other.status, other.code) == (422, "input.invalid")
    theirs = api.post("/windows", REQUEST, ServerRole.ADMINISTRATOR, Idempotency_Key="k-1")
    assert (theirs.status, theirs.code) == (409, "window.conflict")


def test_a_request_that_failed_is_done_again_under_the_same_key(api: ApiServer) -> None:
    assert api.post("/windows/w-0/cancel", None, Idempotency_Key="k-1").status in (404, 422)
    api.post("/windows", REQUEST)
    assert api.post("/windows/w-0/cancel", None, Idempotency_Key="k-1").status == 200


def test_a_revoked_token_gets_no_old_answer(api: ApiServer) -> None:
    api.post("/windows", REQUEST, Idempotency_Key="k-1")
    api.services.identities.disable("operator-token", START)
    assert api.post("/windows", REQUEST, Idempotency_Key="k-1").status == 401


# Jobs.


def test_an_audit_is_a_job_that_the_engine_enqueues(api: ApiServer) -> None:
    answer = api.post("/audits", None, ServerRole.AUDITOR)
    assert answer.status == 202
    job = job_from_record(answer.json)
    assert (job.kind, job.state, job.created_by) == (JobKind.AUDIT, JobState.QUEUED, "auditor-token")
    assert job.parameters["selection"]["everything"] is True  # type: ignore[index, call-overload]  # JSON
    assert api.services.engine.enqueued == [job.job_id]
    assert [entry.action for entry in api.services.database.entries] == [Action.JOB_REQUEST]
    assert api.get(f"/jobs/{job.job_id}").json["job_id"] == job.job_id


def test_a_selection_is_taken_as_people_write_it(api: ApiServer) -> None:
    selection = {"accounts": ["payments"], "tags": ["env=prod"], "statuses": ["present"], "excluded": ["old"]}
    kept = api.post("/audits", {"selection": selection, "details": True}, ServerRole.AUDITOR).json["parameters"]
    assert kept["details"] is True
    assert kept["selection"]["named"] == [{"text": "payments", "source": ""}]
    assert kept["selection"]["tags"] == [["env", "prod"]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/plans", {}),
        ("/plans", {"selection": {}}),
        ("/plans", {"selection": {"everything": True}, "only": ["nails"]}),
        ("/plans", {"selection": {"everything": True}, "only": []}),
        ("/audits", {"selection": {"tags": ["nothing"]}}),
        ("/audits", {"selection": {"included_failsafes": ["12"]}}),
        ("/deletions", {"plan_id": "no plan"}),
        ("/deletions", {}),
        ("/preflights", {"selection": {"statuses": ["present"]}}),
        ("/unlocks", {"account": "payments", "kind": "ec2"}),
        ("/unlocks", {"account": "payments", "kind": "s3", "change": "remove"}),
        ("/unlocks", {"account": "payments", "kind": "s3", "resource": "a-bucket", "change": "replace"}),
    ],
)
def test_what_cant_be_asked_for_is_refused_at_once(api: ApiServer, path: str, body: dict[str, Any]) -> None:
    answer = api.post(path, body)
    assert answer.status == 422, answer
    assert api.services.engine.enqueued == []


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/plans", {"selection": {"everything": True}}, "plan"),
        ("/preflights", {}, "preflight"),
        ("/unlocks", {"account": "payments", "kind": "s3"}, "unlock"),
    ],
)
def test_every_kind_of_job_can_be_asked_for(api: ApiServer, path: str, body: dict[str, Any], kind: str) -> None:
    answer = api.post(path, body)
    assert (answer.status, answer.json["kind"]) == (202, kind)


def test_results_and_outcome_of_a_job_are_shown(api: ApiServer) -> None:
    job = api.services.add_job(kind=JobKind.DELETION)
    assert api.get("/jobs/j-ce/outcome").code == "input.not_found"
    result: dict[str, JsonValue] = {"kinds": [], "skip": None, "status": "not_present"}
    outcome = json.dumps(problem_to_record(PlanInvalidError("It was altered.")))
    api.services.jobs.record_results(job, {PAYMENTS_ID: result}, JobProgress(1, 1))
    api.services.jobs.set_outcome(job, outcome)
    assert api.get("/jobs/j-ce/results").json["results"] == [{"account_id": PAYMENTS_ID, **result}]
    assert api.get("/jobs/j-ce/outcome").content.decode() == outcome


def test_jobs_are_listed_in_pages(api: ApiServer) -> None:
    for number in range(3):
        api.services.add_job(f"j-{number}")
        api.services.clock.advance(1)
    page = api.get("/jobs?limit=2").json
    assert [job["job_id"] for job in page["jobs"]] == ["j-2", "j-1"]
    assert [job["job_id"] for job in api.get(f"/jobs?limit=2&after={page['next']}").json["jobs"]] == ["j-0"]


def test_a_job_can_be_cancelled_and_the_ledger_says_by_whom(api: ApiServer) -> None:
    job_id = api.post("/audits", None, ServerRole.AUDITOR).json["job_id"]
    assert api.post(f"/jobs/{job_id}/cancel", None, ServerRole.AUDITOR).status == 403
    assert api.post(f"/jobs/{job_id}/cancel").json["state"] == "cancelled"
    assert api.services.database.entries[-1].action is Action.JOB_CANCEL
    assert api.post(f"/jobs/{job_id}/cancel").code == "job.conflict"


def test_a_deletion_is_taken_up_again_only_by_a_user_who_may_delete(api: ApiServer) -> None:
    api.services.add_job(state=JobState.INTERRUPTED, kind=JobKind.DELETION)
    assert api.post("/jobs/j-ce/resume", None, ServerRole.AUDITOR).code == "access.denied"
    assert api.post("/jobs/j-ce/resume", None, ServerRole.VIEWER).code == "access.denied"
    assert api.post("/jobs/j-ce/resume", None, ServerRole.OPERATOR).code != "access.denied"


@contextmanager
def follow(api: ApiServer, job_id: str, role: ServerRole = ServerRole.VIEWER) -> Iterator[HTTPResponse]:
    connection = HTTPConnection("127.0.0.1", api.port, timeout=SECONDS)
    try:
        headers = {"Authorization": f"Bearer {api.token(role)}"}
        connection.request("GET", f"/api/v1/jobs/{job_id}/events", None, headers)
        yield connection.getresponse()
    finally:
        connection.close()


def test_a_job_is_followed_until_it_is_over(api: ApiServer) -> None:
    job = api.services.add_job()
    with follow(api, "j-ce") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.readline() == b"event: job\n"
        assert b'"state": "running"' in response.readline()
        api.services.jobs.end(job, JobState.DONE, JobProgress(2, 2))
        rest = response.read().decode()
    assert '"state": "done"' in rest
    assert rest.count("event: job") == 1


def test_a_stream_ends_when_the_server_is_about_to(api: ApiServer) -> None:
    api.services.add_job()
    with follow(api, "j-ce") as response:
        response.readline()
        api.services.is_stopping = True
        response.read()


def test_a_stream_ends_when_the_token_is_revoked(api: ApiServer) -> None:
    job = api.services.add_job()
    with follow(api, "j-ce") as response:
        response.readline()
        api.services.identities.disable("viewer-token", api.services.clock.now())
        response.readline()
        api.services.jobs.end(job, JobState.DONE, JobProgress(2, 2))
        assert b"done" not in response.read()


def test_streams_of_clients_that_went_away_are_given_back(api: ApiServer) -> None:
    job = api.services.add_job()
    for _ in range(3):
        with follow(api, "j-ce") as response:
            response.readline()
    api.services.jobs.end(job, JobState.DONE, JobProgress())
    with follow(api, "j-ce") as response:
        assert b"done" in response.read()


def test_p32_one_person_cant_take_all_streams(api: ApiServer) -> None:
    api.services.add_job()
    with ExitStack() as held:
        for _ in range(MOST_STREAMS_OF_PERSON):
            assert held.enter_context(follow(api, "j-ce")).status == 200
        with follow(api, "j-ce") as refused:
            assert refused.status == 409
            assert b"You follow 10 jobs already." in refused.read()
        with follow(api, "j-ce", ServerRole.AUDITOR) as other:
            assert other.readline() == b"event: job\n"
    watch = Stopwatch()
    while True:  # the server notices that clients went away when it sends something
        with follow(api, "j-ce") as response:
            if response.status == 200:
                return
        assert watch.seconds < SECONDS
        watch.pause(0.05)


def test_an_unknown_job_has_no_events(api: ApiServer) -> None:
    with follow(api, "j-nothing") as response:
        assert response.status in (404, 422)


# Audits that are kept, the ledger, schedules.


def test_kept_audits_are_listed_shown_and_compared(api: ApiServer) -> None:
    before = present(api.services)
    after = replace(before, status=Status.NOT_PRESENT, summary=replace(PASSWORD, has_password=False))
    for number, status in enumerate((before, after)):
        end = START + timedelta(hours=number)
        audit = KeptAudit(f"a-{number}", end, end, "AWS", True, "ana", {"accounts": 1})
        api.services.history.add(audit, [replace(status, observed_at=end)])
    assert [audit["audit_id"] for audit in api.get("/audits").json["audits"]] == ["a-1", "a-0"]
    assert api.get("/audits/a-0").json["accounts"][0]["status"] == "present"
    assert api.get("/audits/none").code == "input.not_found"
    (changed,) = api.get("/audits/diff").json["accounts"]
    assert changed["account_id"] == PAYMENTS_ID
    assert api.get("/audits/diff?older=never").code == "input.invalid"
    history = api.get(f"/history/{PAYMENTS_ID}").json
    assert (history["name"], history["audits"], len(history["entries"])) == ("payments", 2, 2)


def test_the_ledger_is_read_in_pages(api: ApiServer) -> None:
    for _ in range(3):
        api.post("/audits", None, ServerRole.AUDITOR)
    page = api.get("/ledger?limit=2").json
    assert [entry["sequence"] for entry in page["entries"]] == [1, 2]
    assert [entry["sequence"] for entry in api.get(f"/ledger?after={page['next']}").json["entries"]] == [3]


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        ("", [3, 2, 1]),
        ("?limit=2", [3, 2]),
        ("?before=3", [2, 1]),
        ("?action=job:request", [3, 2, 1]),
        ("?action=window:open&action=job:request&result=done", [3, 2, 1]),
        ("?action=window:open", []),
        ("?result=failed", []),
        ("?actor=alice", [3, 2, 1]),
        ("?actor=unknown-user", []),
        (f"?account_id={PAYMENTS_ID}", []),
    ],
)
def test_the_latest_entries_of_the_ledger_are_found(api: ApiServer, query: str, sequences: list[int]) -> None:
    for _ in range(3):
        api.post("/audits", None, ServerRole.AUDITOR)
    page = api.get(f"/ledger/latest{query}").json
    assert [entry["sequence"] for entry in page["entries"]] == sequences
    assert page["next"] == ("2" if query == "?limit=2" else None)
    assert page["total"] == (3 if sequences else 0)


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        ("from=2026-01-15T10:00:00Z", [3, 2]),
        ("to=2026-01-15T10:00:00Z", [2, 1]),
        ("from=2026-01-15T09:00:01Z&to=2026-01-15T10:59:59.999999Z", [2]),
        ("from=2026-01-15T12:30:00%2B02:00", [3]),
        ("from=2027-01-01T00:00:00Z", []),
    ],
)
def test_entries_of_a_period_are_found_in_both_orders(api: ApiServer, query: str, sequences: list[int]) -> None:
    for _ in range(3):
        api.post("/audits", None, ServerRole.AUDITOR)
        api.services.clock.advance(3_600)
    for path, expected in (("/ledger/latest", sequences), ("/ledger", sequences[::-1])):
        assert [entry["sequence"] for entry in api.get(f"{path}?{query}").json["entries"]] == expected


@pytest.mark.parametrize("path", ["/ledger", "/ledger/latest", "/reports/coverage"])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "isn't after its start"),
        ("from=2026-02-01T00:00:00", "timezone"),
        ("to=soon", "datetime"),
        ("from=0001-01-01T00:00:00%2B14:00", "2000-01-01 to 2999-12-31"),
        ("to=9999-12-31T23:59:59-14:00", "2000-01-01 to 2999-12-31"),
    ],
)
def test_what_is_no_period_is_refused(api: ApiServer, path: str, query: str, message: str) -> None:
    answer = api.get(f"{path}?{query}", ServerRole.AUDITOR)
    assert (answer.status, answer.code) == (422, "input.invalid")
    assert message in json.dumps(answer.json)


def test_the_latest_entries_of_what_is_no_action_are_refused(api: ApiServer) -> None:
    assert api.get("/ledger/latest?action=nonsense").code == "input.invalid"
    assert api.get("/ledger/latest?account_id=12").code == "input.invalid"


def test_schedules_are_shown(api: ApiServer) -> None:
    (schedule,) = api.get("/schedules").json["schedules"]
    assert (schedule["kind"], schedule["time_zone"]) == ("audits", "Europe/Berlin")


def test_targets_are_tried_from_the_server(api: ApiServer) -> None:
    (target,) = api.post("/notifications/test", None, ServerRole.ADMINISTRATOR).json["targets"]
    assert (target["target"], target["result"]) == ("oncall", "failed")
    assert target["failure"] == "The target oncall doesn't answer."
    unknown = api.post("/notifications/test", {"target": "unknown"}, ServerRole.ADMINISTRATOR)
    assert unknown.code == "input.not_found"


# Identities.


def test_an_administrator_makes_a_token_that_acts_at_once_and_is_shown_once(api: ApiServer) -> None:
    made = api.post("/tokens", {"name": "ci", "role": "auditor", "expires_in_days": 1}, ServerRole.ADMINISTRATOR)
    assert made.status == 201
    token = made.json["token"]
    assert api.send("GET", "/api/v1/me", None, {"Authorization": f"Bearer {token}"}).json["name"] == "ci"
    listed = api.get("/identities", ServerRole.ADMINISTRATOR)
    assert {one["name"] for one in listed.json["identities"]} == {"ci", "administrator-token"}
    assert token not in listed.content.decode()
    assert len(api.get("/tokens", ServerRole.ADMINISTRATOR).json["identities"]) == 2
    assert api.get("/users", ServerRole.ADMINISTRATOR).json["identities"] == []
    assert api.post("/identities/ci/disable", None, ServerRole.ADMINISTRATOR).json["is_usable"] is False
    assert api.send("GET", "/api/v1/me", None, {"Authorization": f"Bearer {token}"}).status == 401


def test_a_user_signs_in_acts_and_signs_out(api: ApiServer) -> None:
    add_user(api, "ana", ServerRole.AUDITOR)
    signed_in = api.post("/auth/sign-in", {"name": "ana", "password": SIGN_IN_PASSWORD}, None).json
    headers = {"Authorization": f"Bearer {signed_in['token']}"}
    me = api.send("GET", "/api/v1/me", None, headers).json
    assert (me["name"], me["kind"], me["role"]) == ("ana", "user", "auditor")
    assert api.send("POST", "/api/v1/auth/sign-out", None, headers).status == 204
    assert api.send("GET", "/api/v1/me", None, headers).status == 401
    assert api.send("POST", "/api/v1/auth/sign-out", None, headers).status == 204


def test_a_changed_role_holds_at_once(api: ApiServer) -> None:
    add_user(api, "ana", ServerRole.VIEWER)
    token = api.post("/auth/sign-in", {"name": "ana", "password": SIGN_IN_PASSWORD}, None).json["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    assert api.send("POST", "/api/v1/audits", b"{}", headers).status == 403
    api.post("/identities/ana/set-role", {"role": "auditor"}, ServerRole.ADMINISTRATOR)
    assert api.send("POST", "/api/v1/audits", b"{}", headers).status == 202


def test_a_wrong_sign_in_reveals_nothing_and_too_many_make_it_wait(api: ApiServer) -> None:
    wrong = {"name": "unknown", "password": "wrong"}
    for _ in range(10):
        answer = api.post("/auth/sign-in", wrong, None)
        assert (answer.status, answer.code) == (401, "access.not_signed_in")
    limited = api.post("/auth/sign-in", wrong, None)
    assert (limited.status, limited.code, limited.headers["retry-after"]) == (
        429,
        "access.too_many_attempts",
        "5",
    )


@pytest.mark.parametrize("body", [{"name": "x", "role": "viewer"}, {"name": "a b", "role": "viewer"}, {"name": "ci"}])
def test_a_token_that_cant_be_isnt_made(api: ApiServer, body: dict[str, Any]) -> None:
    assert api.post("/tokens", body, ServerRole.ADMINISTRATOR).status == 422
