from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from rootkeeper.aws.root_sessions import (
    in_utc,
    parse_access_key,
    parse_login_profile,
    parse_mfa_device,
    parse_mfa_kind,
    parse_signing_certificate,
    parse_summary,
)
from rootkeeper.errors import AwsUnreachableError
from rootkeeper.organization.statuses import MfaKind, RootCredentialsSummary

LOCAL = datetime(2024, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
UNIVERSAL = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
CLEAN = {
    "AccountPasswordPresent": 0,
    "AccountAccessKeysPresent": 0,
    "AccountSigningCertificatesPresent": 0,
    "AccountMFAEnabled": 0,
    "Users": 3,
    "AccessKeysPerUserQuota": 2,
}


def test_a_summary_of_zeros_is_empty() -> None:
    assert parse_summary({"SummaryMap": CLEAN}) == RootCredentialsSummary(False, False, False, False)


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ("AccountPasswordPresent", "has_password"),
        ("AccountAccessKeysPresent", "has_access_keys"),
        ("AccountSigningCertificatesPresent", "has_signing_certificates"),
        ("AccountMFAEnabled", "has_mfa_devices"),
    ],
)
def test_each_member_of_the_summary_is_its_own_kind(member: str, field: str) -> None:
    summary = parse_summary({"SummaryMap": {**CLEAN, member: 1}})
    present = [name for name in RootCredentialsSummary.__slots__ if getattr(summary, name)]
    assert present == [field]


@pytest.mark.parametrize(
    "member",
    ["AccountPasswordPresent", "AccountAccessKeysPresent", "AccountSigningCertificatesPresent", "AccountMFAEnabled"],
)
def test_p06_a_member_that_is_missing_is_not_taken_for_zero(member: str) -> None:
    with pytest.raises(AwsUnreachableError, match=member):
        parse_summary({"SummaryMap": {name: count for name, count in CLEAN.items() if name != member}})


def test_p06_a_missing_summary_is_no_summary() -> None:
    with pytest.raises(AwsUnreachableError, match="SummaryMap"):
        parse_summary({})


def test_times_are_in_utc() -> None:
    assert in_utc(LOCAL) == UNIVERSAL
    assert in_utc(LOCAL).tzinfo is UTC
    profile = parse_login_profile(LOCAL, LOCAL)
    assert profile.created_at.tzinfo is UTC
    assert profile.last_used_at == UNIVERSAL
    assert parse_login_profile(LOCAL).last_used_at is None


@pytest.mark.parametrize(("status", "is_active"), [("Active", True), ("Inactive", False), ("Expired", False)])
def test_only_an_active_key_is_active(status: str, is_active: bool) -> None:
    key = parse_access_key({"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": status, "CreateDate": LOCAL})
    assert key.is_active is is_active
    assert key.last_used_at is None


def test_na_means_never_used() -> None:
    key = parse_access_key(
        {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Active", "CreateDate": LOCAL},
        {"ServiceName": "N/A", "Region": "N/A"},
    )
    assert (key.last_used_at, key.last_used_service, key.last_used_region) == (None, None, None)


def test_the_last_use_of_a_key_is_reported() -> None:
    key = parse_access_key(
        {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Active", "CreateDate": LOCAL},
        {"LastUsedDate": LOCAL, "ServiceName": "s3", "Region": "eu-west-1"},
    )
    assert (key.last_used_at, key.last_used_service, key.last_used_region) == (UNIVERSAL, "s3", "eu-west-1")


@pytest.mark.parametrize(
    ("serial_number", "kind"),
    [
        ("arn:aws:iam::111122223333:mfa/root-account-mfa-device", MfaKind.VIRTUAL),
        ("arn:aws-cn:iam::111122223333:mfa/phone", MfaKind.VIRTUAL),
        ("arn:aws:iam::111122223333:u2f/root-account/key-EXAMPLE", MfaKind.SECURITY_KEY),
        ("GAHT12345678", MfaKind.HARDWARE),
        ("670000001234", MfaKind.HARDWARE),
    ],
)
def test_the_serial_number_shows_the_kind_of_device(serial_number: str, kind: MfaKind) -> None:
    assert parse_mfa_kind(serial_number) is kind
    assert parse_mfa_device({"SerialNumber": serial_number, "EnableDate": LOCAL}).kind is kind


def test_a_certificate_is_reported_with_its_state_and_age() -> None:
    found = parse_signing_certificate(
        {"CertificateId": "TA7SMP42TDN5Z26OBPJE7EXAMPLE", "Status": "Inactive", "UploadDate": LOCAL}
    )
    assert not found.is_active
    assert found.uploaded_at == UNIVERSAL


def test_a_credential_without_its_id_or_age_is_no_answer() -> None:
    with pytest.raises(AwsUnreachableError, match="AccessKeyId"):
        parse_access_key({"CreateDate": LOCAL})
    with pytest.raises(AwsUnreachableError, match="EnableDate"):
        parse_mfa_device({"SerialNumber": "GAHT12345678"})
    with pytest.raises(AwsUnreachableError, match="CertificateId"):
        parse_signing_certificate({"UploadDate": LOCAL})
