"""A server is ready if all that it needs is good."""

from __future__ import annotations

import pytest

from rootkeeper.worker.health import Readiness, ReadinessCheck


@pytest.mark.parametrize(
    ("goods", "is_ready"), [((), True), ((True, True), True), ((True, False), False), ((False,), False)]
)
def test_one_thing_that_is_not_good_makes_it_not_ready(goods: tuple[bool, ...], is_ready: bool) -> None:
    checks = tuple(ReadinessCheck("database", is_good, "It can be written.") for is_good in goods)
    assert Readiness(checks).is_ready is is_ready
