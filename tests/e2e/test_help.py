"""The first thing a newcomer types answers at once, and imports nothing that it doesn't need."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from tests.e2e.foreign_clients import SCRIPTS, clean_environment

RUNS = 5
LONGEST_CPU_SECONDS = 0.3
HEAVY = {"alembic", "boto3", "botocore", "httptools", "psutil", "rfc8785", "sqlalchemy", "uvicorn", "uvloop", "yaml"}
NOWHERE = "http://127.0.0.1:9"


def measure_help(home: Path) -> float:
    """CPU seconds, user and system, of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [str(SCRIPTS / "rootkeeper"), "--help"], check=True, capture_output=True, env=clean_environment(NOWHERE, home)
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_takes_less_than_three_tenths_of_a_second_of_cpu(tmp_path: Path) -> None:
    assert min(measure_help(tmp_path) for _ in range(RUNS)) < LONGEST_CPU_SECONDS


def test_help_imports_no_heavy_dependency(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from rootkeeper.cli.main import main\n"
        "main(['--help'])\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env=clean_environment(NOWHERE, tmp_path),
    )
    assert HEAVY & set(finished.stderr.split()) == set()
