"""Slots: what tells workers apart, and what tells that one is gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import make_url

from rootkeeper.engine.databases import NOTICING_GONE_SERVERS
from rootkeeper.engine.slots import (
    SingleSlot,
    WorkerSlots,
    ensure_own_session,
    name_executor,
    parse_executor,
)
from rootkeeper.errors import DatabaseError
from tests.engine_process import wait_until
from tests.postgresql import PostgresqlServer


def test_a_slot_has_a_name_that_tells_it() -> None:
    assert parse_executor(name_executor(12)) == 12
    for name in ("local", "worker-", "worker-x", "other-1", ""):
        assert parse_executor(name) is None


def test_on_a_file_there_is_one_slot_and_nobody_to_take_over_from() -> None:
    slots = SingleSlot()
    slots.take()
    assert slots.executor_id == "local"
    assert slots.beat()
    assert slots.take_again()
    with slots.holding("local") as is_gone:
        assert not is_gone
    slots.release()


@dataclass
class Pooler:
    """Gives each statement of a client the session that its list says next; locks belong to sessions."""

    sessions: list[int]
    locked: set[int] = field(default_factory=set)

    def connect(self) -> PooledConnection:
        return PooledConnection(self)


@dataclass
class PooledConnection:
    """As much of a connection as the check uses."""

    pooler: Pooler
    answer: tuple[Any, ...] = ()

    def __enter__(self) -> PooledConnection:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing."""

    def exec_driver_sql(self, statement: str) -> PooledConnection:
        session = self.pooler.sessions.pop(0)
        if "unlock" in statement:
            self.answer = (session, session in self.pooler.locked)
        elif "lock" in statement:
            self.pooler.locked.add(session)
            self.answer = (session, True)
        else:
            self.answer = (session,)
        return self

    def one(self) -> tuple[Any, ...]:
        return self.answer

    def scalar(self) -> Any:
        return self.answer[0]


def check(sessions: list[int]) -> None:
    pooler = Pooler(sessions)
    ensure_own_session(pooler.connect(), pooler.connect)  # type: ignore[arg-type]  # as much of it as is used


def test_a_connection_of_its_own_is_taken() -> None:
    check([1, 2, 1])


@pytest.mark.parametrize("sessions", [[1, 1, 1], [1, 1, 2], [1, 2, 3], [1, 2, 2]])
def test_a_pooler_that_shares_sessions_is_refused(sessions: list[int]) -> None:
    with pytest.raises(DatabaseError, match="pooler") as raised:
        check(sessions)
    assert "session mode" in (raised.value.hint or "")


@pytest.fixture
def url(postgresql: PostgresqlServer) -> str:
    return postgresql.create_database()


def take(url: str) -> WorkerSlots:
    slots = WorkerSlots(make_url(url), NOTICING_GONE_SERVERS, silence_seconds=60)
    slots.take()
    return slots


def can_hold(slots: WorkerSlots, executor_id: str) -> bool:
    with slots.holding(executor_id) as is_gone:
        return is_gone


def test_each_worker_takes_the_first_free_slot(url: str) -> None:
    first, second = take(url), take(url)
    assert (first.executor_id, second.executor_id) == ("worker-1", "worker-2")
    first.release()
    wait_until(lambda: can_hold(second, "worker-1"), 30)
    third = take(url)
    assert third.executor_id == "worker-1"
    for slots in (second, third):
        slots.release()


def test_the_slot_of_a_living_worker_cant_be_held_and_of_a_dead_one_by_one_alone(url: str) -> None:
    first, second, third = take(url), take(url), take(url)
    with second.holding("worker-1") as is_gone:
        assert not is_gone
    first.release()
    wait_until(lambda: can_hold(third, "worker-1"), 30)
    with second.holding("worker-1") as is_gone, third.holding("worker-1") as is_gone_too:
        assert (is_gone, is_gone_too) == (True, False)
    with third.holding("worker-1") as is_gone:
        assert is_gone
    for name in ("worker-2", "worker-3", "local"):
        with second.holding(name) as is_gone:
            assert not is_gone
    for slots in (second, third):
        slots.release()


def test_a_silent_session_is_ended_by_the_server_and_its_slot_can_be_taken_again(url: str) -> None:
    silent = WorkerSlots(make_url(url), NOTICING_GONE_SERVERS, silence_seconds=6)
    silent.take()
    other = take(url)
    with other.holding("worker-1") as is_gone:
        assert not is_gone
    wait_until(lambda: can_hold(other, "worker-1"), 30)
    assert not silent.beat()
    assert silent.take_again()
    silent.release()
    other.release()


def test_a_lost_slot_is_taken_again_unless_somebody_has_it(postgresql: PostgresqlServer, url: str) -> None:
    lost = take(url)
    name = make_url(url).database
    ended = "pg_terminate_backend(pid, 60000)"  # waited for: the lock goes with the session, after its last word
    postgresql.run(f"SELECT count({ended}) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608 - a name of ours
    assert not lost.beat()
    assert not lost.beat()
    thief = take(url)
    assert thief.executor_id == "worker-1"
    assert not lost.take_again()
    thief.release()
    wait_until(lost.take_again, 30)
    assert lost.beat()
    lost.release()


def test_a_database_that_isnt_there_is_told_without_a_password() -> None:
    slots = WorkerSlots(make_url("postgresql+psycopg://ana:hunter2@127.0.0.1:1/none"), NOTICING_GONE_SERVERS)
    with pytest.raises(DatabaseError) as raised:
        slots.take()
    assert "hunter2" not in raised.value.message
    assert not slots.beat()
    slots.release()
