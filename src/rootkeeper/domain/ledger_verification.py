"""What a check of the whole ledger found, as a value and as JSON values and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rootkeeper.domain.ledger import JsonValue


@dataclass(frozen=True, slots=True)
class LedgerVerification:
    """What a check of the whole ledger found."""

    entries: int
    head_sequence: int
    head_hash: str
    first_bad_sequence: int | None
    """The first entry that doesn't fit; ``None`` if all do."""
    problem: str | None
    """What is wrong with it, in one sentence."""
    anchored_sequence: int | None
    """The last head that stands in the anchor; ``None`` without an anchor."""

    @property
    def is_intact(self) -> bool:
        return self.problem is None


def verification_to_record(found: LedgerVerification) -> dict[str, JsonValue]:
    """The outcome of a verification's job."""
    findings: list[JsonValue] = []
    if found.problem is not None:
        findings.append({"seq": found.first_bad_sequence, "what": found.problem})
    return {
        "schema_version": 1,
        "is_intact": found.is_intact,
        "entries": found.entries,
        "head": {"seq": found.head_sequence, "hash": found.head_hash},
        "anchored_seq": found.anchored_sequence,
        "findings": findings,
    }


def verification_from_record(record: Mapping[str, Any]) -> LedgerVerification:
    """Read what ``verification_to_record`` made.

    :raises ValueError: if it contradicts itself.
    """
    first = next(iter(record["findings"]), None)
    verification = LedgerVerification(
        entries=int(record["entries"]),
        head_sequence=int(record["head"]["seq"]),
        head_hash=str(record["head"]["hash"]),
        first_bad_sequence=None if first is None or first["seq"] is None else int(first["seq"]),
        problem=None if first is None else str(first["what"]),
        anchored_sequence=None if record["anchored_seq"] is None else int(record["anchored_seq"]),
    )
    if verification.is_intact is not record["is_intact"]:
        raise ValueError("intact is what has no finding")
    return verification
