"""kill -9 around both calls of a change of a root e-mail address, and at each of its commits.

At every point, the next run settles what was left, continues, and needs no second mail where the first was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.functional.administration import open_client
from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.killing_proxy import KillPoint
from tests.functional.crash.program_runs import KILLED, Program, Run, started_program

pytestmark = pytest.mark.long

START, ACCEPT = "StartPrimaryEmailUpdate", "AcceptPrimaryEmailUpdate"
AWAITED = 4
LAST_COMMITS = 5
"""Lock, intent, outcome, unlock, end of the lease."""


class EmailChange:
    """An account, and a new address for it each time, since a change can't be undone."""

    def __init__(self, program: Program) -> None:
        self.program = program
        organization = program.sandbox.organization()
        self.account_id = next(
            account["account_id"]
            for account in organization["accounts"]
            if account["state"] == "ACTIVE" and account["account_id"] != organization["management_account_id"]
        )
        self._numbers = count(1)
        self.address = ""

    def start_over(self) -> int:
        """The database as before the change; the number of the sandbox's last request."""
        self.program.restore_database()
        self.address = f"aws+{next(self._numbers)}@example.com"
        return self.program.sandbox.last_request()

    def run(self, *more: str | Path, kill: KillPoint | None = None) -> Run:
        return self.program.run(
            *("emails", "change", self.account_id, self.address, "--reason", "drill", "--override", "--yes"),
            *map(str, more),
            kill=kill,
        )

    def begin(self, kill: KillPoint | None = None) -> Run:
        """Without a terminal it only starts the change."""
        return self.run(kill=kill)

    def accept(self, kill: KillPoint | None = None) -> Run:
        otps = self.read_otps()
        file = self.program.folder / "otp"
        file.write_text(otps[-1])
        return self.run("--otp-from", file, kill=kill)

    def read_otps(self) -> list[str]:
        bodies = [str(mail["body"]) for mail in self.program.sandbox.mailbox(self.address)]
        return [found[1] for body in bodies if (found := re.search(r"Verification code: (\w+)", body))]

    def is_changed(self) -> bool:
        return bool(self.program.sandbox.accounts()[self.account_id]["email"] == self.address)

    def assert_settled(self, since: int, point: KillPoint) -> None:
        assert self.is_changed(), point
        assert_each_intent_has_one_outcome(self.program.entries())
        assert_every_privileged_call_has_an_intent(self.program.sandbox.requests(since), self.program.entries())
        assert_chained(self.program.entries())


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmailChange]:
    folder = tmp_path_factory.mktemp("emails")
    with started_program(folder, "--accounts", "5", "--seed", "1", "--features", "all") as program:
        sandbox = program.sandbox
        client = open_client("organizations", sandbox.base_url, sandbox.principals()["management-admin"])
        client.enable_aws_service_access(ServicePrincipal="account.amazonaws.com")
        assert program.run("audit", "--fail-on", "none").status == 0
        program.keep_database()
        yield EmailChange(program)


def list_points(run: Run, operation: str) -> list[KillPoint]:
    """Around the changing call, and before each commit from the taking of the account's lock on.

    What follows a commit is what precedes the next call or commit.
    """
    number = run.operations.index(operation) + 1
    calls = [KillPoint("call", when, number) for when in ("before", "after")]
    return [
        *calls,
        *(KillPoint("commit", "before", one) for one in range(run.commits - LAST_COMMITS + 1, run.commits + 1)),
    ]


@pytest.mark.timeout(900)
def test_p03_a_start_killed_anywhere_is_settled_and_gone_on_with(change: EmailChange) -> None:
    change.start_over()
    begun = change.begin()
    assert begun.status == AWAITED, begun.stderr
    for point in list_points(begun, START):
        since = change.start_over()
        killed = change.begin(kill=point)
        assert killed.status == KILLED, f"{point}: {killed.stderr}"
        assert_every_privileged_call_has_an_intent(change.program.sandbox.requests(since), change.program.entries())
        was_sent = bool(change.read_otps())
        if not was_sent:
            again = change.begin()
            assert again.status == AWAITED, f"{point}: {again.stderr}"
        accepted = change.accept()
        assert accepted.status == 0, f"{point}: {accepted.stderr}"
        assert len(change.read_otps()) == 1, point
        change.assert_settled(since, point)
    assert change.program.run("ledger", "verify").status == 0


@pytest.mark.timeout(900)
def test_p03_an_acceptance_killed_anywhere_is_settled_and_gone_on_with(change: EmailChange) -> None:
    change.start_over()
    assert change.begin().status == AWAITED
    undisturbed = change.accept()
    assert undisturbed.status == 0, undisturbed.stderr
    for point in list_points(undisturbed, ACCEPT):
        since = change.start_over()
        assert change.begin().status == AWAITED
        killed = change.accept(kill=point)
        assert killed.status == KILLED, f"{point}: {killed.stderr}"
        assert_every_privileged_call_has_an_intent(change.program.sandbox.requests(since), change.program.entries())
        settled = change.accept()
        assert settled.status == 0, f"{point}: {settled.stderr}"
        assert len(change.read_otps()) == 1, point
        change.assert_settled(since, point)
    assert change.program.run("ledger", "verify").status == 0
