"""moto's codec as a second opinion: it reads what the sandbox's codec reads, and writes what clients read alike.

Two codecs that were written apart, from the same models, seldom make the same mistake. Where moto is known to read or
write otherwise, the tables at the top say why; everything else must agree, for every operation that is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from botocore.model import StructureShape
from hypothesis import given
from hypothesis import strategies as st
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model

from rootkeeper_sandbox.codec.models import Codec, load_model
from rootkeeper_sandbox.codec.registry import make_codecs
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse, ServiceError
from tests.sandbox.reading import SERVED, read_parameters
from tests.sandbox.shapes import FEW, messages_of, take_turns
from tests.sandbox.wire import ENDPOINT, build_request, parse_response

READ_OTHERWISE: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("s3", "PutBucketPolicy"): {"Policy": "an empty body is no policy to moto, and an empty policy here"},
    ("s3", "PutObject"): {
        "Body": "an empty body is no body to moto, and an empty object here",
        "ContentLength": "moto always finds one, 0 without a body",
        "Metadata": "without any header of metadata moto makes an empty map",
    },
}
"""Members that moto reads otherwise when they are empty, and how."""
KEPT_AS_TEXT = ("Expires",)
"""A date that moto doesn't parse, since S3 hands on what it was given."""
WRITTEN_OTHERWISE: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("s3", "GetObject"): {
        "Body": "moto writes bodies as text; its S3 doesn't use its own serializer for this",
        "ContentType": "moto sends none unless it is set; HTTP servers always send one",
    },
    ("s3", "HeadObject"): {"ContentType": "moto sends none unless it is set; HTTP servers always send one"},
}
"""Members that clients read otherwise in moto's answers, and why."""
REQUEST_ID = "11111111-2222-4333-8444-555555555555"


def shape_of(service: str, operation: str, side: str) -> StructureShape | None:
    model = load_model(service).operation_model(operation)
    shape = model.input_shape if side == "input" else model.output_shape
    return shape if isinstance(shape, StructureShape) else None


WITH_INPUT = [pair for pair in SERVED if shape_of(*pair, "input")]
WITH_OUTPUT = [pair for pair in SERVED if shape_of(*pair, "output")]


@cache
def codec_of(service: str) -> Codec:
    return make_codecs(service)[-1]


@cache
def moto_model(service: str, operation: str) -> OperationModel:
    model: OperationModel = get_service_model(service).operation_model(operation)
    return model


def read_by_moto(service: str, operation: str, request: HttpRequest, labels: Mapping[str, str]) -> Any:
    """Read a request as moto does; its router, which isn't asked here, would have found the labels of the path."""
    url = f"{ENDPOINT}{request.raw_path}" + (f"?{request.query_string}" if request.query_string else "")
    received = Request.from_primitives(request.method, url, request.headers, request.body)
    protocol = determine_request_protocol(get_service_model(service), received.content_type)
    parser = PROTOCOL_PARSERS[protocol](moto_model(service, operation))
    return parser.parse(
        {
            "method": received.method,
            "values": received.values,
            "headers": received.headers,
            "body": received.data,
            "url_path": received.path,
            "url_params": dict(labels),
        }
    )


def write_by_moto(service: str, operation: str, result: Any) -> HttpResponse:
    protocol = str(get_service_model(service).protocol)
    serializer = get_serializer_class(service, protocol)(
        moto_model(service, operation), context=SerializationContext(REQUEST_ID)
    )
    written = serializer.serialize(result)
    body = written["body"]
    headers = {name.lower(): str(value) for name, value in written["headers"].items()}
    content = body.encode() if isinstance(body, str) else bytes(body)
    return HttpResponse(written["status_code"], headers.pop("content-type", ""), content, headers)


def without_zones(value: Any) -> Any:
    """moto keeps moments in UTC without saying so."""
    if isinstance(value, dict):
        return {name: without_zones(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_zones(item) for item in value]
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


@pytest.mark.parametrize(("service", "operation"), take_turns(WITH_INPUT))
@FEW
@given(data=st.data())
def test_moto_reads_the_same_parameters(service: str, operation: str, data: st.DataObject) -> None:
    shape = shape_of(service, operation, "input")
    assert shape is not None
    request = build_request(service, operation, data.draw(messages_of(shape)))
    ours = read_parameters(codec_of(service), operation, request)
    labels = {name: ours[name] for name, inner in shape.members.items() if inner.serialization.get("location") == "uri"}
    theirs = read_by_moto(service, operation, request, labels)
    if "Metadata" in theirs:  # WSGI, which moto reads headers from, keeps no names in lower case
        theirs["Metadata"] = {name.lower(): value for name, value in theirs["Metadata"].items()}
    for member in READ_OTHERWISE.get((service, operation), ()):
        if not ours.get(member) and not theirs.get(member):
            ours.pop(member, None)
            theirs.pop(member, None)
    left_out = set(KEPT_AS_TEXT) if service == "s3" else set()
    assert without(theirs, left_out) == without(without_zones(ours), left_out)


@pytest.mark.parametrize(("service", "operation"), take_turns(WITH_OUTPUT))
@FEW
@given(data=st.data())
def test_clients_read_the_same_in_moto_s_answer(service: str, operation: str, data: st.DataObject) -> None:
    shape = shape_of(service, operation, "output")
    assert shape is not None
    result = data.draw(messages_of(shape))
    if "Body" in result:
        result["Body"] = b"text"
    ours = parse_response(codec_of(service).render(operation, result, REQUEST_ID), service, operation)
    theirs = parse_response(write_by_moto(service, operation, result), service, operation)
    left_out = {"ResponseMetadata", *WRITTEN_OTHERWISE.get((service, operation), ())}
    assert without(ours, left_out) == without(theirs, left_out)


def without(parsed: Mapping[str, Any], left_out: set[str]) -> dict[str, Any]:
    return {name: value for name, value in parsed.items() if name not in left_out}


class ModelledError(Exception):
    """An error as moto's serializer takes it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def modelled_errors() -> list[tuple[str, str, StructureShape]]:
    """Every error that the models know for an operation that is served."""
    return [
        (service, operation, shape)
        for service, operation in SERVED
        for shape in load_model(service).operation_model(operation).error_shapes
        if isinstance(shape, StructureShape)
    ]


ERRORS = {(service, shape.name): (service, operation, shape) for service, operation, shape in modelled_errors()}


@pytest.mark.parametrize("service", sorted({service for service, _ in ERRORS}))
def test_clients_read_the_same_in_moto_s_errors(service: str) -> None:
    for found in ERRORS.values():
        if found[0] == service:
            check_error(*found)


def check_error(service: str, operation: str, shape: StructureShape) -> None:
    ours = codec_of(service).render_error(ServiceError(shape.error_code, "It failed.", 400), REQUEST_ID)
    theirs = write_by_moto(service, operation, ModelledError(shape.error_code, "It failed."))
    # S3's clients learn the status from the line of the answer; it is the service's to choose here.
    theirs.status = ours.status
    read, expected = (parse_response(answer, service, operation)["Error"] for answer in (ours, theirs))
    assert (read["Code"], read["Message"]) == (expected["Code"], expected["Message"]), shape.name
