"""Accounts that deletion skips for a while: with an owner, a reason and an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue, json_time


@dataclass(frozen=True, slots=True)
class DeletionException:
    """One exception; it ends by itself."""

    account_id: AccountId
    owner: str
    reason: str
    until: datetime
    added_by: str
    added_at: datetime

    def is_in_force(self, now: datetime) -> bool:
        return now < self.until


def exception_to_record(exception: DeletionException, now: datetime) -> dict[str, JsonValue]:
    """One exception, as every interface shows it."""
    return {
        "account_id": exception.account_id,
        "owner": exception.owner,
        "reason": exception.reason,
        "until": json_time(exception.until),
        "in_force": exception.is_in_force(now),
        "added_by": exception.added_by,
        "added_at": json_time(exception.added_at),
    }


def require_exception(exception: DeletionException, now: datetime) -> DeletionException:
    """``exception``, if it may be kept.

    :raises InputError: if nobody owns it, it has no reason, or its end isn't in the future.
    """
    if not exception.owner:
        raise InputError("An exception from deletion needs an owner.", hint="Name who answers for it: --owner NAME")
    if not exception.reason:
        raise InputError("An exception from deletion needs a reason.", hint="Say why: --reason TEXT")
    if not exception.is_in_force(now):
        raise InputError(
            f"An exception from deletion can't end in the past ({exception.until.isoformat()}).",
            hint="Give a later end: --until YYYY-MM-DD",
        )
    return exception
