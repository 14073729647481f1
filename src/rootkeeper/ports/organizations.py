"""The organization, its set-up and the operator's own credentials, as AWS answers now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from rootkeeper.domain.ledger import Intent
from rootkeeper.domain.organizations import (
    Account,
    AccountId,
    AccountState,
    Caller,
    Endpoint,
    Organization,
    OrganizationalUnit,
)
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.setup import Feature, Setup


class OrganizationReader(Protocol):
    """Reading calls on the operator's own credentials; none of them changes anything.

    Every method may raise AwsAccessDeniedError, AwsCredentialsError, AwsThrottledError or AwsUnreachableError.
    """

    @property
    def endpoint(self) -> Endpoint: ...

    def read_caller(self) -> Caller:
        """One call: sts:GetCallerIdentity."""
        ...

    def read_organization(self) -> Organization:
        """One call: organizations:DescribeOrganization (the partition comes from its ARN).

        :raises AwsRejectedError: if the caller's account isn't in an organization.
        """
        ...

    def list_roots(self) -> tuple[OrganizationalUnit, ...]:
        """organizations:ListRoots."""
        ...

    def list_child_units(self, parent_id: str) -> tuple[OrganizationalUnit, ...]:
        """organizations:ListOrganizationalUnitsForParent to the end."""
        ...

    def list_account_ids_of(self, parent_id: str) -> tuple[AccountId, ...]:
        """The accounts directly in a unit. organizations:ListAccountsForParent to the end."""
        ...

    def list_account_pages(self) -> Iterator[tuple[Account, ...]]:
        """Pages of organizations:ListAccounts, in AWS's order; a page may be empty.

        ``ou_ids`` come from ``Paths`` and are empty where AWS gives none; ``ou_path`` isn't known yet and is empty.

        :raises OrganizationIncompleteError: if a page is malformed, repeats its token or lacks its list.
        """
        ...

    def has_account(self, account_id: AccountId) -> bool:
        """Whether the organization has the account. One call: organizations:DescribeAccount."""
        ...

    def find_account_state(self, account_id: AccountId) -> AccountState | None:
        """The account's state; ``None`` if the organization has no such account.

        One call: organizations:DescribeAccount.
        """
        ...

    def read_tags(self, account_id: AccountId) -> Mapping[str, str]:
        """organizations:ListTagsForResource."""
        ...

    def read_setup(self) -> Setup:
        """Trusted access, features and delegated administrators; what can't be read is told, not raised.

        organizations:ListAWSServiceAccessForOrganization, iam:ListOrganizationsFeatures,
        organizations:ListDelegatedAdministrators.
        """
        ...

    def read_own_root_summary(self) -> RootCredentialsSummary:
        """The root user of the caller's own account. One call: iam:GetAccountSummary."""
        ...

    def find_clock_offset(self) -> timedelta | None:
        """How far this machine's clock is ahead of AWS's at least, negative if it is behind; ``None`` if AWS's answer
        doesn't tell. One call: sts:GetCallerIdentity.
        """
        ...

    def find_credentials_expiry(self) -> datetime | None:
        """When the operator's credentials end; ``None`` if they don't, renew themselves, or don't tell."""
        ...


class OrganizationAdministration(Protocol):
    """Changes of the set-up. Each is sent once; each asks for the receipt of its intent.

    :raises AwsUnclearError: if the answer is unclear; a re-read decides.
    """

    def enable_trusted_access(self, intent: Intent) -> None:
        """One call: organizations:EnableAWSServiceAccess."""
        ...

    def disable_trusted_access(self, intent: Intent) -> None:
        """One call: organizations:DisableAWSServiceAccess."""
        ...

    def enable_feature(self, feature: Feature, intent: Intent) -> frozenset[Feature]:
        """One call: iam:EnableOrganizationsRootCredentialsManagement or iam:EnableOrganizationsRootSessions.

        :returns: the features that are on afterwards, as AWS answers.
        """
        ...

    def disable_feature(self, feature: Feature, intent: Intent) -> frozenset[Feature]:
        """One call: iam:DisableOrganizationsRootCredentialsManagement or iam:DisableOrganizationsRootSessions."""
        ...

    def register_delegated_administrator(self, account_id: AccountId, intent: Intent) -> None:
        """One call: organizations:RegisterDelegatedAdministrator for iam.amazonaws.com."""
        ...

    def deregister_delegated_administrator(self, account_id: AccountId, intent: Intent) -> None:
        """One call: organizations:DeregisterDelegatedAdministrator for iam.amazonaws.com."""
        ...
