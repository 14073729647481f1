"""The first thing a newcomer types answers at once, and imports nothing that it doesn't need."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from tests.e2e.foreign_clients import SCRIPTS, clean_environment

RUNS = 5
MOST = 1.5
"""How many times the cost of importing what draws the page the whole page may cost: less than 0.3 s on idle cores. A
bound in seconds would judge what else the machine does.
"""
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
    "sqlalchemy",
    "uvicorn",
    "uvloop",
    "yaml",
}
NOWHERE = "http://127.0.0.1:9"


def measure(home: Path, *command: str) -> float:
    """CPU seconds, user and system, of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=clean_environment(NOWHERE, home))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_costs_little_more_than_what_draws_it(tmp_path: Path) -> None:
    drawing = (sys.executable, "-c", "import typer.rich_utils")
    page = (str(SCRIPTS / "rootkeeper"), "--help")
    costs = [(measure(tmp_path, *page), measure(tmp_path, *drawing)) for _ in range(RUNS)]
    assert min(cost for cost, _ in costs) < MOST * min(cost for _, cost in costs)


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
