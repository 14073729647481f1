"""The last inventory, the last status of each account, past audits and confirmations, in the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    type_coerce,
)

from rootkeeper.database import schema
from rootkeeper.database.engines import reading
from rootkeeper.database.schema import JsonText, parse_row, to_row
from rootkeeper.errors import Hint, NotFoundError
from rootkeeper.ledger.writer import ChangedPart, OrganizationStore, Revisions, WriteTransaction, find_revisions
from rootkeeper.organization.accounts import Account, AccountId, Inventory
from rootkeeper.organization.confirmations import Claim, Confirmation, find_in_force
from rootkeeper.organization.statuses import (
    AccountStatus,
    KeptAudit,
    KeptReading,
    KeptStatus,
    RootCredentialsSummary,
    Status,
    keep_details,
    keep_reading,
)
from rootkeeper.shapes import parse_facts

_INVENTORY_TABLES = (schema.inventory_accounts, schema.inventory_organizational_units, schema.inventories)

_BRIEF = tuple(column for column in schema.account_statuses.c if column.name not in {"organization_id", "account"})

_LOT = 1_000
"""Rows of a statement: while the client builds a longer statement, the server would end the transaction as idle."""


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    for begin in range(0, len(rows), _LOT):
        connection.execute(insert(table), rows[begin : begin + _LOT])


def status_row(status: AccountStatus) -> dict[str, Any]:
    return {"account_id": status.account.account_id, **to_row(status)}


class InventoryStore(OrganizationStore):
    """The last complete inventory, and the last status of each account, of an organization."""

    def find_last(self) -> Inventory | None:
        with reading(self._store) as connection:
            inventories = schema.inventories
            statement = select(inventories).where(inventories.c.organization_id == self._organization_id)
            row = connection.execute(statement).one_or_none()
            if row is None:
                return None
            units = self._rows(connection, schema.inventory_organizational_units)
            plain = {
                **row._asdict(),
                "organization": row._asdict(),
                "accounts": [account._asdict() for account in self._rows(connection, schema.inventory_accounts)],
                "organizational_units": [unit._asdict() for unit in units],
            }
        return parse_facts(Inventory, plain)

    def save(self, inventory: Inventory) -> None:
        """Replace the last inventory, in a single transaction."""
        delegates = inventory.delegated_administrator_ids
        own = {"organization_id": self._organization_id}
        head = {
            **to_row(inventory.organization),
            **own,
            "listed_at": inventory.listed_at,
            "delegated_administrator_ids": None if delegates is None else sorted(delegates),
            "named_at": inventory.named_at,
            "endpoint": inventory.endpoint,
        }
        accounts = [{**own, "position": place, **to_row(account)} for place, account in enumerate(inventory.accounts)]
        units = [
            {**own, "position": place, **to_row(unit)} for place, unit in enumerate(inventory.organizational_units)
        ]

        def work(transaction: WriteTransaction) -> None:
            connection = transaction.connection
            for table in _INVENTORY_TABLES:
                connection.execute(delete(table).where(table.c.organization_id == self._organization_id))
            connection.execute(insert(schema.inventories), [head])
            _insert(connection, schema.inventory_accounts, accounts)
            _insert(connection, schema.inventory_organizational_units, units)
            transaction.note_change(self._organization_id, ChangedPart.INVENTORY)

        self._commits.run(work)

    def has_audits(self) -> bool:
        """Whether this organization was audited from this database before."""
        statement = select(_audits.audit_id).where(_audits.organization_id == self._organization_id).limit(1)
        return bool(self._read(statement))

    def save_statuses(self, statuses: Sequence[AccountStatus]) -> None:
        """Remember the statuses, in a single transaction; called once per batch of an audit and after each deletion.

        Readings without details keep those of the last detailed audit.
        """
        found = {status.account.account_id: status for status in statuses}
        if not found:
            return
        table = schema.account_statuses
        is_own = table.c.organization_id == self._organization_id
        old = delete(table).where(is_own, table.c.account_id == bindparam("old_account_id"))
        without = [account_id for account_id, status in found.items() if _lacks_details(status)]
        detailed = select(table).where(is_own, table.c.account_id.in_(without), _HAS_DETAILS)

        def work(transaction: WriteTransaction) -> None:
            kept = dict(found)
            for row in transaction.connection.execute(detailed) if without else ():
                kept[row.account_id] = keep_details(parse_row(AccountStatus, row), found[row.account_id])
            rows = [{"organization_id": self._organization_id, **status_row(status)} for status in kept.values()]
            transaction.connection.execute(old, [{"old_account_id": account_id} for account_id in kept])
            transaction.connection.execute(insert(table), rows)
            transaction.note_change(self._organization_id, ChangedPart.STATUSES)

        self._commits.run(work)

    def has_details(self) -> bool:
        """Whether an audit has read the age and last use of an account's credentials."""
        is_own = schema.account_statuses.c.organization_id == self._organization_id
        return bool(self._read(select(schema.account_statuses.c.account_id).where(is_own, _HAS_DETAILS).limit(1)))

    def list_statuses(self) -> dict[AccountId, AccountStatus]:
        """Use each account of the last inventory: when it was read, its place may not have had a name."""
        table = schema.account_statuses
        statement = select(table).where(table.c.organization_id == self._organization_id)
        with reading(self._store) as connection:
            rows = self._rows(connection, schema.inventory_accounts)
            accounts = {row.account_id: parse_row(Account, row) for row in rows}
            found = [parse_row(AccountStatus, row) for row in connection.execute(statement)]
        return {
            status.account.account_id: replace(status, account=accounts.get(status.account.account_id, status.account))
            for status in found
        }

    def find_revisions(self) -> Revisions:
        """Cheap: to be read before all else that it speaks of."""
        with reading(self._store) as connection:
            return find_revisions(connection, self._organization_id)

    def list_brief_statuses(self, accounts: Mapping[AccountId, Account]) -> dict[AccountId, AccountStatus]:
        """Use these accounts: those of the rows, their largest part, aren't read."""
        statement = select(*_BRIEF).where(schema.account_statuses.c.organization_id == self._organization_id)
        return {
            account.account_id: parse_facts(AccountStatus, {**row._asdict(), "account": account})
            for row in self._read(statement)
            if (account := accounts.get(row.account_id)) is not None
        }

    def find_statuses(self, account_ids: Collection[AccountId]) -> dict[AccountId, AccountStatus]:
        """The last status of each of these accounts that was ever read, with all details."""
        table = schema.account_statuses
        of_organization = select(table).where(table.c.organization_id == self._organization_id)
        wanted, found = sorted(account_ids), dict[AccountId, AccountStatus]()
        for begin in range(0, len(wanted), _LOT):
            for row in self._read(of_organization.where(table.c.account_id.in_(wanted[begin : begin + _LOT]))):
                status = parse_row(AccountStatus, row)
                found[status.account.account_id] = status
        return found

    def _rows(self, connection: Connection, table: Table) -> Sequence[Row[Any]]:
        statement = select(table).where(table.c.organization_id == self._organization_id).order_by(table.c.position)
        return connection.execute(statement).all()


_HAS_DETAILS = or_(
    schema.account_statuses.c.credentials.is_not(None), schema.account_statuses.c.earlier_details.is_not(None)
)


def _lacks_details(status: AccountStatus) -> bool:
    return status.details is None and status.summary is not None and not status.summary.is_empty


def _choose_reading(known: AccountStatus | None, status: AccountStatus) -> AccountStatus:
    """Choose the newer of two readings; a newer failed attempt is only kept beside the reading."""
    if known is None:
        return status
    older, newer = sorted((known, status), key=_get_time)
    if newer.summary is not None or older.summary is None:
        return newer
    return keep_reading(older, newer, None)


def _get_time(status: AccountStatus) -> datetime:
    return status.observed_at or datetime.min.replace(tzinfo=UTC)


_audits = schema.audits.c
_found = schema.audit_statuses.c


class AuditHistory(OrganizationStore):
    """The audits of an organization.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, audit: KeptAudit, statuses: Iterable[AccountStatus]) -> None:
        """Store an audit with its statuses, in a single transaction; an audit with the same id is replaced.

        A process may have stored it and died, before another process resumed the job.
        """
        own = {"organization_id": self._organization_id, "audit_id": audit.audit_id, "ended_at": audit.ended_at}
        rows = [{**own, **status_row(status)} for status in statuses]

        def work(transaction: WriteTransaction) -> None:
            connection = transaction.connection
            for table in (schema.audit_statuses, schema.audits):
                is_own = table.c.organization_id == self._organization_id
                connection.execute(delete(table).where(is_own, table.c.audit_id == audit.audit_id))
            connection.execute(insert(schema.audits).values(own | to_row(audit)))
            _insert(connection, schema.audit_statuses, rows)

        self._commits.run(work)

    def list_audits(self, *, limit: int | None = None, only_complete: bool = False) -> tuple[KeptAudit, ...]:
        """List the stored audits, the newest first.

        :param only_complete: only those of the whole organization.
        """
        statement = self._select_audits().order_by(_audits.ended_at.desc(), _audits.audit_id).limit(limit)
        if only_complete:
            statement = statement.where(_audits.is_complete)
        return tuple(parse_row(KeptAudit, row) for row in self._read(statement))

    def get(self, audit_id: str) -> KeptAudit:
        """:raises NotFoundError: if there is none."""
        row = self._read_one(self._select_audits().where(_audits.audit_id == audit_id))
        if row is None:
            raise NotFoundError(
                f"No audit {audit_id!r} is kept.", hint=Hint("List the stored audits.", "history.list_audits")
            )
        return parse_row(KeptAudit, row)

    def list_statuses(self, audit_id: str) -> dict[AccountId, AccountStatus]:
        """List the status that an audit found in each account."""
        with reading(self._store) as connection:
            found = self._list_found(connection, audit_id)
        return {status.account.account_id: status for status in found}

    def list_page(self, audit_id: str, after: str, limit: int) -> tuple[AccountStatus, ...]:
        """List part of the statuses of an audit: at most ``limit``, of accounts with ids after ``after``."""
        statement = (
            self._select_statuses()
            .where(_found.audit_id == audit_id, _found.account_id > after)
            .order_by(_found.account_id)
            .limit(limit)
        )
        return tuple(parse_row(AccountStatus, row) for row in self._read(statement))

    def list_account(self, account_id: AccountId) -> tuple[KeptStatus, ...]:
        """List the status that each stored audit found in this account, the newest first."""
        statement = (
            self._select_statuses()
            .where(_found.account_id == account_id)
            .order_by(_found.ended_at.desc(), _found.audit_id)
        )
        return tuple(
            KeptStatus(row.audit_id, row.ended_at, parse_row(AccountStatus, row)) for row in self._read(statement)
        )

    def list_readings(self, start: datetime, end: datetime) -> dict[AccountId, AccountStatus]:
        """Read audits from the newest, until a complete audit; then the accounts that it couldn't read.

        A failed attempt never replaces an earlier reading of the period.
        """
        statement = (
            self._select_audits()
            .where(_audits.started_at <= end, _audits.ended_at >= start)
            .order_by(_audits.ended_at.desc(), _audits.audit_id)
        )
        readings: dict[AccountId, AccountStatus] = {}
        with reading(self._store) as connection:
            for audit in connection.execute(statement).all():
                found = self._list_found(connection, audit.audit_id)
                for status in found:
                    read_at, known = status.observed_at, readings.get(status.account.account_id)
                    if read_at is None or not start <= read_at <= end:
                        continue
                    readings[status.account.account_id] = _choose_reading(known, status)
                if audit.is_complete:
                    # An earlier audit may have read an account that this audit and those after it couldn't read.
                    read = {account_id for account_id, status in readings.items() if status.summary is not None}
                    tried = (
                        status.account.account_id for status in found if status.status is not Status.NOT_APPLICABLE
                    )
                    unread = [account_id for account_id in tried if account_id not in read]
                    for status in self._list_earlier(connection, unread, (start, end), audit.ended_at):
                        known = readings.get(status.account.account_id)
                        readings[status.account.account_id] = _choose_reading(known, status)
                    break
        return readings

    def _list_earlier(
        self,
        connection: Connection,
        account_ids: Sequence[AccountId],
        period: tuple[datetime, datetime],
        before: datetime,
    ) -> Iterator[AccountStatus]:
        """List the readings of these accounts in a period that earlier audits kept."""
        for begin in range(0, len(account_ids), _LOT):
            statement = self._select_statuses().where(
                _found.account_id.in_(account_ids[begin : begin + _LOT]),
                _found.summary.is_not(None),
                _found.observed_at.between(*period),
                _found.ended_at < before,
            )
            for row in connection.execute(statement):
                yield parse_row(AccountStatus, row)

    def stream_readings(self, start: datetime, end: datetime) -> Iterator[KeptReading]:
        """Stream the good readings of a time, by account and time, after the last reading before it of each account.

        Reads few columns and holds few rows: a year of daily audits of 10,000 accounts has 3,650,000. A status that an
        audit took over from an earlier reading isn't another reading.
        """
        summary = type_coerce(_found.summary, Text)
        columns = (_found.account_id, _found.audit_id, _found.observed_at, summary.label("summary"))
        # A reading beside a failed attempt is an earlier audit's.
        own = (_found.organization_id == self._organization_id, summary.is_not(None), _found.failed_attempt.is_(None))
        before = (
            select(_found.account_id, func.max(_found.observed_at).label("observed_at"))
            .where(*own, _found.observed_at < start)
            .group_by(_found.account_id)
        )
        is_last_before = tuple_(_found.account_id, _found.observed_at).in_(before)
        is_within = _found.observed_at.between(start, end)
        order = (_found.account_id, _found.observed_at, _found.ended_at, _found.audit_id)
        statement = select(*columns).where(*own, is_within | is_last_before).order_by(*order)
        summaries: dict[str, RootCredentialsSummary] = {}
        last: tuple[AccountId, datetime] | None = None
        with (
            reading(self._store) as connection,
            connection.execution_options(yield_per=_LOT).execute(statement) as rows,
        ):
            for account_id, audit_id, observed_at, text in rows:
                if last == (account_id, observed_at):
                    continue
                last = (account_id, observed_at)
                if text not in summaries:
                    plain = JsonText().process_result_value(text, connection.dialect)
                    summaries[text] = parse_facts(RootCredentialsSummary, plain)
                yield KeptReading(account_id, audit_id, observed_at, summaries[text])

    def list_complete(self, start: datetime, end: datetime) -> tuple[datetime, ...]:
        """List when the audits of the whole organization ended that ended in a time."""
        statement = (
            select(_audits.ended_at)
            .where(
                _audits.organization_id == self._organization_id,
                _audits.is_complete,
                _audits.ended_at.between(start, end),
            )
            .order_by(_audits.ended_at)
        )
        return tuple(row.ended_at for row in self._read(statement))

    def forget_before(self, moment: datetime) -> int:
        """Delete audits that ended before ``moment``, except the last of each account; return how many were deleted."""
        own_statuses = _found.organization_id == self._organization_id
        last = (
            select(_found.account_id, func.max(_found.ended_at).label("ended_at"))
            .where(own_statuses)
            .group_by(_found.account_id)
            .subquery()
        )
        is_last = exists().where(last.c.account_id == _found.account_id, last.c.ended_at == _found.ended_at)
        is_used = exists().where(_found.organization_id == _audits.organization_id, _found.audit_id == _audits.audit_id)
        own_audits = _audits.organization_id == self._organization_id

        def work(transaction: WriteTransaction) -> int:
            execute = transaction.connection.execute
            execute(delete(schema.audit_statuses).where(own_statuses, _found.ended_at < moment, ~is_last))
            return execute(delete(schema.audits).where(own_audits, _audits.ended_at < moment, ~is_used)).rowcount

        return self._commits.run(work)

    def _list_found(self, connection: Connection, audit_id: str) -> list[AccountStatus]:
        rows = connection.execute(self._select_statuses().where(_found.audit_id == audit_id))
        return [parse_row(AccountStatus, row) for row in rows]

    def _select_audits(self) -> Select[Any]:
        return select(schema.audits).where(_audits.organization_id == self._organization_id)

    def _select_statuses(self) -> Select[Any]:
        return select(schema.audit_statuses).where(_found.organization_id == self._organization_id)


_confirmations = schema.failsafe_confirmations.c


class ConfirmationStore(OrganizationStore):
    """The confirmations of delegated administrator accounts, also after their end, so that reports can look back.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, confirmation: Confirmation) -> None:
        """Store a confirmation; its fact must be in the ledger already."""
        row = {"organization_id": self._organization_id, **to_row(confirmation)}

        def work(transaction: WriteTransaction) -> None:
            transaction.connection.execute(insert(schema.failsafe_confirmations).values(row))
            transaction.note_change(self._organization_id, ChangedPart.STATUSES)

        self._commits.run(work)

    def list_confirmations(self, *, in_sandbox: bool) -> tuple[Confirmation, ...]:
        """List them in the order of recording: those of a sandbox, or those of AWS."""
        statement = (
            select(schema.failsafe_confirmations)
            .where(_confirmations.organization_id == self._organization_id)
            .order_by(_confirmations.recorded_at)
        )
        found = [parse_row(Confirmation, row) for row in self._read(statement)]
        return tuple(confirmation for confirmation in found if (confirmation.endpoint != "AWS") is in_sandbox)

    def list_confirmed(self, *, in_sandbox: bool, at: datetime) -> frozenset[AccountId]:
        """List the accounts with a root login that is confirmed, at ``at``, as kept on purpose."""
        return frozenset(find_in_force(self.list_confirmations(in_sandbox=in_sandbox), Claim.KEPT, at))
