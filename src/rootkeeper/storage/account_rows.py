"""Accounts and their statuses as rows, and back."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from rootkeeper.domain.ledger import render_time
from rootkeeper.domain.organizations import Account, AccountId, AccountState
from rootkeeper.domain.root_credentials import (
    AccessKey,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    SigningCertificate,
)
from rootkeeper.domain.statuses import AccountRole, AccountStatus, Status, StatusReason


def account_row(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "name": account.name,
        "email": account.email,
        "state": account.state.value,
        "ou_ids": list(account.ou_ids),
        "ou_path": account.ou_path,
        "joined_at": account.joined_at,
        "tags": None if account.tags is None else dict(account.tags),
    }


def parse_account(row: Row[Any]) -> Account:
    return Account(
        account_id=AccountId(row.account_id),
        name=row.name,
        email=row.email,
        state=AccountState(row.state),
        ou_ids=tuple(row.ou_ids),
        ou_path=row.ou_path,
        joined_at=row.joined_at,
        tags=row.tags,
    )


def status_row(status: AccountStatus) -> dict[str, Any]:
    summary, credentials = status.summary, status.credentials
    account = account_row(status.account)
    return {
        "account_id": status.account.account_id,
        "account": {**account, "joined_at": _render(status.account.joined_at)},
        "role": status.role.value,
        "status": status.status.value,
        "reason": None if status.reason is None else status.reason.value,
        "detail": status.detail,
        "summary": None if summary is None else {field.name: getattr(summary, field.name) for field in fields(summary)},
        "credentials": None if credentials is None else _render_credentials(credentials),
        "observed_at": status.observed_at,
        "session_access_key_id": status.session_access_key_id,
    }


def parse_status(row: Row[Any]) -> AccountStatus:
    account = dict(row.account)
    account["account_id"] = AccountId(account["account_id"])
    account["state"] = AccountState(account["state"])
    account["ou_ids"] = tuple(account["ou_ids"])
    account["joined_at"] = _parse(account["joined_at"])
    return AccountStatus(
        account=Account(**account),
        role=AccountRole(row.role),
        status=Status(row.status),
        reason=None if row.reason is None else StatusReason(row.reason),
        detail=row.detail,
        summary=None if row.summary is None else RootCredentialsSummary(**row.summary),
        credentials=None if row.credentials is None else _parse_credentials(row.credentials),
        observed_at=row.observed_at,
        session_access_key_id=row.session_access_key_id,
    )


def parse_brief_status(row: Row[Any], account: Account) -> AccountStatus:
    """The same without the details of the credentials, of an account that is known already."""
    return AccountStatus(
        account=account,
        role=AccountRole(row.role),
        status=Status(row.status),
        reason=None if row.reason is None else StatusReason(row.reason),
        detail=row.detail,
        summary=None if row.summary is None else RootCredentialsSummary(**row.summary),
        observed_at=row.observed_at,
        session_access_key_id=row.session_access_key_id,
    )


def _render(at: datetime | None) -> str | None:
    return None if at is None else render_time(at)


def _parse(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _render_credentials(credentials: RootCredentials) -> dict[str, Any]:
    profile = credentials.login_profile
    return {
        "account_id": credentials.account_id,
        "login_profile": None
        if profile is None
        else {"created_at": render_time(profile.created_at), "last_used_at": _render(profile.last_used_at)},
        "access_keys": [
            {
                "access_key_id": key.access_key_id,
                "is_active": key.is_active,
                "created_at": render_time(key.created_at),
                "last_used_at": _render(key.last_used_at),
                "last_used_service": key.last_used_service,
                "last_used_region": key.last_used_region,
            }
            for key in credentials.access_keys
        ],
        "signing_certificates": [
            {
                "signing_certificate_id": certificate.signing_certificate_id,
                "is_active": certificate.is_active,
                "uploaded_at": render_time(certificate.uploaded_at),
            }
            for certificate in credentials.signing_certificates
        ],
        "mfa_devices": [
            {
                "mfa_serial_number": device.mfa_serial_number,
                "kind": device.kind.value,
                "enabled_at": render_time(device.enabled_at),
            }
            for device in credentials.mfa_devices
        ],
        "observed_at": render_time(credentials.observed_at),
    }


def _parse_credentials(content: dict[str, Any]) -> RootCredentials:
    profile = content["login_profile"]
    return RootCredentials(
        account_id=AccountId(content["account_id"]),
        login_profile=None if profile is None else LoginProfile(**_with_times(profile)),
        access_keys=tuple(AccessKey(**_with_times(key)) for key in content["access_keys"]),
        signing_certificates=tuple(
            SigningCertificate(**_with_times(certificate)) for certificate in content["signing_certificates"]
        ),
        mfa_devices=tuple(
            MfaDevice(**{**_with_times(device), "kind": MfaKind(device["kind"])}) for device in content["mfa_devices"]
        ),
        observed_at=datetime.fromisoformat(content["observed_at"]),
    )


def _with_times(content: dict[str, Any]) -> dict[str, Any]:
    """The same, with every ``*_at`` as a time."""
    return {name: _parse(value) if name.endswith("_at") else value for name, value in content.items()}
