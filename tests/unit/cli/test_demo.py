"""What a demo says to whoever starts it."""

from __future__ import annotations

import pytest

from rootkeeper.cli.demo import USUAL_SANDBOX_PORT, spell_commands
from rootkeeper.sandbox.server import DEFAULT_PORT


@pytest.mark.parametrize(
    ("port", "commands"),
    [
        (USUAL_SANDBOX_PORT, 'eval "$(rootkeeper sandbox env)" && rootkeeper status'),
        (41234, 'eval "$(rootkeeper sandbox env --port 41234)" && rootkeeper status'),
    ],
)
def test_the_commands_name_the_port_only_where_it_is_not_the_usual_one(port: int, commands: str) -> None:
    assert spell_commands(port) == commands


def test_the_usual_port_is_the_sandboxs_own() -> None:
    assert USUAL_SANDBOX_PORT == DEFAULT_PORT
