"""Every action of the ledger has a rule by which an orphan of it is settled."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from rootkeeper.aws.rules import Resource, ResourceKind, TaskPolicy
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId, Feature, Setup
from rootkeeper.settlement.service import (
    SETUP_ACTIONS,
    AccountRereader,
    IntentFinding,
    evaluate_account_intent,
    evaluate_setup_intent,
)
from rootkeeper.unlock.rules import PolicyChange, describe_change
from rootkeeper.values import JsonValue
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

ACCOUNT = AccountId("222233334444")
ALL_ON = Setup(True, frozenset(Feature), (ACCOUNT,))


POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]})


def orphan(action: Action, parameters: Mapping[str, JsonValue] | None = None) -> LedgerEntry:
    return LedgerEntry(
        sequence=1,
        at=START,
        organization_id="o-exampleorgid",
        endpoint="AWS",
        actor=Actor("alice", ActorKind.SELF_ASSERTED),
        action=action,
        account_id=ACCOUNT,
        parameters=parameters or {"feature": "RootSessions", "task_policy": TaskPolicy.AUDIT.value},
        phase=Phase.INTENT,
        owner_id="process-1",
        intent_sequence=None,
        result=None,
        previous_hash="",
        entry_hash="",
    )


@pytest.mark.parametrize("action", sorted(Action))
def test_no_action_is_left_without_a_result_where_everything_can_be_read(action: Action) -> None:
    organization = FakeOrganization(FakeClock())
    organization.add_account(ACCOUNT)
    operator = Operator(organization, FakeDatabase(organization.clock))
    if action in SETUP_ACTIONS:
        finding = evaluate_setup_intent(orphan(action), ALL_ON)
    else:
        with operator.locks.hold(ACCOUNT, "settling") as lock:
            rereading = AccountRereader(organization, organization, operator.ledger, operator.clock, ACCOUNT, lock)
            finding = evaluate_account_intent(orphan(action), rereading, None)

    assert finding.result is not None
    assert finding.explanation


@pytest.mark.parametrize("action", sorted(SETUP_ACTIONS))
def test_a_set_up_that_was_not_read_decides_nothing(action: Action) -> None:
    assert evaluate_setup_intent(orphan(action), Setup(None, None, None)).result is None


@pytest.mark.parametrize("action", sorted(SETUP_ACTIONS))
def test_enabling_and_disabling_are_judged_opposite(action: Action) -> None:
    result = evaluate_setup_intent(orphan(action), ALL_ON).result

    is_on = action.value.endswith(("enable", ":register"))
    assert result is (Result.DONE if is_on else Result.FAILED)


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT)
    return fake


@pytest.fixture(params=ResourceKind)
def resource(request: pytest.FixtureRequest, organization: FakeOrganization) -> Resource:
    return organization.resources.add(request.param, ACCOUNT, "locked", POLICY)


def judge_policy_removal(organization: FakeOrganization, resource: Resource) -> IntentFinding:
    """What becomes of an orphan that was to remove the policy."""
    change = PolicyChange(resource, POLICY, None)
    operator = Operator(organization, FakeDatabase(organization.clock))
    with operator.locks.hold(ACCOUNT, "settling") as lock:
        rereading = AccountRereader(organization, organization, operator.ledger, operator.clock, ACCOUNT, lock)
        return evaluate_account_intent(orphan(change.action, describe_change(change)), rereading, None)


def test_a_policy_that_is_gone_was_removed(organization: FakeOrganization, resource: Resource) -> None:
    organization.resources.policies[resource] = None
    assert judge_policy_removal(organization, resource).result is Result.DONE
    assert organization.clock.slept == []


def test_a_policy_that_stays_was_not_removed_once_aws_had_its_time_to_show_it(
    organization: FakeOrganization, resource: Resource
) -> None:
    assert judge_policy_removal(organization, resource).result is Result.FAILED
    assert sum(organization.clock.slept) >= (60 if resource.kind is ResourceKind.QUEUE else 3)


def test_what_sqs_shows_late_was_done(organization: FakeOrganization) -> None:
    queue = organization.resources.add(ResourceKind.QUEUE, ACCOUNT, "locked", POLICY)
    organization.resources.change(queue, None)
    organization.resources.shows_before = 3
    assert judge_policy_removal(organization, queue).result is Result.DONE


def test_p06_a_policy_of_another_principal_leaves_it_unknown(
    organization: FakeOrganization, resource: Resource
) -> None:
    organization.resources.policies[resource] = POLICY.replace("Deny", "Allow")
    assert judge_policy_removal(organization, resource).result is Result.UNKNOWN


def test_p06_a_policy_that_cannot_be_read_leaves_the_intent_open(
    organization: FakeOrganization, resource: Resource
) -> None:
    organization.fail("AssumeRoot")
    assert judge_policy_removal(organization, resource).result is None
