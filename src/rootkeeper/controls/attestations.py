"""A person's attestation of a control: an entry of the ledger, with an owner, a reason and an end.

The ledger is the only place of it. Its hash chain shows that the entry wasn't changed, and its actor shows who recorded
it and how that person was authenticated: signed in to a server, by an API token, or self-asserted on a command line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.ledger.rules import ActorKind, LedgerEntry
from rootkeeper.organization.confirmations import render_attestation
from rootkeeper.shapes import parse_facts
from rootkeeper.values import JsonValue


@dataclass(frozen=True, slots=True)
class ControlAttestation:
    """One attestation; a later one of the same control replaces it."""

    control: str
    """Such as ``cis-7.0/2.7``."""
    owner: str
    """Who is responsible for it."""
    reason: str
    until: datetime
    recorded_by: str
    recorded_by_kind: ActorKind
    recorded_at: datetime
    ledger_sequence: int = 0
    """Of its entry in the ledger; 0 before it is recorded."""
    entry_hash: str = ""

    def is_in_force(self, at: datetime) -> bool:
        return self.recorded_at <= at < self.until

    @property
    def sentence(self) -> str:
        """One sentence for a person: who, until when, why, and where it is recorded."""
        said = render_attestation(self).removesuffix(").")
        how = {
            ActorKind.SELF_ASSERTED: "self-asserted",
            ActorKind.SERVER: "by the server",
            ActorKind.SIGNED_IN: "signed in",
            ActorKind.TOKEN: "by an API token",
        }[self.recorded_by_kind]
        return f"{said}, {how}, ledger entry {self.ledger_sequence})."


def describe_attestation(attestation: ControlAttestation) -> dict[str, JsonValue]:
    """Render an attestation for the ledger."""
    return {
        "control": attestation.control,
        "owner": attestation.owner,
        "reason": attestation.reason,
        "until": attestation.until.isoformat(),
    }


def find_attestations(entries: Iterable[LedgerEntry], at: datetime) -> dict[str, ControlAttestation]:
    """Find each control's last attestation at ``at``, if it is in force then.

    :param entries: of the action ``control:attest``, in the order of their sequence.
    """
    last: dict[str, ControlAttestation] = {}
    for entry in entries:
        attestation = _parse(entry)
        if attestation is not None and attestation.recorded_at <= at:
            last[attestation.control] = attestation
    return {control: one for control, one in last.items() if one.is_in_force(at)}


def _parse(entry: LedgerEntry) -> ControlAttestation | None:
    """Parse an entry; ``None`` if it was altered, which the report shows elsewhere."""
    recorded = {
        "recorded_by": entry.actor.name,
        "recorded_by_kind": entry.actor.kind,
        "recorded_at": entry.at,
        "ledger_sequence": entry.sequence,
        "entry_hash": entry.entry_hash,
    }
    try:
        return parse_facts(ControlAttestation, {**entry.parameters, **recorded})
    except (KeyError, TypeError, ValueError):
        return None
