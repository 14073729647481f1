"""Credentials are followed through a period from a stream of readings, and times without an audit are measured."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.evidence.periods import (
    FOUR_KINDS,
    LISTED_AUDITS,
    AccountHistory,
    ChangedKind,
    describe_gap,
    find_long_gaps,
    follow_accounts,
    list_coverage_gaps,
    list_forbidden,
)
from rootkeeper.evidence.rules import Period
from rootkeeper.evidence.service import compile_report
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import AccountRole, KeptReading
from tests.fakes.evidence import AUDITED, CLEAN, END, KEYS, NOTHING, PERIOD, START, make_facts

KEY = replace(NOTHING, has_access_keys=True)


def follow(*readings: KeptReading, period: Period = PERIOD) -> AccountHistory:
    return follow_accounts(readings, (), {}, (), (), period)[CLEAN]


def read(days: float, summary: object = NOTHING) -> KeptReading:
    at = START + timedelta(days=days)
    return KeptReading(CLEAN, f"j-{days}", at, summary)  # type: ignore[arg-type]  # a summary


def test_few_audits_are_named_and_of_many_the_first_and_the_last() -> None:
    few = follow(read(0), *(read(day, KEY) for day in range(1, LISTED_AUDITS + 1)), read(50))
    many = follow(read(0), *(read(day, KEY) for day in range(1, LISTED_AUDITS + 2)), read(50))
    assert few.presences[0].audit_ids == tuple(f"j-{day}" for day in range(1, LISTED_AUDITS + 1))
    assert many.presences[0].audit_ids == ("j-1", f"j-{LISTED_AUDITS + 1}")
    assert (few.presences[0].audits, many.presences[0].audits) == (LISTED_AUDITS, LISTED_AUDITS + 1)


def test_kinds_are_followed_apart() -> None:
    (key, password) = follow(read(0), read(1, KEY), read(2, KEYS), read(3, KEY), read(4)).presences[:2][::-1]
    assert (password.kind, password.not_before, password.until) == (
        ChangedKind.PASSWORD,
        START + timedelta(days=1),
        START + timedelta(days=3),
    )
    assert (key.kind, key.first_seen_at, key.until) == (
        ChangedKind.ACCESS_KEYS,
        START + timedelta(days=1),
        START + timedelta(days=4),
    )


def test_a_credential_that_was_always_there_is_a_state() -> None:
    history = follow(read(-1, KEY), read(1, KEY), read(80, KEY))
    assert [one.kind for one in history.presences] == [ChangedKind.ACCESS_KEYS]
    assert history.presences[0].began_before(START)


def test_a_credential_that_only_an_earlier_reading_saw_isnt_of_the_period() -> None:
    assert follow(read(-1, KEY), read(1)).presences == ()


@pytest.mark.parametrize(
    ("role", "is_confirmed", "kinds"),
    [
        (AccountRole.MEMBER, False, FOUR_KINDS),
        (AccountRole.FAILSAFE, False, FOUR_KINDS),
        (AccountRole.FAILSAFE, True, None),
        (AccountRole.MANAGEMENT, False, None),
    ],
)
def test_a_login_that_is_kept_may_have_a_password_that_mfa_guards(
    role: AccountRole, is_confirmed: bool, kinds: frozenset[ChangedKind] | None
) -> None:
    kept = {ChangedKind.ACCESS_KEYS, ChangedKind.SIGNING_CERTIFICATES, ChangedKind.PASSWORD_WITHOUT_MFA}
    assert list_forbidden(role, is_confirmed=is_confirmed) == (kinds or kept)


@pytest.mark.parametrize(
    ("begin", "end", "days"),
    [
        ("2026-08-03T02:00", "2026-08-04T03:00", 0),
        ("2026-08-03T23:59", "2026-08-05T00:01", 1),
        ("2026-08-03T02:00", "2026-08-13T02:00", 9),
        ("2026-08-03T00:00", "2026-08-04T00:00", 1),
    ],
)
def test_a_gap_is_counted_in_whole_days(begin: str, end: str, days: int) -> None:
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begin, end)]
    gap = next(one for one in list_coverage_gaps(moments, PERIOD) if one.start == moments[0])
    assert gap.days == days


def test_gaps_are_listed_the_longest_first_from_the_periods_start_to_its_end() -> None:
    gaps = list_coverage_gaps((START + timedelta(days=10, hours=2), START + timedelta(days=15, hours=2)), PERIOD)
    assert [one.days for one in gaps] == [76, 10, 4], "the last day is whole"
    assert [one.is_first for one in gaps] == [False, True, False]
    assert find_long_gaps(gaps, timedelta(days=10, hours=2)) == gaps[:1]


def test_each_gap_has_its_sentence() -> None:
    (whole,) = list_coverage_gaps((), PERIOD)
    assert describe_gap(whole, PERIOD) == "The period has no complete audit (92 days)."
    gaps = list_coverage_gaps((START + timedelta(days=40, hours=1), START + timedelta(days=90)), PERIOD)
    assert [describe_gap(one, PERIOD) for one in gaps] == [
        "No complete audit from 2026-09-10 to 2026-10-30 (49 days).",
        "The period has no complete audit before 2026-09-10: choose a period that begins then, or wait.",
        "No complete audit from 2026-10-30 to 2026-10-31 (2 days).",
    ]


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_every_reading_lies_in_a_presence_exactly_if_it_shows_the_kind(shown: list[bool]) -> None:
    readings = [read(day, KEY if there else NOTHING) for day, there in enumerate(shown)]
    presences = follow(*readings).presences
    for reading, there in zip(readings, shown, strict=True):
        assert there == any(one.first_seen_at <= reading.observed_at <= one.last_seen_at for one in presences)
    assert sum(one.audits for one in presences) == sum(shown)
    for one in presences:
        assert one.not_before is None or one.not_before < one.first_seen_at
        assert one.until is None or one.last_seen_at < one.until


def test_a_year_of_daily_audits_is_followed_in_little_memory() -> None:
    days, accounts = 365, 300

    def stream() -> Iterator[KeptReading]:
        for number in range(accounts):
            account_id = AccountId(f"{number:012d}")
            for day in range(days):
                summary = KEYS if day < 10 else NOTHING
                yield KeptReading(account_id, f"j-{day}", START + timedelta(days=day), summary)

    period = Period(START, START + timedelta(days=days))
    tracemalloc.start()
    try:
        histories = follow_accounts(stream(), (), {}, (), (), period)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(histories) == accounts
    assert peak < 4_000 * accounts


def test_the_readings_of_the_sample_end_where_the_report_begins() -> None:
    report = compile_report(make_facts(), PERIOD)
    assert report.shown_gaps[0].days == 6
    assert max(AUDITED) <= END
    assert {one.kind for one in report.changes if one.account_id == CLEAN} >= {ChangedKind.ACCESS_KEYS}
