"""Reads IAM users and roles of the caller's account, permission sets of IAM Identity Center, and their policies.

Only the data that shows who can open root sessions. A policy with an unreadable document is kept without its text:
its permissions are unknown, never none.

The permissions of a principal come from a simulation that makes none of the calls. AWS evaluates identity policies,
the permissions boundary and service control policies. It doesn't know session policies, resource control policies, or
conditions on keys that aren't given.

Source: IAM GetAccountAuthorizationDetails, GetCredentialReport, GetPolicy, GetPolicyVersion, GetRole and
SimulatePrincipalPolicy, API version 2010-05-08; IAM User Guide, "Credential reports" and "IAM policy testing with the
IAM policy simulator"; IAM Identity Center API Reference, API version 2020-07-20; Identity Store API Reference,
2020-06-15.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from rootkeeper.aws.clients import AwsClients, GatewayPart, ServiceCalls
from rootkeeper.aws.errors import AwsResponse, refuse_answer, required
from rootkeeper.errors import AwsAccessDeniedError, AwsNotFoundError, AwsRejectedError, Hint
from rootkeeper.organization.accounts import AccountId

RESERVED_ROLE_PATH = "/aws-reserved/sso.amazonaws.com/"
"""Under it Identity Center keeps the roles of permission sets. Source: IAM Identity Center User Guide."""
_SIMULATE = "iam:SimulatePrincipalPolicy"
_ROLE_SESSION = re.compile(r"(?P<start>arn:[a-z0-9-]+):sts::(?P<account_id>\d{12}):assumed-role/(?P<role>[^/]+)/.+")


@dataclass(frozen=True, slots=True)
class PolicySource:
    """A policy that applies to an identity."""

    policy_id: str
    """Its ARN, or its place, such as ``inline policy of arn:…``."""
    name: str
    text: str | None
    """The JSON document; ``None`` where it couldn't be read."""


@dataclass(frozen=True, slots=True)
class IamUser:
    """An IAM user, without its credentials."""

    user_name: str
    arn: str
    policies: tuple[PolicySource, ...]
    """Inline, attached, and of its groups."""
    boundary: PolicySource | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IamRole:
    """An IAM role and its trust policy."""

    role_name: str
    arn: str
    policies: tuple[PolicySource, ...]
    trust_policy: PolicySource
    boundary: PolicySource | None = None

    @property
    def is_of_identity_center(self) -> bool:
        return f":role{RESERVED_ROLE_PATH}" in self.arn

    @property
    def is_service_linked(self) -> bool:
        """Whether only an AWS service can use it. Source: IAM User Guide, "Service-linked roles"."""
        return ":role/aws-service-role/" in self.arn


@dataclass(frozen=True, slots=True)
class AccountIdentities:
    """All IAM users and roles of an account. Source: IAM GetAccountAuthorizationDetails."""

    account_id: AccountId
    users: tuple[IamUser, ...]
    roles: tuple[IamRole, ...]


@dataclass(frozen=True, slots=True)
class UserAccess:
    """The credentials with which an IAM user can sign in or sign calls."""

    has_password: bool
    active_access_key_ids: tuple[str, ...]
    mfa_serial_numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RootUse:
    """The root user's line of a credential report. Source: IAM User Guide, "Credential reports"."""

    generated_at: datetime
    password_last_used_at: datetime | None
    """``None`` if never, or not since AWS began to record it."""
    access_key_last_used_at: datetime | None

    @property
    def last_used_at(self) -> datetime | None:
        return max(
            (moment for moment in (self.password_last_used_at, self.access_key_last_used_at) if moment), default=None
        )


class HolderKind(StrEnum):
    """Kinds of principals with a permission set. Source: Identity Center ListAccountAssignments."""

    GROUP = "GROUP"
    USER = "USER"


@dataclass(frozen=True, slots=True)
class Holder:
    """A user or group with a permission set in an account."""

    kind: HolderKind
    name: str
    """The id if the name couldn't be read."""
    members: tuple[str, ...] | None = ()
    """Users of a group; ``None`` if they couldn't be read."""


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """A permission set that is provisioned into an account."""

    account_id: AccountId
    arn: str
    name: str
    policies: tuple[PolicySource, ...]
    boundary: PolicySource | None
    holders: tuple[Holder, ...]


class IdentityReader(Protocol):
    """Reads the IAM users and roles of the caller's account.

    Every method may raise AwsAccessDeniedError, AwsCredentialsError, AwsThrottledError or AwsUnreachableError.
    """

    def read_identities(self, account_id: AccountId) -> AccountIdentities:
        """Read every user and role with its policies. ``account_id`` is the caller's own.

        iam:GetAccountAuthorizationDetails to the end; iam:GetPolicy and iam:GetPolicyVersion for attached policies
        for which it lacks the document.
        """
        ...

    def read_user_access(self, user_name: str) -> UserAccess:
        """iam:GetLoginProfile, iam:ListAccessKeys and iam:ListMFADevices of a user."""
        ...

    def read_root_use(self) -> RootUse:
        """Read from the credential report when the account's own root user was last used.

        iam:GenerateCredentialReport (which changes only the report) and iam:GetCredentialReport.
        """
        ...


class IdentityCenterReader(Protocol):
    """Reads permission sets of IAM Identity Center and their holders."""

    def list_permission_sets(
        self, account_id: AccountId, management_account_id: AccountId
    ) -> tuple[PermissionSet, ...]:
        """List the permission sets provisioned into an account, with their policies and holders.

        They are of the organization's instance, which ``management_account_id`` owns.

        sso:ListInstances, sso:ListPermissionSetsProvisionedToAccount, and for each sso:DescribePermissionSet,
        sso:GetInlinePolicyForPermissionSet, sso:ListManagedPoliciesInPermissionSet,
        sso:ListCustomerManagedPolicyReferencesInPermissionSet, sso:GetPermissionsBoundaryForPermissionSet,
        sso:ListAccountAssignments; identitystore:DescribeUser, identitystore:DescribeGroup and
        identitystore:ListGroupMemberships for the holders; iam:GetPolicy and iam:GetPolicyVersion for AWS managed
        policies.

        :raises AwsAccessDeniedError: if the caller's account can't read Identity Center.
        :raises AwsNotFoundError: if the organization's instance isn't in the caller's Region.
        :raises AwsUnreachableError: if Identity Center is down.
        """
        ...


class ManagedPolicies:
    """Reads managed policies by ARN, each once."""

    def __init__(self, iam: ServiceCalls, known: Mapping[str, PolicySource] | None = None) -> None:
        """:param known: policies that another answer contained, by ARN."""
        self._iam = iam
        self._found: dict[str, PolicySource] = dict(known or {})

    def get(self, arn: str) -> PolicySource:
        """Return the policy; without a text if it can't be read."""
        if arn not in self._found:
            text: str | None = None
            with suppress(AwsAccessDeniedError, AwsNotFoundError, AwsRejectedError):
                policy = required(self._iam.read("GetPolicy", PolicyArn=arn), "Policy", "iam:GetPolicy")
                version_id = required(policy, "DefaultVersionId", "iam:GetPolicy")
                answer = self._iam.read("GetPolicyVersion", PolicyArn=arn, VersionId=version_id)
                text = document_text(required(answer, "PolicyVersion", "iam:GetPolicyVersion").get("Document"))
            self._found[arn] = PolicySource(arn, name_of(arn), text)
        return self._found[arn]


def document_text(document: Any) -> str | None:
    """Return a document as JSON text: botocore has decoded it, or left it as it came."""
    if document is None:
        return None
    return document if isinstance(document, str) else json.dumps(document)


def name_of(arn: str) -> str:
    return arn.rpartition("/")[2] or arn


_DETAILS = "iam:GetAccountAuthorizationDetails"
_REPORT = "iam:GetCredentialReport"
_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
_REPORT_PAUSES_SECONDS = (2, 2, 4, 8, 8)
"""A report of a large account takes several seconds."""


class AwsIdentities(GatewayPart):
    """Implements ``IdentityReader``."""

    def read_identities(self, account_id: AccountId) -> AccountIdentities:
        details = self._read_details()
        known: dict[str, PolicySource] = {}
        for policy in details["Policies"]:
            versions = policy.get("PolicyVersionList") or ()
            default: Mapping[str, Any] = next((version for version in versions if version.get("IsDefaultVersion")), {})
            arn, text = str(required(policy, "Arn", _DETAILS)), document_text(default.get("Document"))
            if text:
                known[arn] = PolicySource(arn, str(policy.get("PolicyName") or arn), text)
        managed = ManagedPolicies(self._clients.iam, known)
        reading = _AuthorizationDetails(managed, {group["GroupName"]: group for group in details["GroupDetailList"]})
        return AccountIdentities(
            account_id=account_id,
            users=tuple(reading.parse_user(user) for user in details["UserDetailList"]),
            roles=tuple(reading.parse_role(role) for role in details["RoleDetailList"]),
        )

    def _read_details(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {name: [] for name in _LISTS}
        marker: str | None = None
        seen: set[str] = set()
        while True:
            following = {} if marker is None else {"Marker": marker}
            answer = self._clients.iam.read("GetAccountAuthorizationDetails", **following)
            for name in _LISTS:
                found[name].extend(answer.get(name) or ())
            if not required(answer, "IsTruncated", _DETAILS):
                return found
            marker = answer.get("Marker")
            if not marker or marker in seen:
                refuse_answer(_DETAILS, "its pages repeat or are cut off")
            seen.add(marker)

    def read_user_access(self, user_name: str) -> UserAccess:
        iam = self._clients.iam
        try:
            iam.read("GetLoginProfile", UserName=user_name)
            has_password = True
        except AwsNotFoundError:
            has_password = False
        keys = iam.list_all("ListAccessKeys", "AccessKeyMetadata", UserName=user_name)
        devices = iam.list_all("ListMFADevices", "MFADevices", UserName=user_name)
        return UserAccess(
            has_password=has_password,
            active_access_key_ids=tuple(str(key["AccessKeyId"]) for key in keys if key.get("Status") == "Active"),
            mfa_serial_numbers=tuple(str(device["SerialNumber"]) for device in devices),
        )

    def read_root_use(self) -> RootUse:
        """Read the report; AWS makes a new report only if the last is older than four hours."""
        answer = self._read_report()
        content = required(answer, "Content", _REPORT)
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
        row = next((line for line in csv.DictReader(io.StringIO(text)) if line.get("user") == "<root_account>"), None)
        if row is None:
            refuse_answer(_REPORT, "the report has no line for the root user")
        keys = [_parse_moment(row.get(f"access_key_{number}_last_used_date")) for number in (1, 2)]
        return RootUse(
            generated_at=required(answer, "GeneratedTime", _REPORT).astimezone(UTC),
            password_last_used_at=_parse_moment(row.get("password_last_used")),
            access_key_last_used_at=max((key for key in keys if key), default=None),
        )

    def _read_report(self) -> AwsResponse:
        try:
            return self._clients.iam.read("GetCredentialReport")
        except AwsRejectedError as error:
            if error.aws_code not in {"ReportNotPresent", "ReportExpired"}:
                raise
        self._clients.iam.read("GenerateCredentialReport")
        for pause in _REPORT_PAUSES_SECONDS:
            try:
                return self._clients.iam.read("GetCredentialReport")
            except (AwsNotFoundError, AwsRejectedError) as error:
                if error.aws_code != "ReportInProgress":
                    raise
            self._clients.clock.sleep(pause)
        return self._clients.iam.read("GetCredentialReport")


class _AuthorizationDetails:
    """Parses users and roles of an answer, with the groups and managed policies of the same answer."""

    def __init__(self, managed: ManagedPolicies, groups: Mapping[str, Mapping[str, Any]]) -> None:
        self._managed = managed
        self._groups = groups

    def parse_user(self, user: Mapping[str, Any]) -> IamUser:
        arn = str(required(user, "Arn", _DETAILS))
        policies = [*self._parse_own(user, arn, "UserPolicyList")]
        for name in user.get("GroupList") or ():
            group = self._groups.get(name)
            if group is None:  # may allow anything
                policies.append(PolicySource(f"group {name}", f"group {name}", None))
            else:
                policies.extend(self._parse_own(group, str(group.get("Arn", name)), "GroupPolicyList"))
        return IamUser(
            user_name=str(required(user, "UserName", _DETAILS)),
            arn=arn,
            policies=tuple(policies),
            boundary=self._parse_boundary(user),
            tags={str(tag["Key"]): str(tag["Value"]) for tag in user.get("Tags") or ()},
        )

    def parse_role(self, role: Mapping[str, Any]) -> IamRole:
        arn = str(required(role, "Arn", _DETAILS))
        return IamRole(
            role_name=str(required(role, "RoleName", _DETAILS)),
            arn=arn,
            policies=tuple(self._parse_own(role, arn, "RolePolicyList")),
            trust_policy=PolicySource(arn, "trust policy", document_text(role.get("AssumeRolePolicyDocument"))),
            boundary=self._parse_boundary(role),
        )

    def _parse_own(self, identity: Mapping[str, Any], arn: str, inline: str) -> Iterator[PolicySource]:
        for policy in identity.get(inline) or ():
            name = str(policy.get("PolicyName", "?"))
            yield PolicySource(f"{arn}#{name}", name, document_text(policy.get("PolicyDocument")))
        for attached in identity.get("AttachedManagedPolicies") or ():
            yield self._managed.get(str(required(attached, "PolicyArn", _DETAILS)))

    def _parse_boundary(self, identity: Mapping[str, Any]) -> PolicySource | None:
        boundary = identity.get("PermissionsBoundary") or {}
        arn = boundary.get("PermissionsBoundaryArn")
        return self._managed.get(str(arn)) if arn else None


def _parse_moment(text: str | None) -> datetime | None:
    """Parse a time; ``None`` for ``N/A``, ``no_information`` and ``not_supported``."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_UNREADABLE = (AwsAccessDeniedError, AwsNotFoundError, AwsRejectedError)


class AwsIdentityCenter(GatewayPart):
    """Implements ``IdentityCenterReader``."""

    def list_permission_sets(
        self, account_id: AccountId, management_account_id: AccountId
    ) -> tuple[PermissionSet, ...]:
        """An account may also have an instance of its own, which gives no access to accounts."""
        instances = self._clients.sso_admin.list_all("ListInstances", "Instances")
        instance = next((found for found in instances if found.get("OwnerAccountId") == management_account_id), None)
        if instance is None:
            raise AwsNotFoundError(
                f"The organization has no instance of IAM Identity Center in {self._clients.region}.",
                hint=Hint("Use the home Region of IAM Identity Center.", "identity_center.region"),
                operation="sso:ListInstances",
            )
        return tuple(_Instance(self._clients, instance).list_permission_sets(account_id))


class _Instance:
    """An instance of Identity Center; each policy and holder is read once."""

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
        for arn in map(str, arns):
            answer = self._sso.read("DescribePermissionSet", InstanceArn=self._arn, PermissionSetArn=arn)
            described = required(answer, "PermissionSet", "sso:DescribePermissionSet")
            yield PermissionSet(
                account_id=account_id,
                arn=arn,
                name=str(required(described, "Name", "sso:DescribePermissionSet")),
                policies=tuple(self._read_policies(arn)),
                boundary=self._find_boundary(arn),
                holders=tuple(self._list_holders(account_id, arn)),
            )

    def _read_policies(self, arn: str) -> Iterator[PolicySource]:
        """Yield the policies. Customer managed policies have no text: their documents are in each account."""
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
        except AwsNotFoundError:
            return None
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
        for assignment in assignments:
            kind = str(required(assignment, "PrincipalType", "sso:ListAccountAssignments"))
            principal_id = str(required(assignment, "PrincipalId", "sso:ListAccountAssignments"))
            if (kind, principal_id) not in self._holders:
                self._holders[kind, principal_id] = (
                    self._read_group(principal_id)
                    if kind == HolderKind.GROUP
                    else Holder(HolderKind.USER, self._find_user_name(principal_id))
                )
            yield self._holders[kind, principal_id]

    def _read_group(self, group_id: str) -> Holder:
        try:
            described = self._store.read("DescribeGroup", IdentityStoreId=self._store_id, GroupId=group_id)
            name = str(described.get("DisplayName") or f"group {group_id}")
        except _UNREADABLE:
            name = f"group {group_id}"
        try:
            memberships = tuple(
                self._store.list_all(
                    "ListGroupMemberships", "GroupMemberships", IdentityStoreId=self._store_id, GroupId=group_id
                )
            )
        except _UNREADABLE:
            return Holder(HolderKind.GROUP, name, members=None)
        members = (str(membership.get("MemberId", {}).get("UserId", "?")) for membership in memberships)
        return Holder(HolderKind.GROUP, name, tuple(sorted(self._find_user_name(user_id) for user_id in members)))

    def _find_user_name(self, user_id: str) -> str:
        try:
            described = self._store.read("DescribeUser", IdentityStoreId=self._store_id, UserId=user_id)
        except _UNREADABLE:
            return user_id
        return str(described.get("UserName") or user_id)


class PermissionSimulator(Protocol):
    """Simulates calls of a principal."""

    def find_principal(self, caller_arn: str) -> str:
        """Find the user or role behind a caller's ARN. iam:GetRole for the session of a role."""
        ...

    def list_denied(
        self, principal_arn: str, actions: Sequence[str], *, resource: str = "*", context: Mapping[str, str]
    ) -> tuple[str, ...]:
        """List the actions that the principal's policies don't allow, in the order given. iam:SimulatePrincipalPolicy.

        :param context: values of condition keys.
        :raises AwsAccessDeniedError: if the caller may not simulate.
        :raises AwsRejectedError: if AWS can't simulate this principal, such as a root user.
        """
        ...


class AwsPermissionSimulation(GatewayPart):
    """Implements ``PermissionSimulator``."""

    def find_principal(self, caller_arn: str) -> str:
        session = _ROLE_SESSION.fullmatch(caller_arn)
        if session is None:
            return caller_arn
        try:
            answer = self._clients.iam.read("GetRole", RoleName=session["role"])
        except (AwsAccessDeniedError, AwsNotFoundError):
            # The session's ARN leaves out the role's path; most roles have none.
            return f"{session['start']}:iam::{session['account_id']}:role/{session['role']}"
        return str(required(required(answer, "Role", "iam:GetRole"), "Arn", "iam:GetRole"))

    def list_denied(
        self, principal_arn: str, actions: Sequence[str], *, resource: str = "*", context: Mapping[str, str]
    ) -> tuple[str, ...]:
        results = self._clients.iam.list_all(
            "SimulatePrincipalPolicy",
            "EvaluationResults",
            PolicySourceArn=principal_arn,
            ActionNames=list(actions),
            ResourceArns=[resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in context.items()
            ],
        )
        allowed = {
            str(required(result, "EvalActionName", _SIMULATE)).lower()
            for result in results
            if required(result, "EvalDecision", _SIMULATE) == "allowed"
            and (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations", True)
        }
        return tuple(action for action in actions if action.lower() not in allowed)
