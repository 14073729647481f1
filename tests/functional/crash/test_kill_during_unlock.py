"""kill -9 before and after each call and each commit of the change that an unlock makes.

What comes before it, reading and asking, the crashes of deletions go through. Whatever point it is, a policy that is gone is on disk, with its hash in the ledger; the next run settles the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.killing_proxy import KillPoint
from tests.functional.crash.program_runs import KILLED, Program, Run, parse_calls, started_program

SHARDS = 2

CALLS = parse_calls(
    """
    # what is shown
    AssumeRoot GetCallerIdentity ListBuckets GetBucketPolicy
    # the change, and its re-read
    AssumeRoot GetCallerIdentity GetBucketPolicy DeleteBucketPolicy GetBucketPolicy
    """
)
"""After who calls, where, and the inventory, whose calls are pinned by the crashes of deletions."""
CALLS_OF_THE_CHANGE = 5
COMMITS_OF_THE_CHANGE = 8
"""The lock, the copy, the session's intent and outcome, those of the change, the lock, and the owner's end."""
BUCKET = "amzn-s3-demo-locked"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Everyone",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
            }
        ],
    }
)


class Unlock:
    """A bucket that has locked everyone out, and the command that removes its policy."""

    def __init__(self, program: Program) -> None:
        self.program = program
        owner = program.sandbox.principals()["member-admin"]
        self.account_id = owner.account_id
        self.s3: Any = boto3.Session(
            aws_access_key_id=owner.access_key_id,
            aws_secret_access_key=owner.secret_access_key,
            region_name="us-east-1",
        ).client("s3", endpoint_url=program.sandbox.base_url)
        self.command = ("unlock", "s3", self.account_id, BUCKET, "--remove", "--yes", "-o", "json")
        self.s3.create_bucket(Bucket=BUCKET)

    @property
    def is_open(self) -> bool:
        """Whether the account's own administrator may look at the bucket."""
        try:
            self.s3.list_objects_v2(Bucket=BUCKET)
        except self.s3.exceptions.ClientError:
            return False
        return True

    def start_over(self) -> int:
        """Database and policy as before the unlock; the number of the sandbox's last request."""
        self.program.restore_database()
        if self.is_open:
            self.s3.put_bucket_policy(Bucket=BUCKET, Policy=POLICY)
        return self.program.sandbox.last_request()

    def assert_saved_if_gone(self, point: KillPoint) -> None:
        """P19: the policy is in a file, whose hash and path are in the ledger."""
        if not self.is_open:
            return
        saved = [entry for entry in self.program.entries() if entry["action"] == "bucket_policy:save"]
        copies = {json.loads(entry["parameters"])["path"]: json.loads(entry["parameters"])["sha256"] for entry in saved}
        assert copies, f"{point}: the policy is gone, and no copy is in the ledger"
        for path, sha256 in copies.items():
            content = Path(path).read_bytes()
            assert json.loads(content) == json.loads(POLICY), point
            assert hashlib.sha256(content).hexdigest() == sha256, point


@pytest.fixture(scope="module")
def unlock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unlock]:
    folder = tmp_path_factory.mktemp("unlock")
    with started_program(folder, "--accounts", "5", "--seed", "1", "--features", "all") as program:
        assert program.run("audit", "--fail-on", "none").status == 0
        program.keep_database()
        yield Unlock(program)


def test_an_undisturbed_unlock_makes_exactly_these_calls(unlock: Unlock) -> None:
    unlock.start_over()
    run = unlock.program.run(*unlock.command)
    assert run.status == 0, run.stderr
    assert list(run.operations[run.operations.index("AssumeRoot") :]) == CALLS
    assert unlock.is_open


@pytest.mark.timeout(400)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_p03_p19_an_unlock_killed_anywhere_has_saved_what_is_gone_and_is_settled_by_the_next_run(
    unlock: Unlock, shard: int
) -> None:
    unlock.start_over()
    points = list_points_of_the_change(unlock.program.run(*unlock.command))
    assert len(points) == 2 * (CALLS_OF_THE_CHANGE + COMMITS_OF_THE_CHANGE)
    for point in points[shard::SHARDS]:
        _kill_and_settle(unlock, point)
    assert unlock.program.run("ledger", "verify").status == 0


def list_points_of_the_change(run: Run) -> list[KillPoint]:
    """Those of its last calls and commits."""
    firsts = {
        "call": len(run.operations) - CALLS_OF_THE_CHANGE + 1,
        "commit": run.commits - COMMITS_OF_THE_CHANGE + 1,
    }
    return [point for point in run.kill_points() if point.number >= firsts[point.what]]


def _kill_and_settle(unlock: Unlock, point: KillPoint) -> None:
    program, since = unlock.program, unlock.start_over()
    killed = program.run(*unlock.command, kill=point)
    assert killed.status == KILLED, f"{point}: {killed.stderr}"
    unlock.assert_saved_if_gone(point)
    assert_every_privileged_call_has_an_intent(program.sandbox.requests(since), program.entries())

    settled = program.run(*unlock.command)
    assert settled.status == 0, f"{point}: {settled.stderr}"
    assert unlock.is_open, point
    unlock.assert_saved_if_gone(point)
    assert_each_intent_has_one_outcome(program.entries())
    assert_every_privileged_call_has_an_intent(program.sandbox.requests(since), program.entries())
    assert_chained(program.entries())
