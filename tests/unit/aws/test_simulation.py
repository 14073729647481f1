"""Simulations of permissions: who is simulated, and what counts as allowed."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.identities import AwsPermissionSimulation
from rootkeeper.errors import AwsAccessDeniedError
from tests.fakes.aws_server import FakeAwsServer, answer_xml, error_xml

ROLE = "arn:aws:iam::111122223333:role/auditor"
SESSION = "arn:aws:sts::111122223333:assumed-role/auditor/ana"


def result(action: str, decision: str, detail: str = "") -> str:
    return f"<member><EvalActionName>{action}</EvalActionName><EvalDecision>{decision}</EvalDecision>{detail}</member>"


def page(*results: str, marker: str = "") -> str:
    more = f"<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>" if marker else "<IsTruncated>false</IsTruncated>"
    return f"<EvaluationResults>{''.join(results)}</EvaluationResults>{more}"


def test_a_session_is_simulated_as_its_role_with_the_roles_path(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    arn = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/auditor"
    role = (
        f"<Role><Arn>{arn}</Arn><RoleName>auditor</RoleName><RoleId>AROAEXAMPLE</RoleId><Path>/x/</Path>"
        "<CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>"
    )
    aws_server.answer("GetRole", answer_xml("GetRole", role))
    assert AwsPermissionSimulation(clients).find_principal(SESSION) == arn
    assert parse_qs(aws_server.received[0].parameters)["RoleName"] == ["auditor"]


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity"])
def test_a_role_that_cannot_be_read_is_taken_to_have_no_path(
    code: str, clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("GetRole", error_xml(code, 403 if code == "AccessDenied" else 404))
    assert AwsPermissionSimulation(clients).find_principal(SESSION) == ROLE


def test_a_user_is_simulated_as_it_is(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    arn = "arn:aws:iam::111122223333:user/ana"
    assert AwsPermissionSimulation(clients).find_principal(arn) == arn
    assert aws_server.received == []


def test_only_what_every_policy_allows_isnt_denied(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    blocked = (
        "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations>"
        "</OrganizationsDecisionDetail>"
    )
    aws_server.answer(
        "SimulatePrincipalPolicy",
        answer_xml("SimulatePrincipalPolicy", page(result("a:One", "allowed"), marker="more")),
        answer_xml(
            "SimulatePrincipalPolicy",
            page(
                result("a:Two", "implicitDeny"), result("a:Three", "explicitDeny"), result("a:Four", "allowed", blocked)
            ),
        ),
    )
    actions = ("a:One", "a:Two", "a:Three", "a:Four", "a:NotAnswered")
    denied = AwsPermissionSimulation(clients).list_denied(ROLE, actions, context={"sts:TaskPolicyArn": "x"})
    assert denied == actions[1:]
    first, second = (parse_qs(request.parameters) for request in aws_server.received)
    assert first["PolicySourceArn"] == [ROLE]
    assert first["ContextEntries.member.1.ContextKeyName"] == ["sts:TaskPolicyArn"]
    assert second["Marker"] == ["more"]


def test_a_caller_who_may_not_simulate_is_no_answer(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("SimulatePrincipalPolicy", error_xml("AccessDenied", 403))
    with pytest.raises(AwsAccessDeniedError):
        AwsPermissionSimulation(clients).list_denied(ROLE, ("a:One",), context={})
