"""One running sandbox for all that is tried for real, and the gateway that reads its policies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rootkeeper.aws.clients import GatewayOptions
from rootkeeper.aws.gateway import AwsGateway, open_gateway
from tests.fakes.clock import FakeClock
from tests.guardrails.staging import Stage
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="package")
def stage() -> Iterator[Stage]:
    with SandboxProcess.start("--scenario", "demo", "--features", "all") as sandbox:
        yield Stage.find(sandbox)


@pytest.fixture(scope="package")
def gateway(stage: Stage) -> AwsGateway:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in stage.sandbox.environment().items():
            environment.setenv(name, value)
        return open_gateway(GatewayOptions(concurrency=4), FakeClock())
