"""Root user credentials of an account: what was observed, in the short form and in detail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rootkeeper.domain.organizations import AccountId


class CredentialKind(StrEnum):
    """The four kinds, in the order in which they are deleted: MFA devices last."""

    ACCESS_KEYS = "access_keys"
    SIGNING_CERTIFICATES = "signing_certificates"
    PASSWORD = "password"  # noqa: S105 - a kind's name
    MFA_DEVICES = "mfa_devices"


KIND_ORDER = (
    CredentialKind.PASSWORD,
    CredentialKind.ACCESS_KEYS,
    CredentialKind.SIGNING_CERTIFICATES,
    CredentialKind.MFA_DEVICES,
)
"""The order in which they are shown."""

_KIND_TEXTS = {
    CredentialKind.PASSWORD: "a root password",
    CredentialKind.ACCESS_KEYS: "access keys",
    CredentialKind.SIGNING_CERTIFICATES: "signing certificates",
    CredentialKind.MFA_DEVICES: "MFA devices",
}


@dataclass(frozen=True, slots=True)
class RootCredentialsSummary:
    """Which kinds of root user credentials exist. Source: IAM GetAccountSummary, API version 2010-05-08."""

    has_password: bool
    """True from the moment that recovery is allowed, before any person sets a password."""
    has_access_keys: bool
    has_signing_certificates: bool
    has_mfa_devices: bool

    @property
    def is_empty(self) -> bool:
        return not (self.has_password or self.has_access_keys or self.has_signing_certificates or self.has_mfa_devices)

    def has(self, kind: CredentialKind) -> bool:
        return {
            CredentialKind.ACCESS_KEYS: self.has_access_keys,
            CredentialKind.SIGNING_CERTIFICATES: self.has_signing_certificates,
            CredentialKind.PASSWORD: self.has_password,
            CredentialKind.MFA_DEVICES: self.has_mfa_devices,
        }[kind]

    @property
    def kind_names(self) -> tuple[str, ...]:
        """What is there, as a sentence names it."""
        return tuple(_KIND_TEXTS[kind] for kind in KIND_ORDER if self.has(kind))

    def combined_with(self, other: RootCredentialsSummary) -> RootCredentialsSummary:
        """What either of two readings shows."""
        return RootCredentialsSummary(
            has_password=self.has_password or other.has_password,
            has_access_keys=self.has_access_keys or other.has_access_keys,
            has_signing_certificates=self.has_signing_certificates or other.has_signing_certificates,
            has_mfa_devices=self.has_mfa_devices or other.has_mfa_devices,
        )


@dataclass(frozen=True, slots=True)
class LoginProfile:
    """The root user's console password, or the permission to recover one."""

    created_at: datetime
    last_used_at: datetime | None
    """From GetUser; ``None`` if never used."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-term access key of the root user."""

    access_key_id: str
    is_active: bool
    created_at: datetime
    last_used_at: datetime | None
    last_used_service: str | None = None
    last_used_region: str | None = None


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """An X.509 signing certificate of the root user; AWS tells no last use of one."""

    signing_certificate_id: str
    is_active: bool
    uploaded_at: datetime


class MfaKind(StrEnum):
    """What kind of device a serial number tells of. Source: IAM ListMFADevices."""

    HARDWARE = "hardware"
    SECURITY_KEY = "security_key"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class MfaDevice:
    """An MFA device of the root user."""

    mfa_serial_number: str
    kind: MfaKind
    enabled_at: datetime


@dataclass(frozen=True, slots=True)
class RootCredentials:
    """All root user credentials found in one account at one moment, in detail."""

    account_id: AccountId
    login_profile: LoginProfile | None
    access_keys: tuple[AccessKey, ...]
    signing_certificates: tuple[SigningCertificate, ...]
    mfa_devices: tuple[MfaDevice, ...]
    observed_at: datetime

    @property
    def summary(self) -> RootCredentialsSummary:
        return RootCredentialsSummary(
            has_password=self.login_profile is not None,
            has_access_keys=bool(self.access_keys),
            has_signing_certificates=bool(self.signing_certificates),
            has_mfa_devices=bool(self.mfa_devices),
        )

    @property
    def last_used_at(self) -> datetime | None:
        """The last use of the password or any access key; certificates and MFA devices tell none."""
        uses = [key.last_used_at for key in self.access_keys]
        if self.login_profile is not None:
            uses.append(self.login_profile.last_used_at)
        return max((use for use in uses if use is not None), default=None)
