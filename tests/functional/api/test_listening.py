"""Where a real server listens, and whom it answers there."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1"])
def test_on_this_machine_only_its_own_names_are_answered_however_it_is_written(tmp_path: Path, host: str) -> None:
    with SandboxProcess.start("--accounts", "3") as sandbox:
        environment = sandbox.environment() | {
            "HOME": str(tmp_path),
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{tmp_path / 'rootkeeper.db'}",
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        with ServerProcess.start(environment, options=("--host", host)) as server:
            place = server.url.removeprefix("http://")
            assert [ask(place, name) for name in (place, "evil.example")] == [200, 421]


def ask(place: str, host: str) -> int:
    """The status of an answer to a request that names this host."""
    connection = HTTPConnection(place, timeout=20)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()
