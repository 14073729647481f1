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
from typing import TYPE_CHECKING, Annotated, Any, get_origin, get_type_hints

import click

from rootkeeper.cli.failures import report_error
from rootkeeper.cli.hints import naming_organization
from rootkeeper.cli.outputs import (
    SHARED_PANEL,
    ExitStatus,
    OptionSet,
    Output,
    OutputFormat,
    option,
    output_option,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError, RootkeeperError
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
    "organizations list",
    "plan",
    "preflight",
    "recover",
    "report",
    "status",
    "unlock",
    "windows",
)
"""Commands, and groups of them, that can use a server: all others refuse it."""
_shared_option = partial(option, panel=SHARED_PANEL)
SERVER_VARIABLE = "ROOTKEEPER_SERVER"
"""Also in ``rootkeeper.settings``, which takes longer to import."""


@dataclass(frozen=True, slots=True)
class SharedOptions(OptionSet):
    """The options of every command."""

    output: Annotated[Any, output_option(gives_findings=False)] = None
    """An ``Output`` or ``None``."""
    profile: Annotated[str | None, _shared_option("--profile NAME", "AWS profile, as for the AWS CLI.")] = None
    region: Annotated[str | None, _shared_option("--region REGION", "AWS Region of the STS calls.")] = None
    config: Annotated[Path | None, _shared_option("--config FILE", "Rootkeeper's settings (TOML).")] = None
    organization: Annotated[
        str | None,
        _shared_option("--organization NAME", "The organization of the settings, by name or id, if they have several."),
    ] = None
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
        :raises InputError: if they have several organizations and none is named, or not the one that is named.
        """
        from rootkeeper.settings.reading import load_user_settings

        return load_user_settings(self.options.config, self.options.organization)

    def list_several(self) -> dict[str, str]:
        """Return the ids of the settings' organizations by their names, for the server of all of them.

        :returns: none if one is named, or there is only one and there never was a server of several.
        :raises SettingsError: if the settings file can't be read.
        """
        from rootkeeper.settings.reading import ORGANIZATION_VARIABLE, list_organizations

        if self.options.organization or os.environ.get(ORGANIZATION_VARIABLE):
            return {}
        tables = list_organizations(self.options.config)
        if not tables:
            return {}
        if len(tables) == 1:
            from rootkeeper.organizations.front import has_people

            if not has_people(self.options.config):
                return {}
        return {table.name: table.organization_id for table in tables}

    @property
    def organization_id(self) -> str | None:
        """The organization of a database that knows several: ``--organization`` with an id."""
        from rootkeeper.settings.organizations import is_organization_id

        given = self.options.organization
        return given if given is not None and is_organization_id(given) else None

    @property
    def server_address(self) -> str | None:
        """The server to use, as it was given. An empty ``--server`` means none, also if the variable is set."""
        given = self.options.server
        return (os.environ.get(SERVER_VARIABLE) if given is None else given) or None

    def require_no_server(self) -> None:
        """:raises InputError: if a server is named, for a command that can't use it."""
        if self.server_address is not None:
            raise _refuse_server(self.server_address)

    def open_server(self) -> RemoteServer:
        """Connect to the named server; nothing is sent yet.

        :raises InputError: if the address isn't valid, or an option is given that needs the user's own AWS credentials.
        :raises NotSignedInError: if there is no token for it.
        """
        from rootkeeper.remote.server import open_remote_server
        from rootkeeper.settings.reading import ORGANIZATION_VARIABLE

        for name in ("profile", "region"):
            if getattr(self.options, name) is not None:
                raise InputError(
                    f"--{name} needs AWS credentials of your own, but the server uses its own.",
                    hint=f"Leave out --{name} or --server.",
                )
        named = self.options.organization or os.environ.get(ORGANIZATION_VARIABLE) or None
        return open_remote_server(self.server_address or "", None if self.organization_id else named)

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

        self.require_no_server()
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


def gives_findings(function: Callable[..., int]) -> Callable[..., int]:
    """Mark a command whose ``-o`` takes the formats of findings, too."""
    function.gives_findings = True  # type: ignore[attr-defined]  # read by ``command``
    return function


def _refuse_server(address: str) -> InputError:
    return InputError(
        f"This command can't use a server, but {address} is named.",
        hint=f"Leave out --server and unset {SERVER_VARIABLE}. A server can do: {', '.join(THROUGH_SERVER)}.",
    )


def command(function: Callable[..., int], name: str | None = None, **sentences: str) -> click.Command:
    """Make a command of a function that takes an ``Invocation`` and returns an exit status.

    :param sentences: by the names that stand for them in the docstring, such as ``{AUDIT_EVENTS}``.
    """
    sets, parameters = list_parameters(function)
    _, shared = list_parameters(SharedOptions)
    if hasattr(function, "gives_findings"):
        shared[0] = output_option(gives_findings=True).make_parameter("output", Any, None)
    text = inspect.cleandoc(function.__doc__ or "")
    for placeholder, sentence in sentences.items():
        text = text.replace(f"{{{placeholder}}}", sentence)

    @wraps(function)
    def run(**values: Any) -> int:
        options, words = remember(values), click.get_current_context().command_path.split()
        if options.server and not {words[1], " ".join(words[1:])} & set(THROUGH_SERVER):
            raise _refuse_server(options.server)
        for set_name, option_set in sets.items():
            values[set_name] = option_set(**{entry: values.pop(entry) for entry in option_set.__match_args__})
        terminal = Terminal()
        if "invocation" in inspect.signature(function).parameters:
            values["invocation"] = Invocation(options, terminal)
        with naming_organization(options.organization):
            try:
                return int(function(**values))
            except KeyboardInterrupt as interrupt:
                terminal.remark(f"Interrupted. {interrupt}".strip())
                return ExitStatus.INTERRUPTED
            except RootkeeperError as error:
                return report_error(error, terminal)

    return PanelCommand(name or function.__name__, callback=run, params=[*parameters, *shared], help=text)


def list_parameters(declaring: Callable[..., Any]) -> tuple[dict[str, type[OptionSet]], list[click.Parameter]]:
    """List the sets of options that a function takes, and all parameters of the command line, those of the sets too."""
    sets: dict[str, type[OptionSet]] = {}
    found: list[click.Parameter] = []
    hints = get_type_hints(declaring, include_extras=True)
    for name, parameter in inspect.signature(declaring).parameters.items():
        hint = hints[name]
        if get_origin(hint) is Annotated:
            default = ... if parameter.default is parameter.empty else parameter.default
            found.append(hint.__metadata__[0].make_parameter(name, hint.__origin__, default))
        elif issubclass(hint, OptionSet):
            sets[name] = hint
            found += list_parameters(hint)[1]
    return sets, found


def remember(values: dict[str, Any]) -> SharedOptions:
    """Take the shared options out of ``values``, and keep them in Click's context, over those of the group."""
    context = click.get_current_context()
    own = SharedOptions(**{entry.name: values.pop(entry.name) for entry in fields(SharedOptions)})
    context.obj = together = own.over(context.obj or SharedOptions())
    return together


def add(group: click.Group, function: Callable[..., int], name: str | None = None, **sentences: str) -> None:
    """Add a command to a group."""
    group.add_command(command(function, name, **sentences))


class PanelCommand(click.Command):
    """A command whose help shows its options under headings, its own options first."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        found = super().get_help_option(ctx)
        if found is not None:
            found.callback = _show_help
        return found

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        panels: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and isinstance(parameter, click.Option):
                panels.setdefault(getattr(parameter, "panel", None) or "Options", []).append(row)
        for panel, name, line in self.list_lines():
            panels.setdefault(panel, []).append((name, line))
        for title, rows in panels.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def list_lines(self) -> Iterable[tuple[str, str, str]]:
        """List the commands of a group: the heading, the name, and a sentence."""
        return ()


def _show_help(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        Terminal().write(f"{context.get_help()}\n")
        context.exit()


class PanelGroup(PanelCommand, click.Group):
    """A group of commands that takes the shared options, too."""

    def __init__(self, **settings: Any) -> None:
        _, shared = list_parameters(SharedOptions)
        super().__init__(
            params=[*settings.pop("params", ()), *shared],
            callback=lambda **values: remember(values),
            no_args_is_help=True,
            **settings,
        )

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from difflib import get_close_matches

        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            similar = get_close_matches(name, known)
            suggestion = f" Did you mean {' or '.join(similar)}?" if similar else ""
            ctx.fail(f"There is no command {name!r}.{suggestion}")
        return super().resolve_command(ctx, args)

    def list_lines(self) -> Iterable[tuple[str, str, str]]:
        return [("Commands", name, (command.help or "").split("\n\n")[0]) for name, command in self.commands.items()]


class DefaultGroup(PanelGroup):
    """A group that runs its first command if none is named: ``report`` is ``report write``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        place = 0
        while place < len(args) and args[place].partition("=")[0] in _SHARED_NAMES:
            place += 1 if "=" in args[place] else 2
        named = args[place] if place < len(args) else ""
        if named not in self.commands and named not in ctx.help_option_names:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


_SHARED_NAMES = frozenset({"-o", *(f"--{entry.name}" for entry in fields(SharedOptions))})
"""Each of them takes a value."""
