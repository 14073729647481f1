"""What is known of every account without asking AWS: its last reading, and what recovery windows have done since.

A reading is as old as it is; its moment stands beside it. Nothing is ever taken for absent that wasn't shown to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rootkeeper.domain.organizations import Account, AccountId, Inventory
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.statuses import (
    AccountRole,
    AccountStatus,
    Status,
    StatusReason,
    classify_account_role,
    find_status_without_reading,
)
from rootkeeper.domain.windows import OWING_STATES, RecoveryWindow, WindowState

_NOTHING = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)


def evaluate_stored(
    inventory: Inventory, statuses: Mapping[AccountId, AccountStatus], windows: Iterable[RecoveryWindow]
) -> tuple[AccountStatus, ...]:
    """The status of each account of the inventory, in its order.

    :param statuses: the last reading of each account that was ever read.
    :param windows: all of them, or at least those that aren't over and those that ended since the readings.
    """
    by_account: dict[AccountId, list[RecoveryWindow]] = {}
    for window in windows:
        by_account.setdefault(window.account_id, []).append(window)
    return tuple(
        _evaluate_one(account, inventory, statuses.get(account.account_id), by_account.get(account.account_id, ()))
        for account in inventory.accounts
    )


def _evaluate_one(
    account: Account, inventory: Inventory, last: AccountStatus | None, windows: Iterable[RecoveryWindow]
) -> AccountStatus:
    role = classify_account_role(account.account_id, inventory)
    unread = find_status_without_reading(account, role, inventory.organization.partition)
    if role is AccountRole.MANAGEMENT and last is not None and last.role is AccountRole.MANAGEMENT:
        return replace(last, account=account)
    if unread is not None:
        return unread
    if last is None or last.observed_at is None:
        last = AccountStatus(account, role, Status.UNKNOWN, StatusReason.NEVER_READ, "Never read.")
    return _evaluate_windows(replace(last, account=account, role=role), windows)


def _evaluate_windows(status: AccountStatus, windows: Iterable[RecoveryWindow]) -> AccountStatus:
    """A window that is open, or that was shown closed since the reading, says more than the reading."""
    for window in windows:
        if window.state in OWING_STATES:
            return _while_open(status, window)
    closed = [
        window
        for window in windows
        if window.state is WindowState.CLOSED_VERIFIED and _is_newer(window, status) and window.closed_at is not None
    ]
    latest = max(closed, key=lambda window: window.closed_at or window.requested_at, default=None)
    return status if latest is None else _since_closing(status, latest)


def _is_newer(window: RecoveryWindow, status: AccountStatus) -> bool:
    return window.closed_at is not None and (status.observed_at is None or window.closed_at > status.observed_at)


def _while_open(status: AccountStatus, window: RecoveryWindow) -> AccountStatus:
    """What was read before the opening tells nothing of a password since; what was read after it stands."""
    began = window.opening_started_at
    if status.observed_at is not None and began is not None and status.observed_at >= began:
        return replace(status, status=Status.RECOVERY_OPEN) if status.status is Status.PRESENT else status
    return replace(
        status,
        status=Status.RECOVERY_OPEN,
        reason=None,
        detail=f"Recovery window {window.window_id} is {window.state.value}.",
        summary=None,
        credentials=None,
    )


def _since_closing(status: AccountStatus, window: RecoveryWindow) -> AccountStatus:
    return replace(
        status,
        status=Status.NOT_PRESENT,
        reason=None,
        detail=f"Shown empty as recovery window {window.window_id} was closed.",
        summary=_NOTHING,
        credentials=None,
        observed_at=window.closed_at,
    )
