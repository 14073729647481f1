"""Bucket policies within a root session of the task S3UnlockBucketPolicy.

Each call names the owner that it expects, so that none can be about a bucket of anybody else. The task denies
GetBucketLocation and HeadBucket: a bucket's Region comes from a paged ListBuckets, or from the redirect with which S3
answers in the wrong Region.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from rootkeeper.aws.answers import refuse_answer, required
from rootkeeper.aws.session_calls import SessionCalls
from rootkeeper.domain.ledger import Action, Intent
from rootkeeper.domain.resource_policies.resources import Resource, ResourceKind
from rootkeeper.errors import AwsAccessDeniedError, AwsError, AwsNotFoundError

_PAGE_SIZE = 1000
_NO_POLICY = "NoSuchBucketPolicy"
_REDIRECTS = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
        "TemporaryRedirect",
    }
)
"""What S3 answers in the wrong Region. Source: S3 API Reference, Error responses."""
_REGION_HEADER = "x-amz-bucket-region"


class AwsBucketPolicies:
    """Implements ``ports.resource_policies.ResourcePolicies`` for buckets."""

    def __init__(self, calls: SessionCalls) -> None:
        self._calls = calls

    def list_resources(self, region: str) -> tuple[Resource, ...]:
        """s3:ListBuckets to the end; s3:GetBucketPolicy for each whose Region isn't told."""
        found = (self._parse(bucket, region) for bucket in self._list(region))
        return tuple(sorted((bucket for bucket in found if bucket is not None), key=lambda bucket: bucket.name))

    def find_resource(self, name: str, region: str) -> Resource | None:
        """s3:ListBuckets; where it is denied, s3:GetBucketPolicy and the redirect."""
        try:
            listed = [bucket for bucket in self._list(region, Prefix=name) if bucket.get("Name") == name]
        except AwsAccessDeniedError:
            return self._locate(name, region)
        return self._parse(listed[0], region) if listed else None

    def find_policy(self, resource: Resource) -> str | None:
        """One call: s3:GetBucketPolicy."""
        try:
            return self._read_policy(resource.name, resource.region)
        except AwsNotFoundError as error:
            if error.aws_code != _NO_POLICY:
                raise
        return None

    def put_policy(self, resource: Resource, policy: str, intent: Intent) -> None:
        """One call: s3:PutBucketPolicy."""
        self._change("PutBucketPolicy", Action.BUCKET_POLICY_PUT, resource, intent, Policy=policy)

    def remove_policy(self, resource: Resource, intent: Intent) -> None:
        """One call: s3:DeleteBucketPolicy."""
        self._change("DeleteBucketPolicy", Action.BUCKET_POLICY_DELETE, resource, intent)

    def _list(self, region: str, **parameters: str) -> Iterator[Any]:
        asked: dict[str, Any] = {"MaxBuckets": _PAGE_SIZE, **parameters}
        return self._calls.list_all(region, "ListBuckets", "Buckets", **asked)

    def _parse(self, bucket: Any, region: str) -> Resource | None:
        name = str(required(bucket, "Name", "s3:ListBuckets"))
        reported = bucket.get("BucketRegion")
        return self._resource(name, str(reported)) if reported else self._locate(name, region)

    def _locate(self, name: str, region: str) -> Resource | None:
        """Ask in ``region``: an answer, or a redirect, tells where the bucket lies."""
        try:
            self._read_policy(name, region)
        except AwsNotFoundError as error:
            return self._resource(name, region) if error.aws_code == _NO_POLICY else None
        except AwsError as error:
            if error.aws_code not in _REDIRECTS:
                raise
            return self._resource(name, _read_redirect(error))
        return self._resource(name, region)

    def _read_policy(self, name: str, region: str) -> str:
        answer = self._calls.read(region, "GetBucketPolicy", Bucket=name, ExpectedBucketOwner=self._calls.account_id)
        return str(required(answer, "Policy", "s3:GetBucketPolicy"))

    def _change(self, operation: str, action: Action, resource: Resource, intent: Intent, **parameters: object) -> None:
        self._calls.change(
            resource.region,
            operation,
            action,
            intent,
            Bucket=resource.name,
            ExpectedBucketOwner=self._calls.account_id,
            **parameters,
        )

    def _resource(self, name: str, region: str) -> Resource:
        partition = self._calls.clients.partition
        return Resource(ResourceKind.BUCKET, self._calls.account_id, name, region, partition)


def _read_redirect(error: AwsError) -> str:
    """The Region that a redirect names, in its header or else in its body."""
    answer = error.__cause__.response if isinstance(error.__cause__, ClientError) else {}
    headers: Any = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    named: Any = headers.get(_REGION_HEADER) or answer.get("Error", {}).get("Region")
    if not named:
        refuse_answer("s3:GetBucketPolicy", "the redirect names no Region")
    return str(named)
