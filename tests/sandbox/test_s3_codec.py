"""S3's wire without sockets: what botocore writes is read, what is written botocore reads, and XML can't do harm."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.codec.models import load_model
from rootkeeper_sandbox.codec.s3 import S3Codec, find_address
from rootkeeper_sandbox.codec.xml import MAX_DEPTH, parse_xml
from rootkeeper_sandbox.exchange import HttpRequest, ServiceError
from rootkeeper_sandbox.services.registry import SERVICES
from tests.examples import examples
from tests.sandbox.shapes import structures_of
from tests.sandbox.wire import BUCKET, build_request, parse_response

MODEL = load_model("s3")
CODEC = S3Codec(MODEL)
SERVED = sorted(SERVICES["s3"])
WITH_OUTPUT = [name for name in SERVED if MODEL.operation_model(name).output_shape is not None]
QUICK = settings(max_examples=examples(20), deadline=None, suppress_health_check=list(HealthCheck))
LOCATIONS_OF_CLIENTS = ("Bucket", "ContentLength", "ContentType")
"""Clients fill these in themselves."""


def is_plain(value: Any) -> bool:
    """Tell whether a value can stand in a header: not empty, and without what is trimmed or cut there."""
    if isinstance(value, dict):
        return all(is_plain(item) and name.isascii() and name.isalnum() for name, item in value.items())
    if isinstance(value, list):
        return all(is_plain(item) for item in value)
    return not isinstance(value, str) or (value.isascii() and value.isalnum())


def lower_metadata(parameters: dict[str, Any]) -> dict[str, Any]:
    metadata = parameters.get("Metadata")
    return (
        parameters | {"Metadata": {name.lower(): text for name, text in metadata.items()}} if metadata else parameters
    )


@pytest.mark.parametrize("operation", SERVED)
@QUICK
@given(data=st.data())
def test_parameters_arrive_as_botocore_sent_them(operation: str, data: st.DataObject) -> None:
    shape = MODEL.operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    drawn = {name: value for name, value in data.draw(structures_of(shape)).items() if is_plain(value)}
    sent = lower_metadata({name: value for name, value in drawn.items() if name not in LOCATIONS_OF_CLIENTS})
    read = read_without_constraints(operation, build_request("s3", operation, sent))
    filled_in = {"Key": BUCKET, "Policy": "", "Body": b""}
    expected = {name: value for name, value in filled_in.items() if name in shape.members} | sent
    assert {name: value for name, value in read.items() if name not in LOCATIONS_OF_CLIENTS} == expected


def read_without_constraints(operation: str, request: HttpRequest) -> dict[str, Any]:
    assert CODEC.find_operation(request) == operation
    return CODEC.get_compiled(operation).read_parameters(CODEC.bind(operation, request))


@pytest.mark.parametrize("operation", WITH_OUTPUT)
@QUICK
@given(data=st.data())
def test_botocore_reads_the_answer_that_was_written(operation: str, data: st.DataObject) -> None:
    shape = MODEL.operation_model(operation).output_shape
    assert shape is not None
    drawn = data.draw(structures_of(shape))
    payload = shape.serialization.get("payload")
    result = {name: value for name, value in drawn.items() if name == payload or is_plain(value)}
    result = {name: value for name, value in result.items() if name not in LOCATIONS_OF_CLIENTS and value != {}}
    if payload and payload not in result:
        result[payload] = "" if shape.members[payload].type_name == "string" else {}
    if operation == "GetObject":
        result["Body"] = b"ascii"
    response = CODEC.render(operation, result, "request-1")
    parsed = parse_response(response, "s3", operation)
    metadata = parsed.pop("ResponseMetadata")
    assert metadata["RequestId"] == "request-1"
    for name, value in lower_metadata(result).items():
        inner = shape.members[name]
        if operation == "GetBucketLocation" or inner.serialization.get("streaming"):
            continue
        assert parsed.get(name, {}) == value, name


def test_an_error_has_s3s_form_and_is_escaped() -> None:
    response = CODEC.render_error(ServiceError("NoSuchKey", "<not> there & so", 404, {"Key": "a<b"}), "request-2")
    parsed = parse_response(response, "s3", "GetObject")
    assert parsed["Error"] == {"Code": "NoSuchKey", "Message": "<not> there & so", "Key": "a<b"}
    assert response.headers["x-amz-request-id"] == "request-2"


def test_times_are_written_to_the_millisecond() -> None:
    moment = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
    body = CODEC.render("ListBuckets", {"Buckets": [{"Name": "a", "CreationDate": moment}]}, "r").body
    assert b"<CreationDate>2026-10-01T12:00:00.000Z</CreationDate>" in body
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<ListAllMyBucketsResult xmlns=')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a",
        b"<a></b>",
        b"plain",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" + b"<b/>" * 10_001 + b"</a>",
        b"\xff\xfe<a/>",
        b'<?xml version="1.0" encoding="utf-16"?><a/>' + b"\x00",
    ],
)
def test_xml_that_could_do_harm_is_refused(body: bytes) -> None:
    with pytest.raises(RefusalError) as caught:
        parse_xml(body)
    assert caught.value.refusal is Refusal.MALFORMED_BODY


def test_a_body_of_another_element_is_malformed() -> None:
    request = build_request("s3", "PutBucketVersioning", {"VersioningConfiguration": {"Status": "Enabled"}})
    request.body = request.body.replace(b"VersioningConfiguration", b"Versions")
    with pytest.raises(RefusalError):
        CODEC.parse("PutBucketVersioning", request)


@pytest.mark.parametrize(
    ("host", "path", "expected", "region"),
    [
        ("127.0.0.1:4599", "/bucket/key", "/bucket/key", None),
        ("localhost:4599", "/bucket/key", "/bucket/key", None),
        ("[::1]:4599", "/bucket", "/bucket", None),
        ("bucket.localhost:4599", "/key", "/bucket/key", None),
        ("bucket.s3.localhost", "/", "/bucket", None),
        ("s3.localhost", "/bucket", "/bucket", None),
        ("s3.amazonaws.com", "/bucket", "/bucket", None),
        ("my.bucket.s3.amazonaws.com", "/k/l", "/my.bucket/k/l", None),
        ("s3.eu-west-1.amazonaws.com", "/bucket", "/bucket", "eu-west-1"),
        ("bucket.s3.eu-west-1.amazonaws.com:443", "/", "/bucket", "eu-west-1"),
        ("bucket.s3-us-gov-west-1.amazonaws.com", "/", "/bucket", "us-gov-west-1"),
        ("bucket.s3.dualstack.eu-west-1.amazonaws.com", "/k?versions", "/bucket/k", "eu-west-1"),
        ("BUCKET.S3.AMAZONAWS.COM", "/", "/bucket", None),
        ("sts.eu-west-1.amazonaws.com", "/", "/", None),
    ],
)
def test_a_bucket_is_found_by_host_or_path(host: str, path: str, expected: str, region: str | None) -> None:
    address = find_address(host, path)
    assert (address.path, address.region) == (expected, region)


@pytest.mark.parametrize(
    ("method", "target", "headers", "operation"),
    [
        ("GET", "/", {}, "ListBuckets"),
        ("GET", "/b?list-type=2", {}, "ListObjectsV2"),
        ("GET", "/b", {}, "ListObjects"),
        ("GET", "/b/?policy", {}, "GetBucketPolicy"),
        ("GET", "/b?policyStatus", {}, "GetBucketPolicyStatus"),
        ("GET", "/b?versions", {}, "ListObjectVersions"),
        ("PUT", "/b/k", {}, "PutObject"),
        ("PUT", "/b/k", {"x-amz-copy-source": "/b/l"}, "CopyObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", {}, "UploadPart"),
        ("DELETE", "/b/k?versionId=v", {}, "DeleteObject"),
        ("HEAD", "/b/k/l", {}, "HeadObject"),
        ("POST", "/b?delete", {}, "DeleteObjects"),
    ],
)
def test_method_path_query_and_headers_say_the_operation(
    method: str, target: str, headers: dict[str, str], operation: str
) -> None:
    path, _, query = target.partition("?")
    request = HttpRequest(method, path, query, {"host": "127.0.0.1", **headers}, b"", "127.0.0.1")
    assert CODEC.find_operation(request) == operation
