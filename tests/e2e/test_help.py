"""Help answers at once, and small commands import nothing that they don't need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.foreign_clients import clean_environment
from tests.e2e.product import open_rootkeeper

HEAVY = {
    "aiohttp",
    "alembic",
    "asyncio",
    "boto3",
    "botocore",
    "httptools",
    "jinja2",
    "psutil",
    "rfc8785",
    "rich",
    "sqlalchemy",
    "uvicorn",
    "uvloop",
    "yaml",
}
SUBJECTS_OF_HELP = {"cli", "errors", "reports", "untrusted_text", "values"}
UNNEEDED = {
    "OpenSSL",
    "aiohttp",
    "alembic",
    "boto3",
    "cryptography",
    "httptools",
    "jinja2",
    "psutil",
    "pydantic",
    "rfc8785",
    "uvicorn",
    "uvloop",
    "yaml",
}
"""Dependencies without which a command that reads can do its work."""
UNNEEDED_OF_STATUS = UNNEEDED | {
    "rootkeeper.access",
    "rootkeeper.deletion",
    "rootkeeper.exceptions",
    "rootkeeper.jobs",
    "rootkeeper.policy_language",
    "rootkeeper.root_emails",
    "rootkeeper.server",
    "rootkeeper.shipped_policies",
    "rootkeeper.unlock",
    "rootkeeper.worker",
}
"""And subjects that don't concern it."""
NOWHERE = "http://127.0.0.1:9"


def list_imports(environment: Mapping[str, str], *command: str) -> set[str]:
    """Packages that a command has imported at its end; of the product its subjects, too."""
    program = (
        "import sys\n"
        "from rootkeeper.cli.main import main\n"
        f"status = main({command!r})\n"
        "found = {'.'.join(name.split('.')[:depth]) for name in sys.modules for depth in (1, 2)}\n"
        "print(*sorted(found), file=sys.stderr)\n"
        "sys.exit(status)\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert finished.returncode in (0, 1), finished.stderr
    return set(finished.stderr.splitlines()[-1].split())


def test_help_imports_no_heavy_dependency_and_few_subjects(tmp_path: Path) -> None:
    """``bench/small_commands.py`` measures the time."""
    found = list_imports(clean_environment(NOWHERE, tmp_path), "--help")
    assert found & HEAVY == set()
    assert {name.partition(".")[2] for name in found if name.startswith("rootkeeper.")} == SUBJECTS_OF_HELP


def test_commands_that_read_import_only_what_they_need(stages: Any, tmp_path: Path) -> None:
    with stages("--scenario", "demo") as stage:
        environment = open_rootkeeper(stage, tmp_path).environment
        list_imports(environment, "status")  # creates the database, for which it needs more
        found = list_imports(environment, "status")
        assert {"botocore", "sqlalchemy"} <= found
        assert found & UNNEEDED_OF_STATUS == set()
        for command in ("exceptions list", "jobs list -o json", "ledger list", "windows list"):
            assert list_imports(environment, *command.split()) & UNNEEDED == set(), command
