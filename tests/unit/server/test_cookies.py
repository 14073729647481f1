"""The cookie of a browser's sign-in, with and without TLS."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.server.sign_ins import find_cookie, forget_cookie, set_cookie


def make_request(scheme: str, cookie: str = "") -> Request:
    headers = [(b"host", b"rootkeeper.example.com"), (b"cookie", cookie.encode())]
    scope = {"type": "http", "scheme": scheme, "method": "GET", "path": "/", "query_string": b"", "headers": headers}
    return Request(scope)


def parts_of(response: Response) -> tuple[str, set[str]]:
    """The cookie's name and value, and what else is said of it."""
    first, *others = response.headers["set-cookie"].split("; ")
    return first, {part.lower() for part in others}


def test_behind_tls_the_cookie_is_secure_and_bound_to_its_host() -> None:
    response = Response()
    set_cookie(make_request("https"), response, "secret")
    assert parts_of(response) == ("__Host-rootkeeper=secret", {"httponly", "path=/", "samesite=strict", "secure"})


def test_without_tls_it_has_another_name_so_that_neither_is_taken_for_the_other() -> None:
    response = Response()
    set_cookie(make_request("http"), response, "secret")
    assert parts_of(response) == ("rootkeeper=secret", {"httponly", "path=/", "samesite=strict"})
    assert find_cookie(make_request("https", "rootkeeper=secret")) is None
    assert find_cookie(make_request("http", "__Host-rootkeeper=secret")) is None
    assert find_cookie(make_request("https", "rootkeeper=planted; __Host-rootkeeper=secret")) == "secret"


@pytest.mark.parametrize("cookie", ["", "rootkeeper=", "other=secret", "rootkeeper=" + "x" * 600])
def test_what_cant_be_a_secret_isnt_looked_up(cookie: str) -> None:
    assert find_cookie(make_request("http", cookie)) is None


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_forgotten_cookie_is_the_same_one_without_a_value(scheme: str) -> None:
    request, kept, forgotten = make_request(scheme), Response(), Response()
    set_cookie(request, kept, "secret")
    forget_cookie(request, forgotten)
    name, said = parts_of(forgotten)
    assert name.removesuffix('""') == parts_of(kept)[0].removesuffix("secret")
    assert parts_of(kept)[1] | {"max-age=0"} <= said
