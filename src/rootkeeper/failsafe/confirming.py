"""Records what confirms a failsafe: a check in which everything passed, or a person's attestation.

The ledger has each fact before the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.clock import Clock
from rootkeeper.errors import InputError
from rootkeeper.failsafe.rules import find_confirmed_until, has_bad_checks
from rootkeeper.failsafe.service import FailsafeReport
from rootkeeper.inventory.confirmations import ConfirmationStore
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import Account, Endpoint, Inventory
from rootkeeper.organization.confirmations import Claim, Confirmation, ConfirmationBasis, require_attestation
from rootkeeper.organization.statuses import FAIL_ON_FINDINGS
from rootkeeper.values import JsonValue


@dataclass(frozen=True, slots=True)
class FailsafeConfirmer:
    """Records confirmations of delegated administrator accounts."""

    confirmations: ConfirmationStore
    ledger: Ledger
    clock: Clock
    endpoint: Endpoint
    actor_name: str

    def record_checks(self, report: FailsafeReport) -> None:
        """Confirm each failsafe whose checks all passed; of every other one, end the confirmation by an earlier check.

        :raises LedgerUnavailableError: if it can't be recorded.
        """
        now = self.clock.now()
        for facts in report.facts:
            account_id = facts.account.account_id
            checks = [one for one in report.checks if one.account_id == account_id]
            until = None if has_bad_checks(checks, FAIL_ON_FINDINGS) else find_confirmed_until(facts, now)
            checked = Confirmation(
                account_id=account_id,
                claim=Claim.KEPT,
                basis=ConfirmationBasis.CHECK,
                owner=self.actor_name,
                reason="Every check passed" if until is not None else "A check failed or is unknown",
                until=until or now,
                recorded_by=self.actor_name,
                recorded_at=now,
                endpoint=self.endpoint.label,
            )
            self._record(Action.FAILSAFE_CHECK, checked)

    def prepare(
        self, inventory: Inventory, account: Account, claim: Claim, *, owner: str, reason: str, until: datetime
    ) -> Confirmation:
        """Check an attestation without recording it.

        :raises InputError: if the account isn't a delegated administrator for IAM, owner or reason is empty, or the end
            isn't valid.
        """
        delegates = inventory.delegated_administrator_ids
        if delegates is not None and account.account_id not in delegates:
            raise InputError(
                f"{account.account_id} ({account.name}) isn't a delegated administrator for IAM: nothing to attest.",
                hint="Name a delegated administrator account.",
            )
        return require_attestation(
            Confirmation(
                account_id=account.account_id,
                claim=claim,
                basis=ConfirmationBasis.ATTESTATION,
                owner=owner.strip(),
                reason=reason.strip(),
                until=until,
                recorded_by=self.actor_name,
                recorded_at=self.clock.now(),
                endpoint=self.endpoint.label,
            )
        )

    def attest(self, attestation: Confirmation) -> None:
        """Record a prepared attestation; it replaces an earlier one of the same account and claim.

        :raises LedgerUnavailableError: if it can't be recorded.
        """
        self._record(Action.FAILSAFE_ATTEST, attestation)

    def _record(self, action: Action, confirmation: Confirmation) -> None:
        parameters: dict[str, JsonValue] = {
            "claim": confirmation.claim.value,
            "owner": confirmation.owner,
            "reason": confirmation.reason,
            "until": confirmation.until.isoformat(),
        }
        self.ledger.append_fact(action, account_id=confirmation.account_id, parameters=parameters)
        self.confirmations.add(confirmation)
