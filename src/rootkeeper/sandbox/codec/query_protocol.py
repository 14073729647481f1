"""The query protocol: form-encoded parameters in, XML out (IAM, STS).

Source: AWS Query protocol, IAM API version 2010-05-08 and STS API version 2011-06-15.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.model import OperationModel, ServiceModel

from rootkeeper.sandbox.codec.protocols import CompiledOperation, OperationTable, compile_checks, not_served
from rootkeeper.sandbox.codec.query_fields import Fields, compile_input, parse_fields, parse_fields_once
from rootkeeper.sandbox.codec.refusals import QUERY_WORDING, Refusal, RefusalError, make_refusal_error
from rootkeeper.sandbox.codec.xml_writing import compile_members, escape_text
from rootkeeper.sandbox.exchange import ServiceError
from rootkeeper.sandbox.http_messages import HttpRequest, HttpResponse

_CONTENT_TYPE = "text/xml"
_SHORT = 64
"""Characters of a request without parameters of its own, which thousands of sessions send word for word."""


class QueryCodec:
    """A service that speaks the query protocol."""

    def __init__(self, model: ServiceModel) -> None:
        self.service = model.service_name
        self._version: str = model.metadata["apiVersion"]
        self._namespace: str = model.metadata["xmlNamespace"]
        self._operations = OperationTable(model, self._compile)

    def find_operation(self, request: HttpRequest) -> str | None:
        return read_fields(request).get("Action")

    def refuse_operation(self, operation: str, request: HttpRequest) -> RefusalError:
        version = _read_version(request)
        if operation in self._operations and version == self._version:
            return not_served(self.service, operation)
        return _not_found(operation, version)

    def parse(self, operation: str, request: HttpRequest) -> dict[str, Any]:
        version = _read_version(request)
        if version != self._version:
            raise _not_found(operation, version)
        return self._operations.parse(operation, request)

    def render(self, operation: str, result: dict[str, Any], request_id: str) -> HttpResponse:
        body = self._operations.get(operation).write_result(result, request_id)
        return HttpResponse(200, _CONTENT_TYPE, body, {"x-amzn-requestid": request_id})

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        return render_query_error(error, request_id, self._namespace)

    def make_error(self, refused: RefusalError) -> ServiceError:
        return make_refusal_error(QUERY_WORDING, refused)

    def _compile(self, operation: OperationModel) -> CompiledOperation:
        read_input = compile_input(operation.input_shape)
        return CompiledOperation(
            read_parameters=lambda request: read_input(read_fields(request)),
            check_parameters=compile_checks(operation),
            write_result=self._compile_result(operation),
        )

    def _compile_result(self, operation: OperationModel) -> Callable[[dict[str, Any], str], bytes]:
        start = f'<{operation.name}Response xmlns="{self._namespace}">'
        end = f"</RequestId></ResponseMetadata></{operation.name}Response>"
        shape = operation.output_shape
        wrapper = shape.serialization.get("resultWrapper", f"{operation.name}Result") if shape else None
        write_members = compile_members(shape) if shape else None

        def write_result(result: dict[str, Any], request_id: str) -> bytes:
            out = [start]
            if write_members:
                out.append(f"<{wrapper}>")
                write_members(result, out)
                out.append(f"</{wrapper}>")
            out.append(f"<ResponseMetadata><RequestId>{request_id}{end}")
            return "".join(out).encode()

        return write_result


def read_fields(request: HttpRequest) -> Fields:
    """Read a request's form fields, from the body of a POST or the query string of a GET.

    :raises RefusalError: if they aren't text.
    """
    if request.form_fields is None:
        text = _form_text(request)
        request.form_fields = parse_fields_once(text) if len(text) <= _SHORT else parse_fields(text)
    return request.form_fields


def _form_text(request: HttpRequest) -> str:
    if request.method == "GET":
        return request.query_string
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusalError(Refusal.MALFORMED_BODY, "The request body is not UTF-8 text.") from None


def _read_version(request: HttpRequest) -> str:
    return read_fields(request).get("Version", "NO_VERSION_SPECIFIED")


def _not_found(operation: str, version: str) -> RefusalError:
    message = f"Could not find operation {operation[:100]} for version {version[:40]}"
    return RefusalError(Refusal.UNKNOWN_OPERATION, message)


def render_query_error(error: ServiceError, request_id: str, namespace: str) -> HttpResponse:
    """Write an error of the query protocol."""
    kind = "Sender" if error.status < 500 else "Receiver"
    fields = "".join(f"<{name}>{escape_text(str(value))}</{name}>" for name, value in error.fields.items())
    body = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{escape_text(error.code)}</Code>'
        f"<Message>{escape_text(error.message)}</Message>{fields}</Error><RequestId>{request_id}</RequestId>"
        "</ErrorResponse>"
    )
    return HttpResponse(error.status, _CONTENT_TYPE, body.encode(), {"x-amzn-requestid": request_id})
