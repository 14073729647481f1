"""kill -9 before and after each call and each commit of the change that an unlock makes.

What comes before it, reading and asking, the crashes of deletions go through. At every point, a policy that is
gone is on disk, with its hash in the ledger; the next run settles the rest.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest

from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.killing_proxy import KillPoint
from tests.functional.crash.program_runs import KILLED, Program, Run, parse_calls, started_program

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
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
COMMITS_FROM_THE_COPY_ON = 7
BUCKET, QUEUE = "amzn-s3-demo-locked", "locked"
REGION = "us-east-1"


def deny_everyone(service: str, *resources: str) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": f"{service}:*", "Resource": list(resources)}
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "Everyone", **statement}]})


class Unlock(ABC):
    """Something that has locked everyone out, and the command that removes its policy."""

    service: str
    name: str

    def __init__(self, program: Program) -> None:
        self.program = program
        owner = program.sandbox.principals()["member-admin"]
        self.account_id = owner.account_id
        session = boto3.Session(
            aws_access_key_id=owner.access_key_id,
            aws_secret_access_key=owner.secret_access_key,
            region_name=REGION,
        )
        self.owner: Any = session.client(self.service, endpoint_url=program.sandbox.base_url)
        self.command = ["unlock", self.service, self.account_id, self.name, "--remove", "--yes", "-o", "json"]
        self.create()

    @abstractmethod
    def create(self) -> None: ...

    @property
    @abstractmethod
    def policy(self) -> str: ...

    @abstractmethod
    def look(self) -> None:
        """As the account's own administrator."""

    @abstractmethod
    def lock(self) -> None:
        """Put the policy."""

    @property
    def is_open(self) -> bool:
        """Whether the account's own administrator may look."""
        try:
            self.look()
        except botocore.exceptions.ClientError:
            return False
        return True

    def start_over(self) -> int:
        """Database and policy as before the unlock; the number of the sandbox's last request."""
        self.program.restore_database()
        if self.is_open:
            self.lock()
        return self.program.sandbox.last_request()

    def list_copies(self) -> dict[str, str]:
        """Path → hash, as the ledger has them."""
        saved = [json.loads(one["parameters"]) for one in self.program.entries() if one["action"].endswith(":save")]
        return {one["path"]: one["sha256"] for one in saved}

    def assert_saved_if_gone(self, point: KillPoint) -> None:
        """P19: the policy is in a file, whose hash and path are in the ledger."""
        copies = self.list_copies()
        assert copies or not self.is_open, f"{point}: the policy is gone, and no copy is in the ledger"
        for path, sha256 in copies.items():
            content = Path(path).read_bytes()
            assert json.loads(content) == json.loads(self.policy), point
            assert hashlib.sha256(content).hexdigest() == sha256, point


class BucketUnlock(Unlock):
    service, name = "s3", BUCKET

    def create(self) -> None:
        self.owner.create_bucket(Bucket=BUCKET)

    @property
    def policy(self) -> str:
        return deny_everyone("s3", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*")

    def look(self) -> None:
        self.owner.list_objects_v2(Bucket=BUCKET)

    def lock(self) -> None:
        self.owner.put_bucket_policy(Bucket=BUCKET, Policy=self.policy)


class QueueUnlock(Unlock):
    service, name = "sqs", QUEUE

    def create(self) -> None:
        self.url = self.owner.create_queue(QueueName=QUEUE)["QueueUrl"]
        self.command += ["--regions", REGION]

    @property
    def policy(self) -> str:
        return deny_everyone("sqs", f"arn:aws:sqs:{REGION}:{self.account_id}:{QUEUE}")

    def look(self) -> None:
        self.owner.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])

    def lock(self) -> None:
        self.owner.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": self.policy})


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("unlock")
    with started_program(folder, "--accounts", "5", "--seed", "1", "--features", "all") as program:
        assert program.run("audit", "--fail-on", "none").status == 0
        program.keep_database()
        yield program


@pytest.fixture(scope="module")
def bucket(program: Program) -> Unlock:
    return BucketUnlock(program)


@pytest.fixture(scope="module")
def queue(program: Program) -> Unlock:
    return QueueUnlock(program)


def test_an_undisturbed_unlock_makes_exactly_these_calls(bucket: Unlock) -> None:
    bucket.start_over()
    run = bucket.program.run(*bucket.command)
    assert run.status == 0, run.stderr
    assert list(run.operations[run.operations.index("AssumeRoot") :]) == CALLS
    assert bucket.is_open


@pytest.mark.parametrize("shard", range(SHARDS))
def test_p03_p19_an_unlock_killed_anywhere_has_saved_what_is_gone_and_is_settled_by_the_next_run(
    bucket: Unlock, shard: int
) -> None:
    bucket.start_over()
    points = list_points_of_the_change(bucket.program.run(*bucket.command))
    assert len(points) == 2 * CALLS_OF_THE_CHANGE + COMMITS_OF_THE_CHANGE
    for point in points[shard::SHARDS]:
        _kill_and_settle(bucket, point)
    assert bucket.program.run("ledger", "verify").status == 0


def test_p19_between_the_save_and_the_change_only_the_copy_is_there(bucket: Unlock, queue: Unlock) -> None:
    """Of a queue these points, since settling what was never sent waits for as long as SQS may take."""
    for unlock in (bucket, queue):
        unlock.start_over()
        commits = unlock.program.run(*unlock.command).commits
        copy = commits - COMMITS_FROM_THE_COPY_ON + 1
        for when, copies in (("before", 0), ("after", 1)):
            unlock.start_over()
            point = KillPoint("commit", when, copy)
            assert unlock.program.run(*unlock.command, kill=point).status == KILLED, point
            assert not unlock.is_open, point
            assert len(unlock.list_copies()) == copies, point
            assert len(list_files(unlock)) == 1, point
            assert unlock.program.entries()[-1]["action"].endswith(":save") is (when == "after"), point
            settle(unlock, point)


def test_p03_p19_a_queue_whose_unlock_is_killed_after_the_call_has_its_copy(queue: Unlock) -> None:
    queue.start_over()
    calls = len(queue.program.run(*queue.command).operations)
    for number in (calls - 1, calls):
        _kill_and_settle(queue, KillPoint("call", "after", number))


def list_files(unlock: Unlock) -> list[Path]:
    """The copies on disk, in the ledger or not."""
    return list(unlock.program.database.with_name(f"{unlock.program.database.name}.policies").iterdir())


def list_points_of_the_change(run: Run) -> list[KillPoint]:
    """Those of its last calls and commits."""
    firsts = {
        "call": len(run.operations) - CALLS_OF_THE_CHANGE + 1,
        "commit": run.commits - COMMITS_OF_THE_CHANGE + 1,
    }
    return [point for point in run.kill_points() if point.number >= firsts[point.what]]


def _kill_and_settle(unlock: Unlock, point: KillPoint) -> None:
    since = unlock.start_over()
    killed = unlock.program.run(*unlock.command, kill=point)
    assert killed.status == KILLED, f"{point}: {killed.stderr}"
    unlock.assert_saved_if_gone(point)
    assert_every_privileged_call_has_an_intent(unlock.program.sandbox.requests(since), unlock.program.entries())
    settle(unlock, point)
    assert_every_privileged_call_has_an_intent(unlock.program.sandbox.requests(since), unlock.program.entries())


def settle(unlock: Unlock, point: KillPoint) -> None:
    """Run the command again, and judge what it leaves."""
    settled = unlock.program.run(*unlock.command)
    assert settled.status == 0, f"{point}: {settled.stderr}"
    assert unlock.is_open, point
    unlock.assert_saved_if_gone(point)
    assert_each_intent_has_one_outcome(unlock.program.entries())
    assert_chained(unlock.program.entries())
