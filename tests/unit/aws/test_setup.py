from __future__ import annotations

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.organizations import parse_features, read_setup
from rootkeeper.errors import AwsCredentialsError
from rootkeeper.organization.accounts import Feature, Setup
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml, error_json, error_xml

TRUST_ON = Reply(body='{"EnabledServicePrincipals": [{"ServicePrincipal": "iam.amazonaws.com"}]}')
TRUST_OFF = Reply(body='{"EnabledServicePrincipals": [{"ServicePrincipal": "sso.amazonaws.com"}]}')
BOTH = answer_xml(
    "ListOrganizationsFeatures",
    "<EnabledFeatures><member>RootSessions</member><member>RootCredentialsManagement</member></EnabledFeatures>",
)
NEITHER = answer_xml("ListOrganizationsFeatures", "<EnabledFeatures/>")
NO_TRUST = error_xml("ServiceAccessNotEnabledException", message="Trusted Access for IAM not enabled")
DELEGATES = Reply(body='{"DelegatedAdministrators": [{"Id": "222233334444"}, {"Id": "333344445555"}]}')
DENIED = error_json("AccessDeniedException", message="You lack permissions.")


def read(clients: AwsClients, aws_server: FakeAwsServer, trust: Reply, features: Reply, delegates: Reply) -> Setup:
    aws_server.answer("ListAWSServiceAccessForOrganization", trust)
    aws_server.answer("ListOrganizationsFeatures", features)
    aws_server.answer("ListDelegatedAdministrators", delegates)
    return read_setup(clients.organizations, clients.iam)


def test_all_is_reported_by_three_calls(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    setup = read(clients, aws_server, TRUST_ON, BOTH, DELEGATES)
    assert setup == Setup(True, frozenset(Feature), ("222233334444", "333344445555"))  # type: ignore[arg-type]  # texts
    assert setup.is_complete(Feature)
    assert len(aws_server.received) == 3


def test_features_that_are_off_are_reported_as_off(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    setup = read(clients, aws_server, TRUST_ON, NEITHER, DELEGATES)
    assert setup.features == frozenset()
    assert setup.unknown == ()


def test_without_trusted_access_the_features_are_unknown(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    setup = read(clients, aws_server, TRUST_OFF, NO_TRUST, Reply(body='{"DelegatedAdministrators": []}'))
    assert setup == Setup(trusted_access=False, features=None, delegated_administrators=())


@pytest.mark.parametrize(("features", "trusted_access"), [(BOTH, True), (NO_TRUST, False)])
def test_the_features_tell_of_trusted_access_where_that_cannot_be_read(
    features: Reply, trusted_access: bool, clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    setup = read(clients, aws_server, DENIED, features, DELEGATES)
    assert setup.trusted_access is trusted_access
    assert len(setup.unknown) == 1
    assert "ListAWSServiceAccessForOrganization" in setup.unknown[0]


def test_what_cannot_be_read_is_reported_and_not_raised(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    setup = read(clients, aws_server, DENIED, error_xml("AccessDenied", 403), DENIED)
    assert (setup.trusted_access, setup.features, setup.delegated_administrators) == (None, None, None)
    assert len(setup.unknown) == 3
    assert not setup.is_complete(Feature)


def test_credentials_that_cannot_be_used_are_raised(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    with pytest.raises(AwsCredentialsError):
        read(clients, aws_server, error_json("UnrecognizedClientException"), BOTH, DELEGATES)


def test_features_that_we_do_not_know_do_not_matter() -> None:
    assert parse_features(["RootSessions", "SomethingNew"]) == {Feature.ROOT_SESSIONS}
