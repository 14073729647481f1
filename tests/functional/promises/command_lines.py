"""The program's commands, found in the program itself, so that none is forgotten."""

from __future__ import annotations

import importlib
from typing import Any

import typer

from rootkeeper.cli.main import RootkeeperGroup


def list_commands(option: str | None = None) -> set[tuple[str, ...]]:
    """Every command, or those that know ``option``."""
    return {name for name, options in _list_options() if option is None or option in options}


def _list_options() -> list[tuple[tuple[str, ...], set[str]]]:
    found: list[tuple[tuple[str, ...], set[str]]] = []
    for name, entry in RootkeeperGroup.entries.items():
        loaded: Any = typer.main.get_command(importlib.import_module(entry.module).application)
        below: dict[str, Any] = getattr(loaded, "commands", None) or {"": loaded}
        for child, command in below.items():
            options = {option for parameter in command.params for option in parameter.opts}
            found.append(((name, child) if child else (name,), options))
    return found
