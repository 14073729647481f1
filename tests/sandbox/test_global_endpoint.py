"""The global STS endpoint doesn't know AssumeRoot, however it is called. Source: aws-facts B3 and M.3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.wire import Answer, Wire, build_request, open_instance, sign

GOOD: dict[str, Any] = {
    "TargetPrincipal": "888899990000",
    "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
}
MALFORMED: list[dict[str, Any]] = [
    {},
    GOOD | {"DurationSeconds": 901},
    GOOD | {"TargetPrincipal": "x"},
    GOOD | {"TaskPolicyArn": {}},
    {"TargetPrincipal": "888899990000"},
]


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire(open_instance())


def call(wire: Wire, host: str, region: str, parameters: dict[str, Any], caller: str = "management-admin") -> Answer:
    request = build_request("sts", "AssumeRoot", parameters)
    request.headers["host"] = host
    return wire.send(sign(request, "sts", wire.keys(caller), region), "sts", "AssumeRoot")


@pytest.mark.parametrize("parameters", [GOOD, *MALFORMED], ids=str)
@pytest.mark.parametrize(("host", "region"), [("sts.amazonaws.com", "us-east-1"), ("127.0.0.1:4599", "aws-global")])
def test_it_is_unknown_there_before_any_parameter_is_read(
    wire: Wire, host: str, region: str, parameters: dict[str, Any]
) -> None:
    for caller in ("management-admin", "observer"):
        answered = call(wire, host, region, parameters, caller)
        assert (answered.status, answered.code, answered.message) == (400, "InvalidAction", "Unknown Operation")


@pytest.mark.parametrize("parameters", MALFORMED, ids=str)
def test_a_regional_endpoint_reads_the_parameters(wire: Wire, parameters: dict[str, Any]) -> None:
    answered = call(wire, "sts.eu-central-1.amazonaws.com", "eu-central-1", parameters)
    assert (answered.status, answered.code) == (400, "ValidationError")


def test_a_forged_signature_is_found_first(wire: Wire) -> None:
    request = sign(build_request("sts", "AssumeRoot", GOOD), "sts", wire.keys("management-admin"), "aws-global")
    request.body += b"&Extra=1"
    answered = wire.send(request, "sts", "AssumeRoot")
    assert (answered.status, answered.code) == (403, "SignatureDoesNotMatch")


def test_the_rest_of_sts_is_there(wire: Wire) -> None:
    request = sign(build_request("sts", "GetCallerIdentity", {}), "sts", wire.keys("observer"), "aws-global")
    assert wire.send(request, "sts", "GetCallerIdentity").status == 200
