"""Deleting from one account of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.changes.removal_rules import KindOutcome
from rootkeeper.deletion.execution import DeletedTarget, TargetDeletion, describe_not_begun, describe_skipped
from rootkeeper.deletion.rules import RECENT_USE, DeletionOptions, DeletionPlan, PlannedAccount
from rootkeeper.errors import AwsCredentialsError, AwsThrottledError, DatabaseError
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.ledger.rules import LedgerEntry, Result
from rootkeeper.organization.selection import EVERYTHING, SkipReason
from rootkeeper.organization.statuses import CredentialKind, Status, StatusReason
from tests.fakes.desk import PROD, Desk
from tests.fakes.root_users import root_user_with_everything
from tests.fakes.stores import InMemoryLedger


class UnreadableLedger(InMemoryLedger):
    def list_entries(self, **_: object) -> Iterator[LedgerEntry]:
        raise DatabaseError("The database can't be read: disk I/O error.")


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.organization.add_account(PROD, "prod", root_user=root_user_with_everything())
    return desk


def plan(desk: Desk) -> DeletionPlan:
    return desk.deletion.plan(EVERYTHING, DeletionOptions(), desk.progress).plan


def delete(
    desk: Desk,
    made: DeletionPlan,
    *,
    is_resumed: bool = False,
    is_stopped: bool = False,
    recent: timedelta = RECENT_USE,
) -> DeletedTarget:
    inventory, deletion = desk.read_inventory(), desk.deletion
    targets = TargetDeletion(
        plan=made,
        inventory=inventory,
        protections=deletion.protections,
        locks=desk.locks,
        removal=desk.removal,
        clock=desk.clock,
        context={"plan_id": made.plan_id, "job_id": "j-1"},
        is_stopped=lambda: is_stopped,
        ledger_reader=desk.ledger if is_resumed else None,
        recent=recent,
    )
    account = next((one for one in inventory.accounts if one.account_id == PROD), None)
    return targets.delete(target_of(made), account)


def target_of(made: DeletionPlan) -> PlannedAccount:
    (planned,) = made.targets
    return planned


def test_what_is_proven_is_final(desk: Desk) -> None:
    done = delete(desk, plan(desk))
    assert done.deletion.outcome is KindOutcome.DELETED
    assert done.deletion.is_final
    assert done.deletion.status is Status.NOT_PRESENT
    assert done.status is not None
    assert done.has_sent_changes
    assert done.obstacle is None
    assert {entry.parameters.get("job_id") for entry in desk.ledger.intents if entry.account_id} == {"j-1"}


def test_what_failed_is_final_too(desk: Desk) -> None:
    made = plan(desk)
    desk.organization.fail("DeleteLoginProfile", AwsThrottledError("slow"))
    done = delete(desk, made)
    assert done.deletion.is_failure
    assert done.deletion.is_final
    assert done.obstacle is None


def test_p18_a_denial_in_the_session_is_remembered_as_a_policy_and_one_of_the_session_as_a_permission(
    desk: Desk,
) -> None:
    made = plan(desk)
    desk.organization.fail("GetUser")
    blocked = delete(desk, made).status
    assert blocked is not None
    assert blocked.reason is StatusReason.BLOCKED_BY_POLICY
    desk.organization.heal()
    desk.organization.fail("AssumeRoot")
    refused = delete(desk, made).status
    assert refused is not None
    assert refused.reason is StatusReason.ACCESS_DENIED


def test_an_account_that_is_held_is_left_for_later(desk: Desk) -> None:
    made = plan(desk)
    with desk.locks.hold(PROD, "a window"):
        done = delete(desk, made)
    assert done.deletion.skip is not None
    assert done.deletion.skip.reason is SkipReason.ACCOUNT_BUSY
    assert not done.deletion.is_final
    assert done.obstacle is None


def test_an_account_that_left_the_organization_is_final(desk: Desk) -> None:
    made = plan(desk)
    del desk.organization.accounts[PROD]
    desk.organization.add_account("777788889999", "other")
    done = delete(desk, made)
    assert done.deletion.skip is not None
    assert done.deletion.skip.reason is SkipReason.NOT_IN_ORGANIZATION
    assert done.deletion.is_final


def test_what_concerns_every_account_is_an_obstacle_and_not_final(desk: Desk) -> None:
    made = plan(desk)
    desk.organization.fail("AssumeRoot", AwsCredentialsError("expired"))
    done = delete(desk, made)
    assert isinstance(done.obstacle, AwsCredentialsError)
    assert not done.deletion.is_final


def test_what_is_broken_off_is_not_final(desk: Desk) -> None:
    done = delete(desk, plan(desk), is_stopped=True)
    assert not done.deletion.is_final
    assert not done.has_sent_changes


def test_after_an_interruption_less_than_planned_is_no_change_and_reported_as_deleted(desk: Desk) -> None:
    made = plan(desk)
    desk.ledger.fail_after = 6  # delete session, then the two keys' intents with their calls
    delete(desk, made)
    desk.ledger.fail_after = None
    gone = [call for call in target_of(made).calls if call.kind is CredentialKind.ACCESS_KEYS]
    assert gone
    assert desk.root_user(PROD).access_keys == []
    for entry in desk.ledger.open_intents:
        desk.ledger.orphans.append(entry)
        result = "re-read shows it as gone"
        desk.ledger.settle_orphan(entry, Result.DONE, {"settled_by": "re-read", "explanation": result})
    done = delete(desk, made, is_resumed=True)
    assert {kind.outcome for kind in done.deletion.kinds} == {KindOutcome.DELETED}
    assert desk.root_user(PROD).is_empty


def test_without_an_interruption_what_went_since_the_plan_is_already_absent(desk: Desk) -> None:
    made = plan(desk)
    desk.root_user(PROD).access_keys.clear()
    outcomes = {kind.kind: kind.outcome for kind in delete(desk, made, is_resumed=True).deletion.kinds}
    assert outcomes[CredentialKind.ACCESS_KEYS] is KindOutcome.ALREADY_ABSENT


def test_where_it_cant_be_read_what_went_before_an_interruption_nothing_is_sent(desk: Desk) -> None:
    made = plan(desk)
    desk.ledger = UnreadableLedger(desk.clock, desk.locks)
    done = delete(desk, made, is_resumed=True)
    assert isinstance(done.obstacle, DatabaseError)
    assert not done.deletion.is_final
    assert desk.organization.changing_calls == []
    assert not desk.root_user(PROD).is_empty


def test_an_account_that_wasnt_begun_is_neither_final_nor_a_failure(desk: Desk) -> None:
    not_begun = describe_not_begun(target_of(plan(desk)))
    assert not not_begun.was_begun
    assert not not_begun.is_final
    assert not not_begun.is_failure
    assert not_begun.outcome is KindOutcome.SKIPPED
    skip = not_begun.skip
    assert skip is not None
    assert describe_skipped(target_of(plan(desk)), skip).is_final


def edit(made: DeletionPlan, **changes: Any) -> DeletionPlan:
    """Edit the plan's account as a person does who then computes the hash again."""
    return replace(made, accounts=(replace(target_of(made), **changes),))


@pytest.fixture
def used_yesterday(desk: Desk) -> DeletionPlan:
    """A plan that an honest program made with a reason."""
    desk.organization.root_users[PROD] = root_user_with_everything(desk.clock.now() - timedelta(days=1))
    options = DeletionOptions(allowed_uses={PROD: "moved to roles"})
    return desk.deletion.plan(EVERYTHING, options, desk.progress).plan


def test_p12_a_recent_use_without_a_reason_is_found_again_regardless_of_the_plan(
    desk: Desk, used_yesterday: DeletionPlan
) -> None:
    done = delete(desk, edit(used_yesterday, allowed_use=None)).deletion
    assert done.skip is not None
    assert done.skip.reason is SkipReason.RECENTLY_USED
    assert "Used in the last 90 days" in done.skip.detail
    assert done.is_failure
    assert desk.organization.changing_calls == []


def test_a_recent_use_with_a_reason_is_deleted(desk: Desk, used_yesterday: DeletionPlan) -> None:
    assert delete(desk, used_yesterday).deletion.outcome is KindOutcome.DELETED


def test_p12_how_long_a_use_is_recent_is_decided_where_the_plan_is_applied(desk: Desk) -> None:
    desk.organization.root_users[PROD] = root_user_with_everything(desk.clock.now() - timedelta(days=200))
    made = plan(desk)
    held_back = delete(desk, made, recent=timedelta(days=365)).deletion.skip
    assert held_back is not None
    assert held_back.reason is SkipReason.RECENTLY_USED
    assert delete(desk, made).deletion.outcome is KindOutcome.DELETED


def test_p12_an_account_that_the_plan_calls_by_another_name_isnt_touched(desk: Desk) -> None:
    done = delete(desk, edit(plan(desk), name="sandbox-7")).deletion
    assert done.skip is not None
    assert done.skip.reason is SkipReason.CHANGED_SINCE_PLAN
    assert "the account's name is prod" in done.skip.detail
    assert desk.organization.changing_calls == []


def test_p12_the_failsafe_is_found_again_regardless_of_the_plan(desk: Desk) -> None:
    made = plan(desk)
    desk.organization.delegated_administrators.append(PROD)
    done = delete(desk, made).deletion
    assert done.skip is not None
    assert done.skip.reason is SkipReason.FAILSAFE
    assert desk.organization.changing_calls == []


def test_p12_an_exception_is_found_again_regardless_of_the_plan(desk: Desk) -> None:
    made, now = plan(desk), desk.clock.now()
    desk.exceptions.add(DeletionException(PROD, "dana", "billing", now + timedelta(days=1), "dana", now))
    done = delete(desk, made).deletion
    assert done.skip is not None
    assert done.skip.reason is SkipReason.EXCEPTION
    assert desk.organization.changing_calls == []
