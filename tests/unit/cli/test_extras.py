"""Without an extra, a command says in one line what to install; in a temporary environment it is added."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rootkeeper import __version__, installation
from rootkeeper.cli import temporary
from rootkeeper.cli.main import RootkeeperGroup, main
from tests.unit.database.samples import REPOSITORY

COMMANDS = (
    "demo",
    "sandbox",
    "serve",
    "worker",
    "users list",
    "token list",
    "notifications test",
)


@pytest.fixture
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line without any extra."""
    monkeypatch.setattr(installation, "EXTRAS", {"server": ("no_such_module",)})


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_needs_more_says_in_one_line_what_to_install(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith("error: This command needs the extra server of Rootkeeper, which isn't installed. Install ")
    assert "[server]'" in line


@pytest.mark.usefixtures("_alone")
def test_the_help_of_such_a_command_is_shown_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--help"]) == 0
    assert "Run the server" in capsys.readouterr().out


def test_the_commands_that_pipx_adds_the_extra_for_are_those_that_require_it() -> None:
    commands = REPOSITORY / "src/rootkeeper/cli/commands"
    asking = {path.stem for path in commands.glob("*.py") if 'require_extra("server")' in path.read_text()}
    named = {name for name, entry in RootkeeperGroup.entries.items() if entry.module in asking}
    assert named == temporary.SERVER_COMMANDS
    assert {command.split()[0] for command in COMMANDS} == temporary.SERVER_COMMANDS


@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        (["demo"], True),
        (["--config", "x.toml", "serve"], True),
        (["demo", "--help"], False),
        (["status"], False),
        ([], False),
    ],
)
def test_a_temporary_environment_is_completed_only_for_a_command_that_needs_it(
    arguments: list[str], needs: bool
) -> None:
    assert temporary.needs_server(arguments) is needs


def test_pip_adds_only_what_is_missing_from_this_very_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "find_spec", lambda _: object())
    command = temporary.find_installer()
    assert command is not None
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-1] == f"rootkeeper[server]=={__version__}"


def test_uv_takes_the_place_of_pip_and_without_both_nothing_is_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(temporary, "find_spec", lambda _: None)
    monkeypatch.setattr(temporary, "find_source", lambda: "/opt/clone")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert temporary.find_installer() is None
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o755)
    command = temporary.find_installer()
    assert command is not None
    assert command[0] == str(tmp_path / "uv")
    assert command[-3:] == ["--python", sys.executable, "/opt/clone[server]"]
