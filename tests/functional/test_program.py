"""What holds for every command: help, streams, colours, endings."""

from __future__ import annotations

import shlex
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


@pytest.mark.parametrize("output", ["jsonl", "table"])
def test_a_reader_that_goes_away_ends_the_command_without_noise(enabled: Program, output: str) -> None:
    with enabled.start("audit", "-o", output) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        noise = process.stderr.read()
        status = process.wait()
    assert status == 141
    assert "Traceback" not in noise
    assert "rror" not in noise


def run_in_bash(program: Program, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in which ``rootkeeper`` is the program; the pipeline has the status of its rightmost failure."""
    start = f'set -o pipefail; rootkeeper() {{ {shlex.quote(sys.executable)} -m rootkeeper "$@"; }};'
    return subprocess.run(
        ["bash", "-c", f"{start} {script}"],
        env=program.surroundings(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("rootkeeper ledger list -o json | true", 141, ""),
        ("rootkeeper ledger list 2>&1 | true", 141, ""),
        ("rootkeeper --help | true", 141, ""),
        ("rootkeeper windows --help | true", 141, ""),
        ("rootkeeper --version | true", 141, ""),
        ("rootkeeper windows > /dev/full", 74, "to stdout: No space left on device."),
        ("rootkeeper ledger list -o json > /dev/full", 74, "to stdout: No space left on device."),
        ("rootkeeper ledger list > /dev/full", 74, "to stdout: No space left on device."),
        ("rootkeeper --help > /dev/full", 74, "to stdout: No space left on device."),
        ("rootkeeper ledger list > /dev/full 2>&1", 74, ""),
        ("rootkeeper windows show w-0000000000 > /dev/full", 2, "w-0000000000"),
        ("rootkeeper ledger export > /dev/full", 74, "to stdout: No space left on device."),
        ("rootkeeper ledger export --out /dev/full", 2, "it is a device or a pipe."),
        ("rootkeeper ledger export --out /dev/stdout | cat", 2, "it is a device or a pipe."),
        ("rootkeeper ledger list >&-", 74, "to stdout: Bad file descriptor."),
        ("rootkeeper --help >&-", 74, "to stdout: Bad file descriptor."),
        ("rootkeeper ledger list <&- >&- 2>&-", 74, ""),
        ("rootkeeper ledger list <&- 2>&- | grep -c exception:add", 0, ""),
        ("rootkeeper ledger list 2> /dev/full | grep -c exception:add", 0, ""),
        ("rootkeeper nonsense 2> /dev/full", 2, ""),
        ("rootkeeper nonsense 2>&1 | true", 2, ""),
    ],
)
def test_an_answer_that_no_one_gets_is_neither_good_nor_bad(
    program: Program, script: str, status: int, said: str
) -> None:
    add = ("exceptions", "add", "Shop Test", "--owner", "Ana", "--reason", "x", "--until", "30d", "--yes")
    assert program.run(*add).status == 0
    ended = run_in_bash(program, script)
    assert ended.returncode == status, ended.stderr
    assert said in ended.stderr
    assert ended.stderr.count("error:") == (1 if said else 0)
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr
