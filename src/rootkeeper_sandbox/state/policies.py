"""Organizations policies and their attachments, and the AWS managed policies that the sandbox knows.

Source: IAM User Guide, "AWS managed policies"; of ReadOnlyAccess the actions of services that the sandbox serves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from rootkeeper_sandbox.exchange import AttachedPolicy

ADMINISTRATOR_ACCESS = "AdministratorAccess"
FULL_ACCESS_DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'

FULL_ACCESS_RESOURCE_DOCUMENT = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
)


class PolicyType(StrEnum):
    """The policy types that the sandbox serves."""

    RESOURCE_CONTROL_POLICY = "RESOURCE_CONTROL_POLICY"
    SERVICE_CONTROL_POLICY = "SERVICE_CONTROL_POLICY"


MAX_CHARACTERS = {PolicyType.SERVICE_CONTROL_POLICY: 10_240, PolicyType.RESOURCE_CONTROL_POLICY: 5_120}
MAX_ATTACHED = {PolicyType.SERVICE_CONTROL_POLICY: 10, PolicyType.RESOURCE_CONTROL_POLICY: 5}
"""On each root, unit and account; AWS's own policies count, too (assumed for resource control policies).

Source: Organizations User Guide, "Quotas and service limits" (aws-facts F2).
"""


@dataclass(frozen=True, slots=True)
class OrganizationPolicy:
    """A policy; a changed policy is another object, because compiled policies are cached by text."""

    policy_id: str
    arn: str
    name: str
    policy_type: PolicyType
    content: str
    """JSON text, as it was given."""
    description: str = ""
    is_aws_managed: bool = False

    @property
    def attached(self) -> AttachedPolicy:
        return AttachedPolicy(arn=self.arn, name=self.name, document=self.content)


_DEFAULT_IDS = {
    PolicyType.SERVICE_CONTROL_POLICY: "p-FullAWSAccess",
    PolicyType.RESOURCE_CONTROL_POLICY: "p-RCPFullAWSAccess",
}


def _make_defaults(partition: str) -> tuple[OrganizationPolicy, ...]:
    """Make AWS's own policies of a partition."""
    described = (
        (PolicyType.SERVICE_CONTROL_POLICY, FULL_ACCESS_DOCUMENT, "operation"),
        (PolicyType.RESOURCE_CONTROL_POLICY, FULL_ACCESS_RESOURCE_DOCUMENT, "resource"),
    )
    return tuple(
        OrganizationPolicy(
            policy_id=(policy_id := _DEFAULT_IDS[policy_type]),
            arn=f"arn:{partition}:organizations::aws:policy/{policy_type.lower()}/{policy_id}",
            name=policy_id.removeprefix("p-"),
            policy_type=policy_type,
            content=content,
            description=f"Allows access to every {noun}",
            is_aws_managed=True,
        )
        for policy_type, content, noun in described
    )


@dataclass
class PolicyStore:
    """All policies of an organization, and where they are attached.

    A target that isn't mentioned has the type's AWS-managed policy and nothing else: 50,000 accounts cost nothing.
    """

    partition: str = "aws"
    policies: dict[str, OrganizationPolicy] = field(default_factory=dict)
    enabled_types: set[PolicyType] = field(default_factory=lambda: {PolicyType.SERVICE_CONTROL_POLICY})
    _attachments: dict[tuple[PolicyType, str], tuple[str, ...]] = field(default_factory=dict)
    _resolved: dict[tuple[PolicyType, str], tuple[AttachedPolicy, ...]] = field(
        default_factory=dict, metadata={"is_kept": False}
    )
    _default_attached: dict[PolicyType, tuple[AttachedPolicy, ...]] = field(
        default_factory=dict, metadata={"is_kept": False}
    )

    def __post_init__(self) -> None:
        for policy in _make_defaults(self.partition):
            self.policies[policy.policy_id] = policy
            self._default_attached[policy.policy_type] = (policy.attached,)

    def add(self, policy: OrganizationPolicy) -> None:
        """Add a policy; a changed policy replaces the old."""
        self.policies[policy.policy_id] = policy
        self._resolved.clear()

    def remove(self, policy: OrganizationPolicy) -> None:
        """Remove a policy that isn't attached to anything."""
        del self.policies[policy.policy_id]

    def is_attached(self, policy: OrganizationPolicy) -> bool:
        """Return whether a policy that isn't AWS's own is attached to anything."""
        return any(policy.policy_id in policy_ids for policy_ids in self._attachments.values())

    def forget_target(self, target_id: str) -> None:
        """Detach everything from a target that ceases to be."""
        for policy_type in PolicyType:
            self._attachments.pop((policy_type, target_id), None)
        self._resolved.clear()

    def disable(self, policy_type: PolicyType) -> None:
        """Switch a type off, which detaches all its policies; switched on again, AWS's own is attached everywhere."""
        self.enabled_types.discard(policy_type)
        self._attachments = {key: ids for key, ids in self._attachments.items() if key[0] is not policy_type}
        self._resolved.clear()

    def find_by_name(self, policy_type: PolicyType, name: str) -> OrganizationPolicy | None:
        return next((policy for policy in self.of_type(policy_type) if policy.name == name), None)

    def enabled_policies(self) -> list[OrganizationPolicy]:
        """List the policies of all types that are enabled."""
        return [policy for policy in self.policies.values() if policy.policy_type in self.enabled_types]

    def of_type(self, policy_type: PolicyType) -> list[OrganizationPolicy]:
        return [policy for policy in self.policies.values() if policy.policy_type is policy_type]

    def attach(self, policy: OrganizationPolicy, target_id: str) -> None:
        """Attach once; a second time changes nothing."""
        self._set(policy.policy_type, target_id, dict.fromkeys((*self.policy_ids(policy, target_id), policy.policy_id)))

    def detach(self, policy: OrganizationPolicy, target_id: str) -> None:
        self._set(
            policy.policy_type, target_id, (i for i in self.policy_ids(policy, target_id) if i != policy.policy_id)
        )

    def policy_ids(self, policy: OrganizationPolicy, target_id: str) -> tuple[str, ...]:
        """List the ids of all policies of the same type on the target."""
        return self._ids(policy.policy_type, target_id)

    def on_target(self, policy_type: PolicyType, target_id: str) -> list[OrganizationPolicy]:
        """List the policies attached directly; none of a type that isn't enabled."""
        if policy_type not in self.enabled_types:
            return []
        return [self.policies[policy_id] for policy_id in self._ids(policy_type, target_id)]

    def attached(self, policy_type: PolicyType, target_id: str) -> tuple[AttachedPolicy, ...]:
        """List the same for the request path: always the same objects until something changes."""
        key = (policy_type, target_id)
        if key not in self._attachments:
            return self._default_attached[policy_type]
        if key not in self._resolved:
            self._resolved[key] = tuple(self.policies[policy_id].attached for policy_id in self._attachments[key])
        return self._resolved[key]

    def targets(self, policy: OrganizationPolicy, candidates: Iterable[str]) -> Iterator[str]:
        """Choose from ``candidates`` the targets that the policy is attached to."""
        return (target for target in candidates if policy.policy_id in self._ids(policy.policy_type, target))

    def _ids(self, policy_type: PolicyType, target_id: str) -> tuple[str, ...]:
        return self._attachments.get((policy_type, target_id), (_DEFAULT_IDS[policy_type],))

    def _set(self, policy_type: PolicyType, target_id: str, policy_ids: Iterable[str]) -> None:
        self._attachments[policy_type, target_id] = tuple(policy_ids)
        self._resolved.clear()


_READ_ONLY = (
    "account:Get*", "account:List*", "cloudtrail:Describe*", "cloudtrail:List*", "cloudtrail:LookupEvents",
    "ec2:Describe*", "events:Describe*", "events:List*", "iam:Generate*", "iam:Get*", "iam:List*",
    "identitystore:Describe*", "identitystore:List*", "organizations:Describe*", "organizations:List*", "s3:Get*",
    "s3:List*", "sqs:GetQueue*", "sqs:ListQueue*", "sso:Describe*", "sso:Get*", "sso:List*",
)  # fmt: skip

_POWER_USER_EXTRAS = (
    "account:GetAccountInformation", "account:GetPrimaryEmail", "account:ListRegions", "iam:CreateServiceLinkedRole",
    "iam:DeleteServiceLinkedRole", "iam:ListRoles", "organizations:DescribeEffectivePolicy",
    "organizations:DescribeOrganization",
)  # fmt: skip


def _allow(**elements: object) -> dict[str, object]:
    return {"Effect": "Allow", "Resource": "*"} | elements


def _document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


MANAGED_DOCUMENTS = {
    ADMINISTRATOR_ACCESS: FULL_ACCESS_DOCUMENT,
    "PowerUserAccess": _document(
        _allow(NotAction=["iam:*", "organizations:*", "account:*"]), _allow(Action=list(_POWER_USER_EXTRAS))
    ),
    "ReadOnlyAccess": _document(_allow(Action=list(_READ_ONLY))),
}
"""JSON text by name."""


def managed_policy_arn(partition: str, name: str) -> str:
    """Spell the ARN of an AWS managed policy."""
    return f"arn:{partition}:iam::aws:policy/{name}"


def find_managed_document(arn: str, partition: str) -> str | None:
    """Find the document of an AWS managed policy; ``None`` for those that the sandbox doesn't know."""
    prefix = managed_policy_arn(partition, "")
    return MANAGED_DOCUMENTS.get(arn.removeprefix(prefix)) if arn.startswith(prefix) else None
