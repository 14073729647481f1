"""Tags of answers."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from rootkeeper.server.request_path import is_known, make_tag, tag_answer


def ask(if_none_match: str | None = None, method: str = "GET") -> Request:
    headers = [] if if_none_match is None else [(b"if-none-match", if_none_match.encode())]
    return Request({"type": "http", "method": method, "headers": headers})


def test_the_same_content_has_the_same_tag_and_isnt_sent_twice() -> None:
    first = tag_answer(ask(), JSONResponse({"a": 1}))
    assert first.body == b'{"a":1}'
    second = tag_answer(ask(first.headers["etag"]), JSONResponse({"a": 1}))
    assert (second.status_code, second.body, second.headers["etag"]) == (304, b"", first.headers["etag"])
    third = tag_answer(ask(first.headers["etag"]), JSONResponse({"a": 2}))
    assert (third.status_code, third.body) == (200, b'{"a":2}')
    assert third.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (ask(method="POST"), JSONResponse({})),
        (ask(), JSONResponse({}, 404)),
        (ask(), PlainTextResponse("text")),
        (ask(), Response(status_code=204)),
    ],
)
def test_what_isnt_a_document_that_was_asked_for_has_no_tag(request_: Request, response: Response) -> None:
    assert "etag" not in tag_answer(request_, response).headers


def test_a_tag_that_is_there_stays() -> None:
    response = JSONResponse({}, headers={"ETag": '"own"'})
    assert tag_answer(ask(), response).headers["etag"] == '"own"'


@pytest.mark.parametrize(
    ("given", "known"),
    [
        (None, False),
        ("", False),
        ("*", True),
        ('W/"x"', False),
        ("x", False),
        (make_tag(b"a"), True),
        (make_tag(b"a").removeprefix("W/"), True),
        (f'"other", {make_tag(b"a")}', True),
    ],
)
def test_a_client_names_what_it_has(given: str | None, known: bool) -> None:
    assert is_known(given, make_tag(b"a")) is known
