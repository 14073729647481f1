"""Answers are shared by servers, bounded, and forgotten after a day; a dead process keeps no caller waiting."""

from __future__ import annotations

import pytest

from rootkeeper.access.counts import StoredAnswers
from rootkeeper.access.records import StoredAnswer
from rootkeeper.errors import JobConflictError
from rootkeeper.ledger.database import Database, open_database
from tests.fakes.clock import FakeClock
from tests.unit.database.samples import ORGANIZATION_ID, Stage

ANSWER = StoredAnswer(200, "application/json", "{}")


class Server:
    """One of several on a database."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.owner = database.register_owner(clock)
        self.answers = StoredAnswers(database.commits, ORGANIZATION_ID, clock, lambda: self.owner)


def test_another_server_gives_the_same_answer(stage: Stage, database: Database) -> None:
    clock = FakeClock()
    here = Server(database, clock)
    with open_database(stage.url) as other:
        there = Server(other, clock)
        assert here.answers.claim("k", "f") is None
        with pytest.raises(JobConflictError):
            there.answers.claim("k", "f")
        here.answers.keep("k", ANSWER)
        assert there.answers.claim("k", "f") == ANSWER
        there.owner.close()
    here.owner.close()


def test_what_a_dead_server_didnt_answer_another_one_does(stage: Stage, database: Database) -> None:
    clock = FakeClock()
    here = Server(database, clock)
    here.answers.claim("k", "f")
    here.owner.close()
    there = Server(database, clock)
    assert there.answers.claim("k", "f") is None
    here.answers.keep("k", ANSWER)
    there.answers.keep("k", StoredAnswer(201, None, "there"))
    assert there.answers.claim("k", "f") == StoredAnswer(201, None, "there")
    there.owner.close()


def test_an_answer_is_forgotten_after_a_day(stage: Stage, database: Database) -> None:
    clock = FakeClock()
    here = Server(database, clock)
    here.answers.claim("k", "f")
    here.answers.keep("k", ANSWER)
    clock.advance(86_399)
    assert here.answers.claim("k", "f") == ANSWER
    clock.advance(1)
    assert here.answers.claim("k", "f") is None
    here.owner.close()


def test_a_bounded_number_is_kept_the_youngest_ones(stage: Stage, database: Database) -> None:
    clock = FakeClock()
    here = Server(database, clock)
    answers = StoredAnswers(database.commits, ORGANIZATION_ID, clock, lambda: here.owner, most_kept=3)
    for number in range(5):
        clock.advance(1)
        answers.claim(f"k-{number}", "f")
        answers.keep(f"k-{number}", ANSWER)
    assert len(stage.query("SELECT key_hash FROM kept_answers")) == 3
    assert answers.claim("k-4", "f") == ANSWER
    here.owner.close()


def test_no_key_is_kept_as_it_is(stage: Stage, database: Database) -> None:
    here = Server(database, FakeClock())
    here.answers.claim("u-1 secret-key", "f")
    assert "secret-key" not in str(stage.query("SELECT * FROM kept_answers"))
    here.owner.close()
