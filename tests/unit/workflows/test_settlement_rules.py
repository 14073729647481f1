"""Every action of the ledger has a rule by which an orphan of it is settled."""

from __future__ import annotations

import pytest

from rootkeeper.domain.ledger import Action, Actor, ActorKind, LedgerEntry, Phase, Result
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.setup import Feature, Setup
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.workflows.rereading import AccountRereading
from rootkeeper.workflows.settlement_rules import SETUP_ACTIONS, judge_account_intent, judge_setup_intent
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

ACCOUNT = AccountId("222233334444")
ALL_ON = Setup(True, frozenset(Feature), (ACCOUNT,))


def orphan(action: Action) -> LedgerEntry:
    return LedgerEntry(
        sequence=1,
        at=START,
        organization_id="o-exampleorgid",
        endpoint="AWS",
        actor=Actor("alice", ActorKind.SELF_ASSERTED),
        action=action,
        account_id=ACCOUNT,
        parameters={"feature": "RootSessions", "task_policy": TaskPolicy.AUDIT.value},
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
        finding = judge_setup_intent(orphan(action), ALL_ON)
    else:
        with operator.locks.hold(ACCOUNT, "settling") as lock:
            rereading = AccountRereading(organization, organization, operator.ledger, operator.clock, ACCOUNT, lock)
            finding = judge_account_intent(orphan(action), rereading, None)

    assert finding.result is not None
    assert finding.explanation


@pytest.mark.parametrize("action", sorted(SETUP_ACTIONS))
def test_a_set_up_that_was_not_read_decides_nothing(action: Action) -> None:
    assert judge_setup_intent(orphan(action), Setup(None, None, None)).result is None


@pytest.mark.parametrize("action", sorted(SETUP_ACTIONS))
def test_enabling_and_disabling_are_judged_opposite(action: Action) -> None:
    result = judge_setup_intent(orphan(action), ALL_ON).result

    is_on = action.value.endswith(("enable", ":register"))
    assert result is (Result.DONE if is_on else Result.FAILED)
