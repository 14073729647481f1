"""IAM's answers about a root user, as the domain's values. What AWS leaves out is never taken for "none".

In a root session AWS leaves out ``UserName`` and ``Path``, which its model calls required.

Source: IAM, API version 2010-05-08.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rootkeeper.aws.answers import AwsResponse, required
from rootkeeper.domain.root_credentials import (
    AccessKey,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentialsSummary,
    SigningCertificate,
)

_SUMMARY = "iam:GetAccountSummary"


def parse_summary(answer: AwsResponse) -> RootCredentialsSummary:
    """Source: GetAccountSummary, ``SummaryMap``.

    :raises AwsUnreachableError: if one of the four is missing.
    """
    counts = required(answer, "SummaryMap", _SUMMARY)
    return RootCredentialsSummary(
        has_password=required(counts, "AccountPasswordPresent", _SUMMARY) > 0,
        has_access_keys=required(counts, "AccountAccessKeysPresent", _SUMMARY) > 0,
        has_signing_certificates=required(counts, "AccountSigningCertificatesPresent", _SUMMARY) > 0,
        has_mfa_devices=required(counts, "AccountMFAEnabled", _SUMMARY) > 0,
    )


def parse_login_profile(created_at: datetime, last_used_at: datetime | None = None) -> LoginProfile:
    return LoginProfile(created_at=in_utc(created_at), last_used_at=in_utc(last_used_at) if last_used_at else None)


def parse_access_key(answer: Mapping[str, Any], last_used: Mapping[str, Any] | None = None) -> AccessKey:
    """``Expired`` counts as inactive, and ``N/A`` as never used."""
    last_used = last_used or {}
    last_used_at = last_used.get("LastUsedDate")
    return AccessKey(
        access_key_id=required(answer, "AccessKeyId", "iam:ListAccessKeys"),
        is_active=answer.get("Status") == "Active",
        created_at=in_utc(required(answer, "CreateDate", "iam:ListAccessKeys")),
        last_used_at=in_utc(last_used_at) if last_used_at else None,
        last_used_service=_known(last_used.get("ServiceName")),
        last_used_region=_known(last_used.get("Region")),
    )


def parse_signing_certificate(answer: Mapping[str, Any]) -> SigningCertificate:
    return SigningCertificate(
        signing_certificate_id=required(answer, "CertificateId", "iam:ListSigningCertificates"),
        is_active=answer.get("Status") == "Active",
        uploaded_at=in_utc(required(answer, "UploadDate", "iam:ListSigningCertificates")),
    )


def parse_mfa_device(answer: Mapping[str, Any]) -> MfaDevice:
    serial_number = required(answer, "SerialNumber", "iam:ListMFADevices")
    return MfaDevice(
        mfa_serial_number=serial_number,
        kind=parse_mfa_kind(serial_number),
        enabled_at=in_utc(required(answer, "EnableDate", "iam:ListMFADevices")),
    )


def parse_mfa_kind(serial_number: str) -> MfaKind:
    """A virtual device or a security key has an ARN for its serial number, a hardware token has none."""
    if ":u2f/" in serial_number:
        return MfaKind.SECURITY_KEY
    return MfaKind.VIRTUAL if serial_number.startswith("arn:") else MfaKind.HARDWARE


def in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _known(word: str | None) -> str | None:
    return None if word in (None, "N/A") else word
