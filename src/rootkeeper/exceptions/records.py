"""Exceptions from deletion as JSON."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import TypedDict

from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.shapes import AccountNumber, Answer, Moment, fill_record, record


@record
class ExceptionRecord(TypedDict):
    """An account that deletion skips."""

    account_id: AccountNumber
    owner: str
    """Who answers for it."""
    reason: str
    until: Moment
    in_force: bool
    added_by: str
    added_at: Moment


@record
class ExceptionsDocument(Answer):
    """Exceptions from deletion."""

    exceptions: list[ExceptionRecord]


def exception_to_record(exception: DeletionException, now: datetime) -> ExceptionRecord:
    """Return the exception as every interface shows it."""
    return fill_record(ExceptionRecord, exception, in_force=exception.is_in_force(now))
