"""The result of an audit job as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.setup.records import DifferenceRecord
from rootkeeper.shapes import Answer, Count, Moment, record


@record
class AcceptedSetupRecord(TypedDict):
    """The set-up that is compared with."""

    accepted_at: Moment
    accepted_by: str
    ledger_sequence: Count


@record
class AuditDriftRecord(TypedDict):
    """How the set-up differed during an audit."""

    accepted: AcceptedSetupRecord | None
    """``null`` if none was ever accepted: then nothing is compared."""
    differences: list[DifferenceRecord]
    unknown: list[str]
    """One sentence for each part that couldn't be compared."""


@record
class FinishedAudit(Answer):
    """Of an audit; what it found is kept under its job's id."""

    caller_arn: str
    endpoint: str
    started_at: Moment
    ended_at: Moment
    listed_at: Moment
    is_inventory_complete: bool
    """Whether the accounts were listed to their end in this audit."""
    drift: AuditDriftRecord
