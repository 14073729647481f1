"""kill -9 at random moments of every kind of change, each judged as in the crashes beside it.

Those end the program before and after each call and commit. A random moment can also be within a call, while a file is
written, or while threads work. ``RANDOM_KILLS=17`` kills each of the six kinds 17 times.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator

import pytest

from tests.durations import Stopwatch
from tests.functional.administration import open_client
from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
    assert_no_guard_is_gone,
)
from tests.functional.crash.killing_proxy import KillPoint
from tests.functional.crash.program_runs import KILLED, MOMENT, Program, Run, started_program
from tests.functional.crash.root_users import is_empty
from tests.functional.crash.test_kill_during_deletion import Deletion
from tests.functional.crash.test_kill_during_email_change import AWAITED, EmailChange
from tests.functional.crash.test_kill_during_recovery import NOT_FOUND, Recovery
from tests.functional.crash.test_kill_during_unlock import BucketUnlock, settle

pytestmark = [pytest.mark.long, pytest.mark.randomized, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("RANDOM_KILLS", "2"))
"""Of each kind of change."""

Deed = Callable[[KillPoint | None], Run]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("random")
    with started_program(folder, "--accounts", "5", "--seed", "1", "--features", "all") as program:
        sandbox = program.sandbox
        client = open_client("organizations", sandbox.base_url, sandbox.principals()["management-admin"])
        client.enable_aws_service_access(ServicePrincipal="account.amazonaws.com")
        assert program.run("audit", "--fail-on", "none").status == 0
        program.keep_database()
        yield program


@pytest.fixture(scope="module")
def change(program: Program) -> EmailChange:
    """One for all tests: each change needs an address of its own."""
    return EmailChange(program)


def kill_at_random(start_over: Callable[[], int], deed: Deed, check: Callable[[int, KillPoint], None]) -> None:
    """Measure how long the deed takes, then kill it ``KILLS`` times at random moments; ``check`` runs after each kill.

    A run that ended before its moment is repeated with an earlier moment.
    """
    start_over()
    watch = Stopwatch()
    deed(None)
    lasts_ms = int(watch.seconds * 1000)
    kills = 0
    while kills < KILLS:
        since = start_over()
        point = KillPoint(MOMENT, "after", random.randint(1, max(1, lasts_ms)))  # noqa: S311 - no secret
        killed = deed(point)
        if killed.status != KILLED:
            lasts_ms = min(lasts_ms, point.number)
            continue
        kills += 1
        check(since, point)


def test_p03_p25_a_deletion_killed_at_any_moment_is_settled_by_the_next_run(program: Program) -> None:
    deletion = Deletion(program)

    def check(since: int, point: KillPoint) -> None:
        assert_no_guard_is_gone(program.sandbox.root_user(deletion.account_id), had_mfa=True)
        assert_every_privileged_call_has_an_intent(program.sandbox.requests(since), program.entries())
        settled = program.run(*deletion.command)
        assert settled.status == 0, f"{point}: {settled.stderr}"
        assert is_empty(program.sandbox.root_user(deletion.account_id)), point
        assert_every_privileged_call_has_an_intent(program.sandbox.requests(since), program.entries())
        assert_each_intent_has_one_outcome(program.entries())
        assert_chained(program.entries())

    kill_at_random(deletion.start_over, lambda kill: program.run(*deletion.command, kill=kill), check)


@pytest.mark.parametrize("step", ["opening", "closing"])
def test_p03_p11_a_recovery_killed_at_any_moment_still_owes_its_closing(program: Program, step: str) -> None:
    recovery = Recovery(program)
    if step == "closing":
        recovery.start_over()
        assert recovery.open().status == 0
        program.keep_database("open")

    def check(since: int, point: KillPoint) -> None:
        recovery.assert_nothing_is_forgotten(since, point)
        settled = recovery.close()
        assert settled.status in {0, NOT_FOUND}, f"{point}: {settled.stderr}"
        recovery.assert_settled(since, point)

    if step == "opening":
        kill_at_random(recovery.start_over, lambda kill: recovery.open(kill=kill), check)
    else:
        kill_at_random(recovery.start_over_open, lambda kill: recovery.close(kill=kill), check)


def test_p03_p19_an_unlock_killed_at_any_moment_has_saved_what_is_gone(program: Program) -> None:
    unlock = BucketUnlock(program)

    def check(since: int, point: KillPoint) -> None:
        unlock.assert_saved_if_gone(point)
        assert_every_privileged_call_has_an_intent(program.sandbox.requests(since), program.entries())
        settle(unlock, point)

    kill_at_random(unlock.start_over, lambda kill: program.run(*unlock.command, kill=kill), check)


@pytest.mark.parametrize("step", ["start", "acceptance"])
def test_p03_an_email_change_killed_at_any_moment_is_gone_on_with(
    program: Program, change: EmailChange, step: str
) -> None:
    def start_over_begun() -> int:
        since = change.start_over()
        assert change.begin().status == AWAITED
        return since

    def check(since: int, point: KillPoint) -> None:
        assert_every_privileged_call_has_an_intent(program.sandbox.requests(since), program.entries())
        if not change.read_otps():
            again = change.begin()
            assert again.status == AWAITED, f"{point}: {again.stderr}"
        accepted = change.accept()
        assert accepted.status == 0, f"{point}: {accepted.stderr}"
        assert len(change.read_otps()) == 1, point
        change.assert_settled(since, point)

    if step == "start":
        kill_at_random(change.start_over, lambda kill: change.begin(kill=kill), check)
    else:
        kill_at_random(start_over_begun, lambda kill: change.accept(kill=kill), check)
