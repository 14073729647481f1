"""The principals that every scenario hands out, and the credentials that its root users hold."""

from __future__ import annotations

from datetime import datetime, timedelta

from rootkeeper.sandbox.state import (
    AccessKey,
    Account,
    IamUser,
    KeyOwner,
    LoginProfile,
    MfaDevice,
    SigningCertificate,
    World,
)
from rootkeeper.sandbox.state.credentials import ACTIVE
from rootkeeper.sandbox.state.identifiers import derive_access_key_id, derive_bytes, derive_lower_id, derive_unique_id
from rootkeeper.sandbox.state.passwords import Password
from rootkeeper.sandbox.state.policies import ADMINISTRATOR_ACCESS_ARN, FULL_ACCESS_DOCUMENT

_USER_AGE = timedelta(days=400)


def start_of(world: World) -> datetime:
    """Give the moment that a scenario's dates are relative to, to the second as IAM keeps them."""
    return world.clock().replace(microsecond=0)


def add_principals(world: World, *, delegate_id: str, member_id: str) -> None:
    """Add the five principals that every scenario has, each with one access key.

    ``delegate_id`` is the account meant as delegated administrator; nothing registers it.
    """
    management_id = world.management_account_id
    add_user_principal(world, "management-admin", management_id, is_administrator=True)
    add_user_principal(world, "delegated-admin", delegate_id, is_administrator=True)
    add_user_principal(world, "member-admin", member_id, is_administrator=True)
    add_user_principal(world, "observer", management_id, is_administrator=False)
    add_root_principal(world, "management-root", management_id)


def add_user_principal(world: World, name: str, account_id: str, *, is_administrator: bool) -> None:
    """Add an IAM user whose key is handed out."""
    created_at = start_of(world) - _USER_AGE
    user = IamUser(name=name, user_id=derive_unique_id("AIDA", world.seed, account_id, name), created_at=created_at)
    if is_administrator:
        user.permissions.managed_policies[ADMINISTRATOR_ACCESS_ARN] = FULL_ACCESS_DOCUMENT
    world.account(account_id).identities.users[name] = user
    key = AccessKey(derive_access_key_id(account_id, world.seed, name), created_at)
    world.add_access_key(KeyOwner(account_id, name), key)
    world.register_principal(name, key.access_key_id)


def add_root_principal(world: World, name: str, account_id: str) -> None:
    """Give a root user an access key that is handed out."""
    created_at = start_of(world) - _USER_AGE
    key = AccessKey(derive_access_key_id(account_id, world.seed, name), created_at)
    world.add_access_key(KeyOwner(account_id), key)
    world.register_principal(name, key.access_key_id)


class RootUserBuilder:
    """Gives one root user its credentials; ages are days before the world's present."""

    def __init__(self, world: World, account: Account) -> None:
        self._world = world
        self._account = account
        self._root_user = account.root_user
        self._now = start_of(world)

    def password(self, *, age: float = 700, last_used: float | None = None) -> None:
        password = Password(known_text=self._world.root_user_password(self._account.account_id))
        self._root_user.login_profile = LoginProfile(self._ago(age), password)
        self._root_user.password_last_used_at = None if last_used is None else self._ago(last_used)

    def allow_recovery(self, *, age: float) -> None:
        self._root_user.login_profile = LoginProfile(self._ago(age))

    def access_key(
        self, *, age: float, last_used: float | None = None, service: str = "s3", status: str = ACTIVE
    ) -> None:
        number = str(len(self._root_user.access_keys))
        key_id = derive_access_key_id(self._account.account_id, self._world.seed, "root", number)
        key = AccessKey(key_id, self._ago(age), status)
        if last_used is not None:
            key.last_used_at, key.last_used_service = self._ago(last_used), service
            key.last_used_region = "us-east-1"
        self._world.add_access_key(KeyOwner(self._account.account_id), key)

    def signing_certificate(self, *, age: float, status: str = ACTIVE) -> None:
        number = str(len(self._root_user.signing_certificates))
        certificate_id = derive_lower_id(32, "certificate", self._account.account_id, self._world.seed, number).upper()
        self._root_user.add_signing_certificate(SigningCertificate(certificate_id, self._ago(age), status))

    def virtual_mfa(self, *, age: float) -> None:
        arn = f"arn:{self._world.partition}:iam::{self._account.account_id}:mfa/root-account-mfa-device"
        self._root_user.add_mfa_device(MfaDevice(arn, self._ago(age), "virtual"))

    def hardware_mfa(self, *, age: float) -> None:
        digits = int.from_bytes(derive_bytes("token", self._world.seed, self._account.account_id)[:4]) % 10**8
        self._root_user.add_mfa_device(MfaDevice(f"GAHT{digits:08}", self._ago(age), "hardware"))

    def security_key(self, *, age: float) -> None:
        unique_id = derive_unique_id("", "fido", self._world.seed, self._account.account_id)
        serial_number = f"arn:{self._world.partition}:iam::{self._account.account_id}:u2f/root-account/key-{unique_id}"
        self._root_user.add_mfa_device(MfaDevice(serial_number, self._ago(age), "fido"))

    def _ago(self, days: float) -> datetime:
        return (self._now - timedelta(days=days)).replace(microsecond=0)
