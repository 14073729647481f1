"""What botocore writes the codec reads, and what the codec writes botocore reads, for every feature of the models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.model import OperationModel, StructureShape
from botocore.parsers import create_parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rootkeeper_sandbox.codec.json_protocol import compile_json_reader, parse_object
from rootkeeper_sandbox.codec.models import Codec, load_model
from rootkeeper_sandbox.codec.query import compile_input, parse_fields
from rootkeeper_sandbox.codec.registry import make_codecs
from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.services.registry import SERVICES
from tests.examples import examples
from tests.sandbox.shapes import TEXTS, choose_representatives, structures_of, take_turns
from tests.sandbox.wire import build_request, parse_response

OWN_TESTS = "s3"
"""Its wire differs from its model; see test_s3_codec.py."""
SERVED = [(s, operation) for s, operations in SERVICES.items() if s != OWN_TESTS for operation in operations]
INPUTS = {(s, o): shape for s, o in SERVED if (shape := load_model(s).operation_model(o).input_shape) is not None}
OUTPUTS = {(s, o): shape for s, o in SERVED if (shape := load_model(s).operation_model(o).output_shape) is not None}
QUICK = settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))


def codec_of(service: str) -> Codec:
    return make_codecs(service)[-1]


def operation_model(service: str, operation: str) -> OperationModel:
    return load_model(service).operation_model(operation)


def read_parameters(service: str, operation: str, parameters: dict[str, Any]) -> Any:
    """Read what botocore wrote, without the model's constraints."""
    request = build_request(service, operation, parameters)
    shape = operation_model(service, operation).input_shape
    assert shape is not None
    if load_model(service).metadata["protocol"] in ("ec2", "rest-json"):
        codec = codec_of(service)
        return codec.get_compiled(operation).read_parameters(codec.bind(operation, request))
    if load_model(service).metadata["protocol"] == "query":
        return compile_input(shape)(parse_fields(request.body.decode()))
    return compile_json_reader(shape)(parse_object(request.body))


@pytest.mark.parametrize(("service", "operation"), take_turns(choose_representatives(INPUTS)))
@QUICK
@given(data=st.data())
def test_parameters_arrive_as_botocore_sent_them(service: str, operation: str, data: st.DataObject) -> None:
    shape = operation_model(service, operation).input_shape
    assert shape is not None
    parameters = data.draw(structures_of(shape))
    assert read_parameters(service, operation, parameters) == parameters


@pytest.mark.parametrize(("service", "operation"), take_turns(choose_representatives(OUTPUTS)))
@QUICK
@given(data=st.data())
def test_botocore_reads_the_answer_that_was_written(service: str, operation: str, data: st.DataObject) -> None:
    shape = operation_model(service, operation).output_shape
    assert shape is not None
    result = data.draw(structures_of(shape))
    parsed = parse_response(codec_of(service).render(operation, result, "request-1"), service, operation)
    metadata = parsed.pop("ResponseMetadata")
    assert parsed == result
    assert metadata["RequestId"] == "request-1"


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - {OWN_TESTS}))
@QUICK
@given(message=TEXTS, code=st.from_regex(r"[A-Za-z.]{1,30}", fullmatch=True), status=st.sampled_from([400, 403, 409]))
def test_botocore_reads_every_error(service: str, message: str, code: str, status: int) -> None:
    operation = next(iter(SERVICES[service]))
    response = codec_of(service).render_error(ServiceError(code, message, status), "request-2")
    parsed = parse_response(response, service, operation)
    # SQS's clients are shown the code of the Query protocol, and the other one beside it.
    assert code in (parsed["Error"]["Code"], parsed["Error"].get("QueryErrorCode"))
    assert (parsed["Error"].get("Message") or "") == message
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == status
    assert parsed["ResponseMetadata"]["RequestId"] == "request-2"


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - {OWN_TESTS}))
def test_modelled_members_of_errors_reach_the_client(service: str) -> None:
    for shape in load_model(service).error_shapes:
        assert isinstance(shape, StructureShape)
        check_error_members(service, shape)


def check_error_members(service: str, shape: StructureShape) -> None:
    in_body = {name: inner for name, inner in shape.members.items() if "location" not in inner.serialization}
    texts = [name for name, inner in in_body.items() if inner.type_name == "string"]
    further = {name: f"the {name}" for name in texts if name.lower() not in ("message", "code")}
    response = codec_of(service).render_error(ServiceError(shape.error_code, "It failed.", 400, further), "request-3")
    headers = {"content-type": response.content_type, **response.headers}
    parser = create_parser(load_model(service).metadata["protocol"])
    parsed = parser.parse({"status_code": 400, "headers": headers, "body": response.body}, shape)
    # IAM's and STS's models say ``message``, their wire says ``Message``: botocore reads it as the generic error's.
    spelled_as_modelled = load_model(service).metadata["protocol"] != "query"
    message = {name: "It failed." for name in texts if name.lower() == "message" and spelled_as_modelled}
    assert {name: parsed.get(name) for name in further | message} == further | message, shape.name


def test_a_json_error_spells_its_message_as_the_service_does() -> None:
    response = codec_of("organizations").render_error(ServiceError("AccessDeniedException", "No."), "request-4")
    assert json.loads(response.body) == {"__type": "AccessDeniedException", "Message": "No."}
    assert response.content_type == "application/x-amz-json-1.1"
