"""CloudTrail: LookupEvents, the newest management events of the caller's account in a Region.

Source: CloudTrail API Reference, API version 2013-11-01; CloudTrail User Guide, "Working with CloudTrail event
history".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.pagination import open_token, seal_token

_KEPT_FOR = timedelta(days=90)
_PAGE_SIZE = 50


OPERATIONS = ServedOperations("cloudtrail")


@OPERATIONS.read("LookupEvents")
def lookup_events(call: Call) -> dict[str, Any]:
    """Give events, the newest first, of a time and with an attribute, where they are asked for."""
    if call.parameters.get("EventCategory") is not None:
        return {"Events": []}
    refusal = ServiceError("InvalidNextTokenException", "The specified NextToken is not valid.")
    start = open_token(call, call.parameters.get("NextToken"), refusal)
    size = call.parameters.get("MaxResults", _PAGE_SIZE)
    found = list(islice(_matching_events(call), start, start + size + 1))
    token = {"NextToken": seal_token(call, start + size)} if len(found) > size else {}
    return {"Events": [_describe(event) for event in found[:size]]} | token


def _matching_events(call: Call) -> Iterator[Mapping[str, Any]]:
    first = max(call.parameters.get("StartTime", call.now - _KEPT_FOR), call.now - _KEPT_FOR)
    last = call.parameters.get("EndTime", call.now)
    if call.parameters.get("StartTime", first) > last:
        message = "The time range that you specified is not valid: the start is after the end."
        raise ServiceError("InvalidTimeRangeException", message)
    attributes = call.parameters.get("LookupAttributes", [])
    if len(attributes) > 1:
        raise ServiceError("InvalidLookupAttributesException", "You can only specify one lookup attribute.")
    attribute = (attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]) if attributes else None
    events = call.event_log.newest_first(call.principal.account_id, first, last) if call.event_log else iter(())
    for event in events:
        if event["awsRegion"] == call.region and (attribute is None or _has(event, *attribute)):
            yield event


def _has(event: Mapping[str, Any], key: str, value: str) -> bool:
    """Return whether an event has a lookup attribute."""
    if key in ("ResourceName", "ResourceType"):
        return any(resource.get(key) == value for resource in _resources(event))
    return _describe(event).get(key) == value


def _describe(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give an event as LookupEvents does, with the whole event as JSON text."""
    identity = event.get("userIdentity", {})
    described = {
        "EventId": event.get("eventID"),
        "EventName": event.get("eventName"),
        "ReadOnly": "true" if event.get("readOnly") else "false",
        "AccessKeyId": identity.get("accessKeyId"),
        "EventTime": datetime.fromisoformat(event["eventTime"]).astimezone(UTC),
        "EventSource": event.get("eventSource"),
        "Username": _user_name(identity),
        "Resources": _resources(event),
        "CloudTrailEvent": json.dumps(event, default=str),
    }
    return {name: value for name, value in described.items() if value is not None}


def _user_name(identity: Mapping[str, Any]) -> str | None:
    if identity.get("type") == "Root":
        return "root"
    if identity.get("type") == "AssumedRole":
        return str(identity.get("arn", "")).rpartition("/")[2]
    name: str | None = identity.get("userName")
    return name


def _resources(event: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"ResourceType": str(resource.get("type")), "ResourceName": str(resource.get("ARN"))}
        for resource in event.get("resources") or ()
    ]


@OPERATIONS.read("DescribeTrails")
def describe_trails(call: Call) -> dict[str, Any]:  # noqa: ARG001 - of an operation
    """List nothing: there are no trails."""
    return {"trailList": []}


@OPERATIONS.read("ListTrails")
def list_trails(call: Call) -> dict[str, Any]:  # noqa: ARG001 - of an operation
    """List nothing: there are no trails."""
    return {"Trails": []}
