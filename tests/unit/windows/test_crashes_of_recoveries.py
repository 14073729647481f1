"""A recovery that is killed between any two calls or commits never leaves a credential that no one has to close.

The points are enumerated from a run that isn't killed. The judge is the organization's truth, not what we recorded.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rootkeeper.errors import DatabaseError, RootkeeperError
from rootkeeper.ledger.rules import Phase
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import AccessKey, MfaDevice, MfaKind
from rootkeeper.windows.rules import FINAL_STATES, OWING_STATES, WindowState
from tests.examples import examples
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase, Killed
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

ACCOUNTS = [AccountId("222233334444"), AccountId("333344445555")]
ACCOUNT = ACCOUNTS[0]
SECONDS = 600
POINTS_OF_A_RECOVERY = 55
"""Calls and commits of one recovery in which the person enrols a device and makes a key; see the first test."""


class World:
    """An organization, a database, and a bomb that ends the running process at a chosen event."""

    def __init__(self) -> None:
        self.organization = FakeOrganization(FakeClock())
        for account_id in ACCOUNTS:
            self.organization.add_account(account_id)
        self.database = FakeDatabase(self.organization.clock)
        self.events: list[str] = []
        self.kill_at: int | None = None
        self.organization.before_each_call(lambda operation, _: self._pass(operation))
        self.database.before_commit = self.commit

    def run(self, deed: Callable[[Operator], object], kill_in: int | None = None) -> bool:
        """Do it in a process of its own; ``False`` if the process was killed before its end."""
        operator = Operator(self.organization, self.database)
        self.kill_at = None if kill_in is None else len(self.events) + kill_in
        try:
            deed(operator)
        except Killed:
            return False
        except RootkeeperError:
            return True
        finally:
            self.kill_at = None
            operator.die()
        return True

    def act_as_person(self, account_id: AccountId) -> None:
        """The person who may sign in makes a key and enrols a device."""
        root_user = self.organization.root_users[account_id]
        now = self.organization.clock.now()
        if root_user.login_profile is not None and not root_user.access_keys:
            root_user.access_keys.append(AccessKey("AKIAIOSFODNN7EXAMPLE", True, now, None))
            root_user.mfa_devices.append(MfaDevice("GAHT12345678", MfaKind.HARDWARE, now))

    def ensure_owed(self) -> None:
        """Every credential has a window that owes its closing, with an end."""
        for account_id, root_user in self.organization.root_users.items():
            owing = [
                window
                for window in self.database.windows.values()
                if window.account_id == account_id and window.state in OWING_STATES
            ]
            assert root_user.is_empty or owing, f"{account_id} has credentials that no one has to close"
            assert all(window.expires_at is not None for window in owing)

    def ensure_devices_last(self) -> None:
        """P25: no password or key is left without the device that guarded it, once there was one."""
        for root_user in self.organization.root_users.values():
            assert root_user.mfa_devices or not root_user.access_keys

    def ensure_over(self) -> None:
        """Nothing is left in AWS, no window owes anything, each intent has exactly one outcome."""
        assert all(root_user.is_empty for root_user in self.organization.root_users.values())
        assert {window.state for window in self.database.windows.values()} <= FINAL_STATES
        intents = [entry.sequence for entry in self.database.entries if entry.phase is Phase.INTENT]
        ended = [entry.intent_sequence for entry in self.database.entries if entry.intent_sequence is not None]
        assert sorted(ended) == intents

    def commit(self, name: str, full_from: int | None = None) -> None:
        """A write of the database; from event ``full_from`` on the disk is full."""
        self._pass(name)
        if full_from is not None and len(self.events) > full_from:
            raise DatabaseError("The disk is full.")

    def _pass(self, event: str) -> None:
        if self.kill_at is not None and len(self.events) >= self.kill_at:
            raise Killed
        self.events.append(event)


def recover(world: World) -> Callable[[Operator], None]:
    """``rootkeeper recover --wait``, and what the person does meanwhile."""

    def deed(operator: Operator) -> None:
        operator.start_changing_command()
        window = operator.open(ACCOUNT, SECONDS).window
        world.act_as_person(ACCOUNT)
        operator.waiting.wait(window, lambda: False)
        operator.waiting.close(window)

    return deed


def test_a_recovery_that_is_not_killed_passes_this_many_points_and_leaves_nothing() -> None:
    world = World()

    assert world.run(recover(world))

    world.ensure_over()
    assert len(world.events) == POINTS_OF_A_RECOVERY


@pytest.mark.parametrize("point", range(POINTS_OF_A_RECOVERY))
def test_a_recovery_killed_at_any_point_is_settled_and_closed_by_the_next_commands(point: int) -> None:
    world = World()

    assert not world.run(recover(world), kill_in=point)
    world.ensure_owed()
    world.ensure_devices_last()

    world.run(lambda operator: operator.start_changing_command())
    world.ensure_owed()
    assert not any(window.state is WindowState.OPENING for window in world.database.windows.values())

    world.organization.clock.advance(SECONDS)
    world.run(lambda operator: operator.start_changing_command())
    world.ensure_over()


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.integers(0, 70), min_size=1, max_size=6))
def test_commands_that_are_killed_again_and_again_still_end_with_nothing_left(points: list[int]) -> None:
    world = World()
    world.run(recover(world), kill_in=points[0])
    for point in points[1:]:
        world.organization.clock.advance(SECONDS / 3)
        world.run(lambda operator: operator.start_changing_command(), kill_in=point)
        world.ensure_owed()
        world.ensure_devices_last()

    world.organization.clock.advance(SECONDS)
    world.run(lambda operator: operator.start_changing_command())
    world.ensure_over()


FAULTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "AssumeRoot",
                "CreateLoginProfile",
                "DeactivateMFADevice",
                "DeleteAccessKey",
                "DeleteLoginProfile",
                "GetAccountSummary",
                "GetCallerIdentity",
                "GetLoginProfile",
                "ListMFADevices",
            ]
        ),
        st.sampled_from(["fail", "act_then_fail", "lie"]),
        st.integers(1, 3),
    ),
    max_size=2,
)
"""What AWS does wrong while one command runs: operation, how, and from which such call on."""

KILLS = st.none() | st.integers(0, 40)


class RandomLife(RuleBasedStateMachine):
    """Two accounts, processes that die, a server of AWS that lies, denies and cuts connections, a disk that fills."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(account_id=st.sampled_from(ACCOUNTS), faults=FAULTS, kill_in=KILLS)
    def open(self, account_id: AccountId, faults: list[tuple[str, str, int]], kill_in: int | None) -> None:
        self._run(lambda operator: operator.open(account_id, SECONDS), faults, kill_in)
        self.world.act_as_person(account_id)

    @rule(faults=FAULTS, kill_in=KILLS, seconds=st.sampled_from([0, 1, SECONDS]))
    def begin_a_command(self, faults: list[tuple[str, str, int]], kill_in: int | None, seconds: int) -> None:
        self.world.organization.clock.advance(seconds)
        self._run(lambda operator: operator.start_changing_command(), faults, kill_in)

    @precondition(lambda self: self.world.database.windows)
    @rule(faults=FAULTS, kill_in=KILLS)
    def close_the_last_window(self, faults: list[tuple[str, str, int]], kill_in: int | None) -> None:
        window = list(self.world.database.windows.values())[-1]
        self._run(lambda operator: operator.close(window), faults, kill_in)

    @precondition(lambda self: self.world.database.windows)
    @rule(at=st.integers(0, 20))
    def close_while_the_disk_fills(self, at: int) -> None:
        window = list(self.world.database.windows.values())[-1]
        full_from = len(self.world.events) + at
        self.world.database.before_commit = lambda name: self.world.commit(name, full_from)
        self._run(lambda operator: operator.close(window), [], None)
        self.world.database.before_commit = self.world.commit

    def _run(self, deed: Callable[[Operator], object], faults: list[tuple[str, str, int]], kill_in: int | None) -> None:
        organization = self.world.organization
        for operation, course, at in faults:
            if course == "fail":
                organization.fail(operation, at=at)
            elif course == "lie":
                organization.lie(operation, at=at)
            else:
                organization.act_then_fail(operation, at=at)
        self.world.run(deed, kill_in)
        organization.heal()

    @invariant()
    def every_credential_is_owed(self) -> None:
        self.world.ensure_owed()

    @invariant()
    def no_key_is_left_without_its_device(self) -> None:
        self.world.ensure_devices_last()

    def teardown(self) -> None:
        self.world.organization.clock.advance(SECONDS)
        for _ in range(2):
            self.world.run(lambda operator: operator.start_changing_command())
        self.world.ensure_over()


TestRandomLife = pytest.mark.long(RandomLife.TestCase)
TestRandomLife.settings = settings(max_examples=120, stateful_step_count=25, deadline=None)
