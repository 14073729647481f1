from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.aws.clock_offsets import measure_offset, parse_date

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("header", [None, "", "yesterday", "2026-01-15T12:00:00Z"])
def test_what_is_no_date_tells_nothing(header: str | None) -> None:
    assert parse_date(header) is None


@pytest.mark.parametrize("header", ["Thu, 15 Jan 2026 12:00:00 GMT", "Thu, 15 Jan 2026 13:00:00 +0100"])
def test_a_date_header_is_read_in_utc(header: str) -> None:
    assert parse_date(header) == NOON


@pytest.mark.parametrize(
    ("began_seconds", "took_seconds", "offset_seconds"),
    [
        (0, 1, 0),
        (0.9, 0.05, 0),
        (-20, 30, 0),
        (-31, 30, -1),
        (301, 0, 300),
        (-300, 0.5, -299.5),
    ],
)
def test_what_lies_within_the_call_is_no_offset(
    began_seconds: float, took_seconds: float, offset_seconds: float
) -> None:
    began_at = NOON + timedelta(seconds=began_seconds)
    offset = measure_offset(NOON, began_at, timedelta(seconds=took_seconds))
    assert offset.total_seconds() == pytest.approx(offset_seconds)
