"""Round trips over HTTP's parts for the REST protocols: labels, query, headers, payloads; and the errors of all models.

What the other protocols do is tried in ``test_codec_round_trips.py``.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.model import StructureShape
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper_sandbox.codec.models import load_model
from rootkeeper_sandbox.codec.registry import make_codecs
from rootkeeper_sandbox.exchange import ServiceError
from tests.sandbox.reading import SERVED, read_parameters
from tests.sandbox.shapes import FEW, TEXTS, messages_of
from tests.sandbox.wire import build_request, parse_response

CODECS = {service: make_codecs(service)[-1] for service in {service for service, _ in SERVED}}
REST = [(service, operation) for service, operation in SERVED if service in ("account", "s3")]


def shape_of(service: str, operation: str, side: str) -> StructureShape | None:
    model = load_model(service).operation_model(operation)
    shape = model.input_shape if side == "input" else model.output_shape
    return shape if isinstance(shape, StructureShape) else None


@pytest.mark.parametrize(("service", "operation"), [pair for pair in REST if shape_of(*pair, "input")])
@FEW
@given(data=st.data())
def test_rest_parameters_arrive_as_botocore_sent_them(service: str, operation: str, data: st.DataObject) -> None:
    shape = shape_of(service, operation, "input")
    assert shape is not None
    parameters = data.draw(messages_of(shape))
    request = build_request(service, operation, parameters)
    assert CODECS[service].find_operation(request) == operation
    assert without_empty(read_parameters(CODECS[service], operation, request)) == without_empty(parameters)


@pytest.mark.parametrize(("service", "operation"), [pair for pair in REST if shape_of(*pair, "output")])
@FEW
@given(data=st.data())
def test_botocore_reads_the_rest_answer_that_was_written(service: str, operation: str, data: st.DataObject) -> None:
    shape = shape_of(service, operation, "output")
    assert shape is not None
    result = data.draw(messages_of(shape))
    if "Body" in result:
        result["Body"] = b"a text"
    response = CODECS[service].render(operation, result, "request-1")
    parsed = parse_response(response, service, operation)
    assert {name: parsed.get(name) for name in result if name not in HTTP_ITSELF} == {
        name: value for name, value in result.items() if name not in HTTP_ITSELF
    }


HTTP_ITSELF = ("Body", "ContentLength", "LocationConstraint")
"""The body's own bytes and length, and the one answer that isn't as the model says; see ``test_s3_codec.py``."""


def without_empty(parameters: dict[str, Any]) -> dict[str, Any]:
    """An empty value on a header or in the query isn't distinguished from one that isn't there."""
    return {
        name: value for name, value in parameters.items() if value not in ("", b"", {}, []) and name != "ContentLength"
    }


@pytest.mark.parametrize("service", sorted(CODECS.keys() - {"ec2", "sqs"}))
@FEW
@given(message=TEXTS, data=st.data())
def test_a_modelled_error_of_a_service_is_read_by_its_code(service: str, message: str, data: st.DataObject) -> None:
    """EC2's model has no errors. SQS has a second name for its errors; see ``test_sqs.py`` and ``test_oracle.py``."""
    shape = data.draw(st.sampled_from(load_model(service).error_shapes))
    assert isinstance(shape, StructureShape)
    response = CODECS[service].render_error(ServiceError(shape.error_code, message), "request-2")
    error = parse_response(response, service, next(o for s, o in SERVED if s == service))["Error"]
    assert (error["Code"], error.get("Message") or "") == (shape.error_code, message)
