"""The use cases are put together, and load their workflows, when they are asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rootkeeper.acting import spread_pauses
from rootkeeper.windows.checks import make_window_id


@pytest.mark.parametrize(
    ("seconds", "pauses"), [(0, ()), (1, (1,)), (3, (1, 2)), (15, (1, 2, 4, 8)), (10, (1, 2, 4, 3))]
)
def test_pauses_double_and_add_up(seconds: int, pauses: tuple[float, ...]) -> None:
    assert spread_pauses(seconds) == pauses


def test_window_ids_are_short_and_never_the_same() -> None:
    ids = {make_window_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(window_id) == 12 for window_id in ids)


def test_the_gateway_and_the_use_cases_load_no_transport_of_audits_and_no_work_of_a_server() -> None:
    program = (
        "import sys, rootkeeper.aws.gateway, rootkeeper.composition.application, rootkeeper.cli.commands.setup; "
        "print(sorted({'aiohttp', 'rootkeeper.aws.transport', 'rootkeeper.watching.rules',"
        " 'rootkeeper.windows.closing', 'rootkeeper.windows.imports', 'rootkeeper.worker.schedules'}"
        " & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["rootkeeper.cli.main", "rootkeeper.cli.invocation", "rootkeeper.remote.server"])
def test_what_every_command_imports_loads_no_use_case_and_no_client(module: str) -> None:
    program = (
        f"import re, sys, {module}; "
        "heavy = r'(rootkeeper\\..*\\.(service|store|execution|opening|closing)|sqlalchemy|botocore|requests|dbos)$'; "
        "print([name for name in sys.modules if re.fullmatch(heavy, name)])"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"
