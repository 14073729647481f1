"""Changing one policy: nothing before it is saved, nothing twice, and nothing done without a re-read that shows it."""

from __future__ import annotations

import json

import pytest

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.errors import (
    AccountBusyError,
    AwsAccessDeniedError,
    AwsRejectedError,
    AwsUnreachableError,
    IdentityMismatchError,
    LedgerUnavailableError,
    LockLostError,
    PolicyChangedError,
    PolicyNotSavedError,
)
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.unlock.rules import ChangeKind, LockoutVerdict, hash_policy
from tests.fakes.unlock_desk import LOCKING, MEMBER, OPEN, READING, UnlockDesk, policy

CHANGES = [
    (ResourceKind.BUCKET, ChangeKind.REMOVE, "DeleteBucketPolicy", Action.BUCKET_POLICY_DELETE),
    (ResourceKind.BUCKET, ChangeKind.CORRECTED, "PutBucketPolicy", Action.BUCKET_POLICY_PUT),
    (ResourceKind.QUEUE, ChangeKind.REMOVE, "SetQueueAttributes", Action.QUEUE_POLICY_SET),
    (ResourceKind.QUEUE, ChangeKind.CORRECTED, "SetQueueAttributes", Action.QUEUE_POLICY_SET),
]
each_change = pytest.mark.parametrize(
    ("kind", "change", "operation", "action"), CHANGES, ids=[f"{kind}-{change}" for kind, change, _, _ in CHANGES]
)


@pytest.fixture
def desk() -> UnlockDesk:
    return UnlockDesk()


@pytest.fixture
def bucket(desk: UnlockDesk) -> Resource:
    return desk.add("locked")


def list_changes(desk: UnlockDesk) -> list[str]:
    return [operation for operation, _ in desk.organization.changing_calls]


@each_change
def test_a_change_is_done_when_a_re_read_shows_it(
    desk: UnlockDesk, kind: ResourceKind, change: ChangeKind, operation: str, action: Action
) -> None:
    resource = desk.add("locked", kind=kind)
    outcome = desk.unlock(resource, change)
    assert outcome.result is Result.DONE
    assert list_changes(desk) == [operation]
    left = desk.policy_of(resource)
    assert left is None if change is ChangeKind.REMOVE else json.loads(left or "")["Statement"] == [READING]
    assert outcome.found is not None
    assert outcome.found.verdict in {LockoutVerdict.NO_POLICY, LockoutVerdict.OPEN}
    assert desk.ledger.results_of(action) == [Result.DONE]
    assert desk.ledger.open_intents == []


@each_change
def test_p19_p01_the_policy_is_saved_and_the_intent_on_disk_before_the_call_leaves(
    desk: UnlockDesk, kind: ResourceKind, change: ChangeKind, operation: str, action: Action
) -> None:
    resource = desk.add("locked", kind=kind)
    seen: list[str] = []
    plan = desk.plan(resource, change)
    desk.saved.note = lambda: seen.append("file")
    desk.ledger.note = lambda phase, entry: seen.append(f"{entry.action} {phase}")
    desk.organization.before_each_call(lambda called, _: seen.append(called))
    desk.run.apply(plan, desk.progress)
    assert seen[0] == "file"
    assert seen[1] == f"{kind.save_action} outcome"
    read = "GetBucketPolicy" if kind is ResourceKind.BUCKET else "GetQueueAttributes"
    assert seen[-5:] == [read, f"{action} intent", operation, read, f"{action} outcome"]
    assert desk.saved.kept == [(resource, LOCKING)]


def test_p19_the_hash_of_the_copy_is_in_the_ledger(desk: UnlockDesk, bucket: Resource) -> None:
    outcome = desk.unlock(bucket)
    (saved,) = [entry for entry in desk.ledger.entries if entry.action is Action.BUCKET_POLICY_SAVE]
    assert saved.parameters["sha256"] == hash_policy(LOCKING)
    assert saved.parameters["path"] == "/policies/1.json"
    assert outcome.saved is not None
    assert outcome.saved.sha256 == hash_policy(LOCKING)
    (intent,) = [entry for entry in desk.ledger.intents if entry.action is Action.BUCKET_POLICY_DELETE]
    assert intent.parameters["saved_path"] == "/policies/1.json"


def test_p19_what_cannot_be_saved_is_not_changed(desk: UnlockDesk, bucket: Resource) -> None:
    plan = desk.plan(bucket)
    desk.saved.is_full = True
    calls = len(desk.organization.calls)
    with pytest.raises(PolicyNotSavedError):
        desk.run.apply(plan, desk.progress)
    assert len(desk.organization.calls) == calls
    assert desk.policy_of(bucket) == LOCKING


@pytest.mark.parametrize("appends", range(5))
def test_p02_whenever_the_ledger_fails_before_the_call_nothing_is_changed(
    desk: UnlockDesk, bucket: Resource, appends: int
) -> None:
    """The copy, the session's intent and outcome, the change's intent; then the call may leave."""
    plan = desk.plan(bucket)
    desk.ledger.fail_after = appends
    with pytest.raises(LedgerUnavailableError):
        desk.run.apply(plan, desk.progress)
    is_sent = appends == 4
    assert list_changes(desk) == (["DeleteBucketPolicy"] if is_sent else [])
    assert len(desk.ledger.open_intents) == (1 if appends in {2, 4} else 0)


def test_a_policy_that_was_changed_meanwhile_is_left_alone(desk: UnlockDesk, bucket: Resource) -> None:
    plan = desk.plan(bucket)
    desk.organization.resources.policies[bucket] = OPEN
    with pytest.raises(PolicyChangedError, match="isn't the one that was shown"):
        desk.run.apply(plan, desk.progress)
    assert desk.policy_of(bucket) == OPEN
    assert list_changes(desk) == []
    assert desk.ledger.open_intents == []


def test_a_policy_that_someone_else_removed_meanwhile_is_not_put_back(desk: UnlockDesk, bucket: Resource) -> None:
    plan = desk.plan(bucket, ChangeKind.CORRECTED)
    desk.organization.resources.policies[bucket] = None
    with pytest.raises(PolicyChangedError):
        desk.run.apply(plan, desk.progress)
    assert desk.policy_of(bucket) is None


def test_p27_an_account_that_another_process_holds_is_left_alone(desk: UnlockDesk, bucket: Resource) -> None:
    plan = desk.plan(bucket)
    desk.locks.take_over(MEMBER)
    with pytest.raises(AccountBusyError):
        desk.run.apply(plan, desk.progress)
    assert desk.saved.kept == []
    assert list_changes(desk) == []


def test_p27_a_lock_that_was_lost_lets_nothing_leave(desk: UnlockDesk, bucket: Resource) -> None:
    plan = desk.plan(bucket)

    def take_over(operation: str, _: AccountId | None) -> None:
        if operation == "GetBucketPolicy":
            desk.locks.take_over(MEMBER)

    desk.organization.before_each_call(take_over)
    with pytest.raises(LockLostError):
        desk.run.apply(plan, desk.progress)
    assert list_changes(desk) == []
    assert desk.policy_of(bucket) == LOCKING


def test_p06_a_lock_that_was_lost_before_the_re_read_leaves_a_sent_change_unknown(
    desk: UnlockDesk, bucket: Resource
) -> None:
    plan = desk.plan(bucket)

    def take_over(operation: str, _: AccountId | None) -> None:
        if operation == "DeleteBucketPolicy":
            desk.clock.advance(850)  # the re-read needs a new session
            desk.locks.take_over(MEMBER)

    desk.organization.before_each_call(take_over)
    outcome = desk.run.apply(plan, desk.progress)
    assert outcome.result is Result.UNKNOWN
    assert outcome.found is None
    assert desk.policy_of(bucket) is None
    (intent,) = [entry for entry in desk.ledger.intents if entry.action is Action.BUCKET_POLICY_DELETE]
    assert desk.ledger.outcome_of(intent).result is Result.UNKNOWN


def test_p12_a_session_of_another_principal_changes_nothing(desk: UnlockDesk, bucket: Resource) -> None:
    plan = desk.plan(bucket)
    desk.organization.wrong_identities.add(MEMBER)
    with pytest.raises(IdentityMismatchError):
        desk.run.apply(plan, desk.progress)
    assert list_changes(desk) == []


@each_change
def test_p04_after_an_unclear_answer_a_re_read_decides_and_nothing_is_sent_again(
    desk: UnlockDesk, kind: ResourceKind, change: ChangeKind, operation: str, action: Action
) -> None:
    done = desk.add("done", kind=kind)
    desk.organization.act_then_fail(operation)
    assert desk.unlock(done, change).result is Result.DONE

    undone = desk.add("undone", kind=kind)
    desk.organization.fail(operation, AwsUnreachableError("No answer."), times=1)
    outcome = desk.unlock(undone, change)
    assert outcome.result is Result.FAILED
    assert "aws.unreachable" in outcome.explanation
    assert list_changes(desk) == [operation] * 2
    assert desk.ledger.results_of(action) == [Result.DONE, Result.FAILED]


@each_change
def test_p05_a_server_that_answers_success_and_changes_nothing_is_found_out(
    desk: UnlockDesk, kind: ResourceKind, change: ChangeKind, operation: str, action: Action
) -> None:
    resource = desk.add("locked", kind=kind)
    desk.organization.lie(operation)
    outcome = desk.unlock(resource, change)
    assert outcome.result is Result.FAILED
    assert outcome.found is not None
    assert outcome.found.verdict is LockoutVerdict.LOCKED
    assert desk.ledger.results_of(action) == [Result.FAILED]
    assert sum(desk.clock.slept) == (90 if kind is ResourceKind.QUEUE else 3)


def test_sqs_is_waited_for_as_long_as_it_may_take(desk: UnlockDesk) -> None:
    queue = desk.add("locked", kind=ResourceKind.QUEUE)
    plan = desk.plan(queue)
    desk.organization.resources.shows_before = 6
    outcome = desk.run.apply(plan, desk.progress)
    assert outcome.result is Result.DONE
    assert desk.clock.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert len(desk.progress.remarks) == 6


def test_p06_what_cannot_be_re_read_is_unknown_and_not_done(desk: UnlockDesk, bucket: Resource) -> None:
    plan = desk.plan(bucket)
    desk.organization.fail("GetBucketPolicy", AwsUnreachableError("No answer."), at=2)
    outcome = desk.run.apply(plan, desk.progress)
    assert (outcome.result, outcome.found) == (Result.UNKNOWN, None)
    assert desk.ledger.results_of(Action.BUCKET_POLICY_DELETE) == [Result.UNKNOWN]


def test_a_re_read_that_got_no_answer_is_repeated(desk: UnlockDesk, bucket: Resource) -> None:
    plan = desk.plan(bucket)
    desk.organization.fail("GetBucketPolicy", AwsUnreachableError("No answer."), at=2, times=1)
    outcome = desk.run.apply(plan, desk.progress)
    assert outcome.result is Result.DONE
    assert outcome.found is not None
    assert desk.clock.slept == [1.0]


def test_p06_another_policy_than_both_is_unknown(desk: UnlockDesk, bucket: Resource) -> None:
    plan = desk.plan(bucket)

    def interfere(operation: str, _: AccountId | None) -> None:
        if list_changes(desk) and operation == "GetBucketPolicy":
            desk.organization.resources.policies[bucket] = policy(READING, READING)

    desk.organization.before_each_call(interfere)
    outcome = desk.run.apply(plan, desk.progress)
    assert outcome.result is Result.UNKNOWN
    assert "another caller changed it" in outcome.explanation


@pytest.mark.parametrize("error", [AwsAccessDeniedError("An SCP denies it."), AwsRejectedError("MalformedPolicy")])
def test_what_aws_refuses_is_recorded_and_raised(
    desk: UnlockDesk, bucket: Resource, error: AwsAccessDeniedError | AwsRejectedError
) -> None:
    desk.organization.fail("DeleteBucketPolicy", error)
    with pytest.raises(type(error)):
        desk.unlock(bucket)
    assert desk.ledger.results_of(Action.BUCKET_POLICY_DELETE) == [Result.FAILED]
    assert desk.policy_of(bucket) == LOCKING


def test_a_policy_goes_where_there_was_none_and_nothing_is_saved(desk: UnlockDesk) -> None:
    bare = desk.add("bare", None)
    outcome = desk.unlock(bare, ChangeKind.REPLACE, OPEN)
    assert (outcome.result, outcome.saved) == (Result.DONE, None)
    assert desk.policy_of(bare) == OPEN
    assert desk.saved.kept == []


def test_what_was_saved_can_be_restored(desk: UnlockDesk, bucket: Resource) -> None:
    desk.unlock(bucket)
    outcome = desk.unlock(bucket, ChangeKind.RESTORE, LOCKING)
    assert outcome.result is Result.DONE
    assert desk.policy_of(bucket) == LOCKING


def test_p08_neither_policy_nor_credentials_are_in_the_ledger(desk: UnlockDesk, bucket: Resource) -> None:
    desk.unlock(bucket, ChangeKind.CORRECTED)
    written = json.dumps([dict(entry.parameters) for entry in desk.ledger.entries])
    assert "Statement" not in written
    assert "session_access_key_id" in written
