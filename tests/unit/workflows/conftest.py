"""An operator, and a process that died before it: each test brings its own organization."""

from __future__ import annotations

import pytest

from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization


@pytest.fixture
def database(organization: FakeOrganization) -> FakeDatabase:
    return FakeDatabase(organization.clock)


@pytest.fixture
def dead(organization: FakeOrganization, database: FakeDatabase) -> Operator:
    """A process that leaves intents behind; it is dead from the start."""
    operator = Operator(organization, database)
    operator.die()
    return operator


@pytest.fixture
def operator(organization: FakeOrganization, database: FakeDatabase) -> Operator:
    return Operator(organization, database)
