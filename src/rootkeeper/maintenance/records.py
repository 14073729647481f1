"""A check of the database as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.maintenance.rules import DatabaseCheck, LedgerState, VersionState
from rootkeeper.shapes import Answer, Count, fill_record, record


@record
class LedgerCheckRecord(TypedDict):
    """The ledger as it was verified."""

    state: LedgerState
    entries: Count
    head_sequence: Count
    """Of the last entry; 0 if there is none."""
    problem: str | None
    """What is wrong, or why it couldn't be read."""


@record
class DatabaseDocument(Answer):
    """A database, whether this Rootkeeper can work with it, and who uses it."""

    place: str
    """The file or the address, without a password."""
    version: str | None
    """`null` for a database without tables."""
    needed_version: str
    state: VersionState
    missing: list[str]
    """Tables and columns that it lacks, such as `audits.endpoint`."""
    ledger: LedgerCheckRecord
    used_by: list[str]
    """Processes that act on it now."""


def database_to_record(check: DatabaseCheck) -> DatabaseDocument:
    """Return the check as every interface shows it."""
    ledger = fill_record(LedgerCheckRecord, check.ledger)
    return fill_record(DatabaseDocument, check, schema_version=1, ledger=ledger)
