"""Where watched events are kept, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.window_events import WatchedEvent

EventEvaluator = Callable[[tuple[WatchedEvent, ...]], WatchedEvent]
"""Judges an event by the sign-ins of its account that are recorded already; pure."""


class WatchedEventReader(Protocol):
    """Reads the watched events of one organization.

    :raises DatabaseError: if the database can't be read.
    """

    def list_of_window(self, window_id: str) -> tuple[WatchedEvent, ...]:
        """By their time."""
        ...

    def list_of_account(self, account_id: AccountId) -> tuple[WatchedEvent, ...]:
        """By their time."""
        ...


class WindowEvents(WatchedEventReader, Protocol):
    """Keeps them, too."""

    def record(self, event_id: str, account_id: AccountId, evaluator: EventEvaluator) -> WatchedEvent:
        """Judge and keep an event in one transaction, with its fact in the ledger if it belongs to a window. One that
        is unrelated isn't kept.

        :returns: the event as it was recorded, now or before: it is judged once, however often and wherever it comes.
        :raises LedgerUnavailableError: if it can't be made durable.
        """
        ...
