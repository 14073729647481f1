"""No creation of a client in Go is sent twice, however late its transport finds out that the request was written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.foreign_clients import GO_BUILD_SECONDS, Go

pytestmark = [pytest.mark.long, pytest.mark.inputs("clients"), pytest.mark.timeout(GO_BUILD_SECONDS)]

CREATIONS = {"CreateOrganizationalUnit", "CreateRole"}


@pytest.mark.parametrize(
    ("count", "in_flight", "is_worst_order"),
    [(40, 1, True), (500, 20, False)],
    ids=["in the worst order", "20 in flight"],
)
def test_no_creation_of_the_sdk_for_go_is_sent_twice(
    stages: Any, count: int, in_flight: int, is_worst_order: bool
) -> None:
    with stages() as stage:
        made = Go(stage.url, stage.home).create(
            stage.keys("management-admin"), count, in_flight=in_flight, is_worst_order=is_worst_order
        )
        received = [request for request in stage.process.requests() if request["operation"] in CREATIONS]
    assert made == {"errors": []}
    assert len(received) == count
