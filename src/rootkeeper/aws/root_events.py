"""Reads events of root users from an SQS queue that EventBridge or an organization trail's bucket writes to.

Receiving and deleting messages changes nothing in any account but the queue itself, and needs no intent in the ledger;
see decision 16. A message is deleted only after its events are recorded.

Source: EventBridge User Guide, "AWS service events delivered via AWS CloudTrail"; S3 User Guide, "Event message
structure"; CloudTrail User Guide, "Configuring Amazon SNS notifications for CloudTrail"; SNS Developer Guide, "Raw
message delivery".
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import unquote_plus

from rootkeeper.aws.clients import AwsClients, ServiceCalls
from rootkeeper.aws.cloudtrail import list_root_records, parse_records
from rootkeeper.aws.errors import TRANSLATED, AwsResponse, FailedCall, raise_translated
from rootkeeper.errors import AwsError, AwsNotFoundError, InputError


@dataclass(frozen=True, slots=True)
class EventDelivery:
    """The events of a message or a line."""

    receipt: str
    records: tuple[Mapping[str, Any], ...]
    """CloudTrail records; none if the message has no root event."""


class UnreadableEvents(Protocol):
    """Keeps delivered texts that can't be parsed, so that they block nothing and aren't lost."""

    def keep(self, source_name: str, text: str, problem: str) -> None:
        """Keep the text, and show a remark.

        :raises DatabaseError: if it can't be kept; it then stays in the source.
        """
        ...


class RootEventSource(Protocol):
    """A source of events, each delivered at least once: an event that isn't acknowledged is delivered again.

    :raises AwsError: if a queue can't be read.
    :raises DatabaseError: if a file can't be read, or the files beside the database can't be written.
    """

    @property
    def name(self) -> str:
        """The source's name in recovery windows and messages."""
        ...

    def read(self, wait_seconds: float) -> tuple[EventDelivery, ...]:
        """Read at most one batch; wait for its first event. Unparsable texts are kept, remarked and left out."""
        ...

    def acknowledge(self, deliveries: Sequence[EventDelivery]) -> None:
        """Confirm to the source that these are recorded and needn't be delivered again."""
        ...


LARGEST_OBJECT = 64 * 1024 * 1024
LARGEST_FILE = 512 * 1024 * 1024
"""Of an unpacked object; CloudTrail writes no larger files."""
_DEEPEST = 3
_GZIP = 31
"""``wbits`` of zlib for gzip."""


@dataclass(frozen=True, slots=True)
class LogObject:
    """An object of a trail's bucket."""

    bucket: str
    key: str
    region: str | None = None
    """``None`` if the message doesn't contain it."""


@dataclass(frozen=True, slots=True)
class EventMessage:
    """The content of a message."""

    records: tuple[Mapping[str, Any], ...] = ()
    """Records about root users."""
    objects: tuple[LogObject, ...] = ()


def parse_message(body: str) -> EventMessage:
    """Parse a message, wrapped by SNS or not.

    :raises ValueError: if it has no known form.
    """
    value = _load(body)
    for _ in range(_DEEPEST):
        if isinstance(value, Mapping) and value.get("Type") == "Notification" and "Message" in value:
            body = str(value["Message"])
            value = _load(body)
    if isinstance(value, Mapping):
        objects = _find_objects(value)
        if objects is not None:
            return EventMessage(
                objects=tuple(
                    log
                    for log in objects
                    if log.key.endswith((".json.gz", ".json")) and "/CloudTrail-Digest/" not in log.key
                )
            )
    return EventMessage(records=pick_root_records(body))


def pick_root_records(text: str) -> tuple[Mapping[str, Any], ...]:
    """Parse the CloudTrail records about root users in ``text``.

    :raises ValueError: if it contains no records, or a record about a root user lacks a necessary part.
    """
    try:
        records = parse_records(text, "It")
    except InputError as error:
        raise ValueError(error.message) from error
    return tuple(found.record for found in list_root_records(records))


def unpack_log(content: bytes, key: str) -> str:
    """Unpack a log file.

    :raises ValueError: if it isn't a log file.
    """
    if not key.endswith(".gz"):
        return content.decode()
    unpacking = zlib.decompressobj(_GZIP)
    try:
        text = unpacking.decompress(content, LARGEST_FILE)
    except zlib.error as error:
        raise ValueError(f"It isn't valid gzip: {error}") from error
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise ValueError("It is incomplete, or too large for a CloudTrail log file.")
    return text.decode()


def _load(body: str) -> Any:
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("It is nested too deeply.") from error


def _find_objects(value: Mapping[str, Any]) -> list[LogObject] | None:
    """Find the objects of a message; ``None`` if it isn't about objects."""
    if value.get("Event") == "s3:TestEvent":
        return []
    if "s3Bucket" in value and "s3ObjectKey" in value:  # CloudTrail's own message
        keys = value["s3ObjectKey"]
        return [LogObject(str(value["s3Bucket"]), str(key)) for key in (keys if isinstance(keys, list) else [keys])]
    if (value.get("source"), value.get("detail-type")) == ("aws.s3", "Object Created"):
        return [_parse_object(value.get("detail"), value.get("region"))]
    records = value.get("Records")
    if (
        isinstance(records, list)
        and records
        and all(isinstance(record, Mapping) and "s3" in record for record in records)
    ):
        created = (record for record in records if str(record.get("eventName", "")).startswith("ObjectCreated"))
        found = [_parse_object(record["s3"], record.get("awsRegion")) for record in created]
        # S3's own message quotes the keys.
        return [replace(log, key=unquote_plus(log.key)) for log in found]
    return None


def _parse_object(found: Any, region: object) -> LogObject:
    try:
        bucket, key = str(found["bucket"]["name"]), str(found["object"]["key"])
    except (KeyError, TypeError) as error:
        raise ValueError("It contains an object without a bucket or a key.") from error
    return LogObject(bucket, key, str(region) if region else None)


_LOT = 10
"""Messages of a call. Source: SQS ReceiveMessage, API version 2012-11-05: at most 10, and 20 seconds of waiting."""
_LONGEST_WAIT_SECONDS = 20
_HIDDEN_SECONDS = 60
"""A message that isn't deleted within this time is delivered again."""


class AwsRootEventQueue:
    """Implements ``RootEventSource``; safe in many threads and processes."""

    def __init__(self, clients: AwsClients, url: str, region: str | None, unreadable: UnreadableEvents) -> None:
        """:param region: the queue's Region; ``None``: the Region of the other calls."""
        self._clients = clients
        self._url = url
        self._region = region or clients.region
        self._unreadable = unreadable
        self._queue = clients.operator_calls_in("sqs", self._region)
        self._buckets: dict[str, ServiceCalls] = {}

    @property
    def name(self) -> str:
        return f"sqs:{self._url.rpartition('/')[2]}"

    def read(self, wait_seconds: float) -> tuple[EventDelivery, ...]:
        """Call sqs:ReceiveMessage once, and s3:GetObject for each log file in a message.

        A message with a log file that can't be read now is left out and delivered again.

        :raises AwsError: if no message can be read.
        """
        answer = self._queue.read(
            "ReceiveMessage",
            QueueUrl=self._url,
            MaxNumberOfMessages=_LOT,
            WaitTimeSeconds=max(0, min(int(wait_seconds), _LONGEST_WAIT_SECONDS)),
            VisibilityTimeout=_HIDDEN_SECONDS,
        )
        found: list[EventDelivery] = []
        failure: AwsError | None = None
        for message in answer.get("Messages") or ():
            try:
                found.append(self._parse_message(message))
            except AwsError as error:
                failure = failure or error
        if failure is not None and not found:
            raise failure
        return tuple(found)

    def acknowledge(self, deliveries: Sequence[EventDelivery]) -> None:
        """Call sqs:DeleteMessageBatch for each ten messages. Messages that it doesn't delete are delivered again."""
        for begin in range(0, len(deliveries), _LOT):
            lot = deliveries[begin : begin + _LOT]
            entries = [{"Id": str(place), "ReceiptHandle": delivery.receipt} for place, delivery in enumerate(lot)]
            self._queue.read("DeleteMessageBatch", QueueUrl=self._url, Entries=entries)

    def _parse_message(self, message: AwsResponse) -> EventDelivery:
        """Parse a message. A message that can't be parsed is kept as unreadable, and has no records. A message with a
        log file that is broken or gone is kept too, and its other log files are read.
        """
        body, receipt = str(message.get("Body", "")), str(message.get("ReceiptHandle", ""))
        try:
            reported = parse_message(body)
        except ValueError as error:
            self._unreadable.keep(self.name, body, str(error))
            return EventDelivery(receipt, ())
        records, problems = list(reported.records), list[str]()
        for log in reported.objects:
            try:
                records += self._read_log(log)
            except (AwsNotFoundError, ValueError) as error:
                problems.append(error.message if isinstance(error, AwsNotFoundError) else str(error))
        # Only after all log files were read: an error of AWS has the message delivered again.
        for problem in problems:
            self._unreadable.keep(self.name, body, problem)
        return EventDelivery(receipt, tuple(records))

    def _read_log(self, log: LogObject) -> tuple[Mapping[str, Any], ...]:
        """Call s3:GetObject once."""
        region = log.region or self._region
        if region not in self._buckets:
            self._buckets[region] = self._clients.operator_calls_in("s3", region)
        calls = self._buckets[region]
        answer = calls.read("GetObject", target=log.bucket, Bucket=log.bucket, Key=log.key)
        body = answer["Body"]
        try:
            with body:  # not "as": botocore doesn't translate the errors of that raw stream
                content: bytes = body.read(LARGEST_OBJECT + 1)
                body.read(1)  # botocore checks the length at the end of the body only
        except TRANSLATED as error:
            raise_translated(error, FailedCall("s3:GetObject", calls.url, self._clients.profile, target=log.bucket))
        if len(content) > LARGEST_OBJECT:
            raise ValueError(f"s3://{log.bucket}/{log.key} is too large for a CloudTrail log file.")
        return pick_root_records(unpack_log(content, log.key))
