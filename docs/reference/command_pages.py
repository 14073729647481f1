"""The page of all commands, from the commands themselves.

Options that many commands share are written once, and each command refers to them. ``make_reference.py`` writes the
page.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rootkeeper.cli.main import PROGRAM, RootkeeperGroup
from rootkeeper.cli.outputs import SHARED_PANEL

NAME = "rootkeeper"
SANDBOX = ("sandbox",)
"""It draws its own help, so its page has the text as it is."""

CommandPath = tuple[str, ...]
Entry = tuple[str, str]
"""An option or argument as it is typed, and its meaning."""

_LABELS = ("AWS permissions:", "Changes:", "Exit statuses:")
_OPTION = r"(?<![\w/`-])(?:-o (?:table|tree|json|jsonl|csv)\b|--?[a-z][\w-]*)"
_CODE = r"`[^`]+`"
_PERMISSION = r"\b[a-z][a-z0-9-]*:[A-Z][A-Za-z0-9]+\b"
_VARIABLE = r"\b(?:ROOTKEEPER|AWS)_[A-Z_]+\b"


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Options that several commands have under one title."""

    title: str
    entries: tuple[Entry, ...]

    @property
    def link(self) -> str:
        return f"[{self.title}](#{self.title.lower().replace(' ', '-')})"


def list_command_paths() -> list[CommandPath]:
    """List every command and subcommand, the program itself first."""
    paths: list[CommandPath] = [()]
    for name, entry in RootkeeperGroup.entries.items():
        paths.append((name,))
        paths.extend((name, subcommand) for subcommand in getattr(entry.load(), "commands", {}))
    return paths


def render_command_pages(head: str) -> str:
    """Render the whole page below a head."""
    commands = {path: load_command(path) for path in list_command_paths() if path not in ((), SANDBOX)}
    groups = collect_groups(commands.values())
    parts = [head, *render_program(groups[SHARED_PANEL]), *render_groups(groups)]
    for path in list_command_paths()[1:]:
        parts.append(f"\n## {' '.join([NAME, *path])}\n")
        parts += render_sandbox() if path == SANDBOX else render_command(path, commands[path], groups)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def load_command(path: CommandPath) -> Any:
    command: Any = RootkeeperGroup.entries[path[0]].load()
    return command.commands[path[1]] if len(path) > 1 else command


def render_program(shared: OptionGroup) -> Iterator[str]:
    """The program itself, and its commands in the order of its own help."""
    yield f"\n## {NAME}\n"
    yield f"`{NAME} [OPTIONS] COMMAND [ARGS]…`\n"
    yield from render_paragraphs(PROGRAM.help or "")
    yield render_table(entry for entry in list_entries(PROGRAM) if entry not in shared.entries)
    yield f"More options: {shared.link}.\n"
    for panel in dict.fromkeys(entry.panel for entry in RootkeeperGroup.entries.values()):
        rows = [
            f"| [`{NAME} {name}`](#{NAME}-{name}) | {mark_cell(entry.line)} |"
            for name, entry in RootkeeperGroup.entries.items()
            if entry.panel == panel
        ]
        yield "\n".join([f"### {panel}\n", "| Command | Does |", "|---|---|", *rows, ""])


def collect_groups(commands: Iterable[Any]) -> dict[str, OptionGroup]:
    """Collect the titled groups of options that more than one command has.

    An option belongs to the group if most of these commands describe it in the same way.
    """
    found: dict[str, list[list[Entry]]] = {}
    for command in commands:
        for panel in dict.fromkeys(filter(None, map(panel_of, command.params))):
            found.setdefault(panel, []).append(list_entries(command, panel))
    groups = {}
    for panel, members in found.items():
        counts = Counter(entry for member in members for entry in member)
        shared = tuple(entry for entry, count in counts.items() if count > len(members) / 2)
        if len(members) > 1:
            groups[panel] = OptionGroup(panel, shared)
    return groups


def render_groups(groups: Mapping[str, OptionGroup]) -> Iterator[str]:
    yield "\n## Options of several commands\n\nA command refers to these groups by their titles."
    first = sorted(groups.values(), key=lambda group: group.title != SHARED_PANEL)
    for group in first:
        yield f"\n### {group.title}\n"
        yield render_table(group.entries)


def render_command(path: CommandPath, command: Any, groups: Mapping[str, OptionGroup]) -> Iterator[str]:
    yield f"`{spell_usage(path, command)}`\n"
    yield from render_paragraphs(command.help)
    panels = list(dict.fromkeys(filter(None, map(panel_of, command.params))))
    shared = {entry for panel in panels if panel in groups for entry in groups[panel].entries}
    own = [entry for entry in list_entries(command) if entry not in shared]
    if own:
        yield render_table(own)
    if subcommands := getattr(command, "commands", {}):
        links = ", ".join(f"[`{name}`](#{'-'.join([NAME, *path, name])})" for name in subcommands)
        yield f"Commands: {links}.\n"
    referred = sorted((groups[panel] for panel in panels if panel in groups), key=lambda one: one.title == SHARED_PANEL)
    yield f"More options: {', '.join(group.link for group in referred)}."


def render_sandbox() -> Iterator[str]:
    """The sandbox replaces the process that starts it, so it needs one of its own."""
    program = str(Path(sys.executable).with_name(NAME))
    environment = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    shown = subprocess.run(
        ["env", *(f"{name}={value}" for name, value in environment.items()), program, *SANDBOX, "--help"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    text = "\n".join(line.rstrip() for line in shown.splitlines()).strip("\n")
    yield f"```text\n{text}\n```"


def panel_of(parameter: Any) -> str | None:
    return getattr(parameter, "panel", None)


def list_entries(command: Any, panel: str | None = None) -> list[Entry]:
    """The options and arguments of a command that its help shows; of one panel, if it is named."""
    return [
        (spell_parameter(parameter), describe_parameter(parameter))
        for parameter in command.params
        if getattr(parameter, "help", None)
        and not getattr(parameter, "hidden", False)
        and (panel is None or panel_of(parameter) == panel)
    ]


def spell_usage(path: CommandPath, command: Any) -> str:
    parts = [NAME, *path, "[OPTIONS]"]
    if getattr(command, "commands", {}):
        return " ".join([*parts, "COMMAND [ARGS]…"])
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            name = str(parameter.metavar or parameter.name.upper())
            name += "…" if parameter.nargs == -1 else ""
            parts.append(name if parameter.required else f"[{name}]")
    return " ".join(parts)


def spell_parameter(parameter: Any) -> str:
    """An argument, or the names of an option and its value."""
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    names = "`, `".join([*sorted(parameter.opts, key=len, reverse=True), *parameter.secondary_opts])
    if getattr(parameter, "is_flag", False) or list_choices(parameter):
        return f"`{names}`"
    return f"`{names} {parameter.metavar or 'TEXT'}`"


def list_choices(parameter: Any) -> tuple[str, ...]:
    """The words of an option that takes one of them, unless its declaration lists some of them."""
    choices: tuple[str, ...] = getattr(parameter.type, "choices", ())
    declared = f"{parameter.metavar} {parameter.help}".removeprefix("|".join(choices))
    return () if any(word in declared for word in choices[:1]) else choices


def describe_parameter(parameter: Any) -> str:
    """The meaning of an option, with its values, range and default."""
    parts = [parameter.help]
    if choices := list_choices(parameter):
        parts.append(f"One of {', '.join(f'`{value}`' for value in choices)}.")
    least, most = (getattr(parameter.type, name, None) for name in ("min", "max"))
    if least is not None or most is not None:
        parts.append(" ".join(["From", str(least), *(["to", str(most)] if most is not None else ["on"])]) + ".")
    if parameter.required:
        parts.append("Required.")
    default = parameter.default
    if (
        default
        and isinstance(default, str | int | Path)
        and parameter.show_default
        and "Default:" not in parameter.help
    ):
        is_pair = parameter.secondary_opts and default is True
        parts.append(f"Default: `{parameter.opts[0] if is_pair else default}`.")
    return " ".join(parts)


def render_table(entries: Iterable[Entry]) -> str:
    rows = [f"| {name.replace('|', chr(92) + '|')} | {mark_cell(meaning)} |" for name, meaning in entries]
    return "\n".join(["| Option or argument | Meaning |", "|---|---|", *rows, ""])


def render_paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a help, with what it changes, needs and ends with in bold."""
    for paragraph in text.split("\n\n"):
        line = re.sub(r"\s+", " ", paragraph).strip()
        label = next((label for label in _LABELS if line.startswith(label)), "")
        yield (f"**{label}** {mark(line.removeprefix(label).strip())}" if label else mark(line)) + "\n"


def mark_cell(text: str) -> str:
    return mark(text).replace("|", "\\|")


def mark(text: str) -> str:
    """Text of a help as Markdown: names that a reader types become code, and the rest is escaped."""
    pattern = re.compile("|".join([_CODE, *_COMMANDS, _OPTION, _PERMISSION, _VARIABLE]))
    marked, end = [], 0
    for found in pattern.finditer(text):
        marked += [escape(text[end : found.start()]), f"`{found[0].strip('`')}`"]
        end = found.end()
    return "".join([*marked, escape(text[end:])])


def escape(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*")


_COMMANDS = [
    rf"\b{NAME} {' '.join(path)}(?: --[a-z][a-z-]*)?(?![\w-])"
    for path in sorted(list_command_paths()[1:], key=len, reverse=True)
]
