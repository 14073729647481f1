"""What is refused before a person is asked, and what a plan says."""

from __future__ import annotations

import json

import pytest

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.errors import InputError, PolicyDocumentError, TargetRefusedError
from rootkeeper.ledger.rules import Action
from rootkeeper.unlock.rules import ChangeKind, LockoutVerdict
from rootkeeper.unlock.service import describe_plan
from rootkeeper.unlock.store import describe_saved
from tests.fakes.unlock_desk import LOCKING, MEMBER, OPEN, READING, UnlockDesk, deny, policy


@pytest.fixture
def desk() -> UnlockDesk:
    return UnlockDesk()


@pytest.fixture
def locked(desk: UnlockDesk) -> Resource:
    return desk.add("locked")


def test_removing_leaves_no_policy(desk: UnlockDesk, locked: Resource) -> None:
    plan = desk.plan(locked)
    assert plan.obstacle is None
    assert plan.change.after is None
    assert plan.outcome.verdict is LockoutVerdict.NO_POLICY
    assert desk.organization.changing_calls == []


def test_correcting_keeps_everything_but_the_locking_statement(desk: UnlockDesk, locked: Resource) -> None:
    plan = desk.plan(locked, ChangeKind.CORRECTED)
    assert json.loads(plan.change.after or "")["Statement"] == [READING]
    assert plan.outcome.verdict is LockoutVerdict.OPEN


def test_correcting_may_leave_nothing(desk: UnlockDesk) -> None:
    plan = desk.plan(desk.add("all", policy(deny("Everyone"))), ChangeKind.CORRECTED)
    assert (plan.change.after, plan.obstacle) == (None, None)


@pytest.mark.parametrize(
    ("change", "existing", "obstacle"),
    [
        (ChangeKind.REMOVE, None, "There is no policy"),
        (ChangeKind.CORRECTED, None, "There is no policy"),
        (ChangeKind.CORRECTED, OPEN, "No statement"),
        (ChangeKind.REPLACE, OPEN, "already has this policy. Nothing to do."),
    ],
)
def test_where_there_is_nothing_to_do_that_is_said(
    desk: UnlockDesk, change: ChangeKind, existing: str | None, obstacle: str
) -> None:
    text = json.dumps(json.loads(OPEN), indent=3) if change is ChangeKind.REPLACE else None
    plan = desk.plan(desk.add("bucket", existing), change, text)
    assert obstacle in (plan.obstacle or "")


def test_a_policy_that_cannot_be_read_is_not_corrected_but_may_be_removed(desk: UnlockDesk) -> None:
    broken = desk.add("broken", "{")
    with pytest.raises(PolicyDocumentError, match=r"The policy of bucket broken \(us-east-1\) of account 222233334444"):
        desk.plan(broken, ChangeKind.CORRECTED)
    assert desk.plan(broken).obstacle is None


@pytest.mark.parametrize("change", ChangeKind)
def test_p12_protected_names_are_refused_before_any_session(
    desk: UnlockDesk, locked: Resource, change: ChangeKind
) -> None:
    desk.protect = ("lock*",)
    with pytest.raises(TargetRefusedError, match=r"protects the policy of \w+ lock"):
        desk.plan(locked, change, OPEN)
    assert desk.organization.calls == []


@pytest.mark.parametrize("text", ["{", "[]", " " * 30_000])
def test_a_file_that_is_no_policy_is_refused_before_any_session(desk: UnlockDesk, locked: Resource, text: str) -> None:
    with pytest.raises(PolicyDocumentError, match=r"The policy in new\.json"):
        desk.plan(locked, ChangeKind.REPLACE, text)
    assert desk.organization.calls == []


def test_a_name_that_cannot_be_one_is_refused_before_any_session(desk: UnlockDesk) -> None:
    arn = Resource(ResourceKind.BUCKET, MEMBER, "arn:aws:s3:::bucket", "us-east-1", "aws")
    with pytest.raises(InputError, match="isn't a valid bucket name"):
        desk.plan(arn)
    assert desk.organization.calls == []


def test_a_replacement_that_would_lock_out_again_is_refused(desk: UnlockDesk, locked: Resource) -> None:
    with pytest.raises(PolicyDocumentError, match="lock everyone out again"):
        desk.plan(locked, ChangeKind.REPLACE, policy(deny("Again")))


def test_only_a_copy_that_the_ledger_knows_is_restored(desk: UnlockDesk, locked: Resource) -> None:
    with pytest.raises(PolicyDocumentError, match="isn't a saved copy"):
        desk.plan(locked, ChangeKind.RESTORE, LOCKING)
    assert desk.organization.calls == []
    desk.ledger.append_fact(
        Action.BUCKET_POLICY_SAVE, account_id=MEMBER, parameters=describe_saved(locked, LOCKING, "/policies/1.json")
    )
    desk.organization.resources.policies[locked] = None
    plan = desk.plan(locked, ChangeKind.RESTORE, LOCKING)
    assert plan.change.after == LOCKING
    assert plan.outcome.verdict is LockoutVerdict.LOCKED
    with pytest.raises(PolicyDocumentError, match="was edited"):
        desk.plan(locked, ChangeKind.RESTORE, LOCKING + " ")


def test_a_plan_shows_what_is_what_will_be_and_where_it_is_saved(desk: UnlockDesk, locked: Resource) -> None:
    lines = describe_plan(desk.plan(locked, ChangeKind.CORRECTED), "/policies")
    assert lines == [
        f"Replace the policy of bucket locked (us-east-1) of account {MEMBER} (Orders).",
        "Now: Statement Everyone denies everyone in the account.",
        "Then: No statement locks everyone out.",
        "The current policy is saved first, to /policies.",
    ]
    bare = describe_plan(desk.plan(desk.add("bare", None), ChangeKind.REPLACE, OPEN), "/policies")
    assert bare[0].endswith("which has none.")
