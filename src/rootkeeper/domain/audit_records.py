"""What an audit says beside its accounts, as JSON values and back: who read, how whole the listing was, and drift.

An audit that a server did as a job is shown from this and from the statuses that were kept of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rootkeeper.domain.drift_records import difference_to_record
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.plan_files import render_instant
from rootkeeper.domain.setup import Setup
from rootkeeper.domain.setup_drift import AcceptedSetup, Difference, SetupDrift, SetupPart, SetupState

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class AuditHead:
    """One audit without its accounts."""

    caller_arn: str
    endpoint: str
    """Its label."""
    started_at: datetime
    ended_at: datetime
    listed_at: datetime
    is_inventory_complete: bool
    drift: SetupDrift


def head_to_record(head: AuditHead) -> dict[str, JsonValue]:
    """The outcome of an audit's job."""
    accepted = head.drift.accepted
    return {
        "schema_version": SCHEMA_VERSION,
        "caller_arn": head.caller_arn,
        "endpoint": head.endpoint,
        "started_at": render_instant(head.started_at),
        "ended_at": render_instant(head.ended_at),
        "listed_at": render_instant(head.listed_at),
        "is_inventory_complete": head.is_inventory_complete,
        "drift": {
            "accepted": None if accepted is None else _describe_accepted(accepted),
            "differences": [difference_to_record(one) for one in head.drift.differences],
            "unknown": list(head.drift.unknown),
        },
    }


def head_from_record(record: Mapping[str, Any]) -> AuditHead:
    """What ``head_to_record`` wrote, except that what the accepted set-up was isn't told.

    :raises ValueError: if a value is none that an audit has.
    :raises KeyError: if something is missing.
    """
    drift, endpoint = record["drift"], str(record["endpoint"])
    accepted = drift["accepted"]
    return AuditHead(
        caller_arn=record["caller_arn"],
        endpoint=endpoint,
        started_at=datetime.fromisoformat(record["started_at"]),
        ended_at=datetime.fromisoformat(record["ended_at"]),
        listed_at=datetime.fromisoformat(record["listed_at"]),
        is_inventory_complete=record["is_inventory_complete"] is True,
        drift=SetupDrift(
            accepted=None if accepted is None else _parse_accepted(accepted, endpoint),
            differences=tuple(_parse_difference(one) for one in drift["differences"]),
            unknown=tuple(drift["unknown"]),
        ),
    )


def _describe_accepted(accepted: AcceptedSetup) -> dict[str, JsonValue]:
    return {
        "accepted_at": render_instant(accepted.accepted_at),
        "accepted_by": accepted.accepted_by,
        "ledger_sequence": accepted.ledger_sequence,
    }


def _parse_accepted(record: Mapping[str, Any], endpoint: str) -> AcceptedSetup:
    accepted_at = datetime.fromisoformat(record["accepted_at"])
    untold = SetupState(
        setup=Setup(trusted_access=None, features=None, delegated_administrators=None, unknown=()),
        guardrails=None,
        guardrails_unknown="It isn't told here.",
        read_at=accepted_at,
        endpoint=endpoint,
        caller_arn="",
    )
    return AcceptedSetup(untold, accepted_at, record["accepted_by"], int(record["ledger_sequence"]))


def _parse_difference(record: Mapping[str, Any]) -> Difference:
    return Difference(
        part=SetupPart(record["part"]),
        subject=record["subject"],
        accepted=record["accepted"],
        found=record["found"],
        what=record["what"],
        could_be=tuple(record["could_be"]),
    )
