"""Records attestations of controls. The ledger is their only place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rootkeeper.clock import Clock
from rootkeeper.controls.attestations import ControlAttestation, describe_attestation
from rootkeeper.controls.rules import Control, draft_attestation
from rootkeeper.ledger.rules import Action, Actor
from rootkeeper.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class ControlAttester:
    """Records what a person attests of a control."""

    ledger: Ledger
    clock: Clock
    actor: Actor

    def attest(self, control: Control, *, owner: str, reason: str, until: datetime) -> ControlAttestation:
        """Record an attestation, and return it with its entry; it replaces an earlier one of the control.

        :raises InputError: if the control is attested account by account, owner or reason is empty, or the end isn't
            valid.
        :raises LedgerUnavailableError: if it can't be recorded.
        """
        drafted = draft_attestation(control, self.actor, self.clock.now(), owner=owner, reason=reason, until=until)
        entry = self.ledger.append_fact(Action.CONTROL_ATTEST, parameters=describe_attestation(drafted))
        return replace(drafted, recorded_at=entry.at, ledger_sequence=entry.sequence, entry_hash=entry.entry_hash)
