"""The group of all commands, which imports a command's file only when that command is run.

The page of the group itself is made from the table alone; so ``rootkeeper --help`` imports no command.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One command as the group's page shows it."""

    module: str
    """Holds ``application``, a Typer application."""
    line: str
    """The first line of the command's own help; a test holds the two together."""
    panel: str


class CommandGroup(TyperGroup):
    """Commands by name, from ``entries``."""

    entries: ClassVar[Mapping[str, CommandEntry]] = {}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the name and shape are Typer's
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the name and shape are Typer's
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        loaded = typer.main.get_command(importlib.import_module(entry.module).application)
        loaded.name = cmd_name
        return loaded

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in self.entries and not name.startswith("-"):
            similar = get_close_matches(name, self.entries)
            suggestion = f" Did you mean {' or '.join(similar)}?" if similar else ""
            ctx.fail(f"There is no command {name!r}.{suggestion}")
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._page().format_help(ctx, formatter)

    def _page(self) -> TyperGroup:
        replacements = [
            TyperCommand(name, help=entry.line, rich_help_panel=entry.panel) for name, entry in self.entries.items()
        ]
        return TyperGroup(
            name=self.name,
            commands=replacements,
            params=self.params,
            help=self.help,
            epilog=self.epilog,
            rich_markup_mode=self.rich_markup_mode,
        )
