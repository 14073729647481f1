"""Sessions that unlock are opened by the role that may."""

from __future__ import annotations

import pytest

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from rootkeeper.settlement.service import SessionsByTask
from tests.fakes.databases import FakeDatabase, FakeLedger
from tests.fakes.organization import FakeOrganization

ACCOUNT = AccountId("222233334444")


@pytest.mark.parametrize("task_policy", sorted(TaskPolicy))
def test_each_session_is_opened_by_the_role_of_its_work(task_policy: TaskPolicy) -> None:
    usual, unlocking = FakeOrganization(), FakeOrganization()
    for organization in (usual, unlocking):
        organization.add_account(ACCOUNT)
    intent = FakeLedger(FakeDatabase(usual.clock), "here").append_intent(Action.ROOT_SESSION_OPEN, account_id=ACCOUNT)

    session = SessionsByTask(usual, unlocking).open(ACCOUNT, task_policy, intent)

    assert session.task_policy is task_policy
    unlocks = task_policy in {TaskPolicy.UNLOCK_BUCKET, TaskPolicy.UNLOCK_QUEUE}
    assert (usual.sessions_opened, unlocking.sessions_opened) == ((0, 1) if unlocks else (1, 0))
