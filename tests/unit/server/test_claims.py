"""Requests with sign-in count for the share that an identity has of a server's connections."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.server.application import make_application
from rootkeeper.server.connections import Connection
from rootkeeper.server.turns import BUSY_SECONDS
from tests.fakes.api_services import FakeServices


def ask(connection: Connection, token: str | None = None) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Ask who I am on a connection, as a viewer or with another token: status, headers and JSON."""
    services = FakeServices()
    token = services.add_token(ServerRole.VIEWER) if token is None else token
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {token}".encode())]
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/me",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("203.0.113.1", 1),
        "state": {"connection": connection},
    }
    anyio.run(make_application(services.as_server), scope, receive, send)
    start, *rest = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, json.loads(b"".join(part["body"] for part in rest))


@pytest.mark.parametrize("has_place", [True, False])
def test_p32_a_request_beyond_the_share_of_its_identity_is_refused_and_ends_its_connection(has_place: bool) -> None:
    claimed: list[str] = []

    def claim(identity_id: str) -> bool:
        claimed.append(identity_id)
        return has_place

    connection = Connection("203.0.113.1", lambda: None, None, claim=claim)
    status, headers, content = ask(connection)
    assert len(claimed) == 1
    if has_place:
        assert status == 200
        assert "connection" not in headers
    else:
        assert (status, content["code"], headers["retry-after"]) == (503, "server.busy", str(BUSY_SECONDS))
        assert headers["connection"] == "close"
    assert connection.turn_since is None


def test_a_request_without_a_valid_token_counts_for_no_identity() -> None:
    claimed: list[str] = []

    def claim(identity_id: str) -> bool:
        claimed.append(identity_id)
        return True

    connection = Connection("203.0.113.1", lambda: None, None, claim=claim)
    status, _, _ = ask(connection, "rk_unknown")
    assert status == 401
    assert claimed == []
