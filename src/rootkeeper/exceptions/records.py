"""Exceptions from deletion as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.shapes import AccountNumber, Answer, Moment, record


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
