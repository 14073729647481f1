"""Accounts for emergency access, their drills and attestations."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from rootkeeper.failsafe.records import DrillRecord
from rootkeeper.failsafe.rules import CheckVerdict
from rootkeeper.organization.accounts import AccountState
from rootkeeper.organization.records import ConfirmationRecord
from rootkeeper.shapes import AccountNumber, Answer, Moment, OrganizationId, record


@record
class KnownFailsafeRecord(TypedDict):
    """One account for emergency access."""

    account_id: AccountNumber
    name: str
    email: str
    state: AccountState
    role: Literal["failsafe", "management"]
    drill: CheckVerdict
    """``pass``: the last drill passed and is at most 90 days old."""
    drill_evidence: str
    drill_due_at: Moment | None
    """``null``: now, because no drill passed yet, or the last one failed."""
    confirmations: list[ConfirmationRecord]
    """In force: at most one for each claim."""


@record
class KnownFailsafesAnswer(Answer):
    """What is known of emergency access without a call to AWS."""

    organization_id: OrganizationId
    listed_at: Moment | None
    """When the organization was listed last; ``null`` if never."""
    accounts: list[KnownFailsafeRecord]
    """The failsafes, then the management account."""
    unknown: str | None
    """Why the failsafes aren't known; ``null`` if they are."""
    drills: list[DrillRecord]
    """The latest held first."""


@record
class DrillAnswer(DrillRecord, Answer):
    """One drill, recorded."""


@record
class ConfirmationAnswer(ConfirmationRecord, Answer):
    """One attestation, recorded."""
