from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from rootkeeper.aws.clients import AwsClients, GatewayOptions
from rootkeeper.aws.root_sessions import assume_root_parameters
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.aws.templates import PLACEHOLDER, CallTemplate, RequestCapturedError, take_template
from rootkeeper.organization.accounts import AccountId
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml, error_xml
from tests.fakes.clock import FakeClock

MEMBER = "222233334444"
OPERATOR = ReadOnlyCredentials("AKIAIOSFODNN7EXAMPLE", "example-secret", "example-token")


def template_of(clients: AwsClients) -> CallTemplate:
    parameters = assume_root_parameters(AccountId(PLACEHOLDER), TaskPolicy.AUDIT, "aws")
    return take_template(clients.create_template_client("sts"), "AssumeRoot", **parameters)


def parse(template: CallTemplate, reply: Reply) -> object:
    assert isinstance(reply.body, str)
    return template.parse(reply.status, {}, reply.body.encode())


def test_p01_a_template_is_taken_without_a_call(operator_clients: AwsClients, aws_server: FakeAwsServer) -> None:
    template_of(operator_clients)
    assert aws_server.received == []


def test_a_client_of_which_a_template_was_taken_sends_nothing_ever_after(
    operator_clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    client = operator_clients.create_template_client("sts")
    take_template(client, "GetCallerIdentity")
    with pytest.raises(RequestCapturedError):
        client.get_caller_identity()  # type: ignore[attr-defined]  # botocore makes its methods
    assert aws_server.received == []


def test_the_call_is_the_one_that_botocore_sends_but_for_the_account(
    operator_clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    call = template_of(operator_clients).sign(MEMBER, OPERATOR)
    assert call.url.rstrip("/") == aws_server.url
    assert parse_qs(call.body.decode()) == {
        "Action": ["AssumeRoot"],
        "Version": ["2011-06-15"],
        "TargetPrincipal": [MEMBER],
        "TaskPolicyArn.arn": ["arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"],
        "DurationSeconds": ["900"],
    }
    assert "rootkeeper/" in call.headers["User-Agent"]
    assert call.headers["X-Amz-Security-Token"] == "example-token"
    assert "AKIAIOSFODNN7EXAMPLE/" in call.headers["Authorization"]
    assert "/us-east-1/sts/aws4_request" in call.headers["Authorization"]


@pytest.mark.parametrize(
    ("variables", "url", "region"),
    [
        ({"AWS_REGION": "eu-west-1"}, "https://sts.eu-west-1.amazonaws.com/", "eu-west-1"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "https://sts-fips.us-east-1.amazonaws.com/", "us-east-1"),
        ({"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:4001"}, "http://127.0.0.1:4001/", "us-east-1"),
    ],
)
def test_botocore_s_endpoint_rules_hold(
    variables: dict[str, str], url: str, region: str, operator_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    template = template_of(AwsClients(GatewayOptions(), FakeClock()))
    assert (template.url, template.signature.region, template.signature.signing_name) == (url, region, "sts")


def test_an_answer_is_parsed_as_botocore_parses_it(operator_clients: AwsClients) -> None:
    members = "<Credentials><AccessKeyId>ASIA</AccessKeyId></Credentials>"
    answer = parse(template_of(operator_clients), answer_xml("AssumeRoot", members))
    assert isinstance(answer, dict)
    assert answer["Credentials"] == {"AccessKeyId": "ASIA"}
    assert answer["ResponseMetadata"]["RequestId"]


def test_an_error_is_botocore_s_client_error(operator_clients: AwsClients) -> None:
    with pytest.raises(ClientError) as raised:
        parse(template_of(operator_clients), error_xml("AccessDenied", 403))
    assert raised.value.response["Error"]["Code"] == "AccessDenied"
    assert raised.value.operation_name == "AssumeRoot"


def test_what_is_not_aws_s_protocol_is_reported(operator_clients: AwsClients) -> None:
    with pytest.raises(ResponseParserError):
        parse(template_of(operator_clients), Reply(body="<html>"))
