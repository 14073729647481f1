"""Any order of request, approve, deny, activate, extend, close, delete, crash and time leaves nothing open for ever.

Two processes work on one database. They are killed between any two calls or commits, stopped for longer than their
lease and woken again while another has taken over, and AWS lies, denies and cuts connections. The judge is the
organization's own truth, and what the people of this test really consented to; never what the product recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rootkeeper.errors import RootkeeperError
from rootkeeper.ledger.rules import Action, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import AccessKey, MfaDevice, MfaKind
from rootkeeper.windows.approvals import WindowPolicy
from rootkeeper.windows.entries import RecordedWindows, find_contradictions
from rootkeeper.windows.rules import FINAL_STATES, OWING_STATES, WAITING_STATES, RecoveryWindow, WindowState
from tests.fakes.clock import FakeClock
from tests.fakes.databases import LEASE_SECONDS, FakeDatabase, Killed
from tests.fakes.organization import FakeOrganization
from tests.fakes.window_workers import WindowWorker, signed_in

ACCOUNTS = [AccountId("222233334444"), AccountId("333344445555")]
PEOPLE = ["alice", "bob", "Bob", "carol", "dave"]
SECONDS = 600
VALID = timedelta(hours=1)
LONGEST = timedelta(seconds=3 * SECONDS)
POLICY = WindowPolicy(
    longest=LONGEST,
    approval_valid=VALID,
    rereads=(timedelta(minutes=15), timedelta(hours=1)),
    emergency=True,
)
CHANGING = ("Create", "Delete", "Deactivate")

Deed = Callable[[WindowWorker], object]


@dataclass(frozen=True)
class Consent:
    """What a person really said yes to."""

    name: str
    at: datetime
    seconds: int | None = None
    """Of an extension; ``None`` for the opening."""


@dataclass(frozen=True)
class Trouble:
    """What goes wrong while a deed is done."""

    kill_in: int | None = None
    """The process is killed at so many calls and commits from now."""
    sleep_in: int | None = None
    """It is stopped there for longer than its lease; another takes over; then it wakes."""
    faults: tuple[tuple[str, str], ...] = ()


NONE = Trouble()


class World:
    """An organization, a database, two processes and what happens to them."""

    def __init__(self, policy: WindowPolicy) -> None:
        self.policy = policy
        self.organization = FakeOrganization(FakeClock())
        for account_id in ACCOUNTS:
            self.organization.add_account(account_id)
        self.clock = self.organization.clock
        self.database = FakeDatabase(self.clock)
        self.workers = [self._start(), self._start()]
        self.acting: list[WindowWorker] = []
        self.events = 0
        self.kill_at: int | None = None
        self.sleep_at: int | None = None
        self.consents: dict[str, list[Consent]] = {}
        self.created: Counter[str] = Counter()
        self.late: set[AccountId] = set()
        """Accounts in which a live console session made something after the closing."""
        self.organization.before_each_call(self._before_call)
        self.database.before_commit = lambda _: self._pass()

    def _start(self) -> WindowWorker:
        return WindowWorker(self.organization, self.database, self.policy)

    def run(self, number: int, deed: Deed, trouble: Trouble = NONE) -> bool:
        """Let one process do it; ``False`` if it was refused, failed, or didn't live to see its end."""
        worker = self.workers[number]
        self.kill_at = None if trouble.kill_in is None else self.events + trouble.kill_in
        self.sleep_at = None if trouble.sleep_in is None else self.events + trouble.sleep_in
        for operation, course in trouble.faults:
            getattr(self.organization, course)(operation)
        try:
            is_done = self._act(worker, deed)
        finally:
            self.kill_at = self.sleep_at = None
            self.organization.heal()
        if worker.process.owner_id in self.database.dead:
            self.workers[number] = self._start()
        return is_done

    def _act(self, worker: WindowWorker, deed: Deed) -> bool:
        self.acting.append(worker)
        try:
            deed(worker)
        except Killed:
            worker.die()
            return False
        except RootkeeperError:
            return False
        finally:
            self.acting.pop()
        return True

    def _before_call(self, operation: str, account_id: AccountId | None) -> None:
        is_change = account_id is not None and operation.startswith(CHANGING)
        self._pass(may_sleep=not is_change)
        if account_id is not None and is_change:
            self._judge_change(operation, account_id)

    def _judge_change(self, operation: str, account_id: AccountId) -> None:
        """P27: a process that changes something holds the account; P10: it was consented to."""
        owner, _ = self.database.locks[account_id]
        assert owner == self.acting[-1].process.owner_id, f"{operation} by a process that doesn't hold {account_id}"
        if operation != "CreateLoginProfile":
            return
        (window,) = [one for one in self._windows_of(account_id) if one.state is WindowState.OPENING]
        self.created[window.window_id] += 1
        assert self.created[window.window_id] == 1, "an approval opened twice"
        if not window.is_emergency:
            assert len(self.list_consenting(window, None)) >= self.policy.approvals

    def list_consenting(self, window: RecoveryWindow, seconds: int | None) -> set[str]:
        given = [one for one in self.consents.get(window.window_id, []) if one.seconds == seconds]
        valid = {one.name.casefold() for one in given if self.clock.now() < one.at + VALID}
        return valid - {window.requested_by.casefold()}

    def _pass(self, *, may_sleep: bool = True) -> None:
        """One more call or commit. A changing call's receipt is checked just before it leaves: no process sleeps
        between the two, but before.
        """
        if self.kill_at is not None and self.events >= self.kill_at and len(self.acting) == 1:
            raise Killed
        self.events += 1
        if may_sleep and self.sleep_at is not None and self.events > self.sleep_at and len(self.acting) == 1:
            self.sleep_at = None
            self._take_over()

    def _take_over(self) -> None:
        """The acting process is stopped, counts as dead, and another one does what is to be done meanwhile."""
        sleeper = self.acting[-1]
        self.clock.advance(LEASE_SECONDS + 1)
        sleeper.die()
        other = next(worker for worker in self.workers if worker is not sleeper)
        for _ in range(2):
            self._act(other, lambda worker: worker.tick())
            self.clock.advance(2)

    def _windows_of(self, account_id: AccountId) -> list[RecoveryWindow]:
        return [window for window in self.database.windows.values() if window.account_id == account_id]

    def act_as_person(self, account_id: AccountId) -> None:
        """The person who may sign in makes a key and enrols a device."""
        root_user = self.organization.root_users[account_id]
        if root_user.login_profile is not None and not root_user.access_keys:
            root_user.access_keys.append(AccessKey("AKIAIOSFODNN7EXAMPLE", True, self.clock.now(), None))
            root_user.mfa_devices.append(MfaDevice("GAHT12345678", MfaKind.HARDWARE, self.clock.now()))

    def may_have_a_live_session(self, account_id: AccountId) -> bool:
        """After a closing whose re-reads aren't over."""
        windows = self._windows_of(account_id)
        return any(one.next_reread_at is not None for one in windows) and not self._is_unfinished(account_id)

    def act_in_a_live_session(self, account_id: AccountId) -> None:
        """It may outlast the password with which it began."""
        if self.may_have_a_live_session(account_id):
            key = AccessKey("AKIAI44QH8DHBEXAMPLE", True, self.clock.now(), None)
            self.organization.root_users[account_id].access_keys[:] = [key]
            self.late.add(account_id)

    def _is_unfinished(self, account_id: AccountId) -> bool:
        return any(one.state not in FINAL_STATES for one in self._windows_of(account_id))

    # What must hold.

    def ensure_owed(self) -> None:
        """Every credential has a window that owes its closing, or a re-read that will find it."""
        for account_id, root_user in self.organization.root_users.items():
            if root_user.is_empty:
                self.late.discard(account_id)
                continue
            windows = self._windows_of(account_id)
            owing = [window for window in windows if window.state in OWING_STATES]
            assert all(window.expires_at is not None for window in owing)
            is_found_later = account_id in self.late and any(one.next_reread_at is not None for one in windows)
            assert owing or is_found_later, f"{account_id} has credentials that no one has to close"

    def ensure_one_unfinished(self) -> None:
        unfinished = Counter(one.account_id for one in self.database.windows.values() if one.state not in FINAL_STATES)
        assert set(unfinished.values()) <= {1}

    def ensure_no_second_outcome(self) -> None:
        ended = [entry.intent_sequence for entry in self.database.entries if entry.intent_sequence is not None]
        assert len(ended) == len(set(ended))

    def ensure_least_sessions(self) -> None:
        """P09: each session has an entry of its own, and its task policy is the least that its work needs."""
        seen: set[tuple[Action, object]] = set()
        for entry in self.database.entries:
            window_id = entry.parameters.get("window_id")
            if entry.action is Action.ROOT_SESSION_OPEN and entry.phase is Phase.INTENT:
                policy = entry.parameters["task_policy"]
                needs = {
                    "IAMCreateRootUserPassword": Action.WINDOW_ACTIVATE,
                    "IAMDeleteRootUserCredentials": Action.WINDOW_CLOSE,
                }
                if window_id is not None and policy in needs:
                    assert (needs[str(policy)], window_id) in seen
                assert policy != "IAMCreateRootUserPassword" or window_id is not None
            seen.add((entry.action, window_id))
        opened = [name for name, _ in self.organization.calls if name == "AssumeRoot"]
        intended = [
            entry
            for entry in self.database.entries
            if entry.action is Action.ROOT_SESSION_OPEN and entry.phase is Phase.INTENT
        ]
        assert len(opened) <= len(intended)

    def ensure_over(self) -> None:
        """Nothing is left in AWS, no window owes anything, each intent has exactly one outcome."""
        assert all(root_user.is_empty for root_user in self.organization.root_users.values())
        assert {window.state for window in self.database.windows.values()} <= FINAL_STATES
        intents = [entry.sequence for entry in self.database.entries if entry.phase is Phase.INTENT]
        ended = [entry.intent_sequence for entry in self.database.entries if entry.intent_sequence is not None]
        assert sorted(ended) == intents


# One life, killed at every point.


def live(world: World) -> Deed:
    """Request, approvals, activation, what the person does, an extension, the window's end, the first re-read."""

    def deed(worker: WindowWorker) -> None:
        worker.request(ACCOUNTS[0], seconds=SECONDS)
        for name in ("bob", "carol"):
            world.consents.setdefault("w-1", []).append(Consent(name, world.clock.now()))
            worker.approve("w-1", name)
        worker.activate("w-1")
        world.act_as_person(ACCOUNTS[0])
        for name in ("bob", "carol"):
            worker.deciding(signed_in(name)).extend("w-1", 60)
        world.clock.advance(SECONDS + 60)
        worker.tick()
        world.clock.advance(900)
        worker.tick()

    return deed


POINTS_OF_A_LIFE = 87
"""Calls and commits of one life of a window; see the first test."""
TWO = replace(POLICY, approvals=2)


def settle_all(world: World) -> None:
    world.clock.advance(2 * 3600)
    for number in (0, 1):
        for _ in range(4):
            world.run(number, lambda worker: worker.run_for(60, step=20))


def test_a_life_that_nothing_cuts_short_passes_this_many_points_and_leaves_nothing() -> None:
    world = World(TWO)

    assert world.run(0, live(world))

    world.ensure_over()
    world.ensure_least_sessions()
    assert world.events == POINTS_OF_A_LIFE
    assert [one.state for one in world.database.windows.values()] == [WindowState.CLOSED_VERIFIED]


def test_p09_each_session_of_a_life_has_an_entry_of_its_own_and_the_least_task_policy() -> None:
    world = World(TWO)
    world.run(0, live(world))

    intents = [one for one in world.database.entries if one.phase is Phase.INTENT]
    policies = [one.parameters["task_policy"] for one in intents if one.action is Action.ROOT_SESSION_OPEN]
    assert policies == [
        "IAMAuditRootUserCredentials",
        "IAMAuditRootUserCredentials",
        "IAMCreateRootUserPassword",
        "IAMDeleteRootUserCredentials",
        "IAMAuditRootUserCredentials",
        "IAMAuditRootUserCredentials",
    ]
    assert [name for name, _ in world.organization.calls].count("AssumeRoot") == len(policies)
    world.ensure_least_sessions()


@pytest.mark.parametrize("point", range(POINTS_OF_A_LIFE))
def test_p11_a_life_killed_at_any_point_is_brought_to_its_end_by_another_process(point: int) -> None:
    world = World(TWO)

    assert not world.run(0, live(world), Trouble(kill_in=point))
    world.ensure_owed()
    world.run(1, lambda worker: worker.run_for(10))
    world.ensure_owed()
    assert not any(one.state is WindowState.OPENING for one in world.database.windows.values())

    settle_all(world)
    world.ensure_over()
    world.ensure_no_second_outcome()


@pytest.mark.parametrize("point", range(POINTS_OF_A_LIFE))
def test_p27_a_process_that_is_stopped_at_any_point_and_wakes_does_nothing_twice(point: int) -> None:
    world = World(TWO)

    world.run(0, live(world), Trouble(sleep_in=point))
    world.ensure_owed()
    world.ensure_no_second_outcome()

    settle_all(world)
    world.ensure_over()
    assert set(world.created.values()) <= {1}


@pytest.mark.parametrize("point", range(4))
def test_p27_an_approval_whose_process_was_stopped_at_any_point_counts_as_its_ledger_says(point: int) -> None:
    world = World(TWO)
    world.run(0, lambda worker: worker.request(ACCOUNTS[0], seconds=SECONDS))

    world.run(0, partial(_approve, "w-1", "bob"), Trouble(sleep_in=point))

    (window,) = world.database.windows.values()
    (result,) = world.database.outcomes_of(Action.WINDOW_APPROVE)
    assert window.approved_by == (("bob",) if result is Result.DONE else ())
    recorded = RecordedWindows().take_all(world.database.entries).windows
    assert find_contradictions(window, recorded["w-1"]) == ()


# Any order.

OPERATIONS = [
    "AssumeRoot",
    "CreateLoginProfile",
    "DeactivateMFADevice",
    "DeleteAccessKey",
    "DeleteLoginProfile",
    "DescribeAccount",
    "GetAccountSummary",
    "GetCallerIdentity",
    "GetLoginProfile",
]
TROUBLES = st.builds(
    Trouble,
    kill_in=st.none() | st.integers(0, 40),
    faults=st.lists(
        st.tuples(st.sampled_from(OPERATIONS), st.sampled_from(["fail", "act_then_fail", "lie"])), max_size=2
    ).map(tuple),
) | st.builds(Trouble, sleep_in=st.integers(0, 40))
OFTEN_NONE = st.sampled_from([False, False, True]).flatmap(lambda is_there: TROUBLES if is_there else st.just(NONE))
PROCESSES = st.sampled_from([0, 1])
WHO = st.sampled_from(PEOPLE)


class LivesOfWindows(RuleBasedStateMachine):
    """Two accounts, five names of four people, two processes."""

    world: World

    @initialize(approvals=st.integers(0, 2))
    def begin(self, approvals: int) -> None:
        self.world = World(replace(POLICY, approvals=approvals))

    @rule(
        account_id=st.sampled_from(ACCOUNTS), by=WHO, urgent=st.sampled_from([False, False, True]), trouble=OFTEN_NONE
    )
    def request(self, account_id: AccountId, by: str, urgent: bool, trouble: Trouble) -> None:
        self.world.run(0, lambda worker: worker.request(account_id, by, SECONDS, is_emergency=urgent), trouble)

    @precondition(lambda self: self.world.database.windows)
    @rule(by=WHO, process=PROCESSES, trouble=OFTEN_NONE, data=st.data())
    def approve(self, by: str, process: int, trouble: Trouble, data: st.DataObject) -> None:
        window = self._choose(data)
        self._consent(window, Consent(by, self.world.clock.now()))
        self.world.run(process, lambda worker: worker.approve(window.window_id, by), trouble)

    @rule(account_id=st.sampled_from(ACCOUNTS), people=st.lists(WHO, min_size=3, max_size=5), trouble=OFTEN_NONE)
    def come_to_an_opening(self, account_id: AccountId, people: list[str], trouble: Trouble) -> None:
        """Several steps in a row, so that many windows come so far: a request, approvals, an activation."""
        self.request(account_id, people[0], urgent=False, trouble=NONE)
        window = next((one for one in self._list_waiting() if one.account_id == account_id), None)
        if window is not None:
            for name in people[1:-1]:
                self._consent(window, Consent(name, self.world.clock.now()))
                self.world.run(1, partial(_approve, window.window_id, name))
            self.world.run(0, lambda worker: worker.activate(window.window_id, people[-1]), trouble)
            self.world.act_as_person(account_id)

    @rule(account_id=st.sampled_from(ACCOUNTS), process=PROCESSES, trouble=TROUBLES)
    def come_to_a_closing(self, account_id: AccountId, process: int, trouble: Trouble) -> None:
        """The same up to the window's end, at which something goes wrong."""
        self.come_to_an_opening(account_id, ["alice", "bob", "carol", "alice"], NONE)
        self.time_passes(process, SECONDS, trouble)

    @precondition(lambda self: self.world.database.windows)
    @rule(by=WHO, process=PROCESSES, denies=st.booleans(), trouble=OFTEN_NONE, data=st.data())
    def deny_or_cancel(self, by: str, process: int, denies: bool, trouble: Trouble, data: st.DataObject) -> None:
        window_id = self._choose(data).window_id

        def deed(worker: WindowWorker) -> None:
            deciding = worker.deciding(signed_in(by))
            deciding.deny(window_id, "no") if denies else deciding.cancel(window_id)

        self.world.run(process, deed, trouble)

    @precondition(lambda self: self.world.database.windows)
    @rule(by=WHO, process=PROCESSES, trouble=OFTEN_NONE, data=st.data())
    def activate(self, by: str, process: int, trouble: Trouble, data: st.DataObject) -> None:
        window = self._choose(data)
        self.world.run(process, lambda worker: worker.activate(window.window_id, by), trouble)
        self.world.act_as_person(window.account_id)

    @precondition(lambda self: self.world.database.windows)
    @rule(
        by=WHO,
        process=PROCESSES,
        seconds=st.sampled_from([60, SECONDS, 10 * SECONDS]),
        trouble=OFTEN_NONE,
        data=st.data(),
    )
    def extend(self, by: str, process: int, seconds: int, trouble: Trouble, data: st.DataObject) -> None:
        before = self._choose(data)
        self._consent(before, Consent(by, self.world.clock.now(), seconds))
        deed: Deed = lambda worker: worker.deciding(signed_in(by)).extend(before.window_id, seconds)  # noqa: E731 - used once
        self.world.run(process, deed, trouble)
        after = self.world.database.windows[before.window_id]
        assert after.duration_seconds <= LONGEST.total_seconds()
        if after.duration_seconds != before.duration_seconds:
            assert after.duration_seconds == before.duration_seconds + seconds
            assert len(self.world.list_consenting(before, seconds)) >= self.world.policy.approvals
            kept = [one for one in self.world.consents[before.window_id] if one.seconds is None]
            self.world.consents[before.window_id] = kept

    @precondition(lambda self: self.world.database.windows)
    @rule(by=WHO, process=PROCESSES, trouble=OFTEN_NONE, data=st.data())
    def close(self, by: str, process: int, trouble: Trouble, data: st.DataObject) -> None:
        window_id = self._choose(data).window_id
        self.world.run(process, lambda worker: worker.close(window_id, by), trouble)

    @rule(account_id=st.sampled_from(ACCOUNTS), process=PROCESSES, trouble=OFTEN_NONE)
    def delete(self, account_id: AccountId, process: int, trouble: Trouble) -> None:
        was_open = [one for one in self.world.database.windows.values() if one.state is WindowState.OPEN]
        deleted: list[bool] = []
        self.world.run(process, lambda worker: deleted.append(worker.delete(account_id)), trouble)
        if trouble.sleep_in is None and any(one.account_id == account_id for one in was_open):
            assert deleted in ([], [False])

    @rule(process=PROCESSES, seconds=st.sampled_from([0, 1, 60, SECONDS, 3600]), trouble=OFTEN_NONE)
    def time_passes(self, process: int, seconds: int, trouble: Trouble) -> None:
        self.world.clock.advance(seconds)
        self.world.run(process, lambda worker: worker.tick(), trouble)

    @rule(process=PROCESSES)
    def p11_a_live_process_closes_what_is_past_its_end(self, process: int) -> None:
        self.world.run(process, lambda worker: worker.run_for(3))
        now = self.world.clock.now()
        late = [
            one for one in self.world.database.windows.values() if one.state is WindowState.OPEN and one.is_overdue(now)
        ]
        assert not [one for one in late if self._is_free(one.account_id)]

    @rule(process=PROCESSES)
    def crash(self, process: int) -> None:
        self.world.run(process, _crash)

    @precondition(lambda self: any(self.world.may_have_a_live_session(one) for one in ACCOUNTS))
    @rule(account_id=st.sampled_from(ACCOUNTS))
    def a_live_console_session_makes_a_key(self, account_id: AccountId) -> None:
        self.world.act_in_a_live_session(account_id)

    def _list_waiting(self) -> list[RecoveryWindow]:
        return [one for one in self.world.database.windows.values() if one.state in WAITING_STATES]

    def _choose(self, data: st.DataObject) -> RecoveryWindow:
        """One of the last few."""
        return data.draw(st.sampled_from(list(self.world.database.windows.values())[-3:]))

    def _consent(self, window: RecoveryWindow, consent: Consent) -> None:
        self.world.consents.setdefault(window.window_id, []).append(consent)

    def _is_free(self, account_id: AccountId) -> bool:
        owner, _ = self.world.database.locks.get(account_id, (None, 0))
        return owner is None or owner in self.world.database.dead

    @invariant()
    def every_credential_is_owed(self) -> None:
        if hasattr(self, "world"):
            self.world.ensure_owed()

    @invariant()
    def an_account_has_one_unfinished_window(self) -> None:
        if hasattr(self, "world"):
            self.world.ensure_one_unfinished()

    @invariant()
    def no_row_contradicts_the_ledger(self) -> None:
        if hasattr(self, "world"):
            recorded = RecordedWindows().take_all(self.world.database.entries).windows
            for window in self.world.database.windows.values():
                assert find_contradictions(window, recorded.get(window.window_id)) == ()

    @invariant()
    def p03_no_intent_has_two_outcomes(self) -> None:
        if hasattr(self, "world"):
            self.world.ensure_no_second_outcome()

    @invariant()
    def p09_sessions_are_the_least(self) -> None:
        if hasattr(self, "world"):
            self.world.ensure_least_sessions()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            for _ in range(3):
                settle_all(self.world)
            self.world.ensure_over()


def _approve(window_id: str, name: str, worker: WindowWorker) -> None:
    worker.approve(window_id, name)


def _crash(_: WindowWorker) -> None:
    raise Killed


@pytest.mark.long
@pytest.mark.randomized
def test_p03_p09_p10_p11_p27_hold_in_any_order_of_deeds() -> None:
    run_state_machine_as_test(
        LivesOfWindows, settings=settings(max_examples=150, stateful_step_count=40, deadline=None)
    )
