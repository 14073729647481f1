"""Help loads no more than its page needs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

KEPT = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}


def list_loaded(program: str, *packages: str) -> tuple[str, list[str]]:
    """Run a program: what it shows, and which of these packages it has loaded at its end."""
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys\n{program}\nprint(*sorted({set(packages)} & set(sys.modules)), file=sys.stderr)",
        ],
        check=True,
        capture_output=True,
        encoding="utf-8",
        env=KEPT | {"PYTHONIOENCODING": "utf-8"},
    )
    return run.stdout, run.stderr.split()


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["windows", "request", "--help"]])
def test_help_loads_no_rich(arguments: list[str]) -> None:
    shown, loaded = list_loaded(f"from rootkeeper.cli.entry import main; main({arguments})", "rich", "sqlalchemy")
    assert f"Usage: rootkeeper {' '.join(arguments[:-1])}".strip() in shown
    assert loaded == []


def test_the_help_of_a_command_loads_no_client_and_no_database() -> None:
    program = (
        "import pkgutil, rootkeeper.cli.commands as commands\n"
        "for found in pkgutil.iter_modules(commands.__path__, f'{commands.__name__}.'): __import__(found.name)"
    )
    assert list_loaded(program, "botocore", "sqlalchemy", "aiohttp", "fastapi", "jinja2") == ("", [])


@pytest.mark.parametrize(("arguments", "status"), [(["../entry"], 2), (["no-such"], 2), (["status"], 0)])
def test_only_a_command_has_a_page(arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    from rootkeeper.cli.entry import main

    assert main([*arguments, "--help"]) == status, capsys.readouterr()
