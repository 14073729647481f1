from __future__ import annotations

import json

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.resources import AwsQueuePolicies
from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.errors import AwsNotFoundError, AwsUnclearError, AwsUnreachableError
from rootkeeper.ledger.rules import Action
from tests.fakes.aws_server import CUT, FakeAwsServer, Reply
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.unit.aws.unlock_sessions import ACCOUNT, SESSION_KEY, make_calls

QUEUE = Resource(ResourceKind.QUEUE, ACCOUNT, "orders", "eu-west-1", "aws")
POLICY = '{"Statement":[]}'
GONE = Reply(
    400,
    '{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}',
    headers=(("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender"),),
)


def url(name: str = "orders", account_id: str = ACCOUNT) -> str:
    return f"https://elsewhere.example.com/{account_id}/{name}"


def answer(**members: object) -> Reply:
    return Reply(body=json.dumps(members))


@pytest.fixture
def queues(regional_clients: AwsClients) -> AwsQueuePolicies:
    return AwsQueuePolicies(make_calls(regional_clients, "sqs"))


def test_queues_are_listed_to_the_end_and_none_are_none(queues: AwsQueuePolicies, aws_server: FakeAwsServer) -> None:
    aws_server.answer(
        "ListQueues", answer(QueueUrls=[url()], NextToken="more"), answer(QueueUrls=[url("b"), url("a")]), answer()
    )
    assert [queue.name for queue in queues.list_resources("eu-west-1")] == ["a", "b", "orders"]
    assert queues.list_resources("eu-west-1") == ()
    assert json.loads(aws_server.received[1].parameters) == {"MaxResults": 1000, "NextToken": "more"}


def test_an_empty_answer_of_another_server_is_not_an_account_without_queues(
    queues: AwsQueuePolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListQueues", Reply(body="{}", request_id=""))
    with pytest.raises(AwsUnreachableError):
        queues.list_resources("eu-west-1")
    aws_server.answer("GetQueueUrl", answer(QueueUrl=url()))
    aws_server.answer("GetQueueAttributes", Reply(body="{}", request_id=""))
    with pytest.raises(AwsUnreachableError):
        queues.find_policy(QUEUE)


def test_a_queue_of_another_account_or_name_is_no_answer(queues: AwsQueuePolicies, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListQueues", answer(QueueUrls=[url(account_id="999999999999")]))
    with pytest.raises(AwsUnreachableError, match="account"):
        queues.list_resources("eu-west-1")
    aws_server.answer("GetQueueUrl", answer(QueueUrl=url("another")))
    with pytest.raises(AwsUnreachableError, match="another"):
        queues.find_resource("orders", "eu-west-1")


def test_a_queue_is_found_by_its_name(queues: AwsQueuePolicies, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetQueueUrl", answer(QueueUrl=url()), GONE)
    assert queues.find_resource("orders", "eu-west-1") == QUEUE
    assert queues.find_resource("orders", "eu-west-1") is None


def test_calls_go_to_the_clients_own_endpoint_regardless_of_the_queues_url(
    queues: AwsQueuePolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("GetQueueUrl", answer(QueueUrl=url()))
    aws_server.answer("GetQueueAttributes", answer(Attributes={"Policy": POLICY}), answer(Attributes={}), answer())
    assert queues.find_policy(QUEUE) == POLICY
    assert queues.find_policy(QUEUE) is None
    assert queues.find_policy(QUEUE) is None
    assert aws_server.operations == ["GetQueueUrl", *["GetQueueAttributes"] * 3]
    assert {request.access_key_id for request in aws_server.received} == {SESSION_KEY}


def test_the_policy_of_a_queue_that_is_gone_is_not_none(queues: AwsQueuePolicies, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetQueueUrl", GONE)
    with pytest.raises(AwsNotFoundError):
        queues.find_policy(QUEUE)


def test_an_empty_policy_takes_it_away(queues: AwsQueuePolicies, aws_server: FakeAwsServer, clock: FakeClock) -> None:
    aws_server.answer("GetQueueUrl", answer(QueueUrl=url()))
    aws_server.answer("SetQueueAttributes", answer())
    queues.remove_policy(QUEUE, make_intent(clock, Action.QUEUE_POLICY_SET, ACCOUNT))
    queues.put_policy(QUEUE, POLICY, make_intent(clock, Action.QUEUE_POLICY_SET, ACCOUNT))
    sent = [json.loads(request.parameters) for request in aws_server.received if "Set" in request.operation]
    assert [one["Attributes"] for one in sent] == [{"Policy": ""}, {"Policy": POLICY}]


def test_p04_an_unclear_answer_is_reported_and_never_sent_again(
    queues: AwsQueuePolicies, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("GetQueueUrl", answer(QueueUrl=url()))
    aws_server.answer("SetQueueAttributes", CUT)
    with pytest.raises(AwsUnclearError):
        queues.remove_policy(QUEUE, make_intent(clock, Action.QUEUE_POLICY_SET, ACCOUNT))
    assert aws_server.operations == ["GetQueueUrl", "SetQueueAttributes"]
