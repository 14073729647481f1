"""Forgetting what is no longer needed: sign-ins that ended, and notifications that were delivered long ago."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, exists, select

from rootkeeper.storage import access_schema, schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.transactions import WriteTransaction

_sign_ins = access_schema.sign_ins.c
_notifications = schema.notifications.c
_deliveries = schema.deliveries.c

_ENDING = (
    access_schema.factor_challenges,
    access_schema.failed_attempts,
    access_schema.first_administrator_links,
    schema.kept_answers,
    access_schema.sign_in_starts,
)
"""Tables whose rows have a moment from which on nobody looks at them."""


class SqlRetentionStore:
    """Of one organization; implements the port Retention."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def forget_sign_ins(self, ended_before: datetime) -> int:
        """See the port; all else that only served for a time and has an end goes too."""
        ended = [
            delete(table).where(table.c.organization_id == self._organization_id, table.c.ends_at < ended_before)
            for table in _ENDING
        ]
        statement = delete(access_schema.sign_ins).where(
            _sign_ins.organization_id == self._organization_id, _sign_ins.expires_at < ended_before
        )

        def work(transaction: WriteTransaction) -> int:
            for others in ended:
                transaction.connection.execute(others)
            return transaction.connection.execute(statement).rowcount

        return self._commits.run(work)

    def forget_notifications(self, made_before: datetime) -> int:
        """One that still waits for a target stays, however old it is."""
        waits = exists().where(
            _deliveries.notification_id == _notifications.notification_id, _deliveries.next_attempt_at.is_not(None)
        )
        old = select(_notifications.notification_id).where(
            _notifications.organization_id == self._organization_id, _notifications.created_at < made_before, ~waits
        )

        def work(transaction: WriteTransaction) -> int:
            transaction.connection.execute(delete(schema.deliveries).where(_deliveries.notification_id.in_(old)))
            forgotten = delete(schema.notifications).where(_notifications.notification_id.in_(old))
            return transaction.connection.execute(forgotten).rowcount

        return self._commits.run(work)
