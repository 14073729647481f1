"""The JSON protocols 1.0 and 1.1: an ``X-Amz-Target`` header and a JSON object in, a JSON object out (Organizations).

Source: AWS JSON protocol 1.0 and 1.1; Organizations API version 2016-11-28.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel, StructureShape

from rootkeeper.sandbox.codec.json_values import compile_json_reader, compile_json_writer, parse_object
from rootkeeper.sandbox.codec.protocols import CompiledOperation, OperationTable, compile_checks, not_served
from rootkeeper.sandbox.codec.refusals import (
    JSON_WORDING,
    Refusal,
    RefusalError,
    make_organizations_error,
    make_refusal_error,
)
from rootkeeper.sandbox.exchange import ServiceError
from rootkeeper.sandbox.http_messages import HttpRequest, HttpResponse

VIOLATION_WORDING: Mapping[str, Callable[[RefusalError], ServiceError]] = {"organizations": make_organizations_error}
"""The services that word broken constraints in an error of their own."""


class JsonCodec:
    """A service that speaks JSON 1.0 or 1.1."""

    def __init__(self, model: ServiceModel) -> None:
        self.service = model.service_name
        self._content_type = f"application/x-amz-json-{model.metadata['jsonVersion']}"
        self._target_prefix: str = model.metadata["targetPrefix"] + "."
        self._operations = OperationTable(model, _compile)
        self._message_names = _find_message_names(model)

    def find_operation(self, request: HttpRequest) -> str | None:
        target = request.headers.get("x-amz-target")
        return None if target is None else target.removeprefix(self._target_prefix)

    def refuse_operation(self, operation: str, request: HttpRequest) -> RefusalError:  # noqa: ARG002 - of a codec
        if operation in self._operations:
            return not_served(self.service, operation)
        return RefusalError(Refusal.UNKNOWN_OPERATION, f"Could not find operation {operation[:100]}")

    def parse(self, operation: str, request: HttpRequest) -> dict[str, Any]:
        return self._operations.parse(operation, request)

    def render(self, operation: str, result: dict[str, Any], request_id: str) -> HttpResponse:
        body = self._operations.get(operation).write_result(result, request_id)
        return HttpResponse(200, self._content_type, body, {"x-amzn-requestid": request_id})

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        return render_json_error(error, request_id, self._content_type, self._message_names.get(error.code, "message"))

    def make_error(self, refused: RefusalError) -> ServiceError:
        wording = VIOLATION_WORDING.get(self.service)
        if wording and refused.refusal is Refusal.INVALID_PARAMETER and refused.violations:
            return wording(refused)
        return make_refusal_error(JSON_WORDING, refused)


def _compile(operation: OperationModel) -> CompiledOperation:
    input_shape = operation.input_shape
    read_input = compile_json_reader(input_shape) if input_shape else None
    return CompiledOperation(
        read_parameters=lambda request: read_input(parse_object(request.body)) if read_input else {},
        check_parameters=compile_checks(operation),
        write_result=_compile_result(operation),
    )


def _compile_result(operation: OperationModel) -> Callable[[dict[str, Any], str], bytes]:
    shape = operation.output_shape
    if shape is None:
        return lambda _result, _request_id: b"{}"
    convert = compile_json_writer(shape)
    return lambda result, _request_id: json.dumps(convert(result), separators=(",", ":")).encode("ascii")


def _find_message_names(model: ServiceModel) -> dict[str, str]:
    """Find how each modelled error spells its message member (Organizations: ``Message``)."""
    return {
        shape.error_code: member
        for shape in model.error_shapes
        if isinstance(shape, StructureShape)
        for member in shape.members
        if member.lower() == "message"
    }


def render_json_error(error: ServiceError, request_id: str, content_type: str, message_name: str) -> HttpResponse:
    """Write an error of the JSON protocols."""
    body = {"__type": error.code, message_name: error.message, **error.fields}
    content = json.dumps(body, separators=(",", ":")).encode("ascii")
    return HttpResponse(error.status, content_type, content, {"x-amzn-requestid": request_id})
