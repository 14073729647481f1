"""The input of every command: the options that all commands share, and the terminal.

``--profile``, ``--region``, ``--config``, ``--server`` and ``-o`` are declared here once. Every command and group shows
them, so they work before and after the command's name; the innermost value wins.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from rootkeeper.cli.outputs import (
    SHARED_PANEL,
    ExitStatus,
    OptionSet,
    Output,
    OutputFormat,
    expand,
    option,
    output_option,
    show_parameters,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError
from rootkeeper.reports.formats import Format

if TYPE_CHECKING:
    from rootkeeper.composition.application import Application
    from rootkeeper.remote.server import RemoteServer
    from rootkeeper.settings.sections import Settings


THROUGH_SERVER = (
    "apply",
    "audit",
    "controls",
    "delete",
    "diff",
    "doctor",
    "emails change",
    "emails list",
    "failsafe check",
    "history",
    "jobs",
    "ledger list",
    "ledger verify",
    "login",
    "logout",
    "plan",
    "preflight",
    "recover",
    "report",
    "status",
    "unlock",
    "windows",
)
"""Commands that can use a server, for errors and guides; a test compares them with the commands."""
_shared_option = partial(option, rich_help_panel=SHARED_PANEL)
SERVER_VARIABLE = "ROOTKEEPER_SERVER"
"""Also in ``rootkeeper.settings``, which takes longer to import."""


@dataclass(frozen=True, slots=True)
class SharedOptions(OptionSet):
    """The options of every command."""

    output: Annotated[Any, output_option(gives_findings=False)] = None
    """An ``Output`` or ``None``: Typer supports no unions."""
    profile: Annotated[str | None, _shared_option("--profile NAME", "AWS profile, as for the AWS CLI.")] = None
    region: Annotated[str | None, _shared_option("--region REGION", "AWS Region of the STS calls.")] = None
    config: Annotated[Path | None, _shared_option("--config FILE", "Rootkeeper's settings (TOML).")] = None
    server: Annotated[
        str | None, _shared_option("--server URL", "Use this Rootkeeper server instead of AWS. Also ROOTKEEPER_SERVER.")
    ] = None

    def over(self, outer: SharedOptions) -> SharedOptions:
        """Use these options, and the outer options where these aren't set."""
        names = [entry.name for entry in fields(self)]
        return SharedOptions(**{name: getattr(outer if getattr(self, name) is None else self, name) for name in names})


@dataclass(frozen=True, slots=True)
class Invocation:
    """A run of a command."""

    options: SharedOptions
    terminal: Terminal

    def choose_output(self, *offered: OutputFormat) -> OutputFormat:
        """Return the requested format, or the first offered format.

        :raises InputError: if the command doesn't offer it.
        """
        wanted: Output = self.options.output or offered[0]
        if isinstance(wanted, Format) or wanted not in offered:
            name = wanted.name if isinstance(wanted, Format) else wanted.value
            raise InputError(
                f"This command has no output {name!r}.", hint=f"Use {', '.join(entry.value for entry in offered)}."
            )
        return wanted

    def choose_output_or_findings(self, *offered: OutputFormat) -> Output:
        """Return the requested format, also a format of findings, or the first offered format.

        :raises InputError: if the command doesn't offer it.
        """
        wanted: Output | None = self.options.output
        return wanted if isinstance(wanted, Format) else self.choose_output(*offered)

    def load_settings(self) -> Settings:
        """Read the settings of file and environment.

        :raises SettingsError: if a setting is unknown or out of range.
        """
        from rootkeeper.settings.reading import load_user_settings

        return load_user_settings(self.options.config)

    @property
    def server_address(self) -> str | None:
        """The server to use, as it was given. An empty ``--server`` means none, also if the variable is set."""
        given = self.options.server
        return (os.environ.get(SERVER_VARIABLE) if given is None else given) or None

    def open_server(self) -> RemoteServer:
        """Connect to the named server; nothing is sent yet.

        :raises InputError: if the address isn't valid, or an option is given that needs the user's own AWS credentials.
        :raises NotSignedInError: if there is no token for it.
        """
        from rootkeeper.remote.server import open_remote_server

        for name in ("profile", "region"):
            if getattr(self.options, name) is not None:
                raise InputError(
                    f"--{name} needs AWS credentials of your own, but the server uses its own.",
                    hint=f"Leave out --{name} or --server.",
                )
        return open_remote_server(self.server_address or "")

    def open_application(
        self, *, creates_database: bool = True, needs_ledger: bool = True, api_share: int | None = None
    ) -> Application:
        """Open the program for the command; a context manager closes it.

        :param creates_database: whether a missing database is created instead of an error.
        :param needs_ledger: ``False`` for closing a window, which doesn't wait for a ledger that can't be written.
        :param api_share: instead of the setting ``aws.api_share``.
        :raises SettingsError: if a setting is unknown or out of range.
        :raises InputError: if a server is named and this command can't use it.
        """
        from rootkeeper.composition.application import Application

        if self.server_address is not None:
            raise _refuse_server(self.server_address)
        settings = self.load_settings()
        if api_share is not None:
            settings = replace(settings, aws=replace(settings.aws, api_share=api_share))
        return Application(
            settings,
            profile=self.options.profile,
            region=self.options.region,
            creates_database=creates_database,
            needs_ledger=needs_ledger,
            warn=self.terminal.remark,
        )


def through_server(function: Callable[..., int]) -> Callable[..., int]:
    """Mark a command that works through ``open_operator``, so also through a server."""
    function.goes_through_server = True  # type: ignore[attr-defined]  # read by ``command``
    return function


def gives_findings(function: Callable[..., int]) -> Callable[..., int]:
    """Mark a command whose ``-o`` takes the formats of findings, too."""
    function.gives_findings = True  # type: ignore[attr-defined]  # read by ``command``
    return function


def _refuse_server(address: str) -> InputError:
    return InputError(
        f"This command can't use a server, but {address} is named.",
        hint=f"Leave out --server and unset {SERVER_VARIABLE}. A server can do: {', '.join(THROUGH_SERVER)}.",
    )


def command(function: Callable[..., int]) -> Callable[..., None]:
    """Make a Typer command of a function that takes an ``Invocation`` and returns an exit status."""
    expanded = expand(function)
    goes_through_server = hasattr(function, "goes_through_server")
    takes_invocation = "invocation" in inspect.signature(expanded).parameters

    @wraps(function)
    def run(context: typer.Context, **values: Any) -> None:
        remember(context, values)
        if context.obj.server and not goes_through_server:
            raise _refuse_server(context.obj.server)
        if takes_invocation:
            values["invocation"] = Invocation(context.obj, Terminal())
        try:
            status = expanded(**values)
        except KeyboardInterrupt as interrupt:
            Terminal().remark(f"Interrupted. {interrupt}".strip())
            status = ExitStatus.INTERRUPTED
        raise typer.Exit(int(status))

    _show_with_shared_options(run, expanded, gives_findings=hasattr(function, "gives_findings"))
    return run


def group_callback(function: Callable[..., None]) -> Callable[..., None]:
    """Make a group take the shared options before the command's name."""

    @wraps(function)
    def callback(context: typer.Context, **values: Any) -> None:
        remember(context, values)
        function(**values)

    _show_with_shared_options(callback, expand(function))
    return callback


def _show_no_type(ctx: Any) -> None:
    """Leave the type of an argument out: its name and its help explain it."""


def _show_plain_types(parameters: Iterable[Any]) -> None:
    """Show flags and arguments without a type, and a choice as its values. Typer shows ``<bool>``, ``<list[a|b]>``."""
    for parameter in parameters:
        if isinstance(parameter, TyperArgument) and parameter.metavar is not None:
            parameter.display_type_rich = _show_no_type  # type: ignore[method-assign]  # Typer has no setting for it
        if isinstance(parameter, TyperOption) and parameter.metavar is None:
            kind = parameter.type_descriptor
            words = "|".join(map(str, kind.choices or ())) if kind.is_choice else "TEXT"
            parameter.metavar = "" if parameter.is_flag else words


def _convert(parameter: Any, convert: Callable[[Any, Any], Any], ctx: Any, value: Any) -> Any:
    annotation, parse = parameter.type_descriptor.annotation, parameter.type_descriptor.parameter_info.parser
    is_list = parameter.multiple or parameter.nargs == -1
    if value is None:
        value = () if is_list else None
    elif parse is not None and not is_list:
        value = parse(value)
    elif type(value) is not annotation:
        return convert(ctx, value)
    return value if parameter.callback is None else parameter.callback(ctx, parameter, value)


def _convert_only_texts(parameters: list[Any]) -> list[Any]:
    """Convert values here if they have their type or a parser. For any value, and for none, Typer loads pydantic."""
    for parameter in parameters:
        if not parameter.required and "process_value" not in vars(parameter):
            parameter.process_value = partial(_convert, parameter, parameter.process_value)
    return parameters


class _Helped:
    """The common part of commands and groups, before Typer's class."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _convert_only_texts(super().get_params(ctx))  # type: ignore[misc]  # Typer's class has it

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _show_plain_types(self.get_params(ctx))
        super().format_help(ctx, formatter)  # type: ignore[misc]  # Typer's class has it


class HelpedCommand(_Helped, TyperCommand):
    """A command whose help shows no types of Python."""


class HelpedGroup(_Helped, TyperGroup):
    """A group whose help shows no types of Python."""


class DefaultGroup(HelpedGroup):
    """A group that runs its first command if none is named: ``report`` is ``report write``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        place = 0
        while place < len(args) and args[place].partition("=")[0] in _SHARED_NAMES:
            place += 1 if "=" in args[place] else 2
        named = args[place] if place < len(args) else ""
        if named not in self.commands and named not in ctx.help_option_names:
            args = [next(iter(self.commands)), *args]
        found: list[str] = super().parse_args(ctx, args)
        return found


_SHARED_NAMES = frozenset({"-o", *(f"--{entry.name}" for entry in fields(SharedOptions))})
"""Each of them takes a value."""


def group(explanation: str, kind: type[HelpedGroup] = HelpedGroup) -> typer.Typer:
    """Make a Typer application of several commands."""
    return typer.Typer(
        cls=kind,
        help=explanation,
        callback=group_callback(lambda: None),
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
    )


def single(function: Callable[..., int], **sentences: str) -> typer.Typer:
    """Make a Typer application of a single command.

    :param sentences: by the names that stand for them in the docstring, such as ``{AUDIT_EVENTS}``.
    """
    application = typer.Typer(add_completion=False, rich_markup_mode="rich")
    add(application, function, **sentences)
    return application


def add(application: typer.Typer, function: Callable[..., int], name: str | None = None, **sentences: str) -> None:
    """Add a command, its docstring as its help; ``sentences`` as in ``single``."""
    text = function.__doc__ or ""
    for placeholder, sentence in sentences.items():
        text = text.replace(f"{{{placeholder}}}", sentence)
    application.command(name, cls=HelpedCommand, help=unwrap(text))(command(function))


def unwrap(docstring: str) -> str:
    """Join the lines of each paragraph of a docstring, for Typer to wrap; escape markup."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).replace("[", "\\[")


def remember(context: typer.Context, values: dict[str, Any]) -> None:
    """Take the shared options out of ``values`` and store them in the context, over the outer options."""
    own = SharedOptions(**{entry.name: values.pop(entry.name) for entry in fields(SharedOptions)})
    context.obj = own.over(context.obj or SharedOptions())


def _show_with_shared_options(
    target: Callable[..., Any], shown: Callable[..., Any], *, gives_findings: bool = False
) -> None:
    def shared_only(shared: SharedOptions) -> None: ...

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    own = [entry for entry in inspect.signature(shown).parameters.values() if entry.name != "invocation"]
    shared = dict(inspect.signature(expand(shared_only)).parameters)
    if gives_findings:
        annotation = Annotated[Any, output_option(gives_findings=True)]
        shared["output"] = shared["output"].replace(annotation=annotation)
    if hasattr(target, "__wrapped__"):
        del target.__wrapped__
    show_parameters(target, [context, *own, *shared.values()])
