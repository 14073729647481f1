"""Ledger entries, and the result of a verification, as JSON."""

from __future__ import annotations

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from rootkeeper.ledger.rules import Actor, LedgerEntry
from rootkeeper.shapes import Answer, Count, JsonRecord, Sha256, filled_from, record, record_of


@record
class LedgerHead(TypedDict):
    """The ledger's last entry."""

    seq: Count
    hash: str


@record
class LedgerFindingRecord(TypedDict):
    """Something that is wrong with the ledger."""

    seq: Count | None
    what: str


@record
class LedgerVerificationRecord(Answer):
    """Of a check of the ledger."""

    is_intact: bool
    entries: Count
    head: LedgerHead
    anchored_seq: Count | None
    """The last head in the anchor; ``null`` without an anchor."""
    missing_memory: Annotated[str | None, NotRequired]
    """That the file that remembers the copies' last heads is missing. Older results don't have it."""
    findings: list[LedgerFindingRecord]


@record_of(Actor)
class LedgerActor(JsonRecord):
    """Who did it."""


@record_of(LedgerEntry, before={"sequence": "at"})
class LedgerEntryRecord(JsonRecord):
    """An entry as it was hashed."""


@filled_from(intact="is_intact", entry_count="entries")
@record
class LedgerVerificationDocument(Answer):
    """Verdict on the ledger."""

    intact: bool
    entry_count: Count
    head_sequence: Count
    head_hash: Sha256
    first_bad_sequence: Count | None
    problem: str | None
    anchored_sequence: Count | None
    """``null`` without an anchor."""
    missing_memory: str | None
    """That the file that remembers the copies' last heads is missing; ``null`` if it isn't."""
    further_problems: list[str]
    """Of an intact chain, several rows of recovery windows may contradict the entries."""


@record
class LedgerDocument(Answer):
    """Ledger entries."""

    entries: list[LedgerEntryRecord]
