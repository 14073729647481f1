"""SQS in both of its protocols: JSON 1.0 as today's clients speak it, and Query as older clients do.

JSON errors carry the Query protocol's code in a header (``x-amzn-query-error``), which clients show. The model no
longer contains the names of the Query protocol's lists and maps, so they are listed here.

Source: Amazon SQS API version 2012-11-05; AWS JSON 1.0 protocol, "awsQueryCompatible".
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from botocore.model import ServiceModel

from rootkeeper_sandbox.codec.errors import (
    JSON_WORDING,
    QUERY_WORDING,
    Refusal,
    RefusalError,
    Wording,
)
from rootkeeper_sandbox.codec.json_protocol import JsonCodec
from rootkeeper_sandbox.codec.models import load_description
from rootkeeper_sandbox.codec.query import QueryCodec, read_fields
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, ServiceError

_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"

LIST_NAMES: Mapping[str, str] = {
    "AttributeNameList": "AttributeName",
    "ReceivedAttributeNameList": "AttributeName",
    "BatchResultErrorEntryList": "BatchResultErrorEntry",
    "ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
    "ChangeMessageVisibilityBatchResultEntryList": "ChangeMessageVisibilityBatchResultEntry",
    "DeleteMessageBatchRequestEntryList": "DeleteMessageBatchRequestEntry",
    "DeleteMessageBatchResultEntryList": "DeleteMessageBatchResultEntry",
    "MessageAttributeNameList": "MessageAttributeName",
    "MessageList": "Message",
    "MessageSystemAttributeList": "MessageSystemAttributeName",
    "QueueUrlList": "QueueUrl",
    "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
    "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
    "TagKeyList": "TagKey",
}
"""By the list's shape: the name of its elements."""
MAP_NAMES: Mapping[str, tuple[str, str, str]] = {
    "MessageBodyAttributeMap": ("MessageAttribute", "Name", "Value"),
    "MessageBodySystemAttributeMap": ("MessageSystemAttribute", "Name", "Value"),
    "MessageSystemAttributeMap": ("Attribute", "Name", "Value"),
    "QueueAttributeMap": ("Attribute", "Name", "Value"),
    "TagMap": ("Tag", "Key", "Value"),
}
"""By the map's shape: the names of an entry, its key and its value."""

_PREFIX = "AWS.SimpleQueueService."
QUERY_CODES: Mapping[str, str] = {
    **{JSON_WORDING[refusal][0]: code for refusal, (code, _status) in QUERY_WORDING.items()},
    "BatchEntryIdsNotDistinct": _PREFIX + "BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": _PREFIX + "BatchRequestTooLong",
    "EmptyBatchRequest": _PREFIX + "EmptyBatchRequest",
    "InvalidBatchEntryId": _PREFIX + "InvalidBatchEntryId",
    "MessageNotInflight": _PREFIX + "MessageNotInflight",
    "PurgeQueueInProgress": _PREFIX + "PurgeQueueInProgress",
    "QueueDeletedRecently": _PREFIX + "QueueDeletedRecently",
    "QueueDoesNotExist": _PREFIX + "NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "TooManyEntriesInBatchRequest": _PREFIX + "TooManyEntriesInBatchRequest",
    "UnknownOperationException": "InvalidAction",
    "UnsupportedOperation": _PREFIX + "UnsupportedOperation",
}
"""By the error's name in the model: its code in the Query protocol, where they differ."""

_JSON_WORDING: Wording = {
    refusal: (code, QUERY_WORDING[refusal][1]) for refusal, (code, _status) in JSON_WORDING.items()
}
_COMMON_ERRORS = frozenset(code for code, _status in JSON_WORDING.values())


RECEIVED_ATTRIBUTES = (
    "All", "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "AWSTraceHeader", "DeadLetterQueueSourceArn",
    "MessageDeduplicationId", "MessageGroupId", "SenderId", "SentTimestamp", "SequenceNumber",
)  # fmt: skip
"""Names that ``AttributeNames`` of ReceiveMessage takes, beside the model's names, which are for queues.

Source: Amazon SQS API Reference, ReceiveMessage, request parameter AttributeNames.
"""


def _load_json_model(service: str) -> ServiceModel:
    """Give the model, with the names that ReceiveMessage takes."""
    description = deepcopy(load_description(service))
    _widen_received_names(description["shapes"])
    return ServiceModel(description, service)


def _widen_received_names(shapes: dict[str, Any]) -> None:
    names = shapes["QueueAttributeName"]
    widened = dict.fromkeys((*names["enum"], *RECEIVED_ATTRIBUTES))
    shapes["ReceivedAttributeName"] = names | {"enum": list(widened)}
    listed = shapes["AttributeNameList"]
    shapes["ReceivedAttributeNameList"] = listed | {"member": listed["member"] | {"shape": "ReceivedAttributeName"}}
    shapes["ReceiveMessageRequest"]["members"]["AttributeNames"]["shape"] = "ReceivedAttributeNameList"


class SqsJsonCodec(JsonCodec):
    """SQS in JSON 1.0."""

    wording = _JSON_WORDING

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(_load_json_model(model.service_name))

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        namespace = "com.amazon.coral.service" if error.code in _COMMON_ERRORS else "com.amazonaws.sqs"
        named = ServiceError(f"{namespace}#{error.code}", error.message, error.status, error.fields)
        response = super().render_error(named, request_id)
        fault = "Sender" if error.status < 500 else "Receiver"
        response.headers["x-amzn-query-error"] = f"{QUERY_CODES.get(error.code, error.code)};{fault}"
        return response

    def make_error(self, refused: RefusalError) -> ServiceError:
        return _make_parameter_error(refused) or super().make_error(refused)


class SqsQueryCodec(QueryCodec):
    """SQS in the Query protocol."""

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(make_query_model(model.service_name))

    def parse(self, operation: str, request: HttpRequest) -> dict[str, Any]:
        """Parse the fields; where the queue isn't among them, the path says it."""
        if request.raw_path.count("/") == 2:
            fields = dict(read_fields(request))
            fields.setdefault("QueueUrl", f"https://{request.headers.get('host', '')}{request.raw_path}")
            request.form_fields = fields
        return super().parse(operation, request)

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        code = QUERY_CODES.get(error.code, error.code)
        return super().render_error(ServiceError(code, error.message, error.status, error.fields), request_id)

    def make_error(self, refused: RefusalError) -> ServiceError:
        return _make_parameter_error(refused) or super().make_error(refused)


def _make_parameter_error(refused: RefusalError) -> ServiceError | None:
    """Word a missing or wrong parameter, which SQS does in the same way in both protocols."""
    if refused.refusal is not Refusal.INVALID_PARAMETER or not refused.violations:
        return None
    first = refused.violations[0]
    name = first.path[:1].upper() + first.path[1:]
    if first.reason == "INPUT_REQUIRED":
        return ServiceError("MissingParameter", f"The request must contain the parameter {name}.")
    if first.path.startswith("attributeNames"):
        shown = (first.shown_value or "").strip("'")
        return ServiceError("InvalidAttributeName", f"Unknown Attribute {shown}.")
    message = f"Value {first.shown_value or ''} for parameter {name} is invalid. Reason: Must {first.constraint}."
    return ServiceError("InvalidParameterValue", message)


def make_query_model(service: str) -> ServiceModel:
    """Give the model of the Query protocol, as it was before the service moved to JSON."""
    description = deepcopy(load_description(service))
    description["metadata"] |= {"protocol": "query", "xmlNamespace": _NAMESPACE}
    shapes = description["shapes"]
    _widen_received_names(shapes)
    for name, (_entry, key_name, value_name) in MAP_NAMES.items():
        shapes[name]["key"]["locationName"] = key_name
        shapes[name]["value"]["locationName"] = value_name
    for shape in shapes.values():
        for member in shape.get("members", {}).values() if shape["type"] == "structure" else ():
            _set_location_name(member)
    for operation in description["operations"].values():
        if "output" in operation:
            operation["output"]["resultWrapper"] = f"{operation['name']}Result"
    return ServiceModel(description, service)


def _set_location_name(member: dict[str, Any]) -> None:
    shape_name = member["shape"]
    if shape_name in LIST_NAMES:
        member["locationName"] = LIST_NAMES[shape_name]
    elif shape_name in MAP_NAMES:
        member["locationName"] = MAP_NAMES[shape_name][0]
