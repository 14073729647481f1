"""Where a real server listens, and whom it answers there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.fakes.tls_server import make_authority
from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1"])
def test_on_this_machine_only_its_own_names_are_answered_however_it_is_written(tmp_path: Path, host: str) -> None:
    with serving(tmp_path, "--host", host) as server:
        place = server.url.removeprefix("http://")
        assert [ask(place, name) for name in (place, "evil.example")] == [200, 421]


def test_with_a_certificate_other_machines_are_answered_by_tls(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    certificate = str(authority.issue("127.0.0.1"))
    with serving(tmp_path, "--host", "0.0.0.0", "--tls-cert", certificate) as server:  # noqa: S104 - the point of the test
        assert server.url.startswith("https://")
        url = f"https://127.0.0.1:{urlsplit(server.url).port}/healthz"
        with urllib3.PoolManager(ca_certs=str(authority.bundle)) as pool:
            answer = pool.request("GET", url, headers={"Host": "rootkeeper.example.com"}, retries=False)
        assert (answer.status, answer.json()) == (200, {"status": "ok"})
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        server.stop()


def test_a_starting_server_reports_a_folder_that_others_can_open(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o750)
    with serving(data) as server:
        reported = [line["message"] for line in server.lines if line["event"] == "folder.wide"]
        assert len(reported) == 1, server.stderr
        assert "Other users can open the folder" in reported[0]


def test_a_real_server_measures_itself_its_database_and_aws(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.token("viewer", "vera")
        reported = server.ask("GET", "/metrics", name="vera").body.splitlines()
        for sample in (
            'rootkeeper_aws_throttles_total{quota="sts:*"} 0.0',
            "rootkeeper_database_readable 1.0",
            "rootkeeper_ledger_entries 1.0",
            "rootkeeper_notification_targets 0.0",
            'rootkeeper_windows{state="OPEN"} 0.0',
        ):
            assert sample in reported, "\n".join(reported)
        assert any(line.startswith("process_resident_memory_bytes ") for line in reported)
        server.stop()


@pytest.mark.parametrize("trusted", ["127.0.0.1", "10.0.0.1"])
def test_a_proxy_that_the_settings_trust_is_believed_that_it_was_asked_by_tls(tmp_path: Path, trusted: str) -> None:
    settings = {
        "ROOTKEEPER_SERVER_PUBLIC_URL": "https://rootkeeper.example.com",
        "ROOTKEEPER_SERVER_TRUSTED_PROXIES": trusted,
    }
    reported = {"Host": "rootkeeper.example.com", "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    with serving(tmp_path, **settings) as server:
        answer = urllib3.request("GET", f"{server.url}/healthz", headers=reported, retries=False)
        assert answer.status == 200
        assert ("Strict-Transport-Security" in answer.headers) == (trusted == "127.0.0.1")


@contextmanager
def serving(folder: Path, *options: str, **settings: str) -> Iterator[ServerProcess]:
    """A server with a database in ``folder``, over a sandbox of its own."""
    with SandboxProcess.start("--accounts", "3") as sandbox:
        environment = sandbox.environment() | {
            "HOME": str(folder),
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder / 'rootkeeper.db'}",
            "XDG_STATE_HOME": str(folder / "state"),
            **settings,
        }
        with ServerProcess.start(environment, options=options) as server:
            yield server


def ask(place: str, host: str) -> int:
    """The status of an answer to a request that names this host."""
    connection = HTTPConnection(place, timeout=20)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()
