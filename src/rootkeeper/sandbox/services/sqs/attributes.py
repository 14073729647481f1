"""Queue attributes: which there are, what values they take, and what a queue tells of itself.

Source: Amazon SQS API Reference, CreateQueue, GetQueueAttributes and SetQueueAttributes.
"""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.sandbox.exchange import Call, ServiceError
from rootkeeper.sandbox.services.resource_policies import PolicyProblemError, check_resource_policy
from rootkeeper.sandbox.state import Queue
from rootkeeper.sandbox.state.queues import DEFAULT_ATTRIBUTES

_RANGES: Mapping[str, tuple[int, int]] = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
_KEPT_ONLY = frozenset({"KmsMasterKeyId", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled"})
"""Kept and told, without effect."""
_FIFO = frozenset({"ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit"})
_READ_ONLY_ATTRIBUTES = frozenset(
    {
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "QueueArn",
    }
)
POLICY = "Policy"
_MAX_TEXT_BYTES = 64 * 1024


def apply_attributes(call: Call, queue: Queue, attributes: Mapping[str, str]) -> None:
    """Set attributes, all of them or none; an empty policy removes it.

    :raises ServiceError: InvalidAttributeName, InvalidAttributeValue or UnsupportedOperation.
    """
    for name, value in attributes.items():
        _check(call, queue, name, value)
    for name, value in attributes.items():
        if name == POLICY:
            queue.set_policy(value or None, call.now)
        elif value or name in _RANGES:
            queue.attributes[name] = value
        else:
            queue.attributes.pop(name, None)


def _check(call: Call, queue: Queue, name: str, value: str) -> None:
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
    described = DEFAULT_ATTRIBUTES | queue.attributes | _count(call, queue)
    if queue.policy:
        described[POLICY] = queue.policy
    return {name: value for name, value in described.items() if "All" in names or name in names}


def _count(call: Call, queue: Queue) -> dict[str, str]:
    queue.drop_old_messages(call.now)
    visible = len(queue.visible_messages(call.now))
    hidden = [message for message in queue.messages.values() if message.visible_at > call.now]
    in_flight = sum(1 for message in hidden if message.receive_count)
    return {
        "ApproximateNumberOfMessages": str(visible),
        "ApproximateNumberOfMessagesDelayed": str(len(hidden) - in_flight),
        "ApproximateNumberOfMessagesNotVisible": str(in_flight),
        "CreatedTimestamp": str(int(queue.created_at.timestamp())),
        "LastModifiedTimestamp": str(int(queue.modified_at.timestamp())),
        "QueueArn": queue.arn,
    }
