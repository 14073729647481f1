"""What audits found, each kept whole, in the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, exists, func, insert, select

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.statuses import AccountStatus, Status
from rootkeeper.domain.timelines import KeptStatus
from rootkeeper.errors import NotFoundError
from rootkeeper.ports.history import KeptAudit
from rootkeeper.storage import schema
from rootkeeper.storage.account_rows import parse_status, status_row
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import WriteTransaction

_audits = schema.audits.c
_found = schema.audit_statuses.c
_LOT_ROWS = 1_000


class SqlAuditHistory:
    """The audits of one organization; implements the port AuditHistory."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def add(self, audit: KeptAudit, statuses: Iterable[AccountStatus]) -> None:
        own = {"organization_id": self._organization_id, "audit_id": audit.audit_id, "ended_at": audit.ended_at}
        rows = [{**own, **status_row(status)} for status in statuses]
        head = {
            **own,
            "started_at": audit.started_at,
            "summary": audit.summary,
            "endpoint": audit.endpoint,
            "is_complete": audit.is_complete,
            "requested_by": audit.requested_by,
        }

        def work(transaction: WriteTransaction) -> None:
            self._remove(transaction.connection, audit.audit_id)
            transaction.connection.execute(insert(schema.audits).values(head))
            for lot in _in_lots(rows):
                transaction.connection.execute(insert(schema.audit_statuses), lot)

        self._commits.run(work)

    def list_audits(self, *, limit: int | None = None) -> tuple[KeptAudit, ...]:
        statement = self._select_audits().order_by(_audits.ended_at.desc(), _audits.audit_id).limit(limit)
        with reading(self._store) as connection:
            return tuple(_parse_audit(row) for row in connection.execute(statement))

    def get(self, audit_id: str) -> KeptAudit:
        with reading(self._store) as connection:
            row = connection.execute(self._select_audits().where(_audits.audit_id == audit_id)).one_or_none()
        if row is None:
            raise NotFoundError(
                f"No audit {audit_id!r} is kept.", hint="`rootkeeper diff --list` shows those that are."
            )
        return _parse_audit(row)

    def list_statuses(self, audit_id: str) -> dict[AccountId, AccountStatus]:
        with reading(self._store) as connection:
            found = self._list_found(connection, audit_id)
        return {status.account.account_id: status for status in found}

    def list_page(self, audit_id: str, after: str, limit: int) -> tuple[AccountStatus, ...]:
        statement = (
            self._select_statuses()
            .where(_found.audit_id == audit_id, _found.account_id > after)
            .order_by(_found.account_id)
            .limit(limit)
        )
        with reading(self._store) as connection:
            return tuple(parse_status(row) for row in connection.execute(statement))

    def list_account(self, account_id: AccountId) -> tuple[KeptStatus, ...]:
        statement = (
            self._select_statuses()
            .where(_found.account_id == account_id)
            .order_by(_found.ended_at.desc(), _found.audit_id)
        )
        with reading(self._store) as connection:
            return tuple(
                KeptStatus(row.audit_id, row.ended_at, parse_status(row)) for row in connection.execute(statement)
            )

    def list_readings(self, start: datetime, end: datetime) -> dict[AccountId, AccountStatus]:
        """The newest audits first, until one of the whole organization leaves no account open."""
        statement = (
            self._select_audits()
            .where(_audits.started_at <= end, _audits.ended_at >= start)
            .order_by(_audits.ended_at.desc(), _audits.audit_id)
        )
        readings: dict[AccountId, AccountStatus] = {}
        with reading(self._store) as connection:
            for audit in connection.execute(statement).all():
                found = self._list_found(connection, audit.audit_id)
                _take_readings(readings, found, start, end)
                if audit.is_complete and not any(_is_open(one, readings) for one in found):
                    break
        return readings

    def _list_found(self, connection: Connection, audit_id: str) -> list[AccountStatus]:
        rows = connection.execute(self._select_statuses().where(_found.audit_id == audit_id))
        return [parse_status(row) for row in rows]

    def forget_before(self, moment: datetime) -> int:
        def work(transaction: WriteTransaction) -> int:
            return self._forget(transaction.connection, moment)

        return self._commits.run(work)

    def _forget(self, connection: Connection, moment: datetime) -> int:
        own_statuses = _found.organization_id == self._organization_id
        last = (
            select(_found.account_id, func.max(_found.ended_at).label("ended_at"))
            .where(own_statuses)
            .group_by(_found.account_id)
            .subquery()
        )
        is_last = exists().where(last.c.account_id == _found.account_id, last.c.ended_at == _found.ended_at)
        connection.execute(delete(schema.audit_statuses).where(own_statuses, _found.ended_at < moment, ~is_last))
        is_used = exists().where(_found.organization_id == _audits.organization_id, _found.audit_id == _audits.audit_id)
        forgotten = connection.execute(
            delete(schema.audits).where(
                _audits.organization_id == self._organization_id, _audits.ended_at < moment, ~is_used
            )
        )
        return forgotten.rowcount

    def _remove(self, connection: Connection, audit_id: str) -> None:
        """An audit that was kept just before its process died is kept again by the one that goes on."""
        for table in (schema.audit_statuses, schema.audits):
            own = table.c.organization_id == self._organization_id
            connection.execute(delete(table).where(own, table.c.audit_id == audit_id))

    def _select_audits(self) -> Select[Any]:
        return select(schema.audits).where(_audits.organization_id == self._organization_id)

    def _select_statuses(self) -> Select[Any]:
        return select(schema.audit_statuses).where(_found.organization_id == self._organization_id)


def _take_readings(
    readings: dict[AccountId, AccountStatus], found: list[AccountStatus], start: datetime, end: datetime
) -> None:
    for status in found:
        read_at, known = status.observed_at, readings.get(status.account.account_id)
        if read_at is None or not start <= read_at <= end:
            continue
        if known is None or known.observed_at is None or known.observed_at < read_at:
            readings[status.account.account_id] = status


def _is_open(status: AccountStatus, readings: dict[AccountId, AccountStatus]) -> bool:
    """Whether an earlier audit may have read what this one didn't."""
    return status.account.account_id not in readings and status.status is not Status.NOT_APPLICABLE


def _in_lots(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while lot := list(islice(left, _LOT_ROWS)):
        yield lot


def _parse_audit(row: Row[Any]) -> KeptAudit:
    """An audit of an earlier version kept its summary alone."""
    return KeptAudit(
        audit_id=row.audit_id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        endpoint=row.endpoint or "",
        is_complete=row.is_complete,
        requested_by=row.requested_by or "",
        summary=dict(row.summary),
    )
