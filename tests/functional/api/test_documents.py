"""The OpenAPI document: its examples are true, its operations bear names, and the console's copy is today's."""

from __future__ import annotations

import json
import re
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.server.documents import EXAMPLES_FILE
from tests.api_conformance import DOCUMENT, ensure_conforms, list_misfits
from tests.functional.api.answer_examples import collect_examples, render

REPOSITORY = Path(__file__).parents[3]
JSON = "application/json"
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()}


def list_schemas(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Of its answers of success, as far as they are JSON."""
    answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    return [answer["content"][JSON]["schema"] for answer in answers if JSON in answer.get("content", {})]


def is_described(schema: dict[str, Any]) -> bool:
    """Whether it says which fields there are."""
    kinds = [kind.get("$ref", "").rpartition("/")[2] for kind in schema.get("anyOf", [schema])]
    return all(kind in SCHEMAS and SCHEMAS[kind]["additionalProperties"] is False for kind in kinds)


def outline(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """The names of fields within fields; ``None`` for a value without any."""
    if "$ref" in schema:
        return outline(reduce(lambda found, part: found[part], schema["$ref"].split("/")[1:], document), document)
    if "anyOf" in schema:
        kinds = [outline(kind, document) for kind in schema["anyOf"] if kind != {"type": "null"}]
        return kinds[0] if all(kind == kinds[0] for kind in kinds) else kinds
    if "properties" in schema:
        return {name: outline(field, document) for name, field in schema["properties"].items()}
    return [outline(schema["items"], document)] if "items" in schema else None


def test_the_examples_are_what_the_server_answers() -> None:
    again = "python -m tests.functional.api.answer_examples writes them again"
    assert EXAMPLES_FILE.read_text() == render(collect_examples()), again


def test_the_examples_stand_in_the_document() -> None:
    for operation_id, example in collect_examples().items():
        answers = OPERATIONS[operation_id]["responses"]
        (usual,) = (answer for status, answer in answers.items() if status.startswith("2"))
        assert usual["content"]["application/json"]["example"] == example


def test_the_examples_fit_what_their_operations_are_said_to_answer() -> None:
    for operation in OPERATIONS.values():
        for answer in operation["responses"].values():
            for described in answer.get("content", {}).values():
                if "example" in described:
                    assert list_misfits(described["schema"], described["example"]) == [], operation["operationId"]


def test_every_answer_of_json_is_described() -> None:
    files = {"get_make_findings", "get_make_report"}  # whose formats have schemas of their own
    free = {"get_show_api", "post_ask_passkey", "post_ask_new_passkey"}
    assert {
        name for name, operation in OPERATIONS.items() if not all(map(is_described, list_schemas(operation)))
    } - files == free


def test_what_an_answer_does_not_tell_of_is_no_part_of_it() -> None:
    schema = {"$ref": "#/components/schemas/JobPage"}
    assert list_misfits(schema, {"schema_version": 1, "total": 0, "jobs": [], "next": None}) == []
    assert list_misfits(schema, {"schema_version": 1, "total": 0, "jobs": [], "next": None, "more": 1})
    assert list_misfits(schema, {"schema_version": 1, "total": 0, "jobs": []})


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("ChangedPolicyRecord", "unlock-change"),
        ("PlanRecord", "plan-file"),
        ("HistoryAnswer", "history"),
        ("LedgerEntryRecord", "ledger-entry"),
        ("PreflightRecord", "preflight"),
        ("ShownPolicyRecord", "unlock-policy"),
        ("WindowAnswer", "window"),
    ],
)
def test_what_the_command_line_shows_too_has_the_fields_that_are_published_for_it(name: str, published: str) -> None:
    schema = json.loads((REPOSITORY / "docs" / "reference" / f"{published}.schema.json").read_text())
    assert outline(SCHEMAS[name], DOCUMENT) == outline(schema, schema)


@pytest.mark.parametrize(
    ("address", "status", "content"),
    [("/api/v1/jobs?limit=1", 200, b'{"jobs": []}'), ("/api/v1/jobs/j-1", 201, b"{}"), ("/readyz", 503, b"{}")],
)
def test_an_answer_that_the_document_does_not_tell_of_is_noticed(address: str, status: int, content: bytes) -> None:
    with pytest.raises(AssertionError, match=re.escape(address)):
        ensure_conforms("GET", address, status, "application/json", content)


def test_no_two_things_have_to_share_a_name() -> None:
    assert [name for name in SCHEMAS if not name.isalnum()] == []


def test_every_operation_has_a_name_of_its_own() -> None:
    assert len(OPERATIONS) == sum(len(path) for path in DOCUMENT["paths"].values())


@pytest.mark.parametrize("name", ["AuditBody", "ExceptionBody", "PlanBody", "SetupBody", "UnlockBody", "WindowBody"])
def test_bodies_that_one_has_to_think_about_have_an_example(name: str) -> None:
    assert DOCUMENT["components"]["schemas"][name]["examples"]


def test_the_idempotency_key_is_documented_for_every_changing_request() -> None:
    for path, operations in DOCUMENT["paths"].items():
        operation = operations.get("post")
        if operation is None or operation["x-rootkeeper-access"] == "anyone":
            continue
        assert "Idempotency-Key" in [one["name"] for one in operation["parameters"]], path
