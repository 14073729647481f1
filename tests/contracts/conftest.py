"""Every contract is tried on the fake and, over HTTP, on the real adapter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from rootkeeper.aws.clients import GatewayOptions, ServiceCalls
from rootkeeper.aws.gateway import AwsGateway, open_gateway
from tests.contracts.stores import find_url
from tests.contracts.subjects import FakeSubject, SandboxSubject, Subject
from tests.fakes.clock import FakeClock
from tests.postgresql import PostgresqlServer
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def contract_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--features", "all") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def gateway_clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def gateway(contract_sandbox: SandboxProcess, gateway_clock: FakeClock) -> AwsGateway:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in contract_sandbox.environment().items():
            environment.setenv(name, value)
        gateway = open_gateway(GatewayOptions(concurrency=4), gateway_clock)
        make_clients(gateway)
        return gateway


def make_clients(gateway: AwsGateway) -> None:
    """Those that are made on first use, while the environment says where the sandbox is."""
    assert all(calls.url for calls in vars(gateway._clients).values() if isinstance(calls, ServiceCalls))
    for service, region, changing in product(("s3", "sqs"), ("us-east-1", "eu-central-1"), (False, True)):
        gateway._clients.regional_root_calls(service, region, changing=changing)
    for service, changing in product(("s3", "securityhub"), (False, True)):
        assert gateway._clients.regional_calls(service, "us-east-1", changing=changing).url


@pytest.fixture
def postgresql_url(postgresql: PostgresqlServer) -> str:
    """An empty database of its own, tables and all."""
    return postgresql.create_current_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of the test's own, of either kind."""
    return find_url(request.param, request)


@pytest.fixture(params=["fake", "sandbox"])
def subject(request: pytest.FixtureRequest) -> Subject:
    if request.param == "fake":
        return FakeSubject.add_demo_resources()
    sandbox: SandboxProcess = request.getfixturevalue("contract_sandbox")
    organization: AwsGateway = request.getfixturevalue("gateway")
    clock: FakeClock = request.getfixturevalue("gateway_clock")
    sandbox.reset()
    organization._clients.sts.read("GetCallerIdentity")  # AWS's time, which a clock that stands still doesn't carry on
    return SandboxSubject(sandbox, organization, clock, sandbox.last_request())
