from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Event

import pytest

from rootkeeper.audit.rules import AuditRequest
from rootkeeper.audit.service import AuditInterrupted, AuditReport
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsThrottledError,
    AwsUnreachableError,
    JobConflictError,
    OrganizationIncompleteError,
)
from rootkeeper.jobs.rules import JobState
from rootkeeper.organization.accounts import AccountId, AccountState, Feature
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest
from rootkeeper.organization.statuses import AccountStatus, Status, StatusReason
from rootkeeper.setup.drift import SetupAcceptance
from rootkeeper.setup.rules import SetupPart
from tests.fakes.desk import CLEAN, PROD, Desk, naming
from tests.fakes.policies import DENY_ROOT
from tests.fakes.root_users import root_user_with_everything

NEWCOMER = AccountId("888899990000")


@dataclass
class Stop:
    """Asks to stop as soon as so many accounts were asked for."""

    desk: Desk
    after: int
    times: int = 1

    def asked_once(self) -> bool:
        return self.desk.organization.operations().count("AssumeRoot") >= self.after

    def asked_twice(self) -> bool:
        return self.times > 1 and self.asked_once()

    def wait(self, seconds: float) -> bool:
        return self.asked_once()


@dataclass
class Heard:
    """What an audit handed on, in its order."""

    statuses: list[AccountStatus] = field(default_factory=list)

    def emit(self, status: AccountStatus) -> None:
        self.statuses.append(status)

    @property
    def places(self) -> dict[AccountId, str]:
        return {one.account.account_id: one.account.ou_path for one in self.statuses}


@pytest.fixture
def desk() -> Desk:
    desk = Desk(batch_size=2)
    organization = desk.organization
    organization.page_size = 2
    organization.add_unit("ou-work", "Workloads")
    organization.add_account(PROD, "prod", ou_id="ou-work", root_user=root_user_with_everything())
    organization.add_account(CLEAN, "clean", ou_id="ou-work")
    for number in range(6):
        organization.add_account(f"{700000000000 + number}", f"number-{number}")
    return desk


def run(desk: Desk, request: SelectionRequest = EVERYTHING, *, refresh: bool = False) -> AuditReport:
    report = desk.audit.run(desk.progress, AuditRequest(request, refresh=refresh))
    assert isinstance(report, AuditReport)
    return report


def ids(report: AuditReport) -> set[AccountId]:
    return {status.account.account_id for status in report.accounts}


def hold_listing(desk: Desk) -> Event:
    """Let no page come until the event is set."""
    released = Event()

    def hold(operation: str, account_id: AccountId | None) -> None:
        if operation == "ListAccounts":
            released.wait(60)

    desk.organization.before_each_call(hold)
    return released


def let_listing_lead(desk: Desk) -> None:
    """Let readings wait until the listing that begins next has given its first page, so that it ends in time."""
    listed = desk.organization.operations().count("ListAccounts")
    has_page = Event()

    def wait(operation: str, account_id: AccountId | None) -> None:
        if operation == "ListAccounts" and desk.organization.operations().count("ListAccounts") - listed >= 2:
            has_page.set()
        if operation == "AssumeRoot":
            has_page.wait(60)

    desk.organization.before_each_call(wait)


def test_a_warm_audit_begins_at_once_and_does_not_wait_for_the_listing(desk: Desk) -> None:
    """Its first page takes ten seconds, and there are two more of the usual size."""
    for number in range(6, 40):
        desk.organization.add_account(f"{700000000000 + number}")
    run(desk)
    desk.clock.advance(3600)
    listed = desk.organization.operations().count("ListAccounts")
    has_page, released = Event(), Event()

    def slow_down(operation: str, account_id: AccountId | None) -> None:
        if operation == "ListAccounts" and desk.organization.operations().count("ListAccounts") > listed:
            desk.clock.advance(10)
            has_page.set()
            released.wait(60)
        if operation == "AssumeRoot":
            has_page.wait(60)

    desk.organization.before_each_call(slow_down)
    report = run(desk)
    released.set()
    assert not report.is_inventory_complete
    assert len(report.accounts) == 43
    remarks = [render_hint(remark) or "" for remark in desk.progress.remarks]
    assert any("inventory that is 1 hour old" in remark and "--refresh" in remark for remark in remarks)


def test_p14_credentials_that_end_with_the_last_account_lose_no_account(desk: Desk) -> None:
    run(desk)
    heard = Heard()
    desk.audit.run(desk.progress, emit=heard.emit)
    last = [one.account.account_id for one in heard.statuses if one.session_access_key_id is not None][-1]
    desk.organization.fail("AssumeRoot", AwsCredentialsError("expired"), account_id=last)
    with pytest.raises(AwsCredentialsError):
        run(desk)
    assert desk.jobs.list_jobs()[0].state is JobState.INTERRUPTED


def test_a_warm_audit_does_not_wait_for_a_page_that_does_not_come(desk: Desk) -> None:
    run(desk)
    released = hold_listing(desk)
    started = time.monotonic()
    report = run(desk)
    assert time.monotonic() - started < 30
    released.set()
    assert len(report.accounts) == 9


def test_a_listing_that_ends_soon_is_waited_for(desk: Desk) -> None:
    run(desk)
    desk.organization.add_account(NEWCOMER, "newcomer", ou_id="ou-work")
    let_listing_lead(desk)
    report = run(desk)
    assert report.is_inventory_complete
    assert NEWCOMER in ids(report)


def test_p13_a_warm_audit_whose_listing_is_cut_off_in_time_is_an_error(desk: Desk) -> None:
    run(desk)
    gone = desk.organization.accounts.pop(CLEAN)
    desk.organization.has_account = lambda account_id: True  # type: ignore[method-assign]  # AWS still knows it
    let_listing_lead(desk)
    with pytest.raises(OrganizationIncompleteError, match=gone.account_id):
        run(desk)


def test_an_account_that_left_is_not_in_the_answer(desk: Desk) -> None:
    run(desk)
    del desk.organization.accounts[CLEAN]
    let_listing_lead(desk)
    report = run(desk)
    assert CLEAN not in ids(report)
    assert len(report.accounts) == 8


def test_an_account_whose_state_has_changed_is_judged_again(desk: Desk) -> None:
    run(desk)
    desk.organization.change_state(CLEAN, AccountState.SUSPENDED)
    let_listing_lead(desk)
    found = {one.account.account_id: one for one in run(desk).accounts}
    assert (found[CLEAN].status, found[CLEAN].reason) == (Status.NOT_APPLICABLE, StatusReason.NOT_ACTIVE)
    desk.organization.change_state(CLEAN, AccountState.ACTIVE)
    let_listing_lead(desk)
    found = {one.account.account_id: one for one in run(desk).accounts}
    assert found[CLEAN].status is Status.NOT_PRESENT


def test_a_selection_of_what_is_not_known_yet_waits_for_the_listing(desk: Desk) -> None:
    run(desk)
    desk.organization.add_account(NEWCOMER, "newcomer", ou_id="ou-work")
    assert ids(run(desk, naming("newcomer"))) == {NEWCOMER}
    desk.organization.add_unit("ou-new", "Brand new")
    desk.organization.add_account("999900001111", "another", ou_id="ou-new")
    request = SelectionRequest(organizational_units=("Brand new",))
    assert ids(run(desk, request)) == {"999900001111"}


def test_a_selected_unit_gains_those_who_moved_into_it(desk: Desk) -> None:
    run(desk)
    desk.organization.add_account("700000000000", "number-0", ou_id="ou-work")
    let_listing_lead(desk)
    report = run(desk, SelectionRequest(organizational_units=("Workloads",)))
    assert ids(report) == {PROD, CLEAN, "700000000000"}


def test_a_refresh_waits_for_the_listing_and_reads_names_again(desk: Desk) -> None:
    run(desk)
    desk.organization.add_unit("ou-work", "Renamed")
    assert {one.account.ou_path for one in run(desk).accounts} == {"Root", "Root/Workloads"}
    report = run(desk, refresh=True)
    assert report.is_inventory_complete
    assert {one.account.ou_path for one in report.accounts} == {"Root", "Root/Renamed"}


def test_accounts_leave_as_they_are_read_each_with_its_place(desk: Desk) -> None:
    heard = Heard()
    desk.audit.run(desk.progress, emit=heard.emit)
    assert len(heard.statuses) == 9
    assert heard.places[PROD] == "Root/Workloads"
    assert set(heard.places.values()) == {"Root", "Root/Workloads"}


def test_only_the_statuses_asked_for_are_handed_on(desk: Desk) -> None:
    heard = Heard()
    request = SelectionRequest(everything=True, statuses=frozenset({Status.PRESENT}))
    desk.audit.run(desk.progress, AuditRequest(request), emit=heard.emit)
    assert set(heard.places) == {PROD}


def test_a_stop_finishes_what_is_in_flight_and_leaves_a_job(desk: Desk) -> None:
    answer = desk.audit.run(desk.progress, stop=Stop(desk, after=2))
    assert isinstance(answer, AuditInterrupted)
    assert not answer.is_cancelled
    assert 2 <= desk.organization.operations().count("AssumeRoot") < 8
    assert desk.ledger.open_intents == []
    assert desk.history.list_audits() == ()
    (job,) = desk.jobs.list_jobs()
    assert (job.job_id, job.state) == (answer.job_id, JobState.INTERRUPTED)


def test_a_resumed_audit_reads_no_account_twice_and_forgets_none(desk: Desk) -> None:
    interrupted = desk.audit.run(desk.progress, stop=Stop(desk, after=2))
    assert isinstance(interrupted, AuditInterrupted)
    report = desk.audit.resume(interrupted.job_id, desk.progress)
    assert isinstance(report, AuditReport)
    assert len(report.accounts) == 9
    opened = [account_id for operation, account_id in desk.organization.calls if operation == "AssumeRoot"]
    assert len(set(opened)) == len(opened)
    assert len(opened) == 8
    (job,) = desk.jobs.list_jobs()
    assert (job.state, job.progress.done, job.progress.total) == (JobState.DONE, 9, 9)


def test_what_could_not_be_read_is_tried_again_when_an_audit_continues(desk: Desk) -> None:
    desk.organization.fail("AssumeRoot", AwsThrottledError("slow down"), account_id=PROD)
    interrupted = desk.audit.run(desk.progress, stop=Stop(desk, after=10))
    assert isinstance(interrupted, AuditInterrupted)
    desk.organization.heal()
    report = desk.audit.resume(interrupted.job_id, desk.progress)
    assert isinstance(report, AuditReport)
    assert {one.account.account_id: one for one in report.accounts}[PROD].status is Status.PRESENT


def test_a_resumed_audit_keeps_its_selection_and_its_details(desk: Desk) -> None:
    request = SelectionRequest(organizational_units=("Workloads",))
    interrupted = desk.audit.run(desk.progress, AuditRequest(request, details=True), stop=Stop(desk, after=1))
    assert isinstance(interrupted, AuditInterrupted)
    report = desk.audit.resume(interrupted.job_id, desk.progress)
    assert isinstance(report, AuditReport)
    assert ids(report) == {PROD, CLEAN}
    assert {one.account.account_id: one for one in report.accounts}[PROD].credentials is not None


def test_what_was_refused_is_tried_again_only_when_asked_for(desk: Desk) -> None:
    desk.organization.fail("AssumeRoot", account_id=PROD)
    interrupted = desk.audit.run(desk.progress, stop=Stop(desk, after=8))
    assert isinstance(interrupted, AuditInterrupted)
    desk.organization.heal()
    again = desk.audit.resume(interrupted.job_id, desk.progress, stop=Stop(desk, after=0))
    assert isinstance(again, AuditInterrupted)
    opened = desk.organization.operations(PROD).count("AssumeRoot")
    report = desk.audit.resume(interrupted.job_id, desk.progress, retry_failed=True)
    assert isinstance(report, AuditReport)
    assert {one.account.account_id: one for one in report.accounts}[PROD].status is Status.PRESENT
    assert desk.organization.operations(PROD).count("AssumeRoot") == opened + 1


def test_an_audit_that_is_over_cannot_go_on(desk: Desk) -> None:
    run(desk)
    (job,) = desk.jobs.list_jobs()
    assert job.state is JobState.DONE
    with pytest.raises(JobConflictError):
        desk.audit.resume(job.job_id, desk.progress)


def test_an_audit_that_fails_leaves_a_job_that_can_go_on(desk: Desk) -> None:
    desk.organization.fail("ListAccounts", AwsThrottledError("slow down"), at=3, times=1)
    with pytest.raises(AwsThrottledError):
        run(desk)
    (job,) = desk.jobs.list_jobs()
    assert (job.state, job.remark) == (JobState.INTERRUPTED, "slow down")
    assert len(ids_of_resumed(desk, job.job_id)) == 9


def ids_of_resumed(desk: Desk, job_id: str) -> set[AccountId]:
    report = desk.audit.resume(job_id, desk.progress)
    assert isinstance(report, AuditReport)
    return ids(report)


def test_p18_policies_are_read_once_after_the_last_account_and_name_what_aws_doesnt(desk: Desk) -> None:
    desk.policies.attach("p-exampledeny", DENY_ROOT, "ou-work")
    desk.organization.fail("GetAccountSummary")
    heard = Heard()
    report = desk.audit.run(desk.progress, emit=heard.emit)
    assert isinstance(report, AuditReport)
    details = {one.account.account_id: one.detail or "" for one in report.accounts}
    assert "Blocked by p-exampledeny (Exampledeny), DenyRoot, at ou-work." in details[PROD]
    assert "No policy of the organization explains it" in details[AccountId("700000000001")]
    assert desk.policies.calls == ["list_policies_under_full_access", "list_policies"]
    assert {one.account.account_id: one.detail or "" for one in heard.statuses} == details
    assert len(heard.statuses) == len(report.accounts)
    assert desk.store.list_statuses()[PROD].detail == details[PROD]


def test_p18_where_nothing_is_blocked_or_aws_names_the_policy_none_is_read(desk: Desk) -> None:
    desk.organization.fail("AssumeRoot", account_id=CLEAN)
    desk.organization.blocked_by[PROD] = "p-exampledeny"
    assert len(run(desk).accounts) == 9
    assert desk.policies.calls == []


def test_policies_that_cant_be_read_leave_a_blocked_account_unknown_without_a_name(desk: Desk) -> None:
    desk.policies.error = AwsUnreachableError("No answer.")
    desk.organization.fail("GetAccountSummary", account_id=PROD)
    (prod,) = (one for one in run(desk).accounts if one.account.account_id == PROD)
    assert (prod.status, prod.reason) == (Status.UNKNOWN, StatusReason.BLOCKED_BY_POLICY)
    assert (prod.detail or "").endswith("The policies couldn't be read: No answer.")


def test_an_interrupted_audit_hands_on_what_is_blocked_without_a_name(desk: Desk) -> None:
    desk.organization.fail("GetAccountSummary", account_id=PROD)
    heard = Heard()
    interrupted = desk.audit.run(desk.progress, emit=heard.emit, stop=Stop(desk, after=3))
    assert isinstance(interrupted, AuditInterrupted)
    assert PROD in {one.account.account_id for one in heard.statuses}
    assert desk.policies.calls == []


def accept(desk: Desk) -> None:
    setup = desk.organization.read_setup()
    SetupAcceptance(desk.act()).accept(desk.drift_reader.read_state(setup))


def test_before_a_set_up_was_accepted_an_audit_reads_no_guardrails(desk: Desk) -> None:
    assert run(desk).drift.accepted is None
    assert desk.guardrails.readings == 0
    assert desk.setups.readings != []


def test_an_audit_shows_how_the_set_up_differs_from_the_accepted_one(desk: Desk) -> None:
    accept(desk)
    assert run(desk).drift.is_clean
    desk.organization.features.discard(Feature.ROOT_SESSIONS)
    desk.guardrails.policies = []
    assert [one.part for one in run(desk).drift.differences] == [SetupPart.FEATURE, SetupPart.GUARDRAIL]


def test_guardrails_are_read_while_accounts_are(desk: Desk) -> None:
    """Nothing else would let them go: the audit would wait for them in vain."""
    accept(desk)
    heard: list[AccountStatus] = []
    with desk.guardrails.held() as release:

        def emit(status: AccountStatus) -> None:
            heard.append(status)
            if len(heard) == len(desk.organization.accounts):
                release()

        report = desk.audit.run(desk.progress, emit=emit)
    assert isinstance(report, AuditReport)
    assert report.drift.is_clean


def test_guardrails_that_cant_be_read_dont_spoil_an_audit(desk: Desk) -> None:
    accept(desk)
    desk.guardrails.error = AwsThrottledError("slow down")
    report = run(desk)
    assert report.drift.unknown == ("Guardrails couldn't be compared. slow down",)
    assert len(report.accounts) == 9
