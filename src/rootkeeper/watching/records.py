"""Verdicts on CloudTrail records as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.shapes import Ordinal, record
from rootkeeper.shipped_policies.records import ShippedPoliciesRecord
from rootkeeper.watching.rules import RootEventKind


@record
class JudgedEventRecord(TypedDict):
    """A CloudTrail record of a root user or of AssumeRoot, with the verdict on it."""

    kind: RootEventKind
    exempt: bool
    explanation: str
    ledger_sequence: Ordinal | None
    event_id: str | None
    event_name: str | None
    event_time: str | None
    account_id: str | None


@record
class JudgedEventsDocument(ShippedPoliciesRecord):
    """Verdicts on CloudTrail records."""

    known_role_arns: list[str]
    """Roles that open root sessions on purpose."""
    events: list[JudgedEventRecord]
    """Records of a root user or of AssumeRoot, in the given order."""
