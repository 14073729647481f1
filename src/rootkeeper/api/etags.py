"""Tags of answers: who has an answer already is told so instead of getting it again.

A tag is made of the answer's content, so that every server of one database gives the same one, and nothing has to be
thought of that an answer might hang on. Source: RFC 9110, sections 8.8.3 and 13.1.2.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

_LENGTH = 32
_JSON = "application/json"


def tag_answer(request: Request, response: Response) -> Response:
    """The answer with its tag, or that the client has it already; what isn't a whole JSON document stays as it is."""
    body = getattr(response, "body", None)
    is_document = response.media_type == _JSON or response.headers.get("content-type") == _JSON
    if request.method != "GET" or response.status_code != HTTPStatus.OK or not is_document or not body:
        return response
    if "etag" in response.headers:
        return response
    tag = make_tag(body)
    if is_known(request.headers.get("if-none-match"), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return response


def make_tag(content: bytes) -> str:
    """A weak one, since the same content may come compressed."""
    return f'W/"{hashlib.sha256(content).hexdigest()[:_LENGTH]}"'


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has it already."""
    given = [text.strip().removeprefix("W/") for text in (if_none_match or "").split(",")]
    return "*" in given or tag.removeprefix("W/") in given
