"""Whether an answer is one that the OpenAPI document describes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "console" / "openapi.json").read_text())
"""Making it takes a second; ``test_the_consoles_copy_is_todays`` compares the committed one with the server's."""

_JSON = "application/json"


def ensure_conforms(method: str, address: str, status: int, content_type: str, content: bytes | str) -> None:
    """An answer of success, or of JSON, fits what its operation is said to answer; what isn't the API's is let pass.

    :raises AssertionError: if it doesn't.
    """
    operation = _find_operation(method, address.partition("?")[0])
    is_success = 200 <= status < 300
    if operation is None or not (is_success or content_type == _JSON):
        return
    answer = operation["responses"].get(str(status))
    assert answer is not None, f"{method} {address} isn't said to answer {status}."
    if content_type == _JSON:
        found = list_misfits(answer["content"][_JSON]["schema"], json.loads(content))
        assert not found, f"{method} {address} answers what the document doesn't tell of: {found}"


def list_misfits(schema: dict[str, Any], value: Any) -> list[str]:
    """Where a value doesn't fit a schema of the document, and why; empty if it does."""
    return [f"{error.json_path}: {error.message}" for error in _validator_of(json.dumps(schema)).iter_errors(value)]


@cache
def _validator_of(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": DOCUMENT["components"]})


def _find_operation(method: str, path: str) -> dict[str, Any] | None:
    """That of the first path that fits, as the server chooses."""
    found = (one for pattern, one in _list_patterns() if pattern.fullmatch(path))
    operations: dict[str, Any] = next((one for one in found if method.lower() in one), {})
    return operations.get(method.lower())


@cache
def _list_patterns() -> tuple[tuple[re.Pattern[str], dict[str, Any]], ...]:
    return tuple(_make_patterns())


def _make_patterns() -> Iterator[tuple[re.Pattern[str], dict[str, Any]]]:
    for path, operations in DOCUMENT["paths"].items():
        yield re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), operations
