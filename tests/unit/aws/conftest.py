"""A server that answers as a test says, and the gateway's clients pointed at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.options import GatewayOptions
from tests.fakes.aws_server import FakeAwsServer
from tests.fakes.clock import FakeClock

OPERATOR_KEY = "AKIAIOSFODNN7EXAMPLE"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def aws_server() -> Iterator[FakeAwsServer]:
    with FakeAwsServer.start() as server:
        yield server


@pytest.fixture
def operator_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", OPERATOR_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-secret")


@pytest.fixture
def clients(
    aws_server: FakeAwsServer, operator_environment: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AwsClients:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    return AwsClients(GatewayOptions(concurrency=16, read_timeout_seconds=0.5), clock)
