"""SQS: queues and their attributes.

The root user of a queue's owner can read and set its attributes even if the policy of the queue denies that, as for
buckets (aws-facts M.6; that it holds for each of these calls is assumed).

Source: Amazon SQS API Reference, API version 2012-11-05.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from rootkeeper_sandbox.exchange import Call, GuardedResource, ServedOperations, ServiceError
from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.services.pagination import cut_page
from rootkeeper_sandbox.services.resource_policies import PolicyProblemError, check_resource_policy
from rootkeeper_sandbox.state.resources import DEFAULT_ATTRIBUTES, Queue, queue_arn

_ACCOUNT_ID = re.compile(r"\d{12}")


def queue_url(call: Call, queue: Queue) -> str:
    """Spell a queue's URL on the endpoint that was called; AWS's own host names get AWS's scheme."""
    suffix = f".{PARTITIONS[call.world.partition].dns_suffix}"
    host = call.host or f"sqs.{queue.region}{suffix}"
    scheme = "https" if host.endswith(suffix) else "http"
    return f"{scheme}://{host}/{queue.account_id}/{queue.name}"


def _parse_url(call: Call) -> tuple[str, str]:
    """Read account id and name out of a queue's URL, or out of a bare name, as SQS accepts it."""
    url: str = call.parameters["QueueUrl"]
    try:
        segments = urlsplit(url).path.strip("/").split("/")
    except ValueError:
        segments = []
    if len(segments) == 1 and segments[0] and "://" not in url:
        return call.principal.account_id, segments[0]
    if len(segments) == 2 and _ACCOUNT_ID.fullmatch(segments[0]):
        return segments[0], unquote(segments[1])
    raise ServiceError("InvalidAddress", f"The address {url[:200]} is not valid for this endpoint.")


def named_queue_arn(call: Call) -> str:
    """Spell the ARN of the queue that ``QueueName`` means, in the caller's account or the account that is named."""
    account_id = call.parameters.get("QueueOwnerAWSAccountId") or call.principal.account_id
    return queue_arn(call.world.partition, call.region, account_id, call.parameters["QueueName"])


def addressed_queue_arn(call: Call) -> str:
    """Spell the ARN of the queue that ``QueueUrl`` means, whether or not the queue exists."""
    account_id, name = _parse_url(call)
    return queue_arn(call.world.partition, call.region, account_id, name)


def all_queues_arn(call: Call) -> str:
    return queue_arn(call.world.partition, call.region, call.principal.account_id, "")


def validate_url(call: Call) -> None:
    """:raises ServiceError: InvalidAddress."""
    _parse_url(call)


def get_addressed_queue(call: Call) -> Queue:
    """Get the queue that ``QueueUrl`` means."""
    return _get(call, addressed_queue_arn(call))


def get_named_queue(call: Call) -> Queue:
    """Get the queue that ``QueueName`` means."""
    return _get(call, named_queue_arn(call))


def _get(call: Call, arn: str) -> Queue:
    queue = call.world.queues.queues.get(arn)
    if queue is None:
        raise ServiceError("QueueDoesNotExist", "The specified queue does not exist.")
    return queue


def guard_addressed_queue(call: Call) -> GuardedResource | None:
    return _guard(call, addressed_queue_arn(call))


def guard_named_queue(call: Call) -> GuardedResource | None:
    return _guard(call, named_queue_arn(call))


def _guard(call: Call, arn: str) -> GuardedResource:
    """Give owner and policy in force; a queue that isn't there is its account's, without a policy."""
    queue = call.world.queues.queues.get(arn)
    return GuardedResource(arn.split(":")[4], policy_in_force(call, queue) if queue else None)


def policy_in_force(call: Call, queue: Queue) -> str | None:
    lag_seconds = call.world.organization.eligibility.propagation_delays.queue_policy_change[1]
    return queue.policy_in_force(call.now, lag_seconds)


def invalid_value(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)


_RANGES: Mapping[str, tuple[int, int]] = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}

_KEPT_ONLY = frozenset({"KmsMasterKeyId", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled"})
"""Kept and shown, without effect."""
_FIFO = frozenset({"ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit"})

_READ_ONLY_ATTRIBUTES = frozenset({
    "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn",
})  # fmt: skip

POLICY = "Policy"
_MAX_TEXT_BYTES = 64 * 1024


def apply_attributes(call: Call, queue: Queue, attributes: Mapping[str, str]) -> None:
    """Set attributes, all of them or none; an empty policy removes it.

    :raises ServiceError: InvalidAttributeName, InvalidAttributeValue or UnsupportedOperation.
    """
    for name, value in attributes.items():
        if name in _FIFO:
            raise ServiceError("UnsupportedOperation", "The sandbox does not imitate FIFO queues.")
        if name not in _RANGES and name not in _KEPT_ONLY and name != POLICY:
            raise ServiceError("InvalidAttributeName", f"Unknown Attribute {name[:100]}.")
        if len(value) > _MAX_TEXT_BYTES or (name in _RANGES and not _is_within(value, _RANGES[name])):
            raise _invalid_value(name)
        if name == POLICY and value:
            try:
                check_resource_policy(value, "sqs", (queue.arn,), call.world)
            except PolicyProblemError as error:
                raise _invalid_value(name) from error
    for name, value in attributes.items():
        if name == POLICY:
            queue.set_policy(value or None, call.now)
        elif value or name in _RANGES:
            queue.attributes[name] = value
        else:
            queue.attributes.pop(name, None)


def _is_within(value: str, bounds: tuple[int, int]) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 10 and bounds[0] <= int(value) <= bounds[1]


def _invalid_value(name: str) -> ServiceError:
    return ServiceError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def describe_attributes(call: Call, queue: Queue, names: list[str]) -> dict[str, str]:
    """Give the attributes asked for, of those that have a value.

    :raises ServiceError: InvalidAttributeName.
    """
    known = _RANGES.keys() | _KEPT_ONLY | _FIFO | _READ_ONLY_ATTRIBUTES | {POLICY, "All"}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ServiceError("InvalidAttributeName", f"Unknown Attribute {unknown[0][:100]}.")
    queue.drop_old_messages(call.now)
    visible = len(queue.visible_messages(call.now))
    hidden = [message for message in queue.messages.values() if message.visible_at > call.now]
    in_flight = sum(1 for message in hidden if message.receive_count)
    described = {
        **DEFAULT_ATTRIBUTES,
        **queue.attributes,
        "ApproximateNumberOfMessages": str(visible),
        "ApproximateNumberOfMessagesDelayed": str(len(hidden) - in_flight),
        "ApproximateNumberOfMessagesNotVisible": str(in_flight),
        "CreatedTimestamp": str(int(queue.created_at.timestamp())),
        "LastModifiedTimestamp": str(int(queue.modified_at.timestamp())),
        "QueueArn": queue.arn,
    }
    if queue.policy:
        described[POLICY] = queue.policy
    return {name: value for name, value in described.items() if "All" in names or name in names}


MAX_QUEUES = 1000
"""In an account and Region; a bound of the sandbox's own."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_SUFFIX = ".fifo"
_AFTER_DELETION = timedelta(seconds=60)
_BETWEEN_PURGES = timedelta(seconds=60)
_PAGE_SIZE = 1000


def _validate_name(call: Call) -> None:
    name = call.parameters["QueueName"]
    if name.endswith(_FIFO_SUFFIX):
        raise ServiceError("UnsupportedOperation", "The sandbox does not imitate FIFO queues.")
    if not _NAME.fullmatch(name):
        raise invalid_value("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")


OPERATIONS = ServedOperations("sqs", resource=addressed_queue_arn, validate=validate_url, guard=guard_addressed_queue)


@OPERATIONS.change("CreateQueue", resource=named_queue_arn, validate=_validate_name, guard=None)
def create_queue(call: Call) -> dict[str, Any]:
    """Create a queue; an existing queue with the same attributes is given again."""
    name, attributes = call.parameters["QueueName"], call.parameters.get("Attributes", {})
    existing = call.world.queues.queues.get(named_queue_arn(call))
    if existing:
        _require_same(call, existing, attributes)
        return {"QueueUrl": queue_url(call, existing)}
    book = call.world.queues
    deleted_at = book.deleted_at.get(named_queue_arn(call))
    if deleted_at is not None and call.now < deleted_at + _AFTER_DELETION:
        message = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
        raise ServiceError("QueueDeletedRecently", message)
    if len(book.of_account(call.principal.account_id, call.region)) >= MAX_QUEUES:
        raise ServiceError("OverLimit", f"The sandbox keeps at most {MAX_QUEUES} queues of an account in a Region.")
    moment = call.now.replace(microsecond=0)
    account_id = call.principal.account_id
    queue = Queue(name, account_id, call.region, moment, moment, call.world.partition)
    _add_tags(queue, call.parameters.get("tags", {}))
    apply_attributes(call, queue, attributes)
    queue.policy_changed_at = None
    call.world.queues.add(queue)
    return {"QueueUrl": queue_url(call, queue)}


def _require_same(call: Call, queue: Queue, attributes: dict[str, str]) -> None:
    found = describe_attributes(call, queue, ["All"])
    for name, value in attributes.items():
        if found.get(name, "") != value:
            message = f"A queue already exists with the same name and a different value for attribute {name}"
            raise ServiceError("QueueNameExists", message)


@OPERATIONS.read("ListQueues", resource=all_queues_arn, validate=None, guard=None)
def list_queues(call: Call) -> dict[str, Any]:
    """List the URLs of the caller's queues in the Region; without MaxResults at most 1,000 and no token."""
    prefix = call.parameters.get("QueueNamePrefix", "")
    owned = call.world.queues.of_account(call.principal.account_id, call.region)
    urls = [queue_url(call, queue) for queue in owned if queue.name.startswith(prefix)]
    size = call.parameters.get("MaxResults")
    if size is None:
        return {"QueueUrls": urls[:_PAGE_SIZE]} if urls else {}
    if not 1 <= size <= _PAGE_SIZE:
        raise invalid_value("Value for parameter MaxResults is invalid. Reason: Must be between 1 and 1000.")
    refusal = invalid_value("Invalid or expired next token.")
    page, token = cut_page(call, urls, size, call.parameters.get("NextToken"), refusal)
    return {"QueueUrls": page} | ({"NextToken": token} if token else {})


@OPERATIONS.read(
    "GetQueueUrl", resource=named_queue_arn, guard=guard_named_queue, is_open_to_owner_root=True, validate=None
)
def get_queue_url(call: Call) -> dict[str, Any]:
    """Find a queue by its name."""
    return {"QueueUrl": queue_url(call, get_named_queue(call))}


@OPERATIONS.read("GetQueueAttributes", is_open_to_owner_root=True)
def get_queue_attributes(call: Call) -> dict[str, Any]:
    """Give attributes; without names none. A new policy is shown at once, even before it takes effect."""
    attributes = describe_attributes(call, get_addressed_queue(call), call.parameters.get("AttributeNames", []))
    return {"Attributes": attributes} if attributes else {}


@OPERATIONS.change("SetQueueAttributes", is_open_to_owner_root=True)
def set_queue_attributes(call: Call) -> dict[str, Any]:
    queue = get_addressed_queue(call)
    apply_attributes(call, queue, call.parameters["Attributes"])
    queue.modified_at = call.now.replace(microsecond=0)
    return {}


@OPERATIONS.change("PurgeQueue")
def purge_queue(call: Call) -> dict[str, Any]:
    """Delete all messages, at most once a minute."""
    queue = get_addressed_queue(call)
    if queue.purged_at is not None and call.now < queue.purged_at + _BETWEEN_PURGES:
        message = f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds."
        raise ServiceError("PurgeQueueInProgress", message, 403)
    queue.messages.clear()
    queue.purged_at = call.now
    return {}


@OPERATIONS.change("DeleteQueue")
def delete_queue(call: Call) -> dict[str, Any]:
    call.world.queues.remove(get_addressed_queue(call), call.now)
    return {}


_MAX_TAGS = 50
"""Source: Amazon SQS API Reference, TagQueue."""


@OPERATIONS.read("ListQueueTags")
def list_queue_tags(call: Call) -> dict[str, Any]:
    tags = get_addressed_queue(call).tags
    return {"Tags": dict(tags)} if tags else {}


@OPERATIONS.change("TagQueue")
def tag_queue(call: Call) -> dict[str, Any]:
    """Add tags; those with the same keys are replaced."""
    _add_tags(get_addressed_queue(call), call.parameters["Tags"])
    return {}


def _add_tags(queue: Queue, tags: dict[str, str]) -> None:
    if len(queue.tags | tags) > _MAX_TAGS:
        raise invalid_value(f"Too many tags added for queue {queue.name}.")
    queue.tags.update(tags)


@OPERATIONS.change("UntagQueue")
def untag_queue(call: Call) -> dict[str, Any]:
    """Remove tags; keys that aren't there are no error."""
    queue = get_addressed_queue(call)
    for key in call.parameters["TagKeys"]:
        queue.tags.pop(key, None)
    return {}
