from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootkeeper.audit.rules import AuditRequest
from rootkeeper.audit.service import FIRST_AUDIT_REMARK, AuditReport
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsThrottledError,
    InputError,
    LedgerUnavailableError,
    OrganizationIncompleteError,
    RootAccessOffError,
    RootSessionsDeniedError,
)
from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId, AccountState, Caller, Feature
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    RootCredentials,
    Status,
    StatusReason,
    count_statuses,
)
from tests.examples import examples
from tests.fakes.desk import CLEAN, FAILSAFE, PROD, Desk, naming
from tests.fakes.organization import MANAGEMENT
from tests.fakes.root_users import FakeRootUser, root_user_with_everything
from tests.fakes.stores import make_window
from tests.unit.organization.credential_strategies import credentials

SUSPENDED = AccountId("666677778888")


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    organization = desk.organization
    organization.add_unit("ou-exam-work", "Workloads")
    organization.add_account(PROD, "prod", ou_id="ou-exam-work", root_user=root_user_with_everything())
    organization.add_account(CLEAN, "clean", ou_id="ou-exam-work")
    organization.add_account(FAILSAFE, "security", root_user=root_user_with_everything())
    organization.add_account(SUSPENDED, "old", state=AccountState.SUSPENDED)
    organization.delegated_administrators.append(FAILSAFE)
    return desk


def run(desk: Desk, request: SelectionRequest = EVERYTHING, *, details: bool = False) -> AuditReport:
    report = desk.audit.run(desk.progress, AuditRequest(request, details=details))
    assert isinstance(report, AuditReport)
    return report


def by_id(report: AuditReport) -> dict[AccountId, AccountStatus]:
    return {status.account.account_id: status for status in report.accounts}


def test_every_account_has_its_status_in_the_order_of_the_tree(desk: Desk) -> None:
    report = run(desk)
    assert [(status.account.account_id, status.status, status.role) for status in report.accounts] == [
        (MANAGEMENT, Status.NOT_APPLICABLE, AccountRole.MANAGEMENT),
        (SUSPENDED, Status.NOT_APPLICABLE, AccountRole.MEMBER),
        (FAILSAFE, Status.PRESENT, AccountRole.FAILSAFE),
        (CLEAN, Status.NOT_PRESENT, AccountRole.MEMBER),
        (PROD, Status.PRESENT, AccountRole.MEMBER),
    ]
    assert desk.store.list_statuses() == by_id(report)
    assert [audit.summary for audit in desk.history.list_audits()] == [count_statuses(report.accounts)]
    assert (desk.progress.advanced, desk.progress.present) == (5, 2)


def test_a_clean_account_costs_two_calls_and_one_that_is_not_active_none(desk: Desk) -> None:
    run(desk)
    assert desk.organization.operations(CLEAN) == ["AssumeRoot", "GetAccountSummary"]
    assert desk.organization.operations(PROD) == ["AssumeRoot", "GetAccountSummary"]
    assert desk.organization.operations(SUSPENDED) == []
    assert desk.organization.operations(MANAGEMENT) == ["GetAccountSummary"]


def test_p07_an_audit_changes_nothing(desk: Desk) -> None:
    run(desk, details=True)
    assert desk.organization.changing_calls == []


def test_details_are_read_only_where_something_is(desk: Desk) -> None:
    statuses = by_id(run(desk, details=True))
    assert desk.organization.operations(CLEAN) == ["AssumeRoot", "GetAccountSummary"]
    credentials = statuses[PROD].credentials
    assert credentials is not None
    assert len(credentials.access_keys) == 2
    assert statuses[CLEAN].credentials is None


def test_the_management_account_is_read_only_from_within(desk: Desk) -> None:
    desk.organization.root_users[MANAGEMENT] = root_user_with_everything()
    management = by_id(run(desk))[MANAGEMENT]
    assert management.summary is not None
    assert not management.is_in_order
    desk.organization.caller = Caller(FAILSAFE, f"arn:aws:iam::{FAILSAFE}:user/operator", "aws")
    management = by_id(run(desk))[MANAGEMENT]
    assert management.summary is None
    assert "needs the management account itself" in (management.detail or "")
    assert (management.status, management.reason) == (Status.NOT_APPLICABLE, StatusReason.MANAGEMENT_ACCOUNT)


def test_p14_one_account_that_fails_stops_no_other(desk: Desk) -> None:
    desk.organization.fail("AssumeRoot", AwsThrottledError("slow down"), account_id=PROD)
    desk.organization.blocked_by[FAILSAFE] = "p-examplescp"
    statuses = by_id(run(desk))
    assert (statuses[PROD].status, statuses[PROD].reason) == (Status.UNKNOWN, StatusReason.THROTTLED)
    assert (statuses[FAILSAFE].status, statuses[FAILSAFE].reason) == (Status.UNKNOWN, StatusReason.BLOCKED_BY_POLICY)
    assert "p-examplescp" in (statuses[FAILSAFE].detail or "")
    assert statuses[CLEAN].status is Status.NOT_PRESENT
    assert desk.progress.unknown == 2


@pytest.mark.parametrize(
    "operation",
    ["GetAccountSummary", "GetLoginProfile", "ListAccessKeys", "ListSigningCertificates", "ListMFADevices", "GetUser"],
)
def test_p06_a_denied_read_is_unknown(desk: Desk, operation: str) -> None:
    desk.organization.fail(operation, account_id=PROD)
    status = by_id(run(desk, details=True))[PROD]
    assert (status.status, status.reason) == (Status.UNKNOWN, StatusReason.BLOCKED_BY_POLICY)
    assert status.summary is None
    assert status.session_access_key_id is not None


@pytest.mark.parametrize(("denied", "tried"), [(20, 20), (3, 3)])
def test_p06_when_the_first_accounts_are_denied_alike_no_other_is_tried(desk: Desk, denied: int, tried: int) -> None:
    desk.stop_after_denied = denied
    for number in range(30):
        desk.organization.add_account(AccountId(f"7000000000{number:02}"), f"account {number}")
    before = run(desk)
    desk.organization.fail("AssumeRoot")
    desk.organization.calls.clear()
    with pytest.raises(RootSessionsDeniedError, match=f"in each of the first {tried} accounts") as raised:
        run(desk)
    assert raised.value.operation == "AssumeRoot"
    assert sum(operation == "AssumeRoot" for operation, _ in desk.organization.calls) == tried
    assert len(desk.history.list_audits()) == 1
    kept = desk.store.list_statuses()
    assert {key: replace(status, failed_attempt=None) for key, status in kept.items()} == by_id(before)
    attempts = [status.failed_attempt for status in kept.values() if status.failed_attempt is not None]
    assert len(attempts) == tried
    assert {(attempt.by, attempt.reason) for attempt in attempts} == {
        (desk.organization.caller.arn, StatusReason.ACCESS_DENIED)
    }


def test_one_root_session_that_aws_allows_lets_the_audit_continue(desk: Desk) -> None:
    desk.stop_after_denied = 3
    desk.batch_size = 1
    for number in range(30):
        desk.organization.add_account(AccountId(f"7000000000{number:02}"), f"account {number}")
    for number in range(1, 30):
        desk.organization.fail("AssumeRoot", account_id=AccountId(f"7000000000{number:02}"))
    statuses = by_id(run(desk))
    assert sum(status.reason is StatusReason.ACCESS_DENIED for status in statuses.values()) == 29


def test_p06_a_failed_attempt_replaces_no_reading_of_an_account(desk: Desk) -> None:
    before = by_id(run(desk))
    desk.clock.advance(3600)
    desk.organization.fail("GetAccountSummary", account_id=PROD)
    found = by_id(run(desk))[PROD]
    assert found.failed_attempt is not None
    assert found.failed_attempt.reason is StatusReason.BLOCKED_BY_POLICY
    assert replace(found, failed_attempt=None) == before[PROD]
    assert desk.store.list_statuses()[PROD] == found
    assert desk.history.list_audits()[0].left_unread == 1
    assert [job.progress.unread for job in desk.jobs.list_jobs()] == [1, 0]


def test_a_failed_attempt_during_a_window_never_shows_the_reading_from_before_it(desk: Desk) -> None:
    run(desk)
    desk.clock.advance(60)
    desk.windows.add(make_window(CLEAN, desk.clock.now() + timedelta(hours=4)))  # it ends in four hours
    desk.organization.fail("GetAccountSummary", account_id=CLEAN)
    found = by_id(run(desk))[CLEAN]
    assert (found.status, found.summary) == (Status.RECOVERY_OPEN, None)


def test_a_caller_in_another_account_opens_no_root_session(desk: Desk) -> None:
    run(desk)
    desk.organization.caller = Caller(PROD, f"arn:aws:iam::{PROD}:user/ana", "aws")
    desk.organization.calls.clear()
    with pytest.raises(RootSessionsDeniedError, match=f"is in account {PROD}"):
        run(desk)
    assert all(operation != "AssumeRoot" for operation, _ in desk.organization.calls)


def test_an_open_window_of_ours_is_shown_as_such(desk: Desk) -> None:
    desk.windows.add(make_window(PROD, desk.clock.now()))
    desk.windows.add(make_window(CLEAN, desk.clock.now()))
    statuses = by_id(run(desk))
    assert statuses[PROD].status is Status.RECOVERY_OPEN
    assert statuses[CLEAN].status is Status.NOT_PRESENT


def test_p01_every_root_session_has_its_batch_on_disk_before_it_opens(desk: Desk) -> None:
    on_disk: set[object] = set()
    early: list[AccountId | None] = []

    def note(phase: str, entry: LedgerEntry) -> None:
        if entry.phase is Phase.INTENT:
            accounts = entry.parameters["account_ids"]
            assert isinstance(accounts, list)
            on_disk.update(accounts)

    def hook(operation: str, account_id: AccountId | None) -> None:
        if operation == "AssumeRoot" and account_id not in on_disk:
            early.append(account_id)

    desk.ledger.note = note
    desk.organization.before_each_call(hook)
    run(desk)
    assert early == []
    assert on_disk == {PROD, CLEAN, FAILSAFE}


def test_p01_the_outcome_lists_each_account_with_its_session(desk: Desk) -> None:
    desk.organization.fail("AssumeRoot", AwsThrottledError("slow down"), account_id=PROD)
    statuses = by_id(run(desk))
    sessions: dict[str, object] = {}
    for intent in desk.ledger.intents:
        outcome = desk.ledger.outcome_of(intent)
        listed, unread = outcome.parameters["sessions"], outcome.parameters["unread"]
        assert isinstance(listed, dict)
        assert isinstance(unread, dict)
        sessions |= listed | unread
    assert sessions == {
        PROD: "throttled",
        CLEAN: statuses[CLEAN].session_access_key_id,
        FAILSAFE: statuses[FAILSAFE].session_access_key_id,
    }
    assert desk.ledger.open_intents == []


def test_batches_hold_at_most_their_size(desk: Desk) -> None:
    desk.batch_size = 2
    for number in range(7):
        desk.organization.add_account(f"{700000000000 + number}")
    report = run(desk)
    sizes = [len(accounts) for accounts in desk.ledger.list_audited()]
    assert max(sizes) == 2
    assert sum(sizes) == 10
    assert len(report.accounts) == 12
    assert desk.ledger.results_of(Action.ACCOUNTS_AUDIT) == [Result.DONE] * len(sizes)


def test_p02_without_a_ledger_no_root_session_is_opened(desk: Desk) -> None:
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        run(desk)
    assert "AssumeRoot" not in desk.organization.operations()


def test_p02_a_ledger_that_fails_in_mid_run_ends_the_audit(desk: Desk) -> None:
    desk.batch_size, desk.workers = 1, 1
    for number in range(20):
        desk.organization.add_account(f"{700000000000 + number}")
    desk.ledger.fail_after = 3
    with pytest.raises(LedgerUnavailableError):
        run(desk)
    audited = {account_id for accounts in desk.ledger.list_audited() for account_id in accounts}
    opened = [account_id for operation, account_id in desk.organization.calls if operation == "AssumeRoot"]
    assert set(opened) <= audited
    assert desk.history.list_audits() == ()


def test_p13_a_listing_that_breaks_off_is_no_audit(desk: Desk) -> None:
    desk.organization.page_size = 2
    desk.organization.fail("ListAccounts", AwsThrottledError("slow down"), at=2)
    with pytest.raises(AwsThrottledError):
        run(desk)
    assert desk.history.list_audits() == ()
    assert desk.ledger.open_intents == []


def test_p13_a_list_without_accounts_is_no_audit(desk: Desk) -> None:
    desk.organization.accounts.clear()
    with pytest.raises(OrganizationIncompleteError):
        run(desk)
    assert desk.history.list_audits() == ()


def test_reading_continues_while_the_accounts_are_listed(desk: Desk) -> None:
    desk.organization.page_size = 1
    opened = Event()

    def wait(operation: str, account_id: AccountId | None) -> None:
        if operation == "AssumeRoot":
            opened.set()
        if operation == "ListAccounts" and desk.organization.operations().count("ListAccounts") == 5:
            assert opened.wait(60)

    desk.organization.before_each_call(wait)
    assert len(run(desk).accounts) == 5


def test_an_interruption_keeps_what_was_read_and_closes_every_batch(desk: Desk) -> None:
    desk.organization.page_size = 1
    pages = 0

    def interrupt(operation: str, account_id: AccountId | None) -> None:
        nonlocal pages
        pages += operation == "ListAccounts"
        if pages == 4 and operation == "ListAccounts":
            raise KeyboardInterrupt

    desk.organization.before_each_call(interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(desk)
    assert desk.ledger.open_intents == []
    assert desk.history.list_audits() == ()
    opened = {account_id for operation, account_id in desk.organization.calls if operation == "AssumeRoot"}
    assert opened <= set(desk.store.statuses)


def test_credentials_of_the_operator_that_end_end_the_audit(desk: Desk) -> None:
    desk.organization.fail("AssumeRoot", AwsCredentialsError("expired"))
    with pytest.raises(AwsCredentialsError):
        run(desk)
    assert desk.ledger.open_intents == []


def test_a_selection_narrows_what_is_read(desk: Desk) -> None:
    assert list(by_id(run(desk, naming("prod")))) == [PROD]
    assert desk.organization.operations(CLEAN) == []
    request = SelectionRequest(organizational_units=("Workloads",), excluded=(PROD,))
    assert list(by_id(run(desk, request))) == [CLEAN]


def test_a_status_is_selected_by_what_is_read_now(desk: Desk) -> None:
    request = replace(EVERYTHING, statuses=frozenset({Status.PRESENT}))
    assert list(by_id(run(desk, request))) == [FAILSAFE, PROD]
    desk.organization.root_users[PROD] = FakeRootUser()
    assert list(by_id(run(desk, request))) == [FAILSAFE]


def test_a_wrong_selection_opens_no_root_session(desk: Desk) -> None:
    with pytest.raises(InputError):
        run(desk, naming("unknown"))
    assert "AssumeRoot" not in desk.organization.operations()


def test_only_the_first_audit_warns_of_alarms(desk: Desk) -> None:
    run(desk)
    run(desk)
    assert desk.progress.remarks.count(FIRST_AUDIT_REMARK) == 1


def test_a_set_up_that_is_off_ends_the_audit_before_any_account_is_asked(desk: Desk) -> None:
    desk.organization.features.discard(Feature.ROOT_CREDENTIALS_MANAGEMENT)
    with pytest.raises(RootAccessOffError) as caught:
        run(desk)
    assert render_hint(caught.value.hint) == "Run `rootkeeper enable`."
    assert "AssumeRoot" not in desk.organization.operations()
    assert desk.progress.remarks == []
    assert desk.jobs.list_jobs() == ()
    assert desk.setups.find_last_reading() is not None


def test_a_denial_of_root_access_ends_an_audit_that_couldnt_read_the_set_up(desk: Desk) -> None:
    desk.organization.trusted_access = False
    desk.organization.fail("ListAWSServiceAccessForOrganization")
    desk.organization.fail("AssumeRoot", RootAccessOffError("Service not enabled for AWS Organizations."))
    with pytest.raises(RootAccessOffError):
        run(desk)
    assert desk.ledger.open_intents == []
    assert desk.jobs.list_jobs() == ()


def test_the_management_account_is_read_while_root_access_is_off(desk: Desk) -> None:
    desk.organization.trusted_access = False
    statuses = by_id(run(desk, naming(MANAGEMENT)))
    assert statuses[MANAGEMENT].summary is not None


def test_a_wrong_selection_leaves_no_job(desk: Desk) -> None:
    with pytest.raises(InputError):
        run(desk, naming("unknown"))
    assert desk.jobs.list_jobs() == ()


def test_a_caller_in_the_account_itself_needs_no_root_session_there(desk: Desk) -> None:
    desk.organization.caller = Caller(FAILSAFE, f"arn:aws:iam::{FAILSAFE}:user/operator", "aws")
    desk.organization.fail("AssumeRoot", account_id=FAILSAFE)
    status = by_id(run(desk))[FAILSAFE]
    assert status.status is Status.PRESENT
    assert status.session_access_key_id is None


READS = (
    "AssumeRoot",
    "GetAccountSummary",
    "GetLoginProfile",
    "GetUser",
    "ListAccessKeys",
    "GetAccessKeyLastUsed",
    "ListSigningCertificates",
    "ListMFADevices",
)


@settings(max_examples=examples(150), deadline=None)
@given(credentials(), st.sampled_from(READS), st.integers(1, 2), st.booleans())
def test_p06_no_failed_read_ever_shows_an_account_as_clean(
    found: RootCredentials, operation: str, at: int, details: bool
) -> None:
    desk = Desk()
    truth = FakeRootUser(
        found.login_profile, list(found.access_keys), list(found.signing_certificates), list(found.mfa_devices)
    )
    desk.organization.add_account(PROD, "prod", root_user=truth)
    desk.organization.fail(operation, account_id=PROD, at=at)
    status = by_id(run(desk, details=details))[PROD]
    failed = desk.organization.operations(PROD).count(operation) >= at
    assert (status.status is Status.UNKNOWN) == failed
    assert (status.status is Status.NOT_PRESENT) == (truth.is_empty and not failed)


def test_a_finished_audit_is_kept_whole_under_its_jobs_id(desk: Desk) -> None:
    report = run(desk)
    (audit,) = desk.history.list_audits()
    assert (audit.audit_id, audit.requested_by) == (desk.jobs.list_jobs()[0].job_id, "operator")
    assert (audit.started_at, audit.ended_at) == (report.started_at, report.ended_at)
    assert (audit.is_complete, audit.endpoint) == (True, report.endpoint.label)
    assert audit.summary == count_statuses(report.accounts)
    assert desk.history.list_statuses(audit.audit_id) == by_id(report)


def test_an_audit_of_a_selection_is_kept_as_such(desk: Desk) -> None:
    run(desk, naming(PROD))
    (audit,) = desk.history.list_audits()
    assert not audit.is_complete
    assert list(desk.history.list_statuses(audit.audit_id)) == [PROD]


def test_an_audit_that_shows_some_statuses_only_is_kept_with_all_that_it_read(desk: Desk) -> None:
    report = run(desk, replace(EVERYTHING, statuses=frozenset({Status.PRESENT})))
    (audit,) = desk.history.list_audits()
    assert audit.is_complete
    assert len(report.accounts) < len(desk.history.list_statuses(audit.audit_id)) == audit.summary["accounts"]


def test_an_audit_that_was_interrupted_isnt_kept_before_it_ends(desk: Desk) -> None:
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        run(desk)
    assert desk.history.list_audits() == ()
    desk.ledger.fail_after = None
    (job,) = desk.jobs.list_jobs()
    desk.audit.resume(job.job_id, desk.progress)
    assert [audit.audit_id for audit in desk.history.list_audits()] == [job.job_id]
