"""The routes about the set-up, the overview, policy, exceptions, reports and the ledger's verification."""

from __future__ import annotations

import csv
import io
import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.access.rules import Identity, IdentityKind, Permission, ServerRole, TokenScope
from rootkeeper.aws.rules import AwsWork
from rootkeeper.errors import AwsAccessDeniedError
from rootkeeper.jobs.rules import JobKind
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.statuses import AccountRole, AccountStatus, KeptAudit, RootCredentialsSummary, Status
from rootkeeper.server.accounts import FAILURE_KEPT_SECONDS, KEPT_SECONDS
from rootkeeper.settings.reading import load_settings
from rootkeeper.windows.rules import WindowState
from tests.fakes.api_services import MANAGEMENT_ID, PAYMENTS_ID, FakeServices, make_inventory
from tests.fakes.clock import START
from tests.fakes.evidence import CHECKED
from tests.fakes.stores import make_window
from tests.functional.api.serving import SECONDS, ApiServer

ADMINISTRATOR = ServerRole.ADMINISTRATOR
AUDITOR = ServerRole.AUDITOR
BOTH = ["RootCredentialsManagement", "RootSessions"]
EVERYTHING_ON = {"features": BOTH, "delegated_administrator": PAYMENTS_ID}
EXCEPTION = {"account": "payments", "owner": "Ana", "reason": "A vendor signs in", "until": "2026-03-01T00:00:00Z"}


def status_of(services: FakeServices, role: AccountRole, status: Status, *, has_mfa: bool = False) -> AccountStatus:
    (payments,) = (one for one in make_inventory().accounts if one.account_id == PAYMENTS_ID)
    found = RootCredentialsSummary(
        has_password=True, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=has_mfa
    )
    return AccountStatus(payments, role, status, summary=found, observed_at=services.clock.now())


def keep_audit(services: FakeServices, audit_id: str, statuses: list[AccountStatus]) -> None:
    services.clock.advance(60)
    now = services.clock.now()
    summary = {"accounts": len(statuses)}
    services.history.add(KeptAudit(audit_id, now, now, "AWS", True, "ana", summary), statuses)


# The set-up.


def test_the_set_up_is_shown_as_aws_says_now(api: ApiServer) -> None:
    answer = api.get("/setup").json
    assert (answer["trusted_access"], answer["features"], answer["delegated_administrators"]) == (False, [], [])
    api.services.organization.trusted_access = True
    api.services.organization.delegated_administrators = [PAYMENTS_ID]
    answer = api.get("/setup").json
    assert answer["trusted_access"] is True
    assert answer["delegated_administrators"] == [{"account_id": PAYMENTS_ID, "name": "payments"}]


def test_both_features_are_listed_on_or_off(api: ApiServer) -> None:
    assert [one["is_on"] for one in api.get("/features").json["features"]] == [False, False]
    assert [one["name"] for one in api.get("/features").json["features"]] == BOTH


def test_a_plan_of_the_set_up_changes_nothing(api: ApiServer) -> None:
    answer = api.post("/setup/plan", EVERYTHING_ON, ADMINISTRATOR)
    assert (answer.status, [step["outcome"] for step in answer.json["steps"]]) == (200, ["planned"] * 4)
    assert answer.json["steps"][-1]["what"] == f"Register {PAYMENTS_ID} as delegated administrator"
    assert api.services.organization.changing_calls == []


def test_an_administrator_switches_everything_on_with_an_intent_for_each_step(api: ApiServer) -> None:
    answer = api.post("/setup", EVERYTHING_ON, ADMINISTRATOR)
    assert (answer.status, answer.json["is_proven"]) == (200, True)
    assert [step["outcome"] for step in answer.json["steps"]] == ["changed"] * 4
    assert answer.json["setup"]["features"] == BOTH
    recorded = [entry.action for entry in api.services.database.entries if entry.intent_sequence is None]
    assert recorded == [
        Action.TRUSTED_ACCESS_ENABLE,
        Action.FEATURE_ENABLE,
        Action.FEATURE_ENABLE,
        Action.DELEGATED_ADMINISTRATOR_REGISTER,
    ]
    acts = [(act, actor.name, work) for act, actor, work in api.services.acts]
    assert acts == [("enable", "administrator-token", AwsWork.AUDIT)]
    again = api.post("/setup", EVERYTHING_ON, ADMINISTRATOR).json
    assert (again["steps"], len(again["unneeded"])) == ([], 4)


@pytest.mark.parametrize("role", [ServerRole.VIEWER, AUDITOR, ServerRole.OPERATOR, ServerRole.APPROVER])
def test_no_one_else_changes_the_set_up(api: ApiServer, role: ServerRole) -> None:
    assert api.post("/setup", EVERYTHING_ON, role).code == "access.denied"
    assert api.services.organization.changing_calls == []


@pytest.mark.parametrize(
    "body", [{"features": ["Other"]}, {"features": "RootSessions"}, {"delegated_administrator": "payments"}, {"x": 1}]
)
def test_a_set_up_that_cant_be_understood_is_refused(api: ApiServer, body: object) -> None:
    assert api.post("/setup", body, ADMINISTRATOR).status == 422
    assert api.services.organization.calls == []


# The overview.


def test_the_overview_says_what_is_missing_why_and_what_fixes_it(api: ApiServer) -> None:
    answer = api.get("/overview").json
    assert (answer["organization_id"], answer["management_account_id"]) == ("o-exampleorgid", MANAGEMENT_ID)
    assert (answer["endpoint"], answer["is_sandbox"]) == ("SANDBOX 127.0.0.1:4599", True)
    # Trusted access comes first: while it is off AWS doesn't tell the flags of the features.
    assert "Trusted access for iam.amazonaws.com" in [one["what"] for one in answer["missing"]]
    assert "A delegated administrator (failsafe)" in [one["what"] for one in answer["missing"]]
    assert all(one["why"] and one["action"] for one in answer["missing"])
    api.post("/setup", EVERYTHING_ON, ADMINISTRATOR)
    assert api.get("/overview").json["missing"] == []


def test_each_missing_feature_has_a_reason(api: ApiServer) -> None:
    organization = api.services.organization
    organization.trusted_access, organization.organization = (
        True,
        replace(organization.organization, has_all_features=False),
    )
    missing = api.get("/overview").json["missing"]
    assert len(missing) == 4
    assert all(one["why"] for one in missing)


def test_the_overview_counts_root_logins_and_windows(api: ApiServer) -> None:
    api.services.inventory_store.save_statuses([status_of(api.services, AccountRole.MEMBER, Status.PRESENT)])
    api.post("/windows", {"account": "payments", "reason": "restore a bucket"}, ServerRole.OPERATOR)
    answer = api.get("/overview").json
    left = answer["root_logins_left_to_secure"]
    assert (left["known"], left["unknown"], answer["summary"]["present"]) == (1, 1, 1)
    assert left == api.get("/accounts").json["root_logins_left_to_secure"]
    assert (answer["windows"]["by_state"], answer["windows"]["open"]) == ({"REQUESTED": 1}, [])
    api.post("/windows/w-0/activate", {}, ServerRole.OPERATOR)
    answer = api.get("/overview").json
    assert [one["state"] for one in answer["windows"]["open"]] == [WindowState.OPEN.value]
    assert answer["summary"]["recovery_open"] == 1


def test_the_overview_shows_what_changed_between_the_last_two_audits(api: ApiServer) -> None:
    assert (api.get("/overview").json["drift"], api.get("/overview").json["last_audit"]) == (None, None)
    keep_audit(api.services, "j-1", [status_of(api.services, AccountRole.MEMBER, Status.NOT_PRESENT)])
    assert (api.get("/overview").json["drift"], api.get("/overview").json["last_audit"]["audit_id"]) == (None, "j-1")
    keep_audit(api.services, "j-2", [status_of(api.services, AccountRole.MEMBER, Status.PRESENT)])
    drift = api.get("/overview").json["drift"]
    assert (drift["changed"], drift["older"]["audit_id"], drift["newer"]["audit_id"]) == (1, "j-1", "j-2")


def test_while_aws_cant_be_asked_the_overview_shows_all_else_and_says_why(api: ApiServer) -> None:
    api.services.organization.fail(
        "GetCallerIdentity", AwsAccessDeniedError("Refused.", hint="Ask an administrator."), times=1
    )
    answer = api.get("/overview")
    assert (answer.status, answer.json["setup"], answer.json["missing"]) == (200, None, [])
    assert answer.json["setup_problem"] == {
        "code": "aws.access_denied",
        "detail": "Refused.",
        "hint": "Ask an administrator.",
    }
    assert answer.json["management_account_id"] == MANAGEMENT_ID
    assert api.get("/overview").json["setup"] is None
    api.services.clock.advance(FAILURE_KEPT_SECONDS)
    assert api.get("/overview").json["setup"]["trusted_access"] is False


def test_no_user_waits_for_another_users_question_to_aws(api: ApiServer) -> None:
    begun, gate = threading.Event(), threading.Event()

    def hang(operation: str, _account_id: object) -> None:
        begun.set()
        assert gate.wait(SECONDS)

    api.services.organization.before_each_call(hang)
    api.token(ServerRole.VIEWER)
    first: list[object] = []
    thread = threading.Thread(target=lambda: first.append(api.get("/overview").json["setup"]))
    thread.start()
    assert begun.wait(SECONDS)
    waiting = api.get("/overview").json
    assert (waiting["setup"], waiting["setup_problem"]["detail"]) == (None, "The set-up is being read from AWS.")
    gate.set()
    thread.join(SECONDS)
    assert first != [None]
    assert api.get("/overview").json["setup"] == first[0]


def test_many_viewers_ask_aws_once_in_a_while(api: ApiServer) -> None:
    for _ in range(5):
        api.get("/overview")
    assert api.services.organization.operations().count("GetCallerIdentity") == 1
    api.services.clock.advance(KEPT_SECONDS)
    api.get("/overview")
    assert api.services.organization.operations().count("GetCallerIdentity") == 2


@pytest.mark.parametrize(
    ("has_mfa", "is_confirmed", "is_in_order", "detail"),
    [
        (True, True, True, None),
        (True, False, False, "It isn't confirmed as a failsafe. Check the failsafe."),
        (False, True, False, "It has no MFA device. Check the failsafe."),
    ],
)
def test_the_failsafe_is_in_order_or_says_what_it_lacks(
    api: ApiServer, has_mfa: bool, is_confirmed: bool, is_in_order: bool, detail: str | None
) -> None:
    api.services.organization.delegated_administrators = [PAYMENTS_ID]
    assert api.get("/overview").json["failsafe"] == [
        {
            "account_id": PAYMENTS_ID,
            "name": "payments",
            "is_in_order": None,
            "detail": "Never read.",
        }
    ]
    status = status_of(api.services, AccountRole.FAILSAFE, Status.PRESENT, has_mfa=has_mfa)
    api.services.inventory_store.save(replace(make_inventory(), delegated_administrator_ids=frozenset({PAYMENTS_ID})))
    if is_confirmed:
        now = api.services.clock.now()
        api.services.confirmations.add(
            replace(CHECKED, account_id=PAYMENTS_ID, recorded_at=now, until=now + timedelta(days=1))
        )
    api.services.inventory_store.save_statuses([status])
    (failsafe,) = api.get("/overview").json["failsafe"]
    assert (failsafe["is_in_order"], failsafe["detail"]) == (is_in_order, detail)


def test_the_trend_shows_whole_audits_by_day(api: ApiServer) -> None:
    now = api.services.clock.now()
    api.services.history.add(KeptAudit("j-1", now, now, "AWS", True, "ana", {"accounts": 2}, 2, 1, 3), [])
    days = api.get("/overview/trend").json["days"]
    assert (len(days), days[-1]) == (
        90,
        {
            "day": now.date().isoformat(),
            "left_known": 2,
            "left_unknown": 1,
            "left_unread": 3,
            "windows_opened": 0,
            "deletions": 0,
        },
    )
    assert days[0]["left_known"] is None


REVIEWED = {"state": WindowState.CLOSED_VERIFIED, "opened_at": START, "review_due_at": START, "reviewed_by": "ben"}


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({"state": WindowState.REQUESTED}, True),
        ({"state": WindowState.APPROVED}, True),
        ({"state": WindowState.REQUESTED, "lapses_at": START}, False),
        ({**REVIEWED, "reviewed_by": None}, True),
        (REVIEWED, False),
        ({"state": WindowState.CANCELLED, "review_due_at": START}, False),
        ({"state": WindowState.DENIED}, False),
    ],
)
def test_windows_that_wait_for_a_person_are_in_the_overview(
    api: ApiServer, changes: dict[str, Any], waits: bool
) -> None:
    api.services.windows.add(replace(make_window(PAYMENTS_ID, api.services.clock.now()), **changes))
    found = api.get("/overview").json["windows"]["waiting"]
    assert [one["state"] for one in found] == ([changes["state"]] if waits else [])


# The policy.


def test_the_policy_shows_settings_and_no_reference_to_a_secret(api: ApiServer) -> None:
    environment = {
        "ROOTKEEPER_NOTIFICATIONS_TARGETS": "oncall critical env:SECRET_URL",
        "ROOTKEEPER_WINDOWS_APPROVALS": "2",
    }
    api.services.settings = load_settings(None, environment, api.services.settings.unlock.saved_policies)
    answer = api.get("/policy")
    assert answer.json["notification_targets"] == ["oncall"]
    assert b"SECRET_URL" not in answer.content
    assert answer.json["windows"] == {
        "longest_seconds": 259_200,
        "default_seconds": 14_400,
        "approvals": 2,
        "approval_valid_seconds": 28_800,
        "requesters": [],
        "approvers": [],
        "emergency": False,
        "read_again_after": ["15m", "1h", "12h", "1d"],
    }
    assert answer.json["deletion"]["recently_used_days"] == 90
    assert answer.json["retention"] == {"audits_seconds": 400 * 86_400, "stale_after_seconds": 30 * 86_400}


# Exceptions.


def test_an_exception_is_added_listed_and_removed_with_entries_in_the_ledger(api: ApiServer) -> None:
    added = api.post("/exceptions", EXCEPTION)
    assert (added.status, added.json["account_id"], added.json["in_force"]) == (200, PAYMENTS_ID, True)
    assert (added.json["added_by"], added.json["until"]) == ("operator-token", "2026-03-01T00:00:00Z")
    listed = api.get("/exceptions").json
    assert ([one["owner"] for one in listed["exceptions"]], listed["total"]) == (["Ana"], 1)
    removed = api.ask("DELETE", f"/exceptions/{PAYMENTS_ID}", None, ServerRole.OPERATOR, {})
    assert (removed.status, removed.json["owner"]) == (200, "Ana")
    assert api.get("/exceptions").json["exceptions"] == []
    actions = [entry.action for entry in api.services.database.entries]
    assert actions == [Action.EXCEPTION_ADD, Action.EXCEPTION_REMOVE]
    assert api.ask("DELETE", f"/exceptions/{PAYMENTS_ID}", None, ServerRole.OPERATOR, {}).status == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"until": "2025-01-01T00:00:00Z"},
        {"until": "2026-03-01T00:00:00"},
        {"reason": " "},
        {"owner": "a\nb"},
        {"account": "unknown"},
        {"account": "111122223333"},
    ],
)
def test_an_exception_that_wont_do_is_refused_and_nothing_is_recorded(api: ApiServer, changes: dict[str, str]) -> None:
    answer = api.post("/exceptions", EXCEPTION | changes)
    assert answer.status == 422
    assert b"Value error" not in answer.content
    assert (api.services.exceptions.kept, api.services.database.entries) == ({}, [])


@pytest.mark.parametrize("role", [ServerRole.VIEWER, AUDITOR, ServerRole.APPROVER])
def test_who_only_looks_keeps_no_exceptions(api: ApiServer, role: ServerRole) -> None:
    assert api.post("/exceptions", EXCEPTION, role).status == 403
    assert api.get("/exceptions", role).status == 200


# Reports.


@pytest.mark.parametrize(
    ("report_format", "media_type", "suffix"),
    [
        ("html", "text/html; charset=utf-8", "html"),
        ("csv", "text/csv; charset=utf-8", "csv"),
        ("json", "application/json", "json"),
        ("markdown", "text/markdown; charset=utf-8", "md"),
        ("pdf", "application/pdf", "pdf"),
        ("package", "application/zip", "zip"),
    ],
)
def test_a_report_is_a_file_to_be_kept(api: ApiServer, report_format: str, media_type: str, suffix: str) -> None:
    query = f"from=2026-01-01T00:00:00Z&to=2026-01-15T12:00:00Z&format={report_format}"
    answer = api.get(f"/reports?{query}", AUDITOR)
    assert (answer.status, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["content-disposition"] == f'attachment; filename="rootkeeper-20260101-20260115.{suffix}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert PAYMENTS_ID.encode() in answer.content or report_format in {"package", "pdf"}
    assert api.get(f"/reports?{query}", AUDITOR).content == answer.content


def test_names_in_a_report_can_neither_be_formulas_nor_markup(api: ApiServer) -> None:
    inventory = make_inventory()
    hostile = '=HYPERLINK("http://x")<script>alert(1)</script>'
    accounts = tuple(replace(account, name=hostile, email=f"{hostile}@example.com") for account in inventory.accounts)
    api.services.inventory_store.save(replace(inventory, accounts=accounts))
    query = "from=2026-01-01T00:00:00Z&to=2026-01-15T12:00:00Z&format"
    assert b"<script>alert" not in api.get(f"/reports?{query}=html", AUDITOR).content
    table = csv.reader(io.StringIO(api.get(f"/reports?{query}=csv", AUDITOR).content.decode()))
    cells = [cell for row in table for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not any(cell.startswith("=") for cell in cells)
    assert json.loads(api.get(f"/reports?{query}=json", AUDITOR).content)["accounts"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "from=yesterday",
        "from=2026-01-01T00:00:00",
        "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "from=2026-01-01T00:00:00Z&format=docx",
        "from=2026-01-01T00:00:00Z&format=html%0d%0aX-Injected:%201",
        "from=2026-01-01T00:00:00Z%0d%0aX-Injected:%201",
    ],
)
def test_a_report_that_cant_be_understood_is_refused_without_a_foreign_header(api: ApiServer, query: str) -> None:
    answer = api.get(f"/reports?{query}", AUDITOR)
    assert answer.status == 422
    assert "x-injected" not in answer.headers


def test_a_package_has_entries_of_the_ledger_and_takes_the_permission_to_read_them(api: ApiServer) -> None:
    scope = TokenScope(frozenset({Permission.REPORTS_READ}))
    identity = Identity("t-1", IdentityKind.TOKEN, "reports", AUDITOR, "test", api.services.clock.now(), scope=scope)
    api.services.identities.add_token(identity, "rk_reports")
    path, sent = "/reports?from=2026-01-01T00:00:00Z&format", {"authorization": "Bearer rk_reports"}
    assert api.ask("GET", f"{path}=json", None, None, sent).status == 200
    refused = api.ask("GET", f"{path}=package", None, None, sent)
    assert (refused.status, refused.code) == (403, "access.denied")


def test_a_report_takes_a_permission_of_its_own(api: ApiServer) -> None:
    assert api.get("/reports?from=2026-01-01T00:00:00Z", ServerRole.VIEWER).status == 403
    assert api.get("/reports?from=2026-01-01T00:00:00Z", ServerRole.APPROVER).status == 200


# The ledger, and the tree.


def test_a_verification_of_the_ledger_is_a_job(api: ApiServer) -> None:
    answer = api.post("/ledger/verifications", {}, AUDITOR)
    assert (answer.status, answer.json["kind"]) == (202, JobKind.LEDGER_VERIFICATION.value)
    assert api.services.engine.enqueued == [answer.json["job_id"]]
    assert api.post("/ledger/verifications", {}, ServerRole.VIEWER).status == 403


def test_the_tree_names_each_unit_by_its_path(api: ApiServer) -> None:
    answer = api.get("/organization").json
    assert (answer["root_id"], [unit["path"] for unit in answer["units"]]) == ("r-1234", ["Root", "Root/Workloads"])


def test_an_organization_that_was_never_listed_has_an_empty_tree(api: ApiServer) -> None:
    api.services.inventory_store.last = None
    answer = api.get("/organization").json
    assert (answer["root_id"], answer["units"]) == (None, [])
    assert api.get("/overview").json["summary"]["accounts"] == 0


def test_a_time_without_a_report_ends_now(api: ApiServer) -> None:
    api.services.clock.advance(timedelta(days=1).total_seconds())
    answer = api.get("/reports?from=2026-01-01T00:00:00Z&format=json", AUDITOR)
    assert answer.json["period"]["to"] == "2026-01-16T09:00:01Z"
