"""Organizations of any size, for tests and loads: the same number and seed give the same organization."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from rootkeeper.sandbox.scenarios.cast import RootUserBuilder, add_principals
from rootkeeper.sandbox.state import Account, AccountState, Organization, OrganizationalUnit, World
from rootkeeper.sandbox.state.credentials import INACTIVE
from rootkeeper.sandbox.state.identifiers import derive_bytes, derive_lower_id

MINIMUM_ACCOUNTS = 3
"""The management account, the one meant as delegated administrator, and one member."""
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
"""Every mixture of credentials that a root user can hold, one after the other."""
_UNITS = ("Payments", "Orders", "Search", "Ledger", "Media", "Devices", "Research", "Analytics", "Support", "Partners")
_STAGES = ("Prod", "Test", "Dev", "Stage")


def build_generated(
    number: int, seed: int, clock: Callable[[], datetime], organizational_units: int | None = None
) -> World:
    """Build an organization of ``number`` accounts, the management account included.

    ``organizational_units`` is how many it has; without it one for every 20 accounts, and at least three.

    :raises ValueError: if the number is below ``MINIMUM_ACCOUNTS``, or that of units not from 1 to ``MAXIMUM_OUS``.
    """
    if number < MINIMUM_ACCOUNTS:
        raise ValueError(f"a generated organization needs at least {MINIMUM_ACCOUNTS} accounts, not {number}.")
    if organizational_units is None:
        organizational_units = max(_MINIMUM_OUS, number // _ACCOUNTS_PER_OU)
    elif not 1 <= organizational_units <= MAXIMUM_OUS:
        raise ValueError(f"an organization has from 1 to {MAXIMUM_OUS} units, not {organizational_units}.")
    return _Generator(number, organizational_units, seed, clock).build()


class _Generator:
    def __init__(self, number: int, ou_number: int, seed: int, clock: Callable[[], datetime]) -> None:
        self._number = number
        self._ou_number = ou_number
        self._seed = f"generated-{seed}"
        self._random = random.Random(f"{seed}/{number}")  # noqa: S311 - repeatable by intent, guards nothing
        self._clock = clock
        self._now = clock().replace(microsecond=0)

    def build(self) -> World:
        account_ids = self._account_ids()
        root_id = f"r-{derive_lower_id(4, 'root', self._seed)}"
        organization = Organization(f"o-{derive_lower_id(10, 'organization', self._seed)}", root_id, next(account_ids))
        world = World(organization, self._seed, self._clock)
        self._add_account(world, organization.management_account_id, "Management", root_id)
        parents = [root_id, *self._add_organizational_units(organization)]
        delegate, member = next(account_ids), next(account_ids)
        self._add_security_account(world, delegate, parents[1])
        self._add_account(world, member, self._name(2), parents[-1])
        self._add_members(world, account_ids, parents)
        add_principals(world, delegate_id=delegate, member_id=member)
        return world

    def _account_ids(self) -> Iterator[str]:
        """Give different ids without end: steps through all 12-digit numbers, never the same twice."""
        start = int.from_bytes(derive_bytes("accounts", self._seed)[:8])
        return (f"{(start + index * 618_033_988_751) % 10**12:012}" for index in itertools.count())

    def _add_security_account(self, world: World, account_id: str, parent_id: str) -> None:
        account = self._add_account(world, account_id, "Security", parent_id)
        root = RootUserBuilder(world, account)
        root.password(age=800, last_used=120)
        root.virtual_mfa(age=800)
        root.hardware_mfa(age=790)

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
            ou_id = self._add_unit(organization, index, parent_id)
            childless = [i for i in childless if i != parent_id]
            if index < parent_number:
                depths[ou_id] = depths[parent_id] + 1
                childless.append(ou_id)
        return list(organization.organizational_units)

    def _add_unit(self, organization: Organization, index: int, parent_id: str) -> str:
        suffix = organization.organization_root_id.removeprefix("r-")
        ou_id = f"ou-{suffix}-{derive_lower_id(8, 'ou', self._seed, str(index))}"
        organization.add_organizational_unit(OrganizationalUnit(ou_id, f"Unit {index + 1:04}", parent_id))
        return ou_id
