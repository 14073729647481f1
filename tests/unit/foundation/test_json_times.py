"""Moments in JSON documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from rootkeeper.values import json_time


def test_a_moment_is_shown_in_utc_to_the_second() -> None:
    assert json_time(datetime(2026, 1, 15, 9, 0, 0, 999_999, tzinfo=UTC)) == "2026-01-15T09:00:00Z"
    assert json_time(datetime(2026, 1, 15, 11, 0, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-15T09:00:00Z"


def test_what_didnt_happen_has_none() -> None:
    assert json_time(None) is None
