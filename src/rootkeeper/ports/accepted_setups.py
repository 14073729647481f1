"""Where accepted set-ups and readings of the set-up are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from rootkeeper.domain.setup_drift import AcceptedSetup, SetupState


class AcceptedSetups(Protocol):
    """The set-ups of one organization: those that a person accepted, and what was read.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, accepted: AcceptedSetup) -> None:
        """Keep it; it holds from now on. Its fact is in the ledger already."""
        ...

    def find_last(self, until: datetime | None = None) -> AcceptedSetup | None:
        """The one that holds now, or held at ``until``."""
        ...

    def save_reading(self, state: SetupState) -> None:
        """Remember what was read; replaces an earlier reading of the same day (UTC), and never a later one."""
        ...

    def find_last_reading(self, until: datetime | None = None) -> SetupState | None:
        """The newest reading, or the newest that isn't later than ``until``."""
        ...
