"""A queue is read by long polling, and its messages are deleted only when they are acknowledged."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.root_events import AwsRootEventQueue, EventDelivery
from rootkeeper.errors import AwsAccessDeniedError, AwsNotFoundError, AwsUnreachableError, DatabaseError
from tests.fakes.aws_server import CUT, FakeAwsServer, Reply, error_json, error_s3
from tests.fakes.cloudtrail import root_sign_in
from tests.unit.aws.conftest import OPERATOR_KEY

URL = "https://sqs.eu-central-1.amazonaws.com/222233334444/root-events"
SIGN_IN = root_sign_in()
KEY = "AWSLogs/333344445555/CloudTrail/us-east-1/2026/11/01/log.json.gz"
LOG = json.dumps({"s3Bucket": "amzn-s3-demo-trail", "s3ObjectKey": [KEY]})


@dataclass
class Aside:
    """What was kept aside, or why nothing can be."""

    kept: list[tuple[str, str, str]] = field(default_factory=list)
    failure: DatabaseError | None = None

    def keep(self, source_name: str, text: str, problem: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.kept.append((source_name, text, problem))


@pytest.fixture
def aside() -> Aside:
    return Aside()


@pytest.fixture
def queue(operator_clients: AwsClients, aside: Aside) -> AwsRootEventQueue:
    return AwsRootEventQueue(operator_clients, URL, "eu-central-1", aside)


def messages(*bodies: str) -> str:
    found = [{"MessageId": f"m-{n}", "ReceiptHandle": f"r-{n}", "Body": body} for n, body in enumerate(bodies)]
    return json.dumps({"Messages": found})


def parameters_of(aws_server: FakeAwsServer, operation: str) -> list[dict[str, Any]]:
    return [json.loads(one.parameters) for one in aws_server.received if one.operation == operation]


def test_messages_are_waited_for_with_the_operators_credentials(
    queue: AwsRootEventQueue, aws_server: FakeAwsServer
) -> None:
    aws_server.answer_json("ReceiveMessage", messages(json.dumps(SIGN_IN)))
    assert queue.read(4.0) == (EventDelivery("r-0", (SIGN_IN,)),)
    (asked,) = parameters_of(aws_server, "ReceiveMessage")
    assert (asked["QueueUrl"], asked["WaitTimeSeconds"], asked["MaxNumberOfMessages"]) == (URL, 4, 10)
    assert aws_server.received[0].access_key_id == OPERATOR_KEY
    assert "eu-central-1" in aws_server.received[0].headers["authorization"]
    assert queue.name == "sqs:root-events"


def test_no_wait_is_longer_than_sqs_takes(queue: AwsRootEventQueue, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json("ReceiveMessage", "{}")
    assert queue.read(90.0) == ()
    assert queue.read(-1.0) == ()
    assert [one["WaitTimeSeconds"] for one in parameters_of(aws_server, "ReceiveMessage")] == [20, 0]


def test_a_message_is_deleted_only_when_it_is_acknowledged(queue: AwsRootEventQueue, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json("ReceiveMessage", messages(*[json.dumps(SIGN_IN)] * 3))
    aws_server.answer_json("DeleteMessageBatch", '{"Successful": [], "Failed": []}')
    found = queue.read(0)
    assert aws_server.operations == ["ReceiveMessage"]
    queue.acknowledge([found[0], found[2]])
    (deleted,) = parameters_of(aws_server, "DeleteMessageBatch")
    assert [entry["ReceiptHandle"] for entry in deleted["Entries"]] == ["r-0", "r-2"]
    queue.acknowledge([])
    assert aws_server.operations == ["ReceiveMessage", "DeleteMessageBatch"]


def test_many_are_deleted_ten_at_a_time(queue: AwsRootEventQueue, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json("DeleteMessageBatch", '{"Successful": [], "Failed": []}')
    queue.acknowledge([EventDelivery(f"r-{number}", ()) for number in range(23)])
    sizes = [len(one["Entries"]) for one in parameters_of(aws_server, "DeleteMessageBatch")]
    assert sizes == [10, 10, 3]


def test_log_files_of_a_trail_are_read_from_their_bucket(queue: AwsRootEventQueue, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json("ReceiveMessage", messages(LOG))
    content = gzip.compress(json.dumps({"Records": [SIGN_IN, {**SIGN_IN, "eventID": "e-2"}]}).encode())
    aws_server.answer("GetObject", Reply(body=content))
    (delivery,) = queue.read(0)
    assert [record["eventID"] for record in delivery.records] == [SIGN_IN["eventID"], "e-2"]
    assert aws_server.received[-1].path.endswith(KEY)


def test_a_message_that_cant_be_understood_is_kept_aside_and_the_others_come(
    queue: AwsRootEventQueue, aws_server: FakeAwsServer, aside: Aside
) -> None:
    aws_server.answer_json("ReceiveMessage", messages("{broken", json.dumps(SIGN_IN)))
    broken, good = queue.read(0)
    assert (broken.records, good.records) == ((), (SIGN_IN,))
    assert [(name, text) for name, text, _ in aside.kept] == [("sqs:root-events", "{broken")]


@pytest.mark.parametrize("reply", [Reply(body=b"no gzip"), error_s3("NoSuchKey", 404), error_s3("NoSuchBucket", 404)])
def test_a_log_file_that_is_broken_or_gone_is_kept_aside_by_its_message(
    queue: AwsRootEventQueue, aws_server: FakeAwsServer, aside: Aside, reply: Reply
) -> None:
    aws_server.answer_json("ReceiveMessage", messages(LOG))
    aws_server.answer("GetObject", reply)
    (delivery,) = queue.read(0)
    assert delivery.records == ()
    assert [text for _, text, _ in aside.kept] == [LOG]


def test_of_several_log_files_one_that_is_broken_hides_none_of_the_others(
    queue: AwsRootEventQueue, aws_server: FakeAwsServer, aside: Aside
) -> None:
    reported = json.dumps({"s3Bucket": "trail", "s3ObjectKey": ["a.json", "b.json.gz"]})
    aws_server.answer_json("ReceiveMessage", messages(reported))
    aws_server.answer("GetObject", Reply(body=json.dumps({"Records": [SIGN_IN]}).encode()))
    (delivery,) = queue.read(0)
    assert delivery.records == (SIGN_IN,)
    assert [text for _, text, _ in aside.kept] == [reported]


def test_a_log_file_that_may_not_be_read_is_an_error_and_its_message_stays(
    queue: AwsRootEventQueue, aws_server: FakeAwsServer, aside: Aside
) -> None:
    aws_server.answer_json("ReceiveMessage", messages(LOG))
    aws_server.answer("GetObject", error_s3("AccessDenied", 403))
    with pytest.raises(AwsAccessDeniedError, match="s3:GetObject"):
        queue.read(0)
    assert aside.kept == []


def test_a_log_file_that_is_cut_off_on_its_way_is_an_error_and_its_message_stays(
    queue: AwsRootEventQueue, aws_server: FakeAwsServer, aside: Aside
) -> None:
    content = gzip.compress(json.dumps({"Records": [SIGN_IN]}).encode())
    aws_server.answer_json("ReceiveMessage", messages(LOG))
    aws_server.answer("GetObject", Reply(body=content[:40], missing_bytes=len(content) - 40))
    with pytest.raises(AwsUnreachableError, match="s3:GetObject"):
        queue.read(0)
    assert aside.kept == []


def test_a_log_file_that_may_not_be_read_holds_no_other_message_up(
    queue: AwsRootEventQueue, aws_server: FakeAwsServer
) -> None:
    aws_server.answer_json("ReceiveMessage", messages(LOG, json.dumps(SIGN_IN)))
    aws_server.answer("GetObject", error_s3("AccessDenied", 403))
    assert queue.read(0) == (EventDelivery("r-1", (SIGN_IN,)),)


def test_what_cant_be_kept_aside_stays_in_the_queue(
    queue: AwsRootEventQueue, aws_server: FakeAwsServer, aside: Aside
) -> None:
    aside.failure = DatabaseError("The disk is full.")
    aws_server.answer_json("ReceiveMessage", messages("{broken"))
    with pytest.raises(DatabaseError):
        queue.read(0)
    assert aws_server.operations == ["ReceiveMessage"]


def test_a_queue_that_isnt_there_or_cant_be_reached_is_reported(
    queue: AwsRootEventQueue, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ReceiveMessage", error_json("QueueDoesNotExist"))
    with pytest.raises(AwsNotFoundError):
        queue.read(0)
    aws_server.answer("ReceiveMessage", CUT)
    with pytest.raises(AwsUnreachableError):
        queue.read(0)


def test_without_a_region_the_clients_own_is_asked(
    operator_clients: AwsClients, aws_server: FakeAwsServer, aside: Aside
) -> None:
    aws_server.answer_json("ReceiveMessage", "{}")
    AwsRootEventQueue(operator_clients, URL, None, aside).read(0)
    assert operator_clients.region in aws_server.received[0].headers["authorization"]
