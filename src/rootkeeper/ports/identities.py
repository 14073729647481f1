"""Who is in the caller's own account, and in IAM Identity Center. Reading only."""

from __future__ import annotations

from typing import Protocol

from rootkeeper.domain.identities import AccountIdentities, PermissionSet, RootUse, UserAccess
from rootkeeper.domain.organizations import AccountId


class IdentityReader(Protocol):
    """IAM users and roles of the account that the operator's credentials belong to.

    Every method may raise AwsAccessDeniedError, AwsCredentialsError, AwsThrottledError or AwsUnreachableError.
    """

    def read_identities(self, account_id: AccountId) -> AccountIdentities:
        """Every user and role with its policies. ``account_id`` is the caller's own.

        iam:GetAccountAuthorizationDetails to the end; iam:GetPolicy and iam:GetPolicyVersion for attached policies
        whose document isn't among them.
        """
        ...

    def read_user_access(self, user_name: str) -> UserAccess:
        """iam:GetLoginProfile, iam:ListAccessKeys and iam:ListMFADevices of one user."""
        ...

    def read_root_use(self) -> RootUse:
        """When the account's own root user was last used, from the credential report.

        iam:GenerateCredentialReport (which changes nothing but the report) and iam:GetCredentialReport.
        """
        ...


class IdentityCenterReader(Protocol):
    """Permission sets of IAM Identity Center, and who holds them."""

    def list_permission_sets(
        self, account_id: AccountId, management_account_id: AccountId
    ) -> tuple[PermissionSet, ...]:
        """The permission sets provisioned into an account, with their policies and holders.

        They are of the instance that ``management_account_id`` owns, which is the organization's.

        sso:ListInstances, sso:ListPermissionSetsProvisionedToAccount, and for each sso:DescribePermissionSet,
        sso:GetInlinePolicyForPermissionSet, sso:ListManagedPoliciesInPermissionSet,
        sso:ListCustomerManagedPolicyReferencesInPermissionSet, sso:GetPermissionsBoundaryForPermissionSet,
        sso:ListAccountAssignments; identitystore:DescribeUser, identitystore:DescribeGroup and
        identitystore:ListGroupMemberships for who holds it; iam:GetPolicy and iam:GetPolicyVersion for AWS managed
        policies.

        :raises AwsAccessDeniedError: if the caller's account may not read Identity Center.
        :raises AwsNotFoundError: if the organization's instance isn't shown in the caller's Region.
        :raises AwsUnreachableError: if Identity Center is down.
        """
        ...
