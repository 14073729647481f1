"""Which accounts a deletion can include now, as far as stored readings show. A plan reads each account again."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status


class DeletionReadiness(StrEnum):
    """What the stored details say about deleting the root user credentials of a member account."""

    SAFE = "safe"
    """Ages and last uses were read, and show no use within the time that blocks an account."""
    UNREAD = "unread"
    """The last use isn't known: it wasn't read, or not lately, or AWS shows none, as of certificates."""
    USED = "used"
    """The password or a key was used within the time that blocks an account."""


def classify_readiness(status: AccountStatus, recent: timedelta, stale_after: timedelta) -> DeletionReadiness | None:
    """Classify an account without its exceptions; ``None`` if a deletion has nothing to do in it, or never includes it.

    A use counts as recent from the detailed reading on, so that the answer changes only with a reading.

    :param recent: the time before the detailed reading in which a use blocks the account.
    :param stale_after: how much older than the last reading the details may be.
    """
    if status.role is not AccountRole.MEMBER or status.status is not Status.PRESENT:
        return None
    details, read_at = status.details, status.observed_at
    if details is None or read_at is None:
        return DeletionReadiness.UNREAD
    used_at = details.last_used_at
    if used_at is not None and used_at > details.observed_at - recent:
        return DeletionReadiness.USED
    is_known = status.has_all_details and not status.is_unread and read_at - details.observed_at <= stale_after
    return DeletionReadiness.SAFE if is_known and not details.signing_certificates else DeletionReadiness.UNREAD
