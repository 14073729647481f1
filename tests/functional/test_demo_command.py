"""``rootkeeper demo`` and ``rootkeeper sandbox`` as a newcomer runs them."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.functional.running import Program, Runner

DEMO_SECONDS = 200


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def newcomer(tmp_path: Path, runner: Runner) -> Program:
    """Somebody with AWS settings and a database of their own, which a demo must not touch."""
    config = tmp_path / "aws-config"
    config.write_text("[profile work]\nregion = eu-west-1\n")
    return Program(
        {
            "AWS_PROFILE": "work",
            "AWS_CONFIG_FILE": str(config),
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{tmp_path / 'own.db'}",
            "ROOTKEEPER_AWS_CONCURRENCY": "0",
            "HTTP_PROXY": "http://127.0.0.1:9",
        },
        runner,
    )


@pytest.mark.timeout(240)
def test_the_demo_checks_itself_and_touches_nothing_of_the_user(newcomer: Program, tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "rootkeeper", "demo", "--check", "--sandbox-port", str(find_port())],
        env=newcomer.surroundings(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )
    shown = finished.stdout
    assert finished.returncode == 0, shown + finished.stderr
    for command in ("status", "enable", "audit", "delete", "recover", "windows list", "ledger verify"):
        assert f"$ rootkeeper {command}" in shown
    assert "✗ FAILED" not in shown
    assert re.search(r"^\d+ checks held, 0 failed", shown, re.MULTILINE)
    assert not (tmp_path / "own.db").exists()


def test_a_port_that_is_taken_is_told_and_nothing_is_played(newcomer: Program) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        run = newcomer.run("demo", "--check", "--sandbox-port", str(other.getsockname()[1]))
    assert run.status == 2
    assert "taken" in run.stderr


def test_the_sandbox_is_this_command_s_own_process(newcomer: Program) -> None:
    port = find_port()
    with subprocess.Popen(
        [sys.executable, "-m", "rootkeeper", "sandbox", "--port", str(port), "--accounts", "20", "--seed", "7"],
        env=newcomer.surroundings(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"READY http://127.0.0.1:{port}\n"
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{port}/_sandbox/health", timeout=10) as answer:
                assert answer.status == 200
        finally:
            process.send_signal(signal.SIGTERM)
        process.wait(10)
