"""The last inventory, the last status of each account, and past audits, in the database."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Insert, Row, Select, Table, bindparam, delete, exists, func, insert, select

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.errors import Hint, NotFoundError
from rootkeeper.inventory.rules import KeptAudit, KeptStatus
from rootkeeper.ledger.writer import ChangedPart, GroupCommit, Revisions, WriteTransaction, find_revisions
from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    AccountState,
    Inventory,
    Organization,
    OrganizationalUnit,
)
from rootkeeper.organization.records import describe_credentials, parse_credentials
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    RootCredentialsSummary,
    Status,
    StatusReason,
)
from rootkeeper.values import parse_optional_instant, render_optional_instant


def account_row(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "name": account.name,
        "email": account.email,
        "state": account.state.value,
        "ou_ids": list(account.ou_ids),
        "ou_path": account.ou_path,
        "joined_at": account.joined_at,
        "tags": None if account.tags is None else dict(account.tags),
    }


def parse_account(row: Row[Any]) -> Account:
    return Account(
        account_id=AccountId(row.account_id),
        name=row.name,
        email=row.email,
        state=AccountState(row.state),
        ou_ids=tuple(row.ou_ids),
        ou_path=row.ou_path,
        joined_at=row.joined_at,
        tags=row.tags,
    )


def status_row(status: AccountStatus) -> dict[str, Any]:
    summary, credentials = status.summary, status.credentials
    account = account_row(status.account)
    return {
        "account_id": status.account.account_id,
        "account": {**account, "joined_at": render_optional_instant(status.account.joined_at)},
        "role": status.role.value,
        "status": status.status.value,
        "reason": None if status.reason is None else status.reason.value,
        "detail": status.detail,
        "summary": None if summary is None else {field.name: getattr(summary, field.name) for field in fields(summary)},
        "credentials": None if credentials is None else describe_credentials(credentials),
        "observed_at": status.observed_at,
        "session_access_key_id": status.session_access_key_id,
    }


def parse_status(row: Row[Any]) -> AccountStatus:
    account = dict(row.account)
    account_id = AccountId(account["account_id"])
    account["state"] = AccountState(account["state"])
    account["ou_ids"] = tuple(account["ou_ids"])
    account["joined_at"] = parse_optional_instant(account["joined_at"])
    credentials = None if row.credentials is None else parse_credentials(account_id, row.credentials)
    return replace(parse_brief_status(row, Account(**account)), credentials=credentials)


def parse_brief_status(row: Row[Any], account: Account) -> AccountStatus:
    """Parse a status without the details of the credentials, for a known account."""
    return AccountStatus(
        account=account,
        role=AccountRole(row.role),
        status=Status(row.status),
        reason=None if row.reason is None else StatusReason(row.reason),
        detail=row.detail,
        summary=None if row.summary is None else RootCredentialsSummary(**row.summary),
        observed_at=row.observed_at,
        session_access_key_id=row.session_access_key_id,
    )


_INVENTORY_TABLES = (schema.inventory_accounts, schema.inventory_organizational_units, schema.inventories)

_BRIEF = tuple(
    schema.account_statuses.c[name]
    for name in ("account_id", "role", "status", "reason", "detail", "summary", "observed_at", "session_access_key_id")
)

_LOT = 1_000
"""Rows of one statement: while the client builds a longer one, the server would end the transaction as idle."""


class InventoryStore:
    """The last complete inventory, and the last status of each account, of one organization."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def find_last(self) -> Inventory | None:
        with reading(self._store) as connection:
            inventories = schema.inventories
            statement = select(inventories).where(inventories.c.organization_id == self._organization_id)
            row = connection.execute(statement).one_or_none()
            if row is None:
                return None
            delegates = row.delegated_administrator_ids
            return Inventory(
                organization=Organization(
                    organization_id=row.organization_id,
                    management_account_id=AccountId(row.management_account_id),
                    has_all_features=row.has_all_features,
                    partition=row.partition,
                ),
                accounts=tuple(parse_account(account) for account in self._rows(connection, schema.inventory_accounts)),
                organizational_units=tuple(
                    OrganizationalUnit(ou_id=unit.ou_id, name=unit.name, parent_id=unit.parent_id)
                    for unit in self._rows(connection, schema.inventory_organizational_units)
                ),
                listed_at=row.listed_at,
                delegated_administrator_ids=None if delegates is None else frozenset(map(AccountId, delegates)),
                named_at=row.named_at,
                endpoint=row.endpoint,
            )

    def save(self, inventory: Inventory) -> None:
        """Replace the last inventory, in one transaction."""
        delegates = inventory.delegated_administrator_ids
        head = {
            "organization_id": self._organization_id,
            "management_account_id": inventory.organization.management_account_id,
            "has_all_features": inventory.organization.has_all_features,
            "partition": inventory.organization.partition,
            "listed_at": inventory.listed_at,
            "delegated_administrator_ids": None if delegates is None else sorted(delegates),
            "named_at": inventory.named_at,
            "endpoint": inventory.endpoint,
        }
        own = {"organization_id": self._organization_id}
        accounts = [
            {**own, "position": position, **account_row(account)} for position, account in enumerate(inventory.accounts)
        ]
        units = [
            {**own, "position": position, "ou_id": unit.ou_id, "name": unit.name, "parent_id": unit.parent_id}
            for position, unit in enumerate(inventory.organizational_units)
        ]

        def work(transaction: WriteTransaction) -> None:
            connection = transaction.connection
            for table in _INVENTORY_TABLES:
                connection.execute(delete(table).where(table.c.organization_id == self._organization_id))
            connection.execute(insert(schema.inventories), [head])
            for begin in range(0, len(accounts), _LOT):
                connection.execute(insert(schema.inventory_accounts), accounts[begin : begin + _LOT])
            for begin in range(0, len(units), _LOT):
                connection.execute(insert(schema.inventory_organizational_units), units[begin : begin + _LOT])
            transaction.note_change(self._organization_id, ChangedPart.INVENTORY)

        self._commits.run(work)

    def has_audits(self) -> bool:
        """Whether this organization was audited from this database before."""
        statement = (
            select(schema.audits.c.audit_id).where(schema.audits.c.organization_id == self._organization_id).limit(1)
        )
        with reading(self._store) as connection:
            return connection.execute(statement).first() is not None

    def save_statuses(self, statuses: Sequence[AccountStatus]) -> None:
        """Remember the statuses, in one transaction; called once per batch of an audit and after each deletion."""
        rows = {
            status.account.account_id: {"organization_id": self._organization_id, **status_row(status)}
            for status in statuses
        }
        if not rows:
            return
        table = schema.account_statuses
        old = delete(table).where(
            table.c.organization_id == self._organization_id, table.c.account_id == bindparam("old_account_id")
        )

        def work(transaction: WriteTransaction) -> None:
            transaction.connection.execute(old, [{"old_account_id": account_id} for account_id in rows])
            transaction.connection.execute(insert(table), list(rows.values()))
            transaction.note_change(self._organization_id, ChangedPart.STATUSES)

        self._commits.run(work)

    def list_statuses(self) -> dict[AccountId, AccountStatus]:
        """Use each account of the last inventory: when it was read, its place may not have had a name."""
        table = schema.account_statuses
        statement = select(table).where(table.c.organization_id == self._organization_id)
        with reading(self._store) as connection:
            rows = self._rows(connection, schema.inventory_accounts)
            accounts = {row.account_id: parse_account(row) for row in rows}
            found = [parse_status(row) for row in connection.execute(statement)]
        return {
            status.account.account_id: replace(status, account=accounts.get(status.account.account_id, status.account))
            for status in found
        }

    def find_revisions(self) -> Revisions:
        """Cheap: to be read before all else that it speaks of."""
        with reading(self._store) as connection:
            return find_revisions(connection, self._organization_id)

    def list_brief_statuses(self, accounts: Mapping[AccountId, Account]) -> dict[AccountId, AccountStatus]:
        """Accounts and credentials, the largest part of the rows, aren't read."""
        statement = select(*_BRIEF).where(schema.account_statuses.c.organization_id == self._organization_id)
        with reading(self._store) as connection:
            rows = connection.execute(statement).all()
        return {
            account.account_id: parse_brief_status(row, account)
            for row in rows
            if (account := accounts.get(row.account_id)) is not None
        }

    def find_statuses(self, account_ids: Collection[AccountId]) -> dict[AccountId, AccountStatus]:
        """The last status of each of these accounts that was ever read, with all details; at most a page of them."""
        table = schema.account_statuses
        statement = select(table).where(
            table.c.organization_id == self._organization_id, table.c.account_id.in_(sorted(account_ids))
        )
        with reading(self._store) as connection:
            found = [parse_status(row) for row in connection.execute(statement)]
        return {status.account.account_id: status for status in found}

    def record_audit(self, started_at: datetime, ended_at: datetime, summary: dict[str, int]) -> None:
        statement = insert(schema.audits).values(
            audit_id=secrets.token_hex(8),
            organization_id=self._organization_id,
            started_at=started_at,
            ended_at=ended_at,
            summary=summary,
        )
        self._commits.run(lambda transaction: _execute(transaction, statement))

    def _rows(self, connection: Connection, table: Table) -> Sequence[Row[Any]]:
        statement = select(table).where(table.c.organization_id == self._organization_id).order_by(table.c.position)
        return connection.execute(statement).all()


def _execute(transaction: WriteTransaction, statement: Insert) -> None:
    transaction.connection.execute(statement)


_audits = schema.audits.c
_found = schema.audit_statuses.c
_LOT_ROWS = 1_000


class AuditHistory:
    """The audits of one organization.

    :raises DatabaseError: if the database can't be read or written.
    """

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def add(self, audit: KeptAudit, statuses: Iterable[AccountStatus]) -> None:
        """Keep an audit whole, in one transaction; one of the same id is replaced."""
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
        """The newest first."""
        statement = self._select_audits().order_by(_audits.ended_at.desc(), _audits.audit_id).limit(limit)
        with reading(self._store) as connection:
            return tuple(_parse_audit(row) for row in connection.execute(statement))

    def get(self, audit_id: str) -> KeptAudit:
        """:raises NotFoundError: if there is none."""
        with reading(self._store) as connection:
            row = connection.execute(self._select_audits().where(_audits.audit_id == audit_id)).one_or_none()
        if row is None:
            raise NotFoundError(
                f"No audit {audit_id!r} is kept.",
                hint=Hint("List the stored audits.", "history.list_audits"),
            )
        return _parse_audit(row)

    def list_statuses(self, audit_id: str) -> dict[AccountId, AccountStatus]:
        """What it found."""
        with reading(self._store) as connection:
            found = self._list_found(connection, audit_id)
        return {status.account.account_id: status for status in found}

    def list_page(self, audit_id: str, after: str, limit: int) -> tuple[AccountStatus, ...]:
        """Part of what it found: at most so many, of the accounts whose ids come after that one."""
        statement = (
            self._select_statuses()
            .where(_found.audit_id == audit_id, _found.account_id > after)
            .order_by(_found.account_id)
            .limit(limit)
        )
        with reading(self._store) as connection:
            return tuple(parse_status(row) for row in connection.execute(statement))

    def list_account(self, account_id: AccountId) -> tuple[KeptStatus, ...]:
        """What every kept audit found in this account, the newest first."""
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
        """Read audits from the newest, until a complete one leaves no account unread."""
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
        """Forget audits that ended before, except for the last one of each account; how many were forgotten."""

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
        """Remove the audit first: a process that died may have kept it just before another one resumed the job."""
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
    """Whether an earlier audit may have read this account."""
    return status.account.account_id not in readings and status.status is not Status.NOT_APPLICABLE


def _in_lots(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while lot := list(islice(left, _LOT_ROWS)):
        yield lot


def _parse_audit(row: Row[Any]) -> KeptAudit:
    """Parse an audit; ``record_audit`` stores only the summary."""
    return KeptAudit(
        audit_id=row.audit_id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        endpoint=row.endpoint or "",
        is_complete=row.is_complete,
        requested_by=row.requested_by or "",
        summary=dict(row.summary),
    )
