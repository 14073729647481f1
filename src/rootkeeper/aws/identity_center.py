"""Reads permission sets of IAM Identity Center: what they allow in an account, and who holds them there.

Source: IAM Identity Center API Reference, API version 2020-07-20; Identity Store API Reference, 2020-06-15.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rootkeeper.aws.answers import required
from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.managed_policies import ManagedPolicies
from rootkeeper.domain.identities import Holder, HolderKind, PermissionSet, PolicySource
from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import AwsAccessDeniedError, AwsNotFoundError, AwsRejectedError

_NOT_FOUND = "ResourceNotFoundException"
_UNREADABLE = (AwsAccessDeniedError, AwsNotFoundError, AwsRejectedError)


class AwsIdentityCenter:
    """Implements ``ports.identities.IdentityCenterReader``."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    def list_permission_sets(
        self, account_id: AccountId, management_account_id: AccountId
    ) -> tuple[PermissionSet, ...]:
        """See the port for the calls. An account may have an instance of its own beside the organization's, which
        gives nobody access to accounts.
        """
        instances = self._clients.sso_admin.list_all("ListInstances", "Instances")
        instance = next((one for one in instances if one.get("OwnerAccountId") == management_account_id), None)
        if instance is None:
            raise AwsNotFoundError(
                f"No instance of IAM Identity Center of the organization is shown in {self._clients.region}.",
                hint="Name its home Region: --region REGION",
                operation="sso:ListInstances",
            )
        return tuple(_Instance(self._clients, instance).list_permission_sets(account_id))


class _Instance:
    """One instance, and what was read of it."""

    def __init__(self, clients: AwsClients, instance: Any) -> None:
        self._sso = clients.sso_admin
        self._store = clients.identitystore
        self._managed = ManagedPolicies(clients.iam)
        self._arn = str(required(instance, "InstanceArn", "sso:ListInstances"))
        self._store_id = str(required(instance, "IdentityStoreId", "sso:ListInstances"))
        self._holders: dict[tuple[str, str], Holder] = {}

    def list_permission_sets(self, account_id: AccountId) -> Iterator[PermissionSet]:
        arns = self._sso.list_all(
            "ListPermissionSetsProvisionedToAccount",
            "PermissionSets",
            InstanceArn=self._arn,
            AccountId=account_id,
        )
        for arn in arns:
            yield self._read_permission_set(account_id, str(arn))

    def _read_permission_set(self, account_id: AccountId, arn: str) -> PermissionSet:
        answer = self._sso.read("DescribePermissionSet", InstanceArn=self._arn, PermissionSetArn=arn)
        described = required(answer, "PermissionSet", "sso:DescribePermissionSet")
        return PermissionSet(
            account_id=account_id,
            arn=arn,
            name=str(required(described, "Name", "sso:DescribePermissionSet")),
            policies=tuple(self._read_policies(arn)),
            boundary=self._find_boundary(arn),
            holders=tuple(self._list_holders(account_id, arn)),
        )

    def _read_policies(self, arn: str) -> Iterator[PolicySource]:
        """Customer managed policies are named only: their bodies live in each account."""
        named: dict[str, Any] = {"InstanceArn": self._arn, "PermissionSetArn": arn}
        inline = self._sso.read("GetInlinePolicyForPermissionSet", **named).get("InlinePolicy")
        if inline:
            yield PolicySource(f"{arn}#inline", "inline policy", str(inline))
        for policy in self._sso.list_all("ListManagedPoliciesInPermissionSet", "AttachedManagedPolicies", **named):
            yield self._managed.get(str(required(policy, "Arn", "sso:ListManagedPoliciesInPermissionSet")))
        references = self._sso.list_all(
            "ListCustomerManagedPolicyReferencesInPermissionSet", "CustomerManagedPolicyReferences", **named
        )
        for reference in references:
            name = str(required(reference, "Name", "sso:ListCustomerManagedPolicyReferencesInPermissionSet"))
            yield PolicySource(f"customer managed policy {name}", name, None)

    def _find_boundary(self, arn: str) -> PolicySource | None:
        try:
            answer = self._sso.read(
                "GetPermissionsBoundaryForPermissionSet", InstanceArn=self._arn, PermissionSetArn=arn
            )
        except AwsRejectedError as error:
            if error.aws_code == _NOT_FOUND:
                return None
            raise
        boundary = required(answer, "PermissionsBoundary", "sso:GetPermissionsBoundaryForPermissionSet")
        managed_arn = boundary.get("ManagedPolicyArn")
        if managed_arn:
            return self._managed.get(str(managed_arn))
        name = str(boundary.get("CustomerManagedPolicyReference", {}).get("Name", "permissions boundary"))
        return PolicySource(f"customer managed policy {name}", name, None)

    def _list_holders(self, account_id: AccountId, arn: str) -> Iterator[Holder]:
        assignments = self._sso.list_all(
            "ListAccountAssignments",
            "AccountAssignments",
            InstanceArn=self._arn,
            AccountId=account_id,
            PermissionSetArn=arn,
        )
        for one in assignments:
            yield self._get_holder(
                str(required(one, "PrincipalType", "sso:ListAccountAssignments")),
                str(required(one, "PrincipalId", "sso:ListAccountAssignments")),
            )

    def _get_holder(self, kind: str, principal_id: str) -> Holder:
        if (kind, principal_id) not in self._holders:
            read = self._read_group if kind == HolderKind.GROUP else self._read_user
            self._holders[kind, principal_id] = read(principal_id)
        return self._holders[kind, principal_id]

    def _read_user(self, user_id: str) -> Holder:
        return Holder(HolderKind.USER, self._find_user_name(user_id))

    def _read_group(self, group_id: str) -> Holder:
        name = self._find_group_name(group_id)
        try:
            memberships = tuple(
                self._store.list_all(
                    "ListGroupMemberships", "GroupMemberships", IdentityStoreId=self._store_id, GroupId=group_id
                )
            )
        except _UNREADABLE:
            return Holder(HolderKind.GROUP, name, members=None)
        members = (str(one.get("MemberId", {}).get("UserId", "?")) for one in memberships)
        return Holder(HolderKind.GROUP, name, tuple(sorted(self._find_user_name(user_id) for user_id in members)))

    def _find_group_name(self, group_id: str) -> str:
        """Its id where the identity store doesn't tell."""
        try:
            described = self._store.read("DescribeGroup", IdentityStoreId=self._store_id, GroupId=group_id)
        except _UNREADABLE:
            return f"group {group_id}"
        return str(described.get("DisplayName") or f"group {group_id}")

    def _find_user_name(self, user_id: str) -> str:
        """The id itself where the identity store doesn't tell."""
        try:
            described = self._store.read("DescribeUser", IdentityStoreId=self._store_id, UserId=user_id)
        except _UNREADABLE:
            return user_id
        return str(described.get("UserName") or user_id)
