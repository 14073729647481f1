from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.changes.removal_rules import KindOutcome
from rootkeeper.deletion.records import parse_plan, render_plan
from rootkeeper.deletion.rules import DeletionOptions, DeletionPlan, PlannedAccount
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsThrottledError,
    InputError,
    LedgerUnavailableError,
    SelectionEmptyError,
    TargetRefusedError,
)
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest, SkipReason
from rootkeeper.organization.statuses import CredentialKind, Status
from tests.fakes.desk import CLEAN, FAILSAFE, PROD, Desk, naming
from tests.fakes.organization import MANAGEMENT
from tests.fakes.policies import DENY_ROOT
from tests.fakes.root_users import root_user_with_everything
from tests.fakes.stores import make_window

OTHER, SUSPENDED = AccountId("777788889999"), AccountId("666677778888")


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    organization = desk.organization
    organization.add_unit("ou-exam-work", "Workloads")
    organization.add_account(PROD, "prod", ou_id="ou-exam-work", root_user=root_user_with_everything())
    organization.add_account(OTHER, "other", ou_id="ou-exam-work", root_user=root_user_with_everything())
    organization.add_account(CLEAN, "clean", ou_id="ou-exam-work")
    organization.add_account(FAILSAFE, "security", root_user=root_user_with_everything())
    organization.add_account(SUSPENDED, "old", state=AccountState.SUSPENDED)
    organization.delegated_administrators.append(FAILSAFE)
    return desk


def plan(desk: Desk, request: SelectionRequest = EVERYTHING, options: DeletionOptions | None = None) -> DeletionPlan:
    return desk.deletion.plan(request, options or DeletionOptions(), desk.progress).plan


def reasons(plan: DeletionPlan) -> dict[AccountId, SkipReason | None]:
    return {one.account_id: None if one.skip is None else one.skip.reason for one in plan.accounts}


def account_of(plan: DeletionPlan, account_id: AccountId) -> PlannedAccount:
    return next(account for account in plan.accounts if account.account_id == account_id)


def test_every_selected_account_is_planned_or_has_its_reason(desk: Desk) -> None:
    made = plan(desk)
    assert reasons(made) == {
        MANAGEMENT: SkipReason.MANAGEMENT_ACCOUNT,
        SUSPENDED: SkipReason.NOT_ACTIVE,
        FAILSAFE: SkipReason.FAILSAFE,
        CLEAN: SkipReason.NOTHING_TO_DELETE,
        OTHER: None,
        PROD: None,
    }
    assert [account.account_id for account in made.targets] == [OTHER, PROD]
    assert made.certificates == 2


RECENTLY = DeletionOptions(uses_recent_readings=True)


def count_calls(desk: Desk, operation: str) -> int:
    return desk.organization.operations().count(operation)


def test_accounts_read_within_the_hour_arent_read_again_if_the_request_allows_it(desk: Desk) -> None:
    first = plan(desk)
    listed, opened = count_calls(desk, "ListAccounts"), count_calls(desk, "AssumeRoot")
    desk.clock.advance(3_500)
    again = plan(desk, options=RECENTLY)
    assert (count_calls(desk, "ListAccounts"), count_calls(desk, "AssumeRoot")) == (listed, opened)
    assert [one.calls for one in again.accounts] == [one.calls for one in first.accounts]
    assert account_of(again, PROD).observed_at == account_of(first, PROD).observed_at
    desk.clock.advance(200)
    plan(desk, options=RECENTLY)
    assert count_calls(desk, "AssumeRoot") == 2 * opened
    plan(desk)
    assert count_calls(desk, "AssumeRoot") == 3 * opened, "unless the request allows it, each plan reads now"


@pytest.mark.parametrize(
    "chosen",
    [SelectionRequest(organizational_units=("ou-exam-work",)), replace(EVERYTHING, excluded=("ou-exam-quar",))],
    ids=["selected", "excluded"],
)
def test_p05_a_selection_by_unit_lists_the_organization_now(desk: Desk, chosen: SelectionRequest) -> None:
    quarantine = desk.organization.add_unit("ou-exam-quar", "Quarantine")
    plan(desk)
    desk.organization.add_account(OTHER, "other", ou_id=quarantine, root_user=root_user_with_everything())
    opened = count_calls(desk, "AssumeRoot")
    assert [account.account_id for account in plan(desk, chosen, RECENTLY).targets] == [PROD]
    assert count_calls(desk, "AssumeRoot") == opened, "the readings are used all the same"


def test_a_kind_that_a_skipped_deletion_didnt_list_stays_present(desk: Desk) -> None:
    made = plan(desk, naming(PROD))
    root_user = desk.root_user(PROD)
    root_user.signing_certificates = []
    root_user.access_keys[0] = replace(root_user.access_keys[0], access_key_id="AKIAIOSFODNN9EXAMPLE")
    (skipped,) = desk.deletion.apply(made, desk.progress).accounts
    assert skipped.skip is not None
    kept = desk.store.find_statuses([PROD])[PROD]
    assert kept.summary is not None
    assert kept.summary.has_signing_certificates
    opened = count_calls(desk, "AssumeRoot")
    plan(desk, naming(PROD), RECENTLY)
    assert count_calls(desk, "AssumeRoot") == opened + 1, "an audit session decides"


def test_p05_a_failsafe_registered_within_the_hour_is_skipped_also_without_a_new_listing(desk: Desk) -> None:
    plan(desk)
    desk.organization.delegated_administrators.append(OTHER)
    assert reasons(plan(desk, options=RECENTLY))[OTHER] is SkipReason.FAILSAFE


def test_p12_a_deletion_reads_again_what_a_plan_took_from_an_earlier_reading(desk: Desk) -> None:
    plan(desk)
    desk.clock.advance(60)
    made = plan(desk, naming(PROD), RECENTLY)
    kept, removed = desk.root_user(PROD).access_keys
    desk.root_user(PROD).access_keys = [kept, replace(removed, access_key_id="AKIAIOSFODNN9EXAMPLE")]
    report = desk.deletion.apply(made, desk.progress)
    assert [account.skip and account.skip.reason for account in report.accounts] == [SkipReason.CHANGED_SINCE_PLAN]
    assert desk.organization.changing_calls == []
    after = plan(desk, naming(PROD), RECENTLY)
    assert "AKIAIOSFODNN9EXAMPLE" in {call.target for call in after.targets[0].calls}, "the newest reading is used"


def test_p07_a_plan_makes_no_change_and_opens_audit_sessions_only(desk: Desk) -> None:
    plan(desk)
    assert desk.organization.changing_calls == []
    assert {str(entry.parameters["task_policy"]) for entry in desk.ledger.intents} == {"IAMAuditRootUserCredentials"}


def test_p12_accounts_that_may_not_be_touched_get_no_call_at_all(desk: Desk) -> None:
    desk.windows.add(make_window(OTHER, desk.clock.now()))
    plan(desk)
    for account_id in (MANAGEMENT, SUSPENDED, FAILSAFE, OTHER):
        assert desk.organization.operations(account_id) == []


@pytest.mark.parametrize("account_id", [MANAGEMENT, SUSPENDED, FAILSAFE, AccountId("999999999999")])
def test_p12_a_named_account_that_may_not_be_touched_is_refused_before_any_root_session(
    desk: Desk, account_id: AccountId
) -> None:
    with pytest.raises(TargetRefusedError, match=account_id):
        plan(desk, naming(account_id, PROD))
    assert "AssumeRoot" not in desk.organization.operations()
    assert desk.ledger.entries == []


def test_p12_a_named_account_with_an_exception_or_a_window_is_refused(desk: Desk) -> None:
    now = desk.clock.now()
    desk.exceptions.add(DeletionException(PROD, "dana", "billing", now + timedelta(days=1), "dana", now))
    with pytest.raises(TargetRefusedError, match="dana"):
        plan(desk, naming(PROD))
    desk.windows.add(make_window(OTHER, now))
    with pytest.raises(TargetRefusedError, match="w-777788889999"):
        plan(desk, naming("other"))
    with pytest.raises(TargetRefusedError, match="excludes it"):
        plan(desk, replace(naming(CLEAN), excluded=(CLEAN,)))


def test_the_failsafe_goes_only_when_it_is_included_by_its_id(desk: Desk) -> None:
    request = replace(naming(FAILSAFE), included_failsafes=frozenset({FAILSAFE}))
    made = plan(desk, request)
    assert [account.account_id for account in made.targets] == [FAILSAFE]
    assert made.included_failsafes == frozenset({FAILSAFE})


def test_p12_without_knowing_the_failsafe_nothing_is_planned(desk: Desk) -> None:
    desk.organization.fail("ListDelegatedAdministrators")
    with pytest.raises(AwsAccessDeniedError, match="failsafe"):
        plan(desk)
    assert "AssumeRoot" not in desk.organization.operations()


def test_p12_without_knowing_the_failsafe_a_plan_of_before_is_not_applied(desk: Desk) -> None:
    made = plan(desk)
    desk.organization.fail("ListDelegatedAdministrators")
    before = len(desk.organization.operations())
    with pytest.raises(AwsAccessDeniedError, match="failsafe"):
        desk.deletion.apply(made, desk.progress)
    assert "AssumeRoot" not in desk.organization.operations()[before:]
    assert not desk.root_user(PROD).is_empty


def test_p06_an_account_that_cannot_be_read_is_unknown_in_the_plan(desk: Desk) -> None:
    desk.organization.blocked_by[PROD] = "p-examplescp"
    made = plan(desk)
    assert reasons(made)[PROD] is SkipReason.UNKNOWN
    assert made.has_unknown
    skip = account_of(made, PROD).skip
    assert skip is not None
    assert "p-examplescp" in skip.detail
    assert desk.policies.calls == []


def test_p18_a_plan_names_the_policy_that_aws_doesnt_name(desk: Desk) -> None:
    desk.policies.attach("p-exampledeny", DENY_ROOT, "ou-exam-work")
    desk.organization.fail("GetAccountSummary", account_id=PROD)
    skip = account_of(plan(desk), PROD).skip
    assert skip is not None
    assert "Blocked by p-exampledeny (Exampledeny), DenyRoot, at ou-exam-work." in skip.detail
    assert desk.policies.calls == ["list_policies_under_full_access"]


def test_a_recently_used_account_is_blocked_unless_allowed_with_a_reason(desk: Desk) -> None:
    desk.organization.root_users[PROD] = root_user_with_everything(desk.clock.now() - timedelta(days=3))
    blocked = plan(desk)
    assert reasons(blocked)[PROD] is SkipReason.RECENTLY_USED
    assert blocked.has_blocked
    options = DeletionOptions(allowed_uses={"prod": "moved to roles", "999999999999": "not here"})
    allowed = plan(desk, options=options)
    assert account_of(allowed, PROD).allowed_use == "moved to roles"


@pytest.mark.parametrize(
    "options",
    [
        DeletionOptions(only=frozenset()),
        DeletionOptions(allowed_uses={PROD: " "}),
        DeletionOptions(not_after=None, not_before=None, allowed_uses={"unknown": "why"}),
        DeletionOptions(only=frozenset({CredentialKind.MFA_DEVICES})),
        DeletionOptions(only=frozenset({CredentialKind.MFA_DEVICES, CredentialKind.PASSWORD})),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(desk: Desk, options: DeletionOptions) -> None:
    with pytest.raises(InputError):
        plan(desk, options=options)
    assert desk.organization.changing_calls == []


def test_nothing_selected_is_refused_before_any_call(desk: Desk) -> None:
    with pytest.raises(SelectionEmptyError):
        plan(desk, SelectionRequest())
    assert desk.organization.calls == []


def test_a_status_is_selected_by_what_is_read_now(desk: Desk) -> None:
    made = plan(desk, replace(EVERYTHING, statuses=frozenset({Status.NOT_PRESENT})))
    assert [one.account_id for one in made.accounts if one.found is None and one.observed_at is not None] == [CLEAN]
    assert made.targets == ()


def test_a_plan_says_by_whom_where_and_until_when(desk: Desk) -> None:
    made = plan(desk, SelectionRequest(organizational_units=("Workloads",)))
    assert made.organization_id == "o-exampleorgid"
    assert made.endpoint == "SANDBOX 127.0.0.1:4599"
    assert made.created_by == "operator"
    assert made.caller_arn == desk.organization.caller.arn
    assert made.selection == "OU Workloads"
    assert made.not_after - made.not_before == timedelta(hours=24)
    assert made.plan_id.startswith("plan-")
    assert parse_plan(render_plan(made)) == made


def test_what_was_read_for_a_plan_is_remembered(desk: Desk) -> None:
    reading = desk.deletion.plan(EVERYTHING, DeletionOptions(), desk.progress)
    assert desk.store.statuses[PROD].status is Status.PRESENT
    assert desk.store.statuses[CLEAN].status is Status.NOT_PRESENT
    assert {status.account.account_id for status in reading.statuses} == {PROD, OTHER, CLEAN}


def test_p14_one_account_that_fails_to_be_read_stops_no_other(desk: Desk) -> None:
    desk.organization.fail("AssumeRoot", AwsThrottledError("slow"), account_id=OTHER)
    assert [account.account_id for account in plan(desk).targets] == [PROD]


def test_p02_a_plan_needs_the_ledger(desk: Desk) -> None:
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        plan(desk)
    assert "AssumeRoot" not in desk.organization.operations()


def test_a_plan_is_applied(desk: Desk) -> None:
    reading = desk.deletion.plan(EVERYTHING, DeletionOptions(), desk.progress)
    report = desk.deletion.apply(reading.plan, desk.progress, reading.inventory)
    assert report.exit_status == 0
    assert {one.account_id: one.outcome for one in report.accounts} == {
        MANAGEMENT: KindOutcome.SKIPPED,
        SUSPENDED: KindOutcome.SKIPPED,
        FAILSAFE: KindOutcome.SKIPPED,
        CLEAN: KindOutcome.ALREADY_ABSENT,
        OTHER: KindOutcome.DELETED,
        PROD: KindOutcome.DELETED,
    }
    assert desk.root_user(PROD).is_empty
    assert not desk.root_user(FAILSAFE).is_empty
