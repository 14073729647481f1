"""The organization as AWS describes it: who calls, its accounts and its organizational units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from rootkeeper.errors import InputError

AccountId = NewType("AccountId", str)
"""12 digits; leading zeros count."""

_ACCOUNT_ID = re.compile(r"[0-9]{12}")


def parse_account_id(text: str) -> AccountId:
    """Check that ``text`` is an account id.

    :raises InputError: if it isn't 12 digits.
    """
    if not _ACCOUNT_ID.fullmatch(text):
        raise InputError(f"{text!r} is not an AWS account id.", hint="An account id has exactly 12 digits.")
    return AccountId(text)


class AccountState(StrEnum):
    """``State`` of an account, or ``Status`` where AWS gives no ``State``. Source: Organizations Account."""

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    PENDING_CLOSURE = "PENDING_CLOSURE"
    SUSPENDED = "SUSPENDED"
    UNKNOWN = "UNKNOWN"
    """AWS gave neither ``State`` nor ``Status``, or a word that we don't know."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where calls go, as every prompt, entry and report names it."""

    label: str
    """``AWS``, or ``SANDBOX 127.0.0.1:4599`` for every endpoint that isn't AWS's own."""

    @property
    def is_sandbox(self) -> bool:
        return self.label != "AWS"

    @property
    def people_url(self) -> str | None:
        """Where the sandbox serves people; ``None`` for AWS."""
        return f"http://{self.label.removeprefix('SANDBOX ')}" if self.is_sandbox else None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who the operator's credentials belong to. Source: STS GetCallerIdentity."""

    account_id: AccountId
    arn: str
    partition: str
    """``aws``, ``aws-us-gov`` or ``aws-cn``, from the ARN."""


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
    """One account of the organization, and where it stands in the tree."""

    account_id: AccountId
    name: str
    email: str
    state: AccountState
    ou_ids: tuple[str, ...]
    """From the organization's root (``r-…``) down to the parent."""
    ou_path: str
    """The same as readable names, such as ``Root/Workloads/Prod``."""
    joined_at: datetime | None = None
    tags: Mapping[str, str] | None = None
    """``None`` where not read: tags cost one call per account."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """A complete listing of an organization at one moment."""

    organization: Organization
    accounts: tuple[Account, ...]
    """Every account, the management account included, ordered by ``ou_path`` and name; never empty."""
    organizational_units: tuple[OrganizationalUnit, ...]
    listed_at: datetime
    delegated_administrator_ids: frozenset[AccountId] | None = field(default=None)
    """Delegated administrators for iam.amazonaws.com; ``None`` where the caller may not read them."""
    named_at: datetime | None = None
    """When the names of the organizational units were read; ``None`` where nobody knows."""
    endpoint: str | None = None
    """The label of the endpoint where it was listed; ``None`` where nobody knows."""


def is_below(unit: str, account: Account) -> bool:
    """Whether an account is in that organizational unit or below it.

    :param unit: an id or a path of names; the path may leave out the organization's root.
    """
    paths = (account.ou_path, account.ou_path.partition("/")[2])
    wanted = unit.strip("/")
    return wanted in account.ou_ids or any(path == wanted or path.startswith(f"{wanted}/") for path in paths)
