from __future__ import annotations

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.errors import LockLostError
from rootkeeper.ledger.rules import Action
from tests.fakes.aws_server import FakeAwsServer, Reply
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.unit.aws.unlock_sessions import ACCOUNT, make_calls

DELETE = ("us-east-1", "DeleteBucketPolicy", Action.BUCKET_POLICY_DELETE)


def test_no_change_leaves_before_the_identity_was_checked(
    regional_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    calls = make_calls(regional_clients, "s3", is_identified=False)
    with pytest.raises(ValueError, match="before the identity"):
        calls.change(*DELETE, make_intent(clock, Action.BUCKET_POLICY_DELETE, ACCOUNT), Bucket="amzn-s3-demo-bucket")
    assert aws_server.received == []


def test_no_change_leaves_on_an_intent_of_something_else(
    regional_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    calls = make_calls(regional_clients, "s3")
    for intent in (
        make_intent(clock, Action.BUCKET_POLICY_PUT, ACCOUNT),
        make_intent(clock, Action.BUCKET_POLICY_DELETE, None),
    ):
        with pytest.raises(ValueError, match="the intent is of"):
            calls.change(*DELETE, intent, Bucket="amzn-s3-demo-bucket")
    assert aws_server.received == []


def test_no_change_leaves_once_the_lease_may_have_run_out(
    regional_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    calls = make_calls(regional_clients, "s3")
    intent = make_intent(clock, Action.BUCKET_POLICY_DELETE, ACCOUNT, valid_seconds=5)
    clock.advance(6)
    with pytest.raises(LockLostError):
        calls.change(*DELETE, intent, Bucket="amzn-s3-demo-bucket")
    assert aws_server.received == []


def test_what_is_listed_is_read_within_the_session(regional_clients: AwsClients, aws_server: FakeAwsServer) -> None:
    """Even if it is looked at later: the credentials are entered while the calls are made."""
    aws_server.answer("ListQueues", Reply(body='{"QueueUrls": ["one"]}'))
    found = make_calls(regional_clients, "sqs").list_all("us-east-1", "ListQueues", "QueueUrls")
    assert list(found) == ["one"]


def test_credentials_are_not_shown(regional_clients: AwsClients) -> None:
    assert "example" not in repr(make_calls(regional_clients, "s3")).replace("AwsClients", "")
