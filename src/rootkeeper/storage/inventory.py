"""The last inventory, the last status of each account, and the audits of one organization in the database."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert, Row, Table, bindparam, delete, insert, select

from rootkeeper.domain.organizations import Account, AccountId, Inventory, Organization, OrganizationalUnit
from rootkeeper.domain.statuses import AccountStatus
from rootkeeper.ports.inventory import Revisions
from rootkeeper.storage import schema
from rootkeeper.storage.account_revisions import ChangedPart, find_revisions
from rootkeeper.storage.account_rows import (
    account_row,
    parse_account,
    parse_brief_status,
    parse_status,
    status_row,
)
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import WriteTransaction

_INVENTORY_TABLES = (schema.inventory_accounts, schema.inventory_organizational_units, schema.inventories)

_BRIEF = tuple(
    schema.account_statuses.c[name]
    for name in ("account_id", "role", "status", "reason", "detail", "summary", "observed_at", "session_access_key_id")
)

_LOT = 1_000
"""Rows of one statement: while a longer one is put together, a server would take its writer for one that stands still.
"""


class SqlInventoryStore:
    """What is remembered of one organization; implements the port InventoryStore."""

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
        statement = (
            select(schema.audits.c.audit_id).where(schema.audits.c.organization_id == self._organization_id).limit(1)
        )
        with reading(self._store) as connection:
            return connection.execute(statement).first() is not None

    def save_statuses(self, statuses: Sequence[AccountStatus]) -> None:
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
        """Each account as the last inventory has it: while it was read, its place may not have had a name yet."""
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
        with reading(self._store) as connection:
            return find_revisions(connection, self._organization_id)

    def list_brief_statuses(self, accounts: Mapping[AccountId, Account]) -> dict[AccountId, AccountStatus]:
        """The rows' accounts and credentials, which are most of them, stay unread."""
        statement = select(*_BRIEF).where(schema.account_statuses.c.organization_id == self._organization_id)
        with reading(self._store) as connection:
            rows = connection.execute(statement).all()
        return {
            account.account_id: parse_brief_status(row, account)
            for row in rows
            if (account := accounts.get(row.account_id)) is not None
        }

    def find_statuses(self, account_ids: Collection[AccountId]) -> dict[AccountId, AccountStatus]:
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
