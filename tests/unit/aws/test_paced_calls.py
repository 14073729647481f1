from __future__ import annotations

import pytest

from rootkeeper.aws.clients import AwsClients
from tests.fakes.aws_server import FakeAwsServer, Reply, error_json
from tests.fakes.clock import FakeClock

UNITS = Reply(body='{"OrganizationalUnits": []}')


def test_a_throttle_that_a_retry_overcame_slows_its_quota_down(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("ListOrganizationalUnitsForParent", error_json("TooManyRequestsException"), UNITS)
    clients.organizations.read("ListOrganizationalUnitsForParent", ParentId="r-exam")
    assert clock.slept == [pytest.approx(1 / (5 * 0.8 / 2))]


def test_a_throttle_of_one_quota_leaves_the_others_alone(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("ListAccounts", error_json("TooManyRequestsException"), Reply(body='{"Accounts": []}'))
    clients.organizations.read("ListAccounts")
    assert clock.slept == [pytest.approx(1 / (8 * 0.8 / 2))]
    aws_server.answer("ListRoots", Reply(body='{"Roots": []}'))
    clients.organizations.read("ListRoots")
    assert len(clock.slept) == 1


def test_errors_that_are_no_throttles_slow_nothing_down(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("ListOrganizationalUnitsForParent", error_json("ServiceException", 503), UNITS)
    clients.organizations.read("ListOrganizationalUnitsForParent", ParentId="r-exam")
    assert clock.slept == []
