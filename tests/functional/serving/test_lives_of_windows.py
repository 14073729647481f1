"""Random lives of windows on real processes: any order of request, approve, deny, activate, extend, close, delete,
kill -9, SIGSTOP and time, with the sandbox's own truth as the judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rootkeeper.windows.rules import RecoveryWindow
from tests.functional.serving.window_lives import PEOPLE, Scene, open_scene
from tests.postgresql import PostgresqlServer
from tests.sandbox_process import SandboxProcess

pytestmark = pytest.mark.long

WHO = st.sampled_from(sorted(PEOPLE))
WHICH = st.integers(0, 1)
KILL_AFTER = st.none() | st.none() | st.floats(0, 0.4)
SETTINGS = settings(
    max_examples=2,
    stateful_step_count=12,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""Each example starts processes; a failure isn't made smaller, since it would take hours."""


class Lives(RuleBasedStateMachine):
    """Two accounts, five people; subclasses say on which database."""

    scene: Scene

    def open(self, approvals: int) -> AbstractContextManager[Scene]:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()

    @initialize(approvals=st.integers(0, 2))
    def begin(self, approvals: int) -> None:
        self.scene = self.stack.enter_context(self.open(approvals))

    @rule(which=WHICH, by=WHO, kill_after=KILL_AFTER)
    def request(self, which: int, by: str, kill_after: float | None) -> None:
        self.scene.request(by, self.scene.account_ids[which], kill_after)

    @rule(which=WHICH, by=WHO, kill_after=KILL_AFTER)
    def approve(self, which: int, by: str, kill_after: float | None) -> None:
        for window in self._find(which):
            self.scene.approve(by, window.window_id, kill_after)

    @rule(which=WHICH, by=WHO, denies=st.booleans())
    def deny_or_cancel(self, which: int, by: str, denies: bool) -> None:
        for window in self._find(which):
            path = f"windows/{window.window_id}/{'deny' if denies else 'cancel'}"
            self.scene.ask(by, "POST", path, {"reason": "no"})

    @rule(which=WHICH, by=WHO, kill_after=KILL_AFTER)
    def activate(self, which: int, by: str, kill_after: float | None) -> None:
        for window in self._find(which):
            self.scene.ask(by, "POST", f"windows/{window.window_id}/activate", kill_after=kill_after)

    @rule(which=WHICH, approvers=st.permutations(["adam", "anna", "art"]), kill_after=KILL_AFTER)
    def come_to_an_opening(self, which: int, approvers: list[str], kill_after: float | None) -> None:
        """Several steps in a row, so that many windows come so far."""
        self.scene.request("olga", self.scene.account_ids[which])
        for window in self._find(which):
            for name in approvers[: self.scene.approvals]:
                self.scene.approve(name, window.window_id)
            self.scene.ask("otto", "POST", f"windows/{window.window_id}/activate", kill_after=kill_after)

    @rule(which=WHICH, by=WHO, seconds=st.sampled_from([60, 600]))
    def extend(self, which: int, by: str, seconds: int) -> None:
        for window in self._find(which):
            self.scene.extend(by, window.window_id, seconds)

    @rule(which=WHICH, by=WHO, kill_after=KILL_AFTER)
    def close(self, which: int, by: str, kill_after: float | None) -> None:
        for window in self._find(which):
            self.scene.ask(by, "POST", f"windows/{window.window_id}/close", kill_after=kill_after)

    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        self.scene.delete("olga", self.scene.account_ids[which])

    @rule(seconds=st.sampled_from([1, 60, 600, 1800]))
    def time_passes(self, seconds: int) -> None:
        self.scene.pass_time(seconds)

    @rule(process=WHICH)
    def crash(self, process: int) -> None:
        self.scene.processes[process % len(self.scene.processes)].kill()
        self.scene.revive()

    @precondition(lambda self: len(self.scene.processes) > 1)
    @rule(process=WHICH, which=WHICH)
    def one_is_stopped_for_longer_than_its_lease_and_wakes(self, process: int, which: int) -> None:
        sleeper = self.scene.processes[process]
        sleeper.pause()
        self.scene.pass_time(5)
        if process == 1:
            self.activate(which, "olga", None)
        sleeper.resume()

    def _find(self, which: int) -> Iterator[RecoveryWindow]:
        window = self.scene.find_unfinished(self.scene.account_ids[which])
        return iter(() if window is None else (window,))

    @invariant()
    def every_credential_is_owed(self) -> None:
        if hasattr(self, "scene"):
            self.scene.ensure_owed()
            self.scene.ensure_one_window_each()

    def teardown(self) -> None:
        with self.stack:
            if hasattr(self, "scene"):
                self.scene.ensure_over()


@pytest.fixture(params=["sqlite", "postgresql"])
def lives(request: pytest.FixtureRequest, running_sandbox: SandboxProcess, tmp_path: Path) -> type[Lives]:
    """On SQLite a server alone, on PostgreSQL with a worker."""
    numbers = count(1)

    def make_url(folder: Path) -> str:
        if request.param == "sqlite":
            return f"sqlite:///{folder}/rootkeeper.db"
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        return server.create_current_database()

    class Here(Lives):
        """On the database of this test."""

        def open(self, approvals: int) -> AbstractContextManager[Scene]:
            folder = tmp_path / str(next(numbers))
            folder.mkdir()
            commands = ("serve",) if request.param == "sqlite" else ("serve", "worker")
            return open_scene(running_sandbox, make_url(folder), folder, commands, approvals)

    return Here


@pytest.mark.randomized
def test_p03_p09_p10_p11_p27_hold_on_real_processes_in_any_order_of_deeds(lives: type[Lives]) -> None:
    run_state_machine_as_test(lives, settings=SETTINGS)
