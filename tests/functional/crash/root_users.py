"""Root users as the sandbox takes them, for the account that the crashes are about."""

from __future__ import annotations

from typing import Any

LONG_AGO = "2019-01-01T00:00:00Z"


def with_every_kind(account_id: str) -> dict[str, Any]:
    """Password, two access keys, a signing certificate, a virtual and a hardware MFA device; none used recently."""
    return {
        "password": True,
        "password_last_used_at": LONG_AGO,
        "access_keys": [
            {
                "access_key_id": f"AKIAIOSFODNN7EXAMPL{letter}",
                "status": "Active",
                "created_at": LONG_AGO,
                "last_used_at": None,
            }
            for letter in "EF"
        ],
        "signing_certificates": [
            {"certificate_id": "TA7SMP42TDN5Z26OBPJE7EXAMPLE", "status": "Active", "uploaded_at": LONG_AGO}
        ],
        "mfa_devices": [
            {
                "serial_number": f"arn:aws:iam::{account_id}:mfa/root-account-mfa-device",
                "kind": "virtual",
                "enabled_at": LONG_AGO,
            },
            {"serial_number": "GAHT12345678", "kind": "hardware", "enabled_at": LONG_AGO},
        ],
    }


def is_empty(root_user: dict[str, Any]) -> bool:
    """Whether no root user credentials of any kind are there, the permission to recover included."""
    kinds = ("password", "recovery_allowed", "access_keys", "signing_certificates", "mfa_devices")
    return not any(root_user[kind] for kind in kinds)
