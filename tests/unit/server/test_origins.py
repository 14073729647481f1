"""Which page a request comes from, as tables."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from rootkeeper.access.factors import RelyingParty
from rootkeeper.errors import ForgedRequestError, InputError
from rootkeeper.server.guards import require_own_page, site_of


def make_request(host: str, scheme: str = "http", **headers: str) -> Request:
    named = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    pairs = [(name.encode(), value.encode()) for name, value in named.items()]
    return Request({"type": "http", "scheme": scheme, "method": "POST", "path": "/", "headers": pairs})


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("localhost:8700", {}),
        ("localhost:8700", {"origin": "http://localhost:8700", "sec_fetch_site": "same-origin"}),
        ("rootkeeper.example.com", {"origin": "https://rootkeeper.example.com"}),
        ("rootkeeper.example.com", {"origin": "https://ROOTKEEPER.example.com"}),
        ("[::1]:8700", {"origin": "http://[::1]:8700"}),
        ("localhost:8700", {"sec_fetch_site": "none"}),
    ],
)
def test_the_servers_own_page_and_callers_that_are_no_browser_may_ask(host: str, headers: dict[str, str]) -> None:
    require_own_page(make_request(host, **headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:4599"},
        {"origin": "http://localhost"},
        {"origin": "http://localhost:8700.evil.example"},
        {"origin": "http://evil.example/localhost:8700"},
        {"origin": "http://localhost:8700@evil.example"},
        {"origin": "null"},
        {"origin": "chrome-extension://localhost:8700"},
        {"origin": ""},
        {"origin": "http://["},
        {"origin": "http://localhost:8700", "sec_fetch_site": "same-site"},
        {"origin": "http://localhost:8700", "sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "anything"},
    ],
)
def test_any_other_page_may_not(headers: dict[str, str]) -> None:
    with pytest.raises(ForgedRequestError):
        require_own_page(make_request("localhost:8700", **headers))


def test_a_page_that_came_without_tls_isnt_the_one_that_is_served_by_tls() -> None:
    host = "rootkeeper.example.com"
    require_own_page(make_request(host, "https", origin=f"https://{host}"))
    with pytest.raises(ForgedRequestError):
        require_own_page(make_request(host, "https", origin=f"http://{host}"))


@pytest.mark.parametrize("origin", ["null", "", "http://", "http://localhost"])
def test_a_request_without_a_host_comes_from_no_page_of_ours(origin: str) -> None:
    with pytest.raises(ForgedRequestError):
        require_own_page(make_request("", origin=origin))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8700", "localhost"),
        ("https://rootkeeper.example.com", "rootkeeper.example.com"),
        ("http://[::1]:8700", "::1"),
    ],
)
def test_a_passkeys_site_is_the_origin_and_its_name(origin: str, host: str) -> None:
    assert site_of(make_request("x", origin=origin)) == RelyingParty(host, origin)


def test_without_an_origin_there_is_no_site() -> None:
    with pytest.raises(InputError, match="Origin"):
        site_of(make_request("localhost:8700"))
