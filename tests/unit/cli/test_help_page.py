"""``rootkeeper --help`` is drawn already: the same page, at a tenth of the CPU."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.reference.make_reference import draw_help
from rootkeeper.cli.entry import COLOURED_PAGE, PLAIN_PAGE, find_page, main


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def __init__(self, *, columns: int | None, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self.columns = columns

    def isatty(self) -> bool:
        return self.columns is not None

    def fileno(self) -> int:
        return 1


@pytest.mark.parametrize(("page", "is_coloured"), [(PLAIN_PAGE, False), (COLOURED_PAGE, True)])
def test_the_pages_are_as_typer_draws_them(page: Path, is_coloured: bool) -> None:
    assert page.read_text(encoding="utf-8") == draw_help(is_coloured=is_coloured), (
        "run docs/reference/make_reference.py"
    )


@pytest.mark.parametrize(
    ("columns", "encoding", "environment", "page"),
    [
        (None, "utf-8", {}, PLAIN_PAGE),
        (None, "UTF8", {"TERM": "dumb"}, PLAIN_PAGE),
        (None, "latin-1", {}, None),
        (None, "utf-8", {"COLUMNS": "120"}, None),
        (80, "utf-8", {"TERM": "xterm"}, COLOURED_PAGE),
        (200, "utf-8", {"TERM": "xterm-256color"}, COLOURED_PAGE),
        (79, "utf-8", {"TERM": "xterm"}, None),
        (80, "utf-8", {"TERM": "dumb"}, None),
        (80, "utf-8", {}, None),
        (80, "utf-8", {"TERM": "xterm", "NO_COLOR": "1"}, None),
        (80, "utf-8", {"TERM": "xterm", "TTY_COMPATIBLE": "0"}, None),
        (None, "utf-8", {"TYPER_USE_RICH": "0"}, None),
    ],
)
def test_a_page_is_chosen_for_its_stream_or_drawn(
    columns: int | None,
    encoding: str,
    environment: dict[str, str],
    page: Path | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns or 0, 24)))
    assert find_page(Terminal(columns=columns, encoding=encoding), environment) == page


def test_help_loads_nothing_that_draws() -> None:
    program = (
        "import sys; from rootkeeper.cli.entry import main; main(['--help']);"
        "print(*sorted({'typer', 'rich', 'rootkeeper.cli.main'} & set(sys.modules)), file=sys.stderr)"
    )
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    environment = kept | {"PYTHONIOENCODING": "utf-8"}
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, encoding="utf-8", env=environment
    )
    assert run.stdout == PLAIN_PAGE.read_text(encoding="utf-8")
    assert run.stderr.strip() == ""


def test_the_help_of_a_command_loads_no_client_and_no_database() -> None:
    program = (
        "import pkgutil, sys, rootkeeper.cli.commands as commands\n"
        "for found in pkgutil.iter_modules(commands.__path__, f'{commands.__name__}.'): __import__(found.name)\n"
        "print(*sorted({'botocore', 'sqlalchemy', 'aiohttp', 'fastapi', 'jinja2'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == ""


def test_every_other_command_line_goes_to_the_whole_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("rootkeeper ")
