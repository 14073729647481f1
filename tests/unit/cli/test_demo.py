"""What a demo says to the person who starts it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from rootkeeper.cli.commands.demo import USUAL_SANDBOX_PORT, has_display, render_program, render_shell_commands
from rootkeeper_sandbox.server import DEFAULT_PORT


@pytest.mark.parametrize(
    ("port", "commands"),
    [
        (USUAL_SANDBOX_PORT, 'eval "$(rootkeeper sandbox env)" && rootkeeper status'),
        (41234, 'eval "$(rootkeeper sandbox env --port 41234)" && rootkeeper status'),
    ],
)
def test_the_commands_name_the_port_only_where_it_is_not_the_usual_one(port: int, commands: str) -> None:
    assert render_shell_commands("rootkeeper", port) == commands


def test_the_program_is_named_so_that_another_terminal_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, other = tmp_path / "own place" / "rootkeeper", tmp_path / "other" / "rootkeeper"
    monkeypatch.setenv("PATH", str(other.parent))
    assert render_program(script) == f"{shlex.quote(sys.executable)} -m rootkeeper"
    for one in (script, other):
        one.parent.mkdir()
        one.touch(0o755)
    assert render_program(script) == f"'{script}'"
    monkeypatch.setenv("PATH", str(script.parent))
    assert render_program(script) == "rootkeeper"


def test_the_usual_port_is_the_sandboxs_own() -> None:
    assert USUAL_SANDBOX_PORT == DEFAULT_PORT


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, "linux", False),
        ({"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22", "DISPLAY": "localhost:10.0"}, "linux", True),
        ({"CI": "true", "DISPLAY": ":99"}, "linux", False),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, "darwin", False),
    ],
)
def test_the_console_opens_only_where_a_person_can_see_it(
    environment: dict[str, str], platform: str, *, expected: bool
) -> None:
    assert has_display(environment, platform) is expected
