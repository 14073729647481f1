"""SQS: messages of standard queues.

A received message is hidden until its visibility timeout ends; the handle that came with it deletes it. Long polls
wait by the machine's time and at most 20 seconds.

Source: Amazon SQS API Reference, API version 2012-11-05.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.sqs_queues import (
    addressed_queue_arn,
    get_addressed_queue,
    guard_addressed_queue,
    invalid_value,
    validate_url,
)
from rootkeeper_sandbox.state.resources import Queue, QueuedMessage

MAX_MESSAGES = 2_000
"""In a queue; beyond it the oldest are dropped, which SQS doesn't do."""
MAX_WAIT_SECONDS = 20
_POLL_SECONDS = 0.05
_MAX_BATCH = 10
_MAX_ATTRIBUTES = 10
_NOT_A_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE_NAME = re.compile(r"(?=.{1,256}$)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
"""Source: Amazon SQS Developer Guide, "Amazon SQS message metadata", message attribute components."""
_BATCH_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def _validate_receiving(call: Call) -> None:
    validate_url(call)
    for name, low, high in (
        ("MaxNumberOfMessages", 1, 10),
        ("VisibilityTimeout", 0, 43_200),
        ("WaitTimeSeconds", 0, MAX_WAIT_SECONDS),
    ):
        value = call.parameters.get(name)
        if value is not None and not low <= value <= high:
            bounds = f"Must be between {low} and {high}, if provided."
            raise invalid_value(f"Value {value} for parameter {name} is invalid. Reason: {bounds}")


OPERATIONS = ServedOperations(
    "sqs", resource=addressed_queue_arn, validate=validate_url, guard=guard_addressed_queue, is_data_event=True
)


@OPERATIONS.change("SendMessage")
def send_message(call: Call) -> dict[str, Any]:
    """Put a message into a queue."""
    return _send(call, get_addressed_queue(call), call.parameters)


def _send(call: Call, queue: Queue, sent: Mapping[str, Any]) -> dict[str, Any]:
    body, attributes = sent["MessageBody"], _read_attributes(sent.get("MessageAttributes", {}))
    if not body:
        raise ServiceError("MissingParameter", "The request must contain the parameter MessageBody.")
    if _NOT_A_CHARACTER.search(body):
        raise ServiceError("InvalidMessageContents", "Message body contains characters outside the allowed set.")
    limit = int(queue.attribute("MaximumMessageSize"))
    if len(body.encode()) > limit:
        raise invalid_value(f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.")
    delay = sent.get("DelaySeconds", int(queue.attribute("DelaySeconds")))
    if not 0 <= delay <= 900:
        raise invalid_value(f"Value {delay} for parameter DelaySeconds is invalid. Reason: Must be >= 0 and <= 900.")
    message = QueuedMessage(
        message_id=str(uuid.uuid4()),
        body=body,
        sent_at=call.now,
        sender_id=call.principal.user_id,
        visible_at=call.now + timedelta(seconds=delay),
        attributes=attributes,
    )
    enqueue(queue, message)
    result = {"MessageId": message.message_id, "MD5OfMessageBody": _md5(body.encode())}
    return result | ({"MD5OfMessageAttributes": digest_attributes(attributes)} if attributes else {})


def enqueue(queue: Queue, message: QueuedMessage) -> None:
    """Add a message, dropping the oldest from a full queue."""
    while len(queue.messages) >= MAX_MESSAGES:
        del queue.messages[next(iter(queue.messages))]
    queue.messages[message.message_id] = message


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _read_attributes(sent: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    if len(sent) > _MAX_ATTRIBUTES:
        raise invalid_value(f"Number of message attributes [{len(sent)}] exceeds the allowed maximum [10].")
    return {name: _read_attribute(name, value) for name, value in sent.items()}


def _read_attribute(name: str, value: Mapping[str, Any]) -> dict[str, str]:
    if not _ATTRIBUTE_NAME.fullmatch(name):
        allowed = "Can only include alphanumeric characters, hyphens, underscores, or single periods within it."
        raise invalid_value(f"The message attribute name '{name[:256]}' is invalid. {allowed}")
    if name.lower().startswith(("aws.", "amazon.")):
        raise invalid_value(f"The message attribute name '{name}' is invalid. It is reserved for use by AWS.")
    data_type = value.get("DataType", "")
    if any(_NOT_A_CHARACTER.search(text) for text in (name, data_type, value.get("StringValue", ""))):
        raise ServiceError("InvalidMessageContents", "A message attribute has characters outside the allowed set.")
    kind = data_type.partition(".")[0]
    if kind == "Binary" and isinstance(value.get("BinaryValue"), bytes):
        return {"DataType": data_type, "BinaryValue": base64.b64encode(value["BinaryValue"]).decode("ascii")}
    if kind in ("String", "Number") and value.get("StringValue"):
        return {"DataType": data_type, "StringValue": value["StringValue"]}
    raise invalid_value(f"The message attribute '{name[:100]}' must contain a valid type and a value.")


def digest_attributes(attributes: Mapping[str, Mapping[str, str]]) -> str:
    """Digest message attributes as clients do to compare.

    Source: Amazon SQS Developer Guide, "Calculating the MD5 message digest for message attributes".
    """
    out = bytearray()
    for name, value in sorted(attributes.items()):
        is_binary = "BinaryValue" in value
        data = base64.b64decode(value["BinaryValue"]) if is_binary else value["StringValue"].encode()
        for part in (name.encode(), value["DataType"].encode()):
            out += len(part).to_bytes(4) + part
        out += (b"\x02" if is_binary else b"\x01") + len(data).to_bytes(4) + data
    return _md5(bytes(out))


@OPERATIONS.change("SendMessageBatch", action="SendMessage")
def send_message_batch(call: Call) -> dict[str, Any]:
    """Put up to ten messages into a queue, each with its own outcome."""
    queue = get_addressed_queue(call)
    return _do_each(call, lambda entry: _send(call, queue, entry))


def _do_each(call: Call, act: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    entries = call.parameters["Entries"]
    if not entries:
        raise ServiceError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > _MAX_BATCH:
        message = f"Maximum number of entries per request are 10. You have sent {len(entries)}."
        raise ServiceError("TooManyEntriesInBatchRequest", message)
    ids = [entry["Id"] for entry in entries]
    if not all(_BATCH_ID.fullmatch(batch_id) for batch_id in ids):
        message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
        raise ServiceError("InvalidBatchEntryId", message)
    if len(set(ids)) < len(ids):
        raise ServiceError("BatchEntryIdsNotDistinct", "Id repeated.")
    result: dict[str, list[dict[str, Any]]] = {"Successful": [], "Failed": []}
    for entry in entries:
        try:
            result["Successful"].append({"Id": entry["Id"]} | act(entry))
        except ServiceError as error:
            failed = {"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message}
            result["Failed"].append(failed)
    return {name: rows for name, rows in result.items() if rows}


async def wait_for_message(call: Call) -> None:
    """Wait until the queue has something to give, or the time that was asked for is over."""
    queue = call.world.queues.queues.get(addressed_queue_arn(call))
    if queue is None:
        return
    seconds = call.parameters.get("WaitTimeSeconds", int(queue.attribute("ReceiveMessageWaitTimeSeconds")))
    for _ in range(int(min(seconds, MAX_WAIT_SECONDS) / _POLL_SECONDS)):
        if queue.visible_messages(call.world.clock()):
            return
        await asyncio.sleep(_POLL_SECONDS)


@OPERATIONS.change("ReceiveMessage", validate=_validate_receiving, wait=wait_for_message)
def receive_message(call: Call) -> dict[str, Any]:
    """Give up to ten visible messages, and hide them from others for their visibility timeout."""
    queue = get_addressed_queue(call)
    number = call.parameters.get("MaxNumberOfMessages", 1)
    timeout = call.parameters.get("VisibilityTimeout", int(queue.attribute("VisibilityTimeout")))
    queue.drop_old_messages(call.now)
    messages = queue.visible_messages(call.now)[:number]
    for message in messages:
        message.receive_count += 1
        message.first_received_at = message.first_received_at or call.now
        message.receipt = secrets.token_hex(12)
        message.visible_at = call.now + timedelta(seconds=timeout)
    return {"Messages": [_describe_message(call, message) for message in messages]} if messages else {}


def _describe_message(call: Call, message: QueuedMessage) -> dict[str, Any]:
    described: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": base64.b64encode(f"{message.message_id}/{message.receipt}".encode()).decode("ascii"),
        "MD5OfBody": _md5(message.body.encode()),
        "Body": message.body,
    }
    asked = {*call.parameters.get("AttributeNames", ()), *call.parameters.get("MessageSystemAttributeNames", ())}
    system = {name: value for name, value in _system_attributes(message).items() if asked & {name, "All"}}
    attributes = _choose_attributes(message.attributes, call.parameters.get("MessageAttributeNames", []))
    if system:
        described["Attributes"] = system
    if attributes:
        described["MD5OfMessageAttributes"] = digest_attributes(attributes)
        described["MessageAttributes"] = {name: _render_attribute(value) for name, value in attributes.items()}
    return described


def _system_attributes(message: QueuedMessage) -> dict[str, str]:
    first = message.first_received_at or message.sent_at
    return {
        "ApproximateFirstReceiveTimestamp": str(int(first.timestamp() * 1000)),
        "ApproximateReceiveCount": str(message.receive_count),
        "SenderId": message.sender_id,
        "SentTimestamp": str(int(message.sent_at.timestamp() * 1000)),
    }


def _choose_attributes(attributes: Mapping[str, dict[str, str]], asked: list[str]) -> dict[str, dict[str, str]]:
    prefixes = tuple(name.removesuffix(".*") for name in asked if name.endswith(".*"))
    wants_all = "All" in asked or ".*" in asked
    return {
        name: value
        for name, value in attributes.items()
        if wants_all or name in asked or (prefixes and name.startswith(prefixes))
    }


def _render_attribute(value: Mapping[str, str]) -> dict[str, Any]:
    if "BinaryValue" in value:
        return {"DataType": value["DataType"], "BinaryValue": base64.b64decode(value["BinaryValue"])}
    return dict(value)


def _find_by_handle(handle: str, queue: Queue) -> QueuedMessage | None:
    """Find the message of a handle that is still its newest; ``None`` if it is gone or was received again."""
    try:
        message_id, slash, receipt = base64.b64decode(handle, validate=True).decode("ascii").partition("/")
    except (binascii.Error, ValueError):
        slash = ""
    if not slash:
        message = f'The input receipt handle "{handle[:200]}" is not a valid receipt handle.'
        raise ServiceError("ReceiptHandleIsInvalid", message)
    found = queue.messages.get(message_id)
    return found if found and found.receipt == receipt else None


@OPERATIONS.change("DeleteMessage")
def delete_message(call: Call) -> dict[str, Any]:
    """Delete a received message; a message that is gone already counts as deleted."""
    return _delete(get_addressed_queue(call), call.parameters)


@OPERATIONS.change("DeleteMessageBatch", action="DeleteMessage")
def delete_message_batch(call: Call) -> dict[str, Any]:
    """Delete up to ten received messages, each with its own outcome."""
    queue = get_addressed_queue(call)
    return _do_each(call, lambda entry: _delete(queue, entry))


def _delete(queue: Queue, named: Mapping[str, Any]) -> dict[str, Any]:
    message = _find_by_handle(named["ReceiptHandle"], queue)
    if message:
        del queue.messages[message.message_id]
    return {}


@OPERATIONS.change("ChangeMessageVisibility")
def change_message_visibility(call: Call) -> dict[str, Any]:
    """Hide a received message for another time from now on; 0 shows it at once."""
    timeout = call.parameters["VisibilityTimeout"]
    if not 0 <= timeout <= 43_200:
        bounds = "Must be >= 0 and <= 43200."
        raise invalid_value(f"Value {timeout} for parameter VisibilityTimeout is invalid. Reason: {bounds}")
    message = _find_by_handle(call.parameters["ReceiptHandle"], get_addressed_queue(call))
    if message is None or message.visible_at <= call.now:
        raise ServiceError("MessageNotInflight", "The message referred to is not in flight.")
    message.visible_at = call.now + timedelta(seconds=timeout)
    return {}
