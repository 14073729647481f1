"""The organization: its tree of organizational units and accounts, and what is switched on in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rootkeeper.sandbox.state.accounts import Account
from rootkeeper.sandbox.state.policies import PolicyBook

IAM_SERVICE_PRINCIPAL = "iam.amazonaws.com"


class Feature(StrEnum):
    """The centralized root access features, in the order in which IAM was seen to list them."""

    ROOT_SESSIONS = "RootSessions"
    ROOT_CREDENTIALS_MANAGEMENT = "RootCredentialsManagement"


@dataclass(slots=True)
class OrganizationalUnit:
    """An organizational unit."""

    ou_id: str
    name: str
    parent_id: str


@dataclass
class Organization:
    """One organization, from its root to its accounts."""

    organization_id: str
    organization_root_id: str
    management_account_id: str
    partition: str = "aws"
    has_all_features: bool = True
    accounts: dict[str, Account] = field(default_factory=dict)
    organizational_units: dict[str, OrganizationalUnit] = field(default_factory=dict)
    policy_book: PolicyBook = field(default_factory=PolicyBook)
    features: set[Feature] = field(default_factory=set)
    """Kept over switching trusted access off and on."""
    trusted_services: dict[str, datetime] = field(default_factory=dict)
    """By service principal: since when."""
    delegations: dict[str, dict[str, datetime]] = field(default_factory=dict)
    """By service principal, then by account id: since when."""
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of organizational units, the root and policies, by their id; accounts hold their own."""
    _accounts_below: dict[str, list[str]] = field(default_factory=dict)
    _units_below: dict[str, list[str]] = field(default_factory=dict)

    def add_organizational_unit(self, unit: OrganizationalUnit) -> None:
        self.organizational_units[unit.ou_id] = unit
        self._units_below.setdefault(unit.parent_id, []).append(unit.ou_id)

    def add_account(self, account: Account, parent_id: str) -> None:
        account.parent_id = parent_id
        self.accounts[account.account_id] = account
        self._accounts_below.setdefault(parent_id, []).append(account.account_id)

    def has_parent(self, parent_id: str) -> bool:
        """Tell whether the id is the organization root's or an organizational unit's."""
        return parent_id == self.organization_root_id or parent_id in self.organizational_units

    def has_target(self, target_id: str) -> bool:
        """Tell whether a policy can be attached to the id."""
        return self.has_parent(target_id) or target_id in self.accounts

    def target_ids(self) -> Iterator[str]:
        """Give the id of everything that a policy can be attached to."""
        yield self.organization_root_id
        yield from self.organizational_units
        yield from self.accounts

    def account_ids_below(self, parent_id: str) -> list[str]:
        """List direct children only."""
        return self._accounts_below.get(parent_id, [])

    def ou_ids_below(self, parent_id: str) -> list[str]:
        """List direct children only."""
        return self._units_below.get(parent_id, [])

    def find_parent_id(self, child_id: str) -> str | None:
        """Find the parent of an account or organizational unit."""
        child = self.accounts.get(child_id) or self.organizational_units.get(child_id)
        return child.parent_id if child else None

    def ancestor_ids(self, child_id: str) -> list[str]:
        """List the ids from the organization root down to the parent of the account or organizational unit."""
        ids: list[str] = []
        parent_id = self.find_parent_id(child_id)
        while parent_id is not None:
            ids.append(parent_id)
            parent_id = self.find_parent_id(parent_id)
        return ids[::-1]

    def path(self, child_id: str) -> str:
        """Spell the place of an account or organizational unit, itself included: ``o-…/r-…/ou-…/111122223333/``."""
        return "/".join((self.organization_id, *self.ancestor_ids(child_id), child_id, ""))

    def readable_path(self, parent_id: str) -> str:
        """Spell an organizational unit as people do: ``Root/Workloads/Prod``."""
        names = ["Root"]
        names += [self.organizational_units[i].name for i in (*self.ancestor_ids(parent_id), parent_id)[1:]]
        return "/".join(names)

    def is_trusted(self, service_principal: str) -> bool:
        return service_principal in self.trusted_services

    def is_delegated_administrator(self, account_id: str, service_principal: str) -> bool:
        return account_id in self.delegations.get(service_principal, {})

    def delegated_account_ids(self) -> Iterator[str]:
        """Give each account once that is a delegated administrator of any service."""
        return iter(dict.fromkeys(account_id for accounts in self.delegations.values() for account_id in accounts))

    def arn(self, resource: str) -> str:
        """Spell the ARN of a resource of the organization, such as ``account/o-…/111122223333``."""
        return f"arn:{self.partition}:organizations::{self.management_account_id}:{resource}"
