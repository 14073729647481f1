"""A fuzzer that knows the models: calls of the right shape, then broken in their bytes, headers or signature.

It runs for a bounded time, longer with ``SANDBOX_FUZZ_SECONDS=600``. Each answer is the protocol's own
and no failure, and a caller that may not change anything has changed nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as XmlTree

import pytest
from botocore.model import StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rootkeeper_sandbox.codec.models import load_model
from rootkeeper_sandbox.exchange import HttpRequest
from rootkeeper_sandbox.server import Application
from tests.examples import examples
from tests.sandbox.reading import SERVED
from tests.sandbox.shapes import structures_of
from tests.sandbox.wire import BUCKET, Wire, build_request, open_instance, sign

SECONDS = float(os.environ.get("SANDBOX_FUZZ_SECONDS", "12"))
ROUND = settings(max_examples=examples(75), deadline=None, suppress_health_check=list(HealthCheck))
POWERLESS, POWERFUL = ("observer", "unknown", "forger"), ("management-admin", "member-admin", "delegated-admin")
QUEUE_URL = "http://127.0.0.1:4599/777788889999/none"
REAL = (
    "555566667777",
    "777788889999",
    "arn:aws:iam::555566667777:root",
    "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials",
    "iam.amazonaws.com",
    "p-FullAWSAccess",
    "SERVICE_CONTROL_POLICY",
    "observer",
    BUCKET,
    QUEUE_URL,
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    "{",
    "../../etc/passwd",
    "",
    "\x00",
    "9" * 400,
)
HEADERS = (
    "authorization",
    "content-length",
    "content-type",
    "host",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-security-token",
    "x-amz-target",
    "x-amz-trailer",
)
HEADER_VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30)


@dataclass(frozen=True, slots=True)
class Mutation:
    """How a request is broken, before or after it is signed."""

    cut_at: int
    inserted: bytes
    headers: dict[str, str | None]
    method: str | None
    path: str | None
    query: str | None
    is_signed_as_broken: bool

    def apply(self, request: HttpRequest) -> None:
        if self.cut_at or self.inserted:
            request.body = request.body[: self.cut_at] + self.inserted + request.body[self.cut_at :]
        for name, value in self.headers.items():
            if value is None:
                request.headers.pop(name, None)
            else:
                request.headers[name] = value
        request.method = self.method or request.method
        request.raw_path = request.raw_path if self.path is None else self.path
        request.query_string = request.query_string if self.query is None else self.query


MUTATIONS = st.builds(
    Mutation,
    cut_at=st.integers(0, 200),
    inserted=st.just(b"") | st.binary(max_size=20) | st.sampled_from([b"&" * 50, b"{" * 3000, b"<a>" * 3000, b"%%%"]),
    headers=st.dictionaries(st.sampled_from(HEADERS), st.none() | HEADER_VALUES, max_size=2),
    method=st.none() | st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"]),
    path=st.none() | st.sampled_from(["/", "//", f"/{BUCKET}", f"/{BUCKET}/..", "/%ff/%00", "/getPrimaryEmail", "*"]),
    query=st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30) | st.just("policy"),
    is_signed_as_broken=st.booleans(),
)


def inputs_of(service: str, operation: str) -> st.SearchStrategy[dict[str, Any]]:
    """Values of the right shape, some of them of things that there are."""
    shape = load_model(service).operation_model(operation).input_shape
    if not isinstance(shape, StructureShape):
        return st.just({})
    texts = [name for name, inner in shape.members.items() if inner.type_name == "string"]
    real = st.fixed_dictionaries({}, optional={name: st.sampled_from(REAL) for name in texts})
    return st.tuples(structures_of(shape), real).map(lambda pair: pair[0] | pair[1])


CALLS = st.sampled_from(SERVED).flatmap(lambda pair: st.tuples(st.just(pair), inputs_of(*pair)))


class Battery:
    """One sandbox under fire."""

    def __init__(self) -> None:
        self.wire = Wire(open_instance())
        self._application = Application(self.wire.instance)

    def build(
        self, call: tuple[tuple[str, str], dict[str, Any]], caller: str, mutation: Mutation | None
    ) -> HttpRequest:
        (service, operation), parameters = call
        request = build_request(service, operation, parameters)
        if mutation and mutation.is_signed_as_broken:
            mutation.apply(request)
        if caller != "unknown":
            with contextlib.suppress(KeyError, ValueError):  # botocore can't sign what has no host
                sign(request, service, self.wire.keys("observer" if caller == "forger" else caller))
        if caller == "forger":
            signature = request.headers.get("authorization", "")
            request.headers["authorization"] = signature.replace("AKIA", "AKIB").replace("Signature=", "Signature=0")
        if mutation and not mutation.is_signed_as_broken:
            mutation.apply(request)
        return request

    def fire(self, request: HttpRequest) -> tuple[int, str, bytes]:
        """Send a request through the whole application; gives status, content type and body."""
        return asyncio.run(self._fire(request))

    async def _fire(self, request: HttpRequest) -> tuple[int, str, bytes]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        scope = {
            "type": "http",
            "method": request.method,
            "raw_path": request.raw_path.encode(),
            "path": request.raw_path,
            "query_string": request.query_string.encode(),
            "headers": [(name, value) for name, value in headers if name != b"content-length"],
            "client": ("127.0.0.1", 1),
        }
        await asyncio.wait_for(self._application(scope, receive, send), timeout=30)
        named = dict(sent[0]["headers"])
        return sent[0]["status"], named[b"content-type"].decode(), sent[1]["body"]


ROOT_ELEMENTS = ("Error", "ErrorResponse", "Response")
"""Of errors: S3's, those of the query protocol, and EC2's."""


def check_form(status: int, content_type: str, body: bytes) -> None:
    """An error is in one of the protocols' forms, never a page, a trace or a failure."""
    assert status < 500, body
    if status >= 400 and body and "html" not in content_type:
        if "json" in content_type:
            assert isinstance(json.loads(body), dict)
        else:
            assert XmlTree.fromstring(body).tag.rpartition("}")[2] in ROOT_ELEMENTS  # noqa: S314 - our own


def batter_for(seconds: float, round_of_examples: Any) -> None:
    """Run rounds until the time is over, and one at least."""
    ends_at = time.monotonic() + seconds
    while True:
        round_of_examples()
        if time.monotonic() > ends_at:
            return


@pytest.mark.timeout(SECONDS + 120)
def test_nothing_that_the_powerless_send_changes_anything_or_makes_the_server_fail() -> None:
    battery = Battery()
    before = battery.wire.truth()

    @ROUND
    @given(call=CALLS, caller=st.sampled_from(POWERLESS), mutation=st.none() | MUTATIONS)
    def batter(call: Any, caller: str, mutation: Mutation | None) -> None:
        check_form(*battery.fire(battery.build(call, caller, mutation)))
        assert battery.wire.truth() == before

    batter_for(SECONDS / 2, batter)


@pytest.mark.timeout(SECONDS + 120)
def test_nothing_that_administrators_send_makes_the_server_fail() -> None:
    battery = Battery()

    @ROUND
    @given(call=CALLS, caller=st.sampled_from(POWERFUL), mutation=st.none() | MUTATIONS)
    def batter(call: Any, caller: str, mutation: Mutation | None) -> None:
        check_form(*battery.fire(battery.build(call, caller, mutation)))

    batter_for(SECONDS / 2, batter)
