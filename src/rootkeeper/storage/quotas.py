"""The token buckets that processes on one database share; a draw is one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import delete, insert, select

from rootkeeper.domain.quotas import Draw, QuotaState, Rate, draw, fill, slow_down
from rootkeeper.ports.clock import Clock
from rootkeeper.storage import schema
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.transactions import WriteTransaction

T = TypeVar("T")
_columns = schema.quota_states.c


class SqlQuotas:
    """The buckets of one caller account, Region and endpoint; implements the port QuotaStore.

    Time is the wall clock's, since processes share no other. A bucket of another rate (another share) is the same
    bucket: tokens, debt and pace stay.
    """

    drawn_ahead_seconds = 0.25

    def __init__(self, commits: GroupCommit, organization_id: str, caller: str, clock: Clock) -> None:
        """:param caller: whose quotas they are: caller account, Region and endpoint."""
        self._commits = commits
        self._organization_id = organization_id
        self._caller = caller
        self._clock = clock

    def draw(self, quota: str, rate: Rate, count: int) -> Draw:
        return self._change(quota, rate, lambda state, now: draw(state, rate, count, now))

    def slow_down(self, quota: str, rate: Rate) -> None:
        self._change(quota, rate, lambda state, now: (slow_down(state, now), None))

    def _change(self, quota: str, rate: Rate, change: Callable[[QuotaState, float], tuple[QuotaState, T]]) -> T:
        key = {"organization_id": self._organization_id, "quota": f"{self._caller} {quota}"}
        is_bucket = (_columns.organization_id == key["organization_id"]) & (_columns.quota == key["quota"])

        def work(transaction: WriteTransaction) -> T:
            now = self._clock.now().timestamp()
            row = transaction.connection.execute(select(schema.quota_states).where(is_bucket)).one_or_none()
            state = fill(rate, now)
            if row is not None:
                state = QuotaState(row.tokens, row.counted_at, row.pace, row.throttled_at)
            changed, answer = change(state, now)
            transaction.connection.execute(delete(schema.quota_states).where(is_bucket))
            transaction.connection.execute(
                insert(schema.quota_states).values(
                    **key,
                    tokens=changed.tokens,
                    counted_at=changed.counted_at,
                    pace=changed.pace,
                    throttled_at=changed.throttled_at,
                )
            )
            return answer

        return self._commits.run(work)
