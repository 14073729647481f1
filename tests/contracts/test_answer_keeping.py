"""The contract of StoredAnswers, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rootkeeper.access.counts import StoredAnswers
from rootkeeper.access.records import StoredAnswer
from rootkeeper.errors import InputError, JobConflictError
from rootkeeper.ledger.database import open_database
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.answers import InMemoryAnswers
from tests.fakes.clock import FakeClock

ANSWER = StoredAnswer(201, "application/json", '{"window_id":"w-1"}')


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def answers(request: pytest.FixtureRequest) -> Iterator[StoredAnswers]:
    if request.param == "fake":
        yield InMemoryAnswers()
        return
    clock = FakeClock()
    with open_database(find_url(request.param, request)) as database:
        owner = database.register_owner(clock)
        yield StoredAnswers(database.commits, ORGANIZATION_ID, clock, lambda: owner)
        owner.close()


def test_a_request_is_answered_once_and_its_answer_given_again(answers: StoredAnswers) -> None:
    assert answers.claim("u-1 k", "f") is None
    answers.keep("u-1 k", ANSWER)
    assert answers.claim("u-1 k", "f") == ANSWER
    assert answers.claim("u-1 k", "f") == ANSWER
    assert answers.claim("u-2 k", "f") is None


def test_an_answer_without_a_body_is_kept_as_such(answers: StoredAnswers) -> None:
    answers.claim("u-1 k", "f")
    answers.keep("u-1 k", StoredAnswer(200, None, None))
    assert answers.claim("u-1 k", "f") == StoredAnswer(200, None, None)


def test_who_comes_while_it_is_being_answered_waits(answers: StoredAnswers) -> None:
    answers.claim("u-1 k", "f")
    with pytest.raises(JobConflictError):
        answers.claim("u-1 k", "f")


def test_what_wasnt_answered_is_answered_again(answers: StoredAnswers) -> None:
    answers.claim("u-1 k", "f")
    answers.release("u-1 k")
    assert answers.claim("u-1 k", "g") is None


def test_another_request_of_the_same_key_is_refused(answers: StoredAnswers) -> None:
    answers.claim("u-1 k", "f")
    answers.keep("u-1 k", ANSWER)
    with pytest.raises(InputError):
        answers.claim("u-1 k", "g")
