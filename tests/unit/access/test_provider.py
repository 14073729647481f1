"""Asking an identity provider: over HTTP on loopback, with PKCE, once for each code."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rootkeeper.access.provider import OidcProvider, make_authorization_request
from rootkeeper.access.rules import ServerRole
from rootkeeper.clock import SystemClock
from rootkeeper.errors import IdentityProviderError, NotSignedInError
from tests.fakes.oidc_server import CLIENT_ID, CLIENT_SECRET, OidcServer, make_rules, start_oidc_server

HERE = "http://127.0.0.1:8700/api/v1/auth/oidc/callback"
QUESTION = make_authorization_request("the browser's secret", HERE)


@pytest.fixture
def server() -> Iterator[OidcServer]:
    with start_oidc_server() as server:
        yield server


def make_provider(server: OidcServer, secret: str = CLIENT_SECRET) -> OidcProvider:
    return OidcProvider(make_rules(server.issuer), SystemClock(), {"OIDC_SECRET": secret})


def redeem(server: OidcServer, provider: OidcProvider | None = None) -> Any:
    provider = provider or make_provider(server)
    answer = server.let_in(provider.make_address(QUESTION))
    assert answer["state"] == QUESTION.state
    return provider.redeem(answer["code"], QUESTION, datetime.now(UTC))


def test_a_browser_is_sent_with_all_that_protects_the_sign_in(server: OidcServer) -> None:
    address = make_provider(server).make_address(QUESTION)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert address.startswith(f"{server.issuer}/authorize?")
    assert asked.pop("code_challenge") != QUESTION.verifier
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": HERE,
        "scope": "openid profile email",
        "state": QUESTION.state,
        "nonce": QUESTION.nonce,
        "code_challenge_method": "S256",
    }


def test_a_confirmation_asks_for_a_new_sign_in(server: OidcServer) -> None:
    question = make_authorization_request("the browser's secret", HERE)
    forced = type(question)(question.redirect_uri, question.state, question.nonce, question.verifier, forces_login=True)
    asked = parse_qs(urlsplit(make_provider(server).make_address(forced)).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])


def test_a_code_shows_who_has_signed_in(server: OidcServer) -> None:
    person = redeem(server)
    assert (person.name, person.subject, person.groups) == ("ana", "1001", ("admins",))
    assert make_rules(server.issuer).require_role(person) is ServerRole.ADMINISTRATOR
    assert person.authenticated_at is not None


def test_a_code_is_good_for_once(server: OidcServer) -> None:
    provider = make_provider(server)
    code = server.let_in(provider.make_address(QUESTION))["code"]
    provider.redeem(code, QUESTION, datetime.now(UTC))
    with pytest.raises(NotSignedInError, match="invalid_grant"):
        provider.redeem(code, QUESTION, datetime.now(UTC))


def test_a_code_of_another_browser_is_refused_by_the_provider(server: OidcServer) -> None:
    provider = make_provider(server)
    code = server.let_in(provider.make_address(make_authorization_request("another secret", HERE)))["code"]
    with pytest.raises(NotSignedInError, match="invalid_grant"):
        provider.redeem(code, QUESTION, datetime.now(UTC))


def test_a_wrong_client_secret_is_reported_without_it(server: OidcServer) -> None:
    with pytest.raises(NotSignedInError, match="invalid_client") as caught:
        redeem(server, make_provider(server, "wrong-secret"))
    assert "wrong-secret" not in f"{caught.value.message} {caught.value.hint} {caught.value.__context__!r}"


def test_the_secret_is_in_no_representation(server: OidcServer) -> None:
    assert CLIENT_SECRET not in repr(make_provider(server))


@pytest.mark.parametrize(
    "claims", [{"nonce": "other"}, {"iss": "https://other.example"}, {"aud": "other"}, {"exp": int(time.time()) - 600}]
)
def test_an_id_token_that_proves_nothing_lets_no_one_in(server: OidcServer, claims: dict[str, Any]) -> None:
    server.claims = claims
    with pytest.raises(NotSignedInError, match="ID token"):
        redeem(server)


def test_new_keys_count_at_once(server: OidcServer) -> None:
    provider = make_provider(server)
    redeem(server, provider)
    server.key = type(server.key).generate_key("P-256", {"kid": "k-1"})
    assert redeem(server, provider).name == "ana"


def test_its_addresses_are_asked_for_once_in_a_while(server: OidcServer) -> None:
    provider = make_provider(server)
    redeem(server, provider)
    redeem(server, provider)
    assert server.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://login.example.com/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": ""},
        {"jwks_uri": 7},
    ],
    ids=str,
)
def test_a_discovery_document_that_leads_elsewhere_is_refused(server: OidcServer, discovery: dict[str, Any]) -> None:
    server.discovery = discovery
    with pytest.raises(IdentityProviderError):
        make_provider(server).make_address(QUESTION)


def test_no_redirect_is_followed(server: OidcServer) -> None:
    server.discovery = {"jwks_uri": f"{server.issuer}/moved"}
    with pytest.raises(IdentityProviderError):
        redeem(server)


def test_those_who_wait_for_a_provider_that_doesnt_answer_keep_no_one_else_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as waiting:
        rules = make_rules(f"http://127.0.0.1:{silent.getsockname()[1]}")
        provider = OidcProvider(rules, SystemClock(), {}, asked_at_once=1)
        first = waiting.submit(provider.make_address, QUESTION)
        connection, _ = silent.accept()
        for ask in (
            lambda: provider.make_address(QUESTION),
            lambda: provider.redeem("code", QUESTION, datetime.now(UTC)),
        ):
            with pytest.raises(IdentityProviderError, match="Too many"):
                ask()
        assert not first.done()
        connection.close()
        with pytest.raises(IdentityProviderError, match="can't be reached"):
            first.result()
        silent.close()
        with pytest.raises(IdentityProviderError, match="can't be reached"):
            provider.make_address(QUESTION)


def test_a_provider_that_hangs_up_in_the_middle_of_its_answer_is_reported_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as broken, ThreadPoolExecutor(1) as waiting:
        rules = make_rules(f"http://127.0.0.1:{broken.getsockname()[1]}")
        asked = waiting.submit(OidcProvider(rules, SystemClock(), {}).make_address, QUESTION)
        connection, _ = broken.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        with pytest.raises(IdentityProviderError, match="can't be reached"):
            asked.result()


def test_a_provider_that_is_down_is_reported_as_such() -> None:
    with start_oidc_server() as server:
        provider = make_provider(server)
        answer = server.let_in(provider.make_address(QUESTION))
    with pytest.raises(IdentityProviderError, match="can't be reached") as caught:
        provider.redeem(answer["code"], QUESTION, datetime.now(UTC))
    assert caught.value.hint is not None
    assert "local administrator" in caught.value.hint
    with pytest.raises(IdentityProviderError):
        make_provider(server).make_address(QUESTION)
