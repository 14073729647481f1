"""A server that answers as a test says, and the gateway's clients pointed at it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import botocore.loaders
import botocore.session
import pytest

from rootkeeper.aws.clients import AwsClients, GatewayOptions, ServiceCalls
from rootkeeper.aws.pacing import Pacer
from tests.fakes.aws_server import FakeAwsServer
from tests.fakes.clock import FakeClock

API_SHARE = 0.8
OPERATOR_KEY = "AKIAIOSFODNN7EXAMPLE"


@dataclass
class Shared:
    """What costs time to make, and is cleaned for each test."""

    server: FakeAwsServer
    clients: AwsClients


@pytest.fixture(autouse=True, scope="package")
def _models_are_read_once() -> Iterator[None]:
    """All sessions share what reads the models of AWS's services: reading them costs a test more than all its calls."""
    with pytest.MonkeyPatch.context() as botocores:
        botocores.setattr(botocore.session, "create_loader", functools.cache(botocore.loaders.create_loader))
        yield


@pytest.fixture(scope="session")
def shared() -> Iterator[Shared]:
    with FakeAwsServer.start() as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", OPERATOR_KEY)
        environment.setenv("AWS_SECRET_ACCESS_KEY", "example-secret")
        environment.setenv("AWS_ENDPOINT_URL", server.url)
        clients = AwsClients(GatewayOptions(concurrency=16), FakeClock())
        assert all(calls.url for calls in vars(clients).values() if isinstance(calls, ServiceCalls))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
            environment.delenv(name)
        yield Shared(server, clients)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def aws_server(shared: Shared) -> FakeAwsServer:
    shared.server.forget()
    return shared.server


@pytest.fixture
def clients(shared: Shared, aws_server: FakeAwsServer, clock: FakeClock) -> AwsClients:
    shared.clients.clock = clock
    shared.clients.pacer = Pacer(clock, API_SHARE)
    return shared.clients


@pytest.fixture
def operator_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """For clients of a test's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", OPERATOR_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-secret")


@pytest.fixture
def impatient_clients(
    aws_server: FakeAwsServer, operator_environment: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AwsClients:
    """Clients of a test's own that wait for an answer for half a second."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    return AwsClients(GatewayOptions(concurrency=4, read_timeout_seconds=0.5), clock)


@pytest.fixture
def regional_clients(clients: AwsClients, aws_server: FakeAwsServer, monkeypatch: pytest.MonkeyPatch) -> AwsClients:
    """The same clients; those that are made on first use find the server too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    return clients


@pytest.fixture
def operator_clients(
    clients: AwsClients, aws_server: FakeAwsServer, operator_environment: None, monkeypatch: pytest.MonkeyPatch
) -> AwsClients:
    """The same clients; those that are made on first use find credentials and server too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    return clients
