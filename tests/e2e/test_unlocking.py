"""A bucket and a queue whose policy locks everyone out, opened again by a root session, with every client."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.foreign_clients import GO_BUILD_SECONDS, REGION, SDKS, Answer, AwsCommandLine, Keys
from tests.e2e.refusals import UNLOCK_BUCKET, UNLOCK_QUEUE, assume_root_input
from tests.e2e.stage import Stage

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("unlocking"),
    pytest.mark.timeout(GO_BUILD_SECONDS),
    pytest.mark.inputs("clients"),
]

OWNER, SESSION = "owner", "session"
COMMAND_LINE = "aws-command-line"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the story: by the account's administrator or in the root session."""

    caller: str
    service: str
    operation: str
    given: Mapping[str, Any]


@pytest.fixture(scope="module")
def stage(stages: Any) -> Iterator[Stage]:
    with stages("--scenario", "demo", "--features", "all") as stage:
        yield stage


@dataclass(frozen=True, slots=True)
class Client:
    """One of the clients that live the story."""

    name: str
    stage: Stage

    def live(self, task: str, calls: Sequence[Call]) -> list[Answer]:
        """Open a root session of a task on the account, then make the calls."""
        if self.name == COMMAND_LINE:
            return call_by_command_line(self.stage, task, calls)
        return call_by_sdk(self.stage, self.name, task, calls)


@pytest.fixture(params=[*SDKS, COMMAND_LINE])
def client(request: pytest.FixtureRequest, stage: Stage) -> Client:
    return Client(request.param, stage)


def call_by_sdk(stage: Stage, sdk: str, task: str, calls: Sequence[Call]) -> list[Answer]:
    owner = stage.keys("member-admin").as_javascript()
    opening = {
        "service": "sts",
        "operation": "AssumeRoot",
        "credentials": stage.keys("management-admin").as_javascript(),
        "input": assume_root_input(stage.account_id("member-admin"), task),
        "keep": SESSION,
    }
    listed = [
        {"service": call.service, "operation": call.operation, "input": dict(call.given)}
        | ({"credentials": owner} if call.caller == OWNER else {"session": SESSION})
        for call in calls
    ]
    opened, *answers = SDKS[sdk](stage.url, stage.home).call([opening, *listed])
    assert opened.ok
    return answers


def call_by_command_line(stage: Stage, task: str, calls: Sequence[Call]) -> list[Answer]:
    management = AwsCommandLine(stage.url, stage.home, stage.keys("management-admin"))
    opened = management.call("sts", "AssumeRoot", assume_root_input(stage.account_id("member-admin"), task))
    found = opened.output["Credentials"]
    session = Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    clients = {
        OWNER: AwsCommandLine(stage.url, stage.home, stage.keys("member-admin")),
        SESSION: AwsCommandLine(stage.url, stage.home, session),
    }
    return [clients[call.caller].call(call.service, call.operation, call.given) for call in calls]


def deny_everything(action: str, resource: str | Sequence[str]) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def codes(answers: Sequence[Answer]) -> list[str | None]:
    """How each call was refused; ``None`` for those that weren't."""
    return [answer.code for answer in answers]


def test_a_locked_bucket_is_opened_by_its_root_user_alone(client: Client) -> None:
    bucket = f"amzn-s3-demo-locked-{client.name}"
    policy = deny_everything("s3:*", [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"])
    name = {"Bucket": bucket}
    answers = client.live(
        UNLOCK_BUCKET,
        [
            Call(OWNER, "s3", "CreateBucket", name),
            Call(OWNER, "s3", "PutBucketPolicy", name | {"Policy": policy}),
            Call(OWNER, "s3", "GetBucketPolicy", name),
            Call(OWNER, "s3", "DeleteBucketPolicy", name),
            Call(SESSION, "s3", "ListBuckets", {}),
            Call(SESSION, "s3", "GetBucketPolicy", name),
            Call(SESSION, "s3", "ListObjectsV2", name),
            Call(SESSION, "s3", "DeleteBucketPolicy", name),
            Call(OWNER, "s3", "GetBucketPolicy", name),
            Call(OWNER, "s3", "ListObjectsV2", name),
        ],
    )
    denied = "AccessDenied"
    assert codes(answers) == [None, None, denied, denied, None, None, denied, None, "NoSuchBucketPolicy", None]
    assert bucket in [found["Name"] for found in answers[4].output["Buckets"]]
    assert json.loads(answers[5].output["Policy"]) == json.loads(policy)


def test_a_locked_queue_is_opened_by_its_root_user_alone(client: Client, stage: Stage) -> None:
    account_id, name = stage.account_id("member-admin"), f"locked-{client.name}"
    url = {"QueueUrl": f"{stage.url}/{account_id}/{name}"}
    policy = deny_everything("sqs:*", f"arn:aws:sqs:{REGION}:{account_id}:{name}")
    read = url | {"AttributeNames": ["Policy"]}
    answers = client.live(
        UNLOCK_QUEUE,
        [
            Call(OWNER, "sqs", "CreateQueue", {"QueueName": name}),
            Call(OWNER, "sqs", "SetQueueAttributes", url | {"Attributes": {"Policy": policy}}),
            Call(OWNER, "sqs", "GetQueueAttributes", read),
            Call(OWNER, "sqs", "SetQueueAttributes", url | {"Attributes": {"Policy": ""}}),
            Call(SESSION, "sqs", "ListQueues", {"QueueNamePrefix": name}),
            Call(SESSION, "sqs", "GetQueueUrl", {"QueueName": name}),
            Call(SESSION, "sqs", "GetQueueAttributes", read),
            Call(SESSION, "sqs", "SendMessage", url | {"MessageBody": "no task of this session"}),
            Call(SESSION, "sqs", "SetQueueAttributes", url | {"Attributes": {"Policy": ""}}),
            Call(OWNER, "sqs", "GetQueueAttributes", read),
        ],
    )
    # Clients show the code of SQS's model or, as the model says, that of the Query protocol.
    refused = [code and code.removesuffix("Exception") for code in codes(answers)]
    denied = "AccessDenied"
    assert refused == [None, None, denied, denied, None, None, None, denied, None, None]
    assert answers[0].output["QueueUrl"] == url["QueueUrl"]
    assert answers[4].output["QueueUrls"] == [url["QueueUrl"]]
    assert json.loads(answers[6].output["Attributes"]["Policy"]) == json.loads(policy)
    assert "Attributes" not in (answers[9].output or {})
