"""Accounts that deletion skips for a while, with an owner, a reason and an end; and their JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.errors import Hint, InputError, TargetRefusedError
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shapes import Answer, JsonRecord, fill_record, record, record_of


@dataclass(frozen=True, slots=True)
class DeletionException:
    """An exception from deletion; it ends at ``until``."""

    account_id: AccountId
    owner: str
    """Who answers for it."""
    reason: str
    until: datetime
    added_by: str
    added_at: datetime

    def is_in_force(self, now: datetime) -> bool:
        return now < self.until


def require_exception(
    exception: DeletionException, now: datetime, management_account_id: AccountId
) -> DeletionException:
    """:raises TargetRefusedError: if it is for the management account, which deletion never changes.
    :raises InputError: if it has no owner or no reason, or its end isn't in the future.
    """
    if exception.account_id == management_account_id:
        raise TargetRefusedError(
            f"{exception.account_id} is the management account. Deletion never changes its root user, so it needs no "
            "exception.",
            hint="Name a member account.",
        )
    if not exception.owner:
        raise InputError(
            "An exception from deletion needs an owner.", hint=Hint("Name who is responsible.", "exception.owner")
        )
    if not exception.reason:
        raise InputError(
            "An exception from deletion needs a reason.", hint=Hint("Give the reason.", "exception.reason")
        )
    if not exception.is_in_force(now):
        raise InputError(
            f"The end of the exception, {exception.until.isoformat()}, isn't in the future.",
            hint=Hint("Choose a later end.", "exception.until"),
        )
    return exception


@record_of(DeletionException, before={"in_force": "added_by"})
class ExceptionRecord(JsonRecord):
    """An account that deletion skips."""

    in_force: bool


@record
class ExceptionsDocument(Answer):
    """Exceptions from deletion."""

    exceptions: list[ExceptionRecord]


def exception_to_record(exception: DeletionException, now: datetime) -> ExceptionRecord:
    """Return the exception as every interface shows it."""
    return fill_record(ExceptionRecord, exception, in_force=exception.is_in_force(now))
