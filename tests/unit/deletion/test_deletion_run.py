from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.changes.removal_rules import AccountDeletion, KindOutcome, KindReason
from rootkeeper.deletion.rules import DeletionOptions, DeletionPlan, DeletionReport
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsThrottledError,
    AwsUnclearError,
    DatabaseError,
    LedgerUnavailableError,
    OrganizationIncompleteError,
    PlanInvalidError,
)
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.jobs.rules import JobState
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import AccountId, AccountState, Endpoint
from rootkeeper.organization.selection import EVERYTHING, SkipReason
from rootkeeper.organization.statuses import AccessKey, CredentialKind, Status
from tests.fakes.desk import PROD, Desk
from tests.fakes.jobs import StopAt
from tests.fakes.policies import HeldPolicies
from tests.fakes.root_users import LONG_AGO, root_user_with_everything
from tests.fakes.stores import InMemoryInventory, make_window

OTHER = AccountId("777788889999")


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.organization.add_account(PROD, "prod", root_user=root_user_with_everything())
    desk.organization.add_account(OTHER, "other", root_user=root_user_with_everything())
    return desk


def plan(desk: Desk, **options: object) -> DeletionPlan:
    return desk.deletion.plan(EVERYTHING, DeletionOptions(**options), desk.progress).plan  # type: ignore[arg-type]  # of a test


def apply(desk: Desk, plan: DeletionPlan) -> DeletionReport:
    return desk.deletion.apply(plan, desk.progress)


def result_of(report: DeletionReport, account_id: AccountId) -> AccountDeletion:
    return next(account for account in report.accounts if account.account_id == account_id)


def skip_of(report: DeletionReport, account_id: AccountId) -> SkipReason | None:
    skip = result_of(report, account_id).skip
    return None if skip is None else skip.reason


def test_the_status_after_a_deletion_is_remembered(desk: Desk) -> None:
    report = apply(desk, plan(desk))
    assert report.exit_status == 0
    assert report.stopped_by is None
    status = result_of(report, PROD).status
    assert status is Status.NOT_PRESENT
    assert desk.store.statuses[PROD].status is status


def test_exactly_the_plan_is_done(desk: Desk) -> None:
    made = plan(desk, only=frozenset({CredentialKind.SIGNING_CERTIFICATES}))
    desk.organization.add_account("888899990000", "new", root_user=root_user_with_everything())
    report = apply(desk, made)
    assert {operation for operation, _ in desk.organization.changing_calls} == {"DeleteSigningCertificate"}
    assert {account_id for _, account_id in desk.organization.changing_calls} == {PROD, OTHER}
    assert report.exit_status == 0


def test_p14_one_account_that_fails_stops_no_other(desk: Desk) -> None:
    made = plan(desk)
    desk.organization.fail("DeleteLoginProfile", account_id=PROD)
    report = apply(desk, made)
    assert report.exit_status == 4
    assert result_of(report, PROD).outcome is KindOutcome.FAILED
    assert result_of(report, OTHER).outcome is KindOutcome.DELETED
    assert report.counts == {"already_absent": 0, "deleted": 1, "failed": 1, "skipped": 1}


def add_key(desk: Desk) -> None:
    key = AccessKey("AKIAIOSFODNN8EXAMPLE", is_active=True, created_at=LONG_AGO, last_used_at=None)
    desk.root_user(PROD).access_keys.append(key)


def use_password(desk: Desk) -> None:
    profile = desk.root_user(PROD).login_profile
    assert profile is not None
    desk.root_user(PROD).login_profile = replace(profile, last_used_at=desk.clock.now())


def renew_password(desk: Desk) -> None:
    profile = desk.root_user(PROD).login_profile
    assert profile is not None
    desk.root_user(PROD).login_profile = replace(profile, created_at=desk.clock.now())


@pytest.mark.parametrize("change", [add_key, use_password, renew_password])
def test_an_account_that_changed_since_the_plan_is_left_alone(desk: Desk, change: Callable[[Desk], None]) -> None:
    made = plan(desk)
    change(desk)
    report = apply(desk, made)
    assert skip_of(report, PROD) is SkipReason.CHANGED_SINCE_PLAN
    assert report.exit_status == 4
    assert {account_id for _, account_id in desk.organization.changing_calls} == {OTHER}
    assert result_of(report, OTHER).outcome is KindOutcome.DELETED


def test_what_went_since_the_plan_is_already_absent(desk: Desk) -> None:
    made = plan(desk)
    desk.root_user(PROD).access_keys.clear()
    report = apply(desk, made)
    assert report.exit_status == 0
    kinds = {kind.kind: kind.outcome for kind in result_of(report, PROD).kinds}
    assert kinds[CredentialKind.ACCESS_KEYS] is KindOutcome.ALREADY_ABSENT
    assert kinds[CredentialKind.PASSWORD] is KindOutcome.DELETED


def test_a_use_that_was_allowed_may_go_on(desk: Desk) -> None:
    desk.organization.root_users[PROD] = root_user_with_everything(desk.clock.now() - timedelta(days=1))
    made = plan(desk, allowed_uses={PROD: "moved to roles"})
    use_password(desk)
    assert apply(desk, made).exit_status == 0


def test_p18_a_call_that_a_policy_stops_is_reported_with_its_name(desk: Desk) -> None:
    keep = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:DeleteAccessKey", "Resource": "*"}}
    desk.policies.attach("p-examplekeep", keep, PROD)
    made = plan(desk)
    desk.organization.fail("DeleteAccessKey", account_id=PROD)
    report = desk.deletion.apply(made, desk.progress)
    (prod,) = (one for one in report.accounts if one.account_id == PROD)
    (keys,) = (one for one in prod.kinds if one.kind is CredentialKind.ACCESS_KEYS)
    assert keys.reason is KindReason.BLOCKED_BY_POLICY
    assert "Blocked by p-examplekeep (Examplekeep), statement 1, at 444455556666." in (keys.detail or "")
    assert desk.policies.calls == ["list_policies_under_full_access"]


def test_a_blocked_account_makes_the_exit_status_one(desk: Desk) -> None:
    desk.organization.root_users[PROD] = root_user_with_everything(desk.clock.now() - timedelta(days=1))
    report = apply(desk, plan(desk))
    assert report.exit_status == 1
    assert skip_of(report, PROD) is SkipReason.RECENTLY_USED
    assert not desk.root_user(PROD).is_empty


def suspend(desk: Desk) -> None:
    desk.organization.change_state(PROD, AccountState.SUSPENDED)


def leave(desk: Desk) -> None:
    del desk.organization.accounts[PROD]


def delegate(desk: Desk) -> None:
    desk.organization.delegated_administrators.append(PROD)


def open_window(desk: Desk) -> None:
    desk.windows.add(make_window(PROD, desk.clock.now()))


def except_it(desk: Desk) -> None:
    now = desk.clock.now()
    desk.exceptions.add(DeletionException(PROD, "dana", "billing", now + timedelta(days=1), "dana", now))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (suspend, SkipReason.NOT_ACTIVE),
        (leave, SkipReason.NOT_IN_ORGANIZATION),
        (delegate, SkipReason.FAILSAFE),
        (open_window, SkipReason.WINDOW_OPEN),
        (except_it, SkipReason.EXCEPTION),
    ],
)
def test_p12_an_account_that_may_not_be_touched_any_more_is_left_alone(
    desk: Desk, change: Callable[[Desk], None], reason: SkipReason
) -> None:
    made = plan(desk)
    calls = len(desk.organization.operations(PROD))
    change(desk)
    report = apply(desk, made)
    assert skip_of(report, PROD) is reason
    assert report.exit_status == 4
    assert set(desk.organization.operations(PROD)[calls:]) <= {"DescribeAccount"}


def test_p27_an_account_that_another_process_holds_is_left_alone(desk: Desk) -> None:
    made = plan(desk)
    with desk.locks.hold(PROD, "a window"):
        report = apply(desk, made)
    assert skip_of(report, PROD) is SkipReason.ACCOUNT_BUSY
    assert report.exit_status == 4
    assert {account_id for _, account_id in desk.organization.changing_calls} == {OTHER}


def test_p27_a_window_opened_while_waiting_for_the_lock_is_seen(desk: Desk) -> None:
    made = plan(desk)
    opened: list[str] = []

    def open_late(operation: str, account_id: AccountId | None) -> None:
        if operation == "ListAccounts" and not opened:
            opened.append(operation)
            open_window(desk)

    desk.organization.before_each_call(open_late)
    assert skip_of(apply(desk, made), PROD) is SkipReason.WINDOW_OPEN


@pytest.mark.parametrize("advance_seconds", [24 * 3600, -60])
def test_a_plan_out_of_its_time_does_nothing(desk: Desk, advance_seconds: float) -> None:
    made = plan(desk)
    desk.clock.advance(advance_seconds)
    before = len(desk.organization.calls)
    with pytest.raises(PlanInvalidError):
        apply(desk, made)
    assert len(desk.organization.calls) == before


def test_a_plan_of_another_endpoint_does_nothing(desk: Desk) -> None:
    made = plan(desk)
    desk.organization.endpoint = Endpoint("AWS")
    with pytest.raises(PlanInvalidError):
        apply(desk, made)
    assert desk.organization.changing_calls == []


def test_p13_a_plan_is_not_applied_on_an_incomplete_inventory(desk: Desk) -> None:
    made = plan(desk)
    desk.organization.accounts.clear()
    with pytest.raises(OrganizationIncompleteError):
        apply(desk, made)
    assert desk.organization.changing_calls == []


def test_the_inventory_of_the_plan_is_used_while_it_is_young(desk: Desk) -> None:
    reading = desk.deletion.plan(EVERYTHING, DeletionOptions(), desk.progress)
    listings = desk.organization.operations().count("ListAccounts")
    desk.clock.advance(119)
    desk.deletion.apply(reading.plan, desk.progress, reading.inventory)
    assert desk.organization.operations().count("ListAccounts") == listings
    desk.clock.advance(2)
    desk.deletion.apply(reading.plan, desk.progress, reading.inventory)
    assert desk.organization.operations().count("ListAccounts") > listings


def test_p02_without_a_ledger_nothing_is_changed_and_the_command_is_refused(desk: Desk) -> None:
    made = plan(desk)
    sessions = desk.organization.operations().count("AssumeRoot")
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        apply(desk, made)
    assert desk.organization.operations().count("AssumeRoot") == sessions
    assert desk.organization.changing_calls == []


def test_p02_a_ledger_that_fails_in_mid_run_stops_every_account_and_is_reported(desk: Desk) -> None:
    desk.workers = 1
    for number in range(5):
        desk.organization.add_account(f"{700000000000 + number}", root_user=root_user_with_everything())
    made = plan(desk)
    desk.ledger.fail_after = 20
    report = apply(desk, made)
    assert report.exit_status == 4
    assert report.stopped_by is not None
    outcomes = [account.outcome for account in report.accounts if account.was_planned]
    assert outcomes.count(KindOutcome.DELETED) == 1
    assert outcomes.count(KindOutcome.FAILED) == 1
    assert report.not_begun == sum(
        skip_of(report, account.account_id) is SkipReason.STOPPED for account in report.accounts
    )
    assert report.not_begun == 5
    changes = len(desk.organization.changing_calls)
    assert changes <= sum(entry.account_id is not None for entry in desk.ledger.intents)


def test_credentials_of_the_operator_that_end_stop_the_run(desk: Desk) -> None:
    made = plan(desk)
    desk.organization.fail("AssumeRoot", AwsCredentialsError("expired"))
    with pytest.raises(AwsCredentialsError):
        apply(desk, made)
    assert desk.organization.changing_calls == []


def test_what_could_not_be_re_read_is_remembered_as_unknown(desk: Desk) -> None:
    made = plan(desk)
    desk.organization.fail("GetAccountSummary", AwsThrottledError("slow"))
    report = apply(desk, made)
    assert report.exit_status == 4
    assert desk.store.statuses[PROD].status is Status.UNKNOWN


def test_a_status_that_cannot_be_remembered_spoils_no_result(desk: Desk) -> None:
    made = plan(desk)

    class Broken(InMemoryInventory):
        def save_statuses(self, statuses: object) -> None:
            raise DatabaseError("disk full")

    desk.store = Broken(last=desk.store.last)
    report = apply(desk, made)
    assert report.exit_status == 0
    assert any("disk full" in remark for remark in desk.progress.remarks)


def test_an_interruption_ends_what_was_begun_and_begins_nothing_more(desk: Desk) -> None:
    desk.workers = 1
    for number in range(5):
        desk.organization.add_account(f"{700000000000 + number}", root_user=root_user_with_everything())
    made, stop = plan(desk), StopAt(desk.clock)

    def ask(operation: str, account_id: AccountId | None) -> None:
        stop.asked = int(desk.ledger.results_of(Action.MFA_DEVICE_DEACTIVATE).count(Result.DONE) >= 2)

    desk.organization.before_each_call(ask)
    report = desk.deletion.apply(made, desk.progress, stop=stop)
    touched = {account_id for _, account_id in desk.organization.changing_calls}
    assert 1 <= len(touched) < 7
    assert all(desk.root_user(account_id).is_empty for account_id in touched if account_id)
    assert desk.ledger.open_intents == []
    assert report.was_interrupted
    assert report.can_be_resumed
    assert report.not_begun == 7 - len(touched)
    assert desk.jobs.get(report.job_id or "").state is JobState.INTERRUPTED


def test_stopping_now_sends_nothing_more_even_for_what_is_in_progress(desk: Desk) -> None:
    desk.workers = 1
    made, stop = plan(desk), StopAt(desk.clock)

    def ask(operation: str, account_id: AccountId | None) -> None:
        stop.asked = 2 if operation == "DeleteAccessKey" else stop.asked

    desk.organization.before_each_call(ask)
    report = desk.deletion.apply(made, desk.progress, stop=stop)
    assert [operation for operation, _ in desk.organization.changing_calls] == ["DeleteAccessKey"]
    in_progress = next(account for account in report.accounts if account.was_begun and account.was_planned)
    assert in_progress.outcome is KindOutcome.FAILED
    assert not in_progress.is_final
    assert {kind.reason for kind in in_progress.kinds} <= {KindReason.STOPPED, KindReason.UNPROVEN}
    assert report.was_interrupted
    assert desk.jobs.list_results(report.job_id or "") == {}


def test_a_user_who_asks_to_stop_isnt_kept_waiting_for_the_name_of_a_policy(desk: Desk) -> None:
    desk.workers = 1
    made, stop, held = plan(desk), StopAt(desk.clock), HeldPolicies(desk.policies)
    desk.policies = held  # type: ignore[assignment]  # as good for reading

    def ask(operation: str, account_id: AccountId | None) -> None:
        stop.asked = max(stop.asked, int(operation == "DeleteAccessKey"))

    desk.organization.before_each_call(ask)
    desk.organization.fail("DeleteAccessKey")
    report = desk.deletion.apply(made, desk.progress, stop=stop)
    held.released.set()
    (keys,) = (kind for one in report.accounts for kind in one.kinds if kind.reason is KindReason.BLOCKED_BY_POLICY)
    assert (keys.detail or "").endswith("The policies weren't read.")
    assert report.was_interrupted


def test_an_account_that_doesnt_end_in_time_is_reported_as_begun_and_unknown(desk: Desk) -> None:
    desk.workers = 1
    made, stop = plan(desk), StopAt(desk.clock)
    hangs = threading.Event()

    def hang(operation: str, account_id: AccountId | None) -> None:
        if operation == "DeleteAccessKey":
            stop.asked = 2
            hangs.wait(30)

    desk.organization.before_each_call(hang)
    report = desk.deletion.apply(made, desk.progress, stop=stop)
    hangs.set()
    begun = [account for account in report.accounts if account.was_begun and account.was_planned]
    assert [account.outcome for account in begun] == [KindOutcome.FAILED]
    assert "next command" in (begun[0].kinds[0].detail or "")
    assert report.exit_status == 4


def test_a_plan_without_anything_to_delete_makes_no_call(desk: Desk) -> None:
    made = plan(desk).without(CredentialKind.SIGNING_CERTIFICATES)
    nothing = replace(made, accounts=())
    before = len(desk.organization.calls)
    report = apply(desk, nothing)
    assert report.exit_status == 0
    assert report.accounts == ()
    assert len(desk.organization.calls) == before


def test_every_account_is_reported_to_the_progress(desk: Desk) -> None:
    made = plan(desk)
    reported = desk.progress.advanced
    apply(desk, made)
    assert desk.progress.advanced - reported == len(made.targets)


def test_why_an_account_is_read_again_is_shown_while_it_is(desk: Desk) -> None:
    made = plan(desk)
    desk.organization.fail("DeleteAccessKey", AwsUnclearError("cut", aws_code="ServiceFailure"), account_id=PROD)
    assert apply(desk, made).exit_status == 4
    assert any(
        remark.startswith(f"Account {PROD}: DeleteAccessKey got no clear answer (ServiceFailure).")
        for remark in desk.progress.remarks
    )
