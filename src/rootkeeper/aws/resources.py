"""Bucket and queue policies within a root session, the Regions and endpoints where they are read, and the state of
EventBridge rules in any Region.

Each call names the bucket owner that it expects, so it can't reach another account's bucket. The task policy denies
GetBucketLocation and HeadBucket: a bucket's Region comes from a paged ListBuckets, or from the redirect with which S3
answers in the wrong Region. Queues are found Region by Region. A queue's policy is an attribute; an empty text
removes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from rootkeeper.aws.clients import AwsClients, GatewayPart
from rootkeeper.aws.credentials import RootSessionCredentials, require_intent_fits, root_session_entered
from rootkeeper.aws.endpoints import host_and_port, is_aws
from rootkeeper.aws.errors import AwsResponse, refuse_answer, required
from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.errors import AwsAccessDeniedError, AwsError, AwsNotFoundError, InputError
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId, Endpoint


@dataclass(frozen=True, slots=True)
class SessionCalls:
    """Calls of a root session to S3 or SQS, signed with its credentials or not at all; safe in many threads."""

    clients: AwsClients
    service: str
    account_id: AccountId
    credentials: RootSessionCredentials = field(repr=False)
    is_identified: Callable[[], bool]
    """Whether GetCallerIdentity has shown that the session is the target's root user."""

    def read(self, region: str, operation: str, **parameters: object) -> AwsResponse:
        """:raises AwsError: as ``ServiceCalls.read`` does."""
        calls = self.clients.regional_root_calls(self.service, region)
        with root_session_entered(self.credentials):
            return calls.read(operation, target=self.account_id, **parameters)

    def list_all(
        self, region: str, operation: str, member: str, *, may_lack_member: bool = False, **parameters: object
    ) -> Iterator[Any]:
        """:raises AwsError: as ``ServiceCalls.list_all`` does."""
        calls = self.clients.regional_root_calls(self.service, region)
        with root_session_entered(self.credentials):
            found = list(
                calls.list_all(operation, member, target=self.account_id, may_lack_member=may_lack_member, **parameters)
            )
        yield from found

    def change(self, region: str, operation: str, action: Action, intent: Intent, **parameters: object) -> None:
        """Make a changing call, once.

        :raises AwsError: as ``ServiceCalls.change`` does.
        :raises LockLostError: if the intent is no longer valid; nothing was sent.
        """
        require_intent_fits(intent, action, self.account_id)
        if not self.is_identified():
            raise ValueError(f"{operation} before the identity of the root session was checked")
        calls = self.clients.regional_root_calls(self.service, region, changing=True)
        with root_session_entered(self.credentials):
            calls.change(operation, intent, self.clients.clock, target=self.account_id, **parameters)


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
"""S3's errors in the wrong Region. Source: S3 API Reference, Error responses."""


class AwsBucketPolicies:
    """Implements ``ResourcePolicies`` for buckets."""

    def __init__(self, calls: SessionCalls) -> None:
        self._calls = calls

    def list_resources(self, region: str) -> tuple[Resource, ...]:
        found = (self._parse(bucket, region) for bucket in self._list(region))
        return tuple(sorted((bucket for bucket in found if bucket is not None), key=lambda bucket: bucket.name))

    def find_resource(self, name: str, region: str) -> Resource | None:
        try:
            listed = [bucket for bucket in self._list(region, Prefix=name) if bucket.get("Name") == name]
        except AwsAccessDeniedError:
            return self._locate(name, region)
        return self._parse(listed[0], region) if listed else None

    def find_policy(self, resource: Resource) -> str | None:
        try:
            return self._read_policy(resource.name, resource.region)
        except AwsNotFoundError as error:
            if error.aws_code != _NO_POLICY:
                raise
        return None

    def put_policy(self, resource: Resource, policy: str, intent: Intent) -> None:
        self._change("PutBucketPolicy", Action.BUCKET_POLICY_PUT, resource, intent, Policy=policy)

    def remove_policy(self, resource: Resource, intent: Intent) -> None:
        self._change("DeleteBucketPolicy", Action.BUCKET_POLICY_DELETE, resource, intent)

    def _list(self, region: str, **parameters: str) -> Iterator[Any]:
        asked: dict[str, Any] = {"MaxBuckets": _PAGE_SIZE, **parameters}
        return self._calls.list_all(region, "ListBuckets", "Buckets", **asked)

    def _parse(self, bucket: Any, region: str) -> Resource | None:
        name = str(required(bucket, "Name", "s3:ListBuckets"))
        reported = bucket.get("BucketRegion")
        return self._resource(name, str(reported)) if reported else self._locate(name, region)

    def _locate(self, name: str, region: str) -> Resource | None:
        """Find a bucket's Region: an answer from ``region``, or S3's redirect, shows it."""
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
    named: Any = headers.get("x-amz-bucket-region") or answer.get("Error", {}).get("Region")
    if not named:
        refuse_answer("s3:GetBucketPolicy", "the redirect names no Region")
    return str(named)


_QUEUE_PAGE_SIZE = 1000
"""Without a size, SQS returns 1,000 queues and no token. Source: SQS ListQueues, API version 2012-11-05."""
_POLICY = "Policy"


class AwsQueuePolicies:
    """Implements ``ResourcePolicies`` for queues."""

    def __init__(self, calls: SessionCalls) -> None:
        self._calls = calls
        self._urls: dict[Resource, str] = {}
        """Known URLs; each saves a call."""

    def list_resources(self, region: str) -> tuple[Resource, ...]:
        urls = self._calls.list_all(
            region, "ListQueues", "QueueUrls", may_lack_member=True, MaxResults=_QUEUE_PAGE_SIZE
        )
        return tuple(sorted((self._remember(str(url), region) for url in urls), key=lambda queue: queue.name))

    def find_resource(self, name: str, region: str) -> Resource | None:
        try:
            answer = self._calls.read(region, "GetQueueUrl", QueueName=name)
        except AwsNotFoundError:
            return None
        found = self._remember(str(required(answer, "QueueUrl", "sqs:GetQueueUrl")), region)
        if found.name != name:
            refuse_answer("sqs:GetQueueUrl", f"it is about {found.name}, not {name}")
        return found

    def find_policy(self, resource: Resource) -> str | None:
        answer = self._calls.read(
            resource.region, "GetQueueAttributes", QueueUrl=self._find_url(resource), AttributeNames=[_POLICY]
        )
        required(answer.get("ResponseMetadata", {}), "RequestId", "sqs:GetQueueAttributes")
        return str(answer.get("Attributes", {}).get(_POLICY, "")) or None

    def put_policy(self, resource: Resource, policy: str, intent: Intent) -> None:
        self._calls.change(
            resource.region,
            "SetQueueAttributes",
            Action.QUEUE_POLICY_SET,
            intent,
            QueueUrl=self._find_url(resource),
            Attributes={_POLICY: policy},
        )

    def remove_policy(self, resource: Resource, intent: Intent) -> None:
        self.put_policy(resource, "", intent)

    def _find_url(self, resource: Resource) -> str:
        if resource not in self._urls and self.find_resource(resource.name, resource.region) is None:
            raise AwsNotFoundError(
                f"There is no {resource}.", operation="sqs:GetQueueUrl", aws_code="QueueDoesNotExist"
            )
        return self._urls[resource]

    def _remember(self, url: str, region: str) -> Resource:
        """Keep a queue's URL. Calls go to the client's own endpoint, not to the URL's host."""
        owner, _, name = urlsplit(url).path.strip("/").rpartition("/")
        if owner != self._calls.account_id:
            refuse_answer("SQS", "the URL of a queue contains another account")
        partition = self._calls.clients.partition
        queue = Resource(ResourceKind.QUEUE, self._calls.account_id, unquote(name), region, partition)
        self._urls[queue] = url
        return queue


def _require_same_place(service: str, url: str, endpoint: Endpoint, variable: str) -> None:
    """:raises InputError: if the service's calls don't go where the others go.

    :param variable: the environment variable that sets the service's endpoint.
    """
    if is_aws(service, url) is endpoint.is_sandbox:
        raise InputError(
            f"Calls to {service} would go to {host_and_port(url)}, all others to {endpoint.label}.",
            hint=f"Check AWS_ENDPOINT_URL and {variable}.",
        )


class AwsResourcePlaces(GatewayPart):
    """Implements ``ResourcePlaces``."""

    @property
    def region(self) -> str:
        return self._clients.region

    def require_same_place(self, kind: ResourceKind) -> None:
        url = self._clients.regional_root_calls(kind.value, self._clients.region).url
        _require_same_place(kind.value, url, self._clients.endpoint, f"AWS_ENDPOINT_URL_{kind.value.upper()}")

    def list_known_regions(self, kind: ResourceKind) -> tuple[str, ...]:
        return tuple(sorted(self._clients.session.get_available_regions(kind.value, self._clients.partition)))

    def list_enabled_regions(self, account_id: AccountId | None) -> tuple[str, ...]:
        about: dict[str, Any] = {} if account_id is None else {"AccountId": account_id}
        regions = self._clients.account.list_all(
            "ListRegions",
            "Regions",
            target=account_id,
            RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"],
            MaxResults=50,
            **about,
        )
        enabled = sorted(str(required(region, "RegionName", "account:ListRegions")) for region in regions)
        if not enabled:
            refuse_answer("account:ListRegions", "it contains no enabled Region, and every account has some")
        return tuple(enabled)


class ResourcePolicies(Protocol):
    """The buckets, or the queues, of an account within a root session; safe in many threads.

    Reading methods raise AwsAccessDeniedError (an SCP, RCP or VPC endpoint policy denies; a bucket or queue policy
    can't deny its owner's root user), AwsCredentialsError (the session has expired), AwsThrottledError or
    AwsUnreachableError. Changing methods are sent once and need the receipt of their intent. They raise LockLostError
    if it is no longer valid, AwsNotFoundError, AwsAccessDeniedError, AwsRejectedError, AwsThrottledError (with all of
    these, nothing changed) or AwsUnclearError (a re-read decides).
    """

    def list_resources(self, region: str) -> tuple[Resource, ...]:
        """List by name the buckets of all Regions (``region`` is called; s3:ListBuckets to the end), or the queues of
        ``region`` (sqs:ListQueues to the end).
        """
        ...

    def find_resource(self, name: str, region: str) -> Resource | None:
        """Find the account's own bucket of that name in any Region, or its queue of that name in ``region``.

        s3:ListBuckets, or if that is denied s3:GetBucketPolicy and the redirect; sqs:GetQueueUrl.
        """
        ...

    def find_policy(self, resource: Resource) -> str | None:
        """Read the policy's text; ``None`` if there is none. s3:GetBucketPolicy; sqs:GetQueueAttributes.

        :raises AwsNotFoundError: if the bucket or queue itself doesn't exist.
        """
        ...

    def put_policy(self, resource: Resource, policy: str, intent: Intent) -> None:
        """Call s3:PutBucketPolicy or sqs:SetQueueAttributes once."""
        ...

    def remove_policy(self, resource: Resource, intent: Intent) -> None:
        """Call s3:DeleteBucketPolicy, or sqs:SetQueueAttributes with an empty policy, once."""
        ...


class ResourcePlaces(Protocol):
    """Regions and endpoints of buckets and queues."""

    @property
    def region(self) -> str:
        """The Region of the operator's own calls."""
        ...

    def require_same_place(self, kind: ResourceKind) -> None:
        """Check that the service's calls go where the others go, AWS or a sandbox. No call.

        :raises InputError: if they don't: AWS credentials must not reach another server, nor the other way round.
        """
        ...

    def list_known_regions(self, kind: ResourceKind) -> tuple[str, ...]:
        """List the partition's Regions that the installed AWS SDK knows. No call."""
        ...

    def list_enabled_regions(self, account_id: AccountId | None) -> tuple[str, ...]:
        """List the enabled Regions of an account (``None``: the caller's own); never empty. account:ListRegions to
        the end.

        :raises AwsAccessDeniedError: if the caller isn't in the management account or a delegated administrator for
            Account Management, or trusted access for it is off.
        """
        ...


_ATTEMPTS = 2
"""Fewer than other readers make, because many Regions are asked and only a line of a report depends on the answer."""


EVERY_EVENT_STATE = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""Of an EventBridge rule: reading calls are delivered, too, and an audit makes no others."""


class EventRuleReader(Protocol):
    """Every method may raise AwsAccessDeniedError, AwsCredentialsError, AwsRejectedError, AwsThrottledError or
    AwsUnreachableError.
    """

    def list_enabled_regions(self, account_id: AccountId | None) -> tuple[str, ...]:
        """List the enabled Regions of an account (``None``: the caller's own). account:ListRegions."""
        ...

    def read_rule_state(self, name: str, region: str) -> str | None:
        """Read the state of a rule of the caller's account; ``None`` if there is no such rule. events:DescribeRule.

        :raises InputError: if the Region or the settings of the endpoint can't be used.
        """
        ...


class AwsEventRules(GatewayPart):
    """Implements ``EventRuleReader``, together with ``AwsResourcePlaces``.

    Source: EventBridge DescribeRule, API version 2015-10-07.
    """

    def read_rule_state(self, name: str, region: str) -> str | None:
        calls = self._clients.operator_calls_in("events", region, attempts=_ATTEMPTS)
        _require_same_place("events", calls.url, self._clients.endpoint, "AWS_ENDPOINT_URL_EVENTBRIDGE")
        try:
            answer = calls.read("DescribeRule", Name=name)
        except AwsNotFoundError:
            return None
        return str(required(answer, "State", "events:DescribeRule"))
