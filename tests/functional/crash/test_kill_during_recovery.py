"""kill -9 before and after each call and each commit of a recovery: its opening, and its closing.

At every point, no credential is ever left without a window that owes its closing, and the next run settles it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest

from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.killing_proxy import KillPoint
from tests.functional.crash.program_runs import KILLED, Program, Run, in_listed_order, parse_calls, started_program
from tests.functional.crash.root_users import is_empty

pytestmark = pytest.mark.long

SHARDS = 4
OWING = {"OPENING", "OPEN", "CLOSING", "CLOSE_FAILED"}

OPENING_CALLS = parse_calls(
    """
    # who and where
    GetCallerIdentity DescribeOrganization ListAWSServiceAccessForOrganization ListOrganizationsFeatures
    ListDelegatedAdministrators
    # the inventory, by two threads
    ListAccounts ListRoots ListOrganizationalUnitsForParent
    # may it be opened, and is this machine's clock right
    GetCallerIdentity GetCallerIdentity
    ListAWSServiceAccessForOrganization ListOrganizationsFeatures ListDelegatedAdministrators
    ListRoots ListPolicies ListTargetsForPolicy DescribePolicy
    AssumeRoot GetCallerIdentity GetAccountSummary
    # is the clock right still; the opening, and its re-read
    GetCallerIdentity AssumeRoot GetCallerIdentity GetLoginProfile CreateLoginProfile GetLoginProfile
    """
)
OPENING_COMMITS = 16
CLOSING_CALLS = parse_calls(
    """
    GetCallerIdentity DescribeOrganization
    AssumeRoot GetCallerIdentity GetLoginProfile ListAccessKeys ListSigningCertificates ListMFADevices
    DeleteLoginProfile
    AssumeRoot GetCallerIdentity GetAccountSummary
    """
)
CLOSING_COMMITS = 14
NOT_FOUND = 2


class Recovery:
    """An account without root user credentials, and the commands that open and close a window for it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        organization = program.sandbox.organization()
        self.account_id = next(
            account["account_id"]
            for account in organization["accounts"]
            if account["state"] == "ACTIVE" and account["account_id"] != organization["management_account_id"]
        )

    def start_over(self) -> int:
        """Database and root user as before the recovery; the number of the sandbox's last request."""
        self.program.restore_database()
        self.program.sandbox.put_root_user(self.account_id, {})
        return self.program.sandbox.last_request()

    def start_over_open(self) -> int:
        """The same with the window open, as an undisturbed opening leaves it."""
        self.program.restore_database("open")
        self.program.sandbox.put_root_user(self.account_id, {"recovery_allowed": True})
        return self.program.sandbox.last_request()

    def open(self, kill: KillPoint | None = None) -> Run:
        return self.program.run(
            "recover", self.account_id, "--reason", "drill", "--for", "1h", "--leave-open", "--yes", kill=kill
        )

    def close(self, kill: KillPoint | None = None) -> Run:
        return self.program.run("windows", "close", self.account_id, "--yes", kill=kill)

    def states(self) -> list[str]:
        """The states of the account's windows, read past the program."""
        with contextlib.closing(sqlite3.connect(self.program.database)) as connection:
            rows = connection.execute(
                "SELECT state FROM recovery_windows WHERE account_id = ?", (self.account_id,)
            ).fetchall()
        return [row[0] for row in rows]

    def is_clean(self) -> bool:
        return is_empty(self.program.sandbox.root_user(self.account_id))

    def assert_nothing_is_forgotten(self, since: int, point: KillPoint) -> None:
        assert self.is_clean() or OWING & set(self.states()), f"{point}: left open, and no window owes its closing"
        assert_every_privileged_call_has_an_intent(self.program.sandbox.requests(since), self.program.entries())

    def assert_settled(self, since: int, point: KillPoint) -> None:
        assert self.is_clean(), f"{point}: {self.states()}"
        assert not OWING & set(self.states()), point
        assert_each_intent_has_one_outcome(self.program.entries())
        assert_every_privileged_call_has_an_intent(self.program.sandbox.requests(since), self.program.entries())
        assert_chained(self.program.entries())


@pytest.fixture(scope="module")
def recovery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recovery]:
    folder = tmp_path_factory.mktemp("recovery")
    with started_program(folder, "--accounts", "5", "--seed", "1", "--features", "all") as program:
        assert program.run("audit", "--fail-on", "none").status == 0
        program.keep_database()
        recovery = Recovery(program)
        recovery.start_over()
        assert recovery.open().status == 0
        program.keep_database("open")
        yield recovery


def test_an_undisturbed_recovery_makes_exactly_these_calls_and_commits(recovery: Recovery) -> None:
    recovery.start_over()
    opened = recovery.open()
    assert opened.status == 0, opened.stderr
    assert (in_listed_order(opened.operations), opened.commits) == (OPENING_CALLS, OPENING_COMMITS)
    closed = recovery.close()
    assert closed.status == 0, closed.stderr
    assert (list(closed.operations), closed.commits) == (CLOSING_CALLS, CLOSING_COMMITS)
    assert recovery.states() == ["CLOSED_VERIFIED"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_p03_p11_an_opening_killed_anywhere_still_owes_its_closing(recovery: Recovery, shard: int) -> None:
    recovery.start_over()
    points = recovery.open().kill_points()
    assert len(points) == 2 * len(OPENING_CALLS) + OPENING_COMMITS
    for point in points[shard::SHARDS]:
        since = recovery.start_over()
        killed = recovery.open(kill=point)
        assert killed.status == KILLED, f"{point}: {killed.stderr}"
        recovery.assert_nothing_is_forgotten(since, point)
        settled = recovery.close()
        assert settled.status in {0, NOT_FOUND}, f"{point}: {settled.stderr}"
        recovery.assert_settled(since, point)
    assert recovery.program.run("ledger", "verify").status == 0


@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_p03_p11_a_closing_killed_anywhere_is_gone_on_with(recovery: Recovery, shard: int) -> None:
    recovery.start_over_open()
    points = recovery.close().kill_points()
    assert len(points) == 2 * len(CLOSING_CALLS) + CLOSING_COMMITS
    for point in points[shard::SHARDS]:
        since = recovery.start_over_open()
        killed = recovery.close(kill=point)
        assert killed.status == KILLED, f"{point}: {killed.stderr}"
        recovery.assert_nothing_is_forgotten(since, point)
        settled = recovery.close()
        assert settled.status in {0, NOT_FOUND}, f"{point}: {settled.stderr}"
        recovery.assert_settled(since, point)
    assert recovery.program.run("ledger", "verify").status == 0
