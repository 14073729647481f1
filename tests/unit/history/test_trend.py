"""The trend of an organization: the last whole audit of each day, and the windows opened on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from rootkeeper.history.rules import TREND_DAYS, list_trend
from rootkeeper.organization.statuses import KeptAudit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def audit(at: datetime, left: tuple[int | None, int | None], *, is_complete: bool = True) -> KeptAudit:
    return KeptAudit(at.isoformat(), at, at, "AWS", is_complete, "ana", {}, *left)


def test_every_day_is_listed_and_a_day_without_an_audit_is_unknown() -> None:
    days = list_trend([], [], [], NOW)
    assert (len(days), days[0].day, days[-1].day) == (TREND_DAYS, (NOW - 89 * DAY).date(), NOW.date())
    assert {(one.left_known, one.left_unknown, one.windows_opened) for one in days} == {(None, None, 0)}


def test_the_last_whole_audit_of_a_day_counts() -> None:
    morning, evening = NOW.replace(hour=6), NOW.replace(hour=11)
    audits = [audit(evening, (3, 1)), audit(morning, (9, 2)), audit(NOW, (0, 0), is_complete=False)]
    today = list_trend(audits, [], [], NOW)[-1]
    assert (today.left_known, today.left_unknown) == (3, 1)


def test_an_audit_that_counted_nothing_stays_unknown() -> None:
    assert list_trend([audit(NOW, (None, None))], [], [], NOW)[-1].left_known is None


def test_windows_count_on_the_day_in_utc_on_which_they_were_opened() -> None:
    late_in_new_york = datetime(2026, 2, 27, 23, tzinfo=timezone(timedelta(hours=-5)))
    days = {one.day: one.windows_opened for one in list_trend([], [late_in_new_york, NOW, NOW - 200 * DAY], [], NOW)}
    assert days[datetime(2026, 2, 28, tzinfo=UTC).date()] == 1
    assert sum(days.values()) == 2


def test_deletions_count_on_the_day_on_which_they_ended() -> None:
    days = {one.day: one.deletions for one in list_trend([], [], [NOW, NOW, NOW - 3 * DAY], NOW)}
    assert (days[NOW.date()], days[(NOW - 3 * DAY).date()], sum(days.values())) == (2, 1, 3)
