"""Audits that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.organization.statuses import AccountStatus


@dataclass(frozen=True, slots=True)
class KeptStatus:
    """The status that one audit found in an account."""

    audit_id: str
    ended_at: datetime
    status: AccountStatus


@dataclass(frozen=True, slots=True)
class KeptAudit:
    """One audit that is kept."""

    audit_id: str
    """The id of its job."""
    started_at: datetime
    ended_at: datetime
    endpoint: str
    is_complete: bool
    """Whether it covered the whole organization."""
    requested_by: str
    summary: dict[str, int]
    """Accounts by status."""
    left_known: int | None = None
    """Root logins left to secure that the audit found; ``None`` if they weren't counted."""
    left_unknown: int | None = None
    """Accounts whose root login it couldn't read."""
