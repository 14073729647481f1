"""Policies of buckets and queues, as a root session of an unlock task reaches them."""

from __future__ import annotations

from typing import Protocol

from rootkeeper.domain.ledger import Intent
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.resource_policies.resources import Resource, ResourceKind


class ResourcePolicies(Protocol):
    """The buckets, or the queues, of one account within one root session; safe in many threads.

    Reading methods raise AwsAccessDeniedError (an SCP, RCP or VPC endpoint policy denies: no bucket or queue policy can
    deny its owner's root user), AwsCredentialsError (the session is over), AwsThrottledError or AwsUnreachableError.
    Changing methods are sent once, ask for the receipt of their intent, and raise LockLostError if that is no longer
    valid, AwsNotFoundError, AwsAccessDeniedError, AwsRejectedError, AwsThrottledError (all of which say that nothing
    changed) or AwsUnclearError (a re-read decides).
    """

    def list_resources(self, region: str) -> tuple[Resource, ...]:
        """By name. Buckets: those of all Regions, asked for in ``region``; s3:ListBuckets to the end. Queues: those of
        ``region``; sqs:ListQueues to the end.
        """
        ...

    def find_resource(self, name: str, region: str) -> Resource | None:
        """The account's own bucket of that name, whatever its Region, or its queue of that name in ``region``.

        s3:ListBuckets, or where that is denied s3:GetBucketPolicy and the redirect; sqs:GetQueueUrl.
        """
        ...

    def find_policy(self, resource: Resource) -> str | None:
        """The policy's text as AWS has it; ``None`` if there is none. s3:GetBucketPolicy; sqs:GetQueueAttributes.

        :raises AwsNotFoundError: if the bucket or queue itself doesn't exist.
        """
        ...

    def put_policy(self, resource: Resource, policy: str, intent: Intent) -> None:
        """One call: s3:PutBucketPolicy or sqs:SetQueueAttributes."""
        ...

    def remove_policy(self, resource: Resource, intent: Intent) -> None:
        """One call: s3:DeleteBucketPolicy, or sqs:SetQueueAttributes with an empty policy."""
        ...


class ResourcePlaces(Protocol):
    """Where buckets and queues are asked for."""

    @property
    def region(self) -> str:
        """The Region of the operator's own calls."""
        ...

    def require_same_place(self, kind: ResourceKind) -> None:
        """Check that the service's calls go where the others go, AWS or a sandbox. No call.

        :raises InputError: if they don't: credentials of AWS must not reach another server, nor the other way round.
        """
        ...

    def list_known_regions(self, kind: ResourceKind) -> tuple[str, ...]:
        """Regions of the partition that this program's AWS SDK knows. No call."""
        ...

    def list_enabled_regions(self, account_id: AccountId | None) -> tuple[str, ...]:
        """Regions that are enabled in an account, at least one; ``None``: the caller's own. account:ListRegions to the
        end.

        :raises AwsAccessDeniedError: if the caller isn't in the management account or a delegated administrator for
            Account Management, or trusted access for it is off.
        """
        ...
