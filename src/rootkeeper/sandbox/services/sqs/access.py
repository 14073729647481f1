"""Which queue a call means, whose it is, and the errors that all calls share.

Source: Amazon SQS API Reference, API version 2012-11-05.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from rootkeeper.sandbox.exchange import Call, GuardedResource, ServiceError
from rootkeeper.sandbox.state import Queue
from rootkeeper.sandbox.state.queues import queue_arn

_ACCOUNT_ID = re.compile(r"\d{12}")
_AWS_SUFFIX = ".amazonaws.com"


def queue_url(call: Call, queue: Queue) -> str:
    """Spell a queue's URL on the endpoint that was called; AWS's own host names get AWS's scheme."""
    host = call.host or f"sqs.{queue.region}{_AWS_SUFFIX}"
    scheme = "https" if host.endswith(_AWS_SUFFIX) else "http"
    return f"{scheme}://{host}/{queue.account_id}/{queue.name}"


def _parse_url(call: Call) -> tuple[str, str]:
    """Read account id and name out of a queue's URL, or out of a bare name, as SQS accepts it.

    :raises ServiceError: InvalidAddress.
    """
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
    """Spell the ARN of the queue that ``QueueName`` means, in the caller's account or the one that is named."""
    account_id = call.parameters.get("QueueOwnerAWSAccountId") or call.principal.account_id
    return queue_arn(call.world.partition, call.region, account_id, call.parameters["QueueName"])


def addressed_queue_arn(call: Call) -> str:
    """Spell the ARN of the queue that ``QueueUrl`` means, whether or not there is one."""
    account_id, name = _parse_url(call)
    return queue_arn(call.world.partition, call.region, account_id, name)


def all_queues_arn(call: Call) -> str:
    return queue_arn(call.world.partition, call.region, call.principal.account_id, "")


def validate_url(call: Call) -> None:
    """:raises ServiceError: InvalidAddress."""
    _parse_url(call)


def get_addressed_queue(call: Call) -> Queue:
    """Get the queue that ``QueueUrl`` means.

    :raises ServiceError: QueueDoesNotExist.
    """
    return _get(call, addressed_queue_arn(call))


def get_named_queue(call: Call) -> Queue:
    """Get the queue that ``QueueName`` means.

    :raises ServiceError: QueueDoesNotExist.
    """
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
