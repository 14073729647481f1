"""Ledger entries, and the result of a verification, as JSON."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from rootkeeper.ledger.rules import Action, Actor, Phase, Result
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    Count,
    Endpoint,
    JsonRecord,
    Moment,
    Ordinal,
    OrganizationId,
    Sha256,
    record,
    record_of,
)


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
    findings: list[LedgerFindingRecord]


@record_of(Actor)
class LedgerActor(JsonRecord):
    """Who did it."""


@record
class LedgerEntryRecord(TypedDict):
    """An entry as it was hashed."""

    sequence: Ordinal
    """From 1, without gaps."""
    at: Moment
    organization_id: OrganizationId
    endpoint: Endpoint
    actor: LedgerActor
    action: Action
    account_id: AccountNumber | None
    """``null`` where it concerns the organization or several accounts."""
    parameters: dict[str, Any]
    """Never a secret; other fields for each action."""
    phase: Phase
    owner_id: str
    """The process that wrote it."""
    intent_sequence: Count | None
    """Of an outcome, the intent that it ends."""
    result: Result | None
    """``null`` for an intent."""
    previous_hash: Sha256
    entry_hash: Sha256
    """Over the canonical JSON (RFC 8785) of all other fields."""


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


@record
class LedgerDocument(Answer):
    """Ledger entries."""

    entries: list[LedgerEntryRecord]
