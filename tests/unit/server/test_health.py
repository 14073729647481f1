"""The health check of a container."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from rootkeeper.server.health import check_health, main
from tests.fakes.tls_server import make_authority


@contextmanager
def answering(status: int, certificate: Path | None = None) -> Iterator[str]:
    """Where a server answers with that status."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        if certificate is not None:
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{'http' if certificate is None else 'https'}://127.0.0.1:{server.server_port}/healthz"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_answers_is_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(200) as url:
        assert main([url]) == 0
    assert capsys.readouterr().err == ""


def test_any_certificate_will_do_on_its_own_machine(tmp_path: Path) -> None:
    with answering(200, make_authority(tmp_path).issue("rootkeeper.example.com")) as url:
        assert check_health(url) is None


def test_one_that_answers_badly_or_not_at_all_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(503) as url:
        assert main([url]) == 1
    assert "status 503" in capsys.readouterr().err
    assert main([url]) == 1
    assert "doesn't answer" in capsys.readouterr().err


def test_it_imports_nothing_of_the_server() -> None:
    """A container asks every few seconds."""
    program = "import sys, rootkeeper.server.health; print([one for one in sys.modules if 'rootkeeper' in one])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "['rootkeeper', 'rootkeeper.server', 'rootkeeper.server.health']"
