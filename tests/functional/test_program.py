"""What holds for every command: help, streams, colours, endings."""

from __future__ import annotations

import subprocess
import sys
from inspect import cleandoc
from pathlib import Path
from typing import Any

import pytest

from rootkeeper import __version__
from rootkeeper.cli.main import RootkeeperGroup
from tests.functional.conversation import converse
from tests.functional.running import Program

WITHOUT_AWS = {"sandbox"}
"""A process of its own, with a help of its own."""


def list_pages() -> list[tuple[str, ...]]:
    """Every command with a help of its own."""
    pages: list[tuple[str, ...]] = []
    for name, entry in RootkeeperGroup.entries.items():
        loaded: Any = entry.load()
        below = getattr(loaded, "commands", None)
        pages += [(name, child) for child in below] if below else [(name,)]
    return [page for page in pages if page[0] not in WITHOUT_AWS]


@pytest.mark.parametrize("page", list_pages(), ids=" ".join)
def test_help_says_what_changes_which_permissions_and_which_exit_statuses(
    page: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    from rootkeeper.cli.main import main

    assert main([*page, "--help"]) == 0
    shown = capsys.readouterr().out
    for heading in ("Changes:", "AWS permissions:", "Exit statuses:"):
        assert heading in shown


@pytest.mark.parametrize("name", RootkeeperGroup.entries)
def test_the_line_of_the_group_s_page_is_the_first_line_of_the_command_s_own(name: str) -> None:
    entry = RootkeeperGroup.entries[name]
    loaded: Any = entry.load()
    assert " ".join(cleandoc(loaded.help).split("\n\n")[0].split()) == entry.line


def test_the_version_is_one_line_on_stdout(program: Program) -> None:
    run = program.run("--version")
    assert (run.status, run.stdout, run.stderr) == (0, f"rootkeeper {__version__}\n", "")


def test_a_pipe_gets_neither_colours_nor_cut_lines(enabled: Program) -> None:
    run = enabled.run("audit", COLUMNS="40")
    assert "\x1b" not in run.stdout + run.stderr
    assert "(password, access key, signing certificate, MFA)" in run.stdout


def test_a_terminal_gets_colours_unless_no_color_is_set(enabled: Program) -> None:
    with converse(enabled, "audit", "--ou", "AnyCompany") as coloured:
        coloured.end()
    with converse(enabled, "audit", "--ou", "AnyCompany", NO_COLOR="1") as plain:
        plain.end()
    assert "\x1b[1;31m" in coloured.raw
    assert "\x1b[1;31m" not in plain.raw
    assert "✗ Present" in plain.text


@pytest.mark.parametrize("columns", ["40", "200"])
def test_narrow_and_wide_terminals_show_every_account(enabled: Program, columns: str) -> None:
    with converse(enabled, "audit", "--ou", "AnyCompany", COLUMNS=columns) as conversation:
        assert conversation.end() == 1
    for account_id in ("700080009000", "800090001000", "900010002000"):
        assert account_id in conversation.text


def test_a_terminal_without_unicode_gets_an_answer_too(enabled: Program) -> None:
    run = enabled.run_alone("audit", "--ou", "AnyCompany", PYTHONIOENCODING="ascii")
    assert run.status == 1, run.shown
    assert "800090001000" in run.stdout


def test_json_stays_json_where_the_stream_knows_no_unicode(program: Program, tmp_path: Path) -> None:
    name = "Zürich 東京 👩"
    add = ("exceptions", "add", "Shop Test", "--owner", name, "--reason", "x", "--until", "30d", "--yes", "-o", "json")
    run = program.run_alone(*add, PYTHONIOENCODING="ascii")
    assert run.status == 0, run.shown
    assert run.stdout.isascii()
    assert run.json["exceptions"][0]["owner"] == name


def test_a_reader_that_goes_away_ends_the_command_without_noise(enabled: Program) -> None:
    with enabled.start("audit", "-o", "jsonl") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        noise = process.stderr.read()
        status = process.wait()
    assert status == 1
    assert "Traceback" not in noise
    assert "Error" not in noise


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_answer_that_cannot_be_written_is_no_good_ending(program: Program) -> None:
    environment = program.surroundings()
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "rootkeeper", "exceptions", "list", "-o", "json"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert finished.returncode == 1
    assert "can't be written" in finished.stderr
    assert "Traceback" not in finished.stderr
