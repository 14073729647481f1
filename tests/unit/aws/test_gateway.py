from __future__ import annotations

from pathlib import Path

import pytest

from rootkeeper.aws.clients import GatewayOptions
from rootkeeper.aws.gateway import AwsGateway, open_gateway
from rootkeeper.aws.organizations import OrganizationAdministration, OrganizationReader
from rootkeeper.aws.root_sessions import RootSessions
from rootkeeper.aws.rules import Lifetime
from rootkeeper.errors import InputError
from tests.fakes.aws_server import FakeAwsServer
from tests.fakes.clock import FakeClock


@pytest.fixture
def gateway(aws_server: FakeAwsServer, operator_environment: None, monkeypatch: pytest.MonkeyPatch) -> AwsGateway:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    return open_gateway(GatewayOptions(), FakeClock())


def test_the_gateway_is_every_port_to_aws(gateway: AwsGateway) -> None:
    reader: OrganizationReader = gateway
    administration: OrganizationAdministration = gateway
    sessions: RootSessions = gateway
    assert {id(reader), id(administration), id(sessions)} == {id(gateway)}


def test_opening_it_makes_no_call(gateway: AwsGateway, aws_server: FakeAwsServer) -> None:
    assert gateway.endpoint.label == f"SANDBOX {aws_server.url.removeprefix('http://')}"
    assert gateway.find_credentials_lifetime().lifetime is Lifetime.STATIC
    assert aws_server.received == []


def test_a_region_that_does_not_exist_is_refused_before_any_call(
    aws_server: FakeAwsServer, operator_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    with pytest.raises(InputError, match="mars-north-1"):
        open_gateway(GatewayOptions(region="mars-north-1"), FakeClock())
    assert aws_server.received == []


def test_only_the_gateway_imports_botocore(repository: Path) -> None:
    package = repository / "src" / "rootkeeper"
    importing = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if "sandbox" not in path.parts
        if any(line.strip().startswith(("import boto", "from boto")) for line in path.read_text().splitlines())
    }
    assert importing == {"aws"}
