"""Queues: create, list, find, read and set attributes, purge, delete.

The owner's root user can read and set the attributes of a queue whatever the queue's own policy says, as for buckets
(aws-facts M.6; that it holds for each of these calls is assumed).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.pagination import InvalidTokenError, cut_page
from rootkeeper.sandbox.services.sqs.access import (
    addressed_queue_arn,
    all_queues_arn,
    get_addressed_queue,
    get_named_queue,
    guard_addressed_queue,
    guard_named_queue,
    invalid_value,
    named_queue_arn,
    queue_url,
    validate_url,
)
from rootkeeper.sandbox.services.sqs.attributes import apply_attributes, describe_attributes
from rootkeeper.sandbox.state import Queue

MAX_QUEUES = 1000
"""In one account and Region; a bound of the sandbox's own."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_SUFFIX = ".fifo"
_AFTER_DELETION = timedelta(seconds=60)
_BETWEEN_PURGES = timedelta(seconds=60)
_PAGE_SIZE = 1000


def create_queue(call: Call) -> dict[str, Any]:
    """Create a queue; one that exists with the same attributes is given again."""
    name, attributes = call.parameters["QueueName"], call.parameters.get("Attributes", {})
    existing = call.world.queues.queues.get(named_queue_arn(call))
    if existing:
        _require_same(call, existing, attributes)
        return {"QueueUrl": queue_url(call, existing)}
    _require_free(call)
    moment = call.now.replace(microsecond=0)
    account_id = call.principal.account_id
    queue = Queue(name, account_id, call.region, moment, moment, call.world.partition)
    queue.tags = dict(call.parameters.get("tags", {}))
    apply_attributes(call, queue, attributes)
    queue.policy_changed_at = None
    call.world.queues.add(queue)
    return {"QueueUrl": queue_url(call, queue)}


def _validate_name(call: Call) -> None:
    name = call.parameters["QueueName"]
    if name.endswith(_FIFO_SUFFIX):
        raise ServiceError("UnsupportedOperation", "The sandbox does not imitate FIFO queues.")
    if not _NAME.fullmatch(name):
        raise invalid_value("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")


def _require_same(call: Call, queue: Queue, attributes: dict[str, str]) -> None:
    found = describe_attributes(call, queue, ["All"])
    for name, value in attributes.items():
        if found.get(name, "") != value:
            message = f"A queue already exists with the same name and a different value for attribute {name}"
            raise ServiceError("QueueNameExists", message)


def _require_free(call: Call) -> None:
    book = call.world.queues
    deleted_at = book.deleted_at.get(named_queue_arn(call))
    if deleted_at is not None and call.now < deleted_at + _AFTER_DELETION:
        message = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
        raise ServiceError("QueueDeletedRecently", message)
    if len(book.of_account(call.principal.account_id, call.region)) >= MAX_QUEUES:
        raise ServiceError("OverLimit", f"The sandbox keeps at most {MAX_QUEUES} queues of an account in a Region.")


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
    try:
        page, token = cut_page(call, urls, size, call.parameters.get("NextToken"))
    except InvalidTokenError:
        raise invalid_value("Invalid or expired next token.") from None
    return {"QueueUrls": page} | ({"NextToken": token} if token else {})


def get_queue_url(call: Call) -> dict[str, Any]:
    """Find a queue by its name."""
    return {"QueueUrl": queue_url(call, get_named_queue(call))}


def get_queue_attributes(call: Call) -> dict[str, Any]:
    """Give attributes; without names none. A new policy is told at once, though it may not decide yet."""
    attributes = describe_attributes(call, get_addressed_queue(call), call.parameters.get("AttributeNames", []))
    return {"Attributes": attributes} if attributes else {}


def set_queue_attributes(call: Call) -> dict[str, Any]:
    """Set attributes."""
    queue = get_addressed_queue(call)
    apply_attributes(call, queue, call.parameters["Attributes"])
    queue.modified_at = call.now.replace(microsecond=0)
    return {}


def purge_queue(call: Call) -> dict[str, Any]:
    """Delete all messages, at most once a minute."""
    queue = get_addressed_queue(call)
    if queue.purged_at is not None and call.now < queue.purged_at + _BETWEEN_PURGES:
        message = f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds."
        raise ServiceError("PurgeQueueInProgress", message, 403)
    queue.messages.clear()
    queue.purged_at = call.now
    return {}


def delete_queue(call: Call) -> dict[str, Any]:
    """Delete a queue with all that is in it."""
    call.world.queues.remove(get_addressed_queue(call), call.now)
    return {}


OPERATIONS = {
    "CreateQueue": Operation(
        create_queue, "sqs:CreateQueue", is_mutating=True, resource=named_queue_arn, validate=_validate_name
    ),
    "DeleteQueue": Operation(
        delete_queue,
        "sqs:DeleteQueue",
        is_mutating=True,
        resource=addressed_queue_arn,
        validate=validate_url,
        guard=guard_addressed_queue,
    ),
    "GetQueueAttributes": Operation(
        get_queue_attributes,
        "sqs:GetQueueAttributes",
        resource=addressed_queue_arn,
        validate=validate_url,
        guard=guard_addressed_queue,
        is_open_to_owner_root=True,
    ),
    "GetQueueUrl": Operation(
        get_queue_url,
        "sqs:GetQueueUrl",
        resource=named_queue_arn,
        guard=guard_named_queue,
        is_open_to_owner_root=True,
    ),
    "ListQueues": Operation(list_queues, "sqs:ListQueues", resource=all_queues_arn),
    "PurgeQueue": Operation(
        purge_queue,
        "sqs:PurgeQueue",
        is_mutating=True,
        resource=addressed_queue_arn,
        validate=validate_url,
        guard=guard_addressed_queue,
    ),
    "SetQueueAttributes": Operation(
        set_queue_attributes,
        "sqs:SetQueueAttributes",
        is_mutating=True,
        resource=addressed_queue_arn,
        validate=validate_url,
        guard=guard_addressed_queue,
        is_open_to_owner_root=True,
    ),
}
