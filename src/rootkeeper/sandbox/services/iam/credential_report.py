"""The credential report: one line for the root user and for each IAM user, by which the account can be looked over.

Source: IAM GenerateCredentialReport and GetCredentialReport, API version 2010-05-08; IAM User Guide, "Credential
reports". Here it is as new as the call that reads it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rootkeeper.sandbox.codec.scalars import format_iso8601
from rootkeeper.sandbox.exchange import Call, Operation
from rootkeeper.sandbox.services.iam.subjects import caller_account
from rootkeeper.sandbox.state import AccessKey, Account, Credentials
from rootkeeper.sandbox.state.credentials import ACTIVE

_NOT_KNOWN, _NOT_SUPPORTED, _NO_INFORMATION = "N/A", "not_supported", "no_information"
_KEY_COLUMNS = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_HEADER = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(f"access_key_{number}_{column}" for number in (1, 2) for column in _KEY_COLUMNS),
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
)


def generate_credential_report(_call: Call) -> dict[str, Any]:
    """Have the report made, which takes no time here."""
    return {"State": "COMPLETE", "Description": "A report is available."}


def get_credential_report(call: Call) -> dict[str, Any]:
    """Give the report as text/csv."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(_HEADER)
    writer.writerows(_list_rows(call, caller_account(call)))
    return {"Content": target.getvalue(), "ReportFormat": "text/csv", "GeneratedTime": call.now}


def _list_rows(call: Call, account: Account) -> Iterator[list[str]]:
    root_arn = call.world.root_user_arn(account.account_id)
    yield _row("<root_account>", root_arn, account.created_at, account.root_user, is_root=True)
    for user in account.existing_identities.users.values() if account.existing_identities else ():
        arn = call.world.user_arn(account.account_id, user)
        yield _row(user.name, arn, user.created_at, user.credentials, is_root=False)


def _row(name: str, arn: str, created_at: datetime, held: Credentials, *, is_root: bool) -> list[str]:
    keys = [*held.access_keys.values(), None, None][:2]
    certificates = [*held.signing_certificates.values(), None, None][:2]
    return [
        name,
        arn,
        format_iso8601(created_at),
        *_describe_password(held, is_root=is_root),
        _render_flag(value=bool(held.mfa_devices)),
        *(cell for key in keys for cell in _describe_key(key)),
        *(
            cell
            for one in certificates
            for cell in (
                _render_flag(value=one is not None and one.status == ACTIVE),
                format_iso8601(one.uploaded_at) if one else _NOT_KNOWN,
            )
        ),
    ]


def _describe_password(held: Credentials, *, is_root: bool) -> list[str]:
    """Of a root user the password counts as enabled from CreateLoginProfile on (observed)."""
    profile = held.login_profile
    if profile is None:
        return [_render_flag(value=False), _NOT_KNOWN, _NOT_KNOWN, _NOT_SUPPORTED if is_root else _NOT_KNOWN]
    used = format_iso8601(held.password_last_used_at) if held.password_last_used_at else _NO_INFORMATION
    return [
        _render_flag(value=True),
        used,
        format_iso8601(profile.created_at),
        _NOT_SUPPORTED if is_root else _NOT_KNOWN,
    ]


def _describe_key(key: AccessKey | None) -> list[str]:
    if key is None:
        return [_render_flag(value=False), *[_NOT_KNOWN] * 4]
    used = format_iso8601(key.last_used_at) if key.last_used_at else _NOT_KNOWN
    active = _render_flag(value=key.status == ACTIVE)
    return [active, format_iso8601(key.created_at), used, key.last_used_region, key.last_used_service]


def _render_flag(*, value: bool) -> str:
    return "true" if value else "false"


OPERATIONS = {
    "GenerateCredentialReport": Operation(generate_credential_report, "iam:GenerateCredentialReport"),
    "GetCredentialReport": Operation(get_credential_report, "iam:GetCredentialReport"),
}
