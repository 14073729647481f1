from __future__ import annotations

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.pacing import ACCOUNT_RATES, ORGANIZATIONS_RATES, STS_RATE, LocalQuotaStore, Pacer
from rootkeeper.aws.quota_states import FIRST_PART, MOST_LOWERED
from rootkeeper.ledger.rules import Action
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml, error_json, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent

LOWERED = FIRST_PART * MOST_LOWERED


def test_only_the_share_allowed_of_a_published_rate_is_used() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, api_share=0.8)
    started = clock.monotonic()
    for _ in range(9 + 64):  # four fifths of a burst of 12
        pacer.take("organizations", "ListAccounts")
    passed = clock.monotonic() - started
    assert 64 / (8 * 0.8) < passed < 1.1 * 64 / (8 * 0.8)


def test_all_sts_operations_share_one_quota() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, api_share=1)
    for number in range(STS_RATE.share(1).burst):
        pacer.take("sts", "AssumeRoot" if number % 2 else "GetCallerIdentity")
    assert clock.slept == []
    pacer.take("sts", "GetCallerIdentity")
    assert clock.slept == [pytest.approx(1 / (STS_RATE.per_second * FIRST_PART), rel=0.02)]


def test_apis_of_organizations_have_quotas_of_their_own() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, api_share=1)
    for operation, rate in ORGANIZATIONS_RATES.items():
        for _ in range(rate.share(1).burst):
            pacer.take("organizations", operation)
    assert clock.slept == []


def test_what_has_no_published_rate_is_not_paced() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, api_share=0.01)
    for _ in range(10_000):
        pacer.take("iam", "GetAccountSummary")
    assert clock.slept == []


def test_a_throttle_lowers_the_pace_of_its_quota_alone() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, api_share=1)
    pacer.note_answer("organizations", "ListAccounts", is_throttled=True)
    pacer.take("organizations", "ListAccounts")
    assert clock.slept == [pytest.approx(1 / (8 * LOWERED), rel=0.02)]
    pacer.take("organizations", "DescribeAccount")
    pacer.take("sts", "AssumeRoot")
    assert len(clock.slept) == 1


def test_a_throttle_of_what_has_no_quota_changes_nothing() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, api_share=1)
    pacer.note_answer("iam", "GetAccountSummary", is_throttled=True)
    pacer.take("iam", "GetAccountSummary")
    assert clock.slept == []


def test_pacers_that_share_a_store_share_its_tokens() -> None:
    clock = FakeClock()
    store = LocalQuotaStore(clock)
    pacers = [Pacer(clock, api_share=1) for _ in range(2)]
    for pacer in pacers:
        pacer.share(store)
    for number in range(ACCOUNT_RATES["GetPrimaryEmail"].share(1).burst):
        pacers[number % 2].take("account", "GetPrimaryEmail")
    assert clock.slept == []
    pacers[0].take("account", "GetPrimaryEmail")
    assert clock.slept == [pytest.approx(1 / (3 * FIRST_PART), rel=0.02)]


def test_throttles_are_counted_by_quota() -> None:
    pacer = Pacer(FakeClock(), api_share=1)
    assert set(pacer.count_throttles().values()) == {0}
    pacer.note_answer("organizations", "ListAccounts", is_throttled=True)
    pacer.note_answer("organizations", "ListAccounts", is_throttled=True)
    pacer.note_answer("sts", "AssumeRoot", is_throttled=True)
    pacer.note_answer("iam", "GetAccountSummary", is_throttled=True)
    counted = {quota: count for quota, count in pacer.count_throttles().items() if count}
    assert counted == {"organizations:ListAccounts": 2, "sts:*": 1}


UNITS = Reply(body='{"OrganizationalUnits": []}')


def test_a_throttle_that_a_retry_overcame_slows_its_quota_down(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("ListOrganizationalUnitsForParent", error_json("TooManyRequestsException"), UNITS)
    clients.organizations.read("ListOrganizationalUnitsForParent", ParentId="r-exam")
    assert clock.slept == [pytest.approx(1 / (5 * 0.8 * LOWERED), rel=0.02)]


def test_a_throttle_of_one_quota_leaves_the_others_alone(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("ListAccounts", error_json("TooManyRequestsException"), Reply(body='{"Accounts": []}'))
    clients.organizations.read("ListAccounts")
    assert clock.slept == [pytest.approx(1 / (8 * 0.8 * LOWERED), rel=0.02)]
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
    assert clock.slept == [pytest.approx(1 / (STS_RATE.per_second * 0.8 * LOWERED), rel=0.02)]


def test_errors_that_are_no_throttles_slow_nothing_down(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("ListOrganizationalUnitsForParent", error_json("ServiceException", 503), UNITS)
    clients.organizations.read("ListOrganizationalUnitsForParent", ParentId="r-exam")
    assert clock.slept == []
