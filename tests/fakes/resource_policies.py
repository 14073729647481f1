"""Buckets and queues of the fake organization, as its root sessions reach them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rootkeeper.aws.rules import Resource, ResourceKind, TaskPolicy
from rootkeeper.errors import AwsAccessDeniedError, AwsNotFoundError, InputError
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId

if TYPE_CHECKING:
    from tests.fakes.organization import FakeOrganization
    from tests.fakes.root_sessions import FakeRootSession

UNLOCK_OPERATIONS: dict[TaskPolicy, frozenset[str]] = {
    TaskPolicy.UNLOCK_BUCKET: frozenset({"DeleteBucketPolicy", "GetBucketPolicy", "ListBuckets", "PutBucketPolicy"}),
    TaskPolicy.UNLOCK_QUEUE: frozenset({"GetQueueAttributes", "GetQueueUrl", "ListQueues", "SetQueueAttributes"}),
}
"""The operations that each unlock task leaves to the session."""


@dataclass(slots=True)
class FakeResources:
    """Every bucket and queue, with its policy."""

    policies: dict[Resource, str | None] = field(default_factory=dict)
    enabled_regions: tuple[str, ...] | None = ("eu-central-1", "us-east-1")
    """``None``: the caller may not read them."""
    known_regions: tuple[str, ...] = ("ap-east-1", "eu-central-1", "us-east-1")
    is_elsewhere: bool = False
    """Whether S3 and SQS would be asked at another place than everything else."""
    shows_before: int = 0
    """So many readings after a change still show the policy of before."""
    _before: dict[Resource, str | None] = field(default_factory=dict)

    def add(
        self,
        kind: ResourceKind,
        account_id: AccountId,
        name: str,
        policy: str | None = None,
        region: str = "us-east-1",
    ) -> Resource:
        resource = Resource(kind, account_id, name, region, "aws")
        self.policies[resource] = policy
        return resource

    def change(self, resource: Resource, policy: str | None) -> None:
        if resource not in self.policies:
            raise AwsNotFoundError(f"There is no {resource}.", aws_code="NoSuchBucket")
        self._before[resource] = self.policies[resource]
        self.policies[resource] = policy

    def show(self, resource: Resource) -> str | None:
        if resource not in self.policies:
            raise AwsNotFoundError(f"There is no {resource}.", aws_code="NoSuchBucket")
        if resource in self._before and self.shows_before > 0:
            self.shows_before -= 1
            return self._before[resource]
        return self.policies[resource]


@dataclass(slots=True)
class FakePlaces:
    """Implements ResourcePlaces."""

    organization: FakeOrganization
    region: str = "us-east-1"

    def require_same_place(self, kind: ResourceKind) -> None:
        if self.organization.resources.is_elsewhere:
            raise InputError(f"{kind.value} would be asked elsewhere.")

    def list_known_regions(self, kind: ResourceKind) -> tuple[str, ...]:
        return self.organization.resources.known_regions

    def list_enabled_regions(self, account_id: AccountId | None) -> tuple[str, ...]:
        self.organization.perform("ListRegions", account_id or self.organization.caller.account_id)
        if self.organization.resources.enabled_regions is None:
            raise AwsAccessDeniedError("account:ListRegions was denied.", aws_code="AccessDeniedException")
        return self.organization.resources.enabled_regions


@dataclass(slots=True)
class FakeResourcePolicies:
    """Implements ResourcePolicies within one root session."""

    session: FakeRootSession

    def list_resources(self, region: str) -> tuple[Resource, ...]:
        self.session.read("ListBuckets" if self._is_of_buckets else "ListQueues")
        return tuple(sorted(self._list_own(region), key=lambda resource: resource.name))

    def find_resource(self, name: str, region: str) -> Resource | None:
        operation = "ListBuckets" if self._is_of_buckets else "GetQueueUrl"
        try:
            self.session.read(operation)
        except AwsAccessDeniedError:
            if not self._is_of_buckets:
                raise
            self.session.read("GetBucketPolicy")
        return next((resource for resource in self._list_own(region) if resource.name == name), None)

    def find_policy(self, resource: Resource) -> str | None:
        self.session.read("GetBucketPolicy" if self._is_of_buckets else "GetQueueAttributes")
        return self._resources.show(resource)

    def put_policy(self, resource: Resource, policy: str, intent: Intent) -> None:
        self._change("PutBucketPolicy", Action.BUCKET_POLICY_PUT, resource, policy, intent)

    def remove_policy(self, resource: Resource, intent: Intent) -> None:
        self._change("DeleteBucketPolicy", Action.BUCKET_POLICY_DELETE, resource, None, intent)

    @property
    def _resources(self) -> FakeResources:
        return self.session.organization.resources

    @property
    def _is_of_buckets(self) -> bool:
        return self.session.task_policy is TaskPolicy.UNLOCK_BUCKET

    def _list_own(self, region: str) -> list[Resource]:
        kind = ResourceKind.BUCKET if self._is_of_buckets else ResourceKind.QUEUE
        return [
            resource
            for resource in self._resources.policies
            if (resource.kind, resource.account_id) == (kind, self.session.account_id)
            and (self._is_of_buckets or resource.region == region)
        ]

    def _change(self, operation: str, action: Action, resource: Resource, policy: str | None, intent: Intent) -> None:
        if not self._is_of_buckets:
            operation, action = "SetQueueAttributes", Action.QUEUE_POLICY_SET
        self.session.change(operation, action, intent, lambda: self._resources.change(resource, policy))
