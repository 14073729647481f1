"""The head of an audit and its request as JSON values, and the statuses that are known without calls to AWS.

A stored status keeps the time of its reading. Credentials are never reported as absent unless a reading showed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rootkeeper.organization.accounts import Account, AccountId, Inventory, Setup
from rootkeeper.organization.records import request_to_record
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest
from rootkeeper.organization.statuses import (
    FAIL_ON_FINDINGS,
    AccountRole,
    AccountStatus,
    FailOn,
    RootCredentialsSummary,
    Status,
    StatusReason,
    classify_account_role,
    find_status_without_reading,
)
from rootkeeper.setup.rules import AcceptedSetup, Difference, SetupDrift, SetupPart, SetupState, difference_to_record
from rootkeeper.values import JsonValue, render_instant
from rootkeeper.windows.rules import OWING_STATES, RecoveryWindow, WindowState

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class AuditHead:
    """An audit without its accounts. With the saved statuses it shows an audit that a server ran as a job."""

    caller_arn: str
    endpoint: str
    """Its label."""
    started_at: datetime
    ended_at: datetime
    listed_at: datetime
    is_inventory_complete: bool
    drift: SetupDrift


def head_to_record(head: AuditHead) -> dict[str, JsonValue]:
    """Return the outcome of an audit's job."""
    accepted = head.drift.accepted
    return {
        "schema_version": SCHEMA_VERSION,
        "caller_arn": head.caller_arn,
        "endpoint": head.endpoint,
        "started_at": render_instant(head.started_at),
        "ended_at": render_instant(head.ended_at),
        "listed_at": render_instant(head.listed_at),
        "is_inventory_complete": head.is_inventory_complete,
        "drift": {
            "accepted": None if accepted is None else _describe_accepted(accepted),
            "differences": [difference_to_record(one) for one in head.drift.differences],
            "unknown": list(head.drift.unknown),
        },
    }


def head_from_record(record: Mapping[str, Any]) -> AuditHead:
    """Read what ``head_to_record`` wrote; the record doesn't contain the accepted set-up itself.

    :raises ValueError: if a value isn't valid.
    :raises KeyError: if a value is missing.
    """
    drift, endpoint = record["drift"], str(record["endpoint"])
    accepted = drift["accepted"]
    return AuditHead(
        caller_arn=record["caller_arn"],
        endpoint=endpoint,
        started_at=datetime.fromisoformat(record["started_at"]),
        ended_at=datetime.fromisoformat(record["ended_at"]),
        listed_at=datetime.fromisoformat(record["listed_at"]),
        is_inventory_complete=record["is_inventory_complete"] is True,
        drift=SetupDrift(
            accepted=None if accepted is None else _parse_accepted(accepted, endpoint),
            differences=tuple(_parse_difference(one) for one in drift["differences"]),
            unknown=tuple(drift["unknown"]),
        ),
    )


def _describe_accepted(accepted: AcceptedSetup) -> dict[str, JsonValue]:
    return {
        "accepted_at": render_instant(accepted.accepted_at),
        "accepted_by": accepted.accepted_by,
        "ledger_sequence": accepted.ledger_sequence,
    }


def _parse_accepted(record: Mapping[str, Any], endpoint: str) -> AcceptedSetup:
    accepted_at = datetime.fromisoformat(record["accepted_at"])
    unknown = SetupState(
        setup=Setup(trusted_access=None, features=None, delegated_administrators=None, unknown=()),
        guardrails=None,
        guardrails_unknown="The record of an audit doesn't contain it.",
        read_at=accepted_at,
        endpoint=endpoint,
        caller_arn="",
    )
    return AcceptedSetup(unknown, accepted_at, record["accepted_by"], int(record["ledger_sequence"]))


def _parse_difference(record: Mapping[str, Any]) -> Difference:
    return Difference(
        part=SetupPart(record["part"]),
        subject=record["subject"],
        accepted=record["accepted"],
        found=record["found"],
        what=record["what"],
        could_be=tuple(record["could_be"]),
    )


_NOTHING = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)


def evaluate_stored(
    inventory: Inventory, statuses: Mapping[AccountId, AccountStatus], windows: Iterable[RecoveryWindow]
) -> tuple[AccountStatus, ...]:
    """Evaluate the status of each account of the inventory, in its order, without calls to AWS.

    :param statuses: the last reading of each account that was ever read.
    :param windows: at least the unfinished ones and those that ended since the readings.
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
    """A window that is open, or was proven closed since the reading, has priority over the reading."""
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
    """A reading from before the opening shows nothing about a password set since; a later one stays valid."""
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
        detail=f"A re-read showed none when recovery window {window.window_id} was closed.",
        summary=_NOTHING,
        credentials=None,
        observed_at=window.closed_at,
    )


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What an audit reads, and which findings make it fail."""

    selection: SelectionRequest = EVERYTHING
    details: bool = False
    refresh: bool = False
    fail_on: frozenset[FailOn] = FAIL_ON_FINDINGS


def audit_to_parameters(request: AuditRequest) -> dict[str, JsonValue]:
    return {
        "selection": request_to_record(request.selection),
        "details": request.details,
        "refresh": request.refresh,
        "fail_on": sorted(request.fail_on),
    }
