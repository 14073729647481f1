"""Accounts, their IAM users and roles, their credentials, and identifiers that look like AWS's.

A scenario derives ids and keys, so that they are the same on every start and shell histories and tests stay valid;
later ids and keys are random. A password that a person sets is hashed by scrypt. A scenario's passwords are kept as
text, because they are public and hashing thousands would take minutes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rootkeeper_sandbox.state.policies import ADMINISTRATOR_ACCESS, FULL_ACCESS_DOCUMENT, managed_policy_arn

_ACCOUNT_BITS = 40
_ACCOUNT_SHIFT = 7
_TOKEN_PREFIX = "IQoJb3JpZ2luX2Vj"  # noqa: S105 - how every AWS session token begins, no secret


def derive_bytes(*parts: str) -> bytes:
    """Derive 32 bytes from the words given; the same words give the same bytes."""
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def derive_unique_id(prefix: str, *parts: str) -> str:
    """Derive an id such as ``AIDA…`` (users), ``AROA…`` (roles): the prefix and 17 characters."""
    return prefix + base64.b32encode(derive_bytes(prefix, *parts)).decode()[:17]


def derive_lower_id(length: int, *parts: str) -> str:
    """Derive the lower-case letters and digits that Organizations uses in its ids."""
    return base64.b32encode(derive_bytes(*parts)).decode().lower()[:length]


def derive_access_key_id(account_id: str, *parts: str) -> str:
    """Derive a long-term access key id, ``AKIA`` and 16 characters."""
    return _access_key_id("AKIA", account_id, derive_bytes("access-key", account_id, *parts))


def derive_secret_access_key(access_key_id: str, *parts: str) -> str:
    """Derive the 40 characters that belong to an access key id."""
    return base64.b64encode(derive_bytes("secret", access_key_id, *parts)[:30]).decode()


def new_access_key_id(prefix: str, account_id: str) -> str:
    """Make a random access key id: ``AKIA`` long-term, ``ASIA`` temporary."""
    return _access_key_id(prefix, account_id, secrets.token_bytes(16))


def new_secret_access_key() -> str:
    return base64.b64encode(secrets.token_bytes(30)).decode()


def new_session_token() -> str:
    return _TOKEN_PREFIX + base64.b64encode(secrets.token_bytes(96)).decode()


def new_unique_id(prefix: str) -> str:
    return prefix + base64.b32encode(secrets.token_bytes(11)).decode()[:17]


def account_of_access_key(access_key_id: str) -> str | None:
    """Read the account id out of an access key id of today's form; ``None`` for other texts.

    Bits 7 to 46 of the six bytes after the prefix hold it, as public write-ups of AWS's format found out.
    """
    try:
        head = base64.b32decode(access_key_id[4:20])[:6]
    except ValueError:
        return None
    return str((int.from_bytes(head) >> _ACCOUNT_SHIFT) & ((1 << _ACCOUNT_BITS) - 1)).zfill(12)


def _access_key_id(prefix: str, account_id: str, noise: bytes) -> str:
    head = (1 << 47) | (int(account_id) << _ACCOUNT_SHIFT) | (noise[0] & 0x7F)
    return prefix + base64.b32encode(head.to_bytes(6) + noise[1:5]).decode()


_COST, _BLOCK_SIZE, _PARALLELISM = 1 << 14, 8, 1
_SALT_BYTES = 16
_DECOY_SALT = b"\0" * _SALT_BYTES


@dataclass(frozen=True, slots=True)
class Password:
    """A password: as salt and hash if a person set it, as text in a scenario."""

    salt: bytes = _DECOY_SALT
    digest: bytes = field(default=b"", repr=False)
    known_text: str | None = field(default=None, repr=False)


def hash_password(text: str) -> Password:
    """Hash a password with a new salt. It takes some hundredths of a second."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return Password(salt, _hash(text, salt))


def verify_password(password: Password | None, text: str) -> bool:
    """Return whether it is the password; takes the same time for every kind and for none."""
    digest = _hash(text, password.salt if password else _DECOY_SALT)
    if password is None:
        return False
    if password.known_text is not None:
        return hmac.compare_digest(_encode(text), _encode(password.known_text))
    return hmac.compare_digest(digest, password.digest)


def _hash(text: str, salt: bytes) -> bytes:
    return hashlib.scrypt(_encode(text), salt=salt, n=_COST, r=_BLOCK_SIZE, p=_PARALLELISM)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


ACTIVE = "Active"
INACTIVE = "Inactive"
_KEPT_STEPS = 20


@dataclass(slots=True)
class LoginProfile:
    """A user's access to the console: with a password, or (root users) as the permission to set it by e-mail."""

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
    """A second factor; for ``virtual`` devices the serial number is an ARN, for hardware tokens a plain number."""

    serial_number: str
    enabled_at: datetime
    kind: str = "virtual"
    seed: str | None = field(default=None, repr=False)
    """The seed of its codes, in base 32; ``None`` where it is derived, as for all of a scenario's devices."""
    used_steps: list[int] = field(default_factory=list)
    """The newest steps of time whose codes were used, oldest first: no code works twice."""

    def use(self, *steps: int) -> None:
        self.used_steps = [*self.used_steps, *steps][-_KEPT_STEPS:]


@dataclass(slots=True)
class Credentials:
    """All credentials of a root user or IAM user."""

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
        """Whether there is a login profile without a password yet."""
        return self.login_profile is not None and self.login_profile.password is None

    def add_access_key(self, key: AccessKey) -> None:
        self.access_keys[key.access_key_id] = key

    def add_signing_certificate(self, certificate: SigningCertificate) -> None:
        self.signing_certificates[certificate.certificate_id] = certificate

    def add_mfa_device(self, device: MfaDevice) -> None:
        self.mfa_devices[device.serial_number] = device


@dataclass(frozen=True, slots=True)
class CredentialReport:
    """The report that IAM made last in an account."""

    generated_at: datetime
    content: str
    """CSV text."""


class AccountState(StrEnum):
    """``State`` of an account. Source: Organizations Account, API version 2016-11-28."""

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    PENDING_CLOSURE = "PENDING_CLOSURE"
    SUSPENDED = "SUSPENDED"

    @property
    def status(self) -> str:
        """The older ``Status``, which knows three words only (assumed for PENDING_ACTIVATION)."""
        known = (AccountState.ACTIVE, AccountState.PENDING_CLOSURE, AccountState.SUSPENDED)
        return str(self if self in known else AccountState.SUSPENDED)


@dataclass(slots=True)
class Permissions:
    """The permissions of a user or role: policy documents as JSON text."""

    inline_policies: dict[str, str] = field(default_factory=dict)
    """By name."""
    managed_policies: dict[str, str] = field(default_factory=dict)
    """By ARN."""
    tags: dict[str, str] = field(default_factory=dict)

    def documents(self) -> tuple[str, ...]:
        return (*self.inline_policies.values(), *self.managed_policies.values())


@dataclass(slots=True)
class IamUser:
    name: str
    user_id: str
    created_at: datetime
    path: str = "/"
    permissions: Permissions = field(default_factory=Permissions)
    credentials: Credentials = field(default_factory=Credentials)


@dataclass(slots=True)
class IamRole:
    """An IAM role, and who may assume it."""

    name: str
    role_id: str
    created_at: datetime
    trust_policy: str
    """JSON text."""
    path: str = "/"
    description: str = ""
    max_session_seconds: int = 3600
    permissions: Permissions = field(default_factory=Permissions)


ACCESS_ROLE_NAME = "OrganizationAccountAccessRole"
"""The role of an account that the organization created, unless another name was asked for."""


def make_access_role(account_id: str, name: str, created_at: datetime, management_root_arn: str) -> IamRole:
    """Make the role by which the management account administers an account that the organization created.

    Source: Organizations User Guide, "Accessing a member account that has OrganizationAccountAccessRole".
    """
    statement = {"Effect": "Allow", "Principal": {"AWS": management_root_arn}, "Action": "sts:AssumeRole"}
    role = IamRole(
        name=name,
        role_id=derive_unique_id("AROA", account_id, name),
        created_at=created_at,
        trust_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    partition = management_root_arn.split(":")[1]
    role.permissions.managed_policies[managed_policy_arn(partition, ADMINISTRATOR_ACCESS)] = FULL_ACCESS_DOCUMENT
    return role


@dataclass(slots=True)
class Identities:
    """The IAM users and roles of an account, by name."""

    users: dict[str, IamUser] = field(default_factory=dict)
    roles: dict[str, IamRole] = field(default_factory=dict)
    unassigned_mfa_devices: dict[str, str | None] = field(default_factory=dict)
    """Seeds of unassigned virtual devices by serial number, as in ``MfaDevice``."""


@dataclass(slots=True)
class Account:
    account_id: str
    name: str
    email: str
    joined_at: datetime
    joined_method: str = "CREATED"
    opened_at: datetime | None = None
    """When an invited account was opened, before it joined."""
    state: AccountState = AccountState.ACTIVE
    parent_id: str | None = None
    """The organizational unit or organization root; ``None`` outside the organization."""
    tags: dict[str, str] = field(default_factory=dict)
    root_user: Credentials = field(default_factory=Credentials)
    existing_identities: Identities | None = None
    """``None`` in most of 50,000 accounts, which never get an IAM user. To list or change roles, use ``identities``."""
    management_root_arn: str | None = None
    """Whom the access role trusts that ``identities`` makes; ``None`` where the account has no such role."""

    @property
    def created_at(self) -> datetime:
        return self.opened_at or self.joined_at

    @property
    def identities(self) -> Identities:
        if self.existing_identities is None:
            self.existing_identities = Identities()
            if self.management_root_arn:
                role = make_access_role(self.account_id, ACCESS_ROLE_NAME, self.joined_at, self.management_root_arn)
                self.existing_identities.roles[role.name] = role
        return self.existing_identities

    def find_user(self, name: str) -> IamUser | None:
        return self.existing_identities.users.get(name) if self.existing_identities else None

    def find_role(self, name: str) -> IamRole | None:
        return self.identities.roles.get(name)
