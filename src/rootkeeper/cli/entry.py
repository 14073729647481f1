"""The program's start. Pages of help are drawn already, so they are shown without loading Typer.

Typer draws them in ``docs/reference/make_reference.py``, 80 columns wide and with colours, which are left out where
stdout isn't a terminal. Wherever a variable or the terminal asks for another form, Typer draws now.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

PAGES = Path(__file__).with_name("help")
WIDTH = 80
FORMS = frozenset(
    {
        "COLUMNS",
        "FORCE_COLOR",
        "GITHUB_ACTIONS",
        "NO_COLOR",
        "PY_COLORS",
        "TERMINAL_WIDTH",
        "TTY_COMPATIBLE",
        "TYPER_USE_RICH",
    }
)
"""Variables by which Typer and Rich choose another width or form."""
_COLLECTION_THRESHOLD = 200_000
"""New objects between two looks for unreachable cycles. Python's 700 makes it look hundreds of times while modules are
imported, which finds nothing.
"""
_COLOURLESS_TERMINALS = frozenset({"", "dumb", "unknown"})
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_WORD = re.compile(r"[a-z][a-z-]*")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    page = _find_page(given)
    if page is not None:
        # Where stdout can't take it, the whole program says so.
        with suppress(OSError):
            sys.stdout.write(page)
            sys.stdout.flush()
            return 0
    gc.set_threshold(_COLLECTION_THRESHOLD)
    from rootkeeper.cli.main import main as run

    status = run(arguments)
    gc.freeze()  # at its exit Python looks for cycles in all that it has, which takes a fifth of a small command's CPU
    return status


def _find_page(arguments: Sequence[str]) -> str | None:
    """Find the page that these arguments ask for, in the form for stdout."""
    *path, last = arguments or [""]
    if last != "--help" or not all(map(_WORD.fullmatch, path)):
        return None
    try:
        page = find_file(path).read_text(encoding="utf-8")
    except OSError:
        return None
    return choose_form(page, sys.stdout, os.environ)


def find_file(path: Sequence[str]) -> Path:
    """Return the file of a command's page; of the program's own without a command."""
    return PAGES / f"{'_'.join(['rootkeeper', *path])}.txt"


def choose_form(page: str, stream: TextIO, environment: Mapping[str, str]) -> str | None:
    """Return a page with or without its colours; ``None`` if it has to be drawn."""
    is_utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
    if sys.platform == "win32" or not is_utf8 or FORMS & environment.keys():
        return None
    if not stream.isatty():
        return _COLOURS.sub("", page)
    if environment.get("TERM", "") in _COLOURLESS_TERMINALS or os.get_terminal_size(stream.fileno()).columns < WIDTH:
        return None
    return page
