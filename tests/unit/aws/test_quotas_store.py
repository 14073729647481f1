"""Token buckets in the database: shared by processes, safe against clocks that jump."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rootkeeper.aws.pacing import Rate, SqlQuotas
from rootkeeper.composition.database import Database
from tests.fakes.clock import FakeClock
from tests.unit.database.samples import ORGANIZATION_ID

RATE = Rate(per_second=8, burst=12)
CALLER = "111122223333 us-east-1 AWS"


def quotas_of(database: Database, clock: FakeClock, caller: str = CALLER) -> SqlQuotas:
    return database.quotas(ORGANIZATION_ID, caller, clock)


def test_processes_on_one_database_share_a_bucket(database: Database) -> None:
    clock = FakeClock()
    first, second = quotas_of(database, clock), quotas_of(database, clock)
    assert first.draw("organizations:ListAccounts", RATE, 8).tokens == 12
    drawn = second.draw("organizations:ListAccounts", RATE, 8)
    assert drawn.tokens == 4
    assert drawn.wait_seconds(8) == pytest.approx(4 / 8)


@pytest.mark.parametrize(
    ("caller", "quota"), [("222233334444 us-east-1 AWS", "organizations:ListAccounts"), (CALLER, "sts:*")]
)
def test_other_callers_and_other_quotas_have_buckets_of_their_own(database: Database, caller: str, quota: str) -> None:
    clock = FakeClock()
    quotas_of(database, clock).draw("organizations:ListAccounts", RATE, 12)
    assert quotas_of(database, clock, caller).draw(quota, RATE, 1).tokens == 12


def test_a_throttle_slows_every_process_down(database: Database) -> None:
    clock = FakeClock()
    quotas_of(database, clock).slow_down("sts:*", RATE)
    drawn = quotas_of(database, clock).draw("sts:*", RATE, 1)
    assert drawn.per_second == 4
    assert drawn.wait_seconds(1) == pytest.approx(1 / 4)


def test_p15_threads_that_draw_at_once_never_get_a_token_twice(database: Database) -> None:
    clock = FakeClock()
    quotas = quotas_of(database, clock)
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: quotas.draw("sts:*", RATE, 1), range(40)))
    assert sorted(one.tokens for one in drawn) == [pytest.approx(12 - number) for number in range(39, -1, -1)]


def test_a_draw_lasts_for_a_while_since_it_costs_a_transaction(database: Database) -> None:
    assert quotas_of(database, FakeClock()).drawn_ahead_seconds > 0
