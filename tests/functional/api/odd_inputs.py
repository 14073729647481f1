"""Odd texts, values and bodies, and what the OpenAPI document says can be sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.api_conformance import DOCUMENT
from tests.examples import make_random
from tests.fakes.api_services import PAYMENTS_ID

OPERATIONS = [(method.upper(), path) for path, operations in DOCUMENT["paths"].items() for method in operations]

ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "a\nb",
    "\ud800",
    "ÿ",
    "💥" * 100,
    "x" * 10_000,
    "../../etc/passwd",
    "' OR 1=1 --",
    "%00",
    "-1",
    "1e400",
    "null",
    "<script>alert(1)</script>",
    PAYMENTS_ID,
)
ODD_VALUES: tuple[Any, ...] = (
    *ODD_TEXTS,
    None,
    True,
    0,
    -1,
    2**63,
    2**200,
    1.5,
    [],
    [[]],
    {},
    {"a": {}},
    ["a"] * 1_000,
)
ODD_BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"1",
    b'"text"',
    b"\xff\xfe",
    b"[" * 5_000,
    b'{"a": NaN}',
    b'{"account": "payments", "account": "payments"}',
)


def quote_any(text: str) -> str:
    """For an address, with any text in it."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def fill(path: str, text: str = "none-such") -> str:
    named = path.replace("{account_id}", "{name}").replace("{window_id}", "{name}")
    named = named.replace("{job_id}", "{name}").replace("{audit_id}", "{name}")
    return named.replace("{name}", quote_any(text))


def list_parameters(method: str, path: str) -> list[str]:
    described = DOCUMENT["paths"][path][method.lower()].get("parameters", [])
    return [parameter["name"] for parameter in described if parameter["in"] == "query"]


def list_fields(method: str, path: str) -> dict[str, Any]:
    body = DOCUMENT["paths"][path][method.lower()].get("requestBody")
    if body is None:
        return {}
    schema = body["content"]["application/json"]["schema"]
    for option in schema.get("anyOf", [schema]):
        if "$ref" in option:
            found: dict[str, Any] = DOCUMENT["components"]["schemas"][option["$ref"].rpartition("/")[2]]["properties"]
            return found
    return {}


def make_bodies(fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each field odd in turn, the others as they should be; then some of everything."""
    good: dict[str, Any] = {
        "account": "payments",
        "reason": "restore a bucket",
        "role": "viewer",
        "name": "odd-name",
        "password": "correct horse battery",
        "selection": {"everything": True},
        "kind": "s3",
        "plan_id": "plan-1",
    }
    known = {name: value for name, value in good.items() if name in fields}
    for name in fields:
        for value in ODD_VALUES:
            yield known | {name: value}
    chance = make_random(6)
    for _ in range(20):
        yield {name: chance.choice(ODD_VALUES) for name in fields if chance.random() < 0.7}
