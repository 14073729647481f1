"""What a dead process left behind of a change of a bucket or queue policy."""

from __future__ import annotations

import pytest

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.unlock.rules import PolicyChange, describe_change
from tests.fakes.clock import FakeClock
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    return fake


BEFORE = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]}'
NEW = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*"}]}'
POLICY_CHANGES = [(ResourceKind.BUCKET, None), (ResourceKind.BUCKET, NEW), (ResourceKind.QUEUE, None)]
each_policy_change = pytest.mark.parametrize(("kind", "after"), POLICY_CHANGES)


def leave_policy_change(
    dead: Operator, organization: FakeOrganization, kind: ResourceKind, after: str | None
) -> Resource:
    """An intent without an outcome; the policy of before is still in place."""
    resource = organization.resources.add(kind, ACCOUNT, "locked", BEFORE)
    change = PolicyChange(resource, BEFORE, after)
    dead.ledger.append_intent(change.action, account_id=ACCOUNT, parameters=describe_change(change))
    return resource


@each_policy_change
def test_a_policy_that_a_re_read_shows_changed_was_changed(
    operator: Operator, dead: Operator, organization: FakeOrganization, kind: ResourceKind, after: str | None
) -> None:
    resource = leave_policy_change(dead, organization, kind, after)
    organization.resources.policies[resource] = after

    (settled,) = operator.settlement.settle().intents

    assert settled.result is Result.DONE
    assert organization.changing_calls == []
    assert operator.database.open_intents == []


@each_policy_change
def test_a_policy_that_is_still_there_was_not_changed(
    operator: Operator, dead: Operator, organization: FakeOrganization, kind: ResourceKind, after: str | None
) -> None:
    leave_policy_change(dead, organization, kind, after)

    (settled,) = operator.settlement.settle().intents

    assert settled.result is Result.FAILED
    assert organization.changing_calls == []


def test_sqs_gets_its_60_seconds_before_a_change_counts_as_not_done(
    operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    queue = leave_policy_change(dead, organization, ResourceKind.QUEUE, None)
    organization.resources.change(queue, None)
    organization.resources.shows_before = 3

    (settled,) = operator.settlement.settle().intents

    assert settled.result is Result.DONE
    assert sum(operator.clock.slept) >= 60


def test_another_policy_than_both_is_unknown(
    operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    bucket = leave_policy_change(dead, organization, ResourceKind.BUCKET, None)
    organization.resources.policies[bucket] = NEW

    assert [intent.result for intent in operator.settlement.settle().intents] == [Result.UNKNOWN]


def test_a_policy_that_cannot_be_read_stays_open(
    operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    leave_policy_change(dead, organization, ResourceKind.BUCKET, None)
    organization.fail("GetBucketPolicy")

    (settled,) = operator.settlement.settle().intents

    assert settled.result is None
    assert len(operator.database.open_intents) == 1
