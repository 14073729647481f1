"""The program's start. The page of ``rootkeeper --help`` is drawn already, so it is shown without loading what draws.

Typer draws it in ``docs/reference/make_reference.py``, once without and once with colours, 80 columns wide. Wherever a
variable or the terminal asks for another form, Typer draws it now.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

PLAIN_PAGE = Path(__file__).with_name("help.txt")
COLOURED_PAGE = Path(__file__).with_name("help-coloured.txt")
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
_COLOURLESS_TERMINALS = frozenset({"", "dumb", "unknown"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    page = find_page(sys.stdout, os.environ) if list(given) == ["--help"] else None
    if page is not None:
        # Where stdout can't take it, the whole program says so.
        with suppress(OSError):
            sys.stdout.write(page.read_text(encoding="utf-8"))
            sys.stdout.flush()
            return 0
    from rootkeeper.cli.main import main as run

    return run(arguments)


def find_page(stream: TextIO, environment: Mapping[str, str]) -> Path | None:
    """Find the page for this stream; ``None`` if it has to be drawn."""
    is_utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
    if sys.platform == "win32" or not is_utf8 or FORMS & environment.keys():
        return None
    if not stream.isatty():
        return PLAIN_PAGE
    if environment.get("TERM", "") in _COLOURLESS_TERMINALS or os.get_terminal_size(stream.fileno()).columns < WIDTH:
        return None
    return COLOURED_PAGE
