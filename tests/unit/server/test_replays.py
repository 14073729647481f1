"""Answers that are given again."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from rootkeeper.access.records import StoredAnswer
from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from rootkeeper.errors import DatabaseError, InputError, JobConflictError
from rootkeeper.server.application import ROWS
from rootkeeper.server.guards import LONGEST_KEPT_BYTES, SECRET_PARTS, IdempotencyService, IdempotentRequest
from tests.fakes.answers import InMemoryAnswers
from tests.fakes.clock import START

ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.OPERATOR, "admin", START)


@pytest.fixture
def answers() -> InMemoryAnswers:
    return InMemoryAnswers()


@pytest.fixture
def replays(answers: InMemoryAnswers) -> IdempotencyService:
    return IdempotencyService(answers)


def begin(
    replays: IdempotencyService,
    key: str | None = "k-1",
    method: str = "POST",
    body: bytes = b"{}",
    path: str = "windows",
) -> IdempotentRequest | None:
    headers = [] if key is None else [(b"idempotency-key", key.encode())]
    scope = {"type": "http", "method": method, "path": f"/api/v1/{path}", "headers": headers, "query_string": b""}
    scope |= {"server": ("127.0.0.1", 8700), "scheme": "http"}
    return replays.begin(Request(scope), body, ANA)


def answer(replays: IdempotencyService, response: Response, path: str = "windows", body: bytes = b"{}") -> None:
    replay = begin(replays, path=path, body=body)
    assert replay is not None
    assert replay.response is None
    replays.end(replay, response)


def test_only_a_post_with_a_key_is_remembered(replays: IdempotencyService) -> None:
    assert begin(replays, None) is None
    assert begin(replays, method="GET") is None


def test_an_answer_is_given_again_as_it_was(replays: IdempotencyService) -> None:
    answer(replays, JSONResponse({"window_id": "w-1"}, 201))
    again = begin(replays)
    assert again is not None
    assert again.response is not None
    assert (again.response.status_code, again.response.body) == (201, b'{"window_id":"w-1"}')
    assert again.response.headers["content-type"] == "application/json"


def test_a_request_whose_first_one_is_being_answered_waits(replays: IdempotencyService) -> None:
    first = begin(replays)
    assert first is not None
    with pytest.raises(JobConflictError):
        begin(replays)
    replays.end(first, None)
    assert begin(replays) is not None


def test_another_request_under_the_same_key_is_a_mistake(replays: IdempotencyService) -> None:
    answer(replays, JSONResponse({}))
    with pytest.raises(InputError, match="another request"):
        begin(replays, body=b'{"other": 1}')


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_has_a_length(replays: IdempotencyService, key: str) -> None:
    with pytest.raises(InputError):
        begin(replays, key)


@pytest.mark.parametrize("path", ["tokens", "users", "identities/ana/reset-link", "me/factors/totp", "auth/step-up"])
def test_what_holds_a_secret_is_never_kept_and_never_done_twice(
    answers: InMemoryAnswers, replays: IdempotencyService, path: str
) -> None:
    answer(replays, JSONResponse({"token": "rk_secret"}), path, b'{"password": "hunter2"}')
    assert "rk_secret" not in repr(answers.kept)
    (fingerprint, kept) = next(iter(answers.kept.values()))
    assert kept is not None
    assert kept.body is None
    with pytest.raises(JobConflictError, match="isn't kept"):
        begin(replays, path=path, body=b'{"password": "another"}')
    assert answers.kept == {f"{ANA.identity_id} k-1": (fingerprint, kept)}


@pytest.mark.parametrize(
    "response", [StreamingResponse(iter([b"data"])), Response(b"x" * (LONGEST_KEPT_BYTES + 1))], ids=["stream", "long"]
)
def test_an_answer_that_cant_be_kept_is_still_given_once_alone(replays: IdempotencyService, response: Response) -> None:
    answer(replays, response)
    with pytest.raises(JobConflictError, match="isn't kept"):
        begin(replays)


class FullDisk(InMemoryAnswers):
    """Answers that can't be kept."""

    def keep(self, key: str, answer: StoredAnswer) -> None:
        raise DatabaseError("The disk is full.")


def test_the_caller_gets_its_answer_though_it_cant_be_kept() -> None:
    answer(IdempotencyService(FullDisk()), JSONResponse({}))


def test_every_route_that_takes_or_gives_a_secret_is_known() -> None:
    reported = {row.tag for row in ROWS if row.method == "POST" and any(word in row.path for word in _SECRET_WORDS)}
    assert reported <= SECRET_PARTS


_SECRET_WORDS = ("token", "password", "user", "auth", "factor", "session")
