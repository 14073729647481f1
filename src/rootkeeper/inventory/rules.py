"""What audits kept.

The last inventory, the last status of each account, and past audits.

One account's past as one time line: what audits found, what the ledger tells, its windows, and watched events.

Accounts and their statuses as rows, and back.

What is remembered of the organization between two commands.

The last inventory, the last status of each account, and the audits of one organization in the database.

What audits found, kept for later.

What audits found, each kept whole, in the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.organization.statuses import AccountStatus


@dataclass(frozen=True, slots=True)
class KeptStatus:
    """What one audit found in the account."""

    audit_id: str
    ended_at: datetime
    status: AccountStatus


@dataclass(frozen=True, slots=True)
class KeptAudit:
    """One audit that is kept."""

    audit_id: str
    """Of the job that made it."""
    started_at: datetime
    ended_at: datetime
    endpoint: str
    is_complete: bool
    """Whether it was of the whole organization."""
    requested_by: str
    summary: dict[str, int]
    """Accounts by status."""
