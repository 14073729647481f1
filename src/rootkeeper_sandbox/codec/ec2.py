"""The protocol of Amazon EC2: form-encoded parameters in, XML out, each with differences from the query protocol.

The model is larger than all others together, so it is loaded at the first call.

Source: AWS EC2 Query protocol; Amazon EC2 API Reference, API version 2016-11-15, "Error codes".
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

from rootkeeper_sandbox.codec.errors import QUERY_WORDING, Refusal, RefusalError, Wording
from rootkeeper_sandbox.codec.models import CompiledOperation, load_model
from rootkeeper_sandbox.codec.parameters import QUERY_PARSERS, compile_constraints
from rootkeeper_sandbox.codec.query import Fields, QueryCodec, Reader, read_fields
from rootkeeper_sandbox.codec.xml import compile_members, escape_text
from rootkeeper_sandbox.exchange import HttpResponse, ServiceError

_SERVICE, _VERSION = "ec2", "2016-11-15"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_CONTENT_TYPE = "text/xml"
_DENIED = "You are not authorized to perform this operation. "

_WORDING: Wording = {
    **QUERY_WORDING,
    Refusal.ACCESS_DENIED: ("UnauthorizedOperation", 403),
    Refusal.EXPIRED_TOKEN: ("RequestExpired", 400),
    Refusal.INVALID_PARAMETER: ("InvalidParameterValue", 400),
    Refusal.UNKNOWN_KEY: ("AuthFailure", 401),
    Refusal.WRONG_SIGNATURE: ("AuthFailure", 401),
    Refusal.WRONG_TOKEN: ("AuthFailure", 401),
}


class Ec2Codec(QueryCodec):
    """Amazon EC2."""

    wording = _WORDING

    def __init__(self) -> None:
        self.service = self.signing_name = _SERVICE
        self.version = _VERSION
        self._compiled = {}

    @cached_property
    def _model(self) -> ServiceModel:  # type: ignore[override]  # loaded at the first call
        return load_model(_SERVICE)

    @cached_property
    def _names(self) -> frozenset[str]:  # type: ignore[override]  # loaded at the first call
        return frozenset(self._model.operation_names)

    def compile_operation(self, operation: OperationModel) -> CompiledOperation:
        shape = operation.input_shape
        members = _compile_members(shape) if shape else []
        return CompiledOperation(
            read_parameters=lambda request: _read_members(members, read_fields(request), ""),
            check_parameters=compile_constraints(shape),
            write_result=_compile_result(operation),
        )

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        body = (
            f"{_DECLARATION}<Response><Errors><Error><Code>{escape_text(error.code)}</Code>"
            f"<Message>{escape_text(error.message)}</Message></Error></Errors><RequestID>{request_id}</RequestID>"
            "</Response>"
        )
        return HttpResponse(error.status, _CONTENT_TYPE, body.encode(), {"x-amzn-requestid": request_id})

    def make_error(self, refused: RefusalError) -> ServiceError:
        error = super().make_error(refused)
        prefix = _DENIED if refused.refusal is Refusal.ACCESS_DENIED else ""
        return ServiceError(error.code, prefix + error.message, error.status)


Members = list[tuple[str, str, Reader]]


def _compile_members(shape: StructureShape) -> Members:
    return [(member, _wire_name(member, inner), _compile_reader(inner)) for member, inner in shape.members.items()]


def _wire_name(member: str, shape: Shape) -> str:
    """Give a member's name in a request: its query name, else the model's name, capitalized."""
    name = str(shape.serialization.get("queryName") or shape.serialization.get("name") or member)
    return name[:1].upper() + name[1:]


def _read_members(members: Members, fields: Fields, start: str) -> dict[str, Any]:
    found = ((member, read(fields, start + name)) for member, name, read in members)
    return {member: value for member, value in found if value is not None}


def _compile_reader(shape: Shape) -> Reader:
    if isinstance(shape, StructureShape):
        members = _compile_members(shape)
        return lambda fields, prefix: _read_members(members, fields, f"{prefix}.") or None
    if isinstance(shape, ListShape):
        return _list_reader(_compile_reader(shape.member))
    parse = QUERY_PARSERS[shape.type_name]
    return lambda fields, prefix: parse(fields[prefix]) if prefix in fields else None


def _list_reader(read_item: Reader) -> Reader:
    """Lists are always flattened: ``Filter.1.Value.2``."""

    def read_list(fields: Fields, prefix: str) -> list[Any] | None:
        items: list[Any] = []
        while (item := read_item(fields, f"{prefix}.{len(items) + 1}")) is not None:
            items.append(item)
        return items or None

    return read_list


def _compile_result(operation: OperationModel) -> Any:
    """Make the writer of a result, whose members come beside the request id."""
    start = f'{_DECLARATION}<{operation.name}Response xmlns="http://ec2.amazonaws.com/doc/{_VERSION}/"><requestId>'
    write_members = compile_members(operation.output_shape) if operation.output_shape else None

    def write_result(result: dict[str, Any], request_id: str) -> bytes:
        out = [start, request_id, "</requestId>"]
        if write_members:
            write_members(result, out)
        out.append(f"</{operation.name}Response>")
        return "".join(out).encode()

    return write_result
