"""A server and an identity provider that others wrote: sign-in, and what is reached for it over the network."""

from __future__ import annotations

import http.client
import http.cookies
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.functional.serving.network_witness import NetworkWitness
from tests.functional.serving.stage import Stage
from tests.functional.serving.test_network import find_foreign
from tests.oidc_provider_process import OidcProviderProcess
from tests.server_process import ServerProcess

EVA = {
    "sub": "3003",
    "preferred_username": "eva",
    "email": "eva@example.com",
    "groups": ["cn=on-call,dc=example", "staff"],
    "amr": ["pwd", "mfa"],
}
OTTO = {"sub": "4004", "preferred_username": "otto", "groups": ["guests"], "amr": ["mfa"]}
SECRET = {"OIDC_CLIENT_SECRET": "s3cret-of-the-client"}
PASSWORD = "correct horse battery"
PAGE = {"Accept": "text/html"}


@pytest.fixture
def provider() -> Iterator[OidcProviderProcess]:
    with OidcProviderProcess.start(EVA, OTTO) as provider:
        yield provider


def write_settings(folder: Path, provider: OidcProviderProcess) -> tuple[str, str]:
    """The option that names them."""
    path = folder / "rootkeeper.toml"
    path.write_text(
        f"""[oidc]
issuer = "{provider.issuer}"
client_id = "rootkeeper"
client_secret = "env:OIDC_CLIENT_SECRET"
name = "Example"
groups = ["cn=on-call,dc=example=operator", "staff=viewer"]
"""
    )
    return "--config", str(path)


def open_page(server: ServerProcess, path: str, cookies: dict[str, str]) -> tuple[int, str]:
    """Its status, and where it sends the browser; cookies are kept as a browser keeps them."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    try:
        sent = {**PAGE, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        connection.request("GET", path, None, sent)
        response = connection.getresponse()
        response.read()
        for text in response.headers.get_all("set-cookie", ()):
            for name, morsel in http.cookies.SimpleCookie(text).items():
                if morsel.value:
                    cookies[name] = morsel.value
                else:
                    cookies.pop(name, None)
        return response.status, response.headers.get("location", "")
    finally:
        connection.close()


def sign_in(server: ServerProcess, provider: OidcProviderProcess, subject: str, cookies: dict[str, str]) -> str:
    """Where the browser ends."""
    _, address = open_page(server, "/api/v1/auth/oidc/start?return_to=/jobs", cookies)
    back = urlencode(provider.let_in(address, subject))
    status, location = open_page(server, f"/api/v1/auth/oidc/callback?{back}", cookies)
    assert status == 302
    return location


def find_in_database(stage: Stage, secrets: list[str]) -> list[str]:
    """Those that stand in one of its files as they are."""
    content = b"".join(path.read_bytes() for path in stage.database.parent.iterdir() if path.is_file())
    return [secret for secret in secrets if secret.encode() in content]


def read_me(server: ServerProcess, cookies: dict[str, str]) -> tuple[int, str]:
    return open_page(server, "/api/v1/me", cookies)


def test_people_of_the_provider_get_in_by_their_groups_and_the_server_reaches_nothing_else(
    stage: Stage, tmp_path: Path, provider: OidcProviderProcess
) -> None:
    witness = NetworkWitness(tmp_path / "witness")
    environment = stage.environment | witness.environment | SECRET
    options = write_settings(tmp_path, provider)
    host, _, port = stage.sandbox.address.partition(":")
    with ServerProcess.start(environment, options=options) as server:
        server.token("administrator", "ana")
        before = find_foreign(witness.attempts, (host, int(port)))
        cookies: dict[str, str] = {}
        assert sign_in(server, provider, "3003", cookies) == "/jobs"
        assert read_me(server, cookies)[0] == 200
        assert sign_in(server, provider, "4004", {}) == "/?sign_in_problem=access.denied"
        identities = {one["name"]: one for one in server.ask("GET", "/api/v1/users", name="ana").body["identities"]}
        assert {(name, one["role"], one["signs_in_by"]) for name, one in identities.items()} == {
            ("eva", "operator", "oidc")
        }
        ledger = server.ask("GET", "/api/v1/ledger?limit=500", name="ana").body["entries"]
        added = [one for one in ledger if one["action"] == "identity:add" and one["parameters"]["name"] == "eva"]
        assert [one["parameters"]["provider"] for one in added] == [provider.issuer]
        server.stop()
        log = server.stderr
    assert before == []
    after = find_foreign(witness.attempts, (host, int(port)))
    assert after
    assert [one for one in after if str(provider.port) not in one] == []
    secrets = [SECRET["OIDC_CLIENT_SECRET"], *cookies.values(), *provider.codes]
    assert [one for one in secrets if one in log] == []
    assert find_in_database(stage, secrets) == []
    assert "access.no_local_administrator" in log


def test_a_local_user_signs_in_while_the_provider_is_down(stage: Stage, tmp_path: Path) -> None:
    with OidcProviderProcess.start(EVA) as gone:
        options = write_settings(tmp_path, gone)
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    added = stage.program.run("users", "add", "chief", "--role", "viewer", "--password-file", str(password))
    assert added.status == 0, added.shown
    with ServerProcess.start(stage.environment | SECRET, options=options) as server:
        status, location = open_page(server, "/api/v1/auth/oidc/start?return_to=/", {})
        assert (status, location) == (302, "/?sign_in_problem=access.provider_failed")
        methods = server.ask("GET", "/api/v1/auth/methods").body
        assert (methods["password"], methods["oidc"]) == (True, {"name": "Example"})
        signed_in = server.ask("POST", "/api/v1/auth/sign-in", {"name": "chief", "password": PASSWORD})
        assert signed_in.status == 200, signed_in.body
        server.stop()
