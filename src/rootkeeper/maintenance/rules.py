"""The check of a database, whether this program can work with it, and both as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.shapes import Count, JsonAnswer, JsonRecord, record_of


class VersionState(StrEnum):
    """How the database's version compares with the one that this Rootkeeper needs."""

    CURRENT = "current"
    EMPTY = "empty"
    """It has no tables yet; the first command that works with it creates them."""
    INCOMPLETE = "incomplete"
    """It lacks tables or columns of the version that it claims."""
    NEWER = "newer"
    OUTDATED = "outdated"


class LedgerState(StrEnum):
    """Whether the ledger verifies."""

    INTACT = "intact"
    NOT_INTACT = "not_intact"
    UNKNOWN = "unknown"
    """It couldn't be read."""


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """The ledger as it was verified."""

    state: LedgerState
    entries: Count = 0
    head_sequence: Count = 0
    """Of the last entry; 0 if there is none."""
    head_hash: str = ""
    problem: str | None = None
    """What is wrong, or why it couldn't be read."""


@dataclass(frozen=True, slots=True)
class DatabaseCheck:
    """A database as it was found."""

    place: str
    """The file or the address, without a password."""
    version: str | None
    """`null` for a database without tables."""
    needed_version: str
    state: VersionState
    missing: tuple[str, ...]
    """Tables and columns that it lacks, such as `audits.endpoint`."""
    ledger: LedgerCheck
    used_by: tuple[str, ...]
    """Processes that act on it now."""

    @property
    def is_good(self) -> bool:
        """Whether commands can work with it, and its ledger verifies; that a server runs is no problem."""
        usable = (VersionState.CURRENT, VersionState.EMPTY)
        return self.state in usable and self.ledger.state is LedgerState.INTACT


@record_of(LedgerCheck, without=("head_hash",))
class LedgerCheckRecord(JsonRecord):
    """The ledger as it was verified."""


@record_of(DatabaseCheck)
class DatabaseDocument(JsonAnswer):
    """A database, whether this Rootkeeper can work with it, and who uses it."""

    ledger: LedgerCheckRecord
