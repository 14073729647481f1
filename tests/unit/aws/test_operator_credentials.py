from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from rootkeeper.aws.clients import AwsClients, GatewayOptions
from rootkeeper.aws.credentials import NoOperatorError
from rootkeeper.aws.gateway import AwsGateway
from rootkeeper.aws.rules import Lifetime
from rootkeeper.errors import AwsCredentialsError
from rootkeeper.ledger.rules import Action
from tests.fakes.aws_server import FakeAwsServer, answer_xml, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent

IDENTITY = answer_xml("GetCallerIdentity", "<Account>111122223333</Account><Arn>x</Arn>")


@dataclass
class FakeOperator:
    """Implements OperatorCredentials."""

    access_key_id: str
    given_up: list[str] = field(default_factory=list)

    def freeze(self) -> ReadOnlyCredentials:
        return ReadOnlyCredentials(self.access_key_id, "secret", f"token-of-{self.access_key_id}", None)

    def give_up(self) -> None:
        self.given_up.append(self.access_key_id)


ANA, BEN = FakeOperator("ASIAIOSFODNN7EXAMANA"), FakeOperator("ASIAIOSFODNN7EXAMBEN")


@pytest.fixture
def shared_clients(operator_clients: AwsClients, clock: FakeClock) -> AwsClients:
    return AwsClients(GatewayOptions(concurrency=4), clock, starting=operator_clients)


CALLS: dict[str, Callable[[AwsClients], object]] = {
    "AssumeRoot": lambda clients: clients.sts.read_on_intent(
        "AssumeRoot", make_intent(clients.clock, Action.ROOT_SESSION_OPEN), clients.clock, target="222233334444"
    ),
    "GetCallerIdentity": lambda clients: clients.sts.read("GetCallerIdentity"),
    "ListOrganizationsFeatures": lambda clients: clients.iam.read("ListOrganizationsFeatures"),
    "ListRoots": lambda clients: clients.organizations.read("ListRoots"),
    "EnableOrganizationsRootSessions": lambda clients: clients.iam_changing.change(
        "EnableOrganizationsRootSessions", make_intent(clients.clock, Action.FEATURE_ENABLE), clients.clock
    ),
    "ListInstances": lambda clients: clients.sso_admin.read("ListInstances"),
}


@pytest.mark.parametrize("operation", [name for name in CALLS if name != "AssumeRoot"])
def test_a_shared_client_sends_nothing_for_no_one(
    operation: str, shared_clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    with pytest.raises(NoOperatorError):
        CALLS[operation](shared_clients)
    assert aws_server.received == []


@pytest.mark.parametrize("operation", [name for name in CALLS if name != "AssumeRoot"])
def test_every_call_is_signed_by_its_operator_and_by_no_one_else(
    operation: str, shared_clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    for operator in (ANA, BEN, ANA):
        with pytest.raises(Exception):  # noqa: B017, PT011 - the answer isn't what is tried
            CALLS[operation](shared_clients.acting_as(operator))
    keys = [request.access_key_id for request in aws_server.received]
    assert {ANA.access_key_id, BEN.access_key_id} == set(keys)
    tokens = {(request.access_key_id, request.headers["x-amz-security-token"]) for request in aws_server.received}
    assert tokens == {(one.access_key_id, f"token-of-{one.access_key_id}") for one in (ANA, BEN)}


def test_threads_of_two_operators_never_sign_with_each_other_s_credentials(
    shared_clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("GetCallerIdentity", IDENTITY)
    together = Barrier(8)

    def call(operator: FakeOperator) -> None:
        together.wait()
        for _ in range(10):
            shared_clients.acting_as(operator).sts.read("GetCallerIdentity")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(call, [ANA, BEN] * 4))
    for request in aws_server.received:
        assert request.headers["x-amz-security-token"] == f"token-of-{request.access_key_id}"
    assert {request.access_key_id for request in aws_server.received} == {ANA.access_key_id, BEN.access_key_id}


def test_a_template_is_built_with_the_operator_s_credentials(
    shared_clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    client: Any = shared_clients.acting_as(ANA).create_template_client("sts")
    aws_server.answer("GetCallerIdentity", IDENTITY)
    client.get_caller_identity()
    assert aws_server.received[0].access_key_id == ANA.access_key_id


def test_credentials_that_aws_calls_expired_are_given_up(shared_clients: AwsClients, aws_server: FakeAwsServer) -> None:
    operator = FakeOperator("ASIAIOSFODNN7EXAMPLE")
    aws_server.answer("GetCallerIdentity", error_xml("ExpiredToken", 403))
    with pytest.raises(AwsCredentialsError):
        AwsGateway(shared_clients.acting_as(operator)).read_caller()
    assert operator.given_up == [operator.access_key_id]
    aws_server.answer("GetCallerIdentity", IDENTITY)
    AwsGateway(shared_clients.acting_as(operator)).read_caller()
    assert operator.given_up == [operator.access_key_id]


def test_how_long_the_operator_s_credentials_last_is_asked_of_the_starting_ones(shared_clients: AwsClients) -> None:
    lifetime = AwsGateway(shared_clients.acting_as(ANA)).find_credentials_lifetime()
    assert lifetime.lifetime is Lifetime.STATIC


def test_all_operators_draw_on_one_pacer(shared_clients: AwsClients, operator_clients: AwsClients) -> None:
    assert shared_clients.acting_as(ANA).pacer is shared_clients.pacer is operator_clients.pacer
