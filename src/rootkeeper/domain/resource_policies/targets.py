"""Which accounts an unlock may reach: the same that nothing else of ours may touch are refused.

A recovery window is no obstacle, nor is an exception from deletion: neither has to do with buckets and queues.
"""

from __future__ import annotations

from rootkeeper.domain.organizations import Account, AccountId, Inventory
from rootkeeper.domain.selection import AccountProtections, SelectedAccount, SkipReason, find_skip
from rootkeeper.domain.statuses import classify_account_role
from rootkeeper.errors import AwsAccessDeniedError, TargetRefusedError


def require_unlockable(
    account: Account, inventory: Inventory, included_failsafes: frozenset[AccountId] = frozenset()
) -> None:
    """Refuse what may not be touched, before any root session.

    :raises TargetRefusedError: for the management account, a failsafe that isn't included, an account that isn't
        ACTIVE, and a partition without root users.
    :raises AwsAccessDeniedError: if the delegated administrators can't be read: the failsafe must be known.
    """
    skip = find_skip(
        SelectedAccount(account, is_named=True),
        classify_account_role(account.account_id, inventory),
        inventory.organization.partition,
        AccountProtections(recorded={}, included_failsafes=included_failsafes),
    )
    if skip is not None:
        raise TargetRefusedError(
            f"Refused, nothing was done. {account.account_id} ({account.name}): {skip.detail}",
            hint=_HINTS.get(skip.reason, "Root sessions don't reach it."),
        )
    if inventory.delegated_administrator_ids is None and account.account_id not in included_failsafes:
        raise AwsAccessDeniedError(
            "The delegated administrators can't be read, so the failsafe isn't known; nothing was done.",
            hint="Allow organizations:ListDelegatedAdministrators.",
            operation="organizations:ListDelegatedAdministrators",
        )


_HINTS = {
    SkipReason.FAILSAFE: "If you mean this account, add --include-failsafe with its id.",
    SkipReason.MANAGEMENT_ACCOUNT: "Its own root user can change the policy, once it is signed in.",
    SkipReason.NOT_ACTIVE: "Root sessions reach ACTIVE accounts alone.",
}
