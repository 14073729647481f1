"""A server that ends while people are connected."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess


def test_open_streams_and_idle_connections_dont_keep_a_server_from_ending(tmp_path: Path) -> None:
    with SandboxProcess.start("--accounts", "4", "--seed", "1", "--features", "all") as sandbox:
        environment = sandbox.environment() | {
            "HOME": str(tmp_path),
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{tmp_path / 'rootkeeper.db'}",
            "ROOTKEEPER_SERVER_ENGINE": "false",
        }
        with ServerProcess.start(environment) as server:
            token = server.token("administrator", "adam")
            job = server.ask("POST", "/api/v1/audits", {}, name="adam").body
            assert job["state"] == "queued"
            place = urlsplit(server.url).netloc
            idle, stream = HTTPConnection(place), HTTPConnection(place, timeout=30)
            idle.request("GET", "/healthz")
            assert idle.getresponse().read() == b'{"status":"ok"}'
            headers = {"Authorization": f"Bearer {token}"}
            stream.request("GET", f"/api/v1/jobs/{job['job_id']}/events", headers=headers)
            response = stream.getresponse()
            assert response.readline() == b"event: job\n"
            server.stop()
            response.read()
            stream.close()
            idle.close()
