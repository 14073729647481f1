"""Writes the manual page, ``packaging/rootkeeper.1``, from the help of the commands. ``make docs`` runs it.

The wheel installs it under ``share/man``. It has no date, so that the same program gives the same page.

Source: man(7) of groff; "Conventions for writing Linux man pages", man-pages(7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rootkeeper import __version__
from rootkeeper.cli.main import PROGRAM, RootkeeperGroup
from rootkeeper.cli.outputs import SHARED_PANEL

PAGE = Path(__file__).resolve().parents[2] / "packaging" / "rootkeeper.1"
NAME = "rootkeeper"
SUMMARY = "see, delete and recover root user credentials of an AWS organization"

EXIT_STATUSES = Path(__file__).with_name("exit-statuses.md")
"""Written just before, by ``make_reference.py``."""
_STATUS = re.compile(r"^\| (?P<status>\d+) \| (?P<meaning>.+) \|$", re.MULTILINE)
ENVIRONMENT = {
    "AWS_*": "Credentials, profile, Region and endpoints, as for the AWS CLI.",
    "ROOTKEEPER_*": "Settings, which override those of the file: ROOTKEEPER_DATABASE_URL is database.url.",
    "ROOTKEEPER_SERVER": "The server to use, as with --server.",
    "ROOTKEEPER_TOKEN": "The token for that server, instead of that of rootkeeper login.",
    "NO_COLOR": "If set, no colour is used.",
}
FILES = {
    "~/.local/share/rootkeeper/rootkeeper.db": "The database, unless the setting database.url names another one.",
    "~/.local/share/rootkeeper/rootkeeper.db.mirror.jsonl, rootkeeper.db.anchor.jsonl": "Copies of the ledger.",
    "~/.local/state/rootkeeper": "What is remembered of those copies, and the log of a bug.",
}


def main() -> None:
    PAGE.write_text(render_page(), encoding="utf-8")
    print(f"packaging/{PAGE.name}")


def render_page() -> str:
    """Render the whole page."""
    return "".join(f"{line}\n" for line in _list_lines(PROGRAM))


def _list_lines(program: Any) -> Iterator[str]:
    yield '.\\" Written by docs/reference/make_man_page.py from the program itself: make docs.'
    yield f'.TH {NAME.upper()} 1 "" "{NAME} {__version__}" "User Commands"'
    yield from (".nh", ".ad l", ".SH NAME", f"{NAME} \\- {escape(SUMMARY)}")
    yield from (".SH SYNOPSIS", f".B {NAME}", ".RI [ options ]", ".I command", ".RI [ arguments ]")
    yield from (".SH DESCRIPTION", *_list_paragraphs(program.help))
    yield from (".SH OPTIONS", *_list_options(program.params))
    yield ".SH COMMANDS"
    for name, entry in RootkeeperGroup.entries.items():
        if name == "sandbox":
            yield from (f".SS {NAME} {name}", *_list_paragraphs(f"{entry.line} See {NAME} {name} --help."))
            continue
        command = entry.load()
        yield from _list_command(name, command)
        for subname, subcommand in getattr(command, "commands", {}).items():
            yield from _list_command(f"{name} {subname}", subcommand)
    yield from (".SH EXIT STATUS", *_list_terms(dict(_STATUS.findall(EXIT_STATUSES.read_text(encoding="utf-8")))))
    yield from (".SH ENVIRONMENT", *_list_terms(ENVIRONMENT))
    yield from (".SH FILES", *_list_terms(FILES))
    yield from (".SH SEE ALSO", ".BR aws (1)")


def _list_command(name: str, command: Any) -> Iterator[str]:
    arguments = [one.metavar or one.name.upper() for one in command.params if one.param_type_name == "argument"]
    takes = "" if getattr(command, "commands", None) else " [options]"
    yield f'.SS "{escape(" ".join([NAME, name, *arguments]))}{takes}"'
    yield from _list_paragraphs(command.help)
    yield from _list_options(one for one in command.params if getattr(one, "panel", None) != SHARED_PANEL)


def _list_paragraphs(text: str) -> Iterator[str]:
    """Give each paragraph of a help."""
    first, *further = text.split("\n\n")
    yield escape(first)
    for paragraph in further:
        yield from (".PP", escape(paragraph))


def _list_options(parameters: Iterable[Any]) -> Iterator[str]:
    shown = {
        spell(parameter): parameter.help
        for parameter in parameters
        if getattr(parameter, "help", None) and not getattr(parameter, "hidden", False)
    }
    yield from _list_terms(shown)


def spell(parameter: Any) -> str:
    """Spell an option or argument as it is typed, with what it takes."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    names = ", ".join(sorted(parameter.opts, key=len))
    if parameter.is_flag:
        return names
    return f"{names} {parameter.metavar or 'TEXT'}"


def _list_terms(terms: dict[str, str]) -> Iterator[str]:
    for term, meaning in terms.items():
        yield from (".TP", f".B {escape(term)}".replace("|", "|\\:"), escape(meaning))


def escape(text: str) -> str:
    """Escape what groff would read as its own, in one line."""
    line = re.sub(r"\s+", " ", text).strip().replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return line.replace("'", "\\(aq").replace("`", "\\(ga").replace("~", "\\(ti").replace("^", "\\(ha")


if __name__ == "__main__":
    main()
