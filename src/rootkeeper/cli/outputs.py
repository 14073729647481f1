"""Output formats, exit statuses, and sets of options.

What a command's exit status means; the same for every command.

Options that several commands share, written once as a dataclass.

A command takes the dataclass as one parameter; ``expand`` shows its fields to Typer as parameters of their own and
puts the values together again. So an option is named, explained and typed at one place, and no command repeats it.

What every command is given: the options that all commands share, and the terminal.

``--profile``, ``--region``, ``--config``, ``--server`` and ``-o`` are declared once, here, and shown by every command
and group, so that they work before and after the command's name; the innermost one wins.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from enum import IntEnum, StrEnum
from functools import wraps
from typing import Any, get_type_hints


class ExitStatus(IntEnum):
    """Exit statuses."""

    GOOD = 0
    """Done, and the answer is good."""
    BAD = 1
    """Done, and the answer is bad."""
    USAGE = 2
    """Wrong usage or input; nothing was done."""
    REFUSED = 3
    """AWS or our own authorization refused, or can't be reached."""
    INCOMPLETE = 4
    """A change failed, or isn't proven, for at least one account."""
    BUG = 70
    INTERRUPTED = 130


class OptionSet:
    """What a dataclass of options inherits from, so that it is known as one."""

    __slots__ = ()


def expand(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, its dataclass parameters replaced by their fields."""
    hints = get_type_hints(function, include_extras=True)
    shown: list[inspect.Parameter] = []
    sets: dict[str, type[OptionSet]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if isinstance(hints[name], type) and issubclass(hints[name], OptionSet):
            sets[name] = hints[name]
            shown.extend(_parameters_of(hints[name]))
        else:
            shown.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(function)
    def expanded(**values: Any) -> Any:
        for name, option_set in sets.items():
            values[name] = option_set(**{entry.name: values.pop(entry.name) for entry in _fields(option_set)})
        return function(**values)

    del expanded.__wrapped__
    show_parameters(expanded, shown)
    return expanded


def show_parameters(function: Callable[..., Any], parameters: list[inspect.Parameter]) -> None:
    """Let ``function`` look as if it were written with these parameters."""
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def _parameters_of(option_set: type[OptionSet]) -> list[inspect.Parameter]:
    hints = get_type_hints(option_set, include_extras=True)
    return [
        inspect.Parameter(
            entry.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if entry.default is MISSING else entry.default,
            annotation=hints[entry.name],
        )
        for entry in _fields(option_set)
    ]


def _fields(option_set: type[OptionSet]) -> tuple[Field[Any], ...]:
    return fields(option_set)  # type: ignore[arg-type]  # every option set is a dataclass


class OutputFormat(StrEnum):
    """How a command shows its answer."""

    TABLE = "table"
    TREE = "tree"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
