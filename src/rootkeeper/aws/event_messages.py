"""What messages of a queue tell: events themselves, or objects of a trail's bucket that hold them.

Source: EventBridge User Guide, "AWS service events delivered via AWS CloudTrail"; S3 User Guide, "Event message
structure"; CloudTrail User Guide, "Configuring Amazon SNS notifications for CloudTrail"; SNS Developer Guide, "Raw
message delivery".
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from rootkeeper.domain.cloudtrail_records import parse_records
from rootkeeper.domain.window_events import list_root_records
from rootkeeper.errors import InputError

LARGEST_OBJECT = 64 * 1024 * 1024
LARGEST_FILE = 512 * 1024 * 1024
"""Of an object once it is unpacked: beyond it nothing that CloudTrail wrote is expected."""
_DEEPEST = 3
_GZIP = 31
"""``wbits`` of zlib for gzip."""


@dataclass(frozen=True, slots=True)
class LogObject:
    """An object of a trail's bucket."""

    bucket: str
    key: str
    region: str | None = None
    """``None`` where the message doesn't tell it."""


@dataclass(frozen=True, slots=True)
class EventMessage:
    """What a message holds."""

    records: tuple[Mapping[str, Any], ...] = ()
    """Those about root."""
    objects: tuple[LogObject, ...] = ()


def parse_message(body: str) -> EventMessage:
    """Understand a message, wrapped by SNS or not.

    :raises ValueError: if it is of none of the forms.
    """
    value = _load(body)
    for _ in range(_DEEPEST):
        if isinstance(value, Mapping) and value.get("Type") == "Notification" and "Message" in value:
            body = str(value["Message"])
            value = _load(body)
    if isinstance(value, Mapping):
        objects = _find_objects(value)
        if objects is not None:
            return EventMessage(objects=tuple(one for one in objects if _is_log(one.key)))
    return EventMessage(records=pick_root_records(body))


def pick_root_records(text: str) -> tuple[Mapping[str, Any], ...]:
    """The CloudTrail records in ``text`` that are about root.

    :raises ValueError: if it holds none at all, or one about root lacks what is needed.
    """
    try:
        records = parse_records(text, "It")
    except InputError as error:
        raise ValueError(error.message) from error
    return tuple(found.record for found in list_root_records(records))


def unpack_log(content: bytes, key: str) -> str:
    """The text of a log file.

    :raises ValueError: if it isn't one.
    """
    if not key.endswith(".gz"):
        return content.decode()
    unpacking = zlib.decompressobj(_GZIP)
    try:
        text = unpacking.decompress(content, LARGEST_FILE)
    except zlib.error as error:
        raise ValueError(f"It isn't packed by gzip: {error}") from error
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise ValueError("It is cut off, or too large for a log file of CloudTrail.")
    return text.decode()


def _load(body: str) -> Any:
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("It is nested too deeply.") from error


def _find_objects(value: Mapping[str, Any]) -> Iterator[LogObject] | None:
    """``None`` if it isn't a message about objects."""
    if value.get("Event") == "s3:TestEvent":
        return iter(())
    if "s3Bucket" in value and "s3ObjectKey" in value:
        return _list_of_trail(value)
    if (value.get("source"), value.get("detail-type")) == ("aws.s3", "Object Created"):
        return _list_of_bridge(value)
    records = value.get("Records")
    if isinstance(records, list) and records and all(isinstance(one, Mapping) and "s3" in one for one in records):
        return _list_of_bucket(records)
    return None


def _list_of_trail(value: Mapping[str, Any]) -> Iterator[LogObject]:
    """CloudTrail's own message."""
    keys = value["s3ObjectKey"]
    for key in keys if isinstance(keys, list) else [keys]:
        yield LogObject(str(value["s3Bucket"]), str(key))


def _list_of_bridge(value: Mapping[str, Any]) -> Iterator[LogObject]:
    region = value.get("region")
    yield _parse_object(value.get("detail"), str(region) if region else None, is_quoted=False)


def _list_of_bucket(records: list[Mapping[str, Any]]) -> Iterator[LogObject]:
    """S3's message, whose keys are quoted as in forms."""
    for record in records:
        if str(record.get("eventName", "")).startswith("ObjectCreated"):
            region = record.get("awsRegion")
            yield _parse_object(record["s3"], str(region) if region else None, is_quoted=True)


def _parse_object(found: Any, region: str | None, *, is_quoted: bool) -> LogObject:
    try:
        bucket, key = str(found["bucket"]["name"]), str(found["object"]["key"])
    except (KeyError, TypeError) as error:
        raise ValueError("It tells of an object without a bucket or a key.") from error
    return LogObject(bucket, unquote_plus(key) if is_quoted else key, region)


def _is_log(key: str) -> bool:
    """Digests and what else lies in the bucket have no events."""
    return key.endswith((".json.gz", ".json")) and "/CloudTrail-Digest/" not in key
