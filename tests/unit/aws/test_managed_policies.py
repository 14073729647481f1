"""Documents of managed policies: asked for once, and without a text where AWS doesn't give one."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.identities import ManagedPolicies, PolicySource, document_text, name_of
from rootkeeper.errors import AwsUnreachableError
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml, error_xml

ARN = "arn:aws:iam::aws:policy/AdministratorAccess"
DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
POLICY = answer_xml("GetPolicy", f"<Policy><Arn>{ARN}</Arn><DefaultVersionId>v3</DefaultVersionId></Policy>")
VERSION = answer_xml(
    "GetPolicyVersion",
    f"<PolicyVersion><Document>{quote(DOCUMENT)}</Document><VersionId>v3</VersionId></PolicyVersion>",
)


def test_the_default_versions_document_is_read_once(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetPolicy", POLICY)
    aws_server.answer("GetPolicyVersion", VERSION)
    policies = ManagedPolicies(clients.iam)
    assert policies.get(ARN) == policies.get(ARN) == PolicySource(ARN, "AdministratorAccess", DOCUMENT)
    assert [one.operation for one in aws_server.received] == ["GetPolicy", "GetPolicyVersion"]
    assert "VersionId=v3" in aws_server.received[1].parameters


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity", "ValidationError"])
@pytest.mark.parametrize("operation", ["GetPolicy", "GetPolicyVersion"])
def test_a_refused_document_is_unknown_and_not_empty(
    clients: AwsClients, aws_server: FakeAwsServer, operation: str, code: str
) -> None:
    aws_server.answer("GetPolicy", POLICY)
    aws_server.answer("GetPolicyVersion", VERSION)
    aws_server.answer(operation, error_xml(code, 403))
    assert ManagedPolicies(clients.iam).get(ARN).text is None


def test_an_answer_that_is_not_whole_is_no_answer(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetPolicy", Reply(body="<GetPolicyResponse><GetPolicyResult/></GetPolicyResponse>"))
    with pytest.raises(AwsUnreachableError):
        ManagedPolicies(clients.iam).get(ARN)


def test_what_came_with_another_answer_is_not_asked_for(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    known = PolicySource(ARN, "AdministratorAccess", DOCUMENT)
    assert ManagedPolicies(clients.iam, {ARN: known}).get(ARN) is known
    assert aws_server.received == []


def test_documents_are_text_whether_botocore_read_them_or_not() -> None:
    assert document_text({"Version": "2012-10-17"}) == '{"Version": "2012-10-17"}'
    assert document_text("not JSON") == "not JSON"
    assert document_text(None) is None
    assert name_of("arn:aws:iam::111122223333:policy/team/Audit") == "Audit"
