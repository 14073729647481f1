"""The truth about one root user, which a test sets and reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from rootkeeper.organization.statuses import (
    AccessKey,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentialsSummary,
    SigningCertificate,
)

LONG_AGO = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class FakeRootUser:
    """Root user credentials of one account; empty unless said otherwise."""

    login_profile: LoginProfile | None = None
    access_keys: list[AccessKey] = field(default_factory=list)
    signing_certificates: list[SigningCertificate] = field(default_factory=list)
    mfa_devices: list[MfaDevice] = field(default_factory=list)

    @property
    def summary(self) -> RootCredentialsSummary:
        return RootCredentialsSummary(
            has_password=self.login_profile is not None,
            has_access_keys=bool(self.access_keys),
            has_signing_certificates=bool(self.signing_certificates),
            has_mfa_devices=bool(self.mfa_devices),
        )

    @property
    def is_empty(self) -> bool:
        return self.summary.is_empty


def root_user_with_everything(last_used_at: datetime | None = None) -> FakeRootUser:
    """A password, two keys, a certificate, a virtual and a hardware MFA device."""
    return FakeRootUser(
        login_profile=LoginProfile(created_at=LONG_AGO, last_used_at=last_used_at),
        access_keys=[
            AccessKey("AKIAIOSFODNN7EXAMPLE", is_active=True, created_at=LONG_AGO, last_used_at=last_used_at),
            AccessKey("AKIAI44QH8DHBEXAMPLE", is_active=False, created_at=LONG_AGO, last_used_at=None),
        ],
        signing_certificates=[SigningCertificate("TA7SMP42TDN5Z26OBPJE7EXAMPLE", is_active=True, uploaded_at=LONG_AGO)],
        mfa_devices=[
            MfaDevice("arn:aws:iam::111122223333:mfa/root-account-mfa-device", MfaKind.VIRTUAL, LONG_AGO),
            MfaDevice("GAHT12345678", MfaKind.HARDWARE, LONG_AGO),
        ],
    )
