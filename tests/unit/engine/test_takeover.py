"""Keeping a slot, and taking up what others left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from rootkeeper.engine.takeover import SlotKeeping
from rootkeeper.engine.workflows import Sighting
from rootkeeper.errors import DatabaseError


@dataclass
class FakeSlots:
    """Implements Slots."""

    executor_id: str = "worker-1"
    gone: set[str] = field(default_factory=set)
    is_lost: bool = False
    is_taken: bool = False
    is_down: bool = False
    held: list[str] = field(default_factory=list)

    def take(self) -> None:
        self._ensure_up()
        self.executor_id, self.is_lost = "worker-9", False

    def beat(self) -> bool:
        return not (self.is_lost or self.is_down)

    def take_again(self) -> bool:
        self._ensure_up()
        self.is_lost = self.is_taken
        return not self.is_lost

    @contextmanager
    def holding(self, executor_id: str) -> Iterator[bool]:
        self.held.append(executor_id)
        yield executor_id in self.gone

    def release(self) -> None:
        self.held.clear()

    def _ensure_up(self) -> None:
        if self.is_down:
            raise DatabaseError("It is down.")


@dataclass
class Stage:
    """A worker, and what it does about others."""

    slots: FakeSlots = field(default_factory=FakeSlots)
    pending: list[Sighting] = field(default_factory=list)
    resumed: list[dict[str | None, list[str]]] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    seconds: float = 0.0
    keeping: SlotKeeping = field(init=False)

    def __post_init__(self) -> None:
        self.keeping = SlotKeeping(
            self.slots, lambda: list(self.pending), self._resume, self.moved.append, lambda: self.seconds
        )

    def _resume(self, by_queue: Mapping[str | None, list[str]]) -> None:
        self.resumed.append(dict(by_queue))

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.seconds += 1
            self.keeping.tick()


def begun(workflow_id: str, executor_id: str | None, queue: str = "jobs-o-1") -> Sighting:
    return Sighting(workflow_id, "PENDING", executor_id, queue, "1", 0, 0)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_what_a_gone_worker_had_begun_goes_back_to_its_queues(stage: Stage) -> None:
    stage.pending = [
        begun("j-1.1", "worker-2"),
        begun("j-2.1", "worker-2", "jobs-o-2"),
        begun("j-3.1", "worker-3"),
        begun("j-4.1", "worker-1"),
        begun("j-5.1", None),
    ]
    stage.slots.gone = {"worker-2"}
    stage.tick()
    assert stage.resumed == [{"jobs-o-1": ["j-1.1"], "jobs-o-2": ["j-2.1"]}]
    assert stage.slots.held == ["worker-2", "worker-3"]


def test_what_another_took_up_first_is_left_alone(stage: Stage) -> None:
    stage.slots.gone = {"worker-2"}
    answers = iter([[begun("j-1.1", "worker-2")], [begun("j-1.1", "worker-3")]])
    keeping = SlotKeeping(stage.slots, lambda: next(answers), stage._resume, stage.moved.append)
    keeping.tick()
    assert stage.resumed == []


def test_a_lost_slot_is_taken_again_before_anything_is_taken_up(stage: Stage) -> None:
    stage.pending, stage.slots.gone = [begun("j-1.1", "worker-2")], {"worker-2"}
    stage.slots.is_lost = stage.slots.is_taken = True
    stage.tick(4)
    assert stage.resumed == []
    stage.slots.is_taken = False
    stage.tick(1)
    assert len(stage.resumed) == 1
    assert stage.moved == []


def test_a_slot_that_somebody_keeps_is_given_up_for_another(stage: Stage) -> None:
    stage.slots.is_lost = stage.slots.is_taken = True
    stage.tick(11)
    assert stage.moved == []
    stage.tick(1)
    assert stage.moved == ["worker-9"]
    stage.tick(5)
    assert stage.moved == ["worker-9"]


def test_a_move_that_failed_is_tried_again_since_nothing_is_performed_until_it_succeeds(stage: Stage) -> None:
    """The engine is shut down by then, and the new slot is held."""
    failures = iter([True, True, False])

    def move(executor_id: str) -> None:
        if next(failures):
            raise DatabaseError("It is down.")
        stage.moved.append(executor_id)

    stage.keeping = SlotKeeping(stage.slots, lambda: list(stage.pending), stage._resume, move, lambda: stage.seconds)
    stage.pending, stage.slots.gone = [begun("j-1.1", "worker-2")], {"worker-2"}
    stage.slots.is_lost = stage.slots.is_taken = True
    stage.tick(12)
    stage.slots.is_taken = False
    stage.tick(1)
    assert (stage.moved, stage.resumed) == ([], [])
    stage.tick(1)
    assert stage.moved == ["worker-9"]
    stage.tick(3)
    assert stage.moved == ["worker-9"]
    assert len(stage.resumed) == 4


def test_a_database_that_is_down_is_told_and_tried_again(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.slots.is_down = True
    stage.tick(3)
    assert "It is down." in caplog.text
    stage.slots.is_down = False
    stage.tick(1)
    assert stage.slots.beat()


def test_its_thread_ends_with_it(stage: Stage) -> None:
    stage.keeping.take_slot()
    stage.keeping.start()
    stage.keeping.stop()
    stage.keeping.stop()
    stage.keeping.release()
