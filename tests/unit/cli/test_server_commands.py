"""Which commands go through a server is written down once, and every other one refuses to."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from rootkeeper.cli.invocation import THROUGH_SERVER
from rootkeeper.cli.main import RootkeeperGroup, main

ADDRESS = "http://127.0.0.1:9"
PACKAGE = "rootkeeper.cli.commands"
ALIKE_EVERYWHERE = {"controls frameworks"}
"""It reads neither AWS nor a database."""


def list_commands() -> Iterator[tuple[str, Any]]:
    """Every command with its name as a person types it."""
    for name, entry in RootkeeperGroup.entries.items():
        loaded: Any = entry.load()
        if getattr(loaded, "commands", None):
            yield from ((f"{name} {below}", command) for below, command in loaded.commands.items())
        else:
            yield name, loaded


def goes_through_server(command: Any) -> bool:
    """Whether the command, or a function of its package that it calls, opens an operator or a server."""
    waiting, seen = [inspect.unwrap(command.callback)], set()
    while waiting:
        function = waiting.pop()
        seen.add(function)
        if {"open_operator", "open_server", "server_address"} & set(function.__code__.co_names):
            return True
        called = [step.argval for step in dis.get_instructions(function) if step.opname == "LOAD_GLOBAL"]
        waiting += [
            found
            for found in map(function.__globals__.get, called)
            if inspect.isfunction(found) and found not in seen and found.__module__.startswith(PACKAGE)
        ]
    return False


COMMANDS = list(list_commands())


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_a_command_goes_through_a_server_if_it_is_said_to(name: str, command: Any) -> None:
    said = name in THROUGH_SERVER or name.partition(" ")[0] in THROUGH_SERVER
    assert (goes_through_server(command) or name in ALIKE_EVERYWHERE) is said


def test_every_name_is_that_of_a_command() -> None:
    names = {name for name, _ in COMMANDS} | {name.partition(" ")[0] for name, _ in COMMANDS}
    assert set(THROUGH_SERVER) <= names
    assert list(THROUGH_SERVER) == sorted(THROUGH_SERVER)


@pytest.mark.parametrize("arguments", [["enable"], ["breakglass"], ["ledger", "export"], ["users", "list"]])
def test_any_other_command_refuses_a_server_and_names_those_that_go(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main([*arguments, "--server", ADDRESS]) == 2
    shown = capsys.readouterr().err
    assert f"can't use a server, but {ADDRESS} is named" in shown
    assert "windows" in shown


@pytest.mark.parametrize(
    "arguments", [["enable", "--yes"], ["breakglass"], ["ledger", "export"], ["exceptions", "list"]]
)
def test_a_server_in_the_environment_keeps_a_command_from_acting_somewhere_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("ROOTKEEPER_SERVER", ADDRESS)
    assert main(arguments) == 2
    assert "unset ROOTKEEPER_SERVER" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--profile", "--region"])
def test_aws_credentials_of_ones_own_and_a_server_exclude_each_other(
    capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert main(["windows", "list", "--server", ADDRESS, option, "x"]) == 2
    assert f"{option} needs AWS credentials of your own" in capsys.readouterr().err


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_server_may_be_named_anywhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.setenv("ROOTKEEPER_TOKEN", "rk_x")
    arguments = ["windows", "list"]
    arguments[place:place] = ["--server", "http://example.com"]
    assert main(arguments) == 2
    assert "The connection to example.com needs TLS" in capsys.readouterr().err


def test_an_empty_server_means_none_regardless_of_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOTKEEPER_SERVER", ADDRESS)
    assert main(["windows", "approve", "w-1", "--server", ""]) == 2
    assert "Only a server collects approvals" in capsys.readouterr().err
