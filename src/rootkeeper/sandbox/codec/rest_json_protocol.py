"""The rest-json protocol: the path names the operation, a JSON object in, a JSON object out (Account Management).

Source: AWS restJson1 protocol; Account Management API version 2021-02-01.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel, ServiceModel

from rootkeeper.sandbox.codec.json_values import compile_json_reader, compile_json_writer, parse_object
from rootkeeper.sandbox.codec.protocols import compile_checks, not_served
from rootkeeper.sandbox.codec.refusals import REST_JSON_WORDING, Refusal, RefusalError, make_refusal_error
from rootkeeper.sandbox.codec.rest_bindings import RestRequest, compile_part_readers
from rootkeeper.sandbox.codec.rest_routes import RouteTable, parse_query
from rootkeeper.sandbox.exchange import ServiceError
from rootkeeper.sandbox.http_messages import HttpRequest, HttpResponse

_CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class _RestJsonOperation:
    read_parameters: Callable[[RestRequest], dict[str, Any]]
    check_parameters: Callable[[dict[str, Any]], None]
    convert_result: Callable[[dict[str, Any]], Any]


class RestJsonCodec:
    """A service that speaks rest-json with all members in the body, the path or the query."""

    def __init__(self, model: ServiceModel) -> None:
        self.service = model.service_name
        self._model = model
        self._routes = RouteTable(model)
        self._compiled: dict[str, _RestJsonOperation] = {}

    def find_operation(self, request: HttpRequest) -> str | None:
        route = self._routes.find(request.method, request.raw_path, parse_query(request.query_string), request.headers)
        return route.operation if route else f"{request.method} {request.raw_path}"

    def refuse_operation(self, operation: str, request: HttpRequest) -> RefusalError:  # noqa: ARG002 - of a codec
        if operation in self._model.operation_names:
            return not_served(self.service, operation)
        return RefusalError(Refusal.UNKNOWN_OPERATION, f"Could not find operation {operation[:100]}")

    def parse(self, operation: str, request: HttpRequest) -> dict[str, Any]:
        compiled = self._get(operation)
        labels = self._routes.get(operation).match_path(request.raw_path.removeprefix("/").split("/")) or {}
        parts = RestRequest(labels, parse_query(request.query_string), request.headers, request.body)
        parameters = compiled.read_parameters(parts)
        compiled.check_parameters(parameters)
        return parameters

    def render(self, operation: str, result: dict[str, Any], request_id: str) -> HttpResponse:
        converted = self._get(operation).convert_result(result)
        body = json.dumps(converted, separators=(",", ":")).encode("ascii")
        return HttpResponse(200, _CONTENT_TYPE, body, {"x-amzn-requestid": request_id})

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        body = json.dumps({"message": error.message, **error.fields}, separators=(",", ":")).encode("ascii")
        headers = {"x-amzn-requestid": request_id, "x-amzn-errortype": error.code}
        return HttpResponse(error.status, _CONTENT_TYPE, body, headers)

    def make_error(self, refused: RefusalError) -> ServiceError:
        return make_refusal_error(REST_JSON_WORDING, refused)

    def _get(self, operation: str) -> _RestJsonOperation:
        if operation not in self._compiled:
            self._compiled[operation] = _compile(self._model.operation_model(operation))
        return self._compiled[operation]


def _compile(operation: OperationModel) -> _RestJsonOperation:
    shape = operation.input_shape
    parts = compile_part_readers(shape) if shape else []
    read_body = compile_json_reader(shape) if shape else None

    def read_parameters(request: RestRequest) -> dict[str, Any]:
        found = ((member, read(request)) for member, read in parts)
        bound = {member: value for member, value in found if value is not None}
        return (read_body(parse_object(request.body)) if read_body else {}) | bound

    output = operation.output_shape
    return _RestJsonOperation(
        read_parameters=read_parameters,
        check_parameters=compile_checks(operation),
        convert_result=compile_json_writer(output) if output else lambda _result: {},
    )
