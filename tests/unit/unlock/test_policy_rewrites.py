"""Rewrites of policies that a dead process has sent: rebuilt from their intents, and observed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.changes.rules import Change, Reread
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.ledger.rules import Action, LedgerEntry, Result
from rootkeeper.unlock.changes import PolicyRewrite, RecordedPolicyRewrite, restore_policy_change
from rootkeeper.unlock.rules import ChangeKind, PolicyChange
from rootkeeper.values import JsonValue
from tests.fakes.unlock_desk import LOCKING, MEMBER, OPEN, READING, UnlockDesk, policy


@pytest.fixture
def desk() -> UnlockDesk:
    return UnlockDesk()


@pytest.fixture(params=ResourceKind)
def resource(request: pytest.FixtureRequest, desk: UnlockDesk) -> Resource:
    return desk.add("locked", kind=request.param)


def leave_intent(desk: UnlockDesk, resource: Resource, after: str | None = None) -> LedgerEntry:
    """The intent of a process that died."""
    change = PolicyChange(resource, LOCKING, after)
    sessions = desk.reading.get_sessions(MEMBER)
    rewrite = PolicyRewrite.of(sessions, change, ChangeKind.REPLACE, "/policies/1.json", ())
    desk.ledger.append_intent(rewrite.action, account_id=rewrite.account_id, parameters=rewrite.parameters)
    return desk.ledger.entries[-1]


def watch(desk: UnlockDesk, entry: LedgerEntry) -> Reread[str | None]:
    return ChangeRunner(desk.ledger, desk.clock).watch(restore(desk, entry), None)


def restore(desk: UnlockDesk, entry: LedgerEntry) -> RecordedPolicyRewrite:
    return restore_policy_change(entry, desk.reading.get_sessions(MEMBER), desk.clock.now())


def test_the_intent_has_what_a_settlement_needs(desk: UnlockDesk, resource: Resource) -> None:
    entry = leave_intent(desk, resource)
    restored = restore(desk, entry)
    assert (restored.action, restored.resource, restored.recorded) == (entry.action, resource, entry.parameters)
    assert entry.parameters["change"] == "replace"
    assert entry.parameters["saved_path"] == "/policies/1.json"


def test_a_restored_rewrite_can_only_be_observed(desk: UnlockDesk, resource: Resource) -> None:
    assert not isinstance(restore(desk, leave_intent(desk, resource)), Change)


@pytest.mark.parametrize(
    ("shown", "result"), [(OPEN, Result.DONE), (LOCKING, Result.FAILED), (policy(READING, READING), Result.UNKNOWN)]
)
def test_the_policy_that_is_shown_decides(desk: UnlockDesk, resource: Resource, shown: str, result: Result) -> None:
    entry = leave_intent(desk, resource, OPEN)
    desk.organization.resources.policies[resource] = shown
    assert watch(desk, entry).evaluation.result is result


def test_a_policy_is_waited_for_until_aws_must_show_it(desk: UnlockDesk, resource: Resource) -> None:
    entry = leave_intent(desk, resource)
    desk.clock.advance(20)
    watch(desk, entry)
    assert desk.clock.slept == ([1.0, 2.0, 41.0] if resource.kind is ResourceKind.QUEUE else [1.0, 2.0])


def test_an_old_intent_of_a_queue_is_waited_for_a_second(desk: UnlockDesk) -> None:
    entry = leave_intent(desk, desk.add("locked", kind=ResourceKind.QUEUE))
    sessions = desk.reading.get_sessions(MEMBER)
    restored = restore_policy_change(entry, sessions, entry.at + timedelta(days=1))
    assert restored.pauses_seconds == (1.0, 2.0, 1.0)


def test_a_bucket_or_queue_that_is_gone_has_no_policy(desk: UnlockDesk, resource: Resource) -> None:
    removal, replacement = leave_intent(desk, resource), leave_intent(desk, resource, OPEN)
    del desk.organization.resources.policies[resource]
    assert watch(desk, removal).evaluation.result is Result.DONE
    assert watch(desk, replacement).evaluation.result is Result.UNKNOWN


def test_p06_a_policy_that_cannot_be_read_leaves_the_intent_open(desk: UnlockDesk, resource: Resource) -> None:
    entry = leave_intent(desk, resource)
    desk.organization.fail("AssumeRoot")
    evaluation = watch(desk, entry).evaluation
    assert evaluation.result is None
    assert evaluation.explanation.startswith("The policy can't be re-read: ")


@pytest.mark.parametrize("parameters", [{}, {"bucket": "logs"}])
def test_an_intent_that_names_no_bucket_is_refused(desk: UnlockDesk, parameters: Mapping[str, JsonValue]) -> None:
    desk.ledger.append_intent(Action.BUCKET_POLICY_PUT, account_id=MEMBER, parameters=parameters)
    with pytest.raises(ValueError, match="doesn't name its bucket"):
        restore(desk, desk.ledger.entries[-1])


def test_an_intent_that_names_no_account_is_refused(desk: UnlockDesk, resource: Resource) -> None:
    with pytest.raises(ValueError, match="names no account"):
        restore_policy_change(leave_intent(desk, resource), None, desk.clock.now())
