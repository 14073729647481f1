"""The policies of an organization in memory: what is attached where, and what the caller may read of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

from rootkeeper.policy_language.documents import PolicyKind, PolicyLabel
from rootkeeper.policy_language.evaluation import OrganizationPolicy, PolicyListing
from tests.fakes.organization import FakeOrganization

FULL_ACCESS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
DENY_ROOT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "DenyRoot",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}},
        }
    ],
}


class FakePolicies:
    """Implements PolicyReader. FullAWSAccess is attached to everything that ``detach_full_access`` doesn't name."""

    def __init__(self, organization: FakeOrganization) -> None:
        self.organization = organization
        self.calls: list[str] = []
        """Readings so far."""
        self.error: Exception | None = None
        """Raised by every reading."""
        self.problems: dict[PolicyKind, tuple[str, ...]] = {}
        self.problems_of_targets: dict[PolicyKind, tuple[str, ...]] = {}
        """Of readings that ask each target."""
        self.enabled = frozenset({PolicyKind.SERVICE_CONTROL})
        self._policies: list[OrganizationPolicy] = []
        self._without_full_access: set[str] = set()

    def attach(
        self,
        policy_id: str,
        document: Mapping[str, Any] | str | None,
        *target_ids: str,
        kind: PolicyKind = PolicyKind.SERVICE_CONTROL,
        problem: str | None = None,
    ) -> None:
        """A policy; ``None`` for one that can't be read."""
        content = json.dumps(document) if isinstance(document, Mapping) else document
        self.enabled |= {kind}
        label = PolicyLabel(policy_id, policy_id.removeprefix("p-").title())
        self._policies.append(OrganizationPolicy(label, kind, content, frozenset(target_ids), problem=problem))

    def detach_full_access(self, *target_ids: str) -> None:
        self._without_full_access.update(target_ids)

    def list_policies(self) -> PolicyListing:
        self._note("list_policies")
        return PolicyListing((self._full_access(), *self._policies), self.enabled, self.problems)

    def list_policies_under_full_access(self) -> PolicyListing:
        self._note("list_policies_under_full_access")
        full_access = replace(self._full_access(), target_ids=frozenset(), is_everywhere=True)
        return PolicyListing((full_access, *self._policies), self.enabled, self.problems)

    def list_policies_over(self, target_ids: Collection[str]) -> PolicyListing:
        self._note("list_policies_over")
        asked = [
            replace(policy, target_ids=policy.target_ids & set(target_ids))
            for policy in (self._full_access(), *self._policies)
        ]
        found = tuple(policy for policy in asked if policy.target_ids)
        return PolicyListing(found, self.enabled, self.problems | self.problems_of_targets)

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if self.error is not None:
            raise self.error

    def _full_access(self) -> OrganizationPolicy:
        targets = {*self.organization.organizational_units, *self.organization.accounts} - self._without_full_access
        label = PolicyLabel("p-FullAWSAccess", "FullAWSAccess")
        content = json.dumps(FULL_ACCESS)
        return OrganizationPolicy(label, PolicyKind.SERVICE_CONTROL, content, frozenset(targets), is_aws_managed=True)


@dataclass
class HeldPolicies:
    """Implements PolicyReader: no answer comes before it is let go."""

    policies: FakePolicies
    released: Event = field(default_factory=Event)

    def list_policies(self) -> PolicyListing:
        self.released.wait()
        return self.policies.list_policies()

    def list_policies_under_full_access(self) -> PolicyListing:
        self.released.wait()
        return self.policies.list_policies_under_full_access()

    def list_policies_over(self, target_ids: Collection[str]) -> PolicyListing:
        self.released.wait()
        return self.policies.list_policies_over(target_ids)
