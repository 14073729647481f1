"""The truth of the guided story is asked of a sandbox on this machine, and of nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from rootkeeper.demo.story import RECOVERED_ID, evaluate_story, read_story_state
from rootkeeper.errors import AwsUnreachableError, NotFoundError
from rootkeeper.organization.accounts import Endpoint
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--scenario", "demo") as process:
        yield process


def test_a_sandbox_shows_how_far_the_story_is(sandbox: SandboxProcess) -> None:
    endpoint = Endpoint(sandbox.endpoint_label)
    assert not any(step["is_done"] for step in evaluate_story(read_story_state(endpoint)))
    sandbox.control("POST", "identity-center", {"status": "down"})
    done = [step["step_id"] for step in evaluate_story(read_story_state(endpoint)) if step["is_done"]]
    assert done == ["outage"]
    assert RECOVERED_ID in sandbox.accounts()


@pytest.mark.parametrize("label", ["AWS", "SANDBOX 192.0.2.1:4599", "SANDBOX sandbox.example.com:80"])
def test_nothing_else_is_asked(label: str) -> None:
    with pytest.raises(NotFoundError):
        read_story_state(Endpoint(label))


def test_a_sandbox_that_does_not_answer_is_reported() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = Endpoint(f"SANDBOX 127.0.0.1:{probe.getsockname()[1]}")
    with pytest.raises(AwsUnreachableError, match=endpoint.label):
        read_story_state(endpoint)
