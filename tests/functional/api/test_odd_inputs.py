"""Odd input to every route that the OpenAPI document names: it is refused or answered, and never a mistake of ours."""

from __future__ import annotations

import json

import pytest

from rootkeeper.access.rules import ServerRole
from tests.api_conformance import DOCUMENT
from tests.fakes.api_services import PAYMENTS_ID
from tests.functional.api.odd_inputs import (
    ODD_BODIES,
    ODD_TEXTS,
    OPERATIONS,
    fill,
    list_fields,
    list_parameters,
    make_bodies,
    quote_any,
)
from tests.functional.api.serving import Answer, ApiServer


def send(api: ApiServer, method: str, path: str, content: bytes | None) -> Answer:
    headers = {"Authorization": f"Bearer {api.token(ServerRole.ADMINISTRATOR)}", "Content-Type": "application/json"}
    return api.send(method, path, content, headers)


def ensure_no_mistake(answer: Answer, about: object) -> None:
    assert answer.status < 500, f"{about!r}: {answer}"
    if answer.status >= 400:
        assert answer.json["status"] == answer.status
        assert "Traceback" not in answer.content.decode()


@pytest.mark.randomized
@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param(method, path, id=f"{method} {path}", marks=[] if place % 4 == 0 else pytest.mark.long)
        for place, (method, path) in enumerate(OPERATIONS)
    ],
)
def test_odd_input_is_never_a_mistake_of_ours(walked: ApiServer, method: str, path: str) -> None:
    if path == "/readyz":
        return
    walked.post("/windows", {"account": "payments", "reason": "restore a bucket"}, ServerRole.ADMINISTRATOR)
    for text in ODD_TEXTS if "{" in path else ():
        ensure_no_mistake(send(walked, method, fill(path, text), b"{}" if method == "POST" else None), text)
    for name in list_parameters(method, path):
        for text in ODD_TEXTS:
            ensure_no_mistake(send(walked, method, f"{fill(path)}?{name}={quote_any(text)}", None), (name, text))
    if method != "POST":
        return
    for content in ODD_BODIES:
        ensure_no_mistake(send(walked, method, fill(path), content), content)
    for body in make_bodies(list_fields(method, path)):
        ensure_no_mistake(send(walked, method, fill(path, PAYMENTS_ID), json.dumps(body).encode()), body)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"])
def test_a_method_that_no_route_has_is_refused(walked: ApiServer, method: str) -> None:
    for path in ("/api/v1/me", "/api/v1/windows", "/healthz"):
        assert send(walked, method, path, None).status == 405


def test_the_document_names_every_demand_and_every_problem() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for operation in operations.values():
            assert operation["x-rootkeeper-access"], path
            assert operation["summary"].endswith("."), path
            is_open = operation["x-rootkeeper-access"] == "anyone"
            assert operation["security"] == ([] if is_open else [{"bearer": []}, {"cookie": []}])
            assert is_open or {"401", "403", "404", "409", "422"} <= set(operation["responses"])
