"""An account's status as a record: what ``audit`` shows in JSON, JSON Lines and CSV."""

from __future__ import annotations

from typing import Any

from rootkeeper.domain.plan_files import describe_credentials
from rootkeeper.domain.statuses import AccountStatus


def account_record(status: AccountStatus, *, details: bool) -> dict[str, Any]:
    """One account; with ``details`` the four kinds are counted and listed."""
    account = status.account
    record: dict[str, Any] = {
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
        return dict.fromkeys(("password", "access_keys", "signing_certificates", "mfa_devices"))
    values = {
        "password": summary.has_password,
        "access_keys": summary.has_access_keys,
        "signing_certificates": summary.has_signing_certificates,
        "mfa_devices": summary.has_mfa_devices,
    }
    if details and summary.is_empty:
        return dict.fromkeys(values, 0)
    return dict(values)
