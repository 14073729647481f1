"""What is known of each account for emergency access without a call to AWS: who it is, its drills, what confirms it.

The failsafes and the management account each need a drill every 90 days. Until the organization was listed, and while
the delegated administrators can't be read, the failsafes are unknown, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.failsafe.rules import DRILL_EVERY, Check, Drill, DrillOutcome, check_drills, find_last_drill
from rootkeeper.failsafe.service import list_failsafes
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.store import LedgerFilter
from rootkeeper.organization.accounts import Account, Inventory
from rootkeeper.organization.confirmations import Claim, Confirmation, find_in_force
from rootkeeper.organization.statuses import AccountRole

MOST_DRILLS = 500
"""How many drills are shown, the latest recorded; one a day in each account is far fewer."""

DRILL_ENTRIES = LedgerFilter(actions=frozenset({Action.FAILSAFE_DRILL}))


@dataclass(frozen=True, slots=True)
class KnownFailsafe:
    """One account for emergency access."""

    account: Account
    role: AccountRole
    """``failsafe`` or ``management``."""
    drill: Check
    """Whether its last drill passed and is recent."""
    drill_due_at: datetime | None
    """``None``: now, because no drill passed yet, or the last one failed."""
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
    """Describe each failsafe and the management account.

    :param inventory: ``None`` if the organization was never listed.
    """
    if inventory is None:
        return KnownFailsafes((), "The organization hasn't been listed yet.")
    in_force = [find_in_force(confirmations, claim, now) for claim in Claim]
    management_account_id = inventory.organization.management_account_id
    found = [(one, AccountRole.FAILSAFE) for one in list_failsafes(inventory)]
    found += [(one, AccountRole.MANAGEMENT) for one in inventory.accounts if one.account_id == management_account_id]
    accounts = tuple(
        KnownFailsafe(
            account,
            role,
            check_drills(drills, now, account.account_id),
            _find_due(find_last_drill(drills, account.account_id)),
            tuple(one[account.account_id] for one in in_force if account.account_id in one),
        )
        for account, role in found
    )
    unknown = None
    if inventory.delegated_administrator_ids is None:
        unknown = "The delegated administrators for IAM couldn't be read in the last listing."
    return KnownFailsafes(accounts, unknown)


def _find_due(last: Drill | None) -> datetime | None:
    return None if last is None or last.outcome is DrillOutcome.FAILED else last.held_at + DRILL_EVERY
