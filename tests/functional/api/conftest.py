"""A server in memory for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.api_services import FakeServices
from tests.functional.api.serving import ApiServer, start_api


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture
def api(services: FakeServices) -> Iterator[ApiServer]:
    with start_api(services) as server:
        yield server


@pytest.fixture(scope="module")
def walked() -> Iterator[ApiServer]:
    """One server for many tests that leave nothing behind which another would mind."""
    with start_api(FakeServices()) as server:
        yield server
