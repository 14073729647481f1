"""The entry point turns every ending into one exit status."""

from __future__ import annotations

import sys

import pytest

from rootkeeper.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "There is no command 'nonsense'."),
        (["audot"], "Did you mean audit?"),
        (["--nonsense"], "--nonsense"),
        (["windows"], ""),
        (["audit", "--details=maybe"], ""),
    ],
)
def test_wrong_usage_ends_with_2_and_keeps_stdout_for_data(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_help_of_all_commands_imports_none_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    for name in [name for name in sys.modules if name.startswith("rootkeeper.cli.commands.audit")]:
        del sys.modules[name]
    assert main(["--help"]) == 0
    assert "audit" in capsys.readouterr().out
    assert "rootkeeper.cli.commands.audit" not in sys.modules
