"""The principals that every scenario has, the credentials of its root users, and organizations of any size."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from rootkeeper_sandbox.partitions import AWS, PARTITIONS
from rootkeeper_sandbox.state.accounts import (
    ACTIVE,
    INACTIVE,
    AccessKey,
    Account,
    AccountState,
    IamUser,
    LoginProfile,
    MfaDevice,
    Password,
    SigningCertificate,
    derive_access_key_id,
    derive_bytes,
    derive_lower_id,
    derive_unique_id,
)
from rootkeeper_sandbox.state.organization import Organization, OrganizationalUnit
from rootkeeper_sandbox.state.policies import (
    ADMINISTRATOR_ACCESS,
    FULL_ACCESS_DOCUMENT,
    PolicyStore,
    managed_policy_arn,
)
from rootkeeper_sandbox.state.world import KeyOwner, World

_USER_AGE = timedelta(days=400)


def start_of(world: World) -> datetime:
    """Give the moment that a scenario's dates are relative to, to the second as IAM keeps them."""
    return world.clock().replace(microsecond=0)


def give_access_role(world: World, account: Account) -> None:
    """Give an account that the organization created its access role, which is made when it is first read."""
    if account.joined_method == "CREATED" and account.account_id != world.management_account_id:
        account.management_root_arn = world.root_user_arn(world.management_account_id)


def add_principals(world: World, *, delegate_id: str, member_id: str) -> None:
    """Add the five principals that every scenario has, each with an access key.

    ``delegate_id`` is the account meant as delegated administrator; nothing registers it.
    """
    management_id = world.management_account_id
    add_user_principal(world, "management-admin", management_id, is_administrator=True)
    add_user_principal(world, "delegated-admin", delegate_id, is_administrator=True)
    add_user_principal(world, "member-admin", member_id, is_administrator=True)
    add_user_principal(world, "observer", management_id, is_administrator=False)
    add_root_principal(world, "management-root", management_id)


def add_user_principal(world: World, name: str, account_id: str, *, is_administrator: bool) -> None:
    """Add an IAM user with a key that is handed out."""
    created_at = start_of(world) - _USER_AGE
    user = IamUser(name=name, user_id=derive_unique_id("AIDA", world.seed, account_id, name), created_at=created_at)
    if is_administrator:
        arn = managed_policy_arn(world.partition, ADMINISTRATOR_ACCESS)
        user.permissions.managed_policies[arn] = FULL_ACCESS_DOCUMENT
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
    """Gives a root user its credentials; ages are days before the world's present."""

    def __init__(self, world: World, account: Account) -> None:
        self._world = world
        self._account = account
        self._root_user = account.root_user
        self._now = start_of(world)
        self._region = PARTITIONS[world.partition].home_region

    def password(self, *, age: float, last_used: float | None) -> None:
        password = Password(known_text=self._world.root_user_password(self._account.account_id))
        self._root_user.login_profile = LoginProfile(self._ago(age), password)
        self._root_user.password_last_used_at = None if last_used is None else self._ago(last_used)

    def allow_recovery(self, *, age: float) -> None:
        self._root_user.login_profile = LoginProfile(self._ago(age))

    def access_key(self, *, age: float, last_used: float | None = None, status: str = ACTIVE) -> None:
        number = str(len(self._root_user.access_keys))
        key_id = derive_access_key_id(self._account.account_id, self._world.seed, "root", number)
        key = AccessKey(key_id, self._ago(age), status)
        if last_used is not None:
            key.last_used_at, key.last_used_service, key.last_used_region = self._ago(last_used), "s3", self._region
        self._world.add_access_key(KeyOwner(self._account.account_id), key)

    def signing_certificate(self, *, age: float) -> None:
        number = str(len(self._root_user.signing_certificates))
        certificate_id = derive_lower_id(32, "certificate", self._account.account_id, self._world.seed, number).upper()
        self._root_user.add_signing_certificate(SigningCertificate(certificate_id, self._ago(age)))

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


def build_without_organization(clock: Callable[[], datetime], partition: str = AWS.name) -> World:
    """Build an account outside any organization, which can create an organization: the scenario ``no-organization``."""
    organization = Organization("o-examplenew", "r-new1", "111122223333", partition, policy_book=PolicyStore(partition))
    organization.policy_book.enabled_types.clear()
    world = World(organization, "no-organization", clock)
    account_id = organization.management_account_id
    account = Account(account_id, "AnyCompany", "root@example.com", start_of(world) - _USER_AGE)
    world.outsiders[account_id] = account
    root = RootUserBuilder(world, account)
    root.password(age=400, last_used=30)
    root.virtual_mfa(age=400)
    add_user_principal(world, "management-admin", account_id, is_administrator=True)
    add_user_principal(world, "observer", account_id, is_administrator=False)
    add_root_principal(world, "management-root", account_id)
    return world


MINIMUM_ACCOUNTS = 3
"""The management account, the account meant as delegated administrator, and a member."""
_CLEAN_SHARE = 0.70
_WITH_CREDENTIALS_SHARE = 0.25
_ACCOUNTS_PER_OU = 20
_MINIMUM_OUS = 3
MAXIMUM_OUS = 2000
"""How many may be asked for. Source: aws-facts F2."""
_PARENT_OU_SHARE = 0.4
_MAXIMUM_OU_DEPTH = 5

_NOT_ACTIVE = (
    AccountState.SUSPENDED,
    AccountState.PENDING_CLOSURE,
    AccountState.CLOSED,
    AccountState.PENDING_ACTIVATION,
)

_KINDS = ("password", "access_keys", "signing_certificates", "mfa_devices")

MIXTURES: tuple[tuple[str, ...], ...] = (
    *(kinds for size in range(1, 5) for kinds in itertools.combinations(_KINDS, size)),
    ("recovery",),
)
"""Every mixture of credentials that a root user can hold, in turn."""

_UNITS = ("Payments", "Orders", "Search", "Ledger", "Media", "Devices", "Research", "Analytics", "Support", "Partners")
_STAGES = ("Prod", "Test", "Dev", "Stage")


def build_generated(
    number: int,
    seed: int,
    clock: Callable[[], datetime],
    organizational_units: int | None = None,
    partition: str = AWS.name,
) -> World:
    """Build an organization of ``number`` accounts, the management account included.

    ``organizational_units`` is how many it has; without it, one for every 20 accounts, and at least three.

    :raises ValueError: if there are fewer accounts than ``MINIMUM_ACCOUNTS``, or units not from 1 to ``MAXIMUM_OUS``.
    """
    if number < MINIMUM_ACCOUNTS:
        raise ValueError(f"a generated organization needs at least {MINIMUM_ACCOUNTS} accounts, not {number}.")
    if organizational_units is None:
        organizational_units = max(_MINIMUM_OUS, number // _ACCOUNTS_PER_OU)
    elif not 1 <= organizational_units <= MAXIMUM_OUS:
        raise ValueError(f"an organization has from 1 to {MAXIMUM_OUS} units, not {organizational_units}.")
    return _Generator(number, organizational_units, seed, clock, partition).build()


class _Generator:
    def __init__(self, number: int, ou_number: int, seed: int, clock: Callable[[], datetime], partition: str) -> None:
        self._partition = partition
        self._number = number
        self._ou_number = ou_number
        self._seed = f"generated-{seed}"
        self._random = random.Random(f"{seed}/{number}")  # noqa: S311 - repeatable by intent, guards nothing
        self._clock = clock
        self._now = clock().replace(microsecond=0)

    def build(self) -> World:
        account_ids = self._account_ids()
        root_id = f"r-{derive_lower_id(4, 'root', self._seed)}"
        organization_id = f"o-{derive_lower_id(10, 'organization', self._seed)}"
        book = PolicyStore(self._partition)
        organization = Organization(organization_id, root_id, next(account_ids), self._partition, policy_book=book)
        world = World(organization, self._seed, self._clock)
        self._add_account(world, organization.management_account_id, "Management", root_id)
        parents = [root_id, *self._add_organizational_units(organization)]
        delegate, member = next(account_ids), next(account_ids)
        account = self._add_account(world, delegate, "Security", parents[1])
        root = RootUserBuilder(world, account)
        root.password(age=800, last_used=120)
        root.virtual_mfa(age=800)
        root.hardware_mfa(age=790)
        self._add_account(world, member, self._name(2), parents[-1])
        self._add_members(world, account_ids, parents)
        add_principals(world, delegate_id=delegate, member_id=member)
        return world

    def _account_ids(self) -> Iterator[str]:
        """Give different ids without end: steps through all 12-digit numbers, never the same twice."""
        start = int.from_bytes(derive_bytes("accounts", self._seed)[:8])
        return (f"{(start + index * 618_033_988_751) % 10**12:012}" for index in itertools.count())

    def _add_members(self, world: World, account_ids: Iterator[str], parents: list[str]) -> None:
        """Add the rest; the security account counts among those with credentials, the other among the clean."""
        members = self._number - 1
        clean, with_credentials = round(members * _CLEAN_SHARE), round(members * _WITH_CREDENTIALS_SHARE)
        kinds = ["clean"] * (clean - 1) + ["with"] * (with_credentials - 1)
        kinds += ["not_active"] * (members - 2 - len(kinds))
        self._random.shuffle(kinds)
        mixtures, states = itertools.cycle(MIXTURES), itertools.cycle(_NOT_ACTIVE)
        for index, kind in enumerate(kinds, start=3):
            account = self._add_account(world, next(account_ids), self._name(index), self._random.choice(parents))
            if kind == "not_active":
                account.state = next(states)
            if kind != "clean":
                self._add_credentials(RootUserBuilder(world, account), next(mixtures))

    def _add_account(self, world: World, account_id: str, name: str, parent_id: str) -> Account:
        account = Account(
            account_id=account_id,
            name=name,
            email=f"aws+{account_id}@example.com",
            joined_at=self._now - timedelta(days=900 + int(account_id[-3:])),
            joined_method="INVITED" if account_id[-1] in "37" else "CREATED",
            tags={"environment": _STAGES[int(account_id[-2]) % len(_STAGES)].lower()},
        )
        give_access_role(world, account)
        world.organization.add_account(account, parent_id)
        return account

    def _name(self, index: int) -> str:
        return f"{_UNITS[index % len(_UNITS)]} {_STAGES[index // len(_UNITS) % len(_STAGES)]} {index:05}"

    def _add_credentials(self, root: RootUserBuilder, mixture: tuple[str, ...]) -> None:
        """Give a root user the kinds named; about half are old and unused, so that a deletion may take them."""
        if "password" in mixture:
            root.password(age=self._random.randrange(100, 900), last_used=self._last_use())
        if "recovery" in mixture:
            root.allow_recovery(age=self._random.randrange(1, 90))
        if "access_keys" in mixture:
            root.access_key(age=self._random.randrange(400, 900), last_used=self._last_use())
            if self._random.random() < 0.3:
                root.access_key(age=self._random.randrange(400, 900), status=INACTIVE)
        if "signing_certificates" in mixture:
            root.signing_certificate(age=self._random.randrange(400, 900))
        if "mfa_devices" in mixture:
            self._random.choice((root.virtual_mfa, root.hardware_mfa, root.security_key))(age=300)

    def _last_use(self) -> float | None:
        """Choose a last use in days ago: four in ten never, one in ten within the last 90 days."""
        draw = self._random.random()
        if draw < 0.4:
            return None
        return self._random.uniform(1, 80) if draw < 0.5 else self._random.uniform(120, 390)

    def _add_organizational_units(self, organization: Organization) -> list[str]:
        """Grow the tree: two fifths of the units have units below them, none lies deeper than five."""
        parent_number = max(1, int(self._ou_number * _PARENT_OU_SHARE))
        root_id = organization.organization_root_id
        depths = {root_id: 0}
        childless: list[str] = []
        for index in range(self._ou_number):
            if index < parent_number:
                parent_id = self._random.choice(
                    [i for i, depth in depths.items() if depth < _MAXIMUM_OU_DEPTH - 1][-40:]
                )
            elif childless:
                parent_id = childless[0]
            else:
                parent_id = self._random.choice(list(depths)[: parent_number + 1])
            suffix = organization.organization_root_id.removeprefix("r-")
            ou_id = f"ou-{suffix}-{derive_lower_id(8, 'ou', self._seed, str(index))}"
            organization.add_organizational_unit(OrganizationalUnit(ou_id, f"Unit {index + 1:04}", parent_id))
            childless = [i for i in childless if i != parent_id]
            if index < parent_number:
                depths[ou_id] = depths[parent_id] + 1
                childless.append(ou_id)
        return list(organization.organizational_units)
