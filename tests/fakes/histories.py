"""The history of audits in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from rootkeeper.errors import NotFoundError
from rootkeeper.inventory.store import AuditHistory
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import AccountStatus, KeptAudit, KeptReading, KeptStatus
from rootkeeper.worker.service import RetentionStore


@dataclass(slots=True)
class InMemoryHistory(AuditHistory):
    """Implements AuditHistory."""

    audits: dict[str, KeptAudit] = field(default_factory=dict)
    found: dict[str, dict[AccountId, AccountStatus]] = field(default_factory=dict)
    forgotten_before: list[datetime] = field(default_factory=list)

    def add(self, audit: KeptAudit, statuses: Iterable[AccountStatus]) -> None:
        self.audits[audit.audit_id] = audit
        self.found[audit.audit_id] = {status.account.account_id: status for status in statuses}

    def list_audits(self, *, limit: int | None = None, only_complete: bool = False) -> tuple[KeptAudit, ...]:
        kept = (audit for audit in self.audits.values() if audit.is_complete or not only_complete)
        newest_first = sorted(kept, key=lambda audit: audit.ended_at, reverse=True)
        return tuple(newest_first[:limit])

    def get(self, audit_id: str) -> KeptAudit:
        if audit_id not in self.audits:
            raise NotFoundError(f"There is no audit {audit_id}.")
        return self.audits[audit_id]

    def list_statuses(self, audit_id: str) -> dict[AccountId, AccountStatus]:
        return dict(self.found.get(audit_id, {}))

    def list_page(self, audit_id: str, after: str, limit: int) -> tuple[AccountStatus, ...]:
        found = sorted(self.list_statuses(audit_id).items())
        return tuple(status for account_id, status in found if account_id > after)[:limit]

    def list_account(self, account_id: AccountId) -> tuple[KeptStatus, ...]:
        return tuple(
            KeptStatus(audit.audit_id, audit.ended_at, self.found[audit.audit_id][account_id])
            for audit in self.list_audits()
            if account_id in self.found[audit.audit_id]
        )

    def list_readings(self, start: datetime, end: datetime) -> dict[AccountId, AccountStatus]:
        every = [status for found in self.found.values() for status in found.values()]
        within = [one for one in every if one.observed_at is not None and start <= one.observed_at <= end]
        return {one.account.account_id: one for one in sorted(within, key=lambda one: one.observed_at or start)}

    def stream_readings(self, start: datetime, end: datetime) -> Iterator[KeptReading]:
        every = [
            KeptReading(account_id, audit_id, status.observed_at, status.summary)
            for audit_id, found in self.found.items()
            for account_id, status in found.items()
            if status.observed_at is not None and status.observed_at <= end and status.summary is not None
        ]
        for _, readings in groupby(sorted(every, key=lambda one: one[:3:2]), key=lambda one: one.account_id):
            own = list(readings)
            before = sum(one.observed_at < start for one in own)
            yield from own[max(0, before - 1) :]

    def list_complete(self, start: datetime, end: datetime) -> tuple[datetime, ...]:
        audits = (audit for audit in self.audits.values() if audit.is_complete and start <= audit.ended_at <= end)
        return tuple(sorted(audit.ended_at for audit in audits))

    def forget_before(self, moment: datetime) -> int:
        self.forgotten_before.append(moment)
        return 0


@dataclass(slots=True)
class FakeRetention(RetentionStore):
    """Implements Retention: keeps what it was asked."""

    sign_ins_before: list[datetime] = field(default_factory=list)
    notifications_before: list[datetime] = field(default_factory=list)

    def forget_sign_ins(self, ended_before: datetime) -> int:
        self.sign_ins_before.append(ended_before)
        return 2

    def forget_notifications(self, made_before: datetime) -> int:
        self.notifications_before.append(made_before)
        return 3
