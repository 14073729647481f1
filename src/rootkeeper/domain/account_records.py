"""An account's status as JSON values and back: what the command line, the API and its client show of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import Account, AccountId, AccountState, parse_account_id
from rootkeeper.domain.plan_files import describe_credentials, parse_credentials, render_instant
from rootkeeper.domain.root_credentials import RootCredentials, RootCredentialsSummary
from rootkeeper.domain.statuses import AccountRole, AccountStatus, Status, StatusReason

_KINDS = ("password", "access_keys", "signing_certificates", "mfa_devices")


def account_to_record(status: AccountStatus, *, details: bool) -> dict[str, JsonValue]:
    """One account, as ``audit`` shows it; with ``details`` the four kinds are counted and listed."""
    account = status.account
    record: dict[str, JsonValue] = {
        "account_id": account.account_id,
        "name": account.name,
        "email": account.email,
        "ou_path": account.ou_path,
        "state": account.state.value,
        "role": status.role.value,
        "status": status.status.value,
        "reason": status.reason.value if status.reason else None,
        "detail": status.detail,
        "credentials": _credential_values(status, details=details),
    }
    if details:
        record["details"] = describe_credentials(status.credentials) if status.credentials else None
    return record


def stored_account_to_record(status: AccountStatus, *, details: bool) -> dict[str, JsonValue]:
    """The same of a status that was kept: also where the account stands in the tree, its tags, and how old this is."""
    account = status.account
    return {
        **account_to_record(status, details=details),
        "ou_ids": list(account.ou_ids),
        "tags": None if account.tags is None else dict(account.tags),
        "joined_at": _render_optional(account.joined_at),
        "observed_at": _render_optional(status.observed_at),
    }


def account_from_record(record: Mapping[str, Any]) -> AccountStatus:
    """The status that one of the two wrote; what the shorter one leaves out isn't known.

    :raises ValueError: if a value is none that an account has.
    :raises InputError: if the account's id isn't one.
    :raises KeyError: if something is missing.
    """
    account_id = parse_account_id(record["account_id"])
    details = record.get("details")
    return AccountStatus(
        account=_parse_account(account_id, record),
        role=AccountRole(record["role"]),
        status=Status(record["status"]),
        reason=None if record["reason"] is None else StatusReason(record["reason"]),
        detail=record["detail"],
        summary=_parse_summary(record["credentials"]),
        credentials=None if details is None else _parse_details(account_id, details),
        observed_at=_parse_optional(record.get("observed_at")),
    )


def _parse_account(account_id: AccountId, record: Mapping[str, Any]) -> Account:
    return Account(
        account_id=account_id,
        name=record["name"],
        email=record["email"],
        state=AccountState(record["state"]),
        ou_ids=tuple(record.get("ou_ids", ())),
        ou_path=record["ou_path"],
        joined_at=_parse_optional(record.get("joined_at")),
        tags=record.get("tags"),
    )


def _parse_summary(values: Mapping[str, bool | int | None]) -> RootCredentialsSummary | None:
    """What wasn't read stays unknown; one unread kind makes the whole unread."""
    found = [values[kind] for kind in _KINDS]
    if any(value is None for value in found):
        return None
    return RootCredentialsSummary(*(bool(value) for value in found))


def _parse_details(account_id: AccountId, details: Mapping[str, Any]) -> RootCredentials:
    try:
        return parse_credentials(account_id, details)
    except TypeError as error:
        raise ValueError(f"The details of {account_id} aren't what was found: {error}") from error


def _credential_values(status: AccountStatus, *, details: bool) -> dict[str, bool | int | None]:
    found = status.credentials
    if details and found is not None:
        return {
            "password": int(found.login_profile is not None),
            "access_keys": len(found.access_keys),
            "signing_certificates": len(found.signing_certificates),
            "mfa_devices": len(found.mfa_devices),
        }
    summary = status.summary
    if summary is None:
        return dict.fromkeys(_KINDS)
    values = {
        "password": summary.has_password,
        "access_keys": summary.has_access_keys,
        "signing_certificates": summary.has_signing_certificates,
        "mfa_devices": summary.has_mfa_devices,
    }
    if details and summary.is_empty:
        return dict.fromkeys(values, 0)
    return dict(values)


def _render_optional(moment: datetime | None) -> str | None:
    return None if moment is None else render_instant(moment)


def _parse_optional(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
