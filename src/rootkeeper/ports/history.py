"""What audits found, kept for later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.statuses import AccountStatus
from rootkeeper.domain.timelines import KeptStatus


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


class AuditHistory(Protocol):
    """The audits of one organization.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, audit: KeptAudit, statuses: Iterable[AccountStatus]) -> None:
        """Keep an audit whole, in one transaction; one of the same id is replaced."""
        ...

    def list_audits(self, *, limit: int | None = None) -> tuple[KeptAudit, ...]:
        """The newest first."""
        ...

    def get(self, audit_id: str) -> KeptAudit:
        """:raises NotFoundError: if there is none."""
        ...

    def list_statuses(self, audit_id: str) -> dict[AccountId, AccountStatus]:
        """What it found."""
        ...

    def list_page(self, audit_id: str, after: str, limit: int) -> tuple[AccountStatus, ...]:
        """Part of what it found: at most so many, of the accounts whose ids come after that one."""
        ...

    def list_account(self, account_id: AccountId) -> tuple[KeptStatus, ...]:
        """What every kept audit found in this account, the newest first."""
        ...

    def list_readings(self, start: datetime, end: datetime) -> dict[AccountId, AccountStatus]:
        """The newest reading of each account that was made between the two, both included."""
        ...

    def forget_before(self, moment: datetime) -> int:
        """Forget audits that ended before, except for the last one of each account; how many were forgotten."""
        ...
