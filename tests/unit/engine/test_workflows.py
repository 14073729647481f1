"""What the engine calls jobs."""

from __future__ import annotations

from itertools import islice

import pytest

from rootkeeper.engine.workflows import Sighting, find_next_id, list_ids, parse_job_id


def test_each_attempt_at_a_job_has_an_id_of_its_own() -> None:
    assert find_next_id("j-1", []) == "j-1.1"
    assert find_next_id("j-1", ["j-1.1", "j-1.10", "j-1.2"]) == "j-1.11"
    first, second = islice(list_ids("j-1"), 2)
    assert (first[0], second[-1]) == ("j-1.1", f"j-1.{len(first) + len(second)}")


def test_the_job_is_known_from_the_id() -> None:
    assert parse_job_id("j-0a1b.12") == "j-0a1b"


@pytest.mark.parametrize(
    ("status", "is_enqueued", "is_pending", "is_over"),
    [
        ("ENQUEUED", True, False, False),
        ("DELAYED", True, False, False),
        ("PENDING", False, True, False),
        ("SUCCESS", False, False, True),
        ("ERROR", False, False, True),
        ("CANCELLED", False, False, True),
    ],
)
def test_a_workflow_is_enqueued_begun_or_over(status: str, is_enqueued: bool, is_pending: bool, is_over: bool) -> None:
    one = Sighting("j-1.1", status, None, "jobs", "1", 0, 0)
    assert (one.is_enqueued, one.is_pending, one.is_over) == (is_enqueued, is_pending, is_over)
