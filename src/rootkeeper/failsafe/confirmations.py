"""Confirmations of the accounts for emergency access, and the state of each account that follows. Makes no AWS call.

A drill, a check in which everything passed, and a person's attestation are in the ledger before the database. The
failsafes and the management account each need a drill every 90 days. Until the organization was listed, and while the
delegated administrators can't be read, the failsafes are unknown, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.acting import Acting
from rootkeeper.errors import InputError
from rootkeeper.failsafe.rules import (
    DRILL_EVERY,
    AlarmObservation,
    Check,
    Drill,
    DrillOutcome,
    SignInDevice,
    check_drills,
    describe_drill,
    find_confirmed_until,
    find_last_drill,
    has_bad_checks,
    require_drill,
)
from rootkeeper.failsafe.service import FailsafeReport, list_failsafes
from rootkeeper.inventory.store import ConfirmationStore
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.store import LedgerFilter
from rootkeeper.organization.accounts import Account, Inventory
from rootkeeper.organization.confirmations import (
    Claim,
    Confirmation,
    ConfirmationBasis,
    find_in_force,
    require_attestation,
)
from rootkeeper.organization.statuses import FAIL_ON_FINDINGS, AccountRole
from rootkeeper.values import JsonValue

MOST_DRILLS = 500
"""The most drills that are shown, the latest recorded; a drill a day in each account is far fewer."""

DRILL_ENTRIES = LedgerFilter(actions=frozenset({Action.FAILSAFE_DRILL}))


@dataclass(frozen=True, slots=True)
class KnownFailsafe:
    """An account for emergency access."""

    account: Account
    role: AccountRole
    """``failsafe`` or ``management``."""
    drill: Check
    """Whether its last drill passed and is recent."""
    drill_due_at: datetime | None
    """``None``: now, because no drill passed yet, or the last drill failed."""
    confirmations: tuple[Confirmation, ...]
    """In force: at most one for each claim."""


@dataclass(frozen=True, slots=True)
class KnownFailsafes:
    """The accounts for emergency access, as far as they are known."""

    accounts: tuple[KnownFailsafe, ...]
    """The failsafes, then the management account."""
    unknown: str | None
    """Why the failsafes aren't known; ``None`` if they are."""


def describe_failsafes(
    inventory: Inventory | None, drills: Sequence[Drill], confirmations: Sequence[Confirmation], now: datetime
) -> KnownFailsafes:
    """Describe each failsafe and the management account; without an inventory, the organization was never listed."""
    if inventory is None:
        return KnownFailsafes((), "The organization hasn't been listed yet.")
    in_force = [find_in_force(confirmations, claim, now) for claim in Claim]
    management_account_id = inventory.organization.management_account_id
    found = [(account, AccountRole.FAILSAFE) for account in list_failsafes(inventory)]
    found += [
        (account, AccountRole.MANAGEMENT)
        for account in inventory.accounts
        if account.account_id == management_account_id
    ]
    accounts = []
    for account, role in found:
        drill, last = check_drills(drills, now, account.account_id), find_last_drill(drills, account.account_id)
        due_at = None if last is None or last.outcome is DrillOutcome.FAILED else last.held_at + DRILL_EVERY
        confirmed = tuple(known[account.account_id] for known in in_force if account.account_id in known)
        accounts.append(KnownFailsafe(account, role, drill, due_at, confirmed))
    unknown = None
    if inventory.delegated_administrator_ids is None:
        unknown = "The delegated administrators for IAM couldn't be read in the last listing."
    return KnownFailsafes(tuple(accounts), unknown)


@dataclass(frozen=True, slots=True)
class DrillRecorder:
    """Records drills in the ledger, as a person reports them."""

    acting: Acting

    def prepare(
        self,
        inventory: Inventory,
        account: Account,
        *,
        held_by: str,
        held_at: datetime,
        outcome: DrillOutcome,
        alarm: AlarmObservation | None = None,
        device: SignInDevice | None = None,
    ) -> Drill:
        """Check a drill without recording it.

        :raises InputError: if the account is neither a failsafe nor the management account, the drill names no person,
            or its time is in the future.
        """
        now = self.acting.clock.now()
        delegates = inventory.delegated_administrator_ids
        is_management = account.account_id == inventory.organization.management_account_id
        if not is_management and delegates is not None and account.account_id not in delegates:
            raise InputError(
                f"{account.account_id} ({account.name}) is neither a failsafe nor the management account.",
                hint="Name the account whose root login was used.",
            )
        drill = Drill(account.account_id, held_at, held_by.strip(), outcome, self.acting.actor.name, now, alarm, device)
        return require_drill(drill, now)

    def record(self, drill: Drill) -> None:
        """:raises LedgerUnavailableError: if it can't be recorded."""
        parameters = describe_drill(drill)
        self.acting.ledger.append_fact(Action.FAILSAFE_DRILL, account_id=drill.account_id, parameters=parameters)


@dataclass(frozen=True, slots=True)
class FailsafeConfirmer:
    """Records confirmations of delegated administrator accounts.

    :raises LedgerUnavailableError: if a confirmation can't be recorded; then it doesn't count.
    """

    acting: Acting

    def record_checks(self, report: FailsafeReport) -> None:
        """Confirm each failsafe whose checks all passed; of all others, end the confirmation by an earlier check."""
        now = self.acting.clock.now()
        for facts in report.facts:
            account_id = facts.account.account_id
            checks = [check for check in report.checks if check.account_id == account_id]
            until = None if has_bad_checks(checks, FAIL_ON_FINDINGS) else find_confirmed_until(facts, now)
            checked = Confirmation(
                account_id=account_id,
                claim=Claim.KEPT,
                basis=ConfirmationBasis.CHECK,
                owner=self.acting.actor.name,
                reason="Every check passed" if until is not None else "A check failed or is unknown",
                until=until or now,
                recorded_by=self.acting.actor.name,
                recorded_at=now,
                endpoint=self.acting.endpoint.label,
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
                recorded_by=self.acting.actor.name,
                recorded_at=self.acting.clock.now(),
                endpoint=self.acting.endpoint.label,
            )
        )

    def attest(self, attestation: Confirmation) -> None:
        """Record a prepared attestation; it replaces an earlier attestation of the same account and claim."""
        self._record(Action.FAILSAFE_ATTEST, attestation)

    def _record(self, action: Action, confirmation: Confirmation) -> None:
        parameters: dict[str, JsonValue] = {
            "claim": confirmation.claim.value,
            "owner": confirmation.owner,
            "reason": confirmation.reason,
            "until": confirmation.until.isoformat(),
        }
        self.acting.ledger.append_fact(action, account_id=confirmation.account_id, parameters=parameters)
        self.acting.get_store(ConfirmationStore).add(confirmation)
