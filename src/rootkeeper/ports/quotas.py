"""Where the token buckets of AWS's quotas are kept, so that processes on one database share them."""

from __future__ import annotations

from typing import Protocol

from rootkeeper.domain.quotas import Draw, Rate


class QuotaStore(Protocol):
    """The buckets of one caller account and Region; safe in many threads."""

    @property
    def drawn_ahead_seconds(self) -> float:
        """For how long a draw should last: 0 where a draw costs nothing."""
        ...

    def draw(self, quota: str, rate: Rate, count: int) -> Draw:
        """Take ``count`` tokens of the quota, which is at its full burst if nobody has drawn from it yet.

        :raises DatabaseError: if the store can't be written.
        """
        ...

    def slow_down(self, quota: str, rate: Rate) -> None:
        """Halve the pace of the quota, for AWS has throttled.

        :raises DatabaseError: if the store can't be written.
        """
        ...
