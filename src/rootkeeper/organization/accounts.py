"""The organization as AWS describes it: its accounts, its tree of organizational units, and its set-up.

An account's ``Paths`` give the ids from the organization's root down to its parent. Names of units are read separately:
a call returns the names of all children of a unit, so only units with unnamed children are asked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType

from rootkeeper.errors import InputError
from rootkeeper.shapes import AccountNumber

AccountId = NewType("AccountId", AccountNumber)
"""12 digits; leading zeros count."""
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
POLICY_ID = re.compile(r"\bp-[0-9a-zA-Z_]{8,128}\b")
"""Within a text. Source: Organizations DescribePolicy, API version 2016-11-28."""


def parse_account_id(text: str) -> AccountId:
    """:raises InputError: if it isn't 12 digits."""
    if not _ACCOUNT_ID.fullmatch(text):
        raise InputError(f"{text!r} is not an AWS account id.", hint="An account id has exactly 12 digits.")
    return AccountId(text)


class AccountState(StrEnum):
    """``State`` of an account, or ``Status`` if AWS returns no ``State``. Source: Organizations Account."""

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    PENDING_CLOSURE = "PENDING_CLOSURE"
    SUSPENDED = "SUSPENDED"
    UNKNOWN = "UNKNOWN"
    """AWS returned neither ``State`` nor ``Status``, or an unknown value."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where calls go, as every prompt, ledger entry and report shows it."""

    label: str
    """``AWS``, or ``SANDBOX 127.0.0.1:4599`` for an endpoint that isn't AWS's own."""

    @property
    def is_sandbox(self) -> bool:
        return self.label != "AWS"

    @property
    def people_url(self) -> str | None:
        """The URL of the sandbox's pages for people; ``None`` for AWS."""
        return f"http://{self.label.removeprefix('SANDBOX ')}" if self.is_sandbox else None


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal of the operator's credentials. Source: STS GetCallerIdentity."""

    account_id: AccountId
    arn: str
    # ``aws``, ``aws-us-gov`` or ``aws-cn``, from the ARN.
    partition: str


_IAM_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


def get_iam_region(partition: str) -> str:
    """Get the Region of IAM's only endpoint in a partition, in which CloudTrail records its calls.

    Source: AWS General Reference, IAM endpoints; CloudTrail User Guide, "Global service events".
    """
    return _IAM_REGIONS.get(partition, "us-east-1")


_NO_SIGN_IN = {
    "aws-cn": "The partition aws-cn has no root users.",
    "aws-us-gov": "Root users of AWS GovCloud (US) accounts have no console sign-in, so they have no password.",
}


def find_sign_in_obstacle(partition: str) -> str | None:
    """Find why no root user of a partition can sign in to the console; ``None`` where they can.

    Source: AWS GovCloud (US) User Guide, "AWS Identity and Access Management in AWS GovCloud (US)".
    """
    return _NO_SIGN_IN.get(partition)


_NO_SESSIONS = {"aws-cn": "The partition aws-cn has no root users."}


def find_session_obstacle(partition: str) -> str | None:
    """Find why no root session can be opened in a partition; ``None`` where AWS allows them.

    Source: AWS GovCloud (US) User Guide: privileged tasks are possible. For AWS China nothing confirms them.
    """
    return _NO_SESSIONS.get(partition)


_NO_CREDENTIALS_MANAGEMENT = {
    **_NO_SESSIONS,
    "aws-us-gov": "Root user credentials can't be managed centrally in AWS GovCloud (US). Whether there are root access"
    " keys isn't known: only AWS Support creates and deletes them.",
}


def find_credentials_obstacle(partition: str) -> str | None:
    """Find why root user credentials can be neither read nor deleted in a partition; ``None`` where they can.

    Source: AWS GovCloud (US) User Guide, "AWS Identity and Access Management in AWS GovCloud (US)". That reading isn't
    possible either isn't documented by itself.
    """
    return _NO_CREDENTIALS_MANAGEMENT.get(partition)


@dataclass(frozen=True, slots=True)
class ServiceControlPolicies:
    """Whether service control policies can be attached. Source: Organizations ListRoots, PolicyTypes."""

    root_id: str
    """The organization's root."""
    is_enabled: bool

    @property
    def remark(self) -> str | None:
        """Explain the effect if they aren't enabled; ``None`` if they are."""
        if self.is_enabled:
            return None
        return (
            "Service control policies aren't enabled in this organization: none restricts an account, and none can be"
            f" attached. To enable them: aws organizations enable-policy-type --root-id {self.root_id} --policy-type"
            " SERVICE_CONTROL_POLICY"
        )


@dataclass(frozen=True, slots=True)
class Organization:
    """Source: Organizations DescribeOrganization."""

    organization_id: str
    management_account_id: AccountId
    has_all_features: bool
    partition: str


@dataclass(frozen=True, slots=True)
class OrganizationalUnit:
    """An organizational unit, or the organization's root (``r-…``)."""

    ou_id: str
    name: str
    parent_id: str | None
    """``None`` for the organization's root."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the organization, and its place in the tree."""

    account_id: AccountId
    name: str
    email: str
    state: AccountState
    ou_ids: tuple[str, ...]
    """From the organization's root (``r-…``) down to the parent."""
    ou_path: str
    """Names from the organization's root down, such as ``Root/Workloads/Prod``."""
    joined_at: datetime | None = None
    tags: Mapping[str, str] | None = None
    """``None`` if not read: tags cost a call per account."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """A complete listing of an organization at a point in time."""

    organization: Organization
    accounts: tuple[Account, ...]
    """Every account, the management account included, ordered by ``ou_path`` and name; never empty."""
    organizational_units: tuple[OrganizationalUnit, ...]
    listed_at: datetime
    delegated_administrator_ids: frozenset[AccountId] | None = field(default=None)
    """Delegated administrators for iam.amazonaws.com; ``None`` if the caller can't read them."""
    named_at: datetime | None = None
    """When the names of the organizational units were read; ``None`` if unknown."""
    endpoint: str | None = None
    """The label of the endpoint that listed it; ``None`` if unknown."""


def is_below(unit: str, account: Account) -> bool:
    """Whether an account is in or below a unit: an id, or a path of names with or without the organization's root."""
    paths = (account.ou_path, account.ou_path.partition("/")[2])
    wanted = unit.strip("/")
    return wanted in account.ou_ids or any(path == wanted or path.startswith(f"{wanted}/") for path in paths)


UnitsById = Mapping[str, OrganizationalUnit]


def find_unnamed_parents(accounts: Iterable[Account], units: UnitsById) -> tuple[str | None, ...]:
    """Find the parents of units without names, in the order of the accounts; ``None`` means the roots."""
    found: dict[str | None, None] = {}
    for account in accounts:
        for parent_id, ou_id in zip((None, *account.ou_ids), account.ou_ids, strict=False):
            if ou_id not in units:
                found[parent_id] = None
    return tuple(found)


def find_unnamed(account: Account, units: UnitsById) -> str | None:
    """Find the first unknown unit above the account; empty if its place is unknown, ``None`` if all are known."""
    if not account.ou_ids:
        return ""
    return next((ou_id for ou_id in account.ou_ids if ou_id not in units), None)


def add_place_names(account: Account, units: UnitsById) -> Account:
    """Add the account's path of names; an unknown unit appears by its id."""
    path = _join_names(account.ou_ids, units)
    return account if path == account.ou_path else replace(account, ou_path=path)


def find_lineage(ou_id: str, units: UnitsById) -> tuple[str, ...]:
    """Find the ids from the organization's root down to the unit."""
    lineage: list[str] = []
    unit = units.get(ou_id)
    while unit is not None:
        lineage.append(unit.ou_id)
        unit = units.get(unit.parent_id) if unit.parent_id else None
    return tuple(reversed(lineage))


def list_paths(units: UnitsById) -> dict[str, str]:
    """List each unit's path of names, such as ``Root/Workloads``, by its id."""
    return {ou_id: "/".join(units[above].name for above in find_lineage(ou_id, units)) for ou_id in units}


def sort_units(units: UnitsById) -> tuple[OrganizationalUnit, ...]:
    """Sort parents before children, siblings by name."""

    def place(unit: OrganizationalUnit) -> tuple[int, tuple[str, ...]]:
        lineage = find_lineage(unit.ou_id, units)
        return len(lineage), tuple(units[ou_id].name for ou_id in lineage)

    return tuple(sorted(units.values(), key=place))


_MOST_SENTENCES = 20


def find_gap(
    accounts: Sequence[Account],
    organizational_units: Sequence[OrganizationalUnit],
    *,
    management_account_id: AccountId,
    expected: frozenset[AccountId],
) -> str | None:
    """Find why a listing is incomplete, as a sentence; ``None`` if no reason is known.

    :param expected: more accounts that must be in it, such as the caller's own and delegated administrators.
    """
    if not accounts:
        return "AWS returned no accounts."
    listed = {account.account_id for account in accounts}
    if management_account_id not in listed:
        return f"The management account {management_account_id} is missing from the list."
    missing = sorted(expected - listed)
    if missing:
        return f"An account that must be in the list is missing: {', '.join(missing[:5])}."
    # Without a unit, a selection by unit would silently select or exclude too few accounts.
    named = {ou_id for account in accounts for ou_id in account.ou_ids}
    unlisted = sorted(named - {unit.ou_id for unit in organizational_units})
    return f"Organizational units that contain accounts are missing: {', '.join(unlisted[:5])}." if unlisted else None


def sort_accounts(accounts: Sequence[Account]) -> tuple[Account, ...]:
    """Sort by the tree, then by name; a unit's own accounts come before those of the units below it."""
    return tuple(sorted(accounts, key=lambda account: (account.ou_path.split("/"), account.name, account.account_id)))


def find_vanished(last: Inventory | None, listed: Collection[AccountId]) -> tuple[Account, ...]:
    """Find accounts of the last inventory that a new listing lacks: they have left, or the listing is incomplete."""
    return () if last is None else tuple(account for account in last.accounts if account.account_id not in listed)


def describe_changes(
    last: Inventory | None,
    accounts: Mapping[AccountId, Account],
    moved: Mapping[AccountId, tuple[str, ...]],
    left: Mapping[AccountId, Account],
    units: UnitsById,
) -> tuple[str, ...]:
    """Describe what has changed since the last inventory or during the listing, a sentence for each change.

    :param moved: accounts that an earlier page showed elsewhere, with their units there.
    """
    before = {} if last is None else {account.account_id: account for account in last.accounts}
    places = {**{account.account_id: account.ou_ids for account in before.values()}, **moved}
    sentences = [f"Account {_name(account)} has left the organization." for account in left.values()]
    joined = [] if last is None else [account for account_id, account in accounts.items() if account_id not in before]
    sentences += [f"Account {_name(account)} has joined the organization." for account in joined]
    sentences += [
        f"Account {_name(account)} has moved from {_join_names(places[account_id], units)}"
        f" to {_join_names(account.ou_ids, units)}."
        for account_id, account in accounts.items()
        if places.get(account_id, account.ou_ids) != account.ou_ids
    ]
    hidden = len(sentences) - _MOST_SENTENCES
    if hidden > 0:
        sentences = [*sentences[:_MOST_SENTENCES], f"{hidden} more accounts have joined, moved or left."]
    return tuple(sentences)


def _name(account: Account) -> str:
    return f"{account.account_id} ({account.name})"


def _join_names(ou_ids: Sequence[str], units: UnitsById) -> str:
    return "/".join(units[ou_id].name if ou_id in units else ou_id for ou_id in ou_ids)


IAM_SERVICE_PRINCIPAL = "iam.amazonaws.com"


class Feature(StrEnum):
    """The two features of root access management. Source: IAM ListOrganizationsFeatures."""

    ROOT_CREDENTIALS_MANAGEMENT = "RootCredentialsManagement"
    ROOT_SESSIONS = "RootSessions"


@dataclass(frozen=True, slots=True)
class Setup:
    """The set-up of root access management. ``None``: the caller couldn't read it, with the reason in ``unknown``."""

    trusted_access: bool | None
    # ``None`` also while trusted access is off: AWS keeps the features, but doesn't return them.
    features: frozenset[Feature] | None
    delegated_administrators: tuple[AccountId, ...] | None
    unknown: tuple[str, ...] = ()
    """Why something couldn't be read."""

    @property
    def manages_root_credentials(self) -> bool | None:
        """Whether root credentials management is on, so that AWS refuses password recovery in member accounts.

        ``None`` if it wasn't read. While trusted access is off, AWS keeps the feature, but it has no effect.

        Source: IAM User Guide, "Centrally manage root access for member accounts".
        """
        if self.trusted_access is False:
            return False
        return None if self.features is None else Feature.ROOT_CREDENTIALS_MANAGEMENT in self.features

    def is_complete(self, features: Iterable[Feature]) -> bool:
        """Whether everything is on, with at least these features, which are those of the partition."""
        return bool(
            self.trusted_access
            and self.features is not None
            and self.features >= set(features)
            and self.delegated_administrators
        )
