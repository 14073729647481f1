"""The protocol of S3: rest-xml, the address of a bucket in host or path, and where the wire differs from the model.

It differs in the names of root elements, in GetBucketLocation (the text of the root element), in HeadObject (an
object's length without a body), and in the errors.

Source: Amazon S3 API Reference, API version 2006-03-01, "Error responses"; Amazon S3 User Guide, "Virtual hosting of
general purpose buckets".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel, Shape, StructureShape

from rootkeeper_sandbox.codec.errors import Refusal, RefusalError, make_s3_error
from rootkeeper_sandbox.codec.models import CompiledOperation
from rootkeeper_sandbox.codec.parameters import compile_constraints
from rootkeeper_sandbox.codec.rest import (
    REST_XML_FORMATTERS,
    RestCodec,
    compile_header_writers,
    compile_parts_reader,
    is_in_body,
)
from rootkeeper_sandbox.codec.xml import compile_members, compile_xml_reader, escape_text, malformed_xml, parse_xml
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, ServiceError

_AWS_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?(?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?"
)

_LOCAL_HOST = re.compile(r"(?:(?P<bucket>.+?)\.)?(?:s3\.)?localhost")
"""``bucket.localhost`` leads to this machine wherever names below ``localhost`` do."""


@dataclass(frozen=True, slots=True)
class S3Address:
    """The address that host and path give together."""

    path: str
    """In path style, still encoded: ``/bucket/key``."""
    region: str | None
    """The Region in the host name; ``None`` for hosts without a Region."""
    is_virtual_hosted: bool


def find_address(host: str, raw_path: str) -> S3Address:
    """Find where a request points, by its Host header and path."""
    name = _host_name(host)
    match = _AWS_HOST.fullmatch(name) or _LOCAL_HOST.fullmatch(name)
    bucket = match["bucket"] if match and match["bucket"] != "s3" else None
    region = match.groupdict().get("region") if match else None
    if bucket is None:
        return S3Address(_drop_query(raw_path), region, is_virtual_hosted=False)
    path = _drop_query(raw_path).removeprefix("/")
    return S3Address(f"/{bucket}/{path}" if path else f"/{bucket}", region, is_virtual_hosted=True)


def is_s3_host(host: str) -> bool:
    """Return whether a host name can only mean S3."""
    name = _host_name(host)
    return _AWS_HOST.fullmatch(name) is not None or name.endswith(".localhost")


def find_s3_region(host: str) -> str | None:
    """Find the Region of the endpoint that a request was sent to, as far as the host name says."""
    return find_address(host, "/").region


def address_of(request: HttpRequest) -> S3Address:
    return find_address(request.headers.get("host", ""), request.raw_path)


def _host_name(host: str) -> str:
    has_port = ":" in host.rpartition("]")[2]
    return (host.rpartition(":")[0] if has_port else host).lower()


def _drop_query(raw_path: str) -> str:
    return raw_path.partition("?")[0]


NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_CONTENT_TYPE = "application/xml"
_NOT_WRITTEN = ("ContentLength", "ContentType")
"""Headers that follow from the body."""

ROOT_NAMES: Mapping[str, str] = {
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
}
"""Root elements that the model doesn't name."""

BodyReader = Callable[[bytes], dict[str, Any]]
BodyWriter = Callable[[dict[str, Any]], tuple[str, bytes]]
"""Gives content type and body."""


class S3Codec(RestCodec):
    """S3, in path style and virtual-hosted."""

    def read_path(self, request: HttpRequest) -> str:
        """Give the path in path style; a bucket with a trailing slash and no key is the bucket."""
        path = address_of(request).path
        bucket, slash, key = path.removeprefix("/").partition("/")
        return f"/{bucket}" if slash and not key else path

    def refuse_operation(self, operation: str, request: HttpRequest) -> RefusalError:
        if operation in self._names:
            return super().refuse_operation(operation, request)
        message = "The specified method is not allowed against this resource."
        return RefusalError(Refusal.UNKNOWN_OPERATION, message)

    def compile_operation(self, operation: OperationModel) -> CompiledOperation:
        shape = operation.input_shape
        read_parts, read_body = compile_parts_reader(shape), _compile_body_reader(shape)
        return CompiledOperation(
            read_parameters=lambda request: read_parts(request) | read_body(request.body),
            check_parameters=compile_constraints(shape),
            write_result=_compile_result(operation),
        )

    def render(self, operation: str, result: dict[str, Any], request_id: str) -> HttpResponse:
        response: HttpResponse = self.get_compiled(operation).write_result(result, request_id)
        return response

    def render_error(self, error: ServiceError, request_id: str) -> HttpResponse:
        fields = "".join(f"<{name}>{escape_text(str(value))}</{name}>" for name, value in error.fields.items())
        body = (
            f"{_DECLARATION}<Error><Code>{escape_text(error.code)}</Code><Message>{escape_text(error.message)}</Message>"
            f"{fields}<RequestId>{request_id}</RequestId><HostId>{_host_id(request_id)}</HostId></Error>"
        )
        return HttpResponse(error.status, _CONTENT_TYPE, body.encode(), _identify(request_id))

    def make_error(self, refused: RefusalError) -> ServiceError:
        return make_s3_error(refused)


def _identify(request_id: str) -> dict[str, str]:
    return {"x-amz-request-id": request_id, "x-amz-id-2": _host_id(request_id)}


def _host_id(request_id: str) -> str:
    return base64.b64encode(request_id.encode()).decode("ascii")


def _compile_body_reader(shape: StructureShape | None) -> BodyReader:
    payload = shape.serialization.get("payload") if shape else None
    if shape is None or payload is None:
        return lambda _body: {}
    inner = shape.members[payload]
    if inner.type_name == "blob":
        return lambda body: {payload: body}
    if inner.type_name == "string":
        # A text that isn't UTF-8 can't be valid for any operation.
        return lambda body: {payload: body.decode("utf-8", "replace")}
    return _xml_payload_reader(payload, inner)


def _xml_payload_reader(payload: str, shape: Shape) -> BodyReader:
    read = compile_xml_reader(shape)
    root_name = shape.serialization.get("name", payload)

    def read_payload(body: bytes) -> dict[str, Any]:
        if not body:
            return {}
        root = parse_xml(body)
        if root.name != root_name:
            raise malformed_xml()
        return {payload: read(root)}

    return read_payload


def _compile_result(operation: OperationModel) -> Callable[[dict[str, Any], str], HttpResponse]:
    shape = operation.output_shape
    status = operation.http.get("responseCode", 200)
    writers = [pair for pair in compile_header_writers(shape) if pair[0] not in _NOT_WRITTEN] if shape else []
    write_body = _compile_body_writer(operation, shape)

    def write_result(result: dict[str, Any], request_id: str) -> HttpResponse:
        headers: dict[str, str] = {}
        for member, write in writers:
            if result.get(member) is not None:
                headers |= write(result[member])
        content_type, body = write_body(result)
        if "ContentLength" in result and not body:
            headers["content-length"] = str(result["ContentLength"])
        actual = 206 if "ContentRange" in result else status
        return HttpResponse(actual, str(result.get("ContentType", content_type)), body, headers | _identify(request_id))

    return write_result


def _compile_body_writer(operation: OperationModel, shape: StructureShape | None) -> BodyWriter:
    if operation.name == "GetBucketLocation":
        return _write_location
    payload = shape.serialization.get("payload") if shape else None
    if shape is not None and payload is not None:
        return _payload_writer(payload, shape.members[payload])
    if shape is None or not any(is_in_body(inner) for inner in shape.members.values()):
        return lambda _result: (_CONTENT_TYPE, b"")
    return _xml_writer(shape, ROOT_NAMES.get(operation.name, shape.name), lambda result: result)


def _payload_writer(payload: str, shape: Shape) -> BodyWriter:
    if isinstance(shape, StructureShape):
        return _xml_writer(shape, shape.serialization.get("name", payload), lambda result: result[payload])
    if shape.type_name == "string":
        return lambda result: ("application/json", result[payload].encode())
    return lambda result: ("binary/octet-stream", result[payload])


def _xml_writer(shape: StructureShape, name: str, choose: Callable[[dict[str, Any]], Any]) -> BodyWriter:
    write_members = compile_members(shape, REST_XML_FORMATTERS)

    def write_xml(result: dict[str, Any]) -> tuple[str, bytes]:
        out = [f'{_DECLARATION}<{name} xmlns="{NAMESPACE}">']
        write_members(choose(result), out)
        out.append(f"</{name}>")
        return _CONTENT_TYPE, "".join(out).encode()

    return write_xml


def _write_location(result: dict[str, Any]) -> tuple[str, bytes]:
    """us-east-1 is the empty constraint."""
    region = result.get("LocationConstraint", "")
    body = f'{_DECLARATION}<LocationConstraint xmlns="{NAMESPACE}">{escape_text(region)}</LocationConstraint>'
    return _CONTENT_TYPE, body.encode()
