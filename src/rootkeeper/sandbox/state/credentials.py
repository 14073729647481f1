"""The credentials that a root user or an IAM user can hold, in the four kinds that AWS knows."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime

from rootkeeper.sandbox.state.identifiers import derive_bytes
from rootkeeper.sandbox.state.passwords import Password

ACTIVE = "Active"
INACTIVE = "Inactive"
_KEPT_STEPS = 20


@dataclass(slots=True)
class LoginProfile:
    """What lets a user into the console: with a password, or (root users) as the permission to set one by e-mail."""

    created_at: datetime
    password: Password | None = None
    """``None`` from CreateLoginProfile in a root session until the person has reset the password."""
    mfa_due_at: datetime | None = None
    """Until when a root user without MFA may put off registering it; set at the first such sign-in."""


@dataclass(slots=True)
class AccessKey:
    """A long-term access key."""

    access_key_id: str
    created_at: datetime
    status: str = ACTIVE
    last_used_at: datetime | None = None
    last_used_service: str = "N/A"
    last_used_region: str = "N/A"
    secret_access_key: str | None = field(default=None, repr=False)
    """``None`` where the secret is derived from the id, as all of a scenario's are."""


@dataclass(slots=True)
class SigningCertificate:
    """An X.509 signing certificate; AWS knows no last use of these."""

    certificate_id: str
    uploaded_at: datetime
    status: str = ACTIVE

    @property
    def body(self) -> str:
        """Text in the shape of a certificate. It is none: nothing here signs with it."""
        lines = "\n".join(
            base64.b64encode(derive_bytes(self.certificate_id, str(n)) * 2)[:64].decode() for n in range(9)
        )
        return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----"


@dataclass(slots=True)
class MfaDevice:
    """A second factor; for ``virtual`` ones the serial number is an ARN, for hardware tokens a plain number."""

    serial_number: str
    enabled_at: datetime
    kind: str = "virtual"
    seed: str | None = field(default=None, repr=False)
    """What its codes follow from, in base 32; ``None`` where it is derived, as all of a scenario's are."""
    used_steps: list[int] = field(default_factory=list)
    """The newest steps of time whose codes were used, oldest first: no code works twice."""

    def use(self, *steps: int) -> None:
        self.used_steps = [*self.used_steps, *steps][-_KEPT_STEPS:]


@dataclass(slots=True)
class Credentials:
    """All credentials of one root user or IAM user."""

    login_profile: LoginProfile | None = None
    password_last_used_at: datetime | None = None
    access_keys: dict[str, AccessKey] = field(default_factory=dict)
    signing_certificates: dict[str, SigningCertificate] = field(default_factory=dict)
    mfa_devices: dict[str, MfaDevice] = field(default_factory=dict)

    @property
    def has_password(self) -> bool:
        return self.login_profile is not None and self.login_profile.password is not None

    @property
    def is_recovery_allowed(self) -> bool:
        """Whether there is a login profile whose password nobody has set yet."""
        return self.login_profile is not None and self.login_profile.password is None

    def add_access_key(self, key: AccessKey) -> None:
        self.access_keys[key.access_key_id] = key

    def add_signing_certificate(self, certificate: SigningCertificate) -> None:
        self.signing_certificates[certificate.certificate_id] = certificate

    def add_mfa_device(self, device: MfaDevice) -> None:
        self.mfa_devices[device.serial_number] = device
