"""The routes of controls: verdicts, the accounts behind them, and attestations."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.controls.control_map import load_frameworks
from rootkeeper.ledger.rules import Action
from tests.functional.api.serving import ApiServer

AUDITOR, APPROVER = ServerRole.AUDITOR, ServerRole.APPROVER
PERIOD = "from=2026-01-01T00:00:00Z&to=2026-01-15T12:00:00Z"
BODY = {"owner": "Ana", "reason": "Alarms page the team", "until": "2026-03-31T23:59:59Z"}
ATTEST = "/controls/cis-7.0/5.3/attestations"


def read_control(api: ApiServer, query: str = PERIOD, control: str = "cis-7.0/2.4") -> dict[str, Any]:
    answer = api.get(f"/controls/{control}?{query}", AUDITOR)
    assert answer.status == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_the_frameworks_are_those_of_the_map(api: ApiServer) -> None:
    answer = api.get("/frameworks", AUDITOR)
    assert [one["framework_id"] for one in answer.json["frameworks"]] == [one.framework_id for one in load_frameworks()]


def test_the_controls_of_several_frameworks_are_judged(api: ApiServer) -> None:
    answer = api.get(f"/controls?framework=cis-7.0&framework=soc-2&{PERIOD}", AUDITOR)
    assert answer.status == 200, answer.json
    assert [one["framework_id"] for one in answer.json["frameworks"]] == ["cis-7.0", "soc-2"]
    verdicts = {one["control"]: one["verdict"] for one in answer.json["controls"]}
    assert (verdicts["cis-7.0/2.4"], verdicts["soc-2/CC7.2"]) == ("unknown", "manual")


def test_the_accounts_behind_a_verdict_come_in_pages(api: ApiServer) -> None:
    whole = read_control(api)
    assert whole["total"] == len(whole["accounts"]) > 1
    pages = []
    for after in range(whole["total"]):
        page = read_control(api, f"{PERIOD}&limit=1&after={after}")
        pages += page["accounts"]
        assert page["next"] == (None if after + 1 == whole["total"] else str(after + 1))
    assert pages == whole["accounts"]


def test_accounts_that_no_one_has_to_look_at_can_be_left_out(api: ApiServer) -> None:
    assert {one["verdict"] for one in read_control(api, f"{PERIOD}&open=true")["accounts"]} == {"unknown"}


def test_an_attestation_is_recorded_with_who_is_signed_in_and_counts(api: ApiServer) -> None:
    before = read_control(api, "", "cis-7.0/5.3")
    assert before["control"]["verdict"] == "manual"
    answer = api.post(ATTEST, BODY, APPROVER)
    assert answer.status == 200, answer.json
    after = read_control(api, "", "cis-7.0/5.3")["control"]
    assert (after["verdict"], after["attested"]) == ("pass", True)
    assert after["attestation"] == {name: value for name, value in answer.json.items() if name != "schema_version"}
    entry = list(api.services.ledger_reader.list_entries())[-1]
    assert (entry.action, entry.sequence) == (Action.CONTROL_ATTEST, answer.json["ledger_sequence"])


@pytest.mark.parametrize("role", [ServerRole.VIEWER, AUDITOR, ServerRole.OPERATOR])
def test_who_reads_or_operates_attests_nothing(api: ApiServer, role: ServerRole) -> None:
    assert api.post(ATTEST, BODY, role).status == 403


def test_a_viewer_reads_no_verdicts(api: ApiServer) -> None:
    assert api.get(f"/controls?framework=cis-7.0&{PERIOD}", ServerRole.VIEWER).status == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/controls?framework=cis-9.9&{PERIOD}", 422),
        (f"/controls?{PERIOD}", 422),
        (f"/controls/cis-7.0/99?{PERIOD}", 404),
        (f"/reports?framework=cis-9.9&{PERIOD}", 422),
    ],
)
def test_what_is_not_in_the_map_is_an_error(api: ApiServer, path: str, status: int) -> None:
    assert api.get(path, AUDITOR).status == status


@pytest.mark.parametrize(
    ("path", "changes", "status"),
    [
        ("/controls/cis-7.0/2.1.1/attestations", {}, 422),
        ("/controls/cis-7.0/99/attestations", {}, 404),
        (ATTEST, {"until": "2020-01-01T00:00:00Z"}, 422),
        (ATTEST, {"until": "2030-01-01T00:00:00Z"}, 422),
        (ATTEST, {"owner": " "}, 422),
    ],
)
def test_what_can_not_be_attested_is_refused(api: ApiServer, path: str, changes: dict[str, str], status: int) -> None:
    assert api.post(path, {**BODY, **changes}, APPROVER).status == status


def test_a_report_has_the_controls_of_the_frameworks_that_are_named(api: ApiServer) -> None:
    report = api.get(f"/reports?framework=cis-7.0&format=json&{PERIOD}", AUDITOR).json
    assert {one["framework_id"] for one in report["controls"]} == {"cis-7.0"}
