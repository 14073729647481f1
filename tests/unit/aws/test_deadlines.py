"""A call to AWS ends at its deadline, however slowly its answer comes, and isn't sent again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rootkeeper.aws.clients import AwsClients, GatewayOptions
from rootkeeper.errors import AwsUnclearError, AwsUnreachableError
from rootkeeper.ledger.rules import Action
from tests.durations import Stopwatch
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.dripping_server import dripping
from tests.fakes.intents import make_intent

CALL_SECONDS = 1.0
PATIENCE_SECONDS = 8.0
"""Far less than the read timeout of 60 s, and than eight attempts."""
PARTS = ("headers", "body")


@pytest.fixture
def open_clients(
    operator_environment: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AwsClients:
    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("aws_server").url)
    return AwsClients(GatewayOptions(read_timeout_seconds=60, call_timeout_seconds=CALL_SECONDS), clock)


@pytest.mark.parametrize("part", PARTS)
def test_p11_a_reading_call_with_a_dripping_answer_ends_at_its_deadline(
    part: str, operator_environment: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Stopwatch()
    with dripping(part) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        options = GatewayOptions(read_timeout_seconds=60, call_timeout_seconds=CALL_SECONDS)
        with pytest.raises(AwsUnreachableError, match="took too long"):
            AwsClients(options, clock).sts.read("GetCallerIdentity")
        assert server.requests == 1, "it isn't sent again"
    assert watch.seconds < PATIENCE_SECONDS


@pytest.mark.parametrize("part", PARTS)
def test_p06_a_changing_call_with_a_dripping_answer_is_unclear(
    part: str, operator_environment: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Stopwatch()
    intent = make_intent(clock, Action.FEATURE_ENABLE)
    with dripping(part) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        options = GatewayOptions(read_timeout_seconds=60, call_timeout_seconds=CALL_SECONDS)
        with pytest.raises(AwsUnclearError, match="may have acted"):
            AwsClients(options, clock).iam_changing.change("EnableOrganizationsRootSessions", intent, clock)
        assert server.requests == 1
    assert watch.seconds < PATIENCE_SECONDS


def test_retries_end_at_the_deadline_too(open_clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetCallerIdentity", error_xml("InternalFailure", 500))
    with pytest.raises(AwsUnreachableError):
        open_clients.sts.read("GetCallerIdentity")
    assert len(aws_server.received) < 8


def test_a_throttled_call_begins_its_time_again(
    open_clients: AwsClients, aws_server: FakeAwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = AwsClients(GatewayOptions(read_timeout_seconds=60, call_timeout_seconds=60), open_clients.clock)
    each_takes = SimpleNamespace(monotonic=lambda: 40.0 * len(aws_server.received))
    monkeypatch.setattr("rootkeeper.aws.deadlines.time", each_takes)
    aws_server.answer("GetCallerIdentity", error_xml("Throttling"), answer_xml("GetCallerIdentity", "<Arn>arn</Arn>"))
    assert clients.sts.read("GetCallerIdentity")["Arn"] == "arn"
    assert len(aws_server.received) == 2


def test_the_next_call_has_all_its_time(open_clients: AwsClients, aws_server: FakeAwsServer) -> None:
    answer = answer_xml("GetCallerIdentity", "<Arn>arn</Arn>")
    aws_server.answer("GetCallerIdentity", Reply(body=answer.body, delay_seconds=CALL_SECONDS * 0.6))
    for _ in range(3):
        assert open_clients.sts.read("GetCallerIdentity")["Arn"] == "arn"
