"""The OpenAPI document: its examples are true, its operations bear names, and the console's copy is today's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rootkeeper.api.documents import EXAMPLES_FILE
from tests.functional.api.answer_examples import collect_examples, render
from tests.functional.api.odd_inputs import DOCUMENT

REPOSITORY = Path(__file__).parents[3]
OPERATIONS = {operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()}


def test_the_examples_are_what_the_server_answers() -> None:
    again = "python -m tests.functional.api.answer_examples writes them anew"
    assert EXAMPLES_FILE.read_text() == render(collect_examples()), again


def test_the_examples_stand_in_the_document() -> None:
    for operation_id, example in collect_examples().items():
        answers = OPERATIONS[operation_id]["responses"]
        (usual,) = (answer for status, answer in answers.items() if status.startswith("2"))
        assert usual["content"]["application/json"]["example"] == example


def test_every_operation_has_a_name_of_its_own() -> None:
    assert len(OPERATIONS) == sum(len(path) for path in DOCUMENT["paths"].values())


@pytest.mark.parametrize("name", ["AuditBody", "ExceptionBody", "PlanBody", "SetupBody", "UnlockBody", "WindowBody"])
def test_bodies_that_one_has_to_think_about_have_an_example(name: str) -> None:
    assert DOCUMENT["components"]["schemas"][name]["examples"]


def test_what_comes_again_by_the_same_key_is_told_of_every_changing_request() -> None:
    for path, operations in DOCUMENT["paths"].items():
        operation = operations.get("post")
        if operation is None or operation["x-rootkeeper-access"] == "anybody":
            continue
        assert "Idempotency-Key" in [one["name"] for one in operation["parameters"]], path


def test_the_consoles_copy_is_todays() -> None:
    script = REPOSITORY / "console" / "scripts" / "write_openapi.py"
    checked = subprocess.run([sys.executable, str(script), "--check"], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
