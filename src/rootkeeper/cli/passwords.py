"""Where a password comes from: hidden at a terminal, a new one typed twice; a file, stdin.

Never from the command line itself, which other processes can see, and shells remember.
"""

from __future__ import annotations

import getpass
import sys
import warnings
from pathlib import Path

from rootkeeper.cli.rendering.text import printable
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError

_STDIN = Path("-")
_LONGEST_FILE = 4096
_OPTION = "Give it with --password-file FILE, or - for stdin."


def read_new_password(terminal: Terminal, path: Path | None, name: str) -> str:
    """A password for the user of that name; of a file the first line.

    :param path: ``-`` for stdin; ``None`` for a person at the terminal.
    :raises InputError: if it can't be read or asked for, or the two that were typed differ.
    """
    if path is None:
        return _ask_twice(terminal, name)
    try:
        if path == _STDIN:
            return _first_line(sys.stdin.readline(_LONGEST_FILE))
        with path.open(encoding="utf-8") as source:
            return _first_line(source.readline(_LONGEST_FILE))
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", hint=_OPTION) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} isn't text.", hint=_OPTION) from error


def _first_line(text: str) -> str:
    return text.rstrip("\r\n")


def _ask_twice(terminal: Terminal, name: str) -> str:
    if not terminal.can_ask:
        raise InputError("Nobody can be asked for a password here, since this isn't a terminal.", hint=_OPTION)
    password = ask_password(f"New password for {name}:", _OPTION)
    if ask_password("The same again:", _OPTION) != password:
        raise InputError("The two passwords differ.", hint="Try again.")
    return password


def ask_password(question: str, hint: str) -> str:
    """What somebody types at the terminal, where nobody sees it.

    :param hint: how else it can be given.
    :raises InputError: if it would be seen, or nothing is typed any more.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"{printable(question)} ", stream=sys.stderr)
        except (EOFError, getpass.GetPassWarning) as error:
            raise InputError("The password can't be asked for here without showing it.", hint=hint) from error
