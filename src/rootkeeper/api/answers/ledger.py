"""Entries of the audit trail."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from rootkeeper.api.answers.shapes import AccountNumber, Count, Moment, Page, Record, Sha256
from rootkeeper.domain.ledger import Action, ActorKind, Phase, Result


class LedgerActor(Record):
    """Who did it."""

    name: str
    kind: ActorKind
    caller_arn: str | None
    """The AWS principal whose credentials were used."""


class LedgerEntry(Record):
    """An entry as it was hashed."""

    sequence: Annotated[int, Field(ge=1)]
    """From 1, without gaps."""
    at: Moment
    organization_id: str
    endpoint: str
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


class EntryPage(Page):
    """Entries."""

    entries: list[LedgerEntry]
