"""What an audit says beside its accounts survives the way through JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rootkeeper.audit.records import head_from_record, head_to_record
from rootkeeper.audit.rules import AuditHead
from rootkeeper.organization.accounts import Setup
from rootkeeper.setup.rules import NEVER_ACCEPTED, AcceptedSetup, Difference, SetupDrift, SetupPart, SetupState

NOW = datetime(2026, 1, 15, 9, 0, 0, 250_000, tzinfo=UTC)
STATE = SetupState(Setup(True, frozenset(), ()), (), None, NOW, "AWS", "arn:aws:iam::111122223333:user/anna")
DIFFERENCE = Difference(SetupPart.FEATURE, "RootSessions", "on", "off", "RootSessions is off.", ("An administrator.",))
HEAD = AuditHead(
    caller_arn="arn:aws:iam::111122223333:user/anna",
    endpoint="AWS",
    started_at=NOW - timedelta(minutes=1),
    ended_at=NOW,
    listed_at=NOW - timedelta(seconds=30),
    is_inventory_complete=False,
    drift=NEVER_ACCEPTED,
)


def through_json(head: AuditHead) -> AuditHead:
    return head_from_record(json.loads(json.dumps(head_to_record(head))))


def test_an_audit_without_an_accepted_set_up_comes_back_whole() -> None:
    assert through_json(HEAD) == HEAD


def test_drift_comes_back_with_who_accepted_the_set_up_and_when() -> None:
    accepted = AcceptedSetup(STATE, NOW, "anna@host", 17)
    head = replace(HEAD, drift=SetupDrift(accepted, (DIFFERENCE,), ("Guardrails.",)))
    found = through_json(head).drift
    assert found.differences == (DIFFERENCE,)
    assert found.unknown == ("Guardrails.",)
    assert found.accepted is not None
    assert (found.accepted.accepted_at, found.accepted.accepted_by) == (NOW, "anna@host")
    assert found.accepted.ledger_sequence == 17
    assert head_to_record(through_json(head)) == head_to_record(head)


def test_the_accepted_set_up_itself_is_unknown_and_never_made_up() -> None:
    head = replace(HEAD, drift=SetupDrift(AcceptedSetup(STATE, NOW, "anna", 1), (), ()))
    accepted = through_json(head).drift.accepted
    assert accepted is not None
    assert (accepted.state.setup.trusted_access, accepted.state.setup.features) == (None, None)
    assert accepted.state.guardrails is None
