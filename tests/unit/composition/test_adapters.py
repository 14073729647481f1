"""Adapters are made when they are used, and not before."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rootkeeper.acting import describe_user
from rootkeeper.composition.application import Application
from rootkeeper.errors import AwsUnreachableError
from rootkeeper.settings.reading import load_settings


def test_the_actor_is_user_and_host() -> None:
    assert "@" in describe_user()


def test_closing_what_was_never_opened_does_nothing(tmp_path: Path) -> None:
    settings = load_settings(None, {}, tmp_path)
    with Application(settings):
        pass
    assert list(tmp_path.iterdir()) == []


def test_reading_the_ledger_loads_no_aws_client(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from rootkeeper.composition.application import Application; "
        "from rootkeeper.settings.reading import load_settings; "
        f"a = Application(load_settings(None, {{}}, Path({str(tmp_path)!r}))); "
        "a.ledger_reader.verify(); a.close(); sys.exit('botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_answer_is_waited_for_as_long_as_the_setting_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(None, {"ROOTKEEPER_AWS_READ_TIMEOUT_SECONDS": "1"}, tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    with socket.create_server(("127.0.0.1", 0)) as silent, Application(settings) as application:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began_at = time.monotonic()
        with pytest.raises(AwsUnreachableError):
            _ = application.caller
    assert time.monotonic() - began_at < 100
