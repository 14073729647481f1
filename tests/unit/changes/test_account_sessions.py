"""Root sessions of an account: opened with an intent, kept until they are about to end, never of another principal."""

from __future__ import annotations

import pytest

from rootkeeper.aws.rules import ResourceKind, TaskPolicy
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.errors import AwsAccessDeniedError, AwsCredentialsError, IdentityMismatchError, LedgerUnavailableError
from rootkeeper.ledger.rules import Action, Result
from tests.fakes.unlock_desk import LOCKING, MEMBER, UnlockDesk


@pytest.fixture
def desk() -> UnlockDesk:
    return UnlockDesk()


@pytest.fixture
def sessions(desk: UnlockDesk) -> AccountSessions:
    return desk.reading.get_sessions(MEMBER)


@pytest.mark.parametrize("kind", ResourceKind)
def test_p09_a_session_has_the_least_task_that_reaches_the_kind(
    desk: UnlockDesk, sessions: AccountSessions, kind: ResourceKind
) -> None:
    session = sessions.get(kind.task_policy)
    assert session.task_policy in {TaskPolicy.UNLOCK_BUCKET, TaskPolicy.UNLOCK_QUEUE}
    assert session.task_policy is kind.task_policy
    assert desk.ledger.intents[0].parameters["task_policy"] == kind.task_policy.value


def test_p09_a_session_is_kept_until_it_is_about_to_end(desk: UnlockDesk, sessions: AccountSessions) -> None:
    first = sessions.get(TaskPolicy.UNLOCK_BUCKET)
    desk.clock.advance(830)
    assert sessions.get(TaskPolicy.UNLOCK_BUCKET) is first
    desk.clock.advance(20)
    assert sessions.get(TaskPolicy.UNLOCK_BUCKET) is not first
    assert desk.organization.operations().count("AssumeRoot") == 2
    assert [entry.action for entry in desk.ledger.intents] == [Action.ROOT_SESSION_OPEN] * 2


def test_p09_each_task_policy_has_a_session_of_its_own(sessions: AccountSessions) -> None:
    assert sessions.get(TaskPolicy.UNLOCK_BUCKET) is not sessions.get(TaskPolicy.AUDIT)


def test_p12_a_session_of_another_principal_reaches_nothing(desk: UnlockDesk, sessions: AccountSessions) -> None:
    desk.organization.wrong_identities.add(MEMBER)
    asked: list[object] = []
    with pytest.raises(IdentityMismatchError):
        sessions.read(TaskPolicy.UNLOCK_BUCKET, asked.append)
    assert asked == []


def test_p02_without_a_ledger_no_session_is_opened(desk: UnlockDesk, sessions: AccountSessions) -> None:
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        sessions.get(TaskPolicy.UNLOCK_BUCKET)
    assert desk.organization.calls == []


def test_a_denial_is_remembered(desk: UnlockDesk, sessions: AccountSessions) -> None:
    desk.organization.fail("AssumeRoot")
    for _ in range(2):
        with pytest.raises(AwsAccessDeniedError):
            sessions.get(TaskPolicy.UNLOCK_BUCKET)
    assert desk.organization.operations() == ["AssumeRoot"]
    assert desk.ledger.results_of(Action.ROOT_SESSION_OPEN) == [Result.FAILED]


def test_a_question_is_asked_again_in_a_new_session_after_one_that_ended_early(
    desk: UnlockDesk, sessions: AccountSessions
) -> None:
    bucket = desk.add("locked")
    desk.organization.fail("GetBucketPolicy", AwsCredentialsError("The session ended."), times=1)
    policy = sessions.read(TaskPolicy.UNLOCK_BUCKET, lambda session: session.resource_policies.find_policy(bucket))
    assert policy == LOCKING
    assert desk.organization.operations().count("AssumeRoot") == 2
