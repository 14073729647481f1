"""kill -9 before and after each call and each commit of a deletion; the next run settles what is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
    assert_no_guard_is_gone,
)
from tests.functional.crash.killing_proxy import KillPoint
from tests.functional.crash.program_runs import KILLED, Program, in_listed_order, parse_calls, started_program
from tests.functional.crash.root_users import is_empty, with_every_kind

pytestmark = pytest.mark.long

SHARDS = 4

CALLS = parse_calls(
    """
    # who and where
    GetCallerIdentity DescribeOrganization ListAWSServiceAccessForOrganization ListOrganizationsFeatures
    ListDelegatedAdministrators
    # the inventory, by two threads
    ListAccounts ListRoots ListOrganizationalUnitsForParent
    # the plan
    AssumeRoot GetAccountSummary GetLoginProfile GetUser ListAccessKeys GetAccessKeyLastUsed GetAccessKeyLastUsed
    ListSigningCertificates ListMFADevices
    # the deletion
    AssumeRoot GetCallerIdentity GetLoginProfile GetUser ListAccessKeys GetAccessKeyLastUsed GetAccessKeyLastUsed
    ListSigningCertificates ListMFADevices DeleteAccessKey DeleteAccessKey DeleteSigningCertificate
    DeleteLoginProfile ListAccessKeys GetLoginProfile DeactivateMFADevice DeactivateMFADevice
    # the re-read
    AssumeRoot GetCallerIdentity GetAccountSummary
    """
)
COMMITS = 28


class Deletion:
    """The account, and the command that deletes its root user credentials."""

    def __init__(self, program: Program) -> None:
        self.program = program
        accounts = program.sandbox.organization()
        self.account_id = next(
            account["account_id"]
            for account in accounts["accounts"]
            if account["state"] == "ACTIVE" and account["account_id"] != accounts["management_account_id"]
        )
        self.command = ("delete", self.account_id, "--yes", "-o", "json")

    def start_over(self) -> int:
        """Database and root user as before the deletion; the number of the sandbox's last request."""
        self.program.restore_database()
        self.program.sandbox.put_root_user(self.account_id, with_every_kind(self.account_id))
        return self.program.sandbox.last_request()


@pytest.fixture(scope="module")
def deletion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deletion]:
    folder = tmp_path_factory.mktemp("deletion")
    with started_program(folder, "--accounts", "5", "--seed", "1", "--features", "all") as program:
        assert program.run("audit", "--fail-on", "none").status == 0
        program.keep_database()
        yield Deletion(program)


def test_an_undisturbed_deletion_makes_exactly_these_calls_and_commits(deletion: Deletion) -> None:
    deletion.start_over()
    run = deletion.program.run(*deletion.command)
    assert run.status == 0, run.stderr
    assert in_listed_order(run.operations) == CALLS
    assert run.commits == COMMITS


@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_p03_p25_a_deletion_killed_anywhere_is_settled_by_the_next_run(deletion: Deletion, shard: int) -> None:
    deletion.start_over()
    points = deletion.program.run(*deletion.command).kill_points()
    assert len(points) == 2 * len(CALLS) + COMMITS
    for point in points[shard::SHARDS]:
        _kill_and_settle(deletion, point)
    assert deletion.program.run("ledger", "verify").status == 0


def _kill_and_settle(deletion: Deletion, point: KillPoint) -> None:
    program, since = deletion.program, deletion.start_over()
    killed = program.run(*deletion.command, kill=point)
    assert killed.status == KILLED, f"{point}: {killed.stderr}"
    assert_no_guard_is_gone(program.sandbox.root_user(deletion.account_id), had_mfa=True)
    assert_every_privileged_call_has_an_intent(program.sandbox.requests(since), program.entries())

    settled = program.run(*deletion.command)
    assert settled.status == 0, f"{point}: {settled.stderr}"
    assert is_empty(program.sandbox.root_user(deletion.account_id)), point
    assert_each_intent_has_one_outcome(program.entries())
    assert_every_privileged_call_has_an_intent(program.sandbox.requests(since), program.entries())
    assert_chained(program.entries())
