from __future__ import annotations

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.organizations import AwsOrganizationAdministration
from rootkeeper.errors import AwsUnclearError
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId, Feature
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def administration(clients: AwsClients) -> AwsOrganizationAdministration:
    return AwsOrganizationAdministration(clients)


def test_only_iam_s_service_principal_is_ever_named(
    administration: AwsOrganizationAdministration, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    operations = (
        "EnableAWSServiceAccess",
        "DisableAWSServiceAccess",
        "RegisterDelegatedAdministrator",
        "DeregisterDelegatedAdministrator",
    )
    for operation in operations:
        aws_server.answer(operation, Reply(body=""))
    for action in (Action.TRUSTED_ACCESS_ENABLE, Action.TRUSTED_ACCESS_DISABLE):
        administration.change_setup(action, make_intent(clock, action))
    for action in (Action.DELEGATED_ADMINISTRATOR_REGISTER, Action.DELEGATED_ADMINISTRATOR_DEREGISTER):
        administration.change_setup(action, make_intent(clock, action, ACCOUNT), account_id=ACCOUNT)
    assert tuple(aws_server.operations) == operations
    for request in aws_server.received:
        assert '"ServicePrincipal": "iam.amazonaws.com"' in request.parameters
        assert ('"AccountId": "222233334444"' in request.parameters) is ("Delegated" in request.operation)


@pytest.mark.parametrize("feature", Feature)
def test_each_feature_has_its_own_operations(
    feature: Feature, administration: AwsOrganizationAdministration, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    for verb in ("Enable", "Disable"):
        operation = f"{verb}Organizations{feature}"
        aws_server.answer(
            operation, answer_xml(operation, f"<EnabledFeatures><member>{feature}</member></EnabledFeatures>")
        )
    for action in (Action.FEATURE_ENABLE, Action.FEATURE_DISABLE):
        administration.change_setup(action, make_intent(clock, action), feature=feature)
    assert aws_server.operations == [f"EnableOrganizations{feature}", f"DisableOrganizations{feature}"]


def test_an_answer_that_does_not_say_what_is_on_is_unclear(
    administration: AwsOrganizationAdministration, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    operation = "EnableOrganizationsRootSessions"
    aws_server.answer(operation, answer_xml(operation, "<OrganizationId>o-exampleorgid</OrganizationId>"))
    intent = make_intent(clock, Action.FEATURE_ENABLE)
    with pytest.raises(AwsUnclearError, match="contain the enabled features"):
        administration.change_setup(Action.FEATURE_ENABLE, intent, feature=Feature.ROOT_SESSIONS)
