"""Rewrites of policies that a dead process has sent: rebuilt from their intents, and observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.changes.rules import Reread
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.ledger.rules import Action, LedgerEntry, Result
from rootkeeper.unlock.changes import PolicyRewrite, restore_policy_change
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
    rewrite = PolicyRewrite.of(PolicyChange(resource, LOCKING, after), ChangeKind.REPLACE, "/policies/1.json", ())
    desk.ledger.append_intent(rewrite.action, account_id=rewrite.account_id, parameters=rewrite.parameters)
    return desk.ledger.entries[-1]


def watch(desk: UnlockDesk, entry: LedgerEntry) -> Reread[str | None]:
    runner = ChangeRunner(desk.ledger, desk.clock, sessions=desk.reading.get_sessions(MEMBER))
    return runner.watch(restore_policy_change(entry, desk.clock.now()), None)


def test_the_intent_has_what_a_settlement_needs(desk: UnlockDesk, resource: Resource) -> None:
    entry = leave_intent(desk, resource)
    restored = restore_policy_change(entry, desk.clock.now())
    assert (restored.action, restored.resource, restored.parameters) == (entry.action, resource, entry.parameters)
    assert entry.parameters["change"] == "replace"
    assert entry.parameters["saved_path"] == "/policies/1.json"


def test_a_restored_rewrite_is_never_sent_again(desk: UnlockDesk, resource: Resource) -> None:
    restored = restore_policy_change(leave_intent(desk, resource), desk.clock.now())
    runner = ChangeRunner(desk.ledger, desk.clock, sessions=desk.reading.get_sessions(MEMBER))
    with pytest.raises(NotImplementedError):
        runner.send(restored)
    assert desk.organization.changing_calls == []


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
    restored = restore_policy_change(entry, entry.at + timedelta(days=1))
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
        restore_policy_change(desk.ledger.entries[-1], desk.clock.now())


def test_an_intent_that_names_no_account_is_refused(desk: UnlockDesk, resource: Resource) -> None:
    with pytest.raises(ValueError, match="doesn't name its account"):
        restore_policy_change(replace(leave_intent(desk, resource), account_id=None), desk.clock.now())
