"""The address of a server in one spelling, and what isn't one."""

from __future__ import annotations

import pytest

from rootkeeper.errors import InputError
from rootkeeper.remote.connections import parse_server_url


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://127.0.0.1:8700", "http://127.0.0.1:8700"),
        ("http://127.0.0.1:8700/", "http://127.0.0.1:8700"),
        (" HTTPS://Rootkeeper.Example.com ", "https://rootkeeper.example.com"),
        ("https://example.com/rootkeeper/", "https://example.com/rootkeeper"),
        ("http://localhost:9", "http://localhost:9"),
        ("http://[::1]:8700", "http://[::1]:8700"),
    ],
)
def test_an_address_has_one_spelling(given: str, meant: str) -> None:
    assert parse_server_url(given) == meant


@pytest.mark.parametrize(
    "given",
    [
        "",
        "127.0.0.1:8700",
        "ftp://example.com",
        "https://",
        "https://example.com:port",
        "https://example.com:99999",
        "https://example.com?x=1",
        "https://example.com/#part",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_server_url(given)
    assert "https://HOST" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "host", ["example.com", "10.0.0.1", "192.168.1.5:8700", "127.0.0.1.example.com", "evil.localhost"]
)
def test_a_token_never_leaves_this_machine_without_tls(host: str) -> None:
    with pytest.raises(InputError, match="needs TLS"):
        parse_server_url(f"http://{host}")


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        parse_server_url("https://anna:secret-word@example.com")
    assert "secret-word" not in f"{caught.value.message}{caught.value.hint}"


def test_a_password_in_a_broken_address_is_not_repeated_either() -> None:
    with pytest.raises(InputError) as caught:
        parse_server_url("https://anna:secret-word@example.com:port")
    assert "secret-word" not in f"{caught.value.message}{caught.value.hint}"
