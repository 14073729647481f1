"""Pages of help are drawn already: the same pages, at a tenth of the CPU."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from docs.reference.make_reference import draw_pages, list_drawn_paths
from rootkeeper.cli.entry import PAGES, choose_form, find_file, main

PLAIN, COLOURED = "Usage: rootkeeper", "\x1b[1mUsage:\x1b[0m rootkeeper"


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def __init__(self, *, columns: int | None, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self.columns = columns

    def isatty(self) -> bool:
        return self.columns is not None

    def fileno(self) -> int:
        return 1


def test_the_pages_are_as_typer_draws_them() -> None:
    drawn = draw_pages(*list_drawn_paths())
    kept = {file: file.read_text(encoding="utf-8") for file in PAGES.iterdir()}
    assert kept == drawn, "run docs/reference/make_reference.py"


@pytest.mark.parametrize("path", [(), ("windows", "request")])
def test_a_page_without_its_colours_is_as_typer_draws_it_without_colours(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    drawn = draw_pages(path, is_coloured=False)[find_file(path)]
    assert main([*path, "--help"]) == 0
    assert capsys.readouterr().out == drawn


@pytest.mark.parametrize(
    ("columns", "encoding", "environment", "page"),
    [
        (None, "utf-8", {}, PLAIN),
        (None, "UTF8", {"TERM": "dumb"}, PLAIN),
        (None, "latin-1", {}, None),
        (None, "utf-8", {"COLUMNS": "120"}, None),
        (80, "utf-8", {"TERM": "xterm"}, COLOURED),
        (200, "utf-8", {"TERM": "xterm-256color"}, COLOURED),
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
    page: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns or 0, 24)))
    assert choose_form(COLOURED, Terminal(columns=columns, encoding=encoding), environment) == page


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["windows", "request", "--help"]])
def test_help_loads_nothing_that_draws(arguments: list[str]) -> None:
    program = (
        f"import sys; from rootkeeper.cli.entry import main; main({arguments});"
        "print(*sorted({'typer', 'rich', 'rootkeeper.cli.main'} & set(sys.modules)), file=sys.stderr)"
    )
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    environment = kept | {"PYTHONIOENCODING": "utf-8"}
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, encoding="utf-8", env=environment
    )
    assert f"Usage: rootkeeper {' '.join(arguments[:-1])}".strip() in run.stdout
    assert run.stderr.strip() == ""


def test_the_help_of_a_command_loads_no_client_and_no_database() -> None:
    program = (
        "import pkgutil, sys, rootkeeper.cli.commands as commands\n"
        "for found in pkgutil.iter_modules(commands.__path__, f'{commands.__name__}.'): __import__(found.name)\n"
        "print(*sorted({'botocore', 'sqlalchemy', 'aiohttp', 'fastapi', 'jinja2'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == ""


@pytest.mark.parametrize("arguments", [["../entry", "--help"], ["no-such", "--help"], ["status", "--help", "x"]])
def test_no_page_is_shown_for_what_is_no_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    status = main(arguments)
    assert status == (0 if arguments[0] == "status" else 2), capsys.readouterr()


def test_every_other_command_line_goes_to_the_whole_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("rootkeeper ")
