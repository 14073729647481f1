"""Telling people: what is handed in is kept in the database first, so that no failing target holds work up."""

from __future__ import annotations

from typing import Protocol

from rootkeeper.domain.notifications import Notification


class Notifier(Protocol):
    """Takes notifications in."""

    def notify(self, notification: Notification) -> None:
        """Have people told. Never raises and never waits for a target; what can't be kept is remarked locally.

        A second notification of the same ``deduplication_key`` is dropped.
        """
        ...


class Silence:
    """Tells nobody: a command line that works on the database itself; implements Notifier."""

    def notify(self, notification: Notification) -> None:
        """Nothing."""
