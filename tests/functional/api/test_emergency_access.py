"""What the routes of emergency access and of root e-mail addresses answer and record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountState
from tests.fakes.api_services import MANAGEMENT_ID, PAYMENTS_ID, make_account, make_inventory
from tests.fakes.clock import START
from tests.functional.api.serving import ApiServer

DRILL = {
    "held_by": "Ana",
    "held_at": "2026-01-10T00:00:00Z",
    "outcome": "passed",
    "alarm": "seen",
    "device": "hardware",
}
ATTESTATION = {"claim": "kept", "owner": "Ana", "reason": "In two safes.", "until": "2026-06-01T00:00:00Z"}


@pytest.fixture
def failsafe(api: ApiServer) -> ApiServer:
    """``payments`` is a delegated administrator for IAM."""
    inventory = replace(make_inventory(), delegated_administrator_ids=frozenset({PAYMENTS_ID}))
    api.services.inventory_store.save(inventory)
    return api


def test_failsafes_are_listed_with_their_drills_and_what_confirms_them(failsafe: ApiServer) -> None:
    before = failsafe.get("/failsafes").json
    assert [(one["account_id"], one["role"], one["drill"]) for one in before["accounts"]] == [
        (PAYMENTS_ID, "failsafe", "fail"),
        (MANAGEMENT_ID, "management", "fail"),
    ]
    assert (before["unknown"], before["drills"], before["accounts"][0]["drill_due_at"]) == (None, [], None)
    drill = failsafe.post(f"/failsafes/{PAYMENTS_ID}/drills", DRILL, ServerRole.OPERATOR)
    assert (drill.status, drill.json["recorded_by"], drill.json["device"]) == (200, "operator-token", "hardware")
    attested = failsafe.post(f"/failsafes/{PAYMENTS_ID}/attestations", ATTESTATION, ServerRole.APPROVER)
    assert (attested.status, attested.json["basis"]) == (200, "attestation")
    after = failsafe.get("/failsafes").json
    payments = after["accounts"][0]
    assert (payments["drill"], payments["drill_due_at"]) == ("pass", "2026-04-10T00:00:00Z")
    assert [one["claim"] for one in payments["confirmations"]] == ["kept"]
    assert [one["held_by"] for one in after["drills"]] == ["Ana"]
    recorded = [(one.action, one.account_id) for one in failsafe.services.database.entries]
    assert recorded == [(Action.FAILSAFE_DRILL, PAYMENTS_ID), (Action.FAILSAFE_ATTEST, PAYMENTS_ID)]
    assert {work for _, _, work in failsafe.services.acts} == {None}


def test_a_failed_drill_is_due_again_at_once(failsafe: ApiServer) -> None:
    failsafe.post(f"/failsafes/{PAYMENTS_ID}/drills", DRILL)
    failsafe.post(f"/failsafes/{PAYMENTS_ID}/drills", {**DRILL, "outcome": "failed", "held_at": "2026-01-12T00:00:00Z"})
    (payments, _) = failsafe.get("/failsafes").json["accounts"]
    assert (payments["drill"], payments["drill_due_at"]) == ("fail", None)


def test_an_ended_attestation_confirms_nothing(failsafe: ApiServer) -> None:
    failsafe.post(f"/failsafes/{PAYMENTS_ID}/attestations", ATTESTATION, ServerRole.APPROVER)
    failsafe.services.clock.advance(timedelta(days=200).total_seconds())
    assert failsafe.get("/failsafes").json["accounts"][0]["confirmations"] == []


def test_failsafes_that_arent_known_say_why(api: ApiServer) -> None:
    inventory = make_inventory()
    api.services.inventory_store.save(replace(inventory, delegated_administrator_ids=None))
    unread = api.get("/failsafes").json
    assert unread["unknown"] == "The delegated administrators for IAM couldn't be read in the last listing."
    assert [one["role"] for one in unread["accounts"]] == ["management"]
    api.services.inventory_store.last = None
    never = api.get("/failsafes").json
    assert (never["unknown"], never["listed_at"]) == ("The organization hasn't been listed yet.", None)
    assert api.post(f"/failsafes/{PAYMENTS_ID}/drills", DRILL).json["hint_code"] == "evidence.audit"


@pytest.mark.parametrize(
    ("path", "body", "role", "status"),
    [
        ("drills", DRILL, ServerRole.AUDITOR, 403),
        ("drills", DRILL, ServerRole.APPROVER, 403),
        ("drills", {**DRILL, "held_at": "2026-02-01T00:00:00Z"}, ServerRole.OPERATOR, 422),
        ("drills", {**DRILL, "held_by": " "}, ServerRole.OPERATOR, 422),
        ("attestations", ATTESTATION, ServerRole.OPERATOR, 403),
        ("attestations", {**ATTESTATION, "until": "2028-01-01T00:00:00Z"}, ServerRole.APPROVER, 422),
    ],
)
def test_what_isnt_allowed_of_a_failsafe_is_refused_and_not_recorded(
    failsafe: ApiServer, path: str, body: dict[str, Any], role: ServerRole, status: int
) -> None:
    assert failsafe.post(f"/failsafes/{PAYMENTS_ID}/{path}", body, role).status == status
    assert failsafe.services.database.entries == []


def test_an_account_that_is_no_failsafe_has_neither_drill_nor_attestation(api: ApiServer) -> None:
    refused = api.post(f"/failsafes/{PAYMENTS_ID}/drills", DRILL)
    assert (refused.status, refused.code) == (422, "input.invalid")
    assert api.post(f"/failsafes/{PAYMENTS_ID}/attestations", ATTESTATION, ServerRole.APPROVER).status == 422
    assert api.services.database.entries == []


@pytest.mark.parametrize(
    ("path", "kind"), [("/failsafe-checks", "failsafe_check"), ("/breakglass-checks", "breakglass_check")]
)
def test_checks_are_jobs_that_an_auditor_requests(api: ApiServer, path: str, kind: str) -> None:
    assert api.post(path, None, ServerRole.VIEWER).status == 403
    answer = api.post(path, None, ServerRole.AUDITOR)
    assert (answer.status, answer.json["kind"]) == (202, kind)


# Root e-mail addresses.


def test_root_emails_are_listed_with_verdicts_and_the_rules(api: ApiServer) -> None:
    answer = api.get("/root-emails").json
    assert [(one["email"], one["verdict"]) for one in answer["accounts"]] == [
        ("management@example.com", "fail"),
        ("payments@example.com", "fail"),
    ]
    assert answer["accounts"][1]["reasons"] == ["domains_not_set", "not_a_group"]
    assert (answer["summary"]["fail"], answer["total"], answer["listed_at"]) == (2, 2, "2026-01-15T09:00:00Z")
    assert answer["rules"] == {"allowed_domains": [], "approved_pattern": None, "groups": []}
    assert answer["remarks"][0].startswith("The organization's domains aren't set")
    assert api.services.acts == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=PAYM", ["payments"]),
        ("q=222233334", ["payments"]),
        ("verdict=not_applicable", ["gone"]),
        ("verdict=pass", []),
    ],
)
def test_root_emails_can_be_narrowed(api: ApiServer, query: str, names: list[str]) -> None:
    inventory = make_inventory()
    gone = replace(make_account("333344445555", "gone"), state=AccountState.SUSPENDED)
    api.services.inventory_store.save(replace(inventory, accounts=(*inventory.accounts, gone)))
    answer = api.get(f"/root-emails?{query}").json
    assert [one["name"] for one in answer["accounts"]] == names
    assert (answer["total"], answer["summary"]["accounts"]) == (len(names), 3)


def test_root_emails_come_in_pages(api: ApiServer) -> None:
    first = api.get("/root-emails?limit=1").json
    second = api.get(f"/root-emails?limit=1&after={first['next']}").json
    assert [one["name"] for page in (first, second) for one in page["accounts"]] == ["management", "payments"]
    assert second["next"] is None


def test_a_listing_between_two_pages_of_root_emails_breaks_no_page(api: ApiServer) -> None:
    first = api.get("/root-emails?limit=1").json
    inventory = make_inventory()
    left = tuple(one for one in inventory.accounts if one.account_id != first["next"])
    api.services.inventory_store.save(replace(inventory, accounts=left))
    second = api.get(f"/root-emails?limit=1&after={first['next']}").json
    assert [one["name"] for one in second["accounts"]] == ["payments"]


def test_root_emails_that_were_never_listed_are_none_and_say_so(api: ApiServer) -> None:
    api.services.inventory_store.last = None
    answer = api.get("/root-emails").json
    assert (answer["accounts"], answer["listed_at"], answer["total"]) == ([], None, 0)


def test_an_address_is_attested_until_a_time_with_the_name_of_who_records_it(api: ApiServer) -> None:
    until = (START + timedelta(days=90)).isoformat()
    body = {"address": "Payments@example.com", "attested_by": "Ben", "until": until}
    assert api.post("/root-emails/attestations", body, ServerRole.OPERATOR).status == 403
    answer = api.post("/root-emails/attestations", body, ServerRole.APPROVER)
    assert (answer.status, answer.json["address"], answer.json["recorded_by"]) == (
        200,
        "payments@example.com",
        "approver-token",
    )
    assert [one.action for one in api.services.database.entries] == [Action.EMAIL_ATTEST]
    payments = api.get("/root-emails?q=payments").json["accounts"][0]
    assert (payments["group"], payments["attested_by"]) == ("attestation", "Ben")
    assert payments["reasons"] == ["domains_not_set"]
    past = {**body, "until": "2026-01-01T00:00:00Z"}
    assert api.post("/root-emails/attestations", past, ServerRole.APPROVER).status == 422
