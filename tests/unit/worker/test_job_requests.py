"""Parameters of jobs: what is left out has a default, what is wrong or unknown is refused before anything is queued."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rootkeeper.audit.rules import AuditRequest
from rootkeeper.aws.rules import ResourceKind
from rootkeeper.deletion.rules import DeletionOptions, WaveRules
from rootkeeper.errors import InputError
from rootkeeper.jobs.rules import JobKind
from rootkeeper.ledger.rules import require_no_secrets
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.selection import NamedAccount, SelectionRequest
from rootkeeper.organization.statuses import CredentialKind, FailOn
from rootkeeper.shapes import to_json_record
from rootkeeper.unlock.rules import ChangeKind
from rootkeeper.values import JsonValue
from rootkeeper.worker.requests import (
    PlanRequest,
    PreflightRequest,
    UnlockRequest,
    normalize_parameters,
    parse_audit,
    parse_plan_request,
    parse_preflight,
    parse_unlock,
    parse_wave_rules,
    plan_to_parameters,
)

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
SELECTION = SelectionRequest(named=(NamedAccount("444455556666"),), tags=(("env", "prod"),), excluded=("old",))
SOME: dict[str, Any] = {"named": [{"text": "444455556666", "source": ""}]}
QUEUE = {"account": "orders", "kind": "sqs", "resource": "inbox"}


def through_json(parameters: object) -> Any:
    return json.loads(json.dumps(parameters))


def test_an_audit_without_parameters_is_of_everything() -> None:
    assert parse_audit({}) == AuditRequest()
    assert parse_audit({"selection": None, "details": None, "fail_on": None}) == AuditRequest()


def test_every_request_comes_back_from_its_parameters() -> None:
    audit = AuditRequest(SELECTION, details=True, refresh=True, fail_on=frozenset({FailOn.UNKNOWN, FailOn.UNREAD}))
    assert parse_audit(through_json(to_json_record(audit))) == audit
    options = DeletionOptions(
        only=frozenset({CredentialKind.ACCESS_KEYS}),
        allowed_uses={"token-service": "It rotates."},
        recent=timedelta(days=3),
        not_before=NOW,
        not_after=NOW + timedelta(hours=2),
    )
    plan = PlanRequest(SELECTION, options)
    assert parse_plan_request(through_json(plan_to_parameters(plan)), NOW) == plan
    preflight = PreflightRequest(SELECTION)
    assert parse_preflight(through_json(to_json_record(preflight))) == preflight
    unlock = UnlockRequest(
        "orders",
        ResourceKind.QUEUE,
        "inbox",
        ChangeKind.REPLACE,
        ("eu-central-1",),
        frozenset({AccountId("222233334444")}),
        "0" * 64,
    )
    assert parse_unlock(through_json(to_json_record(unlock)), "{}") == unlock


def test_no_parameter_is_named_like_a_secret() -> None:
    """The ledger would refuse it."""
    require_no_secrets(to_json_record(AuditRequest()))
    require_no_secrets(
        plan_to_parameters(PlanRequest(SELECTION, DeletionOptions(allowed_uses={"token vault": "Known."})))
    )
    require_no_secrets(to_json_record(UnlockRequest("secrets", ResourceKind.BUCKET)))


@pytest.mark.parametrize(
    ("kind", "parameters", "document"),
    [
        (JobKind.AUDIT, {"detail": True}, None),
        (JobKind.AUDIT, {"details": "yes"}, None),
        (JobKind.AUDIT, {"fail_on": ["everything"]}, None),
        (JobKind.AUDIT, {"fail_on": []}, None),
        (JobKind.AUDIT, {"selection": "all"}, None),
        (JobKind.AUDIT, {"selection": {}}, None),
        (JobKind.AUDIT, {"selection": {"units": []}}, None),
        (JobKind.AUDIT, {"selection": {"named": [["444455556666"]]}}, None),
        (JobKind.AUDIT, {"selection": {"named": 7}}, None),
        (JobKind.AUDIT, {"selection": {"account_states": ["GONE"]}}, None),
        (JobKind.AUDIT, {"selection": {"everything": True, "included_failsafes": ["x"]}}, None),
        (JobKind.AUDIT, {}, "a document"),
        (JobKind.PREFLIGHT, {"selection": {"everything": True, "statuses": ["present"]}}, None),
        (JobKind.PREFLIGHT, {"details": True}, None),
        (JobKind.DRIFT_CHECK, {"selection": SOME}, None),
        (JobKind.DRIFT_CHECK, {}, "a document"),
        (JobKind.LEDGER_VERIFICATION, {"selection": SOME}, None),
        (JobKind.LEDGER_VERIFICATION, {}, "a document"),
        (JobKind.PLAN, {}, None),
        (JobKind.PLAN, {"selection": SOME, "only": []}, None),
        (JobKind.PLAN, {"selection": SOME, "only": ["passwords"]}, None),
        (JobKind.PLAN, {"selection": SOME, "recent_seconds": -1}, None),
        (JobKind.PLAN, {"selection": SOME, "recent_seconds": True}, None),
        (JobKind.PLAN, {"selection": SOME, "allowed_uses": [["a"]]}, None),
        (JobKind.PLAN, {"selection": SOME, "allowed_uses": [["a", " "]]}, None),
        (JobKind.PLAN, {"selection": SOME, "valid_until": "tomorrow"}, None),
        (JobKind.PLAN, {"selection": SOME, "valid_until": "2026-01-15T10:00:00"}, None),
        (JobKind.PLAN, {"selection": SOME, "valid_until": "2026-01-15T08:00:00Z"}, None),
        (JobKind.PLAN, {"selection": SOME, "valid_until": "2026-02-15T08:00:00Z"}, None),
        (JobKind.UNLOCK, {}, None),
        (JobKind.UNLOCK, {"account": "orders"}, None),
        (JobKind.UNLOCK, {"account": "orders", "kind": "sns"}, None),
        (JobKind.UNLOCK, {"account": "orders", "kind": "sqs", "change": "remove"}, None),
        (JobKind.UNLOCK, {**QUEUE, "resource": "arn:aws:sqs:::inbox"}, None),
        (JobKind.UNLOCK, {**QUEUE, "change": "replace"}, None),
        (JobKind.UNLOCK, {**QUEUE, "change": "remove"}, "{}"),
        (JobKind.UNLOCK, {**QUEUE, "regions": "eu-central-1"}, None),
        (JobKind.UNLOCK, {**QUEUE, "regions": [1]}, None),
    ],
)
def test_what_cant_be_asked_for_is_refused(kind: JobKind, parameters: Any, document: str | None) -> None:
    with pytest.raises(InputError):
        normalize_parameters(kind, parameters, document, NOW)


def test_normalized_parameters_are_whole() -> None:
    assert normalize_parameters(JobKind.AUDIT, {}, None, NOW) == to_json_record(AuditRequest())
    assert normalize_parameters(JobKind.DRIFT_CHECK, {}, None, NOW) == {}
    assert normalize_parameters(JobKind.LEDGER_VERIFICATION, {}, None, NOW) == {}
    assert normalize_parameters(JobKind.PREFLIGHT, {}, None, NOW)["selection"]
    found = normalize_parameters(JobKind.PLAN, {"selection": SOME}, None, NOW)
    selection = SelectionRequest(named=(NamedAccount("444455556666"),))
    assert parse_plan_request(found, NOW) == PlanRequest(selection, DeletionOptions())
    found = normalize_parameters(JobKind.UNLOCK, QUEUE, None, NOW)
    assert parse_unlock(found, None) == UnlockRequest("orders", ResourceKind.QUEUE, "inbox")


def test_waves_are_checked_like_the_command_lines() -> None:
    rules = WaveRules(canary=1, size=5, pause_seconds=30, stop_after_failures=2)
    assert parse_wave_rules({}) == parse_wave_rules(None) == WaveRules()
    assert parse_wave_rules(through_json(to_json_record(rules))) == rules
    wrong: list[JsonValue] = ["all", {"size": 0}, {"canary": -1}, {"stop_after_failures": "2"}, {"speed": 1}]
    for waves in wrong:
        with pytest.raises(InputError):
            parse_wave_rules(waves)
