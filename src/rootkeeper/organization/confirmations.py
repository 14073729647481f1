"""Confirmations by a check or a person about a delegated administrator account, each until an end.

AWS doesn't show whether a root login is kept on purpose, nor whether an account runs workloads. Without a confirmation
neither counts as good: registering a delegated administrator must not improve any number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from rootkeeper.errors import Hint, InputError
from rootkeeper.organization.accounts import AccountId


class Claim(StrEnum):
    """The statement that is confirmed."""

    KEPT = "kept"
    """Its root login is kept on purpose for emergency access, and is guarded: it is a failsafe."""
    PURPOSE = "purpose"
    """It is an account for security or management, not a workload account."""


class ConfirmationBasis(StrEnum):
    """The basis of a confirmation."""

    ATTESTATION = "attestation"
    """A person's statement."""
    CHECK = "check"
    """A check of the failsafe in which everything passed."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A confirmation; a later confirmation of the same account, claim and basis replaces it."""

    account_id: AccountId
    claim: Claim
    """``kept``: its root login is kept on purpose. ``purpose``: it isn't a workload account."""
    basis: ConfirmationBasis
    # Who is responsible for it.
    owner: str
    reason: str
    # When it ends; a check that did not pass ends at once, and with it the check before.
    until: datetime
    recorded_by: str
    """Self-asserted."""
    recorded_at: datetime
    endpoint: str
    """A confirmation in a sandbox never counts for AWS, nor a confirmation in AWS for a sandbox."""

    def is_in_force(self, at: datetime) -> bool:
        return self.recorded_at <= at < self.until

    @property
    def sentence(self) -> str:
        """A sentence for a person: who, until when, and why."""
        until, recorded = f"{self.until:%Y-%m-%d}", f"{self.recorded_at:%Y-%m-%d}"
        if self.basis is ConfirmationBasis.CHECK:
            return (
                f"Every check of the failsafe passed on {recorded}, run by {self.recorded_by}; it counts until {until}."
            )
        return render_attestation(self)


class Attestation(Protocol):
    """A person's statement with an owner, a reason and an end."""

    @property
    def owner(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def until(self) -> datetime: ...
    @property
    def recorded_by(self) -> str: ...
    @property
    def recorded_at(self) -> datetime: ...


def render_attestation(attestation: Attestation) -> str:
    """A sentence for a person: who attests it until when, and why."""
    reason, recorded = attestation.reason.removesuffix("."), f"{attestation.recorded_at:%Y-%m-%d}"
    return (
        f"{attestation.owner} attests it until {attestation.until:%Y-%m-%d}: {reason} (recorded by "
        f"{attestation.recorded_by}, {recorded})."
    )


LONGEST_ATTESTATION = timedelta(days=366)
"""Source: needs of the product. People and accounts change, so a statement about them is repeated each year."""


_Attestation = TypeVar("_Attestation", bound=Attestation)


def require_attestation(attestation: _Attestation) -> _Attestation:
    """:raises InputError: if it has no owner or no reason, or doesn't end within the next year."""
    if not attestation.owner:
        raise InputError("An attestation needs an owner.", hint=Hint("Name who is responsible.", "exception.owner"))
    if not attestation.reason:
        raise InputError("An attestation needs a reason.", hint=Hint("Give the reason.", "exception.reason"))
    if attestation.until <= attestation.recorded_at:
        raise InputError(
            f"The end of the attestation, {attestation.until.isoformat()}, isn't in the future.",
            hint=Hint("Choose a later end.", "exception.until"),
        )
    if attestation.until - attestation.recorded_at > LONGEST_ATTESTATION:
        raise InputError(
            f"The end of the attestation, {attestation.until.isoformat()}, is more than a year away.",
            hint=Hint("Choose an earlier end, and attest it again then.", "exception.until"),
        )
    return attestation


def find_in_force(confirmations: Iterable[Confirmation], claim: Claim, at: datetime) -> dict[AccountId, Confirmation]:
    """Find each account's confirmation of ``claim`` that is in force; of both kinds, the check."""
    last: dict[tuple[AccountId, ConfirmationBasis], Confirmation] = {}
    for confirmation in sorted(confirmations, key=lambda confirmation: confirmation.recorded_at):
        if confirmation.claim is claim and confirmation.recorded_at <= at:
            last[confirmation.account_id, confirmation.basis] = confirmation
    found: dict[AccountId, Confirmation] = {}
    for confirmation in last.values():
        if confirmation.is_in_force(at) and (
            confirmation.basis is ConfirmationBasis.CHECK or confirmation.account_id not in found
        ):
            found[confirmation.account_id] = confirmation
    return found
