"""Requests that no good client sends: never a failure of the server, and never a change by who may not change."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.model import StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rootkeeper_sandbox.codec.models import load_model
from rootkeeper_sandbox.exchange import HttpRequest, Operation
from rootkeeper_sandbox.pipeline import answer
from rootkeeper_sandbox.server import Application
from rootkeeper_sandbox.services.registry import SERVICES
from tests.examples import examples
from tests.sandbox.shapes import FEW, structures_of, take_turns
from tests.sandbox.wire import Wire, build_request, open_instance, sign

SERVED = [(service, operation) for service, operations in SERVICES.items() for operation in operations]
MODERATE = settings(max_examples=examples(20), deadline=None, suppress_health_check=list(HealthCheck))
MEMBER = "555566667777"


@pytest.fixture(scope="module")
def wire() -> Wire:
    """An organization that nothing may change."""
    return Wire(open_instance())


@pytest.fixture(scope="module")
def battered_wire() -> Wire:
    """An organization that administrators change at random."""
    return Wire(open_instance())


def real_values(wire: Wire) -> st.SearchStrategy[str]:
    """Ids, ARNs and names that exist, so that fuzzed calls get past the first check."""
    truth = wire.truth()
    accounts = [account["account_id"] for account in truth["accounts"]]
    keys = [key["access_key_id"] for one in truth["accounts"] for key in one["root_user"]["access_keys"]]
    units = [unit["ou_id"] for unit in truth["organizational_units"]]
    arns = [f"arn:aws:iam::{account_id}:root" for account_id in accounts]
    others = ["iam.amazonaws.com", "observer", "p-FullAWSAccess", "SERVICE_CONTROL_POLICY", "{}", "r-demo", "ACCOUNT"]
    return st.sampled_from([*accounts, *keys, *units, *arns, *others])


def parameters_of(service: str, operation: str, wire: Wire) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters of the right shape with values of any kind, some of them real."""
    shape = load_model(service).operation_model(operation).input_shape
    if not isinstance(shape, StructureShape):
        return st.just({})
    texts = [name for name, inner in shape.members.items() if inner.type_name == "string"]
    real = st.fixed_dictionaries({}, optional={name: real_values(wire) for name in texts})
    return st.tuples(structures_of(shape), real).map(lambda pair: pair[0] | pair[1])


@pytest.mark.parametrize(("service", "operation"), take_turns(SERVED))
@FEW
@given(data=st.data())
def test_no_parameters_make_the_server_fail(
    wire: Wire, battered_wire: Wire, service: str, operation: str, data: st.DataObject
) -> None:
    caller = data.draw(st.sampled_from(["management-admin", "management-root", "member-admin", "delegated-admin"]))
    parameters = data.draw(parameters_of(service, operation, wire))
    answered = battered_wire.call(wire.keys(caller), service, operation, **parameters)
    assert answered.status < 500, answered.body


def everything(wire: Wire) -> tuple[Any, ...]:
    """The truth, and what accounts hold beside their root users, without messages, as these show refused calls, too."""
    world = wire.instance.world
    queues = [(queue.arn, queue.policy, dict(queue.attributes)) for queue in world.queues.queues.values()]
    return wire.truth(), copy.deepcopy(world.buckets), copy.deepcopy(world.contacts), queues


REFUSED = {400, 403, 404, 405}
CHANGING = [(s, o) for s, operations in SERVICES.items() for o, served in operations.items() if served.is_mutating]


@pytest.mark.parametrize(("service", "operation"), take_turns(CHANGING))
@FEW
@given(data=st.data())
def test_who_may_not_change_anything_changes_nothing(
    wire: Wire, service: str, operation: str, data: st.DataObject
) -> None:
    parameters = data.draw(parameters_of(service, operation, wire))
    before = everything(wire)
    assert wire.call("observer", service, operation, **parameters).status in REFUSED
    session = wire.open_root_session(MEMBER, "IAMAuditRootUserCredentials")
    assert wire.call(session, service, operation, **parameters).status in REFUSED
    assert everything(wire) == before


@MODERATE
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
    path=st.text(st.characters(max_codepoint=126, min_codepoint=33), max_size=20).map(lambda text: f"/{text}"),
    query=st.text(st.characters(max_codepoint=126, min_codepoint=33), max_size=30),
    headers=st.dictionaries(
        st.sampled_from(
            ["x-amz-target", "content-type", "authorization", "x-amz-date", "x-amz-security-token", "host"]
        ),
        st.text(st.characters(codec="utf-8"), max_size=40)
        | st.sampled_from(["AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/iam/aws4_request, SignedHeaders=host,"]),
    ),
    body=st.binary(max_size=60) | st.sampled_from([b"Action=GetUser&Version=2010-05-08", b"{}", b"\x00", b"&&==&"]),
)
def test_no_unsigned_request_makes_the_server_fail(
    wire: Wire, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    before = wire.truth()
    request = HttpRequest(method, path, query, headers, body, "127.0.0.1")
    response, _ = asyncio.run(answer(wire.instance, request))
    assert 400 <= int(response.status) < 500
    assert response.body
    assert wire.truth() == before


@MODERATE
@given(cut=st.integers(0, 400), inserted=st.binary(max_size=20))
def test_no_broken_body_makes_the_server_fail(wire: Wire, cut: int, inserted: bytes) -> None:
    parameters = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/x"}}
    for service, operation, given_parameters in (
        ("sts", "AssumeRoot", parameters),
        ("organizations", "DescribeAccount", {"AccountId": MEMBER}),
    ):
        request = build_request(service, operation, given_parameters)
        request.body = request.body[:cut] + inserted + request.body[cut:]
        answered = wire.send(sign(request, service, wire.keys("management-admin")), service, operation)
        assert answered.status < 500


def test_a_bug_is_confessed_in_the_protocol_s_form_and_the_server_lives_on(caplog: pytest.LogCaptureFixture) -> None:
    instance = open_instance()
    wire = Wire(instance)

    def fail(_call: object) -> dict[str, Any]:
        raise KeyError("a bug")

    instance.services = {"sts": {"GetCallerIdentity": Operation(fail, "sts:GetCallerIdentity", is_open=True)}}
    request = sign(build_request("sts", "GetCallerIdentity", {}), "sts", wire.keys("observer"))
    sent = asyncio.run(send_through_application(Application(instance), request))
    assert sent[0]["status"] == 500
    assert b"<Type>Receiver</Type><Code>InternalFailure</Code>" in sent[1]["body"]
    assert "a bug in the sandbox" in caplog.text


async def send_through_application(application: Application, request: HttpRequest) -> list[Mapping[str, Any]]:
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    scope = {"type": "http", "method": "POST", "raw_path": b"/", "query_string": b"", "headers": headers}
    await application({**scope, "client": ("127.0.0.1", 1)}, receive, send)
    return sent
