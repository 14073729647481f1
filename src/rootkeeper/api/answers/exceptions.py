"""Exceptions from deletion."""

from __future__ import annotations

from rootkeeper.api.answers.shapes import AccountNumber, Answer, CountedPage, Moment, Record


class DeletionException(Record):
    """An account that deletion skips."""

    account_id: AccountNumber
    owner: str
    """Who answers for it."""
    reason: str
    until: Moment
    in_force: bool
    added_by: str
    added_at: Moment


class ExceptionPage(CountedPage):
    """Exceptions, those in force first."""

    exceptions: list[DeletionException]


class ExceptionAnswer(DeletionException, Answer):
    """One exception."""
