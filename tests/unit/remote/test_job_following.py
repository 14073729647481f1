"""Following a job: its progress is shown, a break of the connection is waited out, an end is an end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from rootkeeper.errors import NotSignedInError, ServerUnreachableError
from rootkeeper.jobs.rules import Job, JobProgress, JobState
from rootkeeper.remote.server import INTERRUPTED_SECONDS, UNREACHABLE_SECONDS, JobFollower
from tests.fakes.clock import FakeClock
from tests.fakes.remote_desk import JOB

GONE = ServerUnreachableError("The server can't be reached.")
DONE = replace(JOB, state=JobState.DONE, progress=JobProgress(3, 3, 1, 1))


@dataclass
class RecordedProgress:
    """Everything that was reported."""

    reported: list[str] = field(default_factory=list)

    def start(self, label: str, total: int | None) -> None:
        self.reported.append(f"start {total}")

    def set_total(self, total: int) -> None:
        self.reported.append(f"total {total}")

    def set_listed(self, count: int) -> None:
        self.reported.append(f"listed {count}")

    def advance(self, *, present: int = 0, unknown: int = 0, unread: int = 0) -> None:
        self.reported.append(f"advance {present} {unknown}")

    def remark(self, text: str) -> None:
        self.reported.append(text)

    def finish(self) -> None:
        self.reported.append("finish")


@dataclass
class Watch:
    """A stop signal that passes time, and stops after so many looks."""

    clock: FakeClock
    looks: int = 1_000

    def asked_once(self) -> bool:
        return self.looks <= 0

    def asked_twice(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.clock.sleep(seconds)
        self.looks -= 1
        return self.asked_once()


@dataclass
class Scene:
    """A server that answers as a test says, the last answer for ever."""

    answers: list[Job | Exception]
    clock: FakeClock = field(default_factory=FakeClock)
    progress: RecordedProgress = field(default_factory=RecordedProgress)
    asked: int = 0

    def read(self, job_id: str) -> Job:
        assert job_id == JOB.job_id
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def follow(self, job: Job = JOB, looks: int = 1_000) -> Job:
        watch = Watch(self.clock, looks)
        return JobFollower(self.read, self.progress, watch, self.clock.monotonic).follow(job)


def at(done: int, *, present: int = 0, unknown: int = 0, total: int | None = 3) -> Job:
    return replace(JOB, state=JobState.RUNNING, progress=JobProgress(total, done, present, unknown))


def test_every_account_is_counted_once() -> None:
    scene = Scene([at(1), at(1), at(3, present=1, unknown=1), DONE])
    assert scene.follow() == DONE
    assert scene.progress.reported == ["start 3", "advance 0 0", "advance 1 1", "advance 0 0", "finish"]


def test_a_total_that_becomes_known_is_shown() -> None:
    scene = Scene([at(1, total=None), at(1, total=7), DONE])
    scene.follow()
    assert "total 7" in scene.progress.reported


def test_the_listing_is_counted() -> None:
    listing = replace(JOB, state=JobState.RUNNING, progress=JobProgress(listed=20))
    scene = Scene([listing, listing, DONE])
    scene.follow()
    assert scene.progress.reported[:2] == ["start None", "listed 20"]


def test_a_job_that_begins_again_is_counted_from_zero() -> None:
    scene = Scene([at(2), at(1), DONE])
    scene.follow()
    assert [reported for reported in scene.progress.reported if reported.startswith("start")] == ["start 3", "start 3"]


def test_a_job_that_is_over_is_not_asked_for() -> None:
    scene = Scene([DONE])
    assert scene.follow(DONE) == DONE
    assert scene.asked == 0


def test_a_server_that_restarts_is_waited_for() -> None:
    scene = Scene([at(1), GONE, GONE, DONE])
    assert scene.follow() == DONE
    reported = [text for text in scene.progress.reported if "server" in text.lower()]
    assert reported == [
        f"{GONE.message} Waiting for the server; the job continues without this command.",
        "The server answers again.",
    ]


def test_a_server_that_stays_away_ends_the_following_with_how_to_go_on() -> None:
    scene = Scene([GONE])
    before = scene.clock.monotonic()
    with pytest.raises(ServerUnreachableError) as caught:
        scene.follow()
    assert UNREACHABLE_SECONDS <= scene.clock.monotonic() - before < UNREACHABLE_SECONDS * 1.5
    assert f"rootkeeper jobs show {JOB.job_id}" in (caught.value.hint or "")


def test_a_token_that_ends_meanwhile_ends_the_following() -> None:
    scene = Scene([at(1), NotSignedInError("The token has ended.")])
    with pytest.raises(NotSignedInError):
        scene.follow()


def test_an_interrupted_job_is_watched_until_a_process_takes_it_up() -> None:
    interrupted = replace(JOB, state=JobState.INTERRUPTED)
    scene = Scene([interrupted, interrupted, at(1), DONE])
    assert scene.follow() == DONE


def test_an_interrupted_job_that_no_one_takes_up_is_left() -> None:
    interrupted = replace(JOB, state=JobState.INTERRUPTED)
    scene = Scene([interrupted])
    before = scene.clock.monotonic()
    assert scene.follow() == interrupted
    assert INTERRUPTED_SECONDS <= scene.clock.monotonic() - before < INTERRUPTED_SECONDS * 1.5


def test_asking_to_stop_leaves_the_job_as_it_is() -> None:
    scene = Scene([at(1)])
    assert scene.follow(looks=3).state is JobState.RUNNING


def pauses_of(clock: FakeClock) -> Iterator[float]:
    yield from clock.slept


def test_looks_become_rarer_and_stay_frequent_enough() -> None:
    scene = Scene([*(at(1) for _ in range(20)), DONE])
    scene.follow()
    pauses = list(pauses_of(scene.clock))
    assert pauses == sorted(pauses)
    assert pauses[0] < 0.5
    assert pauses[-1] == 1.0
