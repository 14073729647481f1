"""Exit statuses, output formats, and the declarations of options and arguments.

An option that several commands share is a field of a dataclass. A command takes the dataclass as a parameter, and each
field is a parameter of the command line. So each option is named, explained and typed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeAlias, get_args, get_origin

import click
from click.shell_completion import CompletionItem

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
    UNREAD = 5
    """Done, but accounts weren't read that should have been, so the answer is no proof (only with ``--fail-on``)."""
    BUG = 70
    """A bug; the traceback is in a log file."""
    OUTPUT_LOST = 74
    """The answer can't be written: a full disk, or a closed stdout. What a change did is in the ledger."""
    INTERRUPTED = 130
    """Interrupted."""
    READER_GONE = 141
    """The reader of the answer, such as ``head``, ended first; nothing is shown."""


class WordChoice(click.Choice[Any]):
    """One of some words; its value is the word's meaning."""

    def __init__(self, meanings: Mapping[str, Any]) -> None:
        super().__init__(meanings)
        self._meanings = meanings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._meanings[super().convert(value, param, ctx)]


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared option or argument. The parameter or field that it annotates has its name, type and default."""

    kind: type[PanelOption | NamedArgument]
    names: tuple[str, ...]
    settings: Mapping[str, Any]

    def make_parameter(self, name: str, annotation: Any, default: Any) -> click.Parameter:
        """Make a parameter of the command line.

        :param default: ``...`` for a required parameter.
        """
        settings: dict[str, Any] = {"required": default is ...}
        if get_origin(annotation) is UnionType:
            (annotation,) = set(get_args(annotation)) - {NoneType}
        if get_origin(annotation) is list:
            (annotation,) = get_args(annotation)
            settings |= {"nargs": -1} if self.kind is NamedArgument else {"multiple": True}
        elif default not in (None, ...):
            settings["default"] = default.value if isinstance(default, Enum) else default
        settings["type"] = _TYPES.get(annotation, annotation)
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            settings["type"] = WordChoice({member.value: member for member in annotation})
        settings |= self.settings
        if self.kind is NamedArgument:
            return NamedArgument([name], **settings)
        if isinstance(settings["type"], click.Choice):
            settings.setdefault("metavar", "|".join(settings["type"].choices))
        return PanelOption([name, *self.names], is_flag=annotation is bool, **settings)


_TYPES: Mapping[Any, Any] = {Path: click.Path(path_type=Path)}


class PanelOption(click.Option):
    """An option, with the heading under which its help is shown."""

    def __init__(self, *names: Any, panel: str | None = None, **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.panel = panel


class NamedArgument(click.Argument):
    """An argument with a name for the help, where brackets show that it can be left out."""

    def make_metavar(self, ctx: click.Context) -> str:  # noqa: ARG002 - Click's shape
        name = str(self.metavar)
        return f"{name if self.required else f'[{name}]'}{'' if self.nargs == 1 else '...'}"


def option(declaration: str, explanation: str, **settings: Any) -> Any:
    """Declare an option as its help shows it: ``--ou ID|PATH``, or ``--yes -y`` for a flag with two names.

    Completion knows values by the last of its names.
    """
    names = tuple(word for word in declaration.split() if word.startswith("-"))
    metavar = declaration.split()[-1]
    if metavar not in names:
        settings["metavar"] = metavar
    if names[-1] in VALUES:
        settings["shell_complete"] = VALUES[names[-1]]
    return Declaration(PanelOption, names, {"help": explanation, "show_default": True, **settings})


def comma_list(declaration: str, choices: Iterable[str], explanation: str) -> Any:
    """Declare an option that takes some of these words with commas; completion offers them."""
    words = tuple(choices)

    def complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        earlier, comma, last = incomplete.rpartition(",")
        used = set(earlier.split(","))
        return [CompletionItem(earlier + comma + word) for word in words if word.startswith(last) and word not in used]

    return option(declaration, explanation, shell_complete=complete)


def choice(declaration: str, choices: Mapping[str, Any], explanation: str, **settings: Any) -> Any:
    """Declare an option that takes one of these words; its value is the word's meaning."""
    return option(declaration, explanation, type=WordChoice(choices), **settings)


def argument(metavar: str, explanation: str, **settings: Any) -> Any:
    """Declare an argument, such as ``ACCOUNT``."""
    return Declaration(
        NamedArgument, (), {"metavar": metavar, "help": explanation, "shell_complete": VALUES.get(metavar), **settings}
    )


class OptionSet:
    """The base class of every dataclass of options."""

    __slots__ = ()
    __match_args__: tuple[str, ...]
    """The names of the fields."""


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
    return choice(declaration, _OUTPUTS, explanation, panel=SHARED_PANEL)
