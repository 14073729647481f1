from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from rootkeeper.audit.reading import MOST_TRIES, AccountStatusEvaluator, AuditBatches, AuditTarget
from rootkeeper.aws.pacing import GIVE_UP_SECONDS
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.aws.summaries import Deliver, SummaryAnswer, SummaryRequest
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsThrottledError,
    AwsUnreachableError,
    LedgerUnavailableError,
    LockLostError,
)
from rootkeeper.inventory.listing import Step
from rootkeeper.ledger.rules import Action, Intent, Phase, Result
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.statuses import AccountRole, AccountStatus, RootCredentialsSummary, Status, StatusReason
from tests.fakes.desk import Desk
from tests.fakes.root_sessions import FakeRootSession

NOTHING = RootCredentialsSummary(False, False, False, False)
Answer = Callable[[SummaryRequest, int], "RootCredentialsSummary | Exception"]
"""What comes of an account's try, counted from 1."""


def target(number: int) -> AuditTarget:
    account_id = AccountId(f"{700000000000 + number}")
    account = Account(account_id, "some", "some@example.com", AccountState.ACTIVE, ("r-exam",), "Root")
    return AuditTarget(account, AccountRole.MEMBER, has_open_window=False)


@dataclass
class Stage:
    """Batches over a reader that answers as a test says."""

    answer: Answer = lambda _request, _attempt: NOTHING
    workers: int = 4
    batch_size: int = 10
    opens_session_before_failure: bool = False
    desk: Desk = field(default_factory=Desk)
    requests: list[SummaryRequest] = field(default_factory=list)
    tries: dict[AccountId, int] = field(default_factory=dict)
    statuses: dict[AccountId, AccountStatus] = field(default_factory=dict)
    changed: set[AccountId] = field(default_factory=set)
    """Accounts that aren't any more as they were queued."""
    steps: queue.SimpleQueue[Step] = field(default_factory=queue.SimpleQueue)
    batches: AuditBatches = field(init=False)
    in_flight: int = 0
    widest: int = 0

    def __post_init__(self) -> None:
        organization = self.desk.organization
        judging = AccountStatusEvaluator(
            organization, organization.caller, self.desk.clock, lambda _: None, details=False
        )
        self.batches = AuditBatches(
            tools=replace(self.desk.audit.tools, workers=self.workers, batch_size=self.batch_size),
            reader=self,
            evaluator=judging.evaluate,
            progress=self.desk.progress,
            deliver=self.steps.put,
            take_status=lambda status: self.statuses.__setitem__(status.account.account_id, status),
            is_current=lambda account: account.account_id not in self.changed,
        )

    def submit(self, request: SummaryRequest, deliver: Deliver) -> None:
        self.requests.append(request)
        attempt = self.tries[request.account_id] = self.tries.get(request.account_id, 0) + 1
        self.in_flight += 1
        self.widest = max(self.widest, self.in_flight)
        found = self.answer(request, attempt)
        session = request.session or self.open_session(request.account_id)
        if isinstance(found, Exception):
            deliver(SummaryAnswer(request, session if self.opens_session_before_failure else None, None, found))
        else:
            deliver(SummaryAnswer(request, session, found, None))

    def open_session(self, account_id: AccountId) -> FakeRootSession:
        expires_at = self.desk.clock.now() + timedelta(seconds=900)
        return FakeRootSession(self.desk.organization, account_id, TaskPolicy.AUDIT, f"ASIA{account_id}", expires_at)

    def run(self, count: int) -> dict[AccountId, AccountStatus]:
        self.batches.add(target(number) for number in range(count))
        while not self.batches.is_idle and self.batches.obstacle is None:
            self.batches.start()
            step = self.steps.get_nowait()
            self.in_flight -= 1
            step()
        self.batches.record_rest()
        return self.statuses

    @property
    def outcomes(self) -> list[dict[str, object]]:
        return [dict(entry.parameters) for entry in self.desk.ledger.entries if entry.phase is Phase.OUTCOME]


@pytest.mark.parametrize("count", [0, 1, 10, 137])
def test_every_account_is_read_once_and_every_batch_has_its_outcome(count: int) -> None:
    stage = Stage()
    statuses = stage.run(count)
    assert len(statuses) == count
    assert all(tries == 1 for tries in stage.tries.values())
    assert stage.desk.store.statuses == statuses
    assert stage.desk.ledger.open_intents == []
    assert len(stage.desk.ledger.list_audited()) == -(-count // 10)


def test_p01_a_batch_s_outcome_names_the_session_of_each_account_and_the_request_that_opened_it() -> None:
    stage = Stage()
    statuses = stage.run(3)
    assert stage.outcomes == [
        {
            "sessions": {one: f"ASIA{one}" for one in statuses},
            "request_ids": dict.fromkeys(statuses, "request-of-assume-root"),
            "unread": {},
            "not_sent": [],
        },
    ]


def test_p15_no_more_are_in_flight_than_there_is_room_for() -> None:
    stage = Stage(workers=4, batch_size=10)
    stage.run(200)
    assert stage.widest <= 4 - 1 + 10


def test_p15_a_throttled_account_goes_to_the_end_of_the_queue_and_is_not_lost() -> None:
    first = target(0).account_id

    def throttle_once(request: SummaryRequest, attempt: int) -> RootCredentialsSummary | Exception:
        return AwsThrottledError("slow down") if request.account_id == first and attempt == 1 else NOTHING

    stage = Stage(throttle_once, batch_size=5)
    statuses = stage.run(20)
    assert {status.status for status in statuses.values()} == {Status.NOT_PRESENT}
    asked = [request.account_id for request in stage.requests]
    assert asked[0] == first
    assert asked.index(first, 1) > 10
    assert stage.outcomes[0]["unread"] == {first: "throttled"}
    assert stage.desk.ledger.open_intents == []


def test_p15_an_account_that_cannot_be_reached_is_unknown_after_eight_tries_and_counted() -> None:
    stage = Stage(lambda _request, _attempt: AwsUnreachableError("cut off"))
    statuses = stage.run(3)
    assert set(stage.tries.values()) == {MOST_TRIES}
    assert {(status.status, status.reason) for status in statuses.values()} == {(Status.UNKNOWN, StatusReason.ERROR)}


def test_p15_an_account_is_never_given_up_by_a_count_of_throttles_while_others_are_read() -> None:
    accounts = 40
    stage = Stage(workers=1, batch_size=1)

    def read_one_in_each_round(request: SummaryRequest, attempt: int) -> RootCredentialsSummary | Exception:
        stage.desk.clock.advance(GIVE_UP_SECONDS / accounts * 0.9)
        return AwsThrottledError("slow down") if attempt <= int(request.account_id[-2:]) else NOTHING

    stage.answer = read_one_in_each_round
    statuses = stage.run(accounts)
    assert max(stage.tries.values()) == accounts
    assert {status.status for status in statuses.values()} == {Status.NOT_PRESENT}


def test_p15_accounts_are_unknown_once_no_account_at_all_was_read_for_long() -> None:
    stage = Stage()

    def throttle(_request: SummaryRequest, _attempt: int) -> AwsThrottledError:
        stage.desk.clock.advance(1)
        return AwsThrottledError("slow down")

    stage.answer = throttle
    started = stage.desk.clock.monotonic()
    statuses = stage.run(3)
    passed = stage.desk.clock.monotonic() - started
    assert GIVE_UP_SECONDS <= passed <= GIVE_UP_SECONDS + 10
    assert {status.reason for status in statuses.values()} == {StatusReason.THROTTLED}


def test_each_try_waits_longer_than_the_one_before_but_never_as_long_as_a_lease() -> None:
    stage = Stage(lambda _request, attempt: AwsThrottledError("slow down") if attempt < 12 else NOTHING)
    stage.run(1)
    delays = [request.delay_seconds for request in stage.requests]
    assert delays[0] == 0
    assert delays[1:] == sorted(delays[1:])
    assert 0 < delays[1] < delays[-1] <= 2


def test_a_session_of_an_earlier_try_is_used_again() -> None:
    def fail_once(request: SummaryRequest, attempt: int) -> RootCredentialsSummary | Exception:
        return AwsThrottledError("slow down") if attempt == 1 else NOTHING

    stage = Stage(fail_once, opens_session_before_failure=True)
    stage.run(1)
    assert [request.session is not None for request in stage.requests] == [False, True]


def test_p09_a_session_that_ends_soon_is_not_used_again() -> None:
    stage = Stage(opens_session_before_failure=True)

    def fail_late(request: SummaryRequest, attempt: int) -> RootCredentialsSummary | Exception:
        if attempt > 1:
            return NOTHING
        return AwsThrottledError("slow down")

    stage.answer = fail_late
    original = stage.open_session

    def open_short(account_id: AccountId) -> FakeRootSession:
        session = original(account_id)
        session.expires_at = stage.desk.clock.now() + timedelta(seconds=30)
        return session

    stage.open_session = open_short  # type: ignore[method-assign]  # sessions of this test end soon
    stage.run(1)
    assert [request.session for request in stage.requests] == [None, None]


def test_a_refusal_is_final() -> None:
    stage = Stage(lambda _request, _attempt: AwsAccessDeniedError("no", request_id="of-the-denial"))
    statuses = stage.run(2)
    assert set(stage.tries.values()) == {1}
    assert [outcome["request_ids"] for outcome in stage.outcomes] == [dict.fromkeys(statuses, "of-the-denial")]
    assert {status.reason for status in statuses.values()} == {StatusReason.ACCESS_DENIED}


def test_an_account_whose_intent_grew_too_old_gets_a_new_one() -> None:
    def refuse_once(_request: SummaryRequest, attempt: int) -> RootCredentialsSummary | Exception:
        return LockLostError("too old") if attempt == 1 else NOTHING

    stage = Stage(refuse_once)
    statuses = stage.run(3)
    assert {status.status for status in statuses.values()} == {Status.NOT_PRESENT}
    named = [account_id for accounts in stage.desk.ledger.list_audited() for account_id in accounts]
    assert sorted(named) == sorted([*statuses, *statuses])
    assert stage.outcomes[0]["not_sent"] == sorted(statuses)
    assert stage.desk.ledger.open_intents == []


def test_where_intents_grow_too_old_fewer_accounts_are_taken_at_once() -> None:
    turns = 0

    def only_the_first_of_each_batch(request: SummaryRequest, attempt: int) -> RootCredentialsSummary | Exception:
        nonlocal turns
        turns += 1
        named = request.intent.parameters["account_ids"]
        assert isinstance(named, list)
        return NOTHING if request.account_id == named[0] else LockLostError("too old")

    stage = Stage(only_the_first_of_each_batch, workers=16, batch_size=16)
    statuses = stage.run(32)
    assert {status.status for status in statuses.values()} == {Status.NOT_PRESENT}
    assert turns < 200


def test_an_account_whose_intents_are_always_too_old_is_unknown() -> None:
    stage = Stage()

    def refuse(_request: SummaryRequest, _attempt: int) -> LockLostError:
        stage.desk.clock.advance(30)
        return LockLostError("too old")

    stage.answer = refuse
    statuses = stage.run(1)
    assert [status.status for status in statuses.values()] == [Status.UNKNOWN]


def test_credentials_of_the_operator_that_ended_stop_everything() -> None:
    stage = Stage(lambda _request, _attempt: AwsCredentialsError("expired"))
    assert stage.run(30) == {}
    assert stage.batches.obstacle is not None
    assert len(stage.requests) <= 13
    assert stage.desk.ledger.open_intents == []


def test_p02_no_session_is_opened_without_an_intent_on_disk() -> None:
    stage = Stage()
    stage.desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        stage.run(3)
    assert stage.requests == []


def test_a_batch_that_another_process_settled_is_remarked_and_its_statuses_are_kept() -> None:
    stage = Stage()
    stage.batches.add([target(1)])
    stage.batches.start()
    stage.desk.ledger.append_outcome(Intent(1, Action.ACCOUNTS_AUDIT, None, 0.0), Result.UNKNOWN)
    stage.steps.get_nowait()()
    stage.batches.record_rest()
    assert len(stage.desk.store.statuses) == 1
    assert any("settled by another process" in remark for remark in stage.desk.progress.remarks)


def test_p01_after_a_stop_that_waits_for_no_one_no_account_is_said_not_to_have_been_asked() -> None:
    stage = Stage()
    stage.batches.add([target(0), target(1)])
    stage.batches.start()
    stage.steps.get_nowait()()
    stage.batches.record_rest()
    first, second = target(0).account_id, target(1).account_id
    assert stage.outcomes == [
        {
            "sessions": {first: f"ASIA{first}"},
            "request_ids": {first: "request-of-assume-root"},
            "unread": {second: "unanswered"},
            "not_sent": [],
        },
    ]
    assert stage.desk.ledger.open_intents == []


def test_a_batch_that_is_not_full_waits_a_little_for_more_while_others_are_read() -> None:
    stage = Stage(workers=8, batch_size=10)
    stage.batches.add([target(0)])
    stage.batches.start()
    stage.batches.add([target(1)])
    stage.batches.start()
    assert len(stage.requests) == 1
    stage.desk.clock.advance(1)
    stage.batches.start()
    assert len(stage.requests) == 2


def test_what_was_read_is_kept_soon_though_nothing_more_comes() -> None:
    stage = Stage()
    stage.batches.add(target(number) for number in range(4))
    stage.batches.start()
    for _ in range(3):
        stage.steps.get_nowait()()
    assert set(stage.desk.store.statuses) == {target(0).account_id}
    stage.batches.keep_up()
    assert set(stage.desk.store.statuses) == {target(0).account_id}
    stage.desk.clock.advance(0.5)
    stage.batches.keep_up()
    assert set(stage.desk.store.statuses) == {target(number).account_id for number in range(3)}


def test_what_was_read_of_an_account_that_has_changed_meanwhile_does_not_count() -> None:
    stage = Stage(changed={target(1).account_id})
    assert set(stage.run(3)) == {target(0).account_id, target(2).account_id}
    assert set(stage.desk.store.statuses) == {target(0).account_id, target(2).account_id}
    assert stage.desk.ledger.open_intents == []
