"""The sandbox's process as the demo starts it."""

from __future__ import annotations

import socket

import pytest

from rootkeeper.cli.demo_processes import SandboxProcess, choose_port, clean_environment
from rootkeeper.errors import InputError


def test_nothing_of_the_user_s_aws_settings_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "ROOTKEEPER_DATABASE_URL", "https_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "x")
    kept = clean_environment()
    assert not {"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "ROOTKEEPER_DATABASE_URL", "https_proxy", "HTTP_PROXY"} & set(kept)
    assert "PATH" in kept


class HurriedSandbox(SandboxProcess):
    """A sandbox that has little time to answer."""

    starts_within_seconds = 0.1


def test_a_sandbox_that_does_not_answer_is_an_error_and_no_bug() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(InputError, match=r"The sandbox didn't answer /_sandbox/organization: .*refused"):
            HurriedSandbox(port).read_organization()
        silent.listen()
        with pytest.raises(InputError, match="didn't answer /_sandbox/organization within"):
            HurriedSandbox(port).read_organization()


def test_a_port_that_was_asked_for_and_is_taken_is_an_error_but_the_usual_one_is_not() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(InputError, match=str(taken)):
            choose_port(taken, 4599)
        assert choose_port(None, taken) != taken
