from __future__ import annotations

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.pacing import STS_RATE
from rootkeeper.domain.ledger import Action
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml, error_json, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent

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


def test_a_throttle_of_assume_root_slows_sts_down(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRoot", error_xml("Throttling"), answer_xml("AssumeRoot", "<Credentials/>"))
    receipt = make_intent(clock, Action.ROOT_SESSION_OPEN)
    clients.sts.read_on_intent(
        "AssumeRoot",
        receipt,
        clock,
        target="222233334444",
        TargetPrincipal="222233334444",
        TaskPolicyArn={"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
    )
    assert aws_server.operations == ["AssumeRoot"] * 2
    assert clients.pacer.count_throttles()["sts:*"] == 1
    assert clock.slept == [pytest.approx(1 / (STS_RATE.per_second * 0.8 / 2))]


def test_errors_that_are_no_throttles_slow_nothing_down(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("ListOrganizationalUnitsForParent", error_json("ServiceException", 503), UNITS)
    clients.organizations.read("ListOrganizationalUnitsForParent", ParentId="r-exam")
    assert clock.slept == []
