"""Answers that are given again."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.api.replays import KEPT_SECONDS, Replay, Replays
from rootkeeper.domain.access import Identity, IdentityKind, ServerRole
from rootkeeper.errors import InputError, JobConflictError
from tests.fakes.clock import START, FakeClock

ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.OPERATOR, "admin", START)


def begin(replays: Replays, key: str | None = "k-1", method: str = "POST", body: bytes = b"{}") -> Replay | None:
    headers = [] if key is None else [(b"idempotency-key", key.encode())]
    scope = {"type": "http", "method": method, "path": "/api/v1/windows", "headers": headers, "query_string": b""}
    scope |= {"server": ("127.0.0.1", 8700), "scheme": "http"}
    return replays.begin(Request(scope), body, ANA)


def begin_and_end(replays: Replays, key: str) -> Replay:
    replay = begin(replays, key)
    assert replay is not None
    replays.end(replay, Response(key))
    return replay


def test_only_a_post_with_a_key_is_remembered() -> None:
    replays = Replays(FakeClock())
    assert begin(replays, None) is None
    assert begin(replays, method="GET") is None


def test_a_request_whose_first_one_is_being_answered_waits() -> None:
    replays = Replays(FakeClock())
    first = begin(replays)
    assert first is not None
    with pytest.raises(JobConflictError):
        begin(replays)
    replays.end(first, None)
    assert begin(replays) is not None


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_has_a_length(key: str) -> None:
    with pytest.raises(InputError):
        begin(Replays(FakeClock()), key)


def test_an_answer_is_forgotten_after_a_day() -> None:
    clock = FakeClock()
    replays = Replays(clock)
    kept = begin_and_end(replays, "k-1")
    clock.advance(KEPT_SECONDS)
    assert begin(replays) is kept
    clock.advance(1)
    fresh = begin(replays)
    assert fresh is not kept


def test_a_bounded_number_of_answers_is_kept_the_youngest_ones() -> None:
    replays = Replays(FakeClock())
    kept = [begin_and_end(replays, f"k-{number}") for number in range(1_001)]
    assert begin(replays, "k-1000") is kept[1_000]
    assert begin(replays, "k-0") is not kept[0]
