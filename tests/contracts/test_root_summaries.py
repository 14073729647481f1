"""The contract of RootSummaries: on the fake, over the gateway's own transport, and by threads that call botocore."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

import pytest

from rootkeeper.aws.gateway import AwsGateway
from rootkeeper.aws.root_sessions import AwsRootSessions
from rootkeeper.aws.summaries import (
    LoopSummaryReader,
    SummaryAnswer,
    SummaryReader,
    SummaryRequest,
    ThreadedSummaryReader,
)
from rootkeeper.errors import AwsAccessDeniedError, AwsError, AwsThrottledError, AwsUnreachableError, LockLostError
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from tests.contracts.subjects import (
    BLOCKED,
    FOREIGN,
    MANAGEMENT,
    MEMBER,
    SECURITY,
    FakeSubject,
    SandboxSubject,
    Subject,
)
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.fakes.root_users import FakeRootUser, root_user_with_everything
from tests.sandbox_process import SandboxProcess


@dataclass
class Reading:
    """One way to read, and the organization it reads."""

    subject: Subject
    reader: SummaryReader

    def request(self, account_id: AccountId, *, valid_seconds: float = 60) -> SummaryRequest:
        parameters = {"account_ids": [account_id]}
        intent = make_intent(
            self.subject.clock, Action.ACCOUNTS_AUDIT, valid_seconds=valid_seconds, parameters=parameters
        )
        return SummaryRequest(account_id, intent)

    def read(self, *requests: SummaryRequest) -> list[SummaryAnswer]:
        """The answers, in the order of the requests."""
        answers: queue.SimpleQueue[SummaryAnswer] = queue.SimpleQueue()
        for request in requests:
            self.reader.submit(request, answers.put)
        found = [answers.get(timeout=60) for _ in requests]
        return sorted(found, key=lambda answer: requests.index(answer.request))

    def operations(self) -> list[tuple[str, AccountId | None]]:
        return self.subject.operations()


def open_reader(gateway: AwsGateway, kind: str) -> AbstractContextManager[SummaryReader]:
    if kind == "threads":
        return ThreadedSummaryReader(AwsRootSessions(gateway._clients), gateway._clients, 4)
    reader = gateway.open_summary_reader(4)
    assert isinstance(reader, LoopSummaryReader)
    return reader


@pytest.fixture(params=["fake", "loop", "threads"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reading]:
    with ExitStack() as opened:
        if request.param == "fake":
            subject = FakeSubject.add_demo_resources()
            yield Reading(subject, opened.enter_context(subject.organization.open_summary_reader(4)))
            return
        sandbox: SandboxProcess = request.getfixturevalue("contract_sandbox")
        gateway: AwsGateway = request.getfixturevalue("gateway")
        clock: FakeClock = request.getfixturevalue("gateway_clock")
        sandbox.reset()
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        reader = opened.enter_context(open_reader(gateway, request.param))
        yield Reading(SandboxSubject(sandbox, gateway, clock, sandbox.last_request()), reader)


def test_an_account_costs_two_calls_and_its_summary_is_the_truth(reading: Reading) -> None:
    for root_user in (FakeRootUser(), root_user_with_everything()):
        reading.subject.give(MEMBER, root_user)
        (answer,) = reading.read(reading.request(MEMBER))
        assert answer.error is None
        assert answer.summary == reading.subject.truth(MEMBER)
        assert answer.session is not None
        assert answer.session.access_key_id.startswith("ASIA")
    assert [operation for operation, _ in reading.operations()] == ["AssumeRoot", "GetAccountSummary"] * 2


def test_many_accounts_are_read_at_once_and_each_gets_its_own_answer(reading: Reading) -> None:
    reading.subject.give(MEMBER, root_user_with_everything())
    reading.subject.give(SECURITY, FakeRootUser())
    answers = reading.read(*[reading.request(account_id) for account_id in [MEMBER, SECURITY] * 20])
    for answer in answers:
        assert answer.summary == reading.subject.truth(answer.request.account_id)
        assert answer.session is not None
        assert answer.session.account_id == answer.request.account_id
    assert len({answer.session.access_key_id for answer in answers if answer.session}) == 40


@pytest.mark.parametrize("account_id", [MANAGEMENT, FOREIGN])
def test_a_refused_session_is_reported_and_nothing_follows(reading: Reading, account_id: AccountId) -> None:
    (answer,) = reading.read(reading.request(account_id))
    assert isinstance(answer.error, AwsAccessDeniedError)
    assert answer.session is None
    assert [operation for operation, _ in reading.operations()] == ["AssumeRoot"]


def test_p18_a_denial_within_the_session_is_distinguished_by_the_session(reading: Reading) -> None:
    (answer,) = reading.read(reading.request(BLOCKED))
    assert isinstance(answer.error, AwsAccessDeniedError)
    assert answer.session is not None
    assert answer.summary is None


@pytest.mark.parametrize("error", [AwsThrottledError, AwsUnreachableError])
def test_a_second_call_that_fails_for_now_leaves_a_session_that_can_be_used_again(
    reading: Reading, error: type[AwsError]
) -> None:
    find_fault_effects = reading.subject.throttle if error is AwsThrottledError else reading.subject.cut_off
    find_fault_effects("GetAccountSummary")
    (answer,) = reading.read(reading.request(MEMBER))
    if answer.error is not None:  # threads try again by themselves
        assert isinstance(answer.error, error)
        again = reading.request(MEMBER)
        (answer,) = reading.read(SummaryRequest(MEMBER, again.intent, answer.session))
    assert answer.summary == reading.subject.truth(MEMBER)
    assert [operation for operation, _ in reading.operations()] == [
        "AssumeRoot",
        "GetAccountSummary",
        "GetAccountSummary",
    ]


def test_p01_an_intent_that_is_too_old_lets_nothing_leave(reading: Reading) -> None:
    (answer,) = reading.read(reading.request(MEMBER, valid_seconds=0))
    assert isinstance(answer.error, LockLostError)
    assert reading.operations() == []


def test_reading_changes_nothing(reading: Reading) -> None:
    reading.subject.give(MEMBER, root_user_with_everything())
    reading.read(reading.request(MEMBER), reading.request(BLOCKED))
    assert {operation for operation, _ in reading.operations()} == {"AssumeRoot", "GetAccountSummary"}
    assert not reading.subject.truth(MEMBER).is_empty
