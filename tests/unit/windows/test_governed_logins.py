"""Windows that govern an existing root login: nothing is opened in AWS, and the end is that of every window."""

from __future__ import annotations

from contextlib import suppress

import pytest

from rootkeeper.errors import TargetRefusedError
from rootkeeper.ledger.rules import Action
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.windows.entries import RecordedWindows, find_contradictions
from rootkeeper.windows.rules import FINAL_STATES, OWING_STATES, CloseOutcome, OpeningResult, OpenOutcome, WindowState
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase, Killed
from tests.fakes.operators import Operator
from tests.fakes.organization import ORGANIZATION_ROOT, FakeOrganization
from tests.fakes.root_users import LONG_AGO
from tests.fakes.window_workers import WindowWorker

ACCOUNT = AccountId("222233334444")
SECONDS = 600
NO_CREATION = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "iam:CreateLoginProfile", "Resource": "*"}],
}
OLD_LOGIN = LoginProfile(LONG_AGO, None)


@pytest.fixture
def organization() -> FakeOrganization:
    return make_organization()


def make_organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    fake.root_users[ACCOUNT].login_profile = OLD_LOGIN
    return fake


@pytest.fixture
def operator(organization: FakeOrganization) -> Operator:
    return Operator(organization, FakeDatabase(organization.clock))


@pytest.fixture
def worker(organization: FakeOrganization) -> WindowWorker:
    return WindowWorker(organization, FakeDatabase(organization.clock))


def govern(operator: Operator) -> OpeningResult:
    request = operator.request(ACCOUNT, SECONDS, governs_login=True)
    return operator.opening.open(operator.planning.plan(operator.inventory(), request))


def test_a_governing_window_changes_nothing_in_aws_and_its_closing_deletes_the_login(
    operator: Operator, organization: FakeOrganization
) -> None:
    opening = govern(operator)

    assert (opening.outcome, opening.window.state) == (OpenOutcome.OPEN, WindowState.OPEN)
    assert opening.window.opened_at == START
    assert organization.changing_calls == []
    assert organization.root_users[ACCOUNT].login_profile == OLD_LOGIN

    closing = operator.close(opening.window)
    assert closing.outcome is CloseOutcome.CLOSED
    assert closing.window.state is WindowState.CLOSED_VERIFIED
    assert organization.root_users[ACCOUNT].is_empty


def test_the_ledger_says_so_before_the_row_is_open(operator: Operator) -> None:
    commits: list[str] = []
    operator.database.before_commit = commits.append
    window = govern(operator).window

    actions = [entry.action for entry in operator.database.entries]
    assert Action.LOGIN_PROFILE_CREATE not in actions
    assert actions.index(Action.WINDOW_REQUEST) < actions.index(Action.WINDOW_OPEN)
    assert "window updated" in commits[commits.index("fact window:open") :]
    recorded = RecordedWindows().take_all(operator.database.entries).windows[window.window_id]
    assert recorded.governs_login
    assert recorded.must_be_closed
    assert recorded.end == window.expires_at
    assert find_contradictions(window, recorded) == ()


def test_a_usual_window_is_refused_and_the_refusal_names_both_ways(operator: Operator) -> None:
    with pytest.raises(TargetRefusedError, match="has a root password already") as refused:
        operator.open(ACCOUNT)
    assert str(refused.value.hint) == "Request a window that governs the existing login, or delete the login."


def test_without_a_login_there_is_nothing_to_govern(operator: Operator, organization: FakeOrganization) -> None:
    organization.root_users[ACCOUNT].login_profile = None

    with pytest.raises(TargetRefusedError, match="no login to govern"):
        govern(operator)


def test_a_policy_against_the_creation_of_a_login_does_not_matter(operator: Operator) -> None:
    operator.policies.attach("p-guard", NO_CREATION, ORGANIZATION_ROOT)

    assert govern(operator).outcome is OpenOutcome.OPEN


def test_it_needs_the_same_approval_and_ends_by_itself(worker: WindowWorker, organization: FakeOrganization) -> None:
    window = worker.request(ACCOUNT, seconds=SECONDS, governs_login=True)
    assert window.state is WindowState.REQUESTED
    assert "It governs the root login" in worker.notifier.notifications[-1].body
    worker.approve(window.window_id)

    opening = worker.activate(window.window_id)
    assert opening.outcome is OpenOutcome.OPEN
    opened = worker.notifier.notifications[-1]
    assert opened.event is NotificationEvent.WINDOW_OPENED
    assert f"The window governs the root login of {ACCOUNT}." in opened.body
    assert organization.changing_calls == []

    worker.run_for(SECONDS + 5)
    assert worker.state_of(window.window_id) is WindowState.CLOSED_VERIFIED
    assert organization.root_users[ACCOUNT].is_empty


def test_a_login_that_is_gone_at_the_activation_opens_nothing(
    worker: WindowWorker, organization: FakeOrganization
) -> None:
    window = worker.request(ACCOUNT, governs_login=True)
    worker.approve(window.window_id)
    organization.root_users[ACCOUNT].login_profile = None

    with pytest.raises(TargetRefusedError, match="no login to govern"):
        worker.activate(window.window_id)
    assert organization.changing_calls == []


def test_a_login_that_goes_between_check_and_opening_cancels_the_window(
    operator: Operator, organization: FakeOrganization
) -> None:
    request = operator.request(ACCOUNT, SECONDS, governs_login=True)
    plan = operator.planning.plan(operator.inventory(), request)
    organization.root_users[ACCOUNT].login_profile = None

    opening = operator.opening.open(plan)

    assert opening.outcome is OpenOutcome.CANCELLED
    assert isinstance(opening.error, TargetRefusedError)
    assert operator.database.windows[opening.window.window_id].state is WindowState.CANCELLED


POINTS = 40
"""At least as many as there are calls and commits before the window is open."""


@pytest.mark.parametrize("point", range(POINTS))
def test_a_process_killed_at_any_point_leaves_no_login_without_the_end_that_the_ledger_names(point: int) -> None:
    organization = make_organization()
    database = FakeDatabase(organization.clock)
    events: list[str] = []

    def note(event: str) -> None:
        if len(events) == point:
            raise Killed
        events.append(event)

    organization.before_each_call(lambda operation, _: note(operation))
    database.before_commit = note
    dying = Operator(organization, database)
    with suppress(Killed):
        govern(dying)
    organization.before_each_call(None)
    database.before_commit = lambda _: None
    dying.die()

    assert organization.changing_calls == []
    following = Operator(organization, database)
    following.start_changing_command()
    recorded = RecordedWindows().take_all(database.entries).windows
    for window in database.windows.values():
        assert window.state is not WindowState.OPENING
        assert find_contradictions(window, recorded[window.window_id]) == ()
        assert (window.state in OWING_STATES) is recorded[window.window_id].must_be_closed
    is_owed = any(window.state in OWING_STATES for window in database.windows.values())
    organization.clock.advance(SECONDS)
    following.start_changing_command()
    assert {window.state for window in database.windows.values()} <= FINAL_STATES
    assert organization.root_users[ACCOUNT].is_empty is is_owed
