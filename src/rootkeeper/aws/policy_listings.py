"""Reads the organization's SCPs and RCPs: each policy once, and its targets.

For the whole organization, each policy is asked for its targets: asking every account for its policies would take hours
at the published rates. For a few accounts it is the other way round.

Source: Organizations ListPolicies, ListTargetsForPolicy, ListPoliciesForTarget and DescribePolicy, API version
2016-11-28.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rootkeeper.aws.clients import ServiceCalls
from rootkeeper.aws.errors import required
from rootkeeper.aws.organizations import PAGE_SIZE
from rootkeeper.errors import AwsAccessDeniedError, AwsNotFoundError, AwsRejectedError, AwsThrottledError
from rootkeeper.policy_language.documents import PolicyKind, PolicyLabel
from rootkeeper.policy_language.evaluation import CONTROL_KINDS, OrganizationPolicy, PolicyListing

_TYPES = {
    PolicyKind.RESOURCE_CONTROL: "RESOURCE_CONTROL_POLICY",
    PolicyKind.SERVICE_CONTROL: "SERVICE_CONTROL_POLICY",
}

_ATTACHED_EVERYWHERE = frozenset({"p-RCPFullAWSAccess"})
"""Attached to everything, and can't be detached, so its thousands of targets aren't listed.

Source: Organizations User Guide, "RCP evaluation".
"""
_FULL_ACCESS = frozenset({"p-FullAWSAccess"})
"""Its counterpart among SCPs, which can be detached. Source: Organizations User Guide, "SCP evaluation"."""
_UNREADABLE = (AwsAccessDeniedError, AwsRejectedError, AwsThrottledError)


@dataclass(slots=True)
class _AttachedPolicy:
    """A policy as the lists show it, and the targets that are known so far."""

    label: PolicyLabel
    is_aws_managed: bool
    is_everywhere: bool
    target_ids: set[str] = field(default_factory=set)


class PolicyListingReader:
    """A reading, with its problems.

    An operation that AWS throttled despite all retries isn't called again for the next policy: each would take as long.
    """

    def __init__(
        self,
        organizations: ServiceCalls,
        *,
        assumes_full_access: bool = False,
        skips_aws_managed: bool = False,
    ) -> None:
        self._organizations = organizations
        self._everywhere = _ATTACHED_EVERYWHERE | (_FULL_ACCESS if assumes_full_access else frozenset())
        self._skips_aws_managed = skips_aws_managed
        self._problems: dict[PolicyKind, tuple[str, ...]] = {}
        self._throttled: dict[str, AwsThrottledError] = {}
        """By operation."""

    def read(self, target_ids: Collection[str] | None) -> PolicyListing:
        """Read the policies of these targets, or of the whole organization."""
        try:
            types = {
                str(found.get("Type"))
                for root in self._organizations.list_all("ListRoots", "Roots")
                for found in root.get("PolicyTypes") or ()
            }
        except _UNREADABLE as error:
            problems = dict.fromkeys(CONTROL_KINDS, (_describe(error, "organizations:ListRoots"),))
            return PolicyListing((), frozenset(CONTROL_KINDS), problems)
        # A type that is being enabled or disabled counts.
        enabled = frozenset(kind for kind in CONTROL_KINDS if _TYPES[kind] in types)
        policies: list[OrganizationPolicy] = []
        for kind in CONTROL_KINDS:
            if kind in enabled:
                found = self._list_all(kind) if target_ids is None else self._list_over(kind, target_ids)
                policies.extend(self._read_content(policy, kind) for policy in found)
        return PolicyListing(tuple(policies), enabled, self._problems)

    def _list_all(self, kind: PolicyKind) -> Iterator[_AttachedPolicy]:
        """List every policy of a kind that is attached to something."""
        for summary in self._list(kind, "ListPolicies"):
            policy = self._parse_summary(summary)
            if policy.is_aws_managed and self._skips_aws_managed:
                continue
            if not policy.is_everywhere:
                policy.target_ids.update(self._list_targets(kind, policy.label.policy_id))
            if policy.target_ids or policy.is_everywhere:
                yield policy

    def _list_over(self, kind: PolicyKind, target_ids: Collection[str]) -> Iterable[_AttachedPolicy]:
        """List every policy of a kind that is attached to any of the targets."""
        found: dict[str, _AttachedPolicy] = {}
        for target_id in sorted(target_ids):
            for summary in self._list(kind, "ListPoliciesForTarget", TargetId=target_id):
                policy = self._parse_summary(summary)
                found.setdefault(policy.label.policy_id, policy).target_ids.add(target_id)
        return found.values()

    def _parse_summary(self, summary: Mapping[str, Any]) -> _AttachedPolicy:
        policy_id = str(required(summary, "Id", "organizations:ListPolicies"))
        label = PolicyLabel(policy_id, str(summary.get("Name") or policy_id))
        return _AttachedPolicy(label, bool(summary.get("AwsManaged")), is_everywhere=policy_id in self._everywhere)

    def _list(self, kind: PolicyKind, operation: str, **parameters: Any) -> tuple[Mapping[str, Any], ...]:
        try:
            return self._list_pages(operation, "Policies", Filter=_TYPES[kind], **parameters)
        except (*_UNREADABLE, AwsNotFoundError) as error:
            self._note(kind, error, operation)
            return ()

    def _list_targets(self, kind: PolicyKind, policy_id: str) -> tuple[str, ...]:
        """List where a policy is attached; nowhere if it was deleted meanwhile."""
        operation = "ListTargetsForPolicy"
        try:
            targets = self._list_pages(operation, "Targets", target=policy_id, PolicyId=policy_id)
            return tuple(str(required(target, "TargetId", f"organizations:{operation}")) for target in targets)
        except AwsNotFoundError:
            return ()
        except _UNREADABLE as error:
            self._note(kind, error, operation)
            return ()

    def _list_pages(
        self, operation: str, member: str, *, target: str | None = None, **parameters: Any
    ) -> tuple[Mapping[str, Any], ...]:
        with self._unless_throttled(operation):
            return tuple(
                self._organizations.list_all(operation, member, target=target, MaxResults=PAGE_SIZE, **parameters)
            )

    @contextmanager
    def _unless_throttled(self, operation: str) -> Iterator[None]:
        if operation in self._throttled:
            raise self._throttled[operation]
        try:
            yield
        except AwsThrottledError as error:
            self._throttled[operation] = error
            raise

    def _note(self, kind: PolicyKind, error: _Refusal, operation: str) -> None:
        problems = (*self._problems.get(kind, ()), _describe(error, f"organizations:{operation}"))
        self._problems[kind] = tuple(dict.fromkeys(problems))

    def _read_content(self, policy: _AttachedPolicy, kind: PolicyKind) -> OrganizationPolicy:
        """Read the policy's document, or note the reason why it can't be read."""
        policy_id, content, problem = policy.label.policy_id, None, None
        try:
            with self._unless_throttled("DescribePolicy"):
                answer = self._organizations.read("DescribePolicy", target=policy_id, PolicyId=policy_id)
            described = required(answer, "Policy", "organizations:DescribePolicy")
            content = str(required(described, "Content", "organizations:DescribePolicy"))
        except (*_UNREADABLE, AwsNotFoundError) as error:
            problem = _describe(error, "organizations:DescribePolicy")
        return OrganizationPolicy(
            label=policy.label,
            kind=kind,
            content=content,
            target_ids=frozenset(policy.target_ids),
            is_aws_managed=policy.is_aws_managed,
            is_everywhere=policy.is_everywhere,
            problem=problem,
        )


_Refusal = AwsAccessDeniedError | AwsNotFoundError | AwsRejectedError | AwsThrottledError


def _describe(error: _Refusal, permission: str) -> str:
    if isinstance(error, AwsAccessDeniedError):
        return f"needs {permission}, from the management account or a delegated administrator account"
    if isinstance(error, AwsThrottledError):
        return f"needs another try: AWS limited the rate of {permission}"
    return f"{permission}: {error.message}"
