"""P24: a server or worker reaches nothing but AWS and its database; no library of it calls home.

What settings name is reached too: notification targets, and an identity provider (``test_identity_provider.py``).
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.functional.serving.network_witness import NetworkWitness
from tests.functional.serving.stage import Stage
from tests.postgresql import PostgresqlServer
from tests.server_process import ServerProcess

SECONDS = 6.0
UNATTENDED = ("--leave-open", "--yes")


def find_foreign(attempts: set[str], sandbox: tuple[str, int]) -> list[str]:
    """Attempts to reach anything but the sandbox, by address or by name; sockets of files stay on the machine."""
    foreign = []
    for attempt in attempts:
        _, _, text = attempt.partition(" ")
        address = ast.literal_eval(text)
        if isinstance(address, str | bytes):
            continue
        host, port = address[0], address[1]
        if host in {None, "", b""} or (host in {"127.0.0.1", b"127.0.0.1"} and str(port) in {str(sandbox[1]), "0"}):
            continue
        foreign.append(attempt)
    return sorted(foreign)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database_url(request: pytest.FixtureRequest, stage: Stage) -> str:
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        return server.create_database()
    return f"sqlite:///{stage.database}"


def test_the_witness_sees_what_is_reached_for(tmp_path: Path) -> None:
    witness = NetworkWitness(tmp_path / "witness")
    program = "import socket; s = socket.socket(); s.connect_ex(('127.0.0.1', 9)); socket.getaddrinfo('127.0.0.1', 80)"
    subprocess.run([sys.executable, "-c", program], env=witness.environment, check=True)
    assert len(find_foreign(witness.attempts, ("127.0.0.1", 4599))) == 2


@pytest.mark.parametrize("command", ["serve", pytest.param("worker", marks=pytest.mark.long)])
def test_p24_nothing_is_reached_but_aws_and_the_database(
    stage: Stage, tmp_path: Path, database_url: str, command: str
) -> None:
    where = {"ROOTKEEPER_DATABASE_URL": database_url}
    account_id = stage.account_id
    stage.sandbox.put_root_user(account_id, {})
    opened = stage.program.run("recover", account_id, "--reason", "drill", "--for", "10s", *UNATTENDED, **where)
    assert opened.status == 0, opened.shown
    host, _, port = stage.sandbox.address.partition(":")
    witness = NetworkWitness(tmp_path / "witness")
    with ServerProcess.start(stage.environment | witness.environment | where, command) as server:
        if command == "serve":
            ask_for_much(server)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end or stage.is_open(account_id):
            witness.look(server.process.pid)
            time.sleep(0.02)
        server.stop()
    assert find_foreign(witness.attempts, (host, int(port))) == []
    assert {peer for peer in witness.seen if peer[0] != "127.0.0.1"} == set()
    assert any(port in attempt for attempt in witness.attempts), "the sandbox was asked"


def ask_for_much(server: ServerProcess) -> None:
    """Everything that a server does in an ordinary hour, at once."""
    server.token("administrator", "ana")
    for path in ("/healthz", "/readyz", "/api/v1/me", "/api/v1/accounts", "/api/openapi.json"):
        server.ask("GET", path, name="ana")
    for path in ("audits", "preflights"):
        taken = server.ask("POST", f"/api/v1/{path}", {"selection": {"everything": True}}, name="ana")
        assert taken.status == 202, taken.body
