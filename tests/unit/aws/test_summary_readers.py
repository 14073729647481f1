from __future__ import annotations

import asyncio
import queue
import sys
import threading
import time

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.summaries import (
    LoopSummaryReader,
    SummaryAnswer,
    SummaryRequest,
    ThreadedSummaryReader,
    create_event_loop,
    open_reader,
)
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from tests.fakes.aws_server import FakeAwsServer, Reply, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent

MEMBER = AccountId("222233334444")


def request_of(clock: FakeClock, *, delay_seconds: float = 0) -> SummaryRequest:
    intent = make_intent(clock, Action.ACCOUNTS_AUDIT)
    return SummaryRequest(MEMBER, intent, delay_seconds=delay_seconds)


def test_the_way_is_the_gateway_s_own_unless_there_is_a_proxy(
    operator_clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(open_reader(operator_clients, 4), LoopSummaryReader)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with open_reader(operator_clients, 4) as reader:
        assert isinstance(reader, ThreadedSummaryReader)


def test_no_more_calls_are_in_flight_than_the_reader_was_opened_for(
    operator_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    let_go = threading.Event()
    aws_server.answer("AssumeRoot", Reply(error_xml("AccessDenied", 403).status, "<x/>", waits_for=let_go))
    answers: queue.SimpleQueue[SummaryAnswer] = queue.SimpleQueue()
    with open_reader(operator_clients, 2) as reader:
        for _ in range(4):
            reader.submit(request_of(clock), answers.put)
        while len(aws_server.received) < 2:
            time.sleep(0.01)
        time.sleep(0.1)  # for a third, that mustn't come
        assert len(aws_server.received) == 2
        let_go.set()
        for _ in range(4):
            answers.get(timeout=60)
    assert len(aws_server.received) == 4


def test_leaving_drops_what_is_not_answered(
    operator_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    answers: queue.SimpleQueue[SummaryAnswer] = queue.SimpleQueue()
    with open_reader(operator_clients, 2) as reader:
        for _ in range(4):
            reader.submit(request_of(clock, delay_seconds=30), answers.put)
    assert answers.empty()
    assert aws_server.received == []


def test_a_bug_is_delivered_as_what_it_is(operator_clients: AwsClients, clock: FakeClock) -> None:
    answers: queue.SimpleQueue[SummaryAnswer] = queue.SimpleQueue()
    wrong = SummaryRequest(MEMBER, make_intent(clock, Action.LOGIN_PROFILE_CREATE, MEMBER))
    with open_reader(operator_clients, 2) as reader:
        reader.submit(wrong, answers.put)
        assert isinstance(answers.get(timeout=60).error, ValueError)


def test_a_bundle_that_cannot_be_read_is_an_error_at_once(
    operator_clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/missing/bundle.pem")
    with pytest.raises(OSError, match="No such file"):
        open_reader(operator_clients, 2)


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop doesn't exist on Windows")
def test_the_loop_is_uvloop_s_and_works() -> None:
    with asyncio.Runner(loop_factory=create_event_loop) as runner:
        assert runner.run(asyncio.sleep(0, "done")) == "done"
        assert type(runner.get_loop()).__module__.startswith("uvloop")
