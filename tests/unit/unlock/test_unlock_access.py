from __future__ import annotations

import pytest

from rootkeeper.aws.rules import ResourceKind, TaskPolicy
from rootkeeper.errors import IdentityMismatchError, LedgerUnavailableError
from rootkeeper.ledger.rules import Action
from rootkeeper.unlock.service import UnlockAccess
from tests.fakes.unlock_desk import MEMBER, UnlockDesk


@pytest.fixture
def desk() -> UnlockDesk:
    return UnlockDesk()


def open_access(desk: UnlockDesk, kind: ResourceKind = ResourceKind.BUCKET) -> UnlockAccess:
    return UnlockAccess(desk.organization, desk.ledger, desk.clock, MEMBER, kind)


@pytest.mark.parametrize("kind", ResourceKind)
def test_p09_a_session_has_the_least_task_that_reaches_the_kind(desk: UnlockDesk, kind: ResourceKind) -> None:
    session = open_access(desk, kind).enter()
    assert session.task_policy in {TaskPolicy.UNLOCK_BUCKET, TaskPolicy.UNLOCK_QUEUE}
    assert session.task_policy is kind.task_policy
    assert desk.ledger.intents[0].parameters["task_policy"] == kind.task_policy.value


def test_p09_a_session_is_kept_until_it_is_about_to_end(desk: UnlockDesk) -> None:
    access = open_access(desk)
    first = access.enter()
    desk.clock.advance(830)
    assert access.enter() is first
    desk.clock.advance(20)
    assert access.enter() is not first
    assert desk.organization.operations().count("AssumeRoot") == 2
    assert [entry.action for entry in desk.ledger.intents] == [Action.ROOT_SESSION_OPEN] * 2


def test_p12_a_session_of_another_principal_reaches_nothing(desk: UnlockDesk) -> None:
    desk.organization.wrong_identities.add(MEMBER)
    with pytest.raises(IdentityMismatchError):
        _ = open_access(desk).policies


def test_p02_without_a_ledger_no_session_is_opened(desk: UnlockDesk) -> None:
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        open_access(desk).enter()
    assert desk.organization.calls == []
