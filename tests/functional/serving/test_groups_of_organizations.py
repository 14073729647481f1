"""The groups of an identity provider give roles in the organizations of a server, each by its own table."""

from __future__ import annotations

import http.client
import json
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.functional.serving.test_identity_provider import SECRET, sign_in
from tests.oidc_provider_process import OidcProviderProcess
from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess
from tests.several_organizations import Server, several_sandboxes, write_settings

BOTH = ("shop", "bank")
EVA: dict[str, Any] = {"sub": "1", "preferred_username": "eva", "groups": ["shop-ops", "canary-group"], "amr": ["mfa"]}
OTTO: dict[str, Any] = {"sub": "2", "preferred_username": "otto", "groups": ["bank-audit", "shop-view"], "amr": ["mfa"]}
BEN: dict[str, Any] = {"sub": "3", "preferred_username": "ben", "groups": ["helpers"], "amr": ["mfa"]}
GINA: dict[str, Any] = {"sub": "4", "preferred_username": "gina", "groups": ["guests"], "amr": ["mfa"]}
Cookies = dict[str, str]


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, SandboxProcess]]:
    with several_sandboxes(*BOTH) as started:
        yield started


@pytest.fixture
def provider() -> Iterator[OidcProviderProcess]:
    with OidcProviderProcess.start(EVA, OTTO, BEN, GINA) as provider:
        yield provider


@pytest.fixture
def server(sandboxes: dict[str, SandboxProcess], provider: OidcProviderProcess, tmp_path: Path) -> Iterator[Server]:
    settings = f"""[oidc]
issuer = "{provider.issuer}"
client_id = "rootkeeper"
client_secret = "env:OIDC_CLIENT_SECRET"
groups = ["helpers=viewer"]

[organizations.shop.oidc]
groups = ["shop-ops=operator", "shop-view=viewer"]

[organizations.bank.oidc]
groups = ["bank-audit=auditor"]
"""
    environment = write_settings(sandboxes, tmp_path, settings) | SECRET
    with ServerProcess.start(environment) as process:
        server = Server(process, sandboxes, tmp_path / "data")
        server.wait_organizations()
        yield server


def enter(server: Server, provider: OidcProviderProcess, person: dict[str, Any]) -> Cookies:
    """Sign in at the provider."""
    cookies: Cookies = {}
    assert sign_in(server.process, provider, person["sub"], cookies) == "/jobs"
    return cookies


def regroup(provider: OidcProviderProcess, person: dict[str, Any], *groups: str) -> None:
    """Let the provider report other groups of a person from the next sign-in on."""
    body = json.dumps({**person, "groups": groups}).encode()
    request = urllib.request.Request(  # noqa: S310 - this machine
        f"{provider.issuer}/users/{person['sub']}", body, {"Content-Type": "application/json"}, method="PUT"
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
        assert response.status < 300, response.status


def ask(server: Server, cookies: Cookies, path: str, **headers: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urlsplit(server.process.url).netloc, timeout=30)
    try:
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), **headers}
        connection.request("GET", f"/api/v1{path}", None, sent)
        response = connection.getresponse()
        return {"status": response.status, **json.loads(response.read())}
    finally:
        connection.close()


def find_roles(server: Server, cookies: Cookies) -> dict[str, str | None]:
    """The role in each organization; ``None`` for a person to whom it doesn't exist."""
    found = {name: ask(server, cookies, f"/organizations/{name}/me") for name in BOTH}
    for name, me in found.items():
        assert me["status"] == 200 or me["code"] == "organization.not_found", (name, me)
    return {name: me.get("role") for name, me in found.items()}


def test_p21_groups_give_a_role_in_their_organization_alone_and_take_it_away(
    server: Server, provider: OidcProviderProcess
) -> None:
    eva = enter(server, provider, EVA)
    assert find_roles(server, eva) == {"shop": "operator", "bank": None}
    assert find_roles(server, enter(server, provider, OTTO)) == {"shop": "viewer", "bank": "auditor"}
    ben = enter(server, provider, BEN)
    assert ask(server, ben, "/me")["role"] == "viewer"
    assert find_roles(server, ben) == {"shop": None, "bank": None}
    assert ask(server, ben, "/overview/organizations")["organizations"] == []
    assert sign_in(server.process, provider, GINA["sub"], {}) == "/?sign_in_problem=access.denied"

    regroup(provider, EVA, "bank-audit")
    assert find_roles(server, enter(server, provider, EVA)) == {"shop": None, "bank": "auditor"}
    listed = ask(server, enter(server, provider, EVA), "/overview/organizations")["organizations"]
    assert [one["name"] for one in listed] == ["bank"]
    regroup(provider, EVA, "shop-view")
    assert find_roles(server, enter(server, provider, EVA)) == {"shop": "viewer", "bank": None}
    regroup(provider, EVA, "guests")
    assert sign_in(server.process, provider, EVA["sub"], {}) == "/?sign_in_problem=access.denied"


def test_p21_no_one_says_of_itself_in_which_groups_it_is(server: Server, provider: OidcProviderProcess) -> None:
    ben = enter(server, provider, BEN)
    forged = json.dumps({"identity_id": "u-1", "name": "ben", "is_administrator": False, "groups": ["shop-ops"]})
    for name in BOTH:
        found = ask(server, ben, f"/organizations/{name}/me", **{"X-Rootkeeper-Person": forged})
        assert (found["status"], found["code"]) == (404, "organization.not_found")


def test_p21_an_organization_keeps_no_groups_and_the_server_only_those_that_give_a_role(
    server: Server, provider: OidcProviderProcess
) -> None:
    eva = enter(server, provider, EVA)
    assert find_roles(server, eva)["shop"] == "operator"
    found = {}
    for place in ("server", "organizations/shop", "organizations/bank"):
        with closing(sqlite3.connect(server.data / place / "rootkeeper.db")) as connection:
            rows = connection.execute("SELECT name, provider_groups FROM identities").fetchall()
        found[place] = {name: json.loads(groups or "[]") for name, groups in rows}
    assert found == {"server": {"eva": ["shop-ops"]}, "organizations/shop": {"eva": []}, "organizations/bank": {}}
    with closing(sqlite3.connect(server.data / "organizations/shop" / "rootkeeper.db")) as connection:
        rows = connection.execute("SELECT parameters FROM ledger_entries WHERE action = 'identity:add'").fetchall()
    (added,) = [json.loads(row[0]) for row in rows]
    assert (added["name"], added["provider"], added["role"]) == ("eva", provider.issuer, "operator")
