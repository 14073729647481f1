"""Exit statuses, output formats, and sets of options.

An option that several commands share is a field of a dataclass. A command takes the dataclass as a parameter, and
``expand`` shows its fields to Typer as parameters. So each option is named, explained and typed once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from enum import IntEnum, StrEnum
from functools import wraps
from typing import Any, TypeAlias, get_type_hints

import typer

from rootkeeper.cli.completion import VALUES
from rootkeeper.reports.formats import FINDING_FORMATS, Format


class ExitStatus(IntEnum):
    """The exit statuses, with the same meaning for every command."""

    GOOD = 0
    """Done, and the answer is good."""
    BAD = 1
    """Done, and the answer is bad."""
    USAGE = 2
    """Wrong usage or input; nothing was done."""
    REFUSED = 3
    """AWS or Rootkeeper's own authorization refused, or can't be reached."""
    INCOMPLETE = 4
    """A change failed, or isn't proven, for at least one account."""
    BUG = 70
    """A bug; the traceback is in a log file."""
    INTERRUPTED = 130
    """Interrupted."""


def option(declaration: str, explanation: str, **settings: Any) -> Any:
    """Declare an option as its help shows it: ``--ou ID|PATH``, or ``--yes -y`` for a flag with two names.

    Completion knows values by the last of its names.
    """
    names = [word for word in declaration.split() if word.startswith("-")]
    metavar = declaration.split()[-1]
    settings.setdefault("autocompletion", VALUES.get(names[-1]))
    return typer.Option(*names, metavar=None if metavar in names else metavar, help=explanation, **settings)


def comma_list(declaration: str, choices: Iterable[str], explanation: str) -> Any:
    """Declare an option that takes some of these words with commas; completion offers them."""
    words = tuple(choices)

    def complete(incomplete: str) -> list[str]:
        earlier, comma, last = incomplete.rpartition(",")
        used = set(earlier.split(","))
        return [earlier + comma + word for word in words if word.startswith(last) and word not in used]

    return option(declaration, explanation, autocompletion=complete)


def choice(declaration: str, choices: Mapping[str, Any], explanation: str, **settings: Any) -> Any:
    """Declare an option that takes one of these words; its value is the word's meaning."""

    def parse(text: str) -> Any:
        if text not in choices:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(choices)}.")
        return choices[text]

    def complete(incomplete: str) -> list[str]:
        return [word for word in choices if word.startswith(incomplete)]

    return option(declaration, explanation, parser=parse, autocompletion=complete, **settings)


def argument(metavar: str, explanation: str, **settings: Any) -> Any:
    """Declare an argument, such as ``ACCOUNT``."""
    return typer.Argument(metavar=metavar, help=explanation, autocompletion=VALUES.get(metavar), **settings)


class OptionSet:
    """The base class of every dataclass of options."""

    __slots__ = ()


def expand(function: Callable[..., Any]) -> Callable[..., Any]:
    """Replace the dataclass parameters of a function by their fields."""
    hints = get_type_hints(function, include_extras=True)
    shown: list[inspect.Parameter] = []
    sets: dict[str, type[OptionSet]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if isinstance(hints[name], type) and issubclass(hints[name], OptionSet):
            sets[name] = hints[name]
            set_hints = get_type_hints(hints[name], include_extras=True)
            for entry in _fields(hints[name]):
                default = inspect.Parameter.empty if entry.default is MISSING else entry.default
                kind, annotation = inspect.Parameter.KEYWORD_ONLY, set_hints[entry.name]
                shown.append(inspect.Parameter(entry.name, kind, default=default, annotation=annotation))
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
    """Make ``function`` look as if it had these parameters."""
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def _fields(option_set: type[OptionSet]) -> tuple[Field[Any], ...]:
    return fields(option_set)  # type: ignore[arg-type]  # every option set is a dataclass


class OutputFormat(StrEnum):
    """How a command shows its answer."""

    TABLE = "table"
    TREE = "tree"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


LIST_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
ONE_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
"""Of commands that show a single record."""

Output: TypeAlias = OutputFormat | Format
_OUTPUTS: Mapping[str, Output] = {form.value: form for form in OutputFormat} | {
    form.name: form for form in FINDING_FORMATS
}
SHARED_PANEL = "For every command"


def output_option(*, gives_findings: bool) -> Any:
    """Declare ``-o``; any command parses the formats of findings, because a group takes the option for its commands."""
    plain = "|".join(OutputFormat)
    declaration, explanation = f"-o --output {plain}", "The format of the answer on stdout."
    if gives_findings:
        named = ", ".join(form.name for form in FINDING_FORMATS)
        declaration = "-o --output FORMAT"
        explanation = f"{explanation[:-1]}: {', '.join(OutputFormat)}; or of its findings: {named}."
    return choice(declaration, _OUTPUTS, explanation, rich_help_panel=SHARED_PANEL)
