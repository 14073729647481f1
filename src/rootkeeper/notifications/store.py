"""Notifications in the database, and the result at each target.

Writing transactions exclude each other, so that only one process claims a delivery. A claim ends by itself, so that
another process sends the deliveries of a dead process.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, insert, or_, select, update

from rootkeeper.database import schema
from rootkeeper.ledger.writer import OrganizationStore, WriteTransaction
from rootkeeper.notifications.rules import Delivery, DeliveryState, Notification, find_failing, notification_to_record
from rootkeeper.shapes import parse_facts

_notifications = schema.notifications.c
_deliveries = schema.deliveries.c


class NotificationStore(OrganizationStore):
    """The notifications of an organization, and the result at each target.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, notification_id: str, notification: Notification, targets: Sequence[str], now: datetime) -> bool:
        """Keep it for delivery to those targets from now on; ``False`` if its key is kept already."""
        key = notification.deduplication_key or None
        own = {"notification_id": notification_id, "organization_id": self._organization_id}
        row = {**own, "deduplication_key": key, "content": notification_to_record(notification), "created_at": now}
        waiting = {**own, "state": DeliveryState.WAITING.value, "attempts": 0, "next_attempt_at": now}

        def work(transaction: WriteTransaction) -> bool:
            same = select(_notifications.notification_id).where(
                _notifications.organization_id == self._organization_id, _notifications.deduplication_key == key
            )
            if key is not None and transaction.connection.execute(same).first() is not None:
                return False
            transaction.connection.execute(insert(schema.notifications).values(**row))
            if targets:
                rows = [{**waiting, "target": target} for target in targets]
                transaction.connection.execute(insert(schema.deliveries), rows)
            return True

        return self._commits.run(work)

    def list_targets_due(self, now: datetime) -> tuple[str, ...]:
        """Names of targets with a delivery that is due and that no process has claimed."""
        statement = select(_deliveries.target).where(self._is_due(now)).distinct().order_by(_deliveries.target)
        return tuple(row.target for row in self._read(statement))

    def claim_due(self, target: str, now: datetime, until: datetime, limit: int) -> tuple[Delivery, ...]:
        """Claim a target's deliveries that are due, the oldest first; no other process sends them before ``until``."""
        due = (
            self._select()
            .where(self._is_due(now), _deliveries.target == target)
            .order_by(_notifications.created_at, _notifications.notification_id)
            .limit(limit)
        )

        def work(transaction: WriteTransaction) -> tuple[Delivery, ...]:
            found = tuple(_parse_row(row) for row in transaction.connection.execute(due))
            for delivery in found:
                transaction.connection.execute(self._update(delivery).values(claimed_until=until))
            return found

        return self._commits.run(work)

    def settle(self, delivery: Delivery) -> None:
        """Record the result of an attempt and release the claim; does nothing if the delivery has ended already."""
        statement = self._update(delivery).values(
            state=delivery.state.value,
            attempts=delivery.attempts,
            next_attempt_at=delivery.next_attempt_at,
            claimed_until=None,
            delivered_at=delivery.delivered_at,
            failure=delivery.failure,
        )
        self._execute(statement)

    def give_up_before(self, created_before: datetime) -> int:
        """Give up deliveries that have waited since before that time, such as for a target that was removed."""
        old = select(_notifications.notification_id).where(
            _notifications.organization_id == self._organization_id, _notifications.created_at < created_before
        )
        statement = (
            update(schema.deliveries)
            .where(self._is_waiting(), _deliveries.notification_id.in_(old))
            .values(state=DeliveryState.GIVEN_UP.value, next_attempt_at=None, claimed_until=None)
        )
        return self._execute(statement)

    def list_deliveries(
        self, *, limit: int, state: DeliveryState | None = None, target: str | None = None
    ) -> tuple[Delivery, ...]:
        """The newest first."""
        statement = self._select().order_by(
            _notifications.created_at.desc(), _notifications.notification_id, _deliveries.target
        )
        if state is not None:
            statement = statement.where(_deliveries.state == state.value)
        if target is not None:
            statement = statement.where(_deliveries.target == target)
        return tuple(_parse_row(row) for row in self._read(statement.limit(limit)))

    def list_failing(self, since: datetime) -> dict[str, str]:
        """Targets whose latest attempt with a notification since that time failed, and why."""
        rows = self._read(self._select().where(_notifications.created_at >= since))
        return find_failing(_parse_row(row) for row in rows)

    def _select(self) -> Select[Any]:
        return (
            select(schema.deliveries, _notifications.content, _notifications.created_at)
            .join_from(
                schema.deliveries, schema.notifications, _notifications.notification_id == _deliveries.notification_id
            )
            .where(_deliveries.organization_id == self._organization_id)
        )

    def _update(self, delivery: Delivery) -> Any:
        return update(schema.deliveries).where(
            self._is_waiting(),
            _deliveries.notification_id == delivery.notification_id,
            _deliveries.target == delivery.target,
        )

    def _is_waiting(self) -> ColumnElement[bool]:
        return and_(
            _deliveries.organization_id == self._organization_id, _deliveries.state == DeliveryState.WAITING.value
        )

    def _is_due(self, now: datetime) -> ColumnElement[bool]:
        return and_(
            self._is_waiting(),
            _deliveries.next_attempt_at <= now,
            or_(_deliveries.claimed_until.is_(None), _deliveries.claimed_until <= now),
        )


def _parse_row(row: Row[Any]) -> Delivery:
    content = {"person": None, **row.content}  # a row of an earlier version names no person
    return parse_facts(Delivery, {**row._asdict(), "notification": content})
