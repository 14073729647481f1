"""Reads the IAM users and roles of the caller's own account, and by what they prove who they are.

Source: IAM GetAccountAuthorizationDetails and GetCredentialReport, API version 2010-05-08; IAM User Guide, "Credential
reports".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rootkeeper.aws.answers import AwsResponse, refuse_answer, required
from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.managed_policies import ManagedPolicies, document_text
from rootkeeper.domain.identities import (
    AccountIdentities,
    IamRole,
    IamUser,
    PolicySource,
    RootUse,
    UserAccess,
)
from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import AwsNotFoundError, AwsRejectedError

_DETAILS = "iam:GetAccountAuthorizationDetails"
_REPORT = "iam:GetCredentialReport"
_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
_NO_REPORT = frozenset({"ReportNotPresent", "ReportExpired"})
_IN_PROGRESS = "ReportInProgress"
_REPORT_PAUSES_SECONDS = (2, 2, 4, 8, 8)
"""A report of a large account takes a while."""


class AwsIdentities:
    """Implements ``ports.identities.IdentityReader``."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    def read_identities(self, account_id: AccountId) -> AccountIdentities:
        """See the port for the calls."""
        details = self._read_details()
        versions = (_parse_managed(policy) for policy in details["Policies"])
        managed = ManagedPolicies(self._clients.iam, {policy.policy_id: policy for policy in versions if policy.text})
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
        """iam:GetLoginProfile, iam:ListAccessKeys and iam:ListMFADevices of one user."""
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
        """The report as it is; one is made only where there is none younger than four hours."""
        answer = self._read_report()
        content = required(answer, "Content", _REPORT)
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
        row = next((one for one in csv.DictReader(io.StringIO(text)) if one.get("user") == "<root_account>"), None)
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
            if error.aws_code not in _NO_REPORT:
                raise
        self._clients.iam.read("GenerateCredentialReport")
        for pause in _REPORT_PAUSES_SECONDS:
            try:
                return self._clients.iam.read("GetCredentialReport")
            except (AwsNotFoundError, AwsRejectedError) as error:
                if error.aws_code != _IN_PROGRESS:
                    raise
            self._clients.clock.sleep(pause)
        return self._clients.iam.read("GetCredentialReport")


class _AuthorizationDetails:
    """Users and roles of one answer, with the groups and managed policies of the same."""

    def __init__(self, managed: ManagedPolicies, groups: Mapping[str, Mapping[str, Any]]) -> None:
        self._managed = managed
        self._groups = groups

    def parse_user(self, user: Mapping[str, Any]) -> IamUser:
        arn = str(required(user, "Arn", _DETAILS))
        policies = [*self._parse_own(user, arn, "UserPolicyList")]
        for name in user.get("GroupList") or ():
            policies.extend(self._parse_group(name))
        return IamUser(
            user_name=str(required(user, "UserName", _DETAILS)),
            arn=arn,
            policies=tuple(policies),
            boundary=self._parse_boundary(user),
            tags=_parse_tags(user),
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

    def _parse_group(self, name: str) -> Iterator[PolicySource]:
        """A group that isn't told may allow anything."""
        group = self._groups.get(name)
        if group is None:
            yield PolicySource(f"group {name}", f"group {name}", None)
        else:
            yield from self._parse_own(group, str(group.get("Arn", name)), "GroupPolicyList")

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


def _parse_managed(policy: Mapping[str, Any]) -> PolicySource:
    versions = policy.get("PolicyVersionList") or ()
    default: Mapping[str, Any] = next((version for version in versions if version.get("IsDefaultVersion")), {})
    arn = str(required(policy, "Arn", _DETAILS))
    return PolicySource(arn, str(policy.get("PolicyName") or arn), document_text(default.get("Document")))


def _parse_tags(identity: Mapping[str, Any]) -> dict[str, str]:
    return {str(tag["Key"]): str(tag["Value"]) for tag in identity.get("Tags") or ()}


def _parse_moment(text: str | None) -> datetime | None:
    """``N/A``, ``no_information`` and ``not_supported`` are no moments."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
