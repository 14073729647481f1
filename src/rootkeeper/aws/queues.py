"""Queue policies within a root session of the task SQSUnlockQueuePolicy.

A queue is found in one Region at a time. Its policy is an attribute; an empty text takes it away.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from rootkeeper.aws.answers import refuse_answer, required
from rootkeeper.aws.session_calls import SessionCalls
from rootkeeper.domain.ledger import Action, Intent
from rootkeeper.domain.resource_policies.resources import Resource, ResourceKind
from rootkeeper.errors import AwsNotFoundError

_PAGE_SIZE = 1000
"""Without a size SQS gives 1,000 queues and no token. Source: SQS ListQueues, API version 2012-11-05."""
_POLICY = "Policy"


class AwsQueuePolicies:
    """Implements ``ports.resource_policies.ResourcePolicies`` for queues."""

    def __init__(self, calls: SessionCalls) -> None:
        self._calls = calls
        self._urls: dict[Resource, str] = {}
        """Each worth a call."""

    def list_resources(self, region: str) -> tuple[Resource, ...]:
        """sqs:ListQueues to the end."""
        urls = self._calls.list_all(region, "ListQueues", "QueueUrls", may_lack_member=True, MaxResults=_PAGE_SIZE)
        return tuple(sorted((self._remember(str(url), region) for url in urls), key=lambda queue: queue.name))

    def find_resource(self, name: str, region: str) -> Resource | None:
        """One call: sqs:GetQueueUrl."""
        try:
            answer = self._calls.read(region, "GetQueueUrl", QueueName=name)
        except AwsNotFoundError:
            return None
        found = self._remember(str(required(answer, "QueueUrl", "sqs:GetQueueUrl")), region)
        if found.name != name:
            refuse_answer("sqs:GetQueueUrl", f"it tells of {found.name}, not of {name}")
        return found

    def find_policy(self, resource: Resource) -> str | None:
        """One call: sqs:GetQueueAttributes, and sqs:GetQueueUrl before it where the queue wasn't listed."""
        answer = self._calls.read(
            resource.region, "GetQueueAttributes", QueueUrl=self._find_url(resource), AttributeNames=[_POLICY]
        )
        required(answer.get("ResponseMetadata", {}), "RequestId", "sqs:GetQueueAttributes")
        return str(answer.get("Attributes", {}).get(_POLICY, "")) or None

    def put_policy(self, resource: Resource, policy: str, intent: Intent) -> None:
        """One call: sqs:SetQueueAttributes, and sqs:GetQueueUrl before it where the queue wasn't found yet."""
        self._calls.change(
            resource.region,
            "SetQueueAttributes",
            Action.QUEUE_POLICY_SET,
            intent,
            QueueUrl=self._find_url(resource),
            Attributes={_POLICY: policy},
        )

    def remove_policy(self, resource: Resource, intent: Intent) -> None:
        """As ``put_policy``, with an empty one."""
        self.put_policy(resource, "", intent)

    def _find_url(self, resource: Resource) -> str:
        if resource not in self._urls and self.find_resource(resource.name, resource.region) is None:
            raise AwsNotFoundError(
                f"There is no {resource}.", operation="sqs:GetQueueUrl", aws_code="QueueDoesNotExist"
            )
        return self._urls[resource]

    def _remember(self, url: str, region: str) -> Resource:
        """Calls go to the client's own endpoint, whatever host the URL names."""
        owner, _, name = urlsplit(url).path.strip("/").rpartition("/")
        if owner != self._calls.account_id:
            refuse_answer("SQS", "a queue's URL isn't of the account that was asked")
        partition = self._calls.clients.partition
        queue = Resource(ResourceKind.QUEUE, self._calls.account_id, unquote(name), region, partition)
        self._urls[queue] = url
        return queue
